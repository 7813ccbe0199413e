// Owns the shortcut overlay: a small patch that gives the class away (or doesn't), painted on images after
// augmentation. It is a description over a dataset, so that no images are copied.
import Foundation
import Tensor

/// A patch that marks images with their class, after "Model Stitching by Functional Latent Alignment"
/// (arXiv 2505.20142, section on shortcuts).
public struct Shortcut: Sendable, Hashable {
  /// What the patch shows.
  public enum Content: String, Sendable, CaseIterable {
    /// A colour for each class.
    case pixel
    /// Noise, drawn for each image anew.
    case random
  }

  /// Where the patch stands.
  public enum Place: String, Sendable, CaseIterable {
    /// A place for each class.
    case `class`
    /// A place drawn for each image anew.
    case random
  }

  public var content: Content
  public var place: Place
  /// The patch's width and height in pixels; nil for an eighth of the image's height (4 at 32 × 32).
  public var size: Int?
  /// ρ, the share of training images whose mark is that of their class; the others have the mark of another class,
  /// each of them as likely as the next. Test images are all marked as who reads them asks.
  public var correlation: Double
  /// Decides colours and places, and which training images have whose mark.
  public var seed: UInt64

  public init(
    content: Content = .pixel, place: Place = .class, size: Int? = nil, correlation: Double = 1,
    seed: UInt64 = 0
  ) {
    self.content = content
    self.place = place
    self.size = size
    self.correlation = correlation
    self.seed = seed
  }
}

/// Which marks a loader paints where the dataset has a shortcut.
public enum Marking: String, Sendable, CaseIterable {
  /// The mark of the image's own class.
  case marked
  /// The mark of the next class (the last one's is the first).
  case rolled
  /// None.
  case clean
}

extension HalfDescription {
  /// The same half with the shortcut over it. It must be images with labels.
  public func withShortcut(_ shortcut: Shortcut) throws -> HalfDescription {
    var marked = self
    marked.shortcut = shortcut
    _ = try ShortcutPainter(shortcut, over: marked)
    return marked
  }
}

/// Colours and places worked out for one dataset.
struct ShortcutPainter: Sendable {
  let shortcut: Shortcut
  let shape: [Int]
  let classes: Int
  let size: Int
  /// classes × C.
  let colours: [[Float]]
  /// Top left corners (y, x), one per class.
  let places: [(Int, Int)]
  /// By how many classes each image's mark is off; empty where none is.
  private let offsets: [Int32]

  init(_ shortcut: Shortcut, over description: HalfDescription) throws {
    guard description.isImages, description.classes > 0 else {
      throw DatasetError("a shortcut needs images with labels; \(description.name) has none")
    }
    self.shortcut = shortcut
    shape = description.sampleShape
    classes = description.classes
    size = shortcut.size ?? max(1, (shape[1] + 4) / 8)
    guard size >= 1, size <= min(shape[1], shape[2]) else {
      throw DatasetError("a shortcut of \(size) pixels doesn't fit images of \(shape[1]) × \(shape[2])")
    }
    colours = try farthestColours(classes, channels: shape[0], seed: shortcut.seed)

    // Cells of a grid, so that no two classes' patches overlap.
    let (rows, columns) = (shape[1] / size, shape[2] / size)
    guard shortcut.place == .random || rows * columns >= classes else {
      throw DatasetError(
        "\(classes) classes need places, but \(rows * columns) patches of \(size) pixels fit")
    }
    let cells = Philox(seed: shortcut.seed, purpose: .patchPlaces).permutation(of: rows * columns)
    offsets = try shortcut.offsets(over: description)
    let chosen = size
    places = cells.prefix(classes).map { ($0 / columns * chosen, $0 % columns * chosen) }
  }

  /// The class whose mark the image at `index` of the half has.
  func mark(of index: Int, label: Int, _ marking: Marking) -> Int {
    (label + (offsets.isEmpty ? 0 : Int(offsets[index])) + (marking == .rolled ? 1 : 0)) % classes
  }

  /// Paints the mark of `label` on one C × H × W image; `draw` numbers what is drawn per image.
  func paint(_ label: Int, on image: UnsafeMutablePointer<Float>, draw: UInt64, stream: Philox) {
    let (channels, height, width) = (shape[0], shape[1], shape[2])
    // 65,536 counters for each image: the first for the place, the rest for noise.
    let counter = draw << 16
    let top: Int
    let left: Int
    switch shortcut.place {
    case .class: (top, left) = places[label]
    case .random:
      let cell = stream.integer(at: counter, below: (height - size + 1) * (width - size + 1))
      (top, left) = (cell / (width - size + 1), cell % (width - size + 1))
    }
    for channel in 0..<channels {
      for y in 0..<size {
        let row = image + (channel * height + top + y) * width + left
        for x in 0..<size {
          switch shortcut.content {
          case .pixel: row[x] = colours[label][channel]
          case .random:
            let word = stream.words(at: counter + 1 + UInt64((channel * size + y) * size + x))
            row[x] = Float(word[0] >> 8) * 0x1p-24
          }
        }
      }
    }
  }
}

extension Shortcut {
  /// By how many classes, 0..<classes, the mark of each image of a half is off; empty where none is.
  fileprivate func offsets(over half: HalfDescription) throws -> [Int32] {
    guard half.split == .train, correlation < 1 else { return [] }
    guard half.classes > 1 else {
      throw DatasetError("\(half.name) has one class; a mark of another needs two, or correlation: 1")
    }
    var offsets = [Int32](repeating: 0, count: half.count)
    let stream = Philox(seed: seed, purpose: .uncorrelatedMarks)
    let others = Int((Double(half.count) * (1 - correlation)).rounded())
    for index in stream.sample(others, of: half.count) {
      offsets[index] = Int32(1 + stream.stream(1).integer(at: UInt64(index), below: half.classes - 1))
    }
    return offsets
  }
}

/// `count` colours far from one another: farthest-point sampling on a grid of ten levels a channel, from black,
/// the first of equals; then shuffled by the seed.
private func farthestColours(_ count: Int, channels: Int, seed: UInt64) throws -> [[Float]] {
  guard (1...3).contains(channels) else {
    throw DatasetError("a shortcut's colours need 1 to 3 channels; the images have \(channels)")
  }
  let grid = (0..<[10, 100, 1000][channels - 1]).map { index in
    (0..<channels).map { index / [1, 10, 100][channels - 1 - $0] % 10 }
  }
  guard count <= grid.count else {
    throw DatasetError("\(count) classes need colours, but \(channels) channels give \(grid.count)")
  }
  var chosen = [0]
  var distance = [Int](repeating: .max, count: grid.count)
  while chosen.count < count {
    let last = grid[chosen.last!]
    for (index, colour) in grid.enumerated() {
      distance[index] = min(
        distance[index], zip(colour, last).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) })
    }
    chosen.append(
      distance.indices.max { distance[$0] < distance[$1] || (distance[$0] == distance[$1] && $0 > $1) }!)
  }
  return Philox(seed: seed, purpose: .patchColours).permutation(of: count).map { position in
    grid[chosen[position]].map { Float($0) / 9 }
  }
}
