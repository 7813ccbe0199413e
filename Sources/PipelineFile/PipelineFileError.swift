// Owns how everything that is wrong with a pipeline file (or with `--set`, `--params`, a selection) is told.

import Workflow

/// What is wrong with a pipeline, each issue with its place: `pipelines/resnet.yaml:14:7: stage 'fit': …`.
public struct PipelineFileError: Error, CustomStringConvertible, Sendable {
  /// Something wrong, where the wrong value was written.
  public struct Issue: Sendable, Hashable {
    public var place: Place
    public var message: String
    /// How many instances it concerns, of how many of its stage; 1 of 1 where it is no matter of instances.
    public var instances = 1
    public var ofInstances = 1

    init(_ issue: DecodingIssue) {
      place = issue.place
      message = issue.message + issue.example
    }
  }

  /// More lines than these help nobody.
  private static let longest = 20

  /// Independent issues in the order of their places; never empty.
  public let issues: [Issue]

  init(_ issues: [Issue]) {
    precondition(!issues.isEmpty, "BUG: an error without an issue")
    self.issues = issues
  }

  init(_ issues: [DecodingIssue]) { self.init(issues.map { Issue($0) }) }

  init(_ place: Place, _ message: String) { self.init([DecodingIssue(place, message)]) }

  /// One line per issue.
  public var description: String {
    var lines = issues.prefix(PipelineFileError.longest).map(\.description)
    if issues.count > lines.count {
      lines.append("and \(issues.count - lines.count) more; `bobbin check --json` lists all")
    }
    return lines.joined(separator: "\n")
  }
}

extension PipelineFileError.Issue: CustomStringConvertible {
  /// With its place, and how many instances it concerns where it is more than one.
  public var description: String {
    let text = place.file.isEmpty ? message : "\(place): \(message)"
    if instances == 1 { return text }
    return instances == ofInstances
      ? "\(text) (all \(instances) instances)" : "\(text) (\(instances) of \(ofInstances) instances)"
  }
}

/// Gathers what is wrong with several independent things, so that one reading tells all of it.
struct IssueCollector {
  private(set) var issues: [PipelineFileError.Issue] = []

  /// Runs `body`; what it throws is kept, with `subject` (`stage 'fit'`) before its message.
  @discardableResult
  mutating func collect<T>(_ subject: String, _ body: () throws -> T) throws -> T? {
    var found = DecodingIssues()
    let result = try found.collect(subject, body)
    issues += found.issues.map { PipelineFileError.Issue($0) }
    return result
  }

  /// Takes over what is wrong with some of a stage's instances.
  mutating func add(_ counted: InstanceIssues, _ subject: String, of instances: Int) {
    for (found, count) in counted.counts {
      var issue = PipelineFileError.Issue(found)
      issue.message = "\(subject): \(issue.message)"
      issue.instances = count
      issue.ofInstances = instances
      issues.append(issue)
    }
  }

  /// Throws what was kept, if anything.
  func throwIfAny(first: String) throws {
    if !issues.isEmpty { throw PipelineFileError(IssueCollector.inOrder(issues, first: first)) }
  }

  /// By file, that of `first` before others, and place.
  private static func inOrder(_ issues: [PipelineFileError.Issue], first: String) -> [PipelineFileError.Issue]
  {
    let inOrder = issues.enumerated().sorted { a, b in
      let (x, y) = (a.element.place, b.element.place)
      if x.file != y.file { return x.file == first || (y.file != first && x.file < y.file) }
      return (x.line, x.column, a.offset) < (y.line, y.column, b.offset)
    }
    return inOrder.map(\.element)
  }
}

/// What is wrong with instances of one stage: a thousand of them may show the same slip.
struct InstanceIssues {
  /// Which they are, in the order of their first appearance, and how many instances show each.
  private(set) var counts: [(issue: DecodingIssue, instances: Int)] = []
  private var positions: [Key: Int] = [:]

  private struct Key: Hashable {
    var place: Place
    var message: String
  }

  var isEmpty: Bool { counts.isEmpty }

  /// Runs `body` for one instance; what it throws is counted.
  mutating func collect<T>(_ body: () throws -> T) throws -> T? {
    var found = DecodingIssues()
    let result = try found.collect(nil, body)
    for issue in found.issues { add(issue) }
    return result
  }

  mutating func add(_ issue: DecodingIssue) {
    let key = Key(place: issue.place, message: issue.message)
    if let position = positions[key] {
      counts[position].instances += 1
    } else {
      positions[key] = counts.count
      counts.append((issue, 1))
    }
  }
}
