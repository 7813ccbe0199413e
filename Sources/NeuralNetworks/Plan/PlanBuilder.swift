// Owns the making of a plan: layers append their steps here and ask for values, gradients and parameters.
// It deliberately doesn't know any layer.

import CKernels
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
///
/// A step computes one tile of the batch, so that shapes have `batch` images, those of a tile; shared steps are
/// computed once, when all tiles have come so far.
final class PlanBuilder {
  /// When steps run: after parameters changed; forward; backward.
  enum Phase { case prepacking(segment: Int, usesStatistics: Bool), forward, backward }

  /// Memory that holds a gradient, and whether it may be overwritten.
  private struct Contribution {
    let memory: Memory
    let isOwned: Bool
  }

  let engine: OpaquePointer
  /// The images of one tile.
  let batch: Int
  /// The number of tiles.
  let tiles: Int
  /// What convolutions compute with.
  let element: onednn_element
  let segments: [Segment]
  /// Chains of steps, each of tiles or shared.
  private(set) var forwardSteps: [[Step]] = []
  private(set) var backwardSteps: [[Step]] = []
  private(set) var prepacked: [PrepackedWeights] = []
  private(set) var memories: [Memory] = []
  /// A block of gradients per segment, laid out as its parameter set's trained part.
  private(set) var gradients: [Int: Buffer] = [:]
  private var phase = Phase.forward
  private var values: [Int: Memory] = [:]
  private var recipes: [Int: () throws -> Memory] = [:]
  private var affine: [Int: ChannelValues] = [:]
  private var copies: [ObjectIdentifier: [Memory]] = [:]
  private var contributions: [Int: [Contribution]] = [:]
  private var deferred: [[Step]] = []
  private let needsGradient: [Bool]
  private let uses: [Int]

  /// - Parameters:
  ///   - needsGradient: of each value.
  ///   - uses: how many layers take each value.
  init(
    segments: [Segment], tiling: Tiling, element: onednn_element, needsGradient: [Bool], uses: [Int]
  ) throws {
    engine = try Engine.onThisThread()
    self.element = element
    self.segments = segments
    batch = tiling.images
    tiles = tiling.tiles
    self.needsGradient = needsGradient
    self.uses = uses
  }

  // MARK: Memory

  /// Memory for one tile's values; while weights are prepared, for all tiles.
  func makeMemory(_ layout: Layout, pinned: Bool = false) -> Memory {
    if case .prepacking = phase { return makeShared(layout, pinned: true) }
    return makeMemory(layout, over: Buffer(byteCount: layout.byteCount, perTile: true, pinned: pinned))
  }

  /// Memory that all tiles read.
  func makeShared(_ layout: Layout, pinned: Bool = false) -> Memory {
    makeMemory(layout, over: Buffer(byteCount: layout.byteCount, perTile: false, pinned: pinned))
  }

  func makeMemory(_ layout: Layout, over buffer: Buffer) -> Memory {
    let memory = Memory(layout, buffer)
    memories.append(memory)
    return memory
  }

  /// The same bytes under another shape; both layouts must be plain.
  func reshape(_ memory: Memory, to shape: [Int]) -> Memory {
    makeMemory(.plain(shape, memory.layout.element), over: memory.buffer)
  }

  /// The memory in the wanted layout: itself, or a copy reordered at this point.
  func convert(_ memory: Memory, to layout: Layout) throws -> Memory {
    if memory.layout.isSame(as: layout) { return memory }
    if let copy = copies[ObjectIdentifier(memory)]?.first(where: { $0.layout.isSame(as: layout) }) {
      return copy
    }
    let copy = makeMemory(layout)
    try reorder(memory, into: copy)
    // Forward, nothing is written twice, so that a copy stays good; gradients are summed in place.
    if case .forward = phase { copies[ObjectIdentifier(memory), default: []].append(copy) }
    return copy
  }

  /// Images that our own loops can read: as they are, or a row-major copy.
  func convertToImages(_ memory: Memory) throws -> (memory: Memory, images: kernels_images) {
    let memory =
      memory.layout.images == nil
      ? try convert(memory, to: .plain(memory.shape, memory.layout.element)) : memory
    guard let images = memory.layout.images else { preconditionFailure("BUG: \(memory.shape) are no images") }
    return (memory, images)
  }

  /// Copies from one layout into another.
  func reorder(_ source: Memory, into target: Memory) throws {
    emit(try makeReorder(source, into: target))
  }

  private func makeReorder(_ source: Memory, into target: Memory) throws -> Step {
    let descriptor = try PrimitiveDescriptor(
      "reorder \(source.shape)", engine, keeping: [source, target]
    ) { onednn_reorder($0, $1, source.layout.handle, target.layout.handle, $2) }
    return try makeStep(descriptor, [(.source, source), (.target, target)])
  }

  // MARK: Steps

  /// Appends steps that come one after the other.
  func emit(_ chain: [Step]) {
    switch phase {
    case .forward: forwardSteps.append(chain)
    case .backward:
      // Whoever waits for all tiles can as well add up what has been put aside.
      if chain[0].isShared { flushDeferred() }
      backwardSteps.append(chain)
    case .prepacking: prepacked[prepacked.count - 1].steps += chain
    }
  }

  func emit(_ step: Step) { emit([step]) }

  /// Appends a primitive; scratch memory is added to its arguments.
  func emit(_ descriptor: PrimitiveDescriptor, _ arguments: [(onednn_role, Memory)]) throws {
    emit(try makeStep(descriptor, arguments))
  }

  private func makeStep(
    _ descriptor: PrimitiveDescriptor, _ arguments: [(onednn_role, Memory)]
  ) throws -> Step {
    var arguments = arguments
    if let scratch = try descriptor.optionalLayout(.scratchpad) {
      let isShared = arguments.allSatisfy { !$0.1.buffer.isPerTile }
      arguments.append((.scratchpad, isShared ? makeShared(scratch) : makeMemory(scratch)))
    }
    return try PrimitiveStep(descriptor, arguments)
  }

  /// Appends a loop of our own over one tile.
  func emit(_ name: String, _ memories: [Memory], _ body: @escaping (Place) -> Void) {
    let isShared = if case .prepacking = phase { true } else { false }
    emit(KernelStep(name, memories, shared: isShared, body))
  }

  /// Appends a loop that runs once, when all tiles have come so far.
  func emitShared(_ name: String, _ memories: [Memory], _ body: @escaping (Place) -> Void) {
    emit(KernelStep(name, memories, shared: true, body))
  }

  /// Adds up what each tile made of a tensor, in the order of the tiles, into memory that all share: when all tiles
  /// wait for each other anyway.
  func sum(_ parts: Memory, into target: Memory, _ name: String) throws {
    let isSame = parts.layout.isSame(as: target.layout)
    let total = isSame ? target : makeShared(parts.layout)
    let (count, tiles) = (parts.valueCount, tiles)
    var chain: [Step] = [
      KernelStep("sum of \(name)", [parts, total], shared: true) {
        kernels_sum(
          Int64(count), $0.floats(parts, ofTile: 0), Int64(tiles), Int64(count), $0.floats(total))
      }
    ]
    if !isSame { chain.append(try makeReorder(total, into: target)) }
    deferred.append(chain)
  }

  /// Where each tile's part of a parameter's gradient goes, row-major, under `shape`.
  func partialGradient(_ node: PlannedNode, _ name: String, as shape: [Int]? = nil) throws -> Memory {
    let whole = gradient(node, name, as: shape)
    let part = makeMemory(whole.layout)
    try sum(part, into: whole, name)
    return part
  }

  private func flushDeferred() {
    backwardSteps += deferred
    deferred = []
  }

  func startBackward() { phase = .backward }

  func endBackward() { flushDeferred() }

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
  func parameter(_ node: PlannedNode, _ name: String, as shape: [Int]? = nil) -> Memory {
    let set = node.segment.parameters
    let slot = set.slot(name)
    let buffer = Buffer(set.base + slot.offset, byteCount: slot.count * 4, owner: set)
    return makeMemory(.plain(shape ?? slot.declaration.shape), over: buffer)
  }

  /// Where a parameter's gradient goes, row-major, under `shape`.
  func gradient(_ node: PlannedNode, _ name: String, as shape: [Int]? = nil) -> Memory {
    let set = node.segment.parameters
    let slot = set.slot(name)
    if gradients[node.segmentIndex] == nil {
      let block = GradientBlock(count: set.trainedCount)
      gradients[node.segmentIndex] = Buffer(block.base, byteCount: set.trainedCount * 4, owner: block)
    }
    let block = gradients[node.segmentIndex]!
    let buffer = Buffer(block.base! + slot.offset * 4, byteCount: slot.count * 4, owner: block)
    return makeMemory(.plain(shape ?? slot.declaration.shape), over: buffer)
  }

  // MARK: Values and their gradients

  func value(_ index: Int) -> Memory { values[index]! }
  func needsGradient(_ value: Int) -> Bool { needsGradient[value] }

  /// Says where a value is.
  /// - Parameter again: computes it once more, where that is cheaper than keeping it for the backward pass.
  func setValue(_ index: Int, _ memory: Memory, again: (() throws -> Memory)? = nil) {
    values[index] = memory
    recipes[index] = uses[index] == 1 ? again : nil
  }

  /// The value for a backward step.
  func valueAgain(_ index: Int) throws -> Memory { try recipes[index].map { try $0() } ?? value(index) }

  /// Says that a value is scale · memory + shift per channel, left to the only layer that takes it.
  func setValue(_ index: Int, _ memory: Memory, affine: ChannelValues) {
    values[index] = memory
    self.affine[index] = affine
  }

  /// What is to be done to a value's memory first.
  func affine(_ index: Int) -> ChannelValues? { affine[index] }

  /// Adds a part of a value's gradient. Parts are summed in the order in which they come.
  /// - Parameter owned: whether nobody else reads the memory later.
  func contribute(_ memory: Memory, to value: Int, owned: Bool) throws {
    let converted = try convert(memory, to: values[value]!.layout)
    contributions[value, default: []].append(
      Contribution(memory: converted, isOwned: owned || converted !== memory))
  }

  /// The one or two parts of a value's gradient that are to be added, in the value's layout; none where nothing was
  /// contributed.
  func gradientParts(of value: Int) throws -> [Memory] {
    guard let parts = contributions[value], parts.count > 2 else {
      return contributions[value]?.map(\.memory) ?? []
    }
    return [try gradient(of: value)!]
  }

  /// The whole gradient of a value, in the value's layout; nil where nothing was contributed.
  /// - Parameter mask: the output of a ReLU; the gradient is zero where this is.
  func gradient(of value: Int, mask: Memory? = nil) throws -> Memory? {
    guard let parts = contributions[value], let first = parts.first else { return nil }
    guard parts.count > 1 || mask != nil else { return first.memory }
    // Two parts may be summed in place; more need a target that is none of them.
    let owned = parts.count <= 2 ? parts.first(where: \.isOwned)?.memory : nil
    let target = owned ?? makeMemory(first.memory.layout)
    let count = Int64(target.valueCount)
    let memories = parts.map(\.memory)
    let half = target.layout.isHalf
    emit("sum of gradients", memories + [target] + (mask.map { [$0] } ?? [])) { at in
      let y = at.bytes(target)
      let output = { (last: Bool) in last ? mask.map { UnsafeRawPointer(at.bytes($0)) } : nil }
      kernels_add(
        count, half, at.bytes(memories[0]), memories.count > 1 ? at.bytes(memories[1]) : nil,
        output(memories.count <= 2), false, y)
      for (index, more) in memories.enumerated().dropFirst(2) {
        kernels_add(count, half, y, at.bytes(more), output(index == memories.count - 1), false, y)
      }
    }
    contributions[value] = [Contribution(memory: target, isOwned: true)]
    return target
  }
}

/// What each channel is multiplied by and what is added to it, in memory that all tiles share.
struct ChannelValues {
  let memory: Memory
  /// Where the factors and the summands begin, in floats.
  let scale: Int
  let shift: Int
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
