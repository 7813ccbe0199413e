// Owns a compiled network: its steps, its memory, and what callers read and write. It deliberately doesn't
// know losses or optimisers.

import COneDNN
public import Tensor

/// A network compiled for one batch size. Forward and backward allocate nothing. For one thread at a time.
public final class Plan {
  /// The number of inputs that are computed at once.
  public let batch: Int
  /// The input's shape, batch first.
  public let inputShape: [Int]
  /// The output's shape, batch first.
  public let outputShape: [Int]
  /// Where `backward` takes gradients.
  public let gradientPoints: [TapPoint]
  /// The bytes that activations and gradients take.
  public let arenaByteCount: Int

  private let output: TapPoint
  private let segments: [Segment]
  private let inputMemory: Memory
  private let inputGradientMemory: Memory?
  private let tapMemories: [TapPoint: Memory]
  private let tapGradients: [TapPoint: Memory]
  private let parameterGradients: [Int: Buffer]
  private var prepacked: [PrepackedWeights]
  private let forwardSteps: [Step]
  private let backwardSteps: [Step]
  private let arena: Arena
  private let memories: [Memory]
  private let stream: OpaquePointer
  /// Whether the values of a forward pass are still there for a backward one, which overwrites them.
  private var hasForwardValues = false

  init(_ compiled: CompiledNetwork, batch: Int, output: TapPoint) throws {
    let builder = compiled.builder
    self.batch = batch
    self.output = output
    segments = builder.segments
    inputMemory = compiled.input
    inputGradientMemory = compiled.inputGradient
    tapMemories = compiled.taps
    tapGradients = compiled.tapGradients
    gradientPoints = compiled.gradientPoints
    inputShape = compiled.input.shape
    outputShape = compiled.taps[output]!.shape
    parameterGradients = builder.gradients
    prepacked = builder.prepacked.filter { !$0.steps.isEmpty }
    forwardSteps = builder.forwardSteps
    backwardSteps = builder.backwardSteps
    memories = builder.memories
    arena = Arena(
      prepacked.flatMap(\.steps) + forwardSteps + backwardSteps,
      alsoPinned: memories.map(\.buffer).filter(\.isPinned))
    arenaByteCount = arena.byteCount
    for memory in memories where memory.buffer.address != nil { try memory.attach() }
    var stream: OpaquePointer?
    try check(onednn_stream_create(&stream, builder.engine), "stream")
    self.stream = stream!
  }

  deinit { onednn_stream_destroy(stream) }

  // MARK: Forward

  /// The network's input, row-major (NCHW), to be written before `forward`.
  public var input: UnsafeMutableBufferPointer<Float> { inputMemory.elements }

  /// Computes everything from what `input` holds.
  public func forward() throws {
    hasForwardValues = false
    try Engine.computing {
      for index in prepacked.indices where prepacked[index].isStale {
        for step in prepacked[index].steps { try step.run(stream) }
        prepacked[index].seen = prepacked[index].parameters.version
        prepacked[index].seenStatistics = prepacked[index].parameters.statisticsVersion
      }
      for step in forwardSteps { try step.run(stream) }
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
    UnsafeBufferPointer(memory(of: tap).elements)
  }

  /// A copy of `value(of:)`.
  public func tensor(of tap: TapPoint) -> Tensor {
    Tensor(shape: memory(of: tap).shape, values: value(of: tap))
  }

  /// The shape of a tap's value, batch first.
  public func shape(of tap: TapPoint) -> [Int] { memory(of: tap).shape }

  /// What the network makes: logits, or activations.
  public var logits: UnsafeBufferPointer<Float> { value(of: output) }

  private func memory(of tap: TapPoint) -> Memory {
    guard let memory = tapMemories[tap] else { preconditionFailure("BUG: the plan has no tap \(tap)") }
    return memory
  }

  // MARK: Backward

  /// Where the gradient of the loss by the value at one of `gradientPoints` is to be written before `backward`:
  /// row-major, batch first, in the shape of the value (`shape(of:)`). It keeps its content.
  public func gradient(at point: TapPoint) -> UnsafeMutableBufferPointer<Float> {
    guard let memory = tapGradients[point] else {
      preconditionFailure("BUG: the plan takes no gradient at \(point)")
    }
    return memory.elements
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
    hasForwardValues = false
    try Engine.computing {
      for step in backwardSteps { try step.run(stream) }
    }
  }

  /// Copies gradients, one for each of `gradientPoints`, and computes the wanted ones.
  public func backward(_ gradients: [TapPoint: Tensor]) throws {
    for point in gradientPoints {
      guard let tensor = gradients[point] else {
        throw NetworkError("no gradient is given at \(point)")
      }
      guard tensor.shape == tapGradients[point]!.shape else {
        throw NetworkError("the gradient at \(point) should be \(tapGradients[point]!.shape)")
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
    return UnsafeBufferPointer(inputGradientMemory.elements)
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

  /// The primitives that a step runs, forward and backward, in their order: what each computes, and which
  /// implementation oneDNN chose for it here.
  package var primitives: [(name: String, implementation: String)] {
    (forwardSteps + backwardSteps).compactMap {
      ($0 as? PrimitiveStep).map { ($0.name, $0.implementation) }
    }
  }

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

  var values: UnsafePointer<Float> { UnsafePointer(block.address!.assumingMemoryBound(to: Float.self)) }

  /// A copy of one parameter's gradient.
  public func tensor(_ name: String) -> Tensor {
    let slot = parameters.slot(name)
    return Tensor(
      shape: slot.declaration.shape,
      values: UnsafeBufferPointer(start: values + slot.offset, count: slot.count))
  }
}

extension Memory {
  /// All elements of a row-major layout.
  var elements: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: floats, count: floatCount)
  }
}
