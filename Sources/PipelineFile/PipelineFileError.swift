// Owns how everything that is wrong with a pipeline file (or with `--set`, `--params`, a selection) is told.

import Workflow

/// What is wrong with a pipeline, each issue with its place: `pipelines/resnet.yaml:14:7: stage 'fit': …`.
public struct PipelineFileError: Error, CustomStringConvertible, Sendable {
  /// Independent issues in the order of the file; never empty.
  public let issues: [DecodingIssue]

  init(_ issues: [DecodingIssue]) {
    precondition(!issues.isEmpty, "BUG: an error without an issue")
    self.issues = issues
  }

  init(_ place: Place, _ message: String) { issues = [DecodingIssue(place, message)] }

  /// One line per issue.
  public var description: String {
    issues.map { issue in
      issue.place.file.isEmpty ? issue.message : "\(issue.place): \(issue.message)"
    }.joined(separator: "\n")
  }
}

/// Gathers the first issue of each of several independent things, so that one reading tells more than one.
struct IssueCollector {
  /// More than this many at once help nobody.
  static let limit = 5
  private(set) var issues: [DecodingIssue] = []

  /// Runs `body`; what it throws is kept, with `subject` (`stage 'fit'`) before its message.
  mutating func collect<T>(_ subject: String, _ body: () throws -> T) throws -> T? {
    do { return try body() } catch let issue as DecodingIssue {
      try add(issue.place, "\(subject): \(issue.message)")
      return nil
    }
  }

  mutating func add(_ place: Place, _ message: String) throws {
    issues.append(DecodingIssue(place, message))
    if issues.count == IssueCollector.limit { try throwIfAny() }
  }

  func throwIfAny() throws {
    if !issues.isEmpty { throw PipelineFileError(issues) }
  }
}
