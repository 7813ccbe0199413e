// Owns reading text that somebody's program wrote and that is parsed whole.

import Canonical
import Foundation
import Workflow

/// The bytes of a text; one too large to be a table or scores is refused before it is read.
func boundedText(of url: URL) throws -> Data {
  let most = 256 << 20
  guard let size = try url.resourceValues(forKeys: [.fileSizeKey]).fileSize else {
    throw InputError(message: "it is a folder, expected a file")
  }
  guard size <= most else {
    throw InputError(message: "it has \(size) bytes, more than \(most >> 20) MiB")
  }
  return try Data(contentsOf: url)
}

extension JSON {
  /// What a value is, for messages.
  var kindOfValue: String {
    switch self {
    case .null: "null"
    case .bool, .integer, .number: canonical
    case .string(let text): "the text '\(text.prefix(40))'"
    case .array: "a list"
    case .object: "an object"
    }
  }
}
