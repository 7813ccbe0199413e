// Owns the protocol between a driver and a worker: what they say to each other, as JSON behind a length, over one
// private descriptor.

import Canonical
import ContentStore
import Foundation
import Workflow

/// Not Foundation's.
typealias Progress = Workflow.Progress

/// What a worker tells its driver. The driver tells its worker only jobs.
enum WorkerMessage: Sendable {
  /// A member's work begins.
  case started(instance: Int)
  case progress(instance: Int, Progress)
  /// A member's work is over, after `seconds` of its own.
  case finished(instance: Int, JobResult, seconds: Double)

  var json: JSON {
    switch self {
    case .started(let instance): return ["started": .integer(instance)]
    case .progress(let instance, let progress):
      let detail = progress.detail.map { JSON.array([.string($0.name), .string($0.value)]) }
      return [
        "instance": .integer(instance), "fraction": .number(progress.fraction), "detail": .array(detail),
      ]
    case .finished(let instance, .success(let artifacts, let blobs, let facts), let seconds):
      return [
        "instance": .integer(instance), "seconds": .number(seconds),
        "artifacts": .object(artifacts.mapValues(\.json)), "blobs": .array(blobs.map(\.json)), "facts": facts,
      ]
    case .finished(let instance, .failure(let failure), let seconds):
      return ["instance": .integer(instance), "seconds": .number(seconds), "failure": failure.json]
    }
  }

  /// Reads what `json` wrote.
  init(json: JSON) throws {
    if let instance = json["started"]?.intValue {
      self = .started(instance: instance)
      return
    }
    guard let instance = json["instance"]?.intValue else {
      throw ProtocolError("a message without an instance")
    }
    if let fraction = json["fraction"]?.doubleValue, let detail = json["detail"]?.arrayValue {
      let pairs = detail.compactMap { pair -> (String, String)? in
        guard let pair = pair.arrayValue, pair.count == 2, let name = pair[0].stringValue,
          let value = pair[1].stringValue
        else { return nil }
        return (name, value)
      }
      self = .progress(instance: instance, Progress(fraction: fraction, detail: pairs))
      return
    }
    guard let seconds = json["seconds"]?.doubleValue else { throw ProtocolError("an unknown message") }
    if let failure = json["failure"].flatMap({ Failure(json: $0) }) {
      self = .finished(instance: instance, .failure(failure), seconds: seconds)
    } else if let artifacts = json["artifacts"]?.objectValue, let blobs = json["blobs"]?.arrayValue,
      let facts = json["facts"]
    {
      let artifacts = try artifacts.mapValues { json in
        guard let artifact = Artifact(json: json) else { throw ProtocolError("an artifact that isn't one") }
        return artifact
      }
      let blobs = try blobs.map { json in
        guard let blob = WrittenBlob(json: json) else { throw ProtocolError("a blob that isn't one") }
        return blob
      }
      self = .finished(
        instance: instance, .success(artifacts: artifacts, blobs: blobs, facts: facts), seconds: seconds)
    } else {
      throw ProtocolError("an unknown message")
    }
  }
}

/// The two sides don't understand each other: a bug, or a worker of another version.
struct ProtocolError: Error, CustomStringConvertible {
  let description: String
  init(_ problem: String) { description = "driver and worker don't understand each other: \(problem)" }
}

/// Bytes in which messages stand one after another, each behind its length: four bytes, the lowest first.
struct MessageBuffer {
  private var bytes: [UInt8] = []
  private var start = 0

  /// The longest message, in bytes: a job may read a hundred thousand files.
  static let longest = 1 << 28

  static func framed(_ json: JSON) -> [UInt8] {
    let text = Array(json.canonical.utf8)
    precondition(text.count <= longest, "BUG: a message of \(text.count) bytes")
    return (0..<4).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
  }

  mutating func append(_ more: some Sequence<UInt8>) { bytes += more }

  /// The next message that is complete.
  mutating func next() throws -> JSON? {
    guard bytes.count - start >= 4 else { return nil }
    let length = (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
    guard length <= MessageBuffer.longest else { throw ProtocolError("a message of \(length) bytes") }
    guard bytes.count - start >= 4 + length else { return nil }
    let message = bytes[start + 4..<start + 4 + length]
    start += 4 + length
    defer {
      if start == bytes.count {
        bytes.removeAll(keepingCapacity: true)
        start = 0
      } else if start > 1 << 16 {
        bytes.removeFirst(start)
        start = 0
      }
    }
    do { return try JSON(parsing: message) } catch { throw ProtocolError("\(error)") }
  }
}
