// Parts, mixes and corruptions of datasets.

import Datasets
import Foundation
import Tensor
import Testing

/// Grey 8 × 8 images; the first pixel is the sample's number, the class its number modulo `classes`.
private func half(
  _ count: Int, classes: Int = 4, split: Split = .train, named: Bool = true, first: Int = 0
) -> Half {
  var pixels: [UInt8] = []
  for image in 0..<count {
    pixels.append(UInt8(first + image))
    for place in 1..<64 { pixels.append(UInt8((place * 5 + image * 11) % 200 + 20)) }
  }
  return Half(
    of: "base", split, classes: classes,
    classNames: named ? (0..<classes).map { "c\($0)" } : nil,
    samples: Samples(
      values: .bytes(Data(pixels)), sampleShape: [1, 8, 8], count: count,
      labels: (0..<count).map { Int32($0 % classes) }))
}

extension Half {
  /// The first pixels, which tell the samples.
  fileprivate var numbers: [Int] {
    guard case .bytes(let data) = samples.values else { return [] }
    return (0..<samples.count).map { Int(data[data.startIndex + $0 * 64]) }
  }

  fileprivate var pixels: [UInt8] {
    guard case .bytes(let data) = samples.values else { return [] }
    return Array(data)
  }
}

@Suite struct SubsetTests {
  @Test func classesAreNumberedAnewAndKeepTheirNames() throws {
    let part = try half(40).part(Subset(classes: [3, 1]))
    #expect(part.description.classes == 2 && part.description.classNames == ["c3", "c1"])
    #expect(part.numbers == (0..<40).filter { $0 % 4 == 3 || $0 % 4 == 1 })
    #expect(part.samples.labels == part.numbers.map { $0 % 4 == 3 ? 0 : 1 })
    #expect(part.description.channels != half(40).description.channels)
  }

  @Test func sharesAreOfEachClassAndPartsDoNotOverlap() throws {
    let base = half(40)
    let parts = try [0.0, 0.3, 0.6].map {
      try base.part(Subset(share: $0 == 0.6 ? 0.4 : 0.3, skip: $0, seed: 7))
    }
    for (part, expected) in zip(parts, [3, 3, 4]) {
      for label in 0..<4 { #expect(part.samples.labels?.count { $0 == label } == expected) }
      #expect(part.numbers == part.numbers.sorted())
      #expect(part.samples.labels == part.numbers.map { Int32($0 % 4) })
    }
    #expect(parts.flatMap(\.numbers).sorted() == Array(0..<40))
    #expect(try base.part(Subset(share: 0.3, seed: 7)).numbers == parts[0].numbers)
    #expect(try base.part(Subset(share: 0.3, seed: 8)).numbers != parts[0].numbers)
    // What is drawn of a class depends on nothing but that class.
    #expect(
      try base.part(Subset(classes: [2], share: 0.3, seed: 7)).numbers
        == parts[0].numbers.filter { $0 % 4 == 2 })
    // Test images are drawn by themselves.
    #expect(try half(40, split: .test).part(Subset(share: 0.3, seed: 7)).numbers != parts[0].numbers)
  }

  @Test func unlabelledSamplesHaveShares() throws {
    let vectors = Half(
      of: "v", .train, classes: 0,
      samples: Samples(
        values: .floats(Tensor(shape: [10, 2], values: (0..<20).map(Float.init))), sampleShape: [2],
        count: 10, labels: nil))
    let part = try vectors.part(Subset(share: 0.5, seed: 1))
    guard case .floats(let kept) = part.samples.values else { return #expect(Bool(false), "floats") }
    #expect(kept.shape == [5, 2] && part.samples.labels == nil && part.description.classes == 0)
    let values = kept.values
    for row in 0..<5 { #expect(values[2 * row + 1] == values[2 * row] + Float(1)) }
    #expect(
      problem { _ = try vectors.part(Subset(classes: [0])) }
        == "v/train has no labels, so no classes of it can be taken")
  }

  @Test func anEmptyClassAndUnknownOnesAreErrors() throws {
    #expect(
      problem { _ = try half(12).part(Subset(share: 0.1)) }
        == "nothing is left of class 'c0' of base/train: it has 3 samples, share 0.1 of them is wanted")
    #expect(
      problem { _ = try half(3, named: false).part(Subset(classes: [3])) }
        == "nothing is left of class 3 of base/train: it has 0 samples, share 1.0 of them is wanted")
    #expect(
      problem { _ = try half(12).part(Subset(classes: [4])) } == "base/train has no class 4; it has 0…3")
    var marked = half(12)
    marked.description = try marked.description.withShortcut(Shortcut(size: 2))
    #expect(
      problem { _ = try marked.part(Subset(classes: [1])) }.hasPrefix(
        "base/train has a shortcut, whose marks go by"))
  }
}

@Suite struct MixTests {
  @Test func countsOfEachAreTakenInAnOrderOfTheSeed() throws {
    let (a, b) = (half(20), half(20, first: 100))
    let mix = try Mix(seed: 3).half([a, b], counts: [5, 20], name: "mix")
    #expect(mix.description.name == "mix/train" && mix.samples.count == 25)
    #expect(mix.numbers.count { $0 < 100 } == 5 && Set(mix.numbers).count == 25)
    #expect(mix.samples.labels == mix.numbers.map { Int32($0 % 100 % 4) })
    #expect(mix.numbers != mix.numbers.sorted() && mix.numbers.prefix(12).contains { $0 < 100 })
    #expect(mix.description.classNames == ["c0", "c1", "c2", "c3"])
    #expect(try Mix(seed: 3).half([a, b], counts: [5, 20], name: "mix").numbers == mix.numbers)
    #expect(try Mix(seed: 4).half([a, b], counts: [5, 20], name: "mix").numbers != mix.numbers)
  }

  @Test func separateLabelsAreNumberedOneAfterTheOther() throws {
    let mix = try Mix(labels: .separate).half(
      [half(8), half(6, classes: 3, first: 100)], counts: [8, 6], name: "m")
    #expect(mix.description.classes == 7)
    #expect(mix.description.classNames == ["c0", "c1", "c2", "c3", "c0", "c1", "c2"])
    #expect(mix.samples.labels == mix.numbers.map { Int32($0 < 100 ? $0 % 4 : 4 + ($0 - 100) % 3) })
  }

  @Test func whatDoesNotGoTogetherIsRefused() throws {
    func message(_ a: Half, _ b: Half) -> String {
      problem { _ = try Mix().half([a, b], counts: [1, 1], name: "m") }
    }
    #expect(
      message(half(4), half(4, classes: 3))
        == "base/train has other classes than base/train; labels: separate numbers them one after the other")
    let other = Half(
      of: "wide", .train, classes: 4,
      samples: Samples(values: .bytes(Data(count: 12)), sampleShape: [1, 3, 4], count: 1, labels: [0]))
    #expect(
      message(half(4), other)
        == "wide/train has samples of shape [1, 3, 4], base/train of [1, 8, 8]; only samples of one shape are mixed"
    )
    let floats = Half(
      of: "f", .train, classes: 4,
      samples: Samples(
        values: .floats(Tensor(shape: [1, 1, 8, 8], values: [Float](repeating: 0.5, count: 64))),
        sampleShape: [1, 8, 8],
        count: 1, labels: [0]))
    #expect(message(half(4), floats).contains("mix like with like"))
    let unlabelled = Half(
      of: "u", .train, classes: 0,
      samples: Samples(values: .bytes(Data(count: 64)), sampleShape: [1, 8, 8], count: 1, labels: nil))
    #expect(message(half(4), unlabelled) == "u/train has no labels, base/train some")
  }
}

@Suite struct CorruptionTests {
  private func corrupted(_ corruption: Corruption, _ base: Half = half(20)) throws -> Half {
    try base.corrupted(corruption)
  }

  @Test func contrastPullsTowardsTheImagesMean() throws {
    let flat = try corrupted(Corruption(contrast: 0))
    for image in 0..<20 {
      let before = half(20).pixels[(image * 64)..<((image + 1) * 64)]
      let mean = before.reduce(0.0) { $0 + Double($1) } / 64
      let after = Array(flat.pixels[(image * 64)..<((image + 1) * 64)])
      #expect(Set(after).count == 1 && abs(Double(after[0]) - mean) <= 0.51)
    }
  }

  @Test func aBlurKeepsFlatImagesAndSpreadsAPoint() throws {
    var point = [UInt8](repeating: 0, count: 64)
    point[3 * 8 + 4] = 255
    let base = Half(
      of: "p", .train, classes: 1,
      samples: Samples(
        values: .bytes(Data(point + [UInt8](repeating: 90, count: 64))), sampleShape: [1, 8, 8], count: 2,
        labels: [0, 0]))
    let blurred = try corrupted(Corruption(blur: 0.6), base).pixels
    #expect(Array(blurred[64...]) == [UInt8](repeating: 90, count: 64))
    // exp(−d²/2σ²) in each direction, normalised over −2…2.
    let weights = (-2...2).map { exp(-Double($0 * $0) / (2 * 0.36)) }
    let sum = weights.reduce(0, +)
    for (y, x) in [(3, 4), (3, 5), (2, 3), (1, 4), (5, 6)] {
      let expected = 255 * weights[y - 3 + 2] * weights[x - 4 + 2] / (sum * sum)
      #expect(abs(Double(blurred[y * 8 + x]) - expected) <= 0.51, "\(y), \(x)")
    }
  }

  @Test func patchesChangePlacesAnewForEachImage() throws {
    let base = half(20)
    let permuted = try corrupted(Corruption(patches: 4, seed: 5))
    func patches(_ pixels: [UInt8], _ image: Int) -> [[UInt8]] {
      (0..<16).map { patch in
        (0..<4).map { pixels[image * 64 + (patch / 4 * 2 + $0 / 2) * 8 + patch % 4 * 2 + $0 % 2] }
      }
    }
    var orders = Set<[Int]>()
    for image in 0..<20 {
      let (before, after) = (patches(base.pixels, image), patches(permuted.pixels, image))
      #expect(before.map(\.description).sorted() == after.map(\.description).sorted())
      orders.insert(after.map { before.firstIndex(of: $0)! })
    }
    #expect(orders.count == 20)
    #expect(
      problem { _ = try base.corrupted(Corruption(patches: 3)) }
        == "base/train: 3 by 3 patches don't divide images of 8×8 evenly")
  }

  @Test func noiseHasItsDeviationAndItsSeed() throws {
    let grey = Half(
      of: "g", .train, classes: 1,
      samples: Samples(
        values: .bytes(Data(repeating: 128, count: 64 * 100)), sampleShape: [1, 8, 8], count: 100,
        labels: [Int32](repeating: 0, count: 100)))
    let noisy = try corrupted(Corruption(noise: 0.1, seed: 1), grey).pixels.map {
      Double($0) / 255 - 128.0 / 255
    }
    let deviation = (noisy.reduce(0) { $0 + $1 * $1 } / 6400).squareRoot()
    #expect(abs(deviation - 0.1) < 0.004)
    #expect(
      try corrupted(Corruption(noise: 0.1, seed: 1), grey).pixels
        == corrupted(Corruption(noise: 0.1, seed: 1), grey).pixels)
    #expect(
      try corrupted(Corruption(noise: 0.1, seed: 2), grey).pixels
        != corrupted(Corruption(noise: 0.1, seed: 1), grey).pixels)
  }

  @Test func aShareOfTheImagesIsCorruptedAndLabelsStay() throws {
    let base = half(20)
    let some = try corrupted(Corruption(contrast: 0, share: 0.25, seed: 9))
    let changed = (0..<20).filter {
      base.pixels[($0 * 64)..<($0 * 64 + 64)] != some.pixels[($0 * 64)..<($0 * 64 + 64)]
    }
    #expect(changed.count == 5 && some.samples.labels == base.samples.labels)
    #expect(some.description.classNames == base.description.classNames)
    // Of floats the same, without rounding.
    let floats = Half(
      of: "f", .train, classes: 1,
      samples: Samples(
        values: .floats(Tensor(shape: [1, 1, 8, 8], values: (0..<64).map { Float($0) / 64 })),
        sampleShape: [1, 8, 8],
        count: 1, labels: [0]))
    guard case .floats(let tensor) = try floats.corrupted(Corruption(contrast: 2)).samples.values else {
      return #expect(Bool(false), "floats")
    }
    #expect(tensor.values[0] == 0 && tensor.values[63] == 1)
    let (mean, before): (Float, Float) = (63.0 / 128, 40.0 / 64)
    #expect(abs(tensor.values[40] - (mean + 2 * (before - mean))) < 1e-6)
  }
}
