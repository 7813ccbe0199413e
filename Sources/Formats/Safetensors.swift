// Owns reading safetensors files (github.com/huggingface/safetensors: eight bytes of header length, a JSON
// header, the data). It validates all of the header before any data are touched.
import Canonical
import Foundation
import Tensor

/// An open safetensors file. The data are mapped, not read, until an array is asked for.
public struct SafetensorsFile: Sendable {
  /// The header's `__metadata__`.
  public let metadata: [String: String]
  /// The file's name for messages.
  public let file: String
  private let arrays: [String: StoredArray]

  /// Opens and validates a file.
  /// - Parameter name: what errors call it; nil for its path.
  public init(contentsOf url: URL, called name: String? = nil) throws {
    let data: Data
    do {
      data = try Data(contentsOf: url, options: .alwaysMapped)
    } catch {
      throw FormatError(file: name ?? url.path, "can't be read: \(reason(error))")
    }
    try self.init(data, file: name ?? url.path)
  }

  /// Validates the bytes of a file; `file` names it in messages.
  public init(_ data: Data, file: String) throws {
    self.file = file
    func fail(_ problem: String) -> FormatError { FormatError(file: file, problem) }

    guard data.count >= 8 else {
      throw fail("found \(data.count) bytes, expected a safetensors header length in the first 8")
    }
    let length = data.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= UInt64(data.count - 8), length <= 100_000_000 else {
      throw fail(
        "the header length at byte 0 says \(length), but the file has \(data.count - 8) bytes after it; "
          + "it is truncated or not a safetensors file")
    }
    let start = data.startIndex + 8 + Int(length)
    let header: JSON
    do {
      header = try JSON(parsing: data[(data.startIndex + 8)..<start])
    } catch let error as JSONError {
      throw fail("the header is \(error)")
    }
    guard case .object(let members) = header else { throw fail("the header is not a JSON object") }

    var metadata: [String: String] = [:]
    var entries: [Entry] = []
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      guard case .object(let fields) = value else { throw fail("'\(name)' in the header is not an object") }
      if name == "__metadata__" {
        for (key, value) in fields {
          guard case .string(let text) = value else { throw fail("metadata '\(key)' is not a string") }
          metadata[key] = text
        }
      } else {
        entries.append(try Entry(name: name, fields: fields, file: file))
      }
    }

    // As the reference implementation has it: no overlaps, no holes, nothing outside.
    let available = data.endIndex - start
    var covered = 0
    for entry in entries.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      guard entry.end <= available else {
        throw fail(
          "tensor '\(entry.name)' ends at byte \(entry.end) of the data, which has \(available); "
            + "the file is truncated")
      }
      guard entry.begin == covered else {
        throw fail(
          entry.begin < covered
            ? "tensor '\(entry.name)' begins at byte \(entry.begin) of the data, inside the tensor before it, "
              + "which ends at \(covered)"
            : "bytes \(covered)..<\(entry.begin) of the data, before tensor '\(entry.name)', belong to no tensor"
        )
      }
      covered = entry.end
    }
    guard covered == available else {
      throw fail("\(available - covered) bytes after the last tensor belong to no tensor")
    }

    self.metadata = metadata
    arrays = Dictionary(
      uniqueKeysWithValues: entries.map { entry in
        (
          entry.name,
          StoredArray(
            entry.elementType, shape: entry.shape,
            bytes: data[(start + entry.begin)..<(start + entry.end)], origin: "\(file): \(entry.name)")
        )
      })
  }

  /// The tensors' names, sorted.
  public var names: [String] { arrays.keys.sorted() }

  /// The array of that name, or nil.
  public subscript(name: String) -> StoredArray? { arrays[name] }

  /// The array of that name; missing ones are an error that lists what is there.
  public func array(_ name: String) throws -> StoredArray {
    guard let array = arrays[name] else {
      let there = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
      throw FormatError(file: file, "has no tensor '\(name)'; it has \(there.isEmpty ? "none" : there)")
    }
    return array
  }

  /// The values of that name as Float32, checked against `shape` where one is given.
  public func tensor(_ name: String, shape: [Int]? = nil) throws -> Tensor {
    let array = try array(name)
    if let shape, shape != array.shape {
      throw FormatError(file: file, "tensor '\(name)' has shape \(array.shape), expected \(shape)")
    }
    return array.tensor()
  }
}

/// One tensor's line of the header, checked for itself.
private struct Entry {
  let name: String
  let elementType: ElementType
  let shape: [Int]
  let begin: Int
  let end: Int

  init(name: String, fields: [String: JSON], file: String) throws {
    func fail(_ problem: String) -> FormatError { FormatError(file: file, "tensor '\(name)' \(problem)") }
    if let extra = fields.keys.sorted().first(where: { !["dtype", "shape", "data_offsets"].contains($0) }) {
      throw fail("has an unknown field '\(extra)'")
    }
    guard let dtype = fields["dtype"]?.stringValue else { throw fail("has no dtype") }
    guard let elementType = ElementType(rawValue: dtype) else {
      let names = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw fail("has dtype \(dtype); known are \(names)")
    }
    guard let shape = fields["shape"]?.extents else {
      throw fail("has no shape of whole numbers from 0 on")
    }
    guard let offsets = fields["data_offsets"]?.extents, offsets.count == 2, offsets[0] <= offsets[1] else {
      throw fail("has no data_offsets [begin, end]")
    }
    var bytes = elementType.size
    for extent in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw fail("has shape \(shape), more than memory can address") }
      bytes = product
    }
    guard offsets[1] - offsets[0] == bytes else {
      throw fail(
        "has \(offsets[1] - offsets[0]) bytes by its data_offsets, but \(dtype) \(shape) takes \(bytes)")
    }
    self.name = name
    self.elementType = elementType
    self.shape = shape
    (begin, end) = (offsets[0], offsets[1])
  }
}

extension JSON {
  /// A list of whole numbers from 0 on; nil for anything else.
  fileprivate var extents: [Int]? {
    guard let elements = arrayValue else { return nil }
    let numbers = elements.compactMap(\.intValue)
    return numbers.count == elements.count && numbers.allSatisfy { $0 >= 0 } ? numbers : nil
  }
}
