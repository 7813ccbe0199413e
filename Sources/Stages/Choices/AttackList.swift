// Owns the words for attacks in pipeline files: one, or a list.

import Canonical
import NeuralNetworks
import Workflow

/// The attacks that a network is to withstand, written as one map or as a list of them.
struct AttackList: ParameterValue {
  let attacks: [AttackParameters]

  static var expectation: String { "\(AttackParameters.expectation); or a list of such maps" }
  static var schema: JSON {
    ["anyOf": [AttackParameters.schema, ["type": "array", "items": AttackParameters.schema, "minItems": 1]]]
  }

  init(raw: RawValue) throws {
    guard case .list(let members, let place) = raw else {
      attacks = [try AttackParameters(raw: raw)]
      return
    }
    guard !members.isEmpty else { throw DecodingIssue(place, "expected at least one attack, found none") }
    var (found, issues) = ([AttackParameters](), DecodingIssues())
    for member in members {
      if let attack = try issues.collect(nil, { try AttackParameters(raw: member) }) { found.append(attack) }
    }
    try issues.throwIfAny()
    attacks = found
  }

  /// One attack is the same by itself and as a list of one.
  var json: JSON { attacks.count == 1 ? attacks[0].json : .array(attacks.map(\.json)) }

  /// Where a member was written, as messages about the parameter `name` say it.
  func place(of member: Int, _ name: String) -> String { attacks.count == 1 ? name : "\(name).\(member)" }

  /// - Throws: `InvalidParameter` where settings make no attack.
  func validate(_ name: String) throws {
    for (i, attack) in attacks.enumerated() {
      do { _ = try attack.made() } catch let error as NetworkError {
        throw InvalidParameter(place(of: i, name), error.description)
      }
    }
  }

  func methods() throws -> [any AttackMethod] { try attacks.map { try $0.made() } }

  /// The files of the attacks that are asked for.
  var listedCode: [String] { attacks.map(\.method.attack.file) }
}

struct AttackParameters: ParameterGroup {
  @Parameter("which attack") var method = AttackName("pgd")
  @Parameter("linf: the largest change of a pixel; l2: the root of the sum of their squares")
  var norm = Ball.Norm.linf
  @Parameter("radius of the ball", .atLeast(0), unit: "pixels of [0, 1]") var epsilon = 8.0 / 255
  @Parameter("how far a step of pgd moves; null: a quarter of epsilon", .atLeast(0), unit: "pixels of [0, 1]")
  var stepSize: Double? = nil
  @Parameter("steps of each restart", .atLeast(1)) var steps = 20
  @Parameter(
    "whether pgd starts at a random point of the ball; null: from the image (apgd always starts at random)")
  var randomStart: Bool? = nil
  @Parameter("how often it is tried, each time from another start", .between(1, 10_000)) var restarts = 1
  @Parameter("decides random starts", .atLeast(0)) var seed = 0

  func made() throws -> any AttackMethod {
    try method.attack.make(
      AttackSettings(
        norm: norm, epsilon: Float(epsilon), steps: steps, stepSize: stepSize.map { Float($0) },
        randomStart: randomStart,
        restarts: restarts, seed: UInt64(seed)))
  }
}

/// The name of an attack that there is.
struct AttackName: ParameterValue {
  let attack: NamedAttack

  /// The attack of a name that the code writes.
  init(_ name: String) {
    guard let attack = NamedAttack.allAttacks.first(where: { $0.name == name }) else {
      preconditionFailure("BUG: there is no attack '\(name)'")
    }
    self.attack = attack
  }

  static var expectation: String { "one of \(names.joined(separator: ", "))" }
  static var schema: JSON { ["enum": .array(names.map(JSON.string))] }
  private static var names: [String] { NamedAttack.allAttacks.map(\.name) }

  init(raw: RawValue) throws {
    guard case .scalar(let text, _, let place) = raw else { throw Self.issue(raw) }
    guard let attack = NamedAttack.allAttacks.first(where: { $0.name == text }) else {
      throw DecodingIssue(place, "there is no attack '\(text)'\(suggestion(for: text, in: Self.names))")
    }
    self.attack = attack
  }

  var json: JSON { .string(attack.name) }
}
