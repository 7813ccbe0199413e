// Owns oneDNN's primitives: their descriptors, their attributes, and one as a step of a plan.

import COneDNN

/// Something that happens at its place in a plan's order: for each tile, or once for all.
class Step {
  /// What it computes.
  let name: String
  /// What it reads or writes, for the arena.
  let memories: [Memory]
  /// Multiplications and additions, for one tile; 0 where nobody counts them.
  let operations: Int
  /// Whether it is computed once for all tiles, and not for each.
  let isShared: Bool

  init(_ name: String, _ memories: [Memory], operations: Int = 0, shared: Bool) {
    self.name = name
    self.memories = memories
    self.operations = operations
    isShared = shared
  }

  /// How it is computed.
  var implementation: String { "own loop" }
  func run(_ place: Place) throws {}
}

/// A loop of our own.
final class KernelStep: Step {
  private let body: (Place) -> Void
  init(_ name: String, _ memories: [Memory], shared: Bool, _ body: @escaping (Place) -> Void) {
    self.body = body
    super.init(name, memories, shared: shared)
  }
  override func run(_ place: Place) { body(place) }
}

/// A primitive with its arguments bound; running it allocates nothing here.
final class PrimitiveStep: Step {
  private let descriptor: PrimitiveDescriptor
  private let primitive: OpaquePointer
  private let arguments: [(role: onednn_role, memory: Memory)]

  init(_ descriptor: PrimitiveDescriptor, _ arguments: [(onednn_role, Memory)]) throws {
    precondition(arguments.count <= Int(onednn_most_arguments), "BUG: too many arguments")
    self.descriptor = descriptor
    primitive = try descriptor.makePrimitive()
    self.arguments = arguments
    let memories = arguments.map { $0.1 }
    super.init(
      descriptor.name, memories, operations: descriptor.operations,
      shared: memories.allSatisfy { !$0.buffer.isPerTile })
  }

  deinit { onednn_primitive_destroy(primitive) }

  override var implementation: String { descriptor.implementation }

  override func run(_ place: Place) throws {
    try withUnsafeTemporaryAllocation(of: onednn_argument.self, capacity: arguments.count) { bound in
      for (index, argument) in arguments.enumerated() {
        bound.initializeElement(
          at: index, to: onednn_argument(role: argument.role, memory: argument.memory.handle(at: place)))
      }
      try check(
        onednn_primitive_run(primitive, place.stream, bound.baseAddress!, Int32(arguments.count)), name)
    }
  }
}

/// A primitive's descriptor: what it computes, with the layouts that oneDNN chose.
final class PrimitiveDescriptor {
  let handle: OpaquePointer
  let name: String
  /// Of a convolution.
  let algorithm: onednn_algorithm
  /// Multiplications and additions, those of the direct algorithm; 0 where nobody counts them.
  let operations: Int

  /// The best implementation of an operation.
  /// - Parameters:
  ///   - kept: what the operation refers to by its handle: layouts, and of backward ones the forward one.
  ///   - create: makes the descriptor of the engine and attributes that it is given.
  init(
    _ name: String, _ engine: OpaquePointer, attributes: Attributes? = nil,
    algorithm: onednn_algorithm = .direct, operations: Int = 0, keeping kept: [AnyObject?],
    _ create: (UnsafeMutablePointer<OpaquePointer?>, OpaquePointer, OpaquePointer) -> onednn_status
  ) throws {
    var handle: OpaquePointer?
    let attributes = try attributes ?? Attributes()
    try withExtendedLifetime((attributes, kept)) {
      try check(create(&handle, engine, attributes.handle), name)
    }
    self.handle = handle!
    self.name = name
    self.algorithm = algorithm
    self.operations = operations
  }

  deinit { onednn_descriptor_destroy(handle) }

  func makePrimitive() throws -> OpaquePointer {
    var primitive: OpaquePointer?
    try check(onednn_primitive_create(&primitive, handle), name)
    return primitive!
  }

  /// oneDNN's name of the implementation, such as `jit:avx512_core`.
  var implementation: String { String(cString: onednn_descriptor_implementation(handle)) }
  /// Whether oneDNN has only its slow reference implementation.
  var isReference: Bool { implementation.hasPrefix("ref") }

  /// The layout of one of its tensors.
  func layout(_ role: onednn_role) throws -> Layout {
    guard let layout = try optionalLayout(role) else {
      preconditionFailure("BUG: \(name) has no such tensor")
    }
    return layout
  }

  /// The layout of one of its tensors; nil where it doesn't need it.
  func optionalLayout(_ role: onednn_role) throws -> Layout? {
    try onednn_descriptor_layout(handle, role).map { try Layout(copying: $0) }
  }
}

/// Strict arithmetic, scratch memory from the plan, and what is fused behind a primitive.
final class Attributes {
  let handle: OpaquePointer

  /// - Parameters:
  ///   - addend: the layout of a tensor to add to the result.
  ///   - relu: whether a ReLU comes last.
  init(addend: Layout? = nil, relu: Bool = false) throws {
    var created: OpaquePointer?
    try withExtendedLifetime(addend) {
      try check(onednn_attributes_create(&created, addend?.handle, relu), "attributes")
    }
    handle = created!
  }

  deinit { onednn_attributes_destroy(handle) }
}
