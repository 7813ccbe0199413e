// Whole runs with other numbers of threads.

import Canonical
import Foundation
import Testing

@Suite struct ThreadsTests {
  /// Everything that computes with networks: a training that attacks, attacks, activations, a similarity and a stitch.
  private static let pipeline = """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 96, test: 40 } }
      model:
        uses: train
        matrix: { seed: [0, 1] }
        with:
          data: "${images}"
          architecture: small_cnn
          width: 2
          epochs: 1
          batch: 48
          seed: "${matrix.seed}"
          augment: [flip, { kind: crop, padding: 1 }, cutout, mixup]
          adversary: { steps: 2 }
          moving_average: 0.9
          clip_norm: 1
      score:
        uses: evaluate
        with: { model: "${model[seed=0]}", data: "${images}", attack: { steps: 3, restarts: 2, random_start: true } }
      acts:
        uses: activations
        matrix: { model: "${model}" }
        with: { model: "${matrix.model}", data: "${images}", cut: conv3, samples: 40 }
      cka:
        uses: similarity
        with: { x: "${acts[seed=0]}", y: "${acts[seed=1]}" }
      stitched:
        uses: stitch
        with:
          front: "${model[seed=0]}"
          end: "${model[seed=1]}"
          data: "${images}"
          from: conv2
          to: conv2
          method: task_loss
          epochs: 1
          batch: 48
          split: train
    """

  @Test("a run's results have the same digests however many threads it may use")
  func threads() throws {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    func digests(_ threads: Int) throws -> [String: JSON] {
      let run = try project.bobbin(
        "run", "p.yaml", "--json", "--threads", "\(threads)", "--store", "with\(threads)")
      #expect(run.status == 0, "\(run.errors)")
      let instances = try #require(try run.json["instances"]?.arrayValue)
      return Dictionary(
        uniqueKeysWithValues: instances.map { ($0["name"]?.stringValue ?? "", $0["artifacts"] ?? .null) })
    }
    let alone = try digests(1)
    #expect(alone.count == 8 && !alone.values.contains(.null))
    for threads in [2, 3, 7] { #expect(try digests(threads) == alone, "\(threads) threads") }
  }
}
