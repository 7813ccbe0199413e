// Owns how an instance's action comes about once the artifacts it reads are known: its code, the files outside the
// pipeline and the environment are looked at once, before anything runs.

import Canonical
import ContentStore
import Foundation

/// Makes the actions of a graph's instances.
final class KeySource: Sendable {
  let graph: Graph
  private let store: any ResultStore
  private let environment: [String: String]
  /// Keyed digests of the secret variables that are set.
  private let secrets: [String: Digest]
  private let platform: Platform
  private let externals: ExternalContent
  private let commands: CommandFiles
  let tracer: Tracer
  /// The code of kinds whatever their parameters, by name.
  private let nativeCode: [String: Digest]
  /// The code of instances, each once; and which of it each instance in scope has.
  private let codes: [Digest]
  private let codeOf: [UInt32]

  /// Digests what the instances in `scope` need from outside. Throws `DecodingIssue` at the place of a path or
  /// pattern that names nothing.
  init(
    _ graph: Graph, scope: Scope, store: any ResultStore, environment: [String: String], platform: Platform
  ) throws {
    self.graph = graph
    self.store = store
    self.environment = environment
    secrets = try KeySource.secrets(graph, scope, environment)
    self.platform = platform
    tracer = Tracer(root: graph.project, store: store)
    var bindings: [(String, ExternalBinding)] = []
    var commands: [Instance] = []
    var shown: Instance.CodeIdentity?
    for i in scope {
      let instance = graph.instances[i]
      if instance.hasExternals {
        for binding in instance.externals { bindings.append((instance.stage, binding)) }
      }
      // Instances of a stage mostly share their code.
      if shown != instance.codeIdentity {
        shown = instance.codeIdentity
        if instance.commandCode != nil { commands.append(instance) }
      }
    }
    externals = try ExternalContent(bindings, store: store, root: graph.project)
    self.commands = try CommandFiles(commands, store: store, root: graph.project, environment: environment)
    // Each manifest is digested once.
    var nativeCode: [String: Digest] = [:]
    var commandCode: [CommandCode: Digest] = [:]
    var codes: [Digest] = []
    var codeOf = [UInt32](repeating: 0, count: graph.instances.count)
    var latest: Instance.CodeIdentity?
    for i in scope {
      let instance = graph.instances[i]
      let kind = instance.kind
      if latest != instance.codeIdentity || kind.looksUpCode {
        latest = instance.codeIdentity
        let digest: Digest
        if let command = instance.commandCode {
          digest = commandCode[command] ?? self.commands.manifest(of: command).digest
          commandCode[command] = digest
        } else {
          let ofKind = nativeCode[kind.name] ?? kind.code.digest
          nativeCode[kind.name] = ofKind
          digest = kind.looksUpCode ? kind.code(parameters: instance.parameters).digest : ofKind
        }
        if codes.last != digest { codes.append(digest) }
      }
      codeOf[i] = UInt32(codes.count - 1)
    }
    self.nativeCode = nativeCode
    self.codes = codes
    self.codeOf = codeOf
  }

  /// Throws `DecodingIssue` at the stage's place where there can be no digest of a secret.
  private static func secrets(
    _ graph: Graph, _ scope: Scope, _ environment: [String: String]
  ) throws -> [String: Digest] {
    var found: [String: Digest] = [:]
    var key: SecretKey?
    for i in scope {
      let instance = graph.instances[i]
      for name in instance.secrets where found[name] == nil {
        guard let value = environment[name] else { continue }
        do {
          let made = try key ?? SecretKey(environment: environment)
          key = made
          found[name] = made.digest(of: value, in: name)
        } catch let problem as SecretKeyProblem {
          throw DecodingIssue(
            instance.place, "stage '\(instance.stage)': environment: '\(name)' is secret, and \(problem)")
        }
      }
    }
    return found
  }

  /// The action of instance `i`; every artifact it reads must be known.
  func action(_ i: Int, _ known: Resolution) -> Action {
    Action(graph.instances[i], circumstances(i, known))
  }

  /// The action of instance `i`, with `unknown` in the place of what isn't known yet of what it reads.
  func action(_ i: Int, _ known: Resolution, unknown: Artifact) -> Action {
    let instance = graph.instances[i]
    // An instance makes the list of its inputs whenever it is asked for it.
    let inputs = instance.inputs
    var circumstances = circumstances(i, known)
    circumstances.inputs = { binding, n in
      known.knownArtifact(of: instance, inputs[binding], n) ?? unknown
    }
    return Action(instance, circumstances)
  }

  /// The keys of the states from which an action's work can go on.
  func prefixes(of action: Action, _ prefixes: [ActionPrefix]) -> Prefixes {
    Prefixes(of: action, prefixes, platform: platform)
  }

  /// The key of instance `i` alone, by way of a buffer to be used again.
  func key(_ i: Int, _ known: Resolution, buffer: inout [UInt8]) -> Digest {
    Action.write(graph.instances[i], circumstances(i, known), into: &buffer)
    return .of(buffer)
  }

  /// What instance `i` shares with those that can be computed in one job with it: all but what its kind lets vary.
  func group(_ i: Int, _ known: Resolution) -> Digest {
    let instance = graph.instances[i]
    var text: [UInt8] = []
    // Which of its kind's sources each one's parameters reach is no difference: a worker has them all.
    Action.write(
      instance, circumstances(instance, known, code: nativeCode[instance.kind.name] ?? codeDigest(i)),
      leavingOut: instance.kind.varying, into: &text)
    text += Array("\(instance.resources)".utf8)
    return .of(text)
  }

  private func circumstances(_ i: Int, _ known: Resolution) -> Action.Circumstances {
    var circumstances = circumstances(graph.instances[i], known, code: codeDigest(i))
    circumstances.observed = known.observed[i]
    return circumstances
  }

  private func circumstances(
    _ instance: Instance, _ known: Resolution, code: Digest
  ) -> Action.Circumstances {
    let bindings = instance.inputs
    return Action.Circumstances(
      code: code, inputs: { known.artifact(of: instance, bindings[$0], $1) },
      sources: { [graph] in graph.instances[$0] },
      externals: { [externals] in externals.artifact(of: instance.externals[$0]) }, environment: environment,
      secrets: secrets, settings: graph.settings, platform: platform)
  }

  /// The digest of the sources behind instance `i`'s key.
  func codeDigest(_ i: Int) -> Digest { codes[Int(codeOf[i])] }

  /// The sources behind instance `i`'s key.
  func code(_ i: Int) -> CodeManifest {
    let instance = graph.instances[i]
    return instance.commandCode.map(commands.manifest(of:))
      ?? instance.kind.code(parameters: instance.parameters)
  }

  /// Which programs of instance `i`, if it is a command, count for its key.
  func programs(_ i: Int) -> ProgramFacts? { graph.instances[i].commandCode.map(commands.programs(of:)) }

  /// The declared environment variables of instance `i` that are set.
  func environment(_ i: Int) -> [String: String] {
    environment.filter { graph.instances[i].environment.contains($0.key) }
  }

  /// Whether instance `i` reads neither artifacts nor files outside.
  func readsNothing(_ i: Int) -> Bool {
    let instance = graph.instances[i]
    return instance.inputs.isEmpty && !instance.hasExternals && instance.commandCode == nil
  }

  /// Looks at the files outside that instance `i` reads (data and code): whether they are still those of its key.
  func look(_ i: Int) throws -> Look {
    let instance = graph.instances[i]
    var look = Look.same(Sight())
    for binding in instance.externals {
      look = try look.and { try externals.look(at: binding, store: store) }
    }
    if let code = instance.commandCode { look = try look.and { try commands.look(at: code, store: store) } }
    if case .edited(let path) = look { return .edited(shortened(path, root: graph.project)) }
    return look
  }

  /// What became of the files that instance `i` reads since they looked as in `sight`. What it had copies of doesn't
  /// matter any more.
  func look(_ i: Int, since sight: Sight) throws -> Disturbance {
    let instance = graph.instances[i]
    var look = Look.same(Sight())
    for binding in instance.externals {
      look = try look.and { try externals.look(at: binding, store: store) }
    }
    var copied: Set<String> = []
    if let code = instance.commandCode {
      look = try look.and { try commands.lookAtUncopied(of: code, store: store) }
      copied = commands.copied(code)
    }
    if case .edited(let path) = look { return .edited(shortened(path, root: graph.project)) }
    let touched = sight.files.first { !copied.contains($0.path) && !$0.isUnchanged }
    return touched.map { .putBack(shortened($0.path, root: graph.project)) } ?? .none
  }

  /// Of a command, the environments whose distributions are in its key, and the folders that its other programs are
  /// installed in.
  func surroundings(_ i: Int) -> (environments: [String], installations: [String]) {
    graph.instances[i].commandCode.map(commands.surroundings(of:)) ?? ([], [])
  }

  /// The files outside that a command declares, with their places in a tree of its own; empty for other kinds.
  func tree(_ i: Int) -> [TreeFile] {
    let instance = graph.instances[i]
    guard let code = instance.commandCode else { return [] }
    var tree = commands.tree(of: code)
    if instance.parameters["sandbox"]?.stringValue == "strict" {
      let (environments, installations) = commands.surroundings(of: code)
      tree += (environments + installations).map { TreeFile(place: "", source: $0, role: .installation) }
    }
    for binding in instance.externals {
      guard let place = binding.treePlace else { continue }
      tree += externals.files(of: binding).map { path, file in
        TreeFile(
          place: path.isEmpty ? place : place + "/" + path, source: file.path, role: .input(binding.name))
      }
    }
    return tree.sorted { $0.place < $1.place }
  }
}
