// Owns the stage kind `dataset/mix`.

import Datasets
import Foundation
import Workflow

struct DatasetMix: StageKind {
  static let name = "dataset/mix"
  static let summary = "several datasets of one shape as one"
  static let discussion = """
    Takes a share, or a count, of each dataset's images, drawn by the seed, in an order that the seed decides. Labels \
    mean the same classes in all (shared), or each dataset has its own, numbered one after the other (separate). The \
    half that isn't mixed is the first dataset's.
    """

  @Input("the datasets to mix", .dataset) var data: [InputArtifact]
  @Parameter("the share to take of each, in their order; by default all", .between(0, 1))
  var shares: [Double]? = nil
  @Parameter("how many images to take of each, in their order", .atLeast(0)) var counts: [Int]? = nil
  @Parameter("which halves to mix") var half = Halves.both
  @Parameter("whether labels mean the same classes") var labels = Mix.Labels.shared
  @Parameter("what to call it") var title = "mix"
  @Parameter("decides which images, and their order", .atLeast(0)) var seed = 0
  @Output("the mix", .dataset) var dataset: OutputArtifact

  func validate() throws {
    if shares != nil, counts != nil {
      throw InvalidParameter("counts", "shares are given already; leave one of them out")
    }
    if labels == .separate, half != .both {
      throw InvalidParameter("labels", "separate labels want both halves mixed; write half: both")
    }
    if let shares, shares.reduce(0, +) <= 0 { throw InvalidParameter("shares", "nothing is taken of any") }
    if let counts, counts.reduce(0, +) <= 0 { throw InvalidParameter("counts", "nothing is taken of any") }
  }

  func run(in context: StageContext) throws {
    try requireAsMany(data.count)
    let mix = Mix(labels: labels, seed: UInt64(seed))
    for split in Split.allCases {
      let halves = try data.map { try $0.entries[split.rawValue] }
      guard half.contains(split) else {
        if let first = halves[0] { try dataset.link(split.rawValue, to: first) }
        continue
      }
      let there = halves.compactMap { $0 }
      if there.isEmpty { continue }
      guard there.count == halves.count else {
        throw InputError(
          message: "only some of the datasets have a half '\(split)'; write half: to mix the other")
      }
      let opened = try there.map { try Half($0) }
      let taken = try opened.enumerated().map {
        try count(of: $1.description.count, in: $0, $1.description.name)
      }
      try mix.half(opened, counts: taken, name: title).write(to: dataset.file(split.rawValue))
    }
  }

  /// How many to take of `there` in the dataset of that position.
  private func count(of there: Int, in position: Int, _ name: String) throws -> Int {
    if let counts {
      guard counts[position] <= there else {
        throw InputError(
          message: "\(name) has \(there) samples, fewer than the \(counts[position]) asked for")
      }
      return counts[position]
    }
    return Int(((shares?[position] ?? 1) * Double(there)).rounded())
  }

  private func requireAsMany(_ datasets: Int) throws {
    guard let written = shares?.count ?? counts?.count, written != datasets else { return }
    throw InputError(
      message:
        "\(written) \(shares == nil ? "counts" : "shares") for \(datasets) datasets; write one for each")
  }
}

extension DatasetMix: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    // Members that look the same are told once, so how many there are isn't known here.
    let members = foresight.members(of: "data").compactMap { $0.facts(DatasetFacts.self) }
    guard let first = members.first, members.count == foresight.members(of: "data").count else { return }
    for other in members {
      if let a = first.shape, let b = other.shape, a != b {
        foresight.mistake(
          "data",
          "\(other.name) has samples of shape \(DatasetFacts.spelled(b)), \(first.name) of "
            + "\(DatasetFacts.spelled(a)); only samples of one shape are mixed")
      }
      if labels == .shared, let a = first.classes, let b = other.classes,
        a != b || (first.classNames != nil && other.classNames != nil && first.classNames != other.classNames)
      {
        foresight.mistake(
          "data",
          "\(other.name) has other classes than \(first.name); labels: separate numbers them one after the other"
        )
      }
      if other.hasShortcut {
        foresight.mistake(
          "data", "\(other.name) has a shortcut, which can't be mixed; apply dataset/shortcut to the mix")
      }
    }
    var halves = first.halves
    for split in Split.allCases where half.contains(split) && halves[split.rawValue] != nil {
      halves[split.rawValue]?.samples = counts?.reduce(0, +)
    }
    let isShared = labels == .shared
    foresight.know(
      "dataset",
      DatasetFacts(
        name: title, shape: first.shape, classes: isShared ? first.classes : nil,
        classNames: isShared ? members.lazy.compactMap(\.classNames).first : nil,
        isLabelled: first.isLabelled, halves: halves, source: nil))
  }
}
