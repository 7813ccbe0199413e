// Owns a compiled network: its steps, its memory, and what callers read and write. It deliberately doesn't
// know losses or optimisers.

import COneDNN
public import Tensor

/// A network compiled for one batch size. Forward and backward allocate nothing large but what a thread needs that
/// computes for the first time. For one caller at a time; a pass is spread over the threads that `Team` has, and its
/// bits depend neither on their number nor on which computes what: the batch is divided into tiles by its size and the
/// network's alone, and what is summed over images is summed in the order of the tiles.
public final class Plan {
  /// The number of inputs that are computed at once.
  public let batch: Int
  /// The input's shape, batch first.
  public let inputShape: [Int]
  /// The output's shape, batch first.
  public var outputShape: [Int] { shape(of: output) }
  /// Where `backward` takes gradients.
  public let gradientPoints: [TapPoint]
  /// The bytes that activations and gradients take, for the whole batch and in each thread.
  public var arenaByteCount: (kept: Int, perThread: Int) { (arena.byteCount, arena.scratchByteCount) }

  private let output: TapPoint
  private let segments: [Segment]
  private let inputMemory: Memory
  private let inputGradientMemory: Memory?
  private let tapMemories: [TapPoint: Memory]
  private let tapGradients: [TapPoint: Memory]
  private let parameterGradients: [Int: Buffer]
  private var prepacked: [PrepackedWeights]
  /// The prepared weights that may be prepared at the same time, one group after the other.
  private let prepackingOrder: [[Int]]
  let program: Program
  let forwardRegions: [Region]
  let backwardRegions: [Region]
  private let arena: Arena
  private let room: PlanRoom
  private let comparisons: [TapPoint: TapComparison]
  let tiles: Int
  /// Whether the values of a forward pass are still there for a backward one, which overwrites them.
  private var hasForwardValues = false

  init(_ compiled: CompiledNetwork, output: TapPoint, in room: PlanRoom) throws {
    let builder = compiled.builder
    self.room = room
    comparisons = compiled.comparisons
    tiles = builder.tiles
    batch = builder.batch * builder.tiles
    self.output = output
    segments = builder.segments
    inputMemory = compiled.input
    inputGradientMemory = compiled.inputGradient
    tapMemories = compiled.taps
    tapGradients = compiled.tapGradients
    gradientPoints = compiled.gradientPoints
    inputShape = [batch] + compiled.input.shape.dropFirst()
    parameterGradients = builder.gradients
    let prepacked = builder.prepacked.filter { !$0.steps.isEmpty }
    self.prepacked = prepacked
    let preparing = Region.regions(prepacked.map(\.steps))
    var next = 0
    prepackingOrder = preparing.map { region in
      guard case .shared(let chains) = region else { preconditionFailure("BUG: weights of one tile") }
      defer { next += chains.count }
      return Array(next..<(next + chains.count))
    }
    forwardRegions = Region.regions(builder.forwardSteps)
    backwardRegions = Region.regions(builder.backwardSteps)
    arena = Arena(
      preparing + forwardRegions + backwardRegions, tiles: tiles,
      alsoPinned: builder.memories.map(\.buffer).filter(\.isPinned), in: room)
    program = try Program(
      builder.memories, tiles: tiles, scratchByteCount: arena.scratchByteCount, in: room, builder.engine)
  }

  // MARK: Forward

  /// The network's input, row-major (NCHW), to be written before `forward`.
  public var input: UnsafeMutableBufferPointer<Float> { elements(inputMemory) }

  /// Computes everything from what `input` holds.
  public func forward() throws {
    hasForwardValues = false
    room.hold(for: self)
    for group in prepackingOrder {
      let stale = group.filter { prepacked[$0].isStale }
      try program.run(.shared(stale.map { prepacked[$0].steps }))
      for index in stale {
        prepacked[index].seen = prepacked[index].parameters.version
        prepacked[index].seenStatistics = prepacked[index].parameters.statisticsVersion
      }
    }
    for region in forwardRegions { try program.run(region) }
    for segment in segments where segment.statistics == .batchAndUpdate {
      segment.parameters.statisticsChanged()
    }
    hasForwardValues = true
  }

  /// Copies an input of the plan's shape and computes everything.
  public func forward(_ x: Tensor) throws {
    guard x.shape == inputShape else {
      throw NetworkError("the network takes \(inputShape), not \(x.shape)")
    }
    x.withUnsafeValues { _ = input.update(from: $0) }
    try forward()
  }

  /// What the last forward pass gave at a tap, row-major, batch first; overwritten by the next one.
  /// The tap must be one of those that the plan was compiled with, or the output.
  public func value(of tap: TapPoint) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(elements(memory(of: tap)))
  }

  /// A copy of `value(of:)`.
  public func tensor(of tap: TapPoint) -> Tensor {
    Tensor(shape: shape(of: tap), values: value(of: tap))
  }

  /// The shape of a tap's value, batch first.
  public func shape(of tap: TapPoint) -> [Int] { [batch] + memory(of: tap).shape.dropFirst() }

  /// What the network makes: logits, or activations.
  public var logits: UnsafeBufferPointer<Float> { value(of: output) }

  private func memory(of tap: TapPoint) -> Memory {
    guard let memory = tapMemories[tap] else { preconditionFailure("BUG: the plan has no tap \(tap)") }
    return memory
  }

  /// The comparison of one of the values that the plan was compiled to compare.
  package func comparison(at tap: TapPoint) -> TapComparison {
    guard let comparison = comparisons[tap] else {
      preconditionFailure("BUG: the plan compares nothing at \(tap)")
    }
    return comparison
  }

  // MARK: Backward

  /// Where the gradient of the loss by the value at one of `gradientPoints` is to be written before `backward`:
  /// row-major, batch first, in the shape of the value (`shape(of:)`). It keeps its content.
  public func gradient(at point: TapPoint) -> UnsafeMutableBufferPointer<Float> {
    guard let memory = tapGradients[point] else {
      preconditionFailure("BUG: the plan takes no gradient at \(point)")
    }
    return elements(memory)
  }

  /// Where the gradient of the output is to be written.
  public var logitsGradient: UnsafeMutableBufferPointer<Float> { gradient(at: output) }

  /// Computes the wanted gradients of the last forward pass from those at `gradientPoints`. `input` must still
  /// hold what that pass took.
  /// - Throws: `NetworkError` where there was no forward pass since the last backward one, which has overwritten
  ///   what it kept.
  public func backward() throws {
    guard hasForwardValues else {
      throw NetworkError(
        "backward needs a forward pass of its own before it; it overwrites what that kept")
    }
    precondition(room.holder === self, "BUG: another plan has computed in the same room since")
    hasForwardValues = false
    for region in backwardRegions { try program.run(region) }
  }

  /// Copies gradients, one for each of `gradientPoints`, and computes the wanted ones.
  public func backward(_ gradients: [TapPoint: Tensor]) throws {
    for point in gradientPoints {
      guard let tensor = gradients[point] else {
        throw NetworkError("no gradient is given at \(point)")
      }
      guard tensor.shape == shape(of: point) else {
        throw NetworkError("the gradient at \(point) should be \(shape(of: point))")
      }
      tensor.withUnsafeValues { _ = gradient(at: point).update(from: $0) }
    }
    try backward()
  }

  /// The gradient of the input, row-major (NCHW). The plan must want it.
  public var inputGradient: UnsafeBufferPointer<Float> {
    guard let inputGradientMemory else {
      preconditionFailure("BUG: the plan doesn't want the input's gradient")
    }
    return UnsafeBufferPointer(elements(inputGradientMemory))
  }

  /// The gradients of a segment's trained parameters, laid out as `ParameterSet.trained`, for an optimiser.
  public func gradients(of segment: Int) -> ParameterGradients {
    guard let block = parameterGradients[segment] else {
      preconditionFailure("BUG: the plan wants no gradients of segment \(segment)")
    }
    return ParameterGradients(
      parameters: segments[segment].parameters,
      block: block)
  }

  /// All elements of a row-major memory that has a place.
  private func elements(_ memory: Memory) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: memory.buffer.base!.assumingMemoryBound(to: Float.self), count: memory.valueCount * tiles)
  }

  /// What a pass computes, forward and backward, in its order: each step, and which implementation was chosen for
  /// it here.
  package var steps: [(name: String, implementation: String)] {
    (forwardRegions + backwardRegions).flatMap(\.steps).map { ($0.name, $0.implementation) }
  }

  /// The steps that prepare each of the weights.
  var preparationChains: [[Step]] { prepacked.map(\.steps) }

  /// Where activations and gradients lie in the plan's memory, in the order of their first use.
  package var arenaOffsets: [Int] { arena.offsets }

  /// The indices of the segments that get parameter gradients.
  public var trainedSegments: [Int] { parameterGradients.keys.sorted() }
}

/// The gradients of one segment's parameters; the plan's next backward pass overwrites them.
public struct ParameterGradients {
  /// Whose gradients they are.
  public let parameters: ParameterSet
  let block: Buffer

  var values: UnsafePointer<Float> { UnsafePointer(block.base!.assumingMemoryBound(to: Float.self)) }

  /// A copy of one parameter's gradient.
  public func tensor(_ name: String) -> Tensor {
    let slot = parameters.slot(name)
    return Tensor(
      shape: slot.declaration.shape,
      values: UnsafeBufferPointer(start: values + slot.offset, count: slot.count))
  }

  /// Overwrites one parameter's gradient until the plan computes the next.
  package func set(_ name: String, to tensor: Tensor) {
    let slot = parameters.slot(name)
    precondition(tensor.count == slot.count, "BUG: the gradient of '\(name)' is \(slot.declaration.shape)")
    tensor.withUnsafeValues {
      (UnsafeMutablePointer(mutating: values) + slot.offset).update(from: $0.baseAddress!, count: slot.count)
    }
  }
}
