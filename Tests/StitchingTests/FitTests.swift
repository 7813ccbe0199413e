import NeuralNetworks
import Stitching
import Tensor
import Testing

private func quick(_ method: FitMethod, epochs: Int = 4) -> FitOptions {
  var options = method.options
  if options.epochs > 0 { options.epochs = epochs }
  options.learningRate = 1e-2
  options.schedule = .constant
  options.initialisation = method == .direct ? .leastSquares : .random
  return options
}

private var shuffled: ImageList {
  var images = ImageList(seed: 1, count: 70, batch: 16)
  images.shuffles = true
  return images
}

@Test(arguments: FitMethod.allCases, ["down", "up", "same"])
func everyMethodImprovesItsLoss(method: FitMethod, name: String) throws {
  let stitch = try References.stitch(name)
  let images = shuffled
  let fitted = try stitch.fit(on: images, options: quick(method))
  if method == .direct {
    #expect(fitted.facts.losses.isEmpty)
    // Below 1, the error of a map that is zero.
    #expect(fitted.facts.leastSquaresError! < 0.9)
  } else {
    #expect(fitted.facts.losses.count == 4)
    #expect(fitted.facts.losses[3] < fitted.facts.losses[0])
  }
}

@Test(arguments: [FitMethod.fula, .softLabel])
func whatIsKeptChangesNoBit(method: FitMethod) throws {
  let stitch = try References.stitch("down")
  var options = quick(method)
  let images = shuffled
  let kept = try stitch.fit(on: images, options: options)
  // Room for a part of the images, then for none.
  options.memory = 30_000
  let partly = try stitch.fit(on: images, options: options)
  options.memory = 0
  let anew = try stitch.fit(on: images, options: options)
  var unfixed = images
  unfixed.isFixed = false
  let asIfAugmented = try stitch.fit(on: unfixed, options: options)
  #expect(kept.map == partly.map && kept.map == anew.map && kept.map == asIfAugmented.map)
  #expect(kept.facts.losses == anew.facts.losses)
  // Once for each image, against once for each in every epoch.
  #expect(kept.facts.computedImages <= 70)
  #expect(partly.facts.computedImages > 70 && partly.facts.computedImages < 4 * 64)
  #expect(anew.facts.computedImages == 4 * 64 && asIfAugmented.facts.computedImages == 4 * 64)
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
  let error = try stitch.structuralError(of: trained.map, on: images)
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
  #expect(message { $0.samples = 0 }.contains("0 samples"))
  let fiveClasses = ImageList(seed: 1, count: 32, classes: 5, batch: 16)
  #expect(
    problem { _ = try stitch.fit(on: fiveClasses, options: quick(.taskLoss)) }
      == "the data have a label 3, but the end tells 3 classes apart; expected 0…2")
  #expect(
    problem { _ = try stitch.fit(on: ImageList(seed: 1, count: 8, batch: 16), options: quick(.fula)) }
      .contains("no batch of 16 images"))
  #expect(
    problem { _ = try Stitch(front: stitch.front, from: Cut("conv9"), end: stitch.end, to: stitch.to) }
      .contains("conv9"))
  let small = try Model.initialised(
    architecture: Architecture(
      name: "small-cnn", input: ImageShape(channels: 1, height: 8, width: 8), classes: 3, width: 4), seed: 0)
  #expect(
    problem { _ = try Stitch(front: small, from: Cut("conv1"), end: stitch.end, to: stitch.to) }
      .contains("the front takes images of 1×8×8, the end of 1×16×16"))
}
