// Owns which libraries compute here, for the facts of every record. They decide bits and aren't in the key.

import ContentStore
import Tensor

/// Names and versions of the numerics' libraries.
public func libraryVersions() -> JSON {
  ["oneDNN": .string(LibraryVersions.oneDNN), "OpenBLAS": .string(LibraryVersions.openBLAS)]
}
