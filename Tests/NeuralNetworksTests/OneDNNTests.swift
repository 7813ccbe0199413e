import COneDNN
import Foundation
import NeuralNetworks
import Tensor
import Testing

/// What holds for oneDNN 2.6 and 3.x alike, and what is known to differ.
struct OneDNNTests {
  private let environment = ProcessInfo.processInfo.environment

  @Test func thePlatformSaysItsLibraryAndInstructions() throws {
    let facts = ComputePlatform.facts
    let version = try #require(facts["oneDNN"])
    #expect(version.hasPrefix("2.") || version.hasPrefix("3."))
    if let expected = environment["BOBBIN_EXPECTED_ONEDNN"] { #expect(version == expected) }
    let instructions = try #require(facts["instructions"])
    #expect(instructions.contains("sse") || instructions.contains("avx") || !onednn_flushes_subnormals)
    if environment["DNNL_MAX_CPU_ISA"] == "AVX2" { #expect(instructions == "avx2") }
    #expect(facts["subnormals"] == (onednn_flushes_subnormals ? "flushed to zero" : "kept"))
  }

  // C13: a plan computes with subnormal numbers as zeros, and leaves the thread as it was.
  @Test func plansFlushSubnormalsAndLeaveTheThreadAlone() throws {
    let (tiny, smallest) = (Float(0x1p-70), Float.leastNormalMagnitude)  // 2⁻¹²⁶
    let map = try StitchingLayer(
      input: .vector(2), output: .vector(1), weight: Tensor(shape: [1, 2], values: [tiny, 1]),
      bias: Tensor(zeros: [1]))
    let plan = try Network(segments: [.map(map)]).compile(batch: 2)
    // tiny · tiny is too small, and so is half of the smallest.
    let inputs = [tiny, 0, 0, smallest / 2]
    try plan.forward(Tensor(shape: [2, 2], values: inputs))
    #expect(Array(plan.logits) == (onednn_flushes_subnormals ? [0, 0] : [tiny * tiny, smallest / 2]))
    #expect(map.weight.values[0] * inputs[0] > 0)
  }

  // Winograd is for later; the interface must be able to ask for it and to hear no.
  @Test func winogradConvolutionsExistWhereTheLibraryHasThem() throws {
    var engine: OpaquePointer?
    #expect(onednn_engine_create(&engine) == 0)
    var attributes: OpaquePointer?
    #expect(onednn_attributes_create(&attributes, nil, false) == 0)
    defer { onednn_attributes_destroy(attributes!) }
    var layouts: [OpaquePointer] = []
    defer { for layout in layouts { onednn_layout_destroy(layout) } }
    for shape: [Int64] in [[32, 64, 8, 8], [64, 64, 3, 3]] {
      var layout: OpaquePointer?
      #expect(onednn_layout_create_any(&layout, .float32, 4, shape) == 0)
      layouts.append(try #require(layout))
    }
    var convolution = onednn_convolution(
      algorithm: .winograd, source: layouts[0], weights: layouts[1], bias: nil, target: layouts[0],
      stride: (1, 1), padding: (1, 1))
    var made: OpaquePointer?
    let status = onednn_convolution_forward(&made, engine!, &convolution, attributes!)
    defer { if let made { onednn_descriptor_destroy(made) } }
    if onednn_loaded_library().major == 2, ComputePlatform.facts["instructions"]!.contains("avx512_core") {
      #expect(status == 0)
      let implementation = String(cString: onednn_descriptor_implementation(try #require(made)))
      #expect(implementation.contains("wino"))
    } else {
      #expect(status == onednn_status_unimplemented)
    }
  }

  @Test func layoutsTellTheirShapeAndSize() throws {
    var layout: OpaquePointer?
    #expect(onednn_layout_create_strided(&layout, .float32, 3, [2, 3, 5], [15, 5, 1]) == 0)
    var copy: OpaquePointer?
    #expect(onednn_layout_copy(&copy, layout!) == 0)
    #expect(onednn_layout_is_same(layout!, copy!))
    onednn_layout_destroy(layout!)
    var shape = [Int64](repeating: 0, count: Int(onednn_largest_rank))
    #expect(onednn_layout_shape(copy!, &shape) == 3)
    #expect(shape.prefix(3) == [2, 3, 5])
    #expect(onednn_layout_byte_count(copy!) == 120)
    onednn_layout_destroy(copy!)
  }
}
