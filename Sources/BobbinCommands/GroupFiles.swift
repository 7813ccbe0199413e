// Owns what a group of artifacts is outside the store: files and folders named for what tells the instances apart, and
// a manifest that says what each of them is.

import Canonical
import ContentStore
import Reporting
import Workflow

/// The artifacts of several instances of one stage, as a folder.
struct GroupFiles {
  static let manifest = "manifest.json"

  let members: [Destination.Member]
  /// The manifest's text: what was written, one member an instance.
  let json: String

  init(_ graph: Graph, _ artifacts: [(instance: Int, artifact: Artifact)], output: String) {
    let outputs = artifacts.map { i, _ in
      graph.instances[i].outputs.first { $0.name == output }
    }
    let names = FileNames(graph).names(
      zip(artifacts, outputs).map { member, output in
        (member.instance, member.artifact.form == .blob ? output?.fileExtension ?? "" : "")
      })
    members = zip(names, artifacts).map { Destination.Member(name: $0, artifact: $1.artifact) }
    let described = zip(members, zip(artifacts, outputs)).map { member, rest -> JSON in
      let ((i, artifact), description) = rest
      let instance = graph.instances[i]
      return [
        "path": .string(member.name), "instance": .string(instance.name), "stage": .string(instance.stage),
        "axes": .object(
          Dictionary(instance.labels.map { ($0.axis, JSON.string($0.value)) }) { first, _ in first }),
        "artifact": .string(output), "type": .string(description?.type.name ?? "file"),
        "form": .string(artifact.form == .blob ? "file" : "folder"), "size": .integer(artifact.size),
        "digest": .string(artifact.digest.hex),
      ]
    }
    json = JSON.object(["members": .array(described)]).indented + "\n"
  }
}
