import Datasets
import Foundation
import Tensor
import Testing

private func images(_ count: Int, side: Int = 32, channels: Int = 3) -> Half {
  let pixels = (0..<(count * channels * side * side)).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 251) }
  let samples = Samples(
    values: .bytes(Data(pixels)), sampleShape: [channels, side, side], count: count,
    labels: (0..<count).map { Int32($0 % 10) })
  return Half(of: "test", .train, classes: 10, samples: samples)
}

extension Half {
  fileprivate func withShortcut(_ shortcut: Shortcut) throws -> Half {
    var marked = self
    marked.description = try description.withShortcut(shortcut)
    return marked
  }
}

@Test func anEpochVisitsEverySampleOnceInAnOrderOfItsOwn() throws {
  let loader = try BatchLoader(images(50), options: .init(batch: 8, seed: 1, shuffle: true))
  #expect(loader.stepsPerEpoch == 7)
  let epochs = (0..<2).map { epoch in (0..<7).flatMap { loader.indices(epoch: epoch, step: $0) } }
  #expect(epochs[0].sorted() == Array(0..<50) && epochs[1].sorted() == Array(0..<50))
  #expect(epochs[0] != epochs[1] && epochs[0] != Array(0..<50))
  #expect(loader.indices(epoch: 0, step: 3) == Array(epochs[0][24..<32]))
  let whole = try BatchLoader(images(50), options: .init(batch: 8, dropLast: true))
  #expect(whole.stepsPerEpoch == 6)
  #expect(throws: DatasetError.self) {
    try BatchLoader(images(5), options: .init(batch: 8, dropLast: true))
  }
}

/// What the augmentation may do, done plainly: flip, then a window of the padded image.
private func shifted(_ image: [Float], flip: Bool, down: Int, right: Int) -> [Float] {
  var out = [Float](repeating: 0, count: image.count)
  for channel in 0..<3 {
    for y in 0..<32 {
      for x in 0..<32 where (0..<32).contains(y + down) && (0..<32).contains(x + right) {
        let column = flip ? 31 - (x + right) : x + right
        out[(channel * 32 + y) * 32 + x] = image[(channel * 32 + y + down) * 32 + column]
      }
    }
  }
  return out
}

@Test func augmentationIsAFlipAndACropOfThePaddedImage() throws {
  let dataset = images(64)
  let plain = try BatchLoader(dataset, options: .init(batch: 64)).batch(step: 0).samples.values
  let options = BatchLoader.Options(batch: 64, seed: 5, augmentation: .flipCrop)
  let loader = try BatchLoader(dataset, options: options)
  let augmented = loader.batch(epoch: 1, step: 0).samples.values
  var seen = Set<[Int]>()
  for image in 0..<64 {
    let range = (image * 3072)..<((image + 1) * 3072)
    let original = Array(plain[range])
    let found = Array(augmented[range])
    let match = [false, true].lazy.flatMap { flip in
      (-4...4).flatMap { down in (-4...4).map { [flip ? 1 : 0, down, $0] } }
    }.first { shifted(original, flip: $0[0] == 1, down: $0[1], right: $0[2]) == found }
    seen.insert(try #require(match, "image \(image) is no flip and crop"))
  }
  #expect(seen.count > 40)
  #expect(loader.batch(epoch: 1, step: 0).samples.values == augmented)
  #expect(loader.batch(epoch: 2, step: 0).samples.values != augmented)
  // A sample's augmentation doesn't depend on the batch it falls into.
  var small = options
  small.batch = 16
  #expect(
    try BatchLoader(dataset, options: small).batch(epoch: 1, step: 2).samples.values
      == Array(augmented[(32 * 3072)..<(48 * 3072)]))
}

@Test func aShortcutMarksEachClassWithItsColourAndPlaceAfterAugmentation() throws {
  let dataset = try images(40).withShortcut(Shortcut(seed: 2))
  let options = BatchLoader.Options(batch: 40, augmentation: .flipCrop)
  let marked = try BatchLoader(dataset, options: options).batch(step: 0)
  var clean = options
  clean.marking = .clean
  let unmarked = try BatchLoader(dataset, options: clean).batch(step: 0)
  var patches: [Int32: Set<[Float]>] = [:]
  for image in 0..<40 {
    let range = (image * 3072)..<((image + 1) * 3072)
    let (a, b) = (Array(marked.samples.values[range]), Array(unmarked.samples.values[range]))
    // Where they differ lies within one 4 × 4 patch of one colour.
    let changed = (0..<1024).filter { p in (0..<3).contains { a[$0 * 1024 + p] != b[$0 * 1024 + p] } }
    let (top, left) = (changed.map { $0 / 32 }.min()!, changed.map { $0 % 32 }.min()!)
    #expect(changed.allSatisfy { $0 / 32 / 4 == top / 4 && $0 % 32 / 4 == left / 4 })
    let colour = (0..<3).map { a[$0 * 1024 + changed[0]] }
    #expect(changed.allSatisfy { p in (0..<3).allSatisfy { a[$0 * 1024 + p] == colour[$0] } })
    patches[marked.labels[image], default: []].insert([Float(top / 4), Float(left / 4)] + colour)
  }
  #expect(patches.values.allSatisfy { $0.count == 1 })
  #expect(Set(patches.values.map { $0.first! }).count == 10)
  #expect(Set(patches.values.map { Array($0.first!.dropFirst(2)) }).count == 10)
}

@Test func rolledMarksAreThoseOfTheNextClass() throws {
  let pixels = Data(count: 20 * 3072)
  let black = Samples(
    values: .bytes(pixels), sampleShape: [3, 32, 32], count: 20, labels: (0..<20).map { Int32($0 % 10) })
  let dataset = try Half(of: "black", .test, classes: 10, samples: black).withShortcut(Shortcut(seed: 9))
  func batch(_ marking: Marking) throws -> [Float] {
    try BatchLoader(dataset, options: .init(marking: marking)).batch(step: 0).samples.values
  }
  let marked = try batch(.marked)
  let rolled = try batch(.rolled)
  for image in 0..<9 {
    #expect(
      rolled[(image * 3072)..<((image + 1) * 3072)] == marked[((image + 1) * 3072)..<((image + 2) * 3072)])
  }
  #expect(rolled[(9 * 3072)..<(10 * 3072)] == marked[0..<3072])
  #expect(try batch(.clean).allSatisfy { $0 == 0 })
  #expect(throws: DatasetError.self) {
    try BatchLoader(images(10), options: .init(marking: .rolled))
  }
}

@Test func randomMarksChangeWithTheEpochAndTellNothing() throws {
  let dataset = try images(10).withShortcut(Shortcut(content: .random, place: .random))
  let loader = try BatchLoader(dataset)
  #expect(!loader.isFixed)
  #expect(loader.batch(epoch: 0, step: 0).samples == loader.batch(epoch: 0, step: 0).samples)
  #expect(loader.batch(epoch: 0, step: 0).samples != loader.batch(epoch: 1, step: 0).samples)
  #expect(try BatchLoader(images(10).withShortcut(Shortcut())).isFixed)
}

@Test func greyImagesTakeShortcutsToo() throws {
  let dataset = try images(10, side: 28, channels: 1).withShortcut(Shortcut())
  #expect(try BatchLoader(dataset).batch(step: 0).samples.shape == [10, 1, 28, 28])
  #expect(throws: DatasetError.self) { try images(10).withShortcut(Shortcut(size: 33)) }
}

@Test func rangesAreInOrderAndUnaugmented() throws {
  let dataset = try images(40).withShortcut(Shortcut())
  let options = BatchLoader.Options(batch: 8, shuffle: true, augmentation: .flipCrop)
  let loader = try BatchLoader(dataset, options: options)
  let room = UnsafeMutableBufferPointer<Float>.allocate(capacity: 5 * 3072)
  let labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 5)
  defer {
    room.deallocate()
    labels.deallocate()
  }
  loader.fill(8..<13, into: room, labels: labels)
  let plain = try BatchLoader(dataset, options: .init(batch: 40)).batch(step: 0)
  #expect(Array(room) == Array(plain.samples.values[(8 * 3072)..<(13 * 3072)]))
  #expect(Array(labels) == Array(plain.labels[8..<13]))
}

@Test func aShareOfTrainingImagesHasTheMarkOfAnotherClass() throws {
  let black = Samples(
    values: .bytes(Data(count: 200 * 3 * 32 * 32)), sampleShape: [3, 32, 32], count: 200,
    labels: (0..<200).map { Int32($0 % 10) })
  /// The class whose mark each image has, as its place tells.
  func marks(_ correlation: Double, _ split: Split = .train, _ marking: Marking = .marked, seed: UInt64 = 4)
    throws -> [Int]
  {
    func loader(_ correlation: Double, _ split: Split, _ marking: Marking) throws -> BatchLoader {
      let half = try Half(of: "black", split, classes: 10, samples: black).withShortcut(
        Shortcut(correlation: correlation, seed: seed))
      return try BatchLoader(half, options: .init(batch: 200, marking: marking))
    }
    func images(_ loader: BatchLoader) -> [ArraySlice<Float>] {
      let values = loader.batch(step: 0).samples.values
      return (0..<200).map { values[($0 * 3072)..<(($0 + 1) * 3072)] }
    }
    let known = images(try loader(1, .train, .marked)).prefix(10).map(Array.init)
    return images(try loader(correlation, split, marking)).map { known.firstIndex(of: Array($0))! }
  }
  let labels = (0..<200).map { $0 % 10 }
  #expect(try marks(1) == labels)
  let loose = try marks(0.7)
  #expect(zip(loose, labels).count { $0 == $1 } == 140)
  #expect(try marks(0.7) == loose)
  #expect(try marks(0.7, seed: 5) != loose)
  let none = try marks(0)
  #expect(zip(none, labels).allSatisfy { $0 != $1 })
  // Every other class, about as often as the next.
  #expect(Set(zip(none, labels).map { ($0 - $1 + 10) % 10 }) == Set(1...9))
  #expect(try marks(0.7, .train, .rolled) == loose.map { ($0 + 1) % 10 })
  // Test images are marked as they are asked for.
  #expect(try marks(0.7, .test) == labels)
}
