// Owns the stage kind `dataset/shortcut`.

import Datasets
import Foundation
import Workflow

struct DatasetShortcut: StageKind {
  static let name = "dataset/shortcut"
  static let summary = "class-coded patches over any dataset of images, painted after augmentation"
  static let discussion = """
    The result names the base images by digest and adds a description of the patch; nothing is copied. Who reads \
    it chooses the marks: marked, rolled (each class gets the next one's) or clean. After FuLA (arXiv 2505.20142).
    """

  @Input("the images to mark", .dataset) var data: InputArtifact
  @Parameter("what the patch shows: a colour for each class, or noise") var content = PatchContent.pixel
  @Parameter("where it stands: a place for each class, or anywhere") var place = PatchPlace.class
  @Parameter("width and height; by default an eighth of the image", .atLeast(1), unit: "pixels")
  var size: Int? = nil
  @Parameter("decides colours and places", .atLeast(0)) var seed = 0
  @Output("the marked dataset", .dataset) var dataset: OutputArtifact

  func run(in context: StageContext) throws {
    let shortcut = Shortcut(
      content: Shortcut.Content(rawValue: content.rawValue)!,
      place: Shortcut.Place(rawValue: place.rawValue)!,
      size: size, seed: UInt64(seed))
    let marked = try Dataset(data).withShortcut(shortcut)
    try marked.description.encode().write(to: try dataset.file(DatasetDescription.fileName))
    for (name, entry) in try data.entries where name != DatasetDescription.fileName {
      try dataset.link(name, to: entry)
    }
  }
}

enum PatchContent: String, ParameterChoice { case pixel, random }
enum PatchPlace: String, ParameterChoice { case `class`, random }
