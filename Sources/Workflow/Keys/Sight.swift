// Owns what a run saw of files outside the pipeline, and whether they are still the same: by content, and by what the
// filesystem says of them, so that an edit is seen that was put back meanwhile.

import Canonical
import ContentStore
import Foundation

/// Files as they were at a moment, all with the content that the key has.
struct Sight: Sendable {
  var files: [ExternalFile] = []

  /// A file that somebody has touched since.
  var touched: ExternalFile? { files.first { !$0.isUnchanged } }
}

/// What looking at files again came to.
enum Look: Sendable {
  case same(Sight)
  /// A file (its path) has other content than the key has, is new, or has gone.
  case edited(String)

  /// Looks at files of known content; only those that were touched are read.
  init(_ known: [ExternalFile], store: any ResultStore) throws {
    var files: [ExternalFile] = []
    for file in known {
      if file.isUnchanged {
        files.append(file)
        continue
      }
      guard let now = try? store.digests(ofFiles: [URL(fileURLWithPath: file.path)]).first,
        now.digest == file.digest
      else {
        self = .edited(file.path)
        return
      }
      files.append(now)
    }
    self = .same(Sight(files: files))
  }

  /// Both.
  func and(_ other: () throws -> Look) rethrows -> Look {
    guard case .same(let mine) = self else { return self }
    switch try other() {
    case .edited(let path): return .edited(path)
    case .same(let theirs): return .same(Sight(files: mine.files + theirs.files))
    }
  }
}

/// What became of files while somebody read them.
enum Disturbance: Sendable {
  case none
  /// A file has other content now.
  case edited(String)
  /// A file was touched and has the same content again; what was read of it isn't known.
  case putBack(String)
}
