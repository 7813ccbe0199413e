// Owns where an instance's log lies in a store, and that no two runs write to one file.

import Canonical
import ContentStore
import Foundation

extension Graph {
  /// The file with what instance `name` printed when it last ran here.
  public func log(of name: String, in store: URL) -> URL {
    let folder = Digest.of("\(project)\n\(file)".utf8).hex.prefix(16)
    let log = Digest.of(name.utf8).hex.prefix(32)
    return store.appendingPathComponent("logs/\(folder)/\(log).log")
  }
}

/// The file that an instance prints to while a run has it. Another run, perhaps with other parameters, may be at an
/// instance of that name in the same store at the same time: then it has a file beside this one.
final class LogFile: Sendable {
  let url: URL
  /// Locked as long as this lives; -1 where nothing could be made.
  private let descriptor: Int32

  init(of name: String, _ graph: Graph, in store: URL) {
    let first = graph.log(of: name, in: store)
    for n in 1... {
      let url = n == 1 ? first : first.deletingPathExtension().appendingPathExtension("\(n).log")
      let descriptor = LogFile.open(url)
      // Where it can't be locked, it is used like that: at worst a log isn't whole.
      if descriptor < 0 || flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK {
        (self.url, self.descriptor) = (url, descriptor)
        return
      }
      close(descriptor)
    }
    preconditionFailure("BUG: more runs at a time than there are numbers")
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// A file takes room though nothing is in it.
  func removeIfEmpty() {
    var status = stat()
    if descriptor >= 0, fstat(descriptor, &status) == 0, status.st_size == 0 { unlink(url.path) }
  }

  private static func open(_ url: URL) -> Int32 {
    let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let descriptor = Foundation.open(url.path, flags, 0o644)
    if descriptor >= 0 || errno != ENOENT { return descriptor }
    // In a store that is there, and nowhere else.
    let folder = url.deletingLastPathComponent()
    mkdir(folder.deletingLastPathComponent().path, 0o777)
    mkdir(folder.path, 0o777)
    return Foundation.open(url.path, flags, 0o644)
  }
}
