// Owns Auto-PGD: gradient ascent with momentum whose steps find their own size. It deliberately doesn't know which
// images are worth attacking, or what becomes of them.

import Tensor

/// Auto-PGD (Croce & Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
/// attacks", ICML 2020, algorithm 1), from a random start in the ball.
///
/// Every image has a step size and a best point of its own. At checkpoint w_j the size is halved, and the image goes
/// back to its best point, where fewer than ρ of the steps since w_{j−1} raised the loss (condition 1), or neither the
/// size nor the best loss has changed since (condition 2). That is decided as soon as x(w_j) is known, as in the
/// authors' program.
public struct APGD: AttackMethod, Hashable {
  /// What it raises.
  public enum Objective: String, Sendable, Hashable {
    case crossEntropy
    case differenceOfLogitsRatio
  }

  /// What it raises.
  public var objective: Objective
  /// Where it looks.
  public var ball: Ball
  /// The number of steps; one pass forward more is made.
  public var steps: Int
  public var restarts: Int
  /// Decides where it starts.
  public var seed: UInt64

  /// α and ρ of algorithm 1.
  private static let momentum: Float = 0.75
  private static let risingShare = 0.75

  /// An attack of the given size.
  /// - Throws: `NetworkError` where a value isn't sensible.
  public init(
    _ objective: Objective, norm: Ball.Norm = .linf, epsilon: Float, steps: Int, restarts: Int = 1,
    seed: UInt64 = 0
  ) throws {
    guard steps >= 1, restarts >= 1 else {
      throw NetworkError("steps (\(steps)) and restarts (\(restarts)) are to be at least 1")
    }
    self.objective = objective
    ball = try Ball(norm, radius: epsilon)
    self.steps = steps
    self.restarts = restarts
    self.seed = seed
  }

  public func requireClasses(_ classes: Int) throws {
    guard objective != .differenceOfLogitsRatio || classes >= 3 else {
      throw NetworkError(
        "apgd_dlr divides by the distance of the largest logit from the third; the network tells \(classes) classes "
          + "apart; take apgd_ce")
    }
  }

  public func move(_ group: AttackedGroup, through plan: Plan, restart: Int) throws {
    _ = group.clean.update(fromContentsOf: group.images)
    let size = plan.input.count / plan.batch
    for (row, number) in group.numbers.enumerated() {
      let stream = Philox(
        seed: seed, purpose: .evaluatedAttackStarts, index: UInt32(truncatingIfNeeded: number))
      let image = UnsafeMutableBufferPointer(rebasing: group.images[(row * size)..<((row + 1) * size)])
      ball.scatter(image, by: stream, at: UInt64(restart) << 32)
    }
    _ = try ascend(group, through: plan)
  }

  /// What became of one image on the way.
  package struct Course: Sendable, Equatable {
    /// The largest loss.
    package var best = -Double.infinity
    /// Whether the network erred at some point.
    package var isBroken = false
    /// How often the step was halved.
    package var halvings = 0

    fileprivate var last = -Double.infinity
    fileprivate var rises = 0
    /// At the last checkpoint.
    fileprivate var bestBefore = -Double.infinity
    fileprivate var wasHalved = false
  }

  /// Attacks from where `images` are, within the ball around `clean`. Leaves each image at the last point at which the
  /// network erred, else at that of the largest loss.
  package func ascend(_ group: AttackedGroup, through plan: Plan) throws -> [Course] {
    let rows = group.numbers.count
    let size = plan.input.count / plan.batch
    let (x, clean) = (group.images, group.clean)
    var courses = [Course](repeating: Course(), count: rows)
    var previous = Array(x[..<(rows * size)])
    var gradient = [Float](repeating: 0, count: rows * size)
    var (best, bestGradient, broken) = (previous, gradient, previous)
    let checkpoints = APGD.checkpoints(of: steps)
    var passed = 0

    for k in 0...steps {
      if k > 0 {
        for row in 0..<rows {
          let range = (row * size)..<((row + 1) * size)
          // The first step has no momentum: α = 1.
          step(
            UnsafeMutableBufferPointer(rebasing: x[range]), &previous, gradient, range,
            clean: UnsafeMutableBufferPointer(rebasing: clean[range]),
            by: 2 * ball.radius / Float(1 << min(courses[row].halvings, 60)),
            share: k == 1 ? 1 : APGD.momentum)
        }
      }
      let judged = try judge(group, through: plan, wantsGradient: k < steps)
      if k < steps {
        _ = gradient.withUnsafeMutableBufferPointer {
          $0.update(fromContentsOf: plan.inputGradient[..<(rows * size)])
        }
      }
      for (row, (loss, isWrong)) in judged.enumerated() {
        let range = (row * size)..<((row + 1) * size)
        if isWrong {
          courses[row].isBroken = true
          broken.replaceSubrange(range, with: x[range])
        }
        if loss > courses[row].last, k > 0 { courses[row].rises += 1 }
        courses[row].last = loss
        if loss > courses[row].best {
          courses[row].best = loss
          best.replaceSubrange(range, with: x[range])
          bestGradient.replaceSubrange(range, with: gradient[range])
        }
        if k == 0 { courses[row].bestBefore = courses[row].best }
      }
      guard k > 0, k < steps, passed < checkpoints.count, k == checkpoints[passed] else { continue }
      let window = k - (passed == 0 ? 0 : checkpoints[passed - 1])
      passed += 1
      for row in 0..<rows where courses[row].isToBeHalved(after: window) {
        let range = (row * size)..<((row + 1) * size)
        _ = UnsafeMutableBufferPointer(rebasing: x[range]).update(fromContentsOf: best[range])
        gradient.replaceSubrange(range, with: bestGradient[range])
      }
    }
    for row in 0..<rows {
      let range = (row * size)..<((row + 1) * size)
      _ = UnsafeMutableBufferPointer(rebasing: x[range]).update(
        fromContentsOf: courses[row].isBroken ? broken[range] : best[range])
    }
    return courses
  }

  /// Losses of the group's images, and which the network gets wrong.
  private func judge(
    _ group: AttackedGroup, through plan: Plan, wantsGradient: Bool
  ) throws -> [(loss: Double, isWrong: Bool)] {
    _ = plan.input.update(fromContentsOf: group.images)
    try plan.forward()
    let classes = plan.logits.count / plan.batch
    plan.logitsGradient.update(repeating: 0)
    let judged = group.numbers.indices.map { row in
      let range = (row * classes)..<((row + 1) * classes)
      let logits = UnsafeBufferPointer(rebasing: plan.logits[range])
      let gradient = UnsafeMutableBufferPointer(rebasing: plan.logitsGradient[range])
      let label = UnsafeBufferPointer(rebasing: group.labels[row...row])
      let loss =
        switch objective {
        case .crossEntropy: Loss.crossEntropy(logits, labels: label, gradient: gradient)
        case .differenceOfLogitsRatio:
          Loss.differenceOfLogitsRatio(logits, label: Int(label[0]), gradient: gradient)
        }
      return (loss, Loss.argMax(logits[...]) != Int(label[0]))
    }
    if wantsGradient { try plan.backward() }
    return judged
  }

  /// x(k+1) = P(x + α (z − x) + (1 − α)(x − x(k−1))), z = P(x + η·direction), P onto ball and box.
  private func step(
    _ x: UnsafeMutableBufferPointer<Float>, _ previous: inout [Float], _ gradient: [Float],
    _ range: Range<Int>,
    clean: UnsafeMutableBufferPointer<Float>, by size: Float, share: Float
  ) {
    let first = range.lowerBound
    let scale: Float
    switch ball.norm {
    case .linf: scale = size
    case .l2:
      let length = gradient[range].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      scale = length > 0 ? Float(Double(size) / length) : 0
    }
    // z, in the place of x(k + 1).
    let here = Array(x)
    for i in x.indices {
      let g = gradient[first + i]
      x[i] += scale * (ball.norm == .l2 ? g : g > 0 ? 1 : g < 0 ? -1 : 0)
    }
    ball.project(x, around: clean)
    for i in x.indices {
      x[i] = here[i] + share * (x[i] - here[i]) + (1 - share) * (here[i] - previous[first + i])
      previous[first + i] = here[i]
    }
    ball.project(x, around: clean)
  }

  /// w_1, w_2, …: w_j = ⌈p_j N⌉, p_0 = 0, p_1 = 0.22, p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06).
  package static func checkpoints(of steps: Int) -> [Int] {
    // In hundredths, which are exact.
    var (before, here) = (0, 22)
    var found: [Int] = []
    while here <= 100 {
      let step = (here * steps + 99) / 100
      if found.last != step { found.append(step) }
      (before, here) = (here, here + max(here - before - 3, 6))
    }
    return found
  }
}

extension APGD.Course {
  /// At a checkpoint, `window` steps after the last: whether to halve the step and go back. The count begins anew.
  fileprivate mutating func isToBeHalved(after window: Int) -> Bool {
    let isStuck = Double(rises) < 0.75 * Double(window)
    let isUnchanged = !wasHalved && best == bestBefore
    (wasHalved, bestBefore, rises) = (isStuck || isUnchanged, best, 0)
    if wasHalved {
      halvings += 1
      last = best
    }
    return wasHalved
  }
}

extension NamedAttack {
  /// Auto-PGD on the cross-entropy.
  public static let apgdCE = NamedAttack(
    name: "apgd_ce", summary: "Auto-PGD on the cross-entropy, from a random start", citation: citation
  ) { try apgd(.crossEntropy, $0) }

  /// Auto-PGD on the difference of logits ratio.
  public static let apgdDLR = NamedAttack(
    name: "apgd_dlr",
    summary: "Auto-PGD on the difference of logits ratio, which doesn't saturate, from a random start",
    citation: citation, leastClasses: 3
  ) { try apgd(.differenceOfLogitsRatio, $0) }

  private static let citation =
    "Croce & Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks, "
    + "ICML 2020"

  private static func apgd(_ objective: APGD.Objective, _ settings: AttackSettings) throws -> APGD {
    guard settings.stepSize == nil, settings.randomStart != false else {
      throw NetworkError(
        "Auto-PGD finds the size of its steps and starts at random; leave step_size and random_start out"
      )
    }
    return try APGD(
      objective, norm: settings.norm, epsilon: settings.epsilon, steps: settings.steps,
      restarts: settings.restarts, seed: settings.seed)
  }
}
