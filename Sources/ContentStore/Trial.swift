// Owns a place for results that are looked at and thrown away: workers write blobs into it as into a store, so that the
// store beside it stays as it is.

import Canonical
import Foundation

/// A folder for results that nobody keeps. It goes with this value, and what a killed process left the next worker
/// sweeps.
public final class Trial: Sendable {
  public let directory: URL
  private let layout: Layout
  private let parent: String
  private let name: OwnName
  /// It holds the lock that says that somebody lives in here; -1 where nothing can be locked.
  private let descriptor: Int32

  /// On the store's disk, or with the system's temporary files where nothing can be written there.
  public init(beside store: Store) throws {
    let place =
      store.isReadOnly ? FileManager.default.temporaryDirectory.path : store.layout.root + "/scratch"
    try makeDirectory(place)
    // Somebody may have put a link there.
    parent = URL(fileURLWithPath: place).resolvingSymlinksInPath().path
    name = OwnName()
    directory = URL(fileURLWithPath: "\(parent)/\(name.text)", isDirectory: true)
    layout = Layout(directory)
    try makeDirectory(layout.temporary)
    descriptor = OwnFolder(parent)?.lock(name) ?? -1
  }

  deinit {
    OwnFolder(parent)?.removeTree(name.text)
    if descriptor >= 0 { close(descriptor) }
  }

  /// The content of a blob that was written in here, as a file.
  /// - Throws: `.damaged`.
  public func file(of blob: WrittenBlob) throws -> URL {
    let path = layout.opened(blob.digest)
    if access(path, F_OK) == 0 { return URL(fileURLWithPath: path) }
    try makeDirectory(layout.open)
    let temporary = try Temporary(in: layout.temporary)
    do {
      let digest: Digest
      if let bytes = blob.inline {
        digest = try decode(blob.codec, size: blob.size, from: source(of: bytes)) { try temporary.write($0) }
      } else {
        guard let stored = try OpenFile.reading(layout.blob(blob.digest, blob.codec)) else {
          throw StoreError.missing(blob.digest)
        }
        digest = try decode(blob.codec, size: blob.size, from: { try stored.read(into: $0) }) {
          try temporary.write($0)
        }
      }
      guard digest == blob.digest else { throw Undecodable("its content gives \(digest)") }
    } catch let problem as Undecodable { throw StoreError.damaged(blob.digest, reason: problem.reason) }
    try temporary.replace(path)
    return URL(fileURLWithPath: path)
  }

  /// Frees the room of blobs that were written in here.
  public func discard(_ blobs: [WrittenBlob]) {
    for blob in blobs {
      if blob.inline == nil { unlink(layout.blob(blob.digest, blob.codec)) }
      unlink(layout.opened(blob.digest))
    }
  }
}
