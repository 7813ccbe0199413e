// Owns opening a file of arrays whatever its format. Which one it is the first bytes tell: files in a store have no
// extensions.
import Foundation

/// An open `.npy`, `.npz` or `.safetensors` file.
public struct ArrayFile: Sendable {
  /// The file's name for messages.
  public let file: String
  /// The arrays' names, sorted; an `.npy` file's is the file's own.
  public let names: [String]
  /// Of a safetensors file its `__metadata__`; others have none.
  public let metadata: [String: String]
  private let read: @Sendable (String) throws -> StoredArray
  /// Reads an array's header alone.
  private let look: @Sendable (String) throws -> [Int]
  /// No header of an array is longer.
  private static let longestHeader = 65_536

  private init(
    _ file: String, names: [String], metadata: [String: String] = [:],
    read: @escaping @Sendable (String) throws -> StoredArray,
    look: @escaping @Sendable (String) throws -> [Int]
  ) {
    self.look = look
    self.file = file
    self.names = names.sorted()
    self.metadata = metadata
    self.read = read
  }

  /// Opens a file. Arrays are read when they are asked for.
  /// - Parameter name: what errors call it; nil for its path.
  public init(contentsOf url: URL, called name: String? = nil) throws {
    let file = name ?? url.path
    let bytes = try ArrayFile.beginning(of: url, called: file)
    let isNumPy = bytes.starts(with: [0x93] + Array("NUMPY".utf8))
    if !isNumPy, bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
      let tensors = try SafetensorsFile(contentsOf: url, called: file)
      self.init(
        file, names: tensors.names, metadata: tensors.metadata, read: { try tensors.array($0) },
        look: { try tensors.array($0).shape })
    } else if isNumPy || bytes.starts(with: [0x1f, 0x8b]) {
      self.init(
        file, names: [url.deletingPathExtension().lastPathComponent],
        read: { _ in try NumPy.read(url, called: file) },
        look: { _ in
          try NumPy.header(of: readBeginning(url, bytes: ArrayFile.longestHeader), file: file).shape
        })
    } else if bytes.starts(with: "PK".utf8) {
      try self.init(archive: url, called: file)
    } else {
      throw FormatError(
        file: file, "is no file of arrays, or a truncated one: expected .npy, .npz or .safetensors")
    }
  }

  /// Opens an `.npz` archive; what in it isn't called `*.npy` is left alone.
  init(archive url: URL, called file: String) throws {
    let archive = try ZipArchive(url, called: file)
    let members = archive.names.filter { $0.hasSuffix(".npy") }
    @Sendable func found(_ data: Data?, _ name: String) -> Data {
      guard let data else { preconditionFailure("BUG: '\(name)' is not in the archive") }
      return data
    }
    self.init(
      file, names: members.map { String($0.dropLast(4)) },
      read: { name in
        try NumPy.decode(found(archive.contents(of: name + ".npy"), name), file: "\(file): \(name)")
      },
      look: { name in
        let data = try archive.beginning(of: name + ".npy", bytes: ArrayFile.longestHeader)
        return try NumPy.header(of: found(data, name), file: "\(file): \(name)").shape
      })
  }

  /// The array of that name; a missing one is an error that lists what is there.
  public func array(_ name: String) throws -> StoredArray {
    guard names.contains(name) else {
      throw FormatError(file: file, "has no array '\(name)'; it has \(listed)")
    }
    return try read(name)
  }

  /// The shape of the array of that name, as its header says; no values are read.
  public func shape(of name: String) throws -> [Int] {
    guard names.contains(name) else {
      throw FormatError(file: file, "has no array '\(name)'; it has \(listed)")
    }
    return try look(name)
  }

  /// The arrays' names for messages.
  public var listed: String {
    names.isEmpty ? "none" : names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
  }

  private static func beginning(of url: URL, called file: String) throws -> [UInt8] {
    do {
      return Array(try Data(contentsOf: url, options: .alwaysMapped).prefix(16))
    } catch {
      throw FormatError(file: file, "can't be read: \(reason(error))")
    }
  }
}
