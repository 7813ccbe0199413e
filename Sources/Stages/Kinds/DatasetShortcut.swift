// Owns the stage kind `dataset/shortcut`.

import Datasets
import Foundation
import Workflow

struct DatasetShortcut: StageKind {
  static let name = "dataset/shortcut"
  static let summary = "class-coded patches over any dataset of images, painted after augmentation"
  static let discussion = """
    The result names the base images by digest and adds a description of the patch; nothing is copied. Who reads \
    it chooses the marks: marked, rolled (each class gets the next one's) or clean. With correlation below 1 the seed \
    draws the training images that have another class's mark; test images are marked as they are asked for. After \
    FuLA (arXiv 2505.20142).
    """

  @Input("the images to mark", .dataset) var data: InputArtifact
  @Parameter("what the patch shows: a colour for each class, or noise") var content = Shortcut.Content.pixel
  @Parameter("where it stands: a place for each class, or anywhere") var place = Shortcut.Place.class
  @Parameter("width and height; by default an eighth of the image", .atLeast(1), unit: "pixels")
  var size: Int? = nil
  @Parameter(
    "ρ, the share of training images whose mark is their class's; the others have that of another class",
    .between(0, 1)) var correlation = 1.0
  @Parameter("decides colours, places and which images have another class's mark", .atLeast(0)) var seed = 0
  @Output("the marked dataset", .dataset) var dataset: OutputArtifact

  func run(in context: StageContext) throws {
    let shortcut = Shortcut(
      content: content, place: place, size: size, correlation: correlation, seed: UInt64(seed))
    for (split, base) in try data.entries {
      let files = try base.entries
      let description = try Half(files: files.mapValues(\.url)).description
      guard description.shortcut == nil else {
        throw InputError(message: DatasetShortcut.problem(withShortcutOf: description.name))
      }
      let marked = try description.withShortcut(shortcut)
      let folder = try dataset.file(split)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try marked.write(to: folder.appending(path: Half.descriptionFile))
      try dataset.link("\(split)/\(Half.samplesFile)", to: files[Half.samplesFile]!)
    }
  }
}

extension DatasetShortcut {
  private static func problem(withShortcutOf name: String) -> String {
    "\(name) has a shortcut already, and another would take its place; mark the images that it was made of"
  }
}

extension DatasetShortcut: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    guard var facts = foresight.facts(of: "data", DatasetFacts.self) else { return }
    if let shape = facts.shape, shape.count != 3 || facts.isLabelled == false {
      foresight.mistake("data", "a shortcut needs images with labels; \(facts.name) has none")
    } else if let shape = facts.shape, let size, size > min(shape[1], shape[2]) {
      foresight.mistake(
        "size", "a shortcut of \(size) pixels doesn't fit images of \(shape[1]) × \(shape[2])")
    }
    if facts.hasShortcut {
      foresight.mistake("data", DatasetShortcut.problem(withShortcutOf: facts.name))
    }
    facts.hasShortcut = true
    foresight.know("dataset", facts)
  }
}
