// Owns the networks that the members of a job read: each is opened once, and what will be asked of it is known before
// anything is computed.

import Canonical
import ContentStore
import NeuralNetworks
import Workflow

/// Models by their content.
final class OpenedModels {
  private var models: [Digest: Result<Model, any Error>] = [:]
  private var points: [Digest: [ModelPoint]] = [:]

  /// Opens a model artifact, or gives the one that is open already.
  func model(_ input: InputArtifact) throws -> Model {
    let digest = input.artifact.digest
    if let known = models[digest] { return try known.get() }
    let opened = Result { try Model(input) }
    models[digest] = opened
    return try opened.get()
  }

  /// Notes that a member will ask for a model's values at a point.
  func expect(_ point: ModelPoint, of input: InputArtifact) {
    if points[input.artifact.digest]?.contains(point) != true {
      points[input.artifact.digest, default: []].append(point)
    }
  }

  /// Opens a cache in which one pass of a model serves all that was noted.
  /// - Parameter memory: what it may keep, in bytes.
  func cache(_ images: LoadedImages, memory: Int = MemoryBudget.bytes) throws -> ActivationCache {
    let cache = ActivationCache(images, budget: memory)
    for (digest, points) in points { try cache.expect(points, of: models[digest]!.get()) }
    return cache
  }
}
