// Owns what two networks make of the same labelled inputs, as measures of outputs read it. What is made of it is in the
// other files of this folder.
public import Tensor

/// The outputs of two networks on the same inputs, which have labels.
public struct PairedOutputs: Sendable {
  /// How many inputs.
  public let count: Int
  public let classes: Int
  /// Softmax outputs of the first network and of the second, count × classes.
  let p: [Double]
  let q: [Double]
  /// The class that each network tells an input to be: the first of the largest logits.
  let told: (p: [Int], q: [Int])
  let labels: [Int]

  /// Pairs logits, count × classes each, of inputs with so many labels.
  /// - Throws: `StitchingError` where shapes differ, there are no inputs, or an output isn't finite.
  public init(_ a: Tensor, _ b: Tensor, labels: [Int32]) throws {
    guard a.shape == b.shape, a.shape.count == 2, a.shape[0] > 0 else {
      throw StitchingError("logits of shapes \(a.shape) and \(b.shape) can't be compared")
    }
    count = a.shape[0]
    classes = a.shape[1]
    guard labels.count == count else {
      throw StitchingError("there are \(labels.count) labels for the outputs of \(count) inputs")
    }
    for logits in [a, b] {
      if let wrong = logits.firstNotFinite {
        throw StitchingError("output \(wrong.index[1]) for input \(wrong.index[0]) is \(wrong.value)")
      }
    }
    self.labels = labels.map(Int.init)
    let (count, classes) = (count, classes)
    (p, told.p) = a.withUnsafeValues { probabilities($0, count, classes) }
    (q, told.q) = b.withUnsafeValues { probabilities($0, count, classes) }
  }

  /// The share of inputs for which something holds.
  func share(where holds: (Int) -> Bool) -> Double {
    Double((0..<count).count(where: holds)) / Double(count)
  }

  /// Goes through the inputs with both networks' probabilities, `classes` each.
  func forEachInput(_ body: (Int, UnsafeBufferPointer<Double>, UnsafeBufferPointer<Double>) -> Void) {
    p.withUnsafeBufferPointer { p in
      q.withUnsafeBufferPointer { q in
        for row in 0..<count {
          let range = (row * classes)..<((row + 1) * classes)
          body(row, UnsafeBufferPointer(rebasing: p[range]), UnsafeBufferPointer(rebasing: q[range]))
        }
      }
    }
  }
}

/// Softmax of each row, and where its first largest logit is.
private func probabilities(
  _ logits: UnsafeBufferPointer<Float>, _ count: Int, _ classes: Int
) -> (values: [Double], told: [Int]) {
  var values = [Double](repeating: 0, count: count * classes)
  var told: [Int] = []
  told.reserveCapacity(count)
  for row in 0..<count {
    let first = row * classes
    var best = 0
    for c in 1..<max(classes, 1) where logits[first + c] > logits[first + best] { best = c }
    told.append(best)
    let largest = Double(logits[first + best])
    var sum = 0.0
    for c in 0..<classes {
      values[first + c] = Elementary.exp(Double(logits[first + c]) - largest)
      sum += values[first + c]
    }
    for c in 0..<classes { values[first + c] /= sum }
  }
  return (values, told)
}
