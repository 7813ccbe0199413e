// Folders of one's own images: which files are in the key.

import Canonical
import Foundation
import Testing

@Suite struct ImageFolderTests {
  /// PNG files of 2×2 pixels.
  private static let red = Data(
    base64Encoded: "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4"
      + "z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==")!
  private static let blue = Data(
    base64Encoded: "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAD0lEQVR4nGNg"
      + "YPgPRmAKABf2A/1+6zfzAAAAAElFTkSuQmCC")!

  @Test("the images in the folders of classes count, and nothing else does")
  func whatCounts() throws {
    let project = try Project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        images: { uses: dataset/images, with: { path: pics } }
      """)
    func put(_ image: Data, _ path: String) throws {
      let file = project.root.appending(path: path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try image.write(to: file)
    }
    func isComputed() throws -> Bool {
      let run = try project.bobbin("run", "p.yaml", "--json")
      #expect(run.status == 0, "\(run.errors)")
      return try run.json["executed"] == 1
    }
    for name in ["cat", "dog"] {
      for i in 0..<5 { try put(Self.red, "pics/\(name)/\(i).png") }
    }
    #expect(try isComputed())
    #expect(try !isComputed())
    for (path, counts) in [
      ("pics/cat/0.png", true), ("pics/dog/more.PNG", true), ("pics/dog/more.Png", true),
      ("pics/readme.txt", false), ("pics/dog/notes.txt", false), ("pics/dog/.hidden.png", false),
    ] {
      try put(Self.blue, path)
      #expect(try isComputed() == counts, "\(path)")
    }
    // A class may lie elsewhere, and a link may lead back.
    for i in 0..<5 { try put(Self.blue, "elsewhere/\(i).jpg.png") }
    try FileManager.default.createSymbolicLink(
      at: project.root.appending(path: "pics/cow"),
      withDestinationURL: project.root.appending(path: "elsewhere"))
    #expect(try isComputed())
    try FileManager.default.createSymbolicLink(
      at: project.root.appending(path: "elsewhere/all"),
      withDestinationURL: project.root.appending(path: "pics"))
    _ = try isComputed()
    try put(Self.red, "elsewhere/0.jpg.png")
    #expect(try isComputed())
  }
}
