// Owns what is left of a network's accuracy under attacks: which images each is given, and what counts. It deliberately
// doesn't know how any of them moves an image.

public import Tensor

/// What a network makes of labelled examples that are attacked.
///
/// An image counts as right where the network gets it right as it is and after every restart of every attack (the worst
/// case over a list, as in Croce & Hein 2020). Attacks go in their order, each to the images that are still right. An
/// image that one breaks stays as that one left it; others stay clean: such are the images that `logits` and
/// `referenceLogits` are of.
public struct RobustEvaluation: Sendable {
  /// The share of examples that are right under all attacks.
  public let accuracy: Double
  /// What the network makes of the images as the attacks left them: examples × classes.
  public let logits: Tensor
  /// What the reference makes of the same images: examples × values; nil without a reference.
  public let referenceLogits: Tensor?
  /// One class per example.
  public let labels: [Int32]

  /// How many images are computed at a time. An image's fate doesn't depend on which others are with it.
  private static let group = 32
  /// How many are held, so that what is left of them is attacked in full groups.
  private static let chunk = 1024

  /// Attacks every example against `network`, with running statistics.
  /// - Parameters:
  ///   - reference: a network that is shown the same attacked images.
  ///   - attacks: at least one.
  ///   - progress: is told how many examples are done.
  /// - Throws: `NetworkError` where the images aren't of the networks' size, have no labels or some beyond the network's
  ///   classes, an attack needs more classes, or an output isn't finite; what the source throws.
  public init(
    of network: Network, beside reference: Network? = nil, on source: some ExampleSource,
    attacks: [any AttackMethod], isCancelled: () -> Bool = { false }, progress: (Int) -> Void = { _ in }
  ) throws {
    precondition(!attacks.isEmpty, "BUG: robust against nothing")
    let classes = network.outputShape.count
    try network.requireImages(of: source.shape)
    try reference?.requireImages(of: source.shape)
    try Labels.require(source.classes, within: classes, for: "an attack")
    for attack in attacks { try attack.requireClasses(classes) }
    let attacked = try AttackedPlan(network, group: Self.group, shape: source.shape)
    let plain = try reference?.evaluating.compile(batch: Self.group)

    var labels: [Int32] = []
    var (own, others): ([Float], [Float]) = ([], [])
    var right = 0
    for start in stride(from: 0, to: source.count, by: Self.chunk) {
      let range = start..<min(start + Self.chunk, source.count)
      var images = try AttackedImages(range, of: source, classes: classes)
      try images.judge(through: attacked)
      for attack in attacks {
        for restart in 0..<attack.restarts {
          if isCancelled() { throw CancellationError() }
          try images.attack(by: attack, restart: restart, through: attacked)
        }
      }
      right += images.isRight.count { $0 }
      labels += images.labels
      try images.forEachGroup(of: Array(0..<range.count), through: attacked) { rows in
        try attacked.plan.forward()
        own += attacked.plan.logits[..<(rows.count * classes)]
        guard let plain else { return }
        _ = plain.input.update(fromContentsOf: attacked.buffers.images)
        try plain.forward()
        others += plain.logits[..<(rows.count * plain.logits.count / Self.group)]
      }
      progress(range.upperBound)
    }
    self.labels = labels
    accuracy = labels.isEmpty ? 0 : Double(right) / Double(labels.count)
    logits = Tensor(shape: [labels.count, classes], values: own)
    referenceLogits = reference.map {
      Tensor(shape: [labels.count, $0.outputShape.count], values: others)
    }
  }
}

/// A network that is attacked, compiled, with room for a group of images.
private struct AttackedPlan {
  let plan: Plan
  let name: String
  let buffers: ExampleBuffers

  init(_ network: Network, group: Int, shape: ImageShape) throws {
    plan = try network.evaluating.compile(batch: group, wants: Wants(input: true))
    name = network.segments.last!.name
    buffers = ExampleBuffers(batch: group, shape: shape)
  }
}

/// Some examples on their way through the attacks.
private struct AttackedImages {
  private let first: Int
  private let size: Int
  /// As they are so far.
  private var pixels: [Float]
  let labels: [Int32]
  /// Whether the network has got each right so far.
  private(set) var isRight: [Bool]

  init(_ range: Range<Int>, of source: some ExampleSource, classes: Int) throws {
    let size = source.shape.count
    var labels = [Int32](repeating: 0, count: range.count)
    var pixels = [Float](repeating: 0, count: range.count * size)
    try pixels.withUnsafeMutableBufferPointer { images in
      try labels.withUnsafeMutableBufferPointer {
        try source.fill(range, images: images, labels: $0)
        try Labels.check(UnsafeBufferPointer($0), within: classes)
      }
    }
    first = range.lowerBound
    isRight = Array(repeating: true, count: range.count)
    (self.size, self.pixels, self.labels) = (size, pixels, labels)
  }

  /// Brings rows into the plan's buffers and its input, a group at a time; what is left of the last group is zero.
  func forEachGroup(
    of rows: [Int], through attacked: AttackedPlan, _ body: ([Int]) throws -> Void
  ) throws {
    let buffers = attacked.buffers
    for start in stride(from: 0, to: rows.count, by: attacked.plan.batch) {
      let group = Array(rows[start..<min(start + attacked.plan.batch, rows.count)])
      buffers.images.update(repeating: 0)
      buffers.labels.update(repeating: 0)
      for (place, row) in group.enumerated() {
        _ = UnsafeMutableBufferPointer(rebasing: buffers.images[(place * size)...]).update(
          fromContentsOf: pixels[(row * size)..<((row + 1) * size)])
        buffers.labels[place] = labels[row]
      }
      _ = attacked.plan.input.update(fromContentsOf: buffers.images)
      try body(group)
    }
  }

  /// Notes which images the network gets wrong as they are.
  mutating func judge(through attacked: AttackedPlan) throws {
    var wrong: [Int] = []
    try forEachGroup(of: Array(isRight.indices), through: attacked) { rows in
      wrong += try errors(rows, attacked).map(\.row)
    }
    for row in wrong { isRight[row] = false }
  }

  /// Attacks those that are right still; notes which the network gets wrong then, and keeps what they have become.
  mutating func attack(by attack: any AttackMethod, restart: Int, through attacked: AttackedPlan) throws {
    var broken: [(row: Int, pixels: [Float])] = []
    try forEachGroup(of: isRight.indices.filter { isRight[$0] }, through: attacked) { rows in
      let buffers = attacked.buffers
      let group = AttackedGroup(
        images: buffers.images, clean: buffers.clean, labels: UnsafeBufferPointer(buffers.labels),
        numbers: rows.map { first + $0 })
      try attack.move(group, through: attacked.plan, restart: restart)
      _ = attacked.plan.input.update(fromContentsOf: buffers.images)
      for (place, row) in try errors(rows, attacked) {
        broken.append((row, Array(buffers.images[(place * size)..<((place + 1) * size)])))
      }
    }
    for (row, moved) in broken {
      isRight[row] = false
      pixels.replaceSubrange((row * size)..<((row + 1) * size), with: moved)
    }
  }

  /// Which of a group's rows the network gets wrong, and their places in the group.
  private func errors(_ rows: [Int], _ attacked: AttackedPlan) throws -> [(place: Int, row: Int)] {
    try attacked.plan.forward()
    let classes = attacked.plan.logits.count / attacked.plan.batch
    let logits = UnsafeBufferPointer(rebasing: attacked.plan.logits[..<(rows.count * classes)])
    if let wrong = firstNotFinite(logits) {
      throw NetworkError(
        "\(attacked.name)'s output \(wrong % classes) for image \(first + rows[wrong / classes]) is "
          + "\(logits[wrong]), not a finite number")
    }
    return rows.enumerated().filter { place, row in
      Loss.argMax(logits[(place * classes)..<((place + 1) * classes)]) != Int(labels[row])
    }.map { ($0.offset, $0.element) }
  }
}
