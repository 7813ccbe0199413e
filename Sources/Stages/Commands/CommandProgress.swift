// Owns what a command says of its progress: lines of JSON that it appends to the file named by `BOBBIN_PROGRESS`. What
// becomes of them is the worker's business.

import Canonical
import Foundation
import Workflow

/// Follows the file while the command runs.
struct CommandProgress {
  static let variable = "BOBBIN_PROGRESS"
  /// How often the file is looked at, in milliseconds.
  static let interval: Int32 = 100
  /// The bytes of the longest line that is read.
  private static let longest = 1 << 16
  /// The most numbers and texts of one line that are shown.
  private static let most = 8

  let path: String
  private let report: @Sendable (Workflow.Progress) -> Void
  private let checkpoint: @Sendable (String) -> String?
  private let complain: @Sendable (String) -> Void
  private var offset = 0
  private var line: [UInt8] = []
  private var isTooLong = false
  private var fraction = 0.0
  private var hasComplained = false
  private var complaints: Set<String> = []

  /// - Parameters:
  ///   - path: of the file, which needn't exist yet.
  ///   - checkpoint: told that the command's state is complete, and where that is in its words; says what is wrong.
  ///   - complain: takes what is said once of lines that can't be read.
  init(
    _ path: String, report: @escaping @Sendable (Workflow.Progress) -> Void,
    checkpoint: @escaping @Sendable (String) -> String? = { _ in nil },
    complain: @escaping @Sendable (String) -> Void
  ) {
    self.path = path
    self.report = report
    self.checkpoint = checkpoint
    self.complain = complain
  }

  /// Reads what is left.
  mutating func end() {
    readOn()
    if !line.isEmpty { take() }
  }

  /// Reads what has been written since the last time.
  mutating func readOn() {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
    if Int(status.st_size) < offset {
      // Written anew.
      offset = 0
      line = []
      isTooLong = false
    }
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = pread(file, &chunk, chunk.count, off_t(offset))
      guard n > 0 else { return }
      offset += n
      for byte in chunk[..<n] {
        if byte == 0x0A {
          take()
        } else if line.count < CommandProgress.longest {
          line.append(byte)
        } else {
          isTooLong = true
        }
      }
    }
  }

  private mutating func take() {
    defer {
      line = []
      isTooLong = false
    }
    if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return }
    guard !isTooLong, let progress = CommandProgress.read(line, after: fraction) else {
      if !hasComplained {
        complain(
          "a line of \(CommandProgress.variable) is ignored: expected JSON such as {\"progress\": 0.3, \"loss\": "
            + "0.12}, found \(String(decoding: line.prefix(60), as: UTF8.self))")
      }
      hasComplained = true
      return
    }
    if !progress.detail.isEmpty || progress.fraction != fraction { report(progress) }
    fraction = progress.fraction
    guard let name = CommandProgress.checkpoint(line), let problem = checkpoint(name) else { return }
    if complaints.insert(problem).inserted { complain(problem) }
  }

  /// Where the command is if it says with a line that its state is complete: `{"checkpoint": "epoch 4"}`. Empty where
  /// it doesn't say: `true`.
  private static func checkpoint(_ line: [UInt8]) -> String? {
    switch (try? JSON(parsing: line))?["checkpoint"] {
    case .bool(true)?: ""
    case .bool?, .null?, nil: nil
    case let value?: shown(value) ?? ""
    }
  }

  /// A line as progress: the member `progress` is how far it is, from 0 to 1, the others are told with it in their
  /// order. Nil when it is no such thing.
  static func read(_ line: [UInt8], after fraction: Double) -> Workflow.Progress? {
    guard let members = try? JSON(parsing: line).objectValue else { return nil }
    var progress = Workflow.Progress(fraction: fraction, detail: [])
    if let said = members["progress"] {
      guard let value = said.doubleValue, value.isFinite else { return nil }
      progress.fraction = value
    }
    let text = String(decoding: line, as: UTF8.self)
    // JSON's members have no order, but people write them in one.
    let names = members.keys.filter { !["progress", "checkpoint"].contains($0) }.map { name in
      (name, text.range(of: JSON.string(name).canonical)?.lowerBound ?? text.endIndex)
    }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }
    for (name, _) in names where progress.detail.count < most {
      guard let value = members[name].flatMap(shown) else { continue }
      progress.detail.append((name: String(name.prefix(40)), value: value))
    }
    return progress
  }

  private static func shown(_ value: JSON) -> String? {
    switch value {
    case .string(let text): String(text.prefix(60).map { $0.isNewline ? " " : $0 })
    case .integer(let number): String(number)
    case .number(let number): String(format: "%.4g", number)
    case .bool(let flag): String(flag)
    case .null, .array, .object: nil
    }
  }
}
