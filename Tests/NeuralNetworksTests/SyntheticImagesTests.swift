import Datasets
import NeuralNetworks
import Tensor
import Testing

/// A loader as training and evaluation want it.
private struct Source: BatchSource, ExampleSource {
  let loader: BatchLoader
  var shape: ImageShape { ImageShape(channels: 3, height: 32, width: 32) }
  var classes: Int? { loader.half.classes }
  var batch: Int { loader.options.batch }
  var batchesPerEpoch: Int { loader.stepsPerEpoch }
  var count: Int { loader.count }

  func fill(
    epoch: Int, step: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) {
    loader.fill(epoch: epoch, step: step, into: images, labels: labels)
  }

  func fill(
    _ range: Range<Int>, images: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Int32>
  ) {
    loader.fill(range, into: images, labels: labels)
  }
}

/// 2,000 images and six epochs give 86%; the defaults (4,000 images) and ten epochs 94%.
@Test func theSmallCNNLearnsTheSyntheticImages() throws {
  let dataset = SyntheticImages(train: 2000).dataset()
  let architecture = try Architecture(
    name: "small_cnn", input: ImageShape(channels: 3, height: 32, width: 32), classes: 10)
  let loader = try BatchLoader(
    #require(dataset.train), options: .init(batch: 64, shuffle: true, dropLast: true))
  let (model, _) = try Trainer(epochs: 6, rate: LearningRate(0.05, StepSchedule())).train(
    .initialised(architecture: architecture, seed: 0), on: Source(loader: loader))
  let test = try Source(loader: BatchLoader(#require(dataset.test)))
  let accuracy = try Evaluation(of: Network(model), on: test).accuracy
  #expect(accuracy > 0.8 && accuracy < 0.95, "\(accuracy)")
}
