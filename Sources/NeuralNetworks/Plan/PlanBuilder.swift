// Owns the making of a plan: layers append their steps here and ask for values, gradients and parameters.
// It deliberately doesn't know any layer.

import COneDNN

/// A node of the fused graph, as a layer sees it while it is planned.
struct PlannedNode {
  /// The index of its value.
  let value: Int
  let inputs: [Int]
  let segment: Segment
  let segmentIndex: Int
  /// Whether its parameters get gradients.
  let isTrained: Bool
  /// Whether its value, or an input's, needs a gradient: whether there will be a backward step.
  let needsBackward: Bool
}

/// Collects a plan's steps and memory. Lives only while a plan is compiled.
final class PlanBuilder {
  /// When steps run: after parameters changed; forward; backward.
  enum Phase { case prepacking(segment: Int, usesStatistics: Bool), forward, backward }

  /// Memory that holds a gradient, and whether it may be overwritten.
  private struct Contribution {
    let memory: Memory
    let isOwned: Bool
  }

  let engine: OpaquePointer
  let batch: Int
  let segments: [Segment]
  private(set) var forwardSteps: [Step] = []
  private(set) var backwardSteps: [Step] = []
  private(set) var prepacked: [PrepackedWeights] = []
  private(set) var memories: [Memory] = []
  /// A block of gradients per segment, laid out as its parameter set's trained part.
  private(set) var gradients: [Int: Buffer] = [:]
  private var phase = Phase.forward
  private var values: [Int: Memory] = [:]
  private var copies: [ObjectIdentifier: [Memory]] = [:]
  private var contributions: [Int: [Contribution]] = [:]
  private let needsGradient: [Bool]

  init(segments: [Segment], batch: Int, needsGradient: [Bool]) throws {
    engine = try Engine.onThisThread()
    self.segments = segments
    self.batch = batch
    self.needsGradient = needsGradient
  }

  // MARK: Memory

  func makeMemory(_ layout: Layout, pinned: Bool = false) throws -> Memory {
    let isPrepacking = if case .prepacking = phase { true } else { false }
    let buffer = Buffer(byteCount: layout.byteCount, pinned: pinned || isPrepacking)
    return try makeMemory(layout, over: buffer)
  }

  func makeMemory(_ layout: Layout, over buffer: Buffer) throws -> Memory {
    let memory = try Memory(layout, buffer, engine)
    memories.append(memory)
    return memory
  }

  /// The same bytes under another shape; both layouts must be plain.
  func reshape(_ memory: Memory, to shape: [Int]) throws -> Memory {
    try makeMemory(.plain(shape), over: memory.buffer)
  }

  /// The memory in the wanted layout: itself, or a copy reordered at this point.
  func convert(_ memory: Memory, to layout: Layout) throws -> Memory {
    if memory.layout.isSame(as: layout) { return memory }
    if let copy = copies[ObjectIdentifier(memory)]?.first(where: { $0.layout.isSame(as: layout) }) {
      return copy
    }
    let copy = try makeMemory(layout)
    try reorder(memory, into: copy)
    // Forward, nothing is written twice, so that a copy stays good; gradients are summed in place.
    if case .forward = phase { copies[ObjectIdentifier(memory), default: []].append(copy) }
    return copy
  }

  /// Copies from one layout into another.
  func reorder(_ source: Memory, into target: Memory) throws {
    let descriptor = try PrimitiveDescriptor(
      "reorder \(source.shape)", engine, keeping: [source, target]
    ) { onednn_reorder($0, $1, source.layout.handle, target.layout.handle, $2) }
    try emit(descriptor, [(.source, source), (.target, target)])
  }

  // MARK: Steps

  func emit(_ step: Step) {
    switch phase {
    case .forward: forwardSteps.append(step)
    case .backward: backwardSteps.append(step)
    case .prepacking: prepacked[prepacked.count - 1].steps.append(step)
    }
  }

  /// Appends a primitive; scratch memory is added to its arguments.
  func emit(_ descriptor: PrimitiveDescriptor, _ arguments: [(onednn_role, Memory)]) throws {
    var arguments = arguments
    if let scratch = try descriptor.optionalLayout(.scratchpad) {
      arguments.append((.scratchpad, try makeMemory(scratch)))
    }
    emit(try PrimitiveStep(descriptor, arguments))
  }

  /// Appends a loop of our own.
  func emit(_ memories: [Memory], _ body: @escaping () -> Void) { emit(KernelStep(memories, body)) }

  func startBackward() { phase = .backward }

  /// Steps that run only when the segment's parameters (or statistics too) have changed; what they make is
  /// kept.
  func prepacking<R>(_ node: PlannedNode, usesStatistics: Bool, _ body: () throws -> R) rethrows -> R {
    let before = phase
    phase = .prepacking(segment: node.segmentIndex, usesStatistics: usesStatistics)
    prepacked.append(PrepackedWeights(parameters: node.segment.parameters, usesStatistics: usesStatistics))
    defer { phase = before }
    return try body()
  }

  // MARK: Parameters

  /// A live parameter in place, row-major, under `shape`.
  func parameter(_ node: PlannedNode, _ name: String, as shape: [Int]? = nil) throws -> Memory {
    let set = node.segment.parameters
    let slot = set.slot(name)
    let buffer = Buffer(set.base + slot.offset, byteCount: slot.count * 4, owner: set)
    return try makeMemory(.plain(shape ?? slot.declaration.shape), over: buffer)
  }

  /// Where a parameter's gradient goes, row-major, under `shape`.
  func gradient(_ node: PlannedNode, _ name: String, as shape: [Int]? = nil) throws -> Memory {
    let set = node.segment.parameters
    let slot = set.slot(name)
    if gradients[node.segmentIndex] == nil {
      let block = GradientBlock(count: set.trainedCount)
      gradients[node.segmentIndex] = Buffer(block.base, byteCount: set.trainedCount * 4, owner: block)
    }
    let block = gradients[node.segmentIndex]!
    let buffer = Buffer(block.address! + slot.offset * 4, byteCount: slot.count * 4, owner: block)
    return try makeMemory(.plain(shape ?? slot.declaration.shape), over: buffer)
  }

  // MARK: Values and their gradients

  func value(_ index: Int) -> Memory { values[index]! }
  func setValue(_ index: Int, _ memory: Memory) { values[index] = memory }
  func needsGradient(_ value: Int) -> Bool { needsGradient[value] }

  /// Adds a part of a value's gradient. Parts are summed in the order in which they come.
  /// - Parameter owned: whether nobody else reads the memory later.
  func contribute(_ memory: Memory, to value: Int, owned: Bool) throws {
    let converted = try convert(memory, to: values[value]!.layout)
    contributions[value, default: []].append(
      Contribution(memory: converted, isOwned: owned || converted !== memory))
  }

  /// The whole gradient of a value, in the value's layout; nil where nothing was contributed.
  /// - Parameter mask: the output of a ReLU; the gradient is zero where this is.
  func gradient(of value: Int, mask: Memory? = nil) throws -> Memory? {
    guard let parts = contributions[value], let first = parts.first else { return nil }
    guard parts.count > 1 || mask != nil else { return first.memory }
    // Two parts may be summed in place; more need a target that is none of them.
    let owned = parts.count <= 2 ? parts.first(where: \.isOwned)?.memory : nil
    let target = try owned ?? makeMemory(first.memory.layout)
    let count = target.floatCount
    let memories = parts.map(\.memory)
    switch (parts.count, mask) {
    case (1, let mask?):
      emit([memories[0], mask, target]) {
        Kernels.mask(memories[0].floats, where: mask.floats, into: target.floats, count)
      }
    case (2, let mask?):
      emit(memories + [mask, target]) {
        Kernels.add(
          memories[0].floats, memories[1].floats, where: mask.floats, into: target.floats, count)
      }
    default:
      emit(memories + [target]) {
        Kernels.add(memories[0].floats, memories[1].floats, into: target.floats, count)
        for more in memories.dropFirst(2) {
          Kernels.add(target.floats, more.floats, into: target.floats, count)
        }
      }
      if let mask {
        emit([mask, target]) {
          Kernels.mask(target.floats, where: mask.floats, into: target.floats, count)
        }
      }
    }
    contributions[value] = [Contribution(memory: target, isOwned: true)]
    return target
  }
}

/// Weights in the form that primitives take (their layout, a batch norm folded in), kept until the parameter
/// set changes.
struct PrepackedWeights {
  let parameters: ParameterSet
  let usesStatistics: Bool
  var steps: [Step] = []
  /// The versions it was last computed for.
  var seen = -1
  var seenStatistics = -1

  var isStale: Bool {
    seen != parameters.version || (usesStatistics && seenStatistics != parameters.statisticsVersion)
  }
}

/// The memory of one segment's parameter gradients.
private final class GradientBlock {
  let base: UnsafeMutablePointer<Float>
  init(count: Int) { base = allocateFloats(count) }
  deinit { UnsafeMutableRawPointer(base).deallocate() }
}
