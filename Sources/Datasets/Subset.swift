// Owns parts of a dataset: some of its classes, some of each class's samples.
import Foundation
import Tensor

/// Which samples of a half to keep.
public struct Subset: Sendable, Hashable {
  /// The classes to keep, by their numbers; they are numbered anew, in this order. nil: all, as they are.
  public var classes: [Int]?
  /// The share of each class's samples, in (0, 1], in an order that the seed decides.
  public var share: Double
  /// The share that is passed over before: parts with `skip` 0 and 0.5 of `share` 0.5 have no sample in common.
  public var skip: Double
  public var seed: UInt64

  public init(classes: [Int]? = nil, share: Double = 1, skip: Double = 0, seed: UInt64 = 0) {
    self.classes = classes
    self.share = share
    self.skip = skip
    self.seed = seed
  }

  /// Whether it keeps all of a half as it is.
  public var isWhole: Bool { classes == nil && share == 1 }
}

extension Half {
  /// A part of it, the samples in the order that they have. What is drawn of a class depends on nothing but that class.
  public func part(_ subset: Subset) throws -> Half {
    if subset.isWhole { return self }
    guard description.shortcut == nil else {
      throw DatasetError(
        "\(description.name) has a shortcut, whose marks go by class and place; take the subset first, then "
          + "dataset/shortcut of it")
    }
    guard samples.labels != nil || subset.classes == nil else {
      throw DatasetError("\(description.name) has no labels, so no classes of it can be taken")
    }
    let old = samples.labels ?? [Int32](repeating: 0, count: samples.count)
    let there = samples.labels == nil ? 1 : description.classes
    let kept = subset.classes ?? Array(0..<there)
    if let wrong = kept.first(where: { !(0..<there).contains($0) }) {
      throw DatasetError("\(description.name) has no class \(wrong); it has 0…\(there - 1)")
    }
    var members = [[Int]](repeating: [], count: there)
    for (index, label) in old.enumerated() { members[Int(label)].append(index) }

    var chosen: [Int] = []
    var newLabel: [Int: Int32] = [:]
    for (new, label) in kept.enumerated() {
      newLabel[label] = Int32(new)
      let count = members[label].count
      let order = Philox(
        seed: subset.seed, purpose: .subset, index: UInt32(2 * label + (description.split == .test ? 1 : 0))
      ).permutation(of: count)
      let from = Int((subset.skip * Double(count)).rounded())
      let to = min(count, Int(((subset.skip + subset.share) * Double(count)).rounded()))
      guard from < to || (count == 0 && subset.classes == nil) else {
        throw DatasetError(
          "nothing is left of class \(description.spelled(label)) of \(description.name): it has \(count) "
            + "samples, share \(subset.share) of them is wanted"
            + (subset.skip > 0 ? ", after \(subset.skip)" : "")
        )
      }
      chosen += order[from..<max(from, to)].map { members[label][$0] }
    }
    chosen.sort()
    let labels = samples.labels.map { labels in chosen.map { newLabel[Int(labels[$0])]! } }
    return Half(
      of: description.dataset, description.split,
      classes: samples.labels == nil ? 0 : kept.count,
      classNames: description.classNames.map { names in kept.map { names[$0] } },
      samples: Samples(
        values: samples.values(at: chosen), sampleShape: samples.sampleShape, count: chosen.count,
        labels: labels))
  }
}

extension HalfDescription {
  /// A class as messages call it.
  func spelled(_ label: Int) -> String { classNames.map { "'\($0[label])'" } ?? "\(label)" }
}

extension Samples {
  /// The values of some samples, in that order.
  func values(at indices: [Int]) -> Values {
    switch values {
    case .bytes(let data):
      var out = Data(count: indices.count * sampleSize)
      out.withUnsafeMutableBytes { out in
        data.withUnsafeBytes { bytes in
          for (row, index) in indices.enumerated() {
            UnsafeMutableRawBufferPointer(rebasing: out[(row * sampleSize)...]).copyMemory(
              from: UnsafeRawBufferPointer(rebasing: bytes[(index * sampleSize)..<((index + 1) * sampleSize)])
            )
          }
        }
      }
      return .bytes(out)
    case .floats(let tensor):
      return .floats(
        Tensor(shape: [indices.count] + sampleShape) { out in
          tensor.withUnsafeValues { values in
            for (row, index) in indices.enumerated() {
              (out.baseAddress! + row * sampleSize).initialize(
                from: values.baseAddress! + index * sampleSize, count: sampleSize)
            }
          }
        })
    }
  }
}
