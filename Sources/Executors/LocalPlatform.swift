// Owns what this machine is, where keys have to say it.

import Canonical
import Workflow

extension Platform {
  /// What computes here.
  /// - Parameter libraries: names and versions, as in the facts of records.
  public static func here(libraries: JSON) -> Platform {
    Platform(
      instructionSet: Machine.instructionSet,
      libraries: (libraries.objectValue ?? [:]).compactMapValues(\.stringValue))
  }
}
