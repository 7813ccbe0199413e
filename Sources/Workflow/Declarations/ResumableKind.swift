// Owns how a kind says from where its work can go on: the prefixes of its action. What becomes of states on their way
// is the scheduler's and the worker's business.

import Canonical
import ContentStore
import Foundation

/// A kind whose work goes through states from each of which it can go on to the same bytes: anything iterative. It
/// saves them on the way (`StageContext.save`) and begins with the one it is given (`StageContext.state`).
public protocol ResumableKind: StageKind {
  /// Up to where states may be saved, ascending: of a training its epochs. A state up to a point serves every
  /// instance that has the same prefix up to there; where nothing but this very instance can use it, one prefix that
  /// leaves nothing out is enough.
  var prefixes: [ActionPrefix] { get }
}

/// What decides the work up to a point: the action, with what only matters later left out.
public struct ActionPrefix: Sendable, Hashable {
  /// How far it reaches, in the kind's own measure, such as epochs; states up to a greater one are tried first.
  public var point: Int
  /// Parameters that don't count as they are, such as the length and what depends on it.
  public var leavingOut: Set<String>
  /// What of them decides the work up to here, such as the rates so far.
  public var instead: JSON

  public init(upTo point: Int, leavingOut: Set<String> = [], instead: JSON = [:]) {
    self.point = point
    self.leavingOut = leavingOut
    self.instead = instead
  }
}

/// A state that work has come to.
public struct WorkState: Sendable, Hashable {
  /// The `ActionPrefix.point` that it is at, or before.
  public var point: Int
  /// Where exactly, for people: `epoch 4`, `epoch 4, step 120`.
  public var place: String
  public var artifact: Artifact

  public init(point: Int, place: String, artifact: Artifact) {
    self.point = point
    self.place = place
    self.artifact = artifact
  }

  public var json: JSON {
    ["artifact": artifact.json, "place": .string(place), "point": .integer(point)]
  }

  /// Reads what `json` wrote; nil for anything else.
  public init?(json: JSON) {
    guard let point = json["point"]?.intValue, let place = json["place"]?.stringValue,
      let artifact = json["artifact"].flatMap({ Artifact(json: $0) })
    else { return nil }
    self.init(point: point, place: place, artifact: artifact)
  }
}

/// The states of a running stage: the one it goes on from, and those that it saves.
public struct StageStates: Sendable {
  /// What it goes on from; nil at the beginning.
  public let resumed: (state: WorkState, content: InputArtifact)?
  let keep: @Sendable (URL, Int, String) -> Bool

  /// - Parameter keep: stores a file or folder as the state up to a point, at a place for people; whether that
  ///   worked. It is called from any thread.
  public init(
    resumed: (state: WorkState, content: InputArtifact)? = nil,
    keep: @escaping @Sendable (URL, Int, String) -> Bool = { _, _, _ in false }
  ) {
    self.resumed = resumed
    self.keep = keep
  }
}
