// Owns the schedule that is none.

/// The same rate throughout.
public struct ConstantSchedule: Schedule, Hashable {
  /// The schedule.
  public init() {}

  public func factor(at clock: TrainingClock) -> Double { 1 }
  public var dependsOnLength: Bool { false }
}
