// Owns JSON as people read it.

import Canonical
import ContentStore

extension JSON {
  /// The canonical text with line breaks and indentation, for people.
  var indented: String {
    func lines(_ value: JSON, _ indent: String) -> String {
      switch value {
      case .object(let members) where !members.isEmpty:
        let inner = members.sorted { $0.key < $1.key }.map {
          "\(indent)  \(JSON.string($0.key).canonical): \(lines($0.value, indent + "  "))"
        }
        return "{\n" + inner.joined(separator: ",\n") + "\n\(indent)}"
      case .array(let values) where !values.isEmpty:
        let inner = values.map { "\(indent)  " + lines($0, indent + "  ") }
        return "[\n" + inner.joined(separator: ",\n") + "\n\(indent)]"
      default: return value.canonical
      }
    }
    return lines(self, "")
  }
}
