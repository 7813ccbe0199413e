// Owns what is known of a dataset before anything runs. No stage that runs has to do with it.

import Workflow

/// What is known of a dataset before it is made. Nil stands for what isn't known.
struct DatasetFacts: ArtifactFacts {
  /// For messages.
  var name: String
  /// One sample's: C × H × W for images.
  var shape: [Int]?
  /// How many classes labels count over.
  var classes: Int?
  /// What they are called.
  var classNames: [String]? = nil
  var isLabelled: Bool?
  /// By the half's name; one that isn't there isn't here.
  var halves: [String: Half]
  /// Whether class-coded marks are painted over it.
  var hasShortcut = false
  /// Where the samples come from: two halves that differ in nothing but their names have other samples. Nil where that
  /// isn't known, and then nothing is said of it.
  var source: String?

  struct Half: Hashable {
    var samples: Int?
  }

  /// C×H×W, as messages spell it.
  static func spelled(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
}
