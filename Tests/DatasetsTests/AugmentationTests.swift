import Datasets
import Foundation
import Tensor
import Testing

/// Grey images of one bright half, with labels in turn.
private func half(_ count: Int, side: Int = 8, classes: Int = 4) -> Half {
  let pixels = (0..<(count * side * side)).map { UInt8(truncatingIfNeeded: 1 + $0 * 37 % 251) }
  return Half(
    of: "grey", .train, classes: classes,
    samples: Samples(
      values: .bytes(Data(pixels)), sampleShape: [1, side, side], count: count,
      labels: (0..<count).map { Int32($0 % classes) }))
}

private func batch(_ half: Half, _ augmentation: [any Augmentation], epoch: Int = 0) throws -> [Float] {
  let options = BatchLoader.Options(batch: half.samples.count, seed: 3, augmentation: augmentation)
  return try BatchLoader(half, options: options).batch(epoch: epoch, step: 0).samples.values
}

@Test func augmentationsAreDoneInTheirOrder() throws {
  let images = half(16)
  let plain = try batch(images, [])
  #expect(try batch(images, [Flip()]) != plain)
  #expect(try batch(images, [Flip(), Crop(padding: 1)]) != batch(images, [Crop(padding: 1), Flip()]))
}

@Test func aCropOfAnyPaddingIsAWindowOfThePaddedImage() throws {
  let images = half(64)
  let plain = try batch(images, [])
  for padding in [1, 3, 8] {
    let cropped = try batch(images, [Crop(padding: padding)])
    var places = Set<[Int]>()
    for image in 0..<64 {
      func pixel(_ y: Int, _ x: Int) -> Float {
        (0..<8).contains(y) && (0..<8).contains(x) ? plain[image * 64 + y * 8 + x] : 0
      }
      let place = (-padding...padding).lazy.flatMap { down in (-padding...padding).map { [down, $0] } }.first
      { p in
        (0..<64).allSatisfy { cropped[image * 64 + $0] == pixel($0 / 8 + p[0], $0 % 8 + p[1]) }
      }
      places.insert(try #require(place, "image \(image), padding \(padding)"))
    }
    #expect(places.count > 5)
  }
}

@Test func cutoutLeavesAllButASquareOfTheMeanColour() throws {
  let images = half(200)
  let mean = Float(try #require(images.description.channels).mean[0])
  let (plain, cut) = (try batch(images, []), try batch(images, [Cutout(size: 4)]))
  var areas: [Int] = []
  for image in 0..<200 {
    let changed = (0..<64).filter { plain[image * 64 + $0] != cut[image * 64 + $0] }
    #expect(changed.allSatisfy { cut[image * 64 + $0] == mean })
    let (rows, columns) = (Set(changed.map { $0 / 8 }), Set(changed.map { $0 % 8 }))
    #expect(changed.count == rows.count * columns.count && rows.count <= 4 && columns.count <= 4)
    areas.append(changed.count)
  }
  // A square around a pixel at the border is cut by it, around one in the middle whole.
  #expect(areas.min()! < 16 && areas.max() == 16)
}

@Test func mixupMixesImagesAndTargetsAlike() throws {
  let images = half(8)
  let options = BatchLoader.Options(batch: 8, seed: 3, augmentation: [Mixup(alpha: 0.7)])
  let loader = try BatchLoader(images, options: options)
  let plain = try batch(images, [])
  var seen = Set<Float>()
  for epoch in 0..<4 {
    let mixed = loader.batch(epoch: epoch, step: 0)
    #expect(mixed.labels == [0, 1, 2, 3, 0, 1, 2, 3])
    var targets = Tensor(
      shape: [8, 4], values: mixed.labels.flatMap { l in (0..<4).map { $0 == Int(l) ? Float(1) : 0 } })
    targets.withUnsafeMutableValues { loader.mixTargets($0, epoch: epoch, step: 0) }
    let mixing = try #require(Mixup(alpha: 0.7).mixing(rows: 8, seed: 3, step: epoch))
    seen.insert(mixing.share)
    #expect(mixing.partners.sorted() == Array(0..<8))
    for row in 0..<8 {
      let partner = mixing.partners[row]
      for c in 0..<4 {
        let expected = mixing.share * (c == row % 4 ? 1 : 0) + (1 - mixing.share) * (c == partner % 4 ? 1 : 0)
        #expect(targets.values[row * 4 + c] == expected)
      }
      for i in 0..<64 {
        let expected = mixing.share * plain[row * 64 + i] + (1 - mixing.share) * plain[partner * 64 + i]
        #expect(mixed.samples.values[row * 64 + i] == expected)
      }
    }
  }
  #expect(seen.count == 4)
  #expect(!loader.isFixed)
}

/// Beta(α, α): mean 1/2, variance 1 / (4 (2α + 1)).
@Test(arguments: [0.2, 1, 5])
func mixupsSharesHaveTheMomentsOfTheBetaDistribution(_ alpha: Double) throws {
  let shares = try (0..<4000).map {
    Double(try #require(Mixup(alpha: alpha).mixing(rows: 1, seed: 1, step: $0)).share)
  }
  let mean = shares.reduce(0, +) / 4000
  let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000
  let expected = 1 / (4 * (2 * alpha + 1))
  #expect(abs(mean - 0.5) < 0.03)
  #expect(abs(variance / expected - 1) < 0.08, "\(variance), not \(expected)")
}

@Test func augmentationsThatMakeNoSenseAreRefused() throws {
  func problem(_ augmentation: any Augmentation) -> String {
    #expect(throws: DatasetError.self) { try batch(half(4), [augmentation]) }?.description ?? ""
  }
  #expect(problem(Crop(padding: 9)) == "crop: a padding of 9 pixels; images of 1×8×8 take 1 to 8")
  #expect(problem(Cutout(size: 17)) == "cutout: a square of 17 pixels for images of 1×8×8, expected 1 to 16")
  #expect(problem(Mixup(alpha: 0)) == "mixup: alpha 0.0; expected one above 0")
  let vectors = Half(
    of: "v", .train, classes: 0,
    samples: Samples(values: .floats(Tensor(zeros: [4, 3])), sampleShape: [3], count: 4, labels: nil))
  let error = #expect(throws: DatasetError.self) { try batch(vectors, [Flip()]) }
  #expect(error?.description == "v/train has samples of shape [3]; only images can be augmented")
}

@Test func classesWithoutASampleAreKnown() throws {
  #expect(try BatchLoader(half(8)).emptyClasses == [])
  #expect(try BatchLoader(half(8), options: .init(limit: 2)).emptyClasses == [2, 3])
}
