// Owns a blob's stored bytes on their way to a remote: opened when they are asked for, and hashed as they go.

import Canonical
import Foundation

/// Stored bytes that go. One thread uses it at a time.
final class Departure {
  let form: StoredBlob
  let place: Place
  private let store: Store
  private var hasher = Hasher256()
  /// A large one's instead.
  private var sideHasher: SideHasher?
  private var sent = 0
  private var file: OpenedFile?
  private var inline: Data?

  init(_ form: StoredBlob, _ place: Place, of store: Store) {
    (self.form, self.place, self.store) = (form, place, store)
  }

  /// The next bytes.
  /// - Throws: `Undecodable` when they aren't what the index says, before the last of them go out: a remote that had got
  ///   wrong bytes under a name would keep them.
  func give(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    do {
      let n = try read(into: buffer)
      hash(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
      sent += n
      if n == 0 || sent >= form.storedSize {
        guard sent == form.storedSize, (sideHasher?.soFar() ?? hasher.soFar()) == form.storedDigest else {
          throw Undecodable("its stored bytes are damaged")
        }
        if n == 0 { close() }
      }
      return n
    } catch var problem as Undecodable {
      (problem.file, problem.inline) = (file?.identity ?? problem.file, inline)
      throw problem
    }
  }

  private func hash(_ bytes: UnsafeRawBufferPointer) {
    guard form.storedSize >= SideHasher.least else { return hasher.update(bytes) }
    if sideHasher == nil { sideHasher = SideHasher() }
    sideHasher!.update(bytes)
  }

  /// All of them, for blobs that are small.
  func all() throws -> [UInt8] {
    let bytes = try [UInt8](unsafeUninitializedCapacity: form.storedSize) { buffer, count in
      count = try give(UnsafeMutableRawBufferPointer(buffer))
    }
    close()
    return bytes
  }

  /// They go no further.
  func close() { (file, inline) = (nil, nil) }

  private func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if place == .inline {
      if inline == nil, sent == 0 { inline = try store.inlineBytes(form.digest) }
      guard let inline else {
        if sent > 0 { return 0 }
        throw Undecodable("its bytes are gone")
      }
      let n = min(buffer.count, inline.count - sent)
      if n > 0 { inline.copyBytes(to: buffer, from: inline.startIndex + sent..<inline.startIndex + sent + n) }
      return max(n, 0)
    }
    let path = store.layout.blob(form.digest, form.codec)
    do {
      if file == nil {
        if sent > 0 { return 0 }
        guard let opened = try OpenedFile(path) else { throw Undecodable("its file is gone") }
        guard opened.isPlain else { throw Undecodable("\(path) isn't a file") }
        file = opened
      }
      return try file!.file.read(into: buffer)
    } catch StoreError.unreadable(let path, let reason) {
      var problem = Undecodable("\(path): \(reason)")
      problem.isUnreadable = true
      throw problem
    }
  }
}

/// A file of the store that is read from.
private final class OpenedFile {
  let file: OpenFile
  let identity: FileIdentity
  let isPlain: Bool

  init?(_ path: String) throws {
    guard let file = try OpenFile.reading(path) else { return nil }
    let status = try file.status()
    (identity, isPlain) = (FileIdentity(status), status.st_mode & S_IFMT == S_IFREG)
    self.file = file
  }
}
