// Owns what an update rule is: a value with its constants, and one function over a run of parameters. What it
// remembers between steps is Optimiser.swift's.

/// How a step moves parameters, with its constants; the learning rate comes with each step.
public protocol OptimiserRule: Sendable {
  /// What it remembers of each parameter, by name; zero at first.
  var moments: [String] { get }
  /// Numbers whose t-th powers step t needs, from t = 1.
  var bases: [Double] { get }
  /// Moves a run of parameters by one step. Each value depends on its own gradient and moments alone, so that runs may
  /// be cut anywhere.
  /// - Parameter powers: of `bases`, in their order.
  func update(_ run: ParameterRun, rate: Double, powers: [Double])
}

/// Parameters that lie side by side, with their gradients and moments.
public struct ParameterRun {
  /// The parameters, moved in place.
  public let values: UnsafeMutablePointer<Float>
  /// The loss's gradient.
  public let gradients: UnsafePointer<Float>
  /// What the rule remembers, in the order of its `moments`.
  public let moments: [UnsafeMutablePointer<Float>]
  /// How many there are, a multiple of sixteen.
  public let count: Int
  /// Whether weight decay applies to them.
  public let decays: Bool
}

/// Which parameters weight decay pulls to zero.
public enum DecayedParameters: String, Sendable, Hashable, CaseIterable {
  /// All of them, as torch.optim does by default.
  case all
  /// Not those with one axis: biases, and what norms scale and shift by (Loshchilov & Hutter 2019 leave it open; the
  /// usual practice for transformers).
  case weights

  func includes(_ shape: [Int]) -> Bool { self == .all || shape.count > 1 }
}
