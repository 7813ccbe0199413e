// Owns oneDNN's primitives: their descriptors, their attributes, and one as a step of a plan.

import COneDNN

/// Something that happens at its place in a plan's order.
class Step {
  /// The memory that it reads or writes, for the arena.
  let buffers: [Buffer]
  init(_ buffers: [Buffer]) { self.buffers = buffers }
  func run(_ stream: OpaquePointer) throws {}
}

/// A loop of our own.
final class KernelStep: Step {
  private let body: () -> Void
  init(_ memories: [Memory], _ body: @escaping () -> Void) {
    self.body = body
    super.init(memories.map(\.buffer))
  }
  override func run(_ stream: OpaquePointer) { body() }
}

/// A primitive with its arguments bound; running it allocates nothing here.
final class PrimitiveStep: Step {
  /// What it computes, and oneDNN's name of the implementation.
  let name: String
  let implementation: String
  private let primitive: OpaquePointer
  private let arguments: UnsafeMutableBufferPointer<onednn_argument>
  private let memories: [Memory]

  init(_ descriptor: PrimitiveDescriptor, _ arguments: [(onednn_role, Memory)]) throws {
    primitive = try descriptor.makePrimitive()
    self.arguments = .allocate(capacity: arguments.count)
    _ = self.arguments.initialize(
      from: arguments.map { onednn_argument(role: $0.0, memory: $0.1.handle) })
    let memories = arguments.map { $0.1 }
    self.memories = memories
    name = descriptor.name
    implementation = descriptor.implementation
    super.init(memories.map { $0.buffer })
  }

  deinit {
    onednn_primitive_destroy(primitive)
    arguments.deallocate()
  }

  override func run(_ stream: OpaquePointer) throws {
    try check(
      onednn_primitive_run(primitive, stream, arguments.baseAddress!, Int32(arguments.count)), name)
  }
}

/// A primitive's descriptor: what it computes, with the layouts that oneDNN chose.
final class PrimitiveDescriptor {
  let handle: OpaquePointer
  let name: String

  /// The best implementation of an operation.
  /// - Parameters:
  ///   - kept: what the operation refers to by its handle: layouts, and of backward ones the forward one.
  ///   - create: makes the descriptor of the engine and attributes that it is given.
  init(
    _ name: String, _ engine: OpaquePointer, attributes: Attributes? = nil, keeping kept: [AnyObject?],
    _ create: (UnsafeMutablePointer<OpaquePointer?>, OpaquePointer, OpaquePointer) -> onednn_status
  ) throws {
    var handle: OpaquePointer?
    let attributes = try attributes ?? Attributes()
    try withExtendedLifetime((attributes, kept)) {
      try check(create(&handle, engine, attributes.handle), name)
    }
    self.handle = handle!
    self.name = name
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
