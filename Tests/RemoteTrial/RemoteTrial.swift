// Puts one large blob of zeros to a remote and gets it back, or asks for large records, and says how much memory that took: a process of its own, since
// others' memory counts in a shared one. Not shipped.

import Canonical
import ContentStore
import Foundation
import Processes
import Remotes

@main
struct RemoteTrial {
  /// Arguments: the remote, the blob's size. `records` instead: asks for 64 records at once.
  static func main() throws {
    signal(SIGPIPE, SIG_IGN)
    let remote = try openRemote(
      CommandLine.arguments[1], relativeTo: URL(fileURLWithPath: "/"), kinds: remoteKinds())
    guard let size = Int(CommandLine.arguments[2]) else { return try askForRecords(of: remote) }
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

  static func askForRecords(of remote: any Remote) throws {
    var bytes = 0
    ProcessMemory.forgetPeak()
    try remote.records((0..<64).map { Digest.of("\($0)".utf8) }, limit: Record.longest) {
      bytes += try $1.get()?.count ?? 0
    }
    print(true, bytes, ProcessMemory.peak ?? 0)
  }
}
