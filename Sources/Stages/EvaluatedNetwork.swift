// Owns what kinds that evaluate networks read: a model or a stitched one, its checks against images, and what it makes
// of them.

import Canonical
import ContentStore
import NeuralNetworks
import Stitching
import Workflow

/// A network that is evaluated: a model, or a stitched one.
enum EvaluatedNetwork {
  case model(Model, Digest)
  case stitched(StitchedModel, Digest)

  /// Opens a network and notes which values of its models will be asked for.
  init(_ input: InputArtifact, _ models: OpenedModels) throws {
    let digest = input.artifact.digest
    guard input.artifact.form == .manifest else {
      self = .model(try models.model(input), digest)
      models.expect(.logits, of: input)
      return
    }
    let stitched = try StitchedModel(input, models: models)
    self = .stitched(stitched, digest)
    models.expect(.cut(stitched.stitch.from), of: stitched.sources.front)
    models.expect(.cut(stitched.stitch.to), of: stitched.sources.end)
  }

  /// Of a stitched network its end by itself.
  func end(_ models: OpenedModels) throws -> EvaluatedNetwork? {
    guard case .stitched(let stitched, _) = self else { return nil }
    return try EvaluatedNetwork(stitched.sources.end, models)
  }

  /// The content that it was opened from.
  var digest: Digest {
    switch self {
    case .model(_, let digest), .stitched(_, let digest): digest
    }
  }

  var network: Network {
    get throws {
      switch self {
      case .model(let model, _): try Network(model)
      case .stitched(let stitched, _): try stitched.stitch.network(stitched.map)
      }
    }
  }

  /// The architecture whose logits come out.
  var output: Architecture {
    switch self {
    case .model(let model, _): model.architecture
    case .stitched(let stitched, _): stitched.stitch.end.architecture
    }
  }

  /// Both halves of a stitched network see the images: the end is what it is compared with.
  func requireImages(_ images: LoadedImages, _ role: String) throws {
    switch self {
    case .model(let model, _): try images.requireSize(of: model.architecture, role)
    case .stitched(let stitched, _):
      try images.requireSize(of: stitched.stitch.front.architecture, role + "'s front")
      try images.requireSize(of: stitched.stitch.end.architecture, role + "'s end")
    }
  }

  func requireClasses(of reference: EvaluatedNetwork) throws {
    guard output.classes == reference.output.classes else {
      throw InputError(
        message:
          "the network tells \(output.classes) classes apart, the reference \(reference.output.classes); "
          + "their outputs can't be compared")
    }
  }

  /// How many directions the map of a stitched network uses.
  var ranks: MapRanks? {
    get throws {
      guard case .stitched(let stitched, _) = self else { return nil }
      return try MapRanks(stitched.map)
    }
  }
}

/// Networks that one pass over the same images evaluates, each once, whoever asks for it.
struct EvaluationPass {
  private var networks: [GridNetwork] = []
  private var places: [Digest: Int] = [:]

  /// The place of a network among the results.
  mutating func add(_ network: EvaluatedNetwork) -> Int {
    if let known = places[network.digest] { return known }
    switch network {
    case .model(let model, _): networks.append(.model(model))
    case .stitched(let stitched, _): networks.append(.stitched(stitched.stitch, stitched.map))
    }
    places[network.digest] = networks.count - 1
    return networks.count - 1
  }

  /// What each makes of all images.
  func run(on images: LoadedImages) -> [Result<GridOutputs, any Error>] {
    // Every value is used as soon as it is there: nothing need be kept.
    GridNetwork.evaluate(networks, on: ActivationCache(images, budget: 0))
  }
}
