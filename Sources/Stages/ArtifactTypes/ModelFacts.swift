// Owns what is known of a model before anything runs. No stage that runs has to do with it.

import NeuralNetworks
import Synchronization
import Workflow

/// What is known of a model before it is made.
struct ModelFacts: ArtifactFacts {
  var architecture: String
  /// From input to output.
  var cuts: [String]
  /// C × H × W; nil where that follows from data of which nothing is known.
  var input: [Int]?
  /// How many it tells apart.
  var classes: Int?
  /// Channels of the first layer.
  var width: Int

  /// A model of the architecture of that name; nil where there is none.
  init?(_ name: String, width: Int, input: [Int]?, classes: Int?) {
    architecture = name
    self.width = width
    self.input = input
    self.classes = classes
    // Where it can be cut depends on the name alone.
    let shape = ImageShape(channels: 3, height: 32, width: 32)
    let known = ModelFacts.cuts.withLock { $0[name] }
    guard let found = known ?? (try? Architecture(name: name, input: shape, classes: 2))?.cuts.map(\.name)
    else {
      return nil
    }
    cuts = found
    ModelFacts.cuts.withLock { $0[name] = found }
  }

  /// Listing them builds all layers, which is much for each of 100,000 models.
  private static let cuts = Mutex<[String: [String]]>([:])

  /// What is wrong with a cut of that name; nil: nothing.
  func problem(withCut name: String) -> String? {
    if cuts.contains(name) { return nil }
    let near = nearestName(to: name, in: cuts).map { ". Did you mean '\($0)'?" } ?? "."
    return "\(architecture) has no cut '\(name)'\(near) It has \(cuts.joined(separator: ", "))"
  }

  /// The shape of the activations at a cut; nil where it isn't known.
  func shape(at cut: String) -> [Int]? {
    guard let input, input.count == 3 else { return nil }
    let image = ImageShape(channels: input[0], height: input[1], width: input[2])
    let network = try? Architecture(name: architecture, input: image, classes: classes ?? 2, width: width)
    return try? network?.shape(at: Cut(cut))
  }
}
