// Batches and images with other numbers of threads.

import Datasets
import Foundation
import Synchronization
import Tensor
import Testing

@Suite(.serialized) struct ThreadsTests {
  /// Remembers which threads have worked, and draws nothing.
  private struct Witness: Augmentation {
    static let threads = Mutex<Set<UInt>>([])
    var name: String { "witness" }
    func apply(to image: AugmentedImage, draws: AugmentationDraws) {
      Witness.threads.withLock { _ = $0.insert(UInt(pthread_self())) }
      // Long enough for others to begin.
      usleep(200)
    }
  }

  private func half(_ count: Int) -> Half {
    let pixels = (0..<(count * 3072)).map { UInt8(truncatingIfNeeded: 1 + $0 * 37 % 251) }
    return Half(
      of: "colour", .train, classes: 4,
      samples: Samples(
        values: .bytes(Data(pixels)), sampleShape: [3, 32, 32], count: count,
        labels: (0..<count).map { Int32($0 % 4) }))
  }

  @Test func aBatchHasTheSameBitsWithAnyNumberOfThreads() throws {
    defer { Team.limit = 1 }
    let loader = try BatchLoader(
      half(50),
      options: .init(
        batch: 50, seed: 3, shuffle: true,
        augmentation: [Flip(), Crop(padding: 4), Cutout(size: 8), Mixup(alpha: 1)]))
    Team.limit = 1
    let alone = loader.batch(epoch: 2, step: 0)
    for threads in [2, 3, 7] {
      Team.limit = threads
      let others = loader.batch(epoch: 2, step: 0)
      #expect(others.samples == alone.samples && others.labels == alone.labels, "\(threads) threads")
    }
  }

  @Test func severalThreadsAugment() throws {
    defer { Team.limit = 1 }
    Team.limit = 2
    let loader = try BatchLoader(half(100), options: .init(batch: 100, seed: 3, augmentation: [Witness()]))
    Witness.threads.withLock { $0 = [] }
    // Another test may have the threads for a while.
    for epoch in 0..<100 where Witness.threads.withLock({ $0.count }) < 2 {
      _ = loader.batch(epoch: epoch, step: 0)
    }
    #expect(Witness.threads.withLock { $0.count } >= 2)
  }
}
