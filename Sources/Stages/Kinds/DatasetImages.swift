// Owns the stage kind `dataset/images`.

import Datasets
import Foundation
import Workflow

struct DatasetImages: StageKind {
  static let name = "dataset/images"
  static let threads = ThreadUse.any
  static let summary = "one's own PNG and JPEG files, a folder for each class"
  static let discussion = """
    Takes train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png for all, of which test_share of each class are test \
    images, drawn by the seed. Classes are in the order of their names. With `size`, images become squares: the shorter \
    side is scaled to it (by area where it gets smaller, bilinear where larger), then the middle is taken. Without, all \
    must be of one size. Transparent pixels lie on black.
    """

  enum Colour: String, ParameterChoice { case rgb, grey }

  @ExternalInput(
    "folder with train/ and test/, or with the classes", matching: "**/*.png", "**/*.jpg", "**/*.jpeg")
  var path: URL
  @Parameter(
    "width and height that images are brought to; by default they stay", .between(1, 4096), unit: "pixels")
  var size: Int? = nil
  @Parameter("three channels, or one") var colour = Colour.rgb
  @Parameter("the share of test images, where the folder has no train/ and test/", .between(0, 1))
  var testShare = 0.2
  @Parameter("what to call it") var title = "images"
  @Parameter("decides which images are test images", .atLeast(0)) var seed = 0
  @Output("the dataset", .dataset) var dataset: OutputArtifact

  private var channels: Int { colour == .rgb ? 3 : 1 }

  func run(in context: StageContext) throws {
    try ImageFolder(path, testShare: testShare, seed: UInt64(seed)).dataset(
      name: title, size: size, channels: channels, progress: { context.progress($0) }
    ).writeDataset(to: dataset)
  }
}

extension DatasetImages: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    guard let path = foresight.file("path") else { return }
    do {
      let folder = try ImageFolder(path, testShare: testShare, seed: UInt64(seed))
      let first = try folder.firstSize
      var halves: [String: DatasetFacts.Half] = [:]
      for split in Split.allCases {
        if let count = folder.count(split) { halves[split.rawValue] = .init(samples: count) }
      }
      foresight.know(
        "dataset",
        DatasetFacts(
          name: title, shape: [channels, size ?? first.height, size ?? first.width],
          classes: folder.classes.count, classNames: folder.classes, isLabelled: true, halves: halves,
          source: path.path))
    } catch { foresight.mistake("path", "\(error)") }
  }
}
