// Owns what is known of instances before they run: each kind is asked once for all instances that agree in all that it
// could answer by, and its answers are handed on to those that read what these make.

import Canonical
import Workflow

/// The instances bound so far, by their index in the graph, with what is known of their outputs.
final class BoundInstances {
  /// What is known of each: an index into `distinct`.
  private var known: [UInt32]
  /// Whether each could be bound; the others are told as wrong.
  private var isBound: [Bool]
  /// The axes of an instance, flattened.
  private let axes: (Int) -> [String]
  private var distinct: [[String: KnownFacts]] = [[:]]
  private var lists: [[Foresight.Member]: Int] = [:]
  private var members: [[Foresight.Member]] = []

  init(count: Int, axes: @escaping (Int) -> [String]) {
    known = Array(repeating: 0, count: count)
    isBound = Array(repeating: false, count: count)
    self.axes = axes
  }

  func add(at index: Int) { isBound[index] = true }

  /// Takes down what is known of outputs; its number is for `know`.
  fileprivate func take(_ outputs: [String: KnownFacts]) -> Int {
    if outputs.isEmpty { return 0 }
    distinct.append(outputs)
    return distinct.count - 1
  }

  fileprivate func know(_ number: Int, of instance: Int) { known[instance] = UInt32(number) }

  fileprivate func members(_ list: Int) -> [Foresight.Member] { members[list] }

  /// What is known of what an input reads, those that look the same once: the number of a list of members.
  fileprivate func list(_ binding: InputBinding) -> Int {
    struct Look: Hashable {
      var known: Int
      var output: String
      var axes: [String]?
    }
    var seen = Set<Look>()
    var list: [Foresight.Member] = []
    for source in binding.sources {
      let axes = !binding.labelled ? [] : isBound[source.instance] ? self.axes(source.instance) : nil
      let look = Look(known: Int(known[source.instance]), output: source.output, axes: axes)
      guard seen.insert(look).inserted else { continue }
      let member = Foresight.Member(distinct[look.known][source.output], axes: axes)
      if !list.contains(member) { list.append(member) }
    }
    if let number = lists[list] { return number }
    members.append(list)
    lists[list] = members.count - 1
    return members.count - 1
  }
}

/// What an instance is bound to.
struct BoundParts {
  typealias Numbered = InstanceColumns.Numbered

  var parameters: Numbered<JSON>
  /// Of a kind, one for each of its inputs, then one for each of its external files: nil for what isn't written, and for
  /// a file that lies outside.
  var inputs: [Numbered<InputBinding?>]
  /// Of a kind, one for each of its external files: nil for one that a stage makes.
  var externals: [Numbered<ExternalBinding?>]
  var code: CommandCode?
}

/// What a stage's kind says of its instances.
struct StageForesight {
  private struct Answer {
    var known: Int
    var mistakes: [Foresight.Mistake]
  }

  /// All that a kind went by when it was asked: values of parameters, inputs, files.
  private struct Ground: Hashable {
    var parameters: [JSON]
    var others: [Int]
  }

  private let kind: KindDescription
  /// By the parameters that the kind looked at; other values lead it to look at others.
  private var answers: [[String]: [Ground: Answer]] = [:]
  /// Input and which artifacts it reads → the list of what is known of them.
  private var lists: [[Int]: Int] = [:]
  /// How many files outside there were of which nobody knew whether another instance has them.
  private var unnumbered = 0

  init(_ kind: KindDescription) { self.kind = kind }

  /// Asks the kind, or remembers what it said.
  /// - Returns: what is wrong.
  mutating func look(at index: Int, _ parts: BoundParts, in bound: BoundInstances) -> [Foresight.Mistake] {
    var others: [Int] = []
    for (position, input) in parts.inputs.prefix(kind.inputs.count).enumerated() {
      guard let number = input.number else {
        others.append(input.value.map(bound.list) ?? -1)
        continue
      }
      let slot = [position, number]
      if lists[slot] == nil { lists[slot] = input.value.map(bound.list) ?? -1 }
      others.append(lists[slot]!)
    }
    for external in parts.externals {
      if external.number == nil { unnumbered += 1 }
      others.append(external.number ?? -unnumbered)
    }
    let answer = answer(for: parts, others, in: bound)
    bound.know(answer.known, of: index)
    return answer.mistakes
  }

  private mutating func answer(for parts: BoundParts, _ others: [Int], in bound: BoundInstances) -> Answer {
    let parameters = parts.parameters.value
    func ground(_ names: [String]) -> Ground {
      Ground(parameters: names.map { parameters[$0] ?? .null }, others: others)
    }
    for (names, known) in answers { if let answer = known[ground(names)] { return answer } }
    var inputs: [String: [Foresight.Member]] = [:]
    for (position, input) in kind.inputs.enumerated() where others[position] >= 0 {
      inputs[input.name] = bound.members(others[position])
    }
    let files = Dictionary(
      uniqueKeysWithValues: parts.externals.compactMap(\.value).map { ($0.name, $0.url) })
    let said = kind.foresee(parameters: parameters, inputs: inputs, files: files)
    let answer = Answer(known: bound.take(said.outputs), mistakes: said.mistakes)
    answers[said.read, default: [:]][ground(said.read)] = answer
    return answer
  }
}
