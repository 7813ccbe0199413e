// Owns how an attack is asked for by its name. The list of all is Attacks.swift.

/// What an attack is asked to do; each takes of it what it has a use for.
public struct AttackSettings: Sendable, Hashable {
  /// The norm of the ball.
  public var norm: Ball.Norm
  /// The ball's radius, in pixels of [0, 1].
  public var epsilon: Float
  /// How often an image is moved.
  public var steps: Int
  /// How far one step moves it; nil: the attack's own choice.
  public var stepSize: Float?
  /// Whether it starts at a random point of the ball instead of the image; nil: the attack's own choice.
  public var randomStart: Bool?
  /// How often it is tried, each time from another start.
  public var restarts: Int
  /// Decides random starts.
  public var seed: UInt64

  /// The settings.
  public init(
    norm: Ball.Norm = .linf, epsilon: Float, steps: Int, stepSize: Float? = nil,
    randomStart: Bool? = nil, restarts: Int = 1, seed: UInt64 = 0
  ) {
    self.norm = norm
    self.epsilon = epsilon
    self.steps = steps
    self.stepSize = stepSize
    self.randomStart = randomStart
    self.restarts = restarts
    self.seed = seed
  }
}

/// An attack that pipeline files can name.
public struct NamedAttack: Sendable {
  /// The name in pipeline files.
  public let name: String
  /// One line on what it does.
  public let summary: String
  public let citation: String
  /// The fewest classes that a network may tell apart.
  public let leastClasses: Int
  /// The file that declares it, as `#fileID` has it.
  public let file: String
  /// - Throws: `NetworkError` where the settings make no such attack.
  public let make: @Sendable (AttackSettings) throws -> any AttackMethod

  init(
    name: String, summary: String, citation: String, leastClasses: Int = 2, file: String = #fileID,
    make: @escaping @Sendable (AttackSettings) throws -> any AttackMethod
  ) {
    self.name = name
    self.summary = summary
    self.citation = citation
    self.leastClasses = leastClasses
    self.file = file
    self.make = make
  }
}
