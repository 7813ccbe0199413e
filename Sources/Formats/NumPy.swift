// Owns NumPy's npy format, versions 1 to 3 (numpy.org/doc/stable/reference/generated/numpy.lib.format.html):
// reading little-endian arrays in C and Fortran order, and writing. Archives of them are in Zip.swift.
import Foundation

/// NumPy's `.npy` files.
public enum NumPy {
  /// Reads an `.npy` file.
  /// - Parameter name: what errors call it; nil for its path.
  public static func read(_ url: URL, called name: String? = nil) throws -> StoredArray {
    try decode(readDecompressed(url), file: name ?? url.path)
  }

  /// Reads an `.npz` archive: the arrays by name, without `.npy`.
  public static func readArchive(_ url: URL) throws -> [String: StoredArray] {
    let file = try ArrayFile(archive: url, called: url.path)
    return Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.array($0)) })
  }

  /// Writes an `.npy` file, version 1.
  public static func write(_ array: StoredArray, to url: URL) throws {
    guard let descr = descriptions.first(where: { $0.value == array.elementType })?.key else {
      throw FormatError(file: url.path, "npy has no element type \(array.elementType.rawValue)")
    }
    let shape = array.shape.map(String.init).joined(separator: ", ") + (array.shape.count == 1 ? "," : "")
    var header = "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(shape)), }"
    while (10 + header.utf8.count + 1) % 64 != 0 { header += " " }
    header += "\n"
    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
    data.append(contentsOf: [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)])
    data.append(Data(header.utf8))
    data.append(array.bytes)
    do {
      try data.write(to: url)
    } catch {
      throw FormatError(file: url.path, "can't be written: \(reason(error))")
    }
  }

  /// Reads the bytes of an `.npy` file; `file` names it in messages.
  public static func decode(_ data: Data, file: String) throws -> StoredArray {
    let bytes = data.startIndex == 0 ? data : Data(data)
    let header = try header(of: bytes, file: file)
    let found = bytes.count - header.length
    guard found == header.size else {
      throw FormatError(
        file: file,
        "found \(found) bytes of data, expected \(header.size) for \(header.descr) \(header.shape)")
    }
    let contents = bytes.suffix(header.size)
    return StoredArray(
      header.elementType, shape: header.shape,
      bytes: header.isColumnMajor
        ? rowMajor(contents, shape: header.shape, size: header.elementType.size) : contents, origin: file)
  }

  /// What the beginning of an `.npy` file says of the rest.
  struct Header {
    var elementType: ElementType
    /// The element type as the file spells it.
    var descr: String
    var shape: [Int]
    var isColumnMajor: Bool
    /// Bytes of data, and of what stands before them.
    var size: Int
    var length: Int
  }

  /// Reads the header in the first bytes of an `.npy` file.
  static func header(of bytes: Data, file: String) throws -> Header {
    func fail(_ problem: String) -> FormatError { FormatError(file: file, problem) }
    guard bytes.count >= 10, bytes.prefix(6).elementsEqual([0x93] + Array("NUMPY".utf8)) else {
      throw fail("is not an npy file: it doesn't begin with \\x93NUMPY")
    }
    let version = bytes[6]
    guard (1...3).contains(version) else { throw fail("npy version \(version), expected 1, 2 or 3") }
    let prefix = version == 1 ? 10 : 12
    guard bytes.count >= prefix else { throw fail("ends inside the header") }
    let length = (8..<prefix).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) }
    guard length <= bytes.count - prefix else {
      throw fail("the header says it has \(length) bytes; \(bytes.count - prefix) follow")
    }
    let header = String(decoding: bytes[prefix..<(prefix + length)], as: UTF8.self)

    guard let descr = header.firstMatch(of: /'descr':\s*'([^']*)'/)?.1 else {
      throw fail("the header has no plain 'descr' (arrays of records are not read): \(header.prefix(120))")
    }
    guard let elementType = descriptions[String(descr)] else {
      let names = descriptions.keys.sorted().joined(separator: " ")
      throw fail("element type '\(descr)'; known are \(names)")
    }
    guard let order = header.firstMatch(of: /'fortran_order':\s*(True|False)/)?.1,
      let extents = header.firstMatch(of: /'shape':\s*\(([0-9, ]*)\)/)?.1
    else { throw fail("the header has no 'fortran_order' and 'shape': \(header.prefix(120))") }
    var shape: [Int] = []
    var size = elementType.size
    for part in extents.split(separator: ",") {
      let text = part.filter { $0 != " " }
      if text.isEmpty { continue }
      guard let extent = Int(text) else { throw fail("shape (\(extents))") }
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw fail("shape (\(extents)) is more than memory can address") }
      shape.append(extent)
      size = product
    }
    return Header(
      elementType: elementType, descr: String(descr), shape: shape, isColumnMajor: order == "True",
      size: size,
      length: prefix + length)
  }
}

private let descriptions: [String: ElementType] = [
  "<f8": .f64, "<f4": .f32, "<f2": .f16, "<i8": .i64, "<i4": .i32, "<i2": .i16, "|i1": .i8, "<u8": .u64,
  "<u4": .u32, "<u2": .u16, "|u1": .u8, "|b1": .bool,
]

/// Column-major bytes rearranged to row-major.
private func rowMajor(_ data: Data, shape: [Int], size: Int) -> Data {
  guard shape.count > 1, !data.isEmpty else { return data }
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
  var out = Data(count: data.count)
  out.withUnsafeMutableBytes { to in
    data.withUnsafeBytes { from in
      var index = [Int](repeating: 0, count: shape.count)
      var source = 0
      for position in 0..<(data.count / size) {
        to.baseAddress!.advanced(by: position * size)
          .copyMemory(from: from.baseAddress!.advanced(by: source * size), byteCount: size)
        var axis = shape.count - 1
        while axis >= 0 {
          index[axis] += 1
          source += strides[axis]
          if index[axis] < shape[axis] { break }
          source -= strides[axis] * shape[axis]
          index[axis] = 0
          axis -= 1
        }
      }
    }
  }
  return out
}
