// Owns a job's way through a descriptor or a file: to JSON and back.

import Canonical
import ContentStore
import Workflow

extension Job {
  /// The job as JSON.
  var json: JSON {
    [
      "job": .integer(id), "threads": .integer(threads), "members": .array(members.map(\.json)),
      "files": .object(Dictionary(uniqueKeysWithValues: files.map { ($0.hex, .string($1)) })),
      "projectRoot": .string(projectRoot), "store": .string(store),
      "run": run.map { .integer($0.number) } ?? .null,
    ]
  }

  /// Reads what `json` wrote. Resources are not in it: they are the driver's business.
  init(json: JSON) throws {
    guard let id = json["job"]?.intValue, let members = json["members"]?.arrayValue else {
      throw ProtocolError("a job that isn't one")
    }
    let files = try texts("files", of: json).map { hex, path in
      guard let digest = Digest(hex: hex) else { throw ProtocolError("a digest that isn't one") }
      return (digest, path)
    }
    self.init(
      id: id, members: try members.map(JobMember.init(json:)), files: Dictionary(uniqueKeysWithValues: files),
      resources: Resources(), threads: json["threads"]?.intValue ?? 1,
      projectRoot: try text("projectRoot", of: json),
      store: try text("store", of: json), run: json["run"]?.intValue.map { RunID($0) })
  }
}

extension JobMember {
  fileprivate var json: JSON {
    [
      "instance": .integer(instance), "name": .string(name), "action": action.json,
      "inputs": .object(inputs.mapValues { .array($0.map(\.json)) }),
      "externals": .object(externals.mapValues(JSON.string)), "tree": .array(tree.map(\.json)),
      "outputs": .array(outputs.map(\.json)),
      "environment": .object(environment.mapValues(JSON.string)),
      "secrets": .array(secrets.sorted().map(JSON.string)), "log": .string(log),
      "state": state?.json ?? .null, "notes": .array(notes.map(JSON.string)),
    ]
  }

  fileprivate init(json: JSON) throws {
    guard let instance = json["instance"]?.intValue, let action = json["action"],
      let inputs = json["inputs"]?.objectValue, let outputs = json["outputs"]?.arrayValue
    else { throw ProtocolError("a job's member that isn't one") }
    self.init(
      instance: instance, name: try text("name", of: json), action: Action(json: action),
      inputs: try inputs.mapValues { try ($0.arrayValue ?? []).map(JobInput.init(json:)) },
      externals: try texts("externals", of: json),
      tree: try (json["tree"]?.arrayValue ?? []).map(TreeFile.init(json:)),
      outputs: try outputs.map(OutputDescription.init(json:)),
      environment: try texts("environment", of: json),
      secrets: Set((json["secrets"]?.arrayValue ?? []).compactMap(\.stringValue)),
      log: try text("log", of: json))
    if let state = json["state"], state != .null {
      guard let state = WorkState(json: state) else { throw ProtocolError("a state that isn't one") }
      self.state = state
    }
    notes = (json["notes"]?.arrayValue ?? []).compactMap(\.stringValue)
  }
}

private func text(_ name: String, of json: JSON) throws -> String {
  guard let value = json[name]?.stringValue else { throw ProtocolError("a job without '\(name)'") }
  return value
}

private func texts(_ name: String, of json: JSON) throws -> [String: String] {
  guard let members = json[name]?.objectValue else { throw ProtocolError("a job without '\(name)'") }
  return try members.mapValues {
    guard let value = $0.stringValue else { throw ProtocolError("a job whose '\(name)' is no text") }
    return value
  }
}

extension JobInput {
  fileprivate var json: JSON {
    [
      "artifact": artifact.json, "stage": .string(stage),
      "labels": .array(labels.map { .array([.string($0.axis), .string($0.value)]) }),
    ]
  }

  fileprivate init(json: JSON) throws {
    guard let artifact = json["artifact"].flatMap({ Artifact(json: $0) }),
      let stage = json["stage"]?.stringValue,
      let labels = json["labels"]?.arrayValue
    else { throw ProtocolError("an input that isn't one") }
    let pairs = try labels.map { label in
      guard let pair = label.arrayValue, pair.count == 2, let axis = pair[0].stringValue,
        let value = pair[1].stringValue
      else { throw ProtocolError("a label that isn't one") }
      return Label(axis: axis, value: value)
    }
    self.init(artifact: artifact, labels: pairs, stage: stage)
  }
}

extension TreeFile {
  fileprivate var json: JSON {
    switch role {
    case .code(let digest): [.string(place), .string(source), .string(digest.hex), .null]
    case .input(let name): [.string(place), .string(source), .null, .string(name)]
    case .program: [.string(place), .string(source), .null, .null]
    case .installation: [.null, .string(source), .null, .null]
    }
  }

  fileprivate init(json: JSON) throws {
    guard let parts = json.arrayValue, parts.count == 4, let source = parts[1].stringValue
    else { throw ProtocolError("a file of a tree that isn't one") }
    let place = parts[0].stringValue ?? ""
    let role: TreeFile.Role
    if parts[0] == .null {
      role = .installation
    } else if let name = parts[3].stringValue {
      role = .input(name)
    } else if let digest = parts[2].stringValue.flatMap({ Digest(hex: $0) }) {
      role = .code(digest)
    } else {
      role = .program
    }
    self.init(place: place, source: source, role: role)
  }
}

extension OutputDescription {
  fileprivate var json: JSON {
    [
      "name": .string(name), "type": .string(type.name), "extension": .string(type.fileExtension),
      "file": fileName.map(JSON.string) ?? .null,
    ]
  }

  fileprivate init(json: JSON) throws {
    guard let name = json["name"]?.stringValue, let type = json["type"]?.stringValue,
      let fileExtension = json["extension"]?.stringValue
    else { throw ProtocolError("an output that isn't one") }
    self.init(
      name: name, type: ArtifactType(type, fileExtension: fileExtension), help: "",
      fileName: json["file"]?.stringValue)
  }
}
