// Owns what kinds that evaluate networks read: a model or a stitched one, its checks against images, and what it makes
// of them.

import ContentStore
import NeuralNetworks
import Stitching
import Workflow

/// A network that is evaluated: a model, or a stitched one.
enum EvaluatedNetwork {
  case model(Model)
  case stitched(StitchedModel)

  /// Opens a network and notes which values of its models will be asked for.
  init(_ input: InputArtifact, _ models: OpenedModels) throws {
    guard input.artifact.form == .manifest else {
      self = .model(try models.model(input))
      models.expect(.logits, of: input)
      return
    }
    let stitched = try StitchedModel(input, models: models)
    self = .stitched(stitched)
    models.expect(.cut(stitched.stitch.from), of: stitched.sources.front)
    models.expect(.cut(stitched.stitch.to), of: stitched.sources.end)
  }

  /// Of a stitched network its end by itself.
  func end(_ models: OpenedModels) throws -> EvaluatedNetwork? {
    guard case .stitched(let stitched) = self else { return nil }
    return try EvaluatedNetwork(stitched.sources.end, models)
  }

  var network: Network {
    get throws {
      switch self {
      case .model(let model): try Network(model)
      case .stitched(let stitched): try stitched.stitch.network(stitched.map)
      }
    }
  }

  /// The architecture whose logits come out.
  var output: Architecture {
    switch self {
    case .model(let model): model.architecture
    case .stitched(let stitched): stitched.stitch.end.architecture
    }
  }

  /// Both halves of a stitched network see the images: the end is what it is compared with.
  func requireImages(_ images: LoadedImages, _ role: String) throws {
    switch self {
    case .model(let model): try images.requireSize(of: model.architecture, role)
    case .stitched(let stitched):
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

  /// What it makes of all images; of a stitched network how what the map makes compares with the end's own activations.
  func evaluate(
    on images: ActivationCache
  ) throws -> (evaluation: Evaluation, match: ActivationMatch?) {
    switch self {
    case .model(let model): return (try Evaluation(of: model, on: images), nil)
    case .stitched(let stitched):
      let (evaluation, match) = try stitched.stitch.evaluate(stitched.map, on: images)
      return (evaluation, match)
    }
  }

  /// How many directions the map of a stitched network uses.
  var ranks: MapRanks? {
    get throws {
      guard case .stitched(let stitched) = self else { return nil }
      return try MapRanks(stitched.map)
    }
  }
}
