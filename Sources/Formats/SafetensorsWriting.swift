// Owns writing safetensors files, so that equal contents give equal bytes.
import Canonical
import Foundation

extension SafetensorsFile {
  /// Writes a file: widest elements first and by name among equals (so that every array is aligned, as the
  /// reference implementation has it), metadata sorted, the header padded to eight bytes.
  public static func write(
    _ arrays: [String: StoredArray], metadata: [String: String] = [:], to url: URL
  ) throws {
    do {
      guard FileManager.default.createFile(atPath: url.path, contents: nil) else {
        throw FormatError(file: url.path, "can't be created")
      }
      let handle = try FileHandle(forWritingTo: url)
      defer { try? handle.close() }
      try handle.write(contentsOf: header(arrays, metadata: metadata))
      for name in order(arrays) { try handle.write(contentsOf: arrays[name]!.bytes) }
    } catch let error as FormatError {
      throw error
    } catch {
      throw FormatError(file: url.path, "can't be written: \(reason(error))")
    }
  }

  /// The bytes of such a file.
  public static func encode(_ arrays: [String: StoredArray], metadata: [String: String] = [:]) -> Data {
    var data = header(arrays, metadata: metadata)
    for name in order(arrays) { data.append(arrays[name]!.bytes) }
    return data
  }
}

private func order(_ arrays: [String: StoredArray]) -> [String] {
  arrays.keys.sorted { a, b in
    let (sizeA, sizeB) = (arrays[a]!.elementType.size, arrays[b]!.elementType.size)
    return sizeA != sizeB ? sizeA > sizeB : a < b
  }
}

private func header(_ arrays: [String: StoredArray], metadata: [String: String]) -> Data {
  var members: [String] = []
  if !metadata.isEmpty {
    members.append("\"__metadata__\":" + JSON.object(metadata.mapValues(JSON.string)).canonical)
  }
  var offset = 0
  for name in order(arrays) {
    let array = arrays[name]!
    let shape = array.shape.map(String.init).joined(separator: ",")
    let end = offset + array.bytes.count
    members.append(
      JSON.string(name).canonical
        + ":{\"dtype\":\"\(array.elementType.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
    )
    offset = end
  }
  var text = Data(("{" + members.joined(separator: ",") + "}").utf8)
  while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
  var data = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
  data.append(text)
  return data
}
