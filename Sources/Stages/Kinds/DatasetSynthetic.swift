// Owns the stage kind `dataset/synthetic`.

import Datasets
import Workflow

struct DatasetSynthetic: StageKind {
  static let name = "dataset/synthetic"
  static let summary = "procedural 32×32 colour textures in ten classes, no download needed"

  @Parameter("training images", .atLeast(10)) var train = 4000
  @Parameter("test images", .atLeast(10)) var test = 1000
  @Parameter("decides every image", .atLeast(0)) var seed = 0
  @Parameter("scales noise up and contrast down; 0 is free of noise", .between(0, 10)) var difficulty = 1.0
  @Output("the dataset", .dataset) var dataset: OutputArtifact

  func run(in context: StageContext) throws {
    try SyntheticImages(train: train, test: test, seed: UInt64(seed), difficulty: difficulty).dataset()
      .writeDataset(to: dataset)
  }
}

extension DatasetSynthetic: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    foresight.know(
      "dataset",
      DatasetFacts(
        name: "synthetic", shape: [3, 32, 32], classes: 10, isLabelled: true,
        halves: ["train": .init(samples: train), "test": .init(samples: test)],
        source: "synthetic, seed \(seed), difficulty \(difficulty)"))
  }
}
