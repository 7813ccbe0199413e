// Owns the stage kind `fetch`.

import Canonical
import Downloads
import Foundation
import Workflow

struct Fetch: StageKind {
  static let name = "fetch"
  static let summary = "a file from the network, known by its SHA-256"
  static let discussion = """
    Downloads once; the digest decides whether it is the file that was meant. An interrupted download goes on where it \
    ended, in the next run too. Redirects are followed, from https:// to https:// alone. What is fetched stands where a \
    path may: `dataset/cifar10` takes the published archive as it is.
    """

  @Parameter("where it is: https://… or http://…") var url: String
  @Parameter("SHA-256 of the file, 64 hexadecimal digits") var sha256: String
  @Output("the file, as it is there", .file) var file: OutputArtifact

  func validate() throws {
    if let problem = Download.problem(with: url) { throw InvalidParameter("url", problem) }
    guard Digest(hex: sha256.lowercased()) != nil else {
      throw InvalidParameter(
        "sha256", "expected 64 hexadecimal digits, found '\(sha256)' (\(sha256.count) characters)")
    }
  }

  func run(in context: StageContext) throws {
    guard let digest = Digest(hex: sha256.lowercased()) else {
      preconditionFailure("BUG: \(sha256) was validated")
    }
    let folder = context.unfinished
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let partial = folder.appending(path: "download")
    try Download(url, digest: digest).fetch(into: partial) { progress in
      let fraction = progress.total.map { Double(progress.received) / Double(max(1, $0)) } ?? 0
      let total = progress.total.map { " of \(mebibytes($0))" } ?? ""
      context.progress(
        fraction,
        [
          "received": "\(mebibytes(progress.received))\(total) MiB",
          "rate": "\(mebibytes(Int(progress.rate))) MiB/s",
          "left": progress.left.map { "\(Int($0.rounded(.up)))s" } ?? "?",
        ])
    }
    try FileManager.default.moveItem(at: partial, to: file.url)
  }
}

/// With one decimal place.
private func mebibytes(_ bytes: Int) -> String {
  let tenths = (bytes * 10 + 1 << 19) >> 20
  return "\(tenths / 10).\(tenths % 10)"
}
