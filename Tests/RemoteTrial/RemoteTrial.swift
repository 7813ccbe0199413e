// Puts one large blob of zeros to a remote, gets it back, and says how much memory that took: a process of its own, since
// others' memory counts in a shared one. Not shipped.

import Canonical
import ContentStore
import Foundation
import Processes
import Remotes

@main
struct RemoteTrial {
  /// Arguments: the remote, the blob's size.
  static func main() throws {
    signal(SIGPIPE, SIG_IGN)
    let remote = try openRemote(
      CommandLine.arguments[1], relativeTo: URL(fileURLWithPath: "/"), kinds: remoteKinds())
    let size = Int(CommandLine.arguments[2])!
    let name = Digest.of("\(size) zeros".utf8)
    ProcessMemory.forgetPeak()
    var left = size
    try remote.putBlob(name, size: size) { buffer in
      let n = min(left, buffer.count)
      memset(buffer.baseAddress!, 0, n)
      left -= n
      return n
    }
    var count = 0
    let isThere = try remote.blob(name, limit: size) { count += $0.count }
    print(isThere, count, ProcessMemory.peak ?? 0)
  }
}
