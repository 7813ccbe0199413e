// Owns the states of a training on their way into files and back, and when one is due.

import Canonical
import Dispatch
import Foundation
import Formats
import NeuralNetworks
import Tensor
import Workflow

/// Saves states of one training.
package final class TrainingCheckpoints {
  private let context: StageContext
  private let interval: Double
  private let now: () -> Double
  private var last: Double

  /// - Parameters:
  ///   - interval: seconds from one state to the next inside an epoch: what a killed training loses at most.
  ///   - now: a clock in seconds.
  package init(
    _ context: StageContext, interval: Double = 180,
    now: @escaping () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
  ) {
    self.context = context
    self.interval = interval
    self.now = now
    last = now()
  }

  /// The state to begin with.
  /// - Parameter start: that before the first step.
  package func first(_ start: TrainingState) throws -> TrainingState {
    guard let (_, content) = context.state else { return start }
    return try TrainingState(SafetensorsFile(contentsOf: content.url), of: start.model)
  }

  /// Whether a state is wanted inside an epoch.
  package var isDue: Bool { now() - last >= interval }

  /// Saves a state. Where that can't be done the training goes on without.
  package func save(_ state: TrainingState) throws {
    let file = context.scratch.appendingPathComponent("state.safetensors")
    try state.writeTrainingState(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let begun = state.step > 0
    context.save(
      file, upTo: state.epoch + (begun ? 1 : 0),
      at: begun ? "epoch \(state.epoch + 1), step \(state.step)" : "epoch \(state.epoch)")
    last = now()
  }
}

extension TrainingState {
  /// Writes a safetensors file; numbers are in its metadata, as JSON, which keeps them to the bit.
  func writeTrainingState(to file: URL) throws {
    let stored = stored
    let numbers = JSON.object(stored.numbers.mapValues { .array($0.map(JSON.number)) })
    try SafetensorsFile.write(
      stored.tensors.mapValues { StoredArray($0) },
      metadata: [
        "counts": JSON.object(stored.counts.mapValues(JSON.integer)).canonical, "numbers": numbers.canonical,
      ], to: file)
  }

  /// Reads what `writeTrainingState` wrote.
  init(_ file: SafetensorsFile, of model: Model) throws {
    func members(_ name: String) throws -> [String: JSON] {
      guard let members = file.metadata[name].flatMap({ try? JSON(parsing: $0).objectValue }) else {
        throw InputError(message: "\(file.file) is not the state of a training: its metadata lack \(name)")
      }
      return members
    }
    let tensors = try file.names.map { ($0, try file.tensor($0)) }
    let stored = StoredTraining(
      tensors: Dictionary(uniqueKeysWithValues: tensors),
      numbers: try members("numbers").mapValues { ($0.arrayValue ?? []).compactMap(\.doubleValue) },
      counts: try members("counts").compactMapValues(\.intValue))
    try self.init(stored, of: model)
  }
}
