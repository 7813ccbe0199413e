// Owns the instances of a stage in columns, since a matrix has up to a million of them that differ in little: what all
// have in common stands once, what some share stands once for these, and the rest takes a few bytes each.

import Canonical
import ContentStore
import Foundation

/// What the instances of a stage have in common.
public struct StageFacts: Sendable {
  public var name: String
  public var kind: KindDescription
  /// Names of the environment variables that the work may see, and that are in its key with their values.
  public var environment: [String]
  /// Those of them whose values nobody but the work sees: the key has keyed digests.
  public var secrets: Set<String>
  public var outputs: [OutputDescription]
  public var resources: Resources
  /// Nil where the stage says nothing.
  public var retry: Retry?
  /// Where the stage stands in the pipeline file.
  public var place: Place

  public init(
    name: String, kind: KindDescription, environment: [String] = [], secrets: Set<String> = [],
    outputs: [OutputDescription], resources: Resources = Resources(), retry: Retry? = nil,
    place: Place = .nowhere
  ) {
    self.name = name
    self.kind = kind
    self.environment = environment
    self.secrets = secrets
    self.outputs = outputs
    self.resources = resources
    self.retry = retry
    self.place = place
  }
}

/// The instances of one stage. Immutable, and shared by all that look at one of them.
public final class StageInstances: Sendable {
  public let facts: StageFacts
  public let names: InstanceNames
  let columns: InstanceColumns

  /// - Parameter columns: a row for each of `names`.
  public init(_ facts: StageFacts, names: InstanceNames, _ columns: InstanceColumns) {
    precondition(columns.count == names.count, "BUG: \(columns.count) rows for \(names.count) instances")
    self.facts = facts
    self.names = names
    self.columns = columns.closed()
  }

  public var count: Int { names.count }
}

/// In what the instances of a stage differ, besides their names: a row for each.
public struct InstanceColumns: Sendable {
  public private(set) var count = 0
  private var parameters = Texts()
  private var inputs: [InputColumn] = []
  private var externals: [Column<ExternalBinding?>] = []
  private var codes = Column<CommandCode?>()

  public init() {}

  /// What an instance reads by one input or file, and a number that instances have in common which have it in common;
  /// nil where nobody knows that.
  public struct Numbered<Value: Sendable>: Sendable {
    public var value: Value
    public var number: Int?

    public init(_ value: Value, _ number: Int? = nil) {
      self.value = value
      self.number = number
    }
  }

  /// Adds a row.
  /// - Parameters:
  ///   - parameters: in canonical form, as `KindDescription.decode` gave it.
  ///   - inputs: nil for one that this instance hasn't, where others may have it; so with `externals`.
  public mutating func append(
    parameters: Numbered<JSON>, inputs: [Numbered<InputBinding?>] = [],
    externals: [Numbered<ExternalBinding?>] = [], code: CommandCode? = nil
  ) {
    self.parameters.append(parameters.value, parameters.number)
    while self.inputs.count < inputs.count { self.inputs.append(InputColumn(without: count)) }
    for n in self.inputs.indices {
      let its = n < inputs.count ? inputs[n] : nil
      self.inputs[n].append(its?.value ?? nil, its?.number)
    }
    while self.externals.count < externals.count {
      var column = Column<ExternalBinding?>()
      for _ in 0..<count { column.append(nil, number: nil) { _, _ in true } }
      self.externals.append(column)
    }
    for n in self.externals.indices {
      let its = n < externals.count ? externals[n] : nil
      self.externals[n].append(its?.value ?? nil, number: its?.number) { $0 == $1 }
    }
    codes.append(code, number: nil) { $0 == $1 }
    count += 1
  }

  fileprivate func closed() -> InstanceColumns {
    var closed = self
    closed.parameters.close()
    for n in inputs.indices { closed.inputs[n].close() }
    for n in externals.indices { closed.externals[n].close() }
    return closed
  }

  func parameters(_ row: Int) -> JSON { parameters.json(row) }
  func appendParameters(_ row: Int, to out: inout [UInt8]) { parameters.append(row, to: &out) }
  /// Whether a row's parameters have these bytes somewhere: quicker than reading them all.
  func parameters(_ row: Int, mention text: StaticString) -> Bool { parameters.contains(row, text) }
  func inputs(_ row: Int) -> [InputBinding] { inputs.compactMap { $0[row] } }
  func externals(_ row: Int) -> [ExternalBinding] { externals.compactMap { $0[row] } }
  func code(_ row: Int) -> CommandCode? { codes[row] }
  /// Instances with the same number have the same code; others may.
  func codeNumber(_ row: Int) -> Int { codes.positions[row] }
  var readsNothing: Bool { inputs.isEmpty }
  var hasExternals: Bool { !externals.isEmpty }

  /// Calls `visit` with the index of every instance that a row reads, as often as it is named.
  func visitSources(_ row: Int, _ visit: (UInt32) -> Void) {
    for input in inputs { input.visitSources(row, visit) }
  }
}

/// JSON values as their canonical texts, in one piece: the objects that they are made of would take many times the room.
private struct Texts: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  private var positions = Positions()
  private var byNumber: [Int: Int] = [:]

  mutating func append(_ json: JSON, _ number: Int?) {
    if let number, let known = byNumber[number] { return positions.append(known) }
    let start = bytes.count
    json.write(to: &bytes)
    if let end = ends.last, end == start, bytes[range(ends.count - 1)] == bytes[start...] {
      bytes.removeSubrange(start...)
    } else {
      ends.append(bytes.count)
    }
    if let number { byNumber[number] = ends.count - 1 }
    positions.append(ends.count - 1)
  }

  private func range(_ position: Int) -> Range<Int> {
    (position == 0 ? 0 : ends[position - 1])..<ends[position]
  }

  func append(_ row: Int, to out: inout [UInt8]) {
    let range = range(positions[row])
    bytes.withUnsafeBufferPointer { out.append(contentsOf: UnsafeBufferPointer(rebasing: $0[range])) }
  }

  func contains(_ row: Int, _ text: StaticString) -> Bool {
    let range = range(positions[row])
    let sought = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    return bytes.withUnsafeBufferPointer { $0[range].firstRange(of: sought) != nil }
  }

  func json(_ row: Int) -> JSON {
    guard let json = try? JSON(parsing: bytes[range(positions[row])]) else {
      preconditionFailure("BUG: parameters that are no JSON")
    }
    return json
  }

  mutating func close() { byNumber = [:] }
}

/// What instances read by one of their inputs.
private struct InputColumn: Sendable {
  private struct Head: Hashable {
    var name: String
    var isList: Bool
    var labelled: Bool
  }

  /// For each row one more than the place of what it reads; 0 for nothing.
  private var positions: Positions
  private var heads: [Head] = []
  private var headOf = Positions()
  /// Where the sources of each end.
  private var ends: [UInt32] = []
  private var sources: [UInt32] = []
  private var outputs: [String] = []
  private var outputOf = Positions()
  private var byNumber: [Int: Int] = [:]

  /// - Parameter count: how many rows there are already that read nothing by it.
  init(without count: Int) { positions = Positions(zeros: count) }

  mutating func append(_ binding: InputBinding?, _ number: Int?) {
    guard let binding else { return positions.append(0) }
    if let number, let known = byNumber[number] { return positions.append(known) }
    if ends.isEmpty || !isLast(binding) {
      headOf.append(
        place(of: Head(name: binding.name, isList: binding.isList, labelled: binding.labelled), &heads))
      for source in binding.sources {
        sources.append(UInt32(source.instance))
        outputOf.append(place(of: source.output, &outputs))
      }
      ends.append(UInt32(sources.count))
    }
    if let number { byNumber[number] = ends.count }
    positions.append(ends.count)
  }

  private func isLast(_ binding: InputBinding) -> Bool {
    let range = range(ends.count - 1)
    guard range.count == binding.sources.count else { return false }
    let head = heads[headOf[ends.count - 1]]
    return head == Head(name: binding.name, isList: binding.isList, labelled: binding.labelled)
      && zip(range, binding.sources).allSatisfy {
        Int(sources[$0]) == $1.instance && outputs[outputOf[$0]] == $1.output
      }
  }

  /// Where a value is among a few.
  private func place<Value: Equatable>(of value: Value, _ values: inout [Value]) -> Int {
    if let known = values.lastIndex(of: value) { return known }
    values.append(value)
    return values.count - 1
  }

  private func range(_ position: Int) -> Range<Int> {
    (position == 0 ? 0 : Int(ends[position - 1]))..<Int(ends[position])
  }

  subscript(row: Int) -> InputBinding? {
    let position = positions[row] - 1
    guard position >= 0 else { return nil }
    let head = heads[headOf[position]]
    return InputBinding(
      name: head.name, isList: head.isList, labelled: head.labelled,
      sources: range(position).map { Source(instance: Int(sources[$0]), output: outputs[outputOf[$0]]) })
  }

  func visitSources(_ row: Int, _ visit: (UInt32) -> Void) {
    let position = positions[row] - 1
    guard position >= 0 else { return }
    for n in range(position) { visit(sources[n]) }
  }

  mutating func close() { byNumber = [:] }
}
