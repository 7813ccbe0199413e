// Owns writing text to descriptors and logs, and reading a log's end. Nothing here traps: a full disk and a closed
// pipe are answers.

import Foundation

/// Writes all of it. Returns 0, or an errno.
public func writeText(_ text: String, to descriptor: Int32) -> Int32 {
  var text = text
  return text.withUTF8 { bytes in
    var done = 0
    while done < bytes.count {
      let n = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { return n < 0 ? errno : EIO }
      done += n
    }
    return 0
  }
}

/// Opens a log for writing at its end; it is made if need be. Returns a descriptor, or -1 with `errno`: where a link
/// stands its target is somebody else's, and a pipe would have to be waited for.
public func openLog(_ path: String, truncating: Bool = false) -> Int32 {
  let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
  let file = open(path, flags | (truncating ? O_TRUNC : 0), 0o644)
  // Programs that write to it expect to wait.
  if file >= 0 { _ = fcntl(file, F_SETFL, O_APPEND) }
  return file
}

/// Adds text at the end of a log. Returns 0, or an errno.
public func appendText(_ text: String, to path: String) -> Int32 {
  let file = openLog(path)
  guard file >= 0 else { return errno }
  defer { close(file) }
  return writeText(text, to: file)
}

/// The lines at the end of a file, of at most its last `bytes` bytes; none where it can't be read.
public func lastLines(of path: String, bytes: Int = 20_000) -> [String] {
  let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard file >= 0 else { return [] }
  defer { close(file) }
  let size = Int(lseek(file, 0, SEEK_END))
  let start = max(0, size - bytes)
  var text = [UInt8](repeating: 0, count: max(0, size - start))
  let n = pread(file, &text, text.count, off_t(start))
  return String(decoding: text.prefix(max(0, n)), as: UTF8.self).split(separator: "\n").map(String.init)
}

/// Lines of a log as a message quotes them, each on a line of its own.
public func quotedLines(_ lines: some Sequence<String>) -> String { lines.map { "\n  | \($0)" }.joined() }
