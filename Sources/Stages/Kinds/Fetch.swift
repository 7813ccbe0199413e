// Owns the stage kind `fetch`.

import Canonical
import Downloads
import Foundation
import Workflow

struct Fetch: StageKind {
  static let name = "fetch"
  static let summary = "files from the network, known by their SHA-256"
  static let discussion = """
    Downloads once; the digest decides whether it is the file that was meant. An interrupted download goes on where it \
    ended, in the next run too. Redirects are followed, from https:// to https:// alone. What is fetched stands where a \
    path may: `dataset/cifar10` takes the published archive as it is.

    Several files become a folder, as `dataset/mnist` and `dataset/svhn` take them: files: { train_32x32.mat: { url: …, \
    sha256: … }, test_32x32.mat: … }.
    """

  @Parameter("where it is: https://… or http://…") var url: String? = nil
  @Parameter("SHA-256 of the file, 64 hexadecimal digits") var sha256: String? = nil
  @Parameter("instead of one file those of a folder, by name") var files: [String: FetchedFile] = [:]
  @Output("the file as it is there, or the folder", .file) var file: OutputArtifact

  func validate() throws {
    guard files.isEmpty else {
      if url != nil { throw InvalidParameter("url", "write it of each of the files, or leave them out") }
      if sha256 != nil {
        throw InvalidParameter("sha256", "write it of each of the files, or leave them out")
      }
      for (name, file) in files.sorted(by: { $0.key < $1.key }) {
        guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.utf8.contains(0) else {
          throw InvalidParameter("files", "'\(name)' is to be the name of a file in a folder")
        }
        if let (part, problem) = file.wanted.problem {
          throw InvalidParameter("files", "\(name): \(part): \(problem)")
        }
      }
      return
    }
    guard let url else { throw InvalidParameter("url", "write url and sha256, or files") }
    guard let sha256 else {
      throw InvalidParameter("sha256", "\(url) is known by its SHA-256 alone; write it")
    }
    if let (part, problem) = WantedFile(url: url, sha256: sha256).problem {
      throw InvalidParameter(part, problem)
    }
  }

  func run(in context: StageContext) throws {
    let folder = context.unfinished
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    guard files.isEmpty else {
      // What was whole when an earlier attempt ended is there still.
      let all = files.sorted { $0.key < $1.key }
      for (done, (name, file)) in all.enumerated() {
        try file.wanted.fetch(into: folder.appending(path: name)) { progress in
          var progress = progress
          progress.fraction = (Double(done) + progress.fraction) / Double(all.count)
          progress.detail.insert((name: "file", value: name), at: 0)
          context.progress(progress)
        }
      }
      try FileManager.default.createDirectory(at: file.url, withIntermediateDirectories: true)
      for (name, _) in all {
        try FileManager.default.moveItem(
          at: folder.appending(path: name), to: file.url.appending(path: name))
      }
      return
    }
    guard let url, let sha256 else { preconditionFailure("BUG: nothing to fetch was validated") }
    let partial = folder.appending(path: "download")
    try WantedFile(url: url, sha256: sha256).fetch(into: partial) { context.progress($0) }
    try FileManager.default.moveItem(at: partial, to: file.url)
  }
}

/// The words for one file of several.
struct FetchedFile: ParameterGroup {
  @Parameter("where it is") var url: String
  @Parameter("SHA-256 of the file") var sha256: String

  fileprivate var wanted: WantedFile { WantedFile(url: url, sha256: sha256) }
}

/// One file of the network.
private struct WantedFile {
  let url: String
  let sha256: String

  /// Which of the two is wrong, and what; nil: neither.
  var problem: (part: String, message: String)? {
    if let problem = Download.problem(with: url) { return ("url", problem) }
    if Digest(hex: sha256.lowercased()) != nil { return nil }
    return (
      "sha256", "expected 64 hexadecimal digits, found '\(sha256)' (\(sha256.count) characters)"
    )
  }

  /// Downloads it into a file that may have its beginning.
  func fetch(into partial: URL, progress: @escaping (Workflow.Progress) -> Void) throws {
    guard let digest = Digest(hex: sha256.lowercased()) else {
      preconditionFailure("BUG: \(sha256) was validated")
    }
    try Download(url, digest: digest).fetch(into: partial) { now in
      let fraction = now.total.map { Double(now.received) / Double(max(1, $0)) } ?? 0
      let total = now.total.map { " of \(mebibytes($0))" } ?? ""
      progress(
        Workflow.Progress(
          fraction: fraction,
          detail: [
            (name: "received", value: "\(mebibytes(now.received))\(total) MiB"),
            (name: "rate", value: "\(mebibytes(Int(now.rate))) MiB/s"),
            (name: "left", value: now.left.map { "\(Int($0.rounded(.up)))s" } ?? "?"),
          ]))
    }
  }
}

/// With one decimal place.
private func mebibytes(_ bytes: Int) -> String {
  let tenths = (bytes * 10 + 1 << 19) >> 20
  return "\(tenths / 10).\(tenths % 10)"
}
