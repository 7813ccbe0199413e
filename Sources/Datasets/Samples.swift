// Owns the samples of one split: pixels kept as they came, one byte each, until a batch wants them as numbers.
import Foundation
import Tensor

/// N samples of one shape, with labels where there are any.
public struct Samples: Sendable {
  /// Sample values, N × sampleShape, row-major.
  public enum Values: Sendable {
    /// Pixels; 0…255 stands for [0, 1].
    case bytes(Data)
    /// Any numbers, as they are.
    case floats(Tensor)
  }

  public let values: Values
  public let sampleShape: [Int]
  public let count: Int
  /// One class per sample, from 0.
  public let labels: [Int32]?

  /// The counts must agree: `count` × `sampleShape` values, `count` labels.
  public init(values: Values, sampleShape: [Int], count: Int, labels: [Int32]?) {
    let size = sampleShape.reduce(1, *)
    switch values {
    case .bytes(let data):
      precondition(data.count == count * size, "BUG: \(data.count) bytes for \(count) samples")
    case .floats(let tensor):
      precondition(tensor.count == count * size, "BUG: \(tensor.shape) for \(count) samples")
    }
    precondition(
      labels.map { $0.count == count } ?? true, "BUG: \(labels!.count) labels for \(count) samples")
    self.values = values
    self.sampleShape = sampleShape
    self.count = count
    self.labels = labels
  }

  /// The most classes that labels may count over: every class is an output of a network. A larger label is an
  /// identifier, or damaged.
  public static let mostClasses = 65_536

  /// Values one sample takes.
  public var sampleSize: Int { sampleShape.reduce(1, *) }

  /// The first `limit` samples, nil for all; a copy only for floats. Fewer than asked for is an error.
  /// - Parameter name: what it calls these samples: `cifar10/train`.
  public func first(_ limit: Int?, of name: String) throws -> Samples {
    guard let limit, limit != count else { return self }
    guard limit < count else {
      throw DatasetError(
        "\(name) has \(count) samples, fewer than the \(limit) asked for; write \(count), or null for all")
    }
    let kept: Values
    switch values {
    case .bytes(let data): kept = .bytes(data.prefix(limit * sampleSize))
    case .floats(let tensor):
      kept = .floats(
        Tensor(shape: [limit] + sampleShape) { out in
          tensor.withUnsafeValues { _ = out.initialize(from: $0.prefix(out.count)) }
        })
    }
    return Samples(
      values: kept, sampleShape: sampleShape, count: limit, labels: labels.map { Array($0.prefix(limit)) })
  }
}
