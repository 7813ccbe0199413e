// A training's states as files: what is read is what was written, and goes on to the same bytes.

import Canonical
import ContentStore
import Foundation
import NeuralNetworks
import Stages
import Synchronization
import Testing
import Workflow

/// The states that a kind saves.
private final class Saved: Sendable {
  let all = Mutex<[(point: Int, place: String, data: Data)]>([])
  var states: StageStates {
    StageStates { [self] url, point, place in
      let data = try! Data(contentsOf: url)
      all.withLock { $0.append((point, place, data)) }
      return true
    }
  }
}

@Suite struct TrainingStatesTests {
  static let recipe: JSON = [
    "architecture": "small_cnn", "width": 2, "epochs": 3, "batch": 8,
  ]

  private func made() throws -> (Bench, data: [String: Artifact]) {
    let bench = try Bench()
    return (bench, ["data": try bench.textures(train: 24)])
  }

  @Test func aTrainingSavesItsStateAfterEveryEpochAndGoesOnFromEachToTheSameBytes() throws {
    let (bench, data) = try made()
    let saved = Saved()
    bench.states = saved.states
    let whole = try bench.run("train", Self.recipe, data)
    let all = saved.all.withLock { $0 }
    #expect(all.map(\.point) == [1, 2, 3])
    #expect(all.map(\.place) == ["epoch 1", "epoch 2", "epoch 3"])
    for (_, place, state) in all {
      bench.states = try bench.resuming(state, at: place)
      #expect(try bench.run("train", Self.recipe, data) == whole, "\(place)")
    }
  }

  @Test func insideAnEpochAStateIsDueByTheClockAndGoesOnAtItsStep() throws {
    let (bench, _) = try made()
    let saved = Saved()
    func context(_ states: StageStates) -> StageContext {
      StageContext(
        scratch: bench.folder, projectRoot: bench.folder, environment: [:], inputs: [:], outputs: [:],
        states: states, report: { _ in })
    }
    let architecture = try Architecture(
      name: "small_cnn", input: ImageShape(channels: 1, height: 8, width: 8), classes: 2, width: 2)
    let trainer = Trainer(epochs: 2, rule: .adam(), averaging: 0.5)
    let start = trainer.start(try .initialised(architecture: architecture, seed: 1))
    // A clock on which every step takes 60 seconds.
    var seconds = 0.0
    let checkpoints = TrainingCheckpoints(context(saved.states), interval: 100, now: { seconds })
    let whole = try trainer.train(
      from: checkpoints.first(start), on: Stripes(), progress: { _ in seconds += 60 },
      checkpoint: checkpoints.save, isDue: { checkpoints.isDue })
    let all = saved.all.withLock { $0 }
    #expect(
      all.map(\.place) == [
        "epoch 1, step 2", "epoch 1, step 4", "epoch 1", "epoch 2, step 2", "epoch 2, step 4", "epoch 2",
      ])
    #expect(all.map(\.point) == [1, 1, 1, 2, 2, 2])
    for (_, place, state) in all {
      let resuming = TrainingCheckpoints(context(try bench.resuming(state, at: place)))
      var steps = 0
      let rest = try trainer.train(
        from: resuming.first(start), on: Stripes(), progress: { _ in steps += 1 })
      #expect(rest.model.tensors == whole.model.tensors && rest.history == whole.history, "\(place)")
      #expect(steps < 10)
    }
  }

  @Test func whatIsNoStateIsSaid() throws {
    let (bench, data) = try made()
    bench.states = try bench.resuming(Data("nothing".utf8), at: "epoch 1")
    #expect(
      bench.failure("train", Self.recipe, data).contains("found 7 bytes, expected a safetensors header"))
  }
}

/// Two patterns with a label each.
private struct Stripes: BatchSource {
  let shape = ImageShape(channels: 1, height: 8, width: 8)
  let batch = 4
  let batchesPerEpoch = 5
  let classes: Int? = 2

  func fill(
    epoch: Int, step: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    for i in images.indices { images[i] = Float((i * (epoch + 1) + step * 7) % 11) / 11 }
    for row in labels.indices { labels[row] = Int32((row + step) % 2) }
  }
}
