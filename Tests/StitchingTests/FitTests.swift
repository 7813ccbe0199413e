import NeuralNetworks
import Stitching
import Tensor
import Testing

private func quick(_ method: FitMethod, epochs: Int = 4) -> FitOptions {
  var options = method.options
  if options.epochs > 0 { options.epochs = epochs }
  options.learningRate = 1e-2
  options.schedule = ConstantSchedule()
  options.initialisation = method == .direct ? .leastSquares : .random
  return options
}

private var shuffled: ImageList {
  var images = ImageList(seed: 1, count: 70, batch: 16)
  images.shuffles = true
  return images
}

/// From a random map, each loss comes near to what it is at the map that least squares finds; the task's, which
/// least squares doesn't know, lower.
@Test(
  arguments: [(FitMethod.hint, 1.35), (.fula, 1.35), (.softLabel, 1.1), (.taskLoss, 1)],
  ["down", "up", "same"])
func everyTrainedMethodReachesTheClosedForm(method: (FitMethod, Double), name: String) throws {
  let stitch = try References.stitch(name)
  let trained = try stitch.fit(on: shuffled, options: quick(method.0, epochs: 60)).facts
  var options = quick(method.0, epochs: 1)
  options.initialisation = .leastSquares
  options.learningRate = 1e-12
  let closed = try stitch.fit(on: shuffled, options: options).facts
  #expect(trained.losses.count == 60 && trained.leastSquaresError == nil && trained.rank == nil)
  #expect(trained.losses[59] < method.1 * closed.losses[0], "\(trained.losses[59]), \(closed.losses[0])")
}

@Test func aFitRepeatsBitForBit() throws {
  let stitch = try References.stitch("same")
  let a = try stitch.fit(on: shuffled, options: quick(.fula))
  let b = try stitch.fit(on: shuffled, options: quick(.fula))
  #expect(a.map == b.map && a.facts == b.facts)
}

@Test func trainingHintApproachesTheClosedForm() throws {
  let stitch = try References.stitch("same")
  let images = ImageList(seed: 1, count: 64, batch: 64)
  let best = try stitch.fit(on: images, options: FitMethod.direct.options).facts.leastSquaresError!
  var options = quick(.hint, epochs: 600)
  options.weightDecay = 0
  let trained = try stitch.fit(on: images, options: options)
  let error = try stitch.structuralError(of: trained.map, on: ActivationCache(images, budget: 0))
  #expect(error >= best * 0.999 && error < best * 1.1 + 1e-3, "\(error), \(best)")
}

@Test func progressIsToldAndCancellingStops() throws {
  let stitch = try References.stitch("same")
  var seen: [FitProgress] = []
  _ = try stitch.fit(on: shuffled, options: quick(.hint), progress: { seen.append($0) })
  #expect(seen.count == 16)
  #expect(seen.last?.epoch == 3 && seen.last?.epochs == 4 && seen.last?.step == 4 && seen.last?.steps == 4)
  #expect(throws: CancellationError.self) {
    var asked = 0
    let isCancelled = {
      asked += 1
      return asked > 5
    }
    _ = try stitch.fit(on: shuffled, options: quick(.hint), isCancelled: isCancelled)
  }
}

@Test func aLossThatIsNoNumberNamesItsStep() throws {
  let stitch = try References.stitch("same")
  var options = quick(.taskLoss)
  options.learningRate = 1e30
  do {
    _ = try stitch.fit(on: shuffled, options: options)
    Issue.record("a diverging fit went through")
  } catch let error as StitchingError {
    #expect(error.description.contains("epoch 1, step 2") || error.description.contains("epoch 1, step 3"))
    #expect(error.description.hasPrefix("the fit diverged at epoch 1, step "))
    #expect(error.description.contains(", at a learning rate of 1e+30: the "))
  }
}

@Test func wrongOptionsAndStitchesAreExplained() throws {
  func problem(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch { return "\(error)" }
  }
  let stitch = try References.stitch("same")
  func message(_ change: (inout FitOptions) -> Void) -> String {
    var options = quick(.fula)
    change(&options)
    return problem { _ = try stitch.fit(on: shuffled, options: options) }
  }
  #expect(message { $0.objective = Objective() }.contains("needs a loss whose weight is above 0"))
  #expect(message { $0.learningRate = 0 } == "learning rate 0.0; expected one above 0")
  #expect(message { $0.objective.cutWeights = [1, 2] }.contains("expected 1 from 'conv4' on"))
  #expect(message { $0.leastSquaresSamples = 0 }.contains("0 samples"))
  let fiveClasses = ImageList(seed: 1, count: 32, classes: 5, batch: 16)
  #expect(
    problem { _ = try stitch.fit(on: fiveClasses, options: quick(.taskLoss)) }
      == "the images' labels count over 5 classes, but the network tells 3 apart; train it on these classes, or "
      + "take other images")
  var unlabelled = shuffled
  unlabelled.classes = nil
  #expect(
    problem { _ = try stitch.fit(on: unlabelled, options: quick(.taskLoss)) }
      == "the images have no labels, which the cross-entropy needs")
  #expect(problem { _ = try stitch.fit(on: unlabelled, options: quick(.hint)) } == "none")
  #expect(
    problem { _ = try stitch.fit(on: ImageList(seed: 1, count: 8, batch: 16), options: quick(.fula)) }
      .contains("no batch of 16 images"))
  #expect(
    problem { _ = try Stitch(front: stitch.front, from: Cut("conv9"), end: stitch.end, to: stitch.to) }
      .contains("conv9"))
  let small = try Model.initialised(
    architecture: Architecture(
      name: "small_cnn", input: ImageShape(channels: 1, height: 8, width: 8), classes: 3, width: 4), seed: 0)
  #expect(
    problem { _ = try Stitch(front: small, from: Cut("conv1"), end: stitch.end, to: stitch.to) }
      .contains("the front takes images of 1×8×8, the end of 1×16×16"))
}
