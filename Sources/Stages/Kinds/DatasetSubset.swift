// Owns the stage kind `dataset/subset`.

import Datasets
import Foundation
import Workflow

struct DatasetSubset: StageKind {
  static let name = "dataset/subset"
  static let summary = "some classes of a dataset, or a share of its images"
  static let discussion = """
    Classes are numbered anew from 0, in the order of the list, and keep their names. Shares are of each class's images, \
    so that classes stay as balanced as they are; which images the seed decides for each class by itself. Parts of one \
    seed whose ranges (from `skip` on, `share` long) don't overlap have no image in common: share: 0.5 with skip: 0 and \
    skip: 0.5 are two halves. Images keep their order.
    """

  @Input("the dataset to take from", .dataset) var data: InputArtifact
  @Parameter("the classes to keep, by name or number; by default all") var classes: [String]? = nil
  @Parameter("the share of each class's training images", .between(0, 1)) var share = 1.0
  @Parameter("the share of them that is passed over before", .between(0, 1)) var skip = 0.0
  @Parameter("the share of each class's test images", .between(0, 1)) var testShare = 1.0
  @Parameter("decides which images", .atLeast(0)) var seed = 0
  @Output("the part", .dataset) var dataset: OutputArtifact

  func validate() throws {
    if let classes, classes.isEmpty {
      throw InvalidParameter("classes", "no class is left; write null for all")
    }
    if let classes, let twice = classes.first(where: { name in classes.count { $0 == name } > 1 }) {
      throw InvalidParameter("classes", "'\(twice)' is written twice")
    }
    for (name, value) in [("share", share), ("test_share", testShare)] where value <= 0 {
      throw InvalidParameter(name, "expected a share above 0")
    }
    guard skip + share <= 1 + 1e-9 else {
      throw InvalidParameter("skip", "\(skip) passed over and \(share) taken are more than there is")
    }
  }

  func run(in context: StageContext) throws {
    for (split, base) in try data.entries {
      let half = try Half(base)
      let numbers = try classes.map { try ClassNames(half.description).numbers($0) }
      let isTrain = half.description.split == .train
      let subset = Subset(
        classes: numbers, share: isTrain ? share : testShare, skip: isTrain ? skip : 0, seed: UInt64(seed))
      if subset.isWhole {
        try dataset.link(split, to: base)
      } else {
        try half.part(subset).write(to: dataset.file(split))
      }
    }
  }
}

extension DatasetSubset: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    guard var facts = foresight.facts(of: "data", DatasetFacts.self) else { return }
    var numbers: [Int]?
    if let classes {
      if facts.isLabelled == false {
        foresight.mistake("data", "\(facts.name) has no labels, so no classes of it can be taken")
      } else if let there = facts.classes {
        let names = ClassNames(dataset: facts.name, count: there, names: facts.classNames)
        var known: [Int] = []
        for (position, name) in classes.enumerated() {
          do { known.append(try names.number(name)) } catch {
            foresight.mistake("classes.\(position)", "\(error)")
          }
        }
        if known.count == classes.count { numbers = known }
      }
      facts.classNames = facts.classNames.flatMap { names in numbers.map { $0.map { names[$0] } } }
      facts.classes = classes.count
    }
    let changes = classes != nil || share < 1 || testShare < 1
    if facts.hasShortcut, changes {
      foresight.mistake(
        "data",
        "\(facts.name) has a shortcut, whose marks go by class and place; take the subset first, then dataset/shortcut "
          + "of it")
    }
    for (half, share) in [("train", share), ("test", testShare)] where classes != nil || share < 1 {
      // How many there are of each class the files say.
      if facts.halves[half] != nil { facts.halves[half]?.samples = nil }
    }
    if changes { facts.source = nil }
    foresight.know("dataset", facts)
  }
}
