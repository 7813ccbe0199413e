// Owns the protocol between a driver and a worker: what they say to each other, as JSON behind a length, over one
// private descriptor.

import Canonical
import ContentStore
import Foundation
import Workflow

/// Not Foundation's.
package typealias Progress = Workflow.Progress

/// What a driver tells its worker, at any time.
package enum DriverMessage: Sendable {
  /// Do this when you are done with what you have.
  case job(Job)
  /// The job of this id may compute with so many threads from now on.
  case threads(Int, job: Int)

  package var json: JSON {
    switch self {
    case .job(let job): ["job": job.json]
    case .threads(let threads, let job): ["grant": .integer(threads), "of": .integer(job)]
    }
  }

  /// Reads what `json` wrote; nil for a message that this version doesn't know, which is ignored.
  package init?(json: JSON) throws {
    if let job = json["job"] {
      self = .job(try Job(json: job))
    } else if let threads = json["grant"]?.intValue, let job = json["of"]?.intValue {
      self = .threads(threads, job: job)
    } else {
      return nil
    }
  }
}

/// What a worker tells its driver.
package enum WorkerMessage: Sendable {
  /// A member's work begins.
  case started(instance: Int)
  case progress(instance: Int, Progress)
  /// A member has saved a state.
  case saved(instance: Int, WorkState, blobs: [WrittenBlob])
  /// A member's work is over, after `seconds` of its own.
  case finished(instance: Int, JobResult, seconds: Double)

  package var json: JSON {
    switch self {
    case .started(let instance): return ["started": .integer(instance)]
    case .progress(let instance, let progress):
      let detail = progress.detail.map { JSON.array([.string($0.name), .string($0.value)]) }
      return [
        "progress": .integer(instance), "fraction": .number(progress.fraction), "detail": .array(detail),
      ]
    case .saved(let instance, let state, let blobs):
      return ["saved": .integer(instance), "state": state.json, "blobs": .array(blobs.map(\.json))]
    case .finished(let instance, .success(let artifacts, let blobs, let facts), let seconds):
      return [
        "finished": .integer(instance), "seconds": .number(seconds),
        "artifacts": .object(artifacts.mapValues(\.json)), "blobs": .array(blobs.map(\.json)), "facts": facts,
      ]
    case .finished(let instance, .failure(let failure), let seconds):
      return ["finished": .integer(instance), "seconds": .number(seconds), "failure": failure.json]
    }
  }

  /// Reads what `json` wrote; nil for a message that this version doesn't know, which is ignored.
  package init?(json: JSON) throws {
    if let instance = json["started"]?.intValue {
      self = .started(instance: instance)
    } else if let instance = json["progress"]?.intValue {
      guard let fraction = json["fraction"]?.doubleValue, let detail = json["detail"]?.arrayValue else {
        throw ProtocolError("progress that isn't any")
      }
      let pairs = detail.compactMap { pair -> (String, String)? in
        guard let pair = pair.arrayValue, pair.count == 2, let name = pair[0].stringValue,
          let value = pair[1].stringValue
        else { return nil }
        return (name, value)
      }
      self = .progress(instance: instance, Progress(fraction: fraction, detail: pairs))
    } else if let instance = json["saved"]?.intValue {
      guard let state = json["state"].flatMap({ WorkState(json: $0) }),
        let listed = json["blobs"]?.arrayValue
      else { throw ProtocolError("a state that isn't one") }
      self = .saved(instance: instance, state, blobs: try WorkerMessage.blobs(listed))
    } else if let instance = json["finished"]?.intValue {
      guard let seconds = json["seconds"]?.doubleValue else {
        throw ProtocolError("a result without seconds")
      }
      self = .finished(instance: instance, try JobResult(json: json), seconds: seconds)
    } else {
      return nil
    }
  }

  fileprivate static func blobs(_ listed: [JSON]) throws -> [WrittenBlob] {
    try listed.map { json in
      guard let blob = WrittenBlob(json: json) else { throw ProtocolError("a blob that isn't one") }
      return blob
    }
  }

  /// The bytes of this message. A result that is too long for one is a failure of its instance.
  package func framed(longest: Int = MessageBuffer.longest) -> [UInt8] {
    if let bytes = MessageBuffer.framed(json, longest: longest) { return bytes }
    guard case .finished(let instance, let result, let seconds) = self else {
      preconditionFailure("BUG: a message of more than \(longest) bytes")
    }
    let failure: Failure =
      switch result {
      case .success(_, let blobs, _):
        Failure(
          .other,
          "its outputs are too many for one record: \(blobs.count) files and folders. Put them into an archive"
        )
      case .failure(let failure):
        Failure(failure.cause, String(failure.message.prefix(1000)) + "…")
      }
    let short = WorkerMessage.finished(instance: instance, .failure(failure), seconds: seconds)
    guard let bytes = MessageBuffer.framed(short.json, longest: longest) else {
      preconditionFailure("BUG: no message fits into \(longest) bytes")
    }
    return bytes
  }
}

extension JobResult {
  fileprivate init(json: JSON) throws {
    if let failure = json["failure"].flatMap({ Failure(json: $0) }) {
      self = .failure(failure)
      return
    }
    guard let artifacts = json["artifacts"]?.objectValue, let blobs = json["blobs"]?.arrayValue,
      let facts = json["facts"]
    else { throw ProtocolError("a result that isn't one") }
    self = .success(
      artifacts: try artifacts.mapValues { json in
        guard let artifact = Artifact(json: json) else { throw ProtocolError("an artifact that isn't one") }
        return artifact
      },
      blobs: try WorkerMessage.blobs(blobs), facts: facts)
  }
}

/// The two sides don't understand each other: a bug, or a worker of another version.
package struct ProtocolError: Error, CustomStringConvertible {
  package let description: String
  init(_ problem: String) { description = "driver and worker don't understand each other: \(problem)" }
}

/// Bytes in which messages stand one after another, each behind its length: four bytes, the lowest first.
package struct MessageBuffer {
  private var bytes: [UInt8] = []
  private var start = 0
  private let longest: Int

  /// The longest message, in bytes: a job may read a hundred thousand files.
  package static let longest = 1 << 28

  package init(longest: Int = MessageBuffer.longest) { self.longest = longest }

  /// A message as it is sent; nil when it is longer than any may be.
  package static func framed(_ json: JSON, longest: Int = MessageBuffer.longest) -> [UInt8]? {
    let text = json.canonical.utf8
    guard text.count <= longest else { return nil }
    return (0..<4).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
  }

  package mutating func append(_ more: some Sequence<UInt8>) { bytes += more }

  /// The next message that is complete.
  package mutating func next() throws -> JSON? {
    guard bytes.count - start >= 4 else { return nil }
    let length = (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
    guard length <= longest else { throw ProtocolError("a message of \(length) bytes") }
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
