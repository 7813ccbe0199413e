// Owns how a batch is divided into tiles. It depends on the batch and the wanted size alone: every sum over images has one order,
// whatever computes it.

/// A batch as tiles of a few images each, all of one size.
struct Tiling {
  /// The images of one tile.
  let images: Int
  /// The number of tiles.
  let tiles: Int

  /// The division of a batch whose tiles are nearest to `target` images, but at most twice as many, larger ones
  /// preferred. A batch that can't be divided so stays whole.
  init(batch: Int, target: Int) {
    let sizes = (max(1, target / 2)...(2 * target)).filter { batch % $0 == 0 }
    images =
      batch <= target
      ? batch
      : sizes.min { (distance($0, target), -$0) < (distance($1, target), -$1) } ?? batch
    tiles = batch / images
  }
}

/// How many times as large the larger one is.
private func distance(_ a: Int, _ b: Int) -> Double { Double(max(a, b)) / Double(min(a, b)) }
