// Owns what is said of traffic with remotes: what a push or a pull came to, and how far all of it is.

import Canonical
import Synchronization

/// What a push or a pull moved.
public struct Transfer: Equatable, Sendable {
  public var records = 0
  public var blobs = 0
  /// Stored bytes moved.
  public var bytes = 0
  /// Blobs and records that were there before.
  public var skipped = 0
  /// What could not be moved, and why.
  public var problems: [String] = []
  /// The keys whose records didn't get to the remote, each with why.
  public var failed: [Digest: StoreError] = [:]
  /// The keys of which the remote has another result, which stays there, with the facts of that one.
  public var others: [Digest: JSON] = [:]
  /// What the remote itself failed with first.
  public var fault: StoreError?

  public init() {}
}

/// Stored bytes on their way between a store and its remotes, since the store was opened.
public struct Traffic: Hashable, Sendable {
  public var fetched = 0
  /// What has come, and is still to come of what was begun.
  public var toFetch = 0
  public var sent = 0
  public var toSend = 0

  public init() {}

  public var isUnderWay: Bool { toFetch > fetched || toSend > sent }
}

/// Traffic so far, and who is told of it.
struct TrafficWatch: Sendable {
  var traffic = Traffic()
  var tell: (@Sendable (Traffic) throws -> Void)?
}

extension Store {
  /// How far all traffic is. From any thread.
  public var traffic: Traffic { trafficWatch.withLock { $0.traffic } }

  /// From now on `tell` gets the traffic with every piece that moves, on the thread that moves it; when it throws, the
  /// transfer ends with that. Nil: nobody.
  public func onTraffic(_ tell: (@Sendable (Traffic) throws -> Void)?) {
    trafficWatch.withLock { $0.tell = tell }
  }

  func count(_ change: (inout Traffic) -> Void) throws {
    let watch = trafficWatch.withLock { watch in
      change(&watch.traffic)
      return watch
    }
    try watch.tell?(watch.traffic)
  }
}
