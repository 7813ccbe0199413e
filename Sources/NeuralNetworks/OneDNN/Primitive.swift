// Owns oneDNN's primitives: their descriptors, their attributes, and one as a step of a plan.

import COneDNN

/// Something that happens at its place in a plan's order.
class Step {
  /// The memory that it reads or writes, for the arena.
  let buffers: [Buffer]
  init(_ buffers: [Buffer]) { self.buffers = buffers }
  func run(_ stream: dnnl_stream_t) throws {}
}

/// A loop of our own.
final class KernelStep: Step {
  private let body: () -> Void
  init(_ memories: [Memory], _ body: @escaping () -> Void) {
    self.body = body
    super.init(memories.map(\.buffer))
  }
  override func run(_ stream: dnnl_stream_t) { body() }
}

/// A primitive with its arguments bound; running it allocates nothing here.
final class PrimitiveStep: Step {
  private let primitive: dnnl_primitive_t
  private let arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t>
  private let memories: [Memory]
  private let name: String

  init(_ descriptor: PrimitiveDescriptor, _ arguments: [(Int32, Memory)]) throws {
    primitive = try descriptor.makePrimitive()
    let values = arguments.map { dnnl_exec_arg_t(arg: $0.0, memory: $0.1.handle) }
    self.arguments = .allocate(capacity: values.count)
    _ = self.arguments.initialize(from: values)
    let memories = arguments.map { $0.1 }
    self.memories = memories
    name = descriptor.name
    super.init(memories.map { $0.buffer })
  }

  deinit {
    dnnl_primitive_destroy(primitive)
    arguments.deallocate()
  }

  override func run(_ stream: dnnl_stream_t) throws {
    try check(
      dnnl_primitive_execute(primitive, stream, Int32(arguments.count), arguments.baseAddress), name)
  }
}

/// A primitive's descriptor: what it computes, with the layouts that oneDNN chose.
final class PrimitiveDescriptor {
  let handle: dnnl_primitive_desc_t
  let name: String

  /// The best implementation of an operation.
  /// - Parameter hint: for backward primitives, the forward one.
  init(
    _ name: String, _ engine: dnnl_engine_t, hint: PrimitiveDescriptor? = nil,
    attributes: Attributes? = nil, operation: UnsafeRawPointer
  ) throws {
    var handle: dnnl_primitive_desc_t?
    let attributes = try attributes ?? Attributes()
    try withExtendedLifetime((attributes, hint)) {
      try check(
        dnnl_primitive_desc_create(&handle, operation, attributes.handle, engine, hint?.handle), name)
    }
    self.handle = handle!
    self.name = name
  }

  /// A reorder from one layout to another.
  init(reorder source: dnnl_memory_desc_t, to target: dnnl_memory_desc_t, _ engine: dnnl_engine_t) throws {
    var handle: dnnl_primitive_desc_t?
    var source = source
    var target = target
    let attributes = try Attributes()
    try withExtendedLifetime(attributes) {
      try check(
        dnnl_reorder_primitive_desc_create(&handle, &source, engine, &target, engine, attributes.handle),
        "reorder \(source.shape)")
    }
    self.handle = handle!
    name = "reorder"
  }

  deinit { dnnl_primitive_desc_destroy(handle) }

  func makePrimitive() throws -> dnnl_primitive_t {
    var primitive: dnnl_primitive_t?
    try check(dnnl_primitive_create(&primitive, handle), name)
    return primitive!
  }

  /// Whether oneDNN has only its slow reference implementation.
  var isReference: Bool {
    var text: UnsafePointer<CChar>?
    dnnl_primitive_desc_query(handle, dnnl_query_impl_info_str, 0, &text)
    return text.map { String(cString: $0).hasPrefix("ref") } ?? false
  }

  func desc(_ query: dnnl_query_t) -> dnnl_memory_desc_t {
    dnnl_primitive_desc_query_md(handle, query, 0)?.pointee ?? dnnl_memory_desc_t()
  }
}

/// Strict arithmetic, scratch memory from the plan, and what is fused behind a primitive.
final class Attributes {
  let handle: dnnl_primitive_attr_t

  /// - Parameters:
  ///   - addend: the layout of a tensor to add to the result.
  ///   - relu: whether a ReLU comes last.
  init(addend: dnnl_memory_desc_t? = nil, relu: Bool = false) throws {
    var created: dnnl_primitive_attr_t?
    try check(dnnl_primitive_attr_create(&created), "attributes")
    handle = created!
    try check(dnnl_primitive_attr_set_fpmath_mode(handle, dnnl_fpmath_mode_strict), "strict arithmetic")
    try check(dnnl_primitive_attr_set_scratchpad_mode(handle, dnnl_scratchpad_mode_user), "scratch memory")
    guard addend != nil || relu else { return }
    var operations: dnnl_post_ops_t?
    try check(dnnl_post_ops_create(&operations), "post-ops")
    defer { dnnl_post_ops_destroy(operations) }
    if var addend {
      try check(dnnl_post_ops_append_binary(operations, dnnl_binary_add, &addend), "fused addition")
    }
    if relu {
      try check(dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0), "fused ReLU")
    }
    try check(dnnl_primitive_attr_set_post_ops(handle, operations), "post-ops")
  }

  deinit { dnnl_primitive_attr_destroy(handle) }
}

/// The argument of the tensor that post-op 0 adds.
let fusedAddendArgument = Int32(16384) | DNNL_ARG_SRC_1
