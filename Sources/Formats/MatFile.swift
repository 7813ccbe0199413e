// Owns reading numeric arrays from MATLAB's .mat files of level 5 ("MAT-File Format", MathWorks), plain or compressed.
// Arrays stay as MATLAB has them: first axis fastest.
import Foundation

/// A numeric array of a .mat file.
public struct MatArray: Sendable {
  public let name: String
  public let elementType: ElementType
  /// MATLAB's extents; the first runs fastest.
  public let shape: [Int]
  /// Little-endian.
  public var bytes: Data
}

/// A .mat file of level 5, as MATLAB's `save -v6` and `-v7` write it.
public struct MatFile {
  private let data: Data
  private let file: String
  /// Where each element of the file begins and ends, without its tag, and whether it is compressed.
  private let elements: [(range: Range<Int>, isCompressed: Bool)]

  /// Maps a file and finds its elements; they are read when they are asked for.
  public init(contentsOf url: URL) throws {
    file = url.path
    do {
      data = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch {
      throw FormatError(file: file, "can't be read: \(reason(error))")
    }
    guard data.count >= MatFile.header, data[126] == UInt8(ascii: "I"), data[127] == UInt8(ascii: "M") else {
      throw FormatError(
        file: file,
        "is no .mat file of level 5 in little-endian order, or a truncated one: found "
          + "\(data.count) bytes without 'IM' at byte 126")
    }
    guard data[125] == 1 else {
      throw FormatError(
        file: file, "is a .mat file of version 7.3 (HDF5); save it with -v7, or as .npz for dataset/arrays")
    }
    var found: [(range: Range<Int>, isCompressed: Bool)] = []
    var offset = MatFile.header
    while offset < data.count {
      let tag = try Tag(data, at: offset, in: file)
      guard tag.body.upperBound <= data.count else {
        throw FormatError(
          file: file,
          "ends early: the element at byte \(offset) wants bytes up to \(tag.body.upperBound), there are "
            + "\(data.count)")
      }
      found.append((tag.body, tag.type == Tag.compressed))
      guard tag.type == Tag.compressed || tag.type == Tag.matrix else {
        throw FormatError(file: file, "element of type \(tag.type) at byte \(offset), expected an array")
      }
      offset = tag.type == Tag.compressed ? tag.body.upperBound : tag.next
    }
    elements = found
  }

  private static let header = 128

  /// The array of that name.
  public func array(_ name: String) throws -> MatArray {
    for element in elements {
      let head = try beginning(of: element)
      guard head.name == name else { continue }
      return try contents(of: element, head)
    }
    throw missing(name)
  }

  /// The extents of the array of that name, without reading its values.
  public func shape(of name: String) throws -> [Int] {
    for element in elements {
      let head = try beginning(of: element)
      if head.name == name { return head.shape }
    }
    throw missing(name)
  }

  private func missing(_ name: String) -> FormatError {
    let names = (try? elements.map { try beginning(of: $0).name }.joined(separator: ", ")) ?? ""
    return FormatError(file: file, "has no array '\(name)'; it has \(names.isEmpty ? "none" : names)")
  }

  /// What stands before an array's values.
  private struct Head {
    let name: String
    let shape: [Int]
    /// Where the tag of the values begins.
    let values: Int
  }

  private func slice(_ range: Range<Int>) -> Data {
    data[(data.startIndex + range.lowerBound)..<(data.startIndex + range.upperBound)]
  }

  private func beginning(of element: (range: Range<Int>, isCompressed: Bool)) throws -> Head {
    let most = 4096
    guard element.isCompressed else { return try head(Data(slice(element.range).prefix(most)), at: 0) }
    let bytes = try inflateBeginning(
      Data(slice(element.range).prefix(most + 65_536)), as: .zlib, bytes: most, file: file)
    let tag = try Tag(bytes, at: 0, in: file)
    guard tag.type == Tag.matrix else {
      throw FormatError(file: file, "compressed element of type \(tag.type), expected an array")
    }
    return try head(bytes, at: tag.body.lowerBound)
  }

  private func head(_ bytes: Data, at start: Int) throws -> Head {
    func fail(_ what: String) -> FormatError { FormatError(file: file, "damaged array: \(what)") }
    let flags = try Tag(bytes, at: start, in: file)
    guard flags.type == 6, flags.body.count == 8, flags.body.upperBound <= bytes.count else {
      throw fail("it doesn't begin with its flags")
    }
    let kind = bytes[bytes.startIndex + flags.body.lowerBound]
    guard (6...15).contains(kind), bytes[bytes.startIndex + flags.body.lowerBound + 1] & 0x08 == 0 else {
      throw FormatError(
        file: file, "has an array of MATLAB's class \(kind); known are real numbers (6 to 15)")
    }
    let extents = try Tag(bytes, at: flags.next, in: file)
    guard extents.type == 5, extents.body.count >= 8, extents.body.count % 4 == 0,
      extents.body.upperBound <= bytes.count
    else { throw fail("it has no extents") }
    let shape = stride(from: extents.body.lowerBound, to: extents.body.upperBound, by: 4).map {
      Int(Int32(bitPattern: word(bytes, $0)))
    }
    guard !shape.contains(where: { $0 < 0 }), shape.reduce(1.0, { $0 * Double($1) }) < 0x1p40 else {
      throw fail("its extents are \(shape)")
    }
    let name = try Tag(bytes, at: extents.next, in: file)
    guard name.type == 1, name.body.upperBound <= bytes.count else { throw fail("it has no name") }
    let text = bytes[(bytes.startIndex + name.body.lowerBound)..<(bytes.startIndex + name.body.upperBound)]
    return Head(name: String(decoding: text, as: UTF8.self), shape: shape, values: name.next)
  }

  private func contents(
    of element: (range: Range<Int>, isCompressed: Bool), _ head: Head
  ) throws -> MatArray {
    var bytes: Data
    if element.isCompressed {
      let file = file
      bytes = try inflate(
        slice(element.range), as: .zlib,
        declared: DeclaredSize(header: 8) { try Tag($0, at: 0, in: file).body.upperBound }, file: file)
    } else {
      bytes = slice(element.range)
    }
    let values = try Tag(bytes, at: head.values, in: file)
    guard let type = Tag.elementTypes[values.type] else {
      throw FormatError(file: file, "\(head.name): values of type \(values.type); known are numbers")
    }
    let count = head.shape.reduce(1, *)
    guard values.body.count == count * type.size, values.body.upperBound <= bytes.count else {
      throw FormatError(
        file: file,
        "\(head.name): found \(min(values.body.count, max(0, bytes.count - values.body.lowerBound))) bytes of "
          + "values, expected \(count * type.size) for \(head.shape) of \(type.rawValue)")
    }
    // The same storage: nobody else holds it, and who changes the values copies nothing.
    let start = bytes.startIndex
    bytes = bytes[(start + values.body.lowerBound)..<(start + values.body.upperBound)]
    return MatArray(name: head.name, elementType: type, shape: head.shape, bytes: bytes)
  }
}

/// The eight bytes before every element, or four where its data stand in the other four.
private struct Tag {
  let type: Int
  /// Where the data are.
  let body: Range<Int>
  /// Where the next element begins, at a multiple of eight bytes.
  let next: Int

  static let compressed = 15
  static let matrix = 14
  static let elementTypes: [Int: ElementType] = [
    1: .i8, 2: .u8, 3: .i16, 4: .u16, 5: .i32, 6: .u32, 7: .f32, 9: .f64, 12: .i64, 13: .u64,
  ]

  init(_ data: Data, at offset: Int, in file: String) throws {
    guard offset >= 0, data.count - offset >= 8 else {
      throw FormatError(
        file: file, "ends early: a tag is wanted at byte \(offset), there are \(data.count) bytes")
    }
    let first = word(data, offset)
    if first >> 16 != 0 {
      type = Int(first & 0xffff)
      body = (offset + 4)..<(offset + 4 + Int(first >> 16))
      next = offset + 8
      guard first >> 16 <= 4 else {
        throw FormatError(file: file, "damaged tag at byte \(offset): \(first >> 16) bytes where 4 fit")
      }
    } else {
      type = Int(first)
      let size = Int(word(data, offset + 4))
      body = (offset + 8)..<(offset + 8 + size)
      next = offset + 8 + (size + 7) / 8 * 8
    }
  }
}

private func word(_ data: Data, _ offset: Int) -> UInt32 {
  data.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
}
