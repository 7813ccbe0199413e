// Owns how an instance's action comes about once the artifacts it reads are known: its code, the files outside the
// pipeline and the environment are looked at once, before anything runs.

import Canonical
import ContentStore
import Foundation

/// Makes the actions of a graph's instances.
final class KeySource {
  private let graph: Graph
  private let store: Store
  private let environment: [String: String]
  private let externals: ExternalContent
  private let commands: CommandFiles
  private let nativeCode: [String: Digest]
  /// Of instances whose parameters say what code they use.
  private let listedCode: [Int: Digest]

  /// Digests what the instances in `scope` need from outside. Throws `DecodingIssue` at the place of a path or
  /// pattern that names nothing.
  init(_ graph: Graph, scope: [Int], store: Store, environment: [String: String]) throws {
    self.graph = graph
    self.store = store
    self.environment = environment
    var bindings: [(String, ExternalBinding)] = []
    var commands: [Instance] = []
    var nativeCode: [String: Digest] = [:]
    var listedCode: [Int: Digest] = [:]
    for i in scope {
      let instance = graph.instances[i]
      for binding in instance.externals { bindings.append((instance.stage, binding)) }
      if instance.commandCode != nil {
        commands.append(instance)
      } else if instance.kind.looksUpCode {
        listedCode[i] = instance.kind.code(parameters: instance.parameters).digest
      } else if nativeCode[instance.kind.name] == nil {
        nativeCode[instance.kind.name] = instance.kind.code.digest
      }
    }
    externals = try ExternalContent(bindings, store: store, root: graph.project)
    self.commands = try CommandFiles(commands, store: store, root: graph.project, environment: environment)
    self.nativeCode = nativeCode
    self.listedCode = listedCode
  }

  /// The action of instance `i`; every artifact it reads must be known.
  func action(_ i: Int, artifacts: [[String: Artifact]?]) -> Action {
    var text: [UInt8] = []
    write(i, artifacts: artifacts, into: &text)
    return Action(text: String(decoding: text, as: UTF8.self))
  }

  /// The key of instance `i` alone, by way of a buffer to be used again.
  func key(_ i: Int, artifacts: [[String: Artifact]?], buffer: inout [UInt8]) -> Digest {
    write(i, artifacts: artifacts, into: &buffer)
    return .of(buffer)
  }

  private func write(_ i: Int, artifacts: [[String: Artifact]?], into text: inout [UInt8]) {
    let instance = graph.instances[i]
    let code =
      instance.commandCode.map { commands.manifest(of: $0).digest } ?? listedCode[i]
      ?? nativeCode[instance.kind.name]!
    Action.write(
      instance, code: code,
      inputs: { binding, n in
        let source = instance.inputs[binding].sources[n]
        guard let artifact = artifacts[source.instance]?[source.output] else {
          preconditionFailure("BUG: \(instance.name) reads an unknown output '\(source.output)'")
        }
        return artifact
      }, sources: { graph.instances[$0] }, externals: { externals.artifact(of: instance.externals[$0]) },
      environment: environment, into: &text)
  }

  /// The sources behind instance `i`'s key.
  func code(_ i: Int) -> CodeManifest {
    let instance = graph.instances[i]
    return instance.commandCode.map(commands.manifest(of:))
      ?? instance.kind.code(parameters: instance.parameters)
  }

  /// The declared environment variables of instance `i` that are set.
  func environment(_ i: Int) -> [String: String] {
    environment.filter { graph.instances[i].environment.contains($0.key) }
  }

  /// What of the files that instance `i` read (data and code) has changed since they were digested; nil when nothing.
  func edited(_ i: Int) throws -> String? {
    let instance = graph.instances[i]
    for binding in instance.externals {
      if let path = try externals.changedFile(of: binding, store: store) {
        return shortened(path, root: graph.project)
      }
    }
    if let command = instance.commandCode, let path = try commands.changedFile(of: command, store: store) {
      return shortened(path, root: graph.project)
    }
    return nil
  }
}
