// Owns what is known of a model before anything runs. No stage that runs has to do with it.

import NeuralNetworks
import Synchronization
import Workflow

/// What is known of a model before it is made.
struct ModelFacts: ArtifactFacts {
  var architecture: String
  /// All of its family's.
  var parameters: [String: ArchitectureValue]
  /// From input to output.
  var cuts: [String]
  /// C × H × W; nil where that follows from data of which nothing is known.
  var input: [Int]?
  /// How many it tells apart.
  var classes: Int?

  /// A model of an architecture; nil where there is none with such parameters.
  init?(_ network: ArchitectureChoice, input: [Int]?, classes: Int?) {
    architecture = network.name
    parameters = network.parameters
    self.input = input
    self.classes = classes
    let key = CutsKey(name: network.name, parameters: network.parameters)
    let known = ModelFacts.cuts.withLock { $0[key] }
    guard
      let found = known
        ?? (try? Architecture.example(name: key.name, parameters: key.parameters))?.cuts.map(\.name)
    else { return nil }
    cuts = found
    ModelFacts.cuts.withLock { $0[key] = found }
  }

  /// What decides where a network can be cut.
  private struct CutsKey: Hashable {
    let name: String
    let parameters: [String: ArchitectureValue]
  }

  /// Listing them builds all layers, which is much for each of 100,000 models.
  private static let cuts = Mutex<[CutsKey: [String]]>([:])

  /// What is wrong with a cut of that name; nil: nothing.
  func problem(withCut name: String) -> String? {
    if cuts.contains(name) { return nil }
    let near = nearestName(to: name, in: cuts).map { ". Did you mean '\($0)'?" } ?? "."
    return "\(architecture) has no cut '\(name)'\(near) It has \(cuts.joined(separator: ", "))"
  }

  /// What is wrong with a cut of that name, or `logits`; nil: nothing.
  func problem(withPoint name: String) -> String? {
    name == ModelPoint.logits.description ? nil : problem(withCut: name)
  }

  /// The shape of the activations at a cut or of the logits; nil where it isn't known.
  func shape(atPoint name: String) -> ActivationShape? {
    name == ModelPoint.logits.description ? classes.map { .vector($0) } : shape(at: name)
  }

  /// The shape of the activations at a cut; nil where it isn't known.
  func shape(at cut: String) -> ActivationShape? {
    guard let input, input.count == 3 else { return nil }
    let image = ImageShape(channels: input[0], height: input[1], width: input[2])
    let network = try? Architecture(
      name: architecture, input: image, classes: classes ?? 2, parameters: parameters)
    return try? network?.shape(at: Cut(cut))
  }

  /// What is wrong with a map from this model's cut to another's; nil: nothing that is known.
  func problem(mapping from: String, to end: ModelFacts, _ to: String) -> String? {
    guard let input = shape(at: from), let output = end.shape(at: to), !input.canBeMapped(to: output) else {
      return nil
    }
    return
      "the front's '\(from)' gives \(input), the end's '\(to)' takes \(output); \(ActivationShape.mapping)"
  }
}
