// Owns how tests read stored values and compare with them.

import Formats
import Foundation
import NeuralNetworks
import Tensor
import Testing

/// One file of reference values.
struct Reference {
  private let file: SafetensorsFile

  init(_ name: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: "References"))
    file = try SafetensorsFile(contentsOf: url)
  }

  subscript(name: String) -> Tensor {
    get throws { try file.tensor(name) }
  }

  /// The tensors whose names start with `prefix`, which is cut off.
  func all(_ prefix: String) throws -> [String: Tensor] {
    let names = file.names.filter { $0.hasPrefix(prefix) }
    return try Dictionary(
      uniqueKeysWithValues: names.map { (String($0.dropFirst(prefix.count)), try file.tensor($0)) })
  }

  func labels(_ name: String) throws -> [Int32] { try self[name].values.map { Int32($0) } }
}

/// Expects |a − b| ≤ tolerance · (|b| + s) of every element, where s is b's root mean square: relative for large
/// values, and for small ones absolute on their tensor's own scale.
func expectClose(
  _ a: [Float], _ b: [Float], _ tolerance: Float = 1e-5, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(a.count == b.count, "\(what): \(a.count) values", sourceLocation: sourceLocation)
  let scale = Float((b.reduce(0) { $0 + Double($1) * Double($1) } / Double(b.count)).squareRoot())
  let errors = zip(a, b).map { abs($0 - $1) / max(abs($1) + scale, .leastNormalMagnitude) }
  let worst = errors.reduce(0) { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }
  #expect(worst <= tolerance, "\(what): off by \(worst), scale \(scale)", sourceLocation: sourceLocation)
}

extension Segment {
  /// A segment of one layer with the named values.
  static func single(
    _ kind: SingleLayer, input: [Int], frozen: Bool = false, statistics: BatchNormStatistics = .running,
    _ values: [String: Tensor] = [:]
  ) -> Segment {
    .single(kind, input: input, frozen: frozen, statistics: statistics) { name, _ in values[name]! }
  }
}

extension Array<Int32> {
  func withLabels<R>(_ body: (UnsafeBufferPointer<Int32>) throws -> R) rethrows -> R {
    try withUnsafeBufferPointer(body)
  }
}

/// Reproducible values, roughly normal.
func noise(_ shape: [Int], seed: UInt64, scale: Float = 1) -> Tensor {
  let random = Philox(seed: seed, purpose: .tests)
  return Tensor(
    shape: shape,
    values: (0..<shape.reduce(1, *)).map { i in
      var sum: Float = -2
      for k in 0..<4 { sum += random.uniform(at: UInt64(4 * i + k)) }
      return scale * 1.7 * sum
    })
}

// E: it was absolute for values below 1, so that gradients of 1e-4 were hardly compared.
@Test func smallValuesAreComparedOnTheirOwnScale() {
  expectClose([1e-4, 2e-4], [1e-4, 2.000_01e-4])
  expectClose([0, 1000], [0.001, 1000])
  withKnownIssue { expectClose([1.001e-4, 2e-4], [1e-4, 2e-4]) }
  withKnownIssue { expectClose([.nan], [1]) }
  withKnownIssue { expectClose([1], [.nan]) }
}
