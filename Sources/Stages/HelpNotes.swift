// Owns what the help of more than one kind says.

import NeuralNetworks

/// What there is to know before attacks are compared with those of another program.
enum PGDNote {
  static let text = """
    In float32 the steps of PGD differ between implementations as soon as gradients saturate: a sign hangs on the last \
    bit, and after two steps or so the images part. Compare robust accuracies or single steps, not trajectories.
    """
}

extension Architecture {
  /// Each architecture's cuts with their shapes, a line each.
  static var cutsText: String {
    usualNames.map { name in
      let input = ImageShape(channels: 3, height: 32, width: 32)
      guard let network = try? Architecture(name: name, input: input, classes: 10) else {
        preconditionFailure("BUG: there is no architecture '\(name)'")
      }
      let cuts = network.cuts.map { cut in
        let shape = (try? network.shape(at: cut)) ?? []
        return "\(cut.name) \(shape.map(String.init).joined(separator: "×"))"
      }
      return "- \(name): \(cuts.joined(separator: ", "))"
    }.joined(separator: "\n")
  }
}
