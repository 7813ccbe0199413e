// Owns the array as files hold it: an element type, a shape, and bytes in row-major little-endian order. It
// doesn't know which format the bytes came from.
import Foundation
import Tensor

/// The element types that files may hold.
public enum ElementType: String, Sendable, CaseIterable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case i64 = "I64"
  case i32 = "I32"
  case i16 = "I16"
  case i8 = "I8"
  case u64 = "U64"
  case u32 = "U32"
  case u16 = "U16"
  case u8 = "U8"
  case bool = "BOOL"

  /// Bytes an element takes.
  public var size: Int {
    switch self {
    case .f64, .i64, .u64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .i8, .u8, .bool: 1
    }
  }

  var isFloat: Bool {
    switch self {
    case .f64, .f32, .f16, .bf16: true
    default: false
    }
  }
}

/// An array read from or meant for a file. Reading one from a mapped file touches no bytes until they are
/// asked for.
public struct StoredArray: Sendable {
  public let elementType: ElementType
  public let shape: [Int]
  /// Row-major, little-endian.
  public let bytes: Data
  /// Where it came from, for messages: `model.safetensors: conv1.weight`.
  public let origin: String

  public var count: Int { shape.reduce(1, *) }

  /// `bytes` must be as many as the shape and the element type ask for.
  public init(_ elementType: ElementType, shape: [Int], bytes: Data, origin: String = "array") {
    precondition(
      bytes.count == shape.reduce(1, *) * elementType.size,
      "BUG: \(bytes.count) bytes for \(elementType) \(shape)")
    self.elementType = elementType
    self.shape = shape
    self.bytes = bytes
    self.origin = origin
  }

  /// The tensor's values, without a copy.
  public init(_ tensor: Tensor) {
    // The tensor's storage never moves, and nobody may write it while this `Data` holds a reference to it.
    let bytes = tensor.withUnsafeValues { values in
      Data(
        bytesNoCopy: UnsafeMutableRawPointer(mutating: UnsafeRawPointer(values.baseAddress!)),
        count: values.count * 4, deallocator: .custom { _, _ in withExtendedLifetime(tensor) {} })
    }
    self.init(.f32, shape: tensor.shape, bytes: bytes)
  }

  /// Labels and other whole numbers, as I64.
  public init(integers: [Int], shape: [Int]? = nil) {
    let wide = integers.map { Int64($0).littleEndian }
    self.init(.i64, shape: shape ?? [integers.count], bytes: wide.withUnsafeBytes { Data($0) })
  }

  /// Double values, as F64.
  public init(doubles: [Double], shape: [Int]? = nil) {
    self.init(.f64, shape: shape ?? [doubles.count], bytes: doubles.withUnsafeBytes { Data($0) })
  }

  /// Bytes, as U8.
  public init(bytes: [UInt8], shape: [Int]? = nil) {
    self.init(.u8, shape: shape ?? [bytes.count], bytes: Data(bytes))
  }
}

extension StoredArray {
  /// The values as a Float32 tensor; wider types are rounded.
  public func tensor() -> Tensor {
    Tensor(shape: shape) { out in
      guard !out.isEmpty else { return }
      if elementType == .f32 {
        _ = bytes.copyBytes(to: UnsafeMutableRawBufferPointer(out))
      } else {
        convert { out.initializeElement(at: $0, to: Float($1)) }
      }
    }
  }

  /// The values as Double.
  public func doubles() -> [Double] {
    [Double](unsafeUninitializedCapacity: count) { out, initialized in
      convert { out.initializeElement(at: $0, to: $1) }
      initialized = count
    }
  }

  /// The values as whole numbers, for element types that hold such.
  public func integers() throws -> [Int] {
    guard !elementType.isFloat else {
      throw FormatError(
        file: origin, "found \(elementType.rawValue), expected whole numbers (I64, I32, U8 …)")
    }
    if elementType == .i64 {
      return bytes.withUnsafeBytes { raw in
        (0..<count).map {
          Int(Int64(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)))
        }
      }
    }
    if elementType == .u64 {
      return try bytes.withUnsafeBytes { raw in
        try (0..<count).map {
          let value = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
          guard let small = Int(exactly: value) else {
            throw FormatError(file: origin, "\(value) at index \($0) is more than \(Int.max)")
          }
          return small
        }
      }
    }
    return doubles().map { Int($0) }
  }

  /// Where the element at this position, in row-major order, stands: an index for each axis.
  public func place(of position: Int) -> [Int] {
    var rest = position
    let indices = shape.reversed().map { extent in
      defer { rest /= extent }
      return rest % extent
    }
    return indices.reversed()
  }

  /// The values as a Float32 tensor; one that isn't a number, or that Float32 can't hold, is an error with its place.
  public func finiteTensor() throws -> Tensor {
    let tensor = tensor()
    guard let wrong = tensor.withUnsafeValues({ values in values.firstIndex { !$0.isFinite } }) else {
      return tensor
    }
    let start = bytes.startIndex + wrong * elementType.size
    let element = StoredArray(elementType, shape: [1], bytes: bytes[start..<(start + elementType.size)])
    let value = element.doubles()[0]
    throw FormatError(
      file: origin,
      "\(value) at \(place(of: wrong)); expected finite numbers"
        + (value.isFinite ? " that float32 can hold" : ""))
  }

  /// Visits every element as a Double, in order.
  private func convert(_ body: (Int, Double) -> Void) {
    bytes.withUnsafeBytes { raw in
      func load<T: BitwiseCopyable>(_ type: T.Type, _ value: (T) -> Double) {
        for i in 0..<count {
          body(i, value(raw.loadUnaligned(fromByteOffset: i * MemoryLayout<T>.size, as: type)))
        }
      }
      switch elementType {
      case .f64: load(UInt64.self) { Double(bitPattern: UInt64(littleEndian: $0)) }
      case .f32: load(UInt32.self) { Double(Float(bitPattern: UInt32(littleEndian: $0))) }
      case .f16: load(UInt16.self) { halfValue(UInt16(littleEndian: $0)) }
      case .bf16: load(UInt16.self) { Double(Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16)) }
      case .i64: load(Int64.self) { Double(Int64(littleEndian: $0)) }
      case .i32: load(Int32.self) { Double(Int32(littleEndian: $0)) }
      case .i16: load(Int16.self) { Double(Int16(littleEndian: $0)) }
      case .i8: load(Int8.self) { Double($0) }
      case .u64: load(UInt64.self) { Double(UInt64(littleEndian: $0)) }
      case .u32: load(UInt32.self) { Double(UInt32(littleEndian: $0)) }
      case .u16: load(UInt16.self) { Double(UInt16(littleEndian: $0)) }
      case .u8: load(UInt8.self) { Double($0) }
      case .bool: load(UInt8.self) { $0 == 0 ? 0 : 1 }
      }
    }
  }
}

/// IEEE 754 binary16, written out because Float16 is missing on some platforms.
private func halfValue(_ bits: UInt16) -> Double {
  let sign: Double = bits & 0x8000 == 0 ? 1 : -1
  let exponent = Int(bits >> 10 & 0x1f)
  let fraction = Double(bits & 0x3ff)
  switch exponent {
  case 0: return sign * fraction * 0x1p-24
  case 31: return fraction == 0 ? sign * .infinity : .nan
  default:
    return sign * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
  }
}
