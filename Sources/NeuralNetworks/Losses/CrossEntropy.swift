// Owns losses on logits: cross-entropy to labels or shares of them, and to another network's output. Sums are in Double, over
// the batch in its order.

import Tensor

/// Losses between a plan's values and their targets. Each returns the loss and, where a buffer is given,
/// writes its gradient there.
public enum Loss {
  /// The mean over the batch of −log softmax(z)[label] (PyTorch's `cross_entropy`).
  /// - Parameters:
  ///   - logits: batch × classes, row-major.
  ///   - labels: one class per row.
  ///   - gradient: batch × classes.
  ///   - weight: what loss and gradient are multiplied by.
  public static func crossEntropy(
    _ logits: UnsafeBufferPointer<Float>, labels: UnsafeBufferPointer<Int32>,
    gradient: UnsafeMutableBufferPointer<Float>? = nil, weight: Double = 1
  ) -> Double {
    let batch = labels.count
    let classes = logits.count / batch
    var total = 0.0
    for row in 0..<batch {
      let z = UnsafeBufferPointer(rebasing: logits[(row * classes)..<((row + 1) * classes)])
      let label = Int(labels[row])
      precondition(label >= 0 && label < classes, "BUG: label \(label) of \(classes) classes")
      let normaliser = logSumExp(z)
      total += normaliser - Double(z[label])
      guard let gradient else { continue }
      for c in 0..<classes {
        let p = Elementary.exp(Double(z[c]) - normaliser)
        gradient[row * classes + c] = Float(weight * (p - (c == label ? 1 : 0)) / Double(batch))
      }
    }
    return weight * total / Double(batch)
  }

  /// The mean over the batch of −Σ t log softmax(z) (PyTorch's `cross_entropy` of class probabilities).
  /// - Parameters:
  ///   - logits: batch × classes, row-major.
  ///   - targets: a probability for each class, batch × classes; each row sums to 1.
  ///   - gradient: batch × classes.
  ///   - smoothing: the share of each target that is spread evenly over all classes (Szegedy et al. 2016; PyTorch's
  ///     `label_smoothing`).
  public static func crossEntropy(
    _ logits: UnsafeBufferPointer<Float>, targets: UnsafeBufferPointer<Float>, batch: Int,
    smoothing: Double = 0, gradient: UnsafeMutableBufferPointer<Float>? = nil
  ) -> Double {
    precondition(logits.count == targets.count, "BUG: \(targets.count) targets for \(logits.count) logits")
    let classes = logits.count / batch
    var total = 0.0
    for row in 0..<batch {
      let z = UnsafeBufferPointer(rebasing: logits[(row * classes)..<((row + 1) * classes)])
      let normaliser = logSumExp(z)
      for c in 0..<classes {
        let t = (1 - smoothing) * Double(targets[row * classes + c]) + smoothing / Double(classes)
        // What no target asks for may be as unlikely as can be.
        if t != 0 { total += t * (normaliser - Double(z[c])) }
        gradient?[row * classes + c] = Float(
          (Elementary.exp(Double(z[c]) - normaliser) - t) / Double(batch))
      }
    }
    return total / Double(batch)
  }

  /// The mean over the rows of KL(softmax p ‖ softmax q), with the gradients of both sides (PyTorch's `kl_div` of
  /// log softmax q to softmax p, `batchmean`).
  /// - Parameters:
  ///   - p: logits, rows × classes.
  ///   - q: logits, rows × classes.
  ///   - weight: what loss and gradients are multiplied by.
  ///   - pGradient: rows × classes; what it holds is added to.
  ///   - qGradient: rows × classes; overwritten.
  static func divergence(
    _ p: UnsafeBufferPointer<Float>, _ q: UnsafeBufferPointer<Float>, rows: Int, weight: Double = 1,
    addingTo pGradient: UnsafeMutableBufferPointer<Float>? = nil,
    gradient qGradient: UnsafeMutableBufferPointer<Float>? = nil
  ) -> Double {
    precondition(q.count <= p.count && q.count % rows == 0, "BUG: \(q.count) logits for \(p.count)")
    let classes = q.count / rows
    var total = 0.0
    for row in 0..<rows {
      let a = UnsafeBufferPointer(rebasing: p[(row * classes)..<((row + 1) * classes)])
      let b = UnsafeBufferPointer(rebasing: q[(row * classes)..<((row + 1) * classes)])
      let (aNormaliser, bNormaliser) = (logSumExp(a), logSumExp(b))
      func logRatio(_ c: Int) -> Double { Double(a[c]) - aNormaliser - (Double(b[c]) - bNormaliser) }
      var divergence = 0.0
      for c in 0..<classes {
        let share = Elementary.exp(Double(a[c]) - aNormaliser)
        divergence += share * logRatio(c)
        qGradient?[row * classes + c] = Float(
          weight * (Elementary.exp(Double(b[c]) - bNormaliser) - share) / Double(rows))
      }
      total += divergence
      guard let pGradient else { continue }
      // ∂/∂aᵢ Σ pⱼ (log pⱼ − log qⱼ) = pᵢ (log pᵢ − log qᵢ − KL).
      for c in 0..<classes {
        let share = Elementary.exp(Double(a[c]) - aNormaliser)
        pGradient[row * classes + c] += Float(weight * share * (logRatio(c) - divergence) / Double(rows))
      }
    }
    return weight * total / Double(rows)
  }

  /// The mean over the batch of KL(softmax t ‖ softmax z), temperature 1 (soft-label matching). Targets are
  /// constants.
  /// - Parameters:
  ///   - logits: batch × classes, row-major.
  ///   - targets: the other network's logits, batch × classes.
  ///   - gradient: batch × classes.
  ///   - weight: what loss and gradient are multiplied by.
  public static func softLabel(
    _ logits: UnsafeBufferPointer<Float>, targets: UnsafeBufferPointer<Float>, batch: Int,
    gradient: UnsafeMutableBufferPointer<Float>? = nil, weight: Double = 1
  ) -> Double {
    precondition(logits.count == targets.count, "BUG: \(targets.count) targets for \(logits.count) logits")
    let classes = logits.count / batch
    var total = 0.0
    for row in 0..<batch {
      let z = UnsafeBufferPointer(rebasing: logits[(row * classes)..<((row + 1) * classes)])
      let t = UnsafeBufferPointer(rebasing: targets[(row * classes)..<((row + 1) * classes)])
      let (zNormaliser, tNormaliser) = (logSumExp(z), logSumExp(t))
      for c in 0..<classes {
        let logQ = Double(z[c]) - zNormaliser
        let logP = Double(t[c]) - tNormaliser
        total += Elementary.exp(logP) * (logP - logQ)
        gradient?[row * classes + c] = Float(
          weight * (Elementary.exp(logQ) - Elementary.exp(logP)) / Double(batch))
      }
    }
    return weight * total / Double(batch)
  }

  /// How many rows have their label as the (first) largest logit; a row with NaN has none.
  /// - Parameters:
  ///   - logits: batch × classes, row-major.
  ///   - labels: one class per row.
  public static func correct(
    _ logits: UnsafeBufferPointer<Float>, labels: UnsafeBufferPointer<Int32>
  ) -> Int {
    let classes = logits.count / max(labels.count, 1)
    return labels.indices.count { row in
      argMax(logits[(row * classes)..<((row + 1) * classes)]) == Int(labels[row])
    }
  }

  /// The place of the first largest value, counted from the slice's start; nil where a value is no number.
  public static func argMax(_ values: Slice<UnsafeBufferPointer<Float>>) -> Int? {
    var best = values.startIndex
    for i in values.indices {
      if values[i].isNaN { return nil }
      if values[i] > values[best] { best = i }
    }
    return best - values.startIndex
  }

  /// log Σ exp z.
  static func logSumExp(_ z: UnsafeBufferPointer<Float>) -> Double {
    let largest = Double(z.max()!)
    var sum = 0.0
    for value in z { sum += Elementary.exp(Double(value) - largest) }
    return largest + Elementary.log(sum)
  }
}
