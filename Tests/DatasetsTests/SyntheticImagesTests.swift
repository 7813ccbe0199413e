import Datasets
import Foundation
import Tensor
import Testing

@Test func syntheticImagesAreAFunctionOfTheirSeed() throws {
  func bytes(_ half: Half?) throws -> Data {
    guard case .bytes(let data) = try #require(half).samples.values else { return Data() }
    return Data(data)
  }
  let a = SyntheticImages(train: 30, test: 20, seed: 1).dataset()
  let b = SyntheticImages(train: 40, test: 20, seed: 1).dataset()
  #expect(try bytes(a.train) == bytes(b.train).prefix(30 * 3072))
  #expect(try bytes(a.test) == bytes(b.test))
  #expect(try bytes(a.test) != bytes(a.train).prefix(20 * 3072))
  #expect(try bytes(SyntheticImages(train: 30, seed: 2).dataset().train) != bytes(a.train))
  #expect(a.train?.samples.labels?.prefix(12) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
  let channels = try #require(a.train?.description.channels)
  #expect(channels.mean.allSatisfy { $0 > 0.4 && $0 < 0.6 } && channels.deviation.allSatisfy { $0 > 0.1 })
}

@Test func aLinearClassifierFailsOnSyntheticImages() throws {
  let dataset = SyntheticImages(train: 1000, test: 500).dataset()
  let x = try pixels(dataset, .train)
  let test = try pixels(dataset, .test)
  let labels = dataset.train!.samples.labels!
  var targets = Matrix(zeros: x.rows, 10)
  for (row, label) in labels.enumerated() { targets[row, Int(label)] = 1 }
  // Ridge regression in its dual form: predictions are K* (K + λ)⁻¹ Y; the best of several λ is what counts.
  let (values, vectors) = try x.timesTransposed(x).symmetricEigen()
  let projected = vectors * targets
  let kernel = test.timesTransposed(x).timesTransposed(vectors)
  var best = 0.0
  for ridge in [1e-2, 1, 1e2, 1e3, 1e4, 1e5] {
    var scaled = projected
    for row in 0..<scaled.rows { for column in 0..<10 { scaled[row, column] /= values[row] + ridge } }
    let scores = kernel * scaled
    let right = (0..<test.rows).count { row in
      (0..<10).max { scores[row, $0] < scores[row, $1] } == Int(dataset.test!.samples.labels![row])
    }
    best = max(best, Double(right) / Double(test.rows))
  }
  #expect(best < 0.5, "\(best)")
}

private func pixels(_ dataset: Dataset, _ split: Split) throws -> Matrix {
  let loader = try BatchLoader(
    #require(split == .train ? dataset.train : dataset.test), options: .init(batch: 5000))
  let values = loader.batch(step: 0).samples.values
  return Matrix(loader.count, 3072, values: values.map { Double($0) - 0.5 })
}
