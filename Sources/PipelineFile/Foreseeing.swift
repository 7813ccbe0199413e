// Owns what is known of instances before they run: each kind is asked once for all instances that agree in all that it
// could answer by, and its answers are handed on to those that read what these make.

import Canonical
import Workflow

/// The instances bound so far, by their index in the graph, with what is known of their outputs.
final class BoundInstances {
  private(set) var instances: [Instance?]
  /// What is known of each: an index into `distinct`.
  private var known: [Int]
  private var distinct: [[String: KnownFacts]] = [[:]]
  private var lists: [[Foresight.Member]: Int] = [:]
  private var members: [[Foresight.Member]] = []

  init(count: Int) {
    instances = Array(repeating: nil, count: count)
    known = Array(repeating: 0, count: count)
  }

  func add(_ instance: Instance, at index: Int) { instances[index] = instance }

  /// Takes down what is known of outputs; its number is for `know`.
  fileprivate func take(_ outputs: [String: KnownFacts]) -> Int {
    if outputs.isEmpty { return 0 }
    distinct.append(outputs)
    return distinct.count - 1
  }

  fileprivate func know(_ number: Int, of instance: Int) { known[instance] = number }

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
      let axes = binding.labelled ? instances[source.instance]?.labels.map(\.axis) : []
      let look = Look(known: known[source.instance], output: source.output, axes: axes)
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

  init(_ kind: KindDescription) { self.kind = kind }

  /// Asks the kind, or remembers what it said.
  /// - Parameter numbers: of the parameters, of each input's artifacts, of each external file, as the binding has them:
  ///   instances with the same numbers have the same.
  /// - Returns: what is wrong.
  mutating func look(at index: Int, _ numbers: [Int], in bound: BoundInstances) -> [Foresight.Mistake] {
    let instance = bound.instances[index]!
    var others = Array(numbers.dropFirst())
    for (position, input) in kind.inputs.enumerated() {
      let slot = [position, others[position]]
      if lists[slot] == nil {
        let binding = instance.inputs.first { $0.name == input.name }
        lists[slot] = binding.map(bound.list) ?? -1
      }
      others[position] = lists[slot]!
    }
    let answer = answer(for: instance, others, in: bound)
    bound.know(answer.known, of: index)
    return answer.mistakes
  }

  private mutating func answer(for instance: Instance, _ others: [Int], in bound: BoundInstances) -> Answer {
    func ground(_ names: [String]) -> Ground {
      Ground(parameters: names.map { instance.parameters[$0] ?? .null }, others: others)
    }
    for (names, known) in answers { if let answer = known[ground(names)] { return answer } }
    var inputs: [String: [Foresight.Member]] = [:]
    for (position, input) in kind.inputs.enumerated() where others[position] >= 0 {
      inputs[input.name] = bound.members(others[position])
    }
    let files = Dictionary(uniqueKeysWithValues: instance.externals.map { ($0.name, $0.url) })
    let said = kind.foresee(parameters: instance.parameters, inputs: inputs, files: files)
    let answer = Answer(known: bound.take(said.outputs), mistakes: said.mistakes)
    answers[said.read, default: [:]][ground(said.read)] = answer
    return answer
  }
}
