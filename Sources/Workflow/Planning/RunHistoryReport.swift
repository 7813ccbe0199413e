// Owns the JSON of remembered runs, that `history --json` and `diff --json` print.

import Canonical
import ContentStore
import Foundation
import Processes

extension RunEntry {
  /// Members as in `RunReport.json`, as far as a run that may go on has them. `state` is `running`, `unfinished` (its
  /// process was killed) or `ended`, which has an `exitStatus`.
  public var json: JSON {
    var members: [String: JSON] = [
      "run": .integer(id.number), "file": .string(file), "start": .string(start.timestamp),
      "end": end.map { .string($0.timestamp) } ?? .null,
      "seconds": end.map { .number($0.timeIntervalSince(start)) } ?? .null,
      "command": .array(commandLine.map(JSON.string)), "executed": .integer(executed),
    ]
    switch state {
    case .running: members["state"] = "running"
    case .unfinished: members["state"] = "unfinished"
    case .ended(let outcome):
      members["state"] = "ended"
      members["exitStatus"] = .integer(outcome.exitStatus)
      members["cached"] = .integer(outcome.cached)
      members["failed"] = .integer(outcome.failed)
      members["skipped"] = .integer(outcome.skipped)
    }
    return .object(members)
  }
}

extension RunComparison {
  /// The object that `diff --json` prints: both runs with what each did, the instances that differ with state, key,
  /// changes, causes and artifacts, those that one run alone has, and the scores that differ.
  public var json: JSON {
    [
      "from": from.json, "to": to.json, "same": .integer(same), "instances": .array(instances.map(\.json)),
      "onlyFrom": .array(onlyFrom.map(JSON.string)), "onlyTo": .array(onlyTo.map(JSON.string)),
      "scores": .array(scores.map(\.json)),
    ]
  }
}

extension RunComparison.Side {
  fileprivate var json: JSON {
    var members = run.json.objectValue!
    members["news"] = .object([
      "executed": .array(executed.map(JSON.string)), "failed": .array(failed.map(JSON.string)),
      "interrupted": .array(interrupted.map(JSON.string)),
    ])
    return .object(members)
  }
}

extension RunComparison.Instance {
  fileprivate var json: JSON {
    func side(_ note: InstanceNote, _ outputs: [String: Artifact]?) -> JSON {
      [
        "state": .string("\(note.state)"), "key": note.key.map { .string($0.hex) } ?? .null,
        "message": note.message.map(JSON.string) ?? .null,
        "artifacts": outputs.map { .object($0.mapValues(\.json)) } ?? .null,
      ]
    }
    return [
      "name": .string(name), "from": side(before, outputs.before), "to": side(after, outputs.after),
      "changes": changes.map { changes in
        .array(
          changes.map {
            ["subject": .string($0.subject), "what": .string($0.what), "origin": .string($0.origin)]
          })
      } ?? .null,
      "reads": .array(reads.map(JSON.string)), "causes": .array(causes.map(JSON.string)),
      "differing": differing.map { .array($0.map(JSON.string)) } ?? .null,
    ]
  }
}

extension RunComparison.Score {
  fileprivate var json: JSON {
    [
      "instance": .string(instance), "output": .string(output), "score": .string(name),
      "from": before.map(JSON.number) ?? .null, "to": after.map(JSON.number) ?? .null,
      "difference": before.flatMap { before in after.map { .number($0 - before) } } ?? .null,
    ]
  }
}
