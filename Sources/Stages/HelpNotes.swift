// Owns what the help of more than one kind says.

import NeuralNetworks

/// What there is to know before attacks are compared with those of another program.
enum PGDNote {
  static let text = """
    In float32 the steps of PGD differ between implementations as soon as gradients saturate: a sign hangs on the last \
    bit, and after two steps or so the images part. Compare robust accuracies or single steps, not trajectories.
    """
}

extension NamedAttack {
  /// Each attack with what it does, a line each.
  static var attacksHelp: String {
    allAttacks.map { "- \($0.name): \($0.summary) (\($0.citation))" }.joined(separator: "\n")
  }
}

extension ArchitectureFamily {
  /// Each family with its parameters, and each of its networks' cuts with their shapes, a line each.
  static var helpText: String { all.map(\.help).joined(separator: "\n") }

  private var help: String {
    let called = names.joined(separator: ", ") + (otherNames.map { " (\($0))" } ?? "")
    let choices = parameters.map { parameter in
      "\(parameter.name) (\(parameter.help); \(parameter.expectation); default \(spelledDefault(parameter.name)))"
    }
    let networks = names.map { name in
      guard let network = try? Architecture.example(name: name) else {
        preconditionFailure("BUG: there is no architecture '\(name)'")
      }
      let cuts = network.cuts.map { cut in
        "\(cut.name) \((try? network.shape(at: cut))?.description ?? "")"
      }
      return "- \(name): \(cuts.joined(separator: ", "))"
    }
    return (["\(called): \(summary). Parameters: \(choices.joined(separator: ", "))"] + networks)
      .joined(separator: "\n")
  }

  /// `16`, or where names differ `192 of vit_tiny, 384 of vit_small`.
  private func spelledDefault(_ parameter: String) -> String {
    let values = names.compactMap { name in defaults(of: name)?[parameter].map { (name, $0.description) } }
    let different = Set(values.map(\.1))
    return different.count == 1
      ? different.first! : values.map { "\($0.1) of \($0.0)" }.joined(separator: ", ")
  }
}
