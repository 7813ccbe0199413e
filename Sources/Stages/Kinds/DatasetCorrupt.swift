// Owns the stage kind `dataset/corrupt`.

import Datasets
import Foundation
import Workflow

struct DatasetCorrupt: StageKind {
  static let name = "dataset/corrupt"
  static let summary = "a dataset whose images are blurred, flattened, shuffled in patches or noisy"
  static let discussion = """
    Done in this order: blur (Gaussian, the border's pixels beyond it), contrast (differences from the image's own mean \
    are multiplied), patches (an image's k by k patches change places, anew for each image), noise (Gaussian). Then \
    images are clipped to [0, 1], and pixels rounded. Labels stay. `share` leaves the others as they are: outliers.
    """

  @Input("the images", .dataset) var data: InputArtifact
  @Parameter("standard deviation of the blur; 0: none", .between(0, 64), unit: "pixels") var blur = 0.0
  @Parameter("factor of contrast; 1: as it is", .between(0, 16)) var contrast = 1.0
  @Parameter("patches on a side that are permuted; 1: none", .between(1, 256)) var patches = 1
  @Parameter("standard deviation of the noise, pixels being in [0, 1]; 0: none", .between(0, 8)) var noise =
    0.0
  @Parameter("the share of images it is done to", .between(0, 1)) var share = 1.0
  @Parameter("which half it is done to") var half = Halves.both
  @Parameter("decides images, patches and noise", .atLeast(0)) var seed = 0
  @Output("the corrupted dataset", .dataset) var dataset: OutputArtifact

  private var corruption: Corruption {
    Corruption(
      blur: blur, contrast: contrast, patches: patches, noise: noise, share: share, seed: UInt64(seed))
  }

  func run(in context: StageContext) throws {
    for (split, base) in try data.entries {
      if corruption.isNothing || !half.contains(Split(rawValue: split)!) {
        try dataset.link(split, to: base)
      } else {
        try Half(base).corrupted(corruption).write(to: dataset.file(split))
      }
    }
  }
}

extension DatasetCorrupt: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    guard var facts = foresight.facts(of: "data", DatasetFacts.self) else { return }
    if let shape = facts.shape {
      if shape.count != 3 {
        foresight.mistake(
          "data", "\(facts.name) has samples of shape \(shape); only images can be corrupted")
      } else if let problem = corruption.problem(withImagesOf: shape) {
        foresight.mistake("patches", "\(facts.name): \(problem)")
      }
    }
    facts.source = nil
    foresight.know("dataset", facts)
  }
}
