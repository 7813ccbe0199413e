// Owns what an attack is to whoever evaluates a network: a way to move images so that it errs. The list of all is
// Attacks.swift; how their verdicts come together is in RobustEvaluation.swift.

/// A way to move images within a ball so that a network errs.
public protocol AttackMethod: Sendable {
  /// How often it is tried, each time from another start.
  var restarts: Int { get }

  /// - Throws: `NetworkError` where it can't attack a network that tells so many classes apart.
  func requireClasses(_ classes: Int) throws

  /// Moves the images of a group. Each is decided by itself: what becomes of it doesn't depend on the others.
  /// - Parameters:
  ///   - plan: a plan of the group's size that wants the input's gradient, taken at its output; frozen, with running
  ///     statistics.
  ///   - restart: counts from 0.
  func move(_ group: AttackedGroup, through plan: Plan, restart: Int) throws
}

extension AttackMethod {
  public func requireClasses(_ classes: Int) throws {}
}

/// As many images as a plan computes at once.
public struct AttackedGroup {
  /// Batch × C × H × W: the clean images before, the moved ones afterwards.
  public let images: UnsafeMutableBufferPointer<Float>
  /// Room for as many floats.
  public let clean: UnsafeMutableBufferPointer<Float>
  /// One an image.
  public let labels: UnsafeBufferPointer<Int32>
  /// The images' numbers in their source, which random starts go by. Where there are fewer than the batch has room
  /// for, what is left of it is filling.
  public let numbers: [Int]

  /// A group in buffers of the caller's.
  public init(
    images: UnsafeMutableBufferPointer<Float>, clean: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeBufferPointer<Int32>, numbers: [Int]
  ) {
    self.images = images
    self.clean = clean
    self.labels = labels
    self.numbers = numbers
  }
}
