// Owns a blob while its stored bytes come from a remote, alone or out of a pack: bounded and hashed as they come, and
// believed once they give the content that the record says.

import Canonical
import Foundation

/// Stored bytes that come. One thread uses it.
final class Arrival {
  let form: StoredBlob
  private let layout: Layout
  private var hasher = Hasher256()
  /// A large one's instead.
  private var sideHasher: SideHasher?
  private(set) var received = 0
  /// A small blob's bytes, a larger one's file.
  private var bytes: [UInt8] = []
  private var file: ArrivingFile?

  init(_ form: StoredBlob, in layout: Layout) { (self.form, self.layout) = (form, layout) }

  /// - Throws: `Undecodable` when there are too many.
  func take(_ piece: UnsafeRawBufferPointer) throws {
    received += piece.count
    guard received <= form.storedSize else {
      throw Undecodable("longer than the \(form.storedSize) stored bytes recorded")
    }
    if form.storedSize >= SideHasher.least {
      if sideHasher == nil { sideHasher = SideHasher() }
      sideHasher!.update(piece)
    } else {
      hasher.update(piece)
    }
    if form.storedSize <= BlobWriter.inlineLimit {
      bytes.append(contentsOf: piece)
    } else {
      // Not before there is something to write: of a thousand that are asked for, a few come at a time.
      if file == nil { file = try ArrivingFile(in: layout) }
      try file!.temporary.write(piece)
    }
  }

  /// What came, verified, and where it is now; it isn't in the index yet.
  /// - Throws: `Undecodable`.
  func finish() throws -> WrittenBlob {
    defer { (bytes, file, sideHasher) = ([], nil, nil) }
    guard received == form.storedSize else {
      throw Undecodable("\(received) stored bytes instead of \(form.storedSize)")
    }
    let stored = sideHasher?.soFar() ?? hasher.finish()
    guard stored == form.storedDigest else { throw Undecodable("its stored bytes give \(stored)") }
    guard form.storedSize > BlobWriter.inlineLimit, let file else {
      try check(from: source(of: bytes))
      return WrittenBlob(form, inline: bytes)
    }
    guard let written = try OpenFile.reading(file.temporary.path) else {
      throw StoreError.failed(to: "read back", file.temporary.path, ENOENT)
    }
    try check { try written.read(into: $0) }
    return WrittenBlob(try layout.publish(file.temporary, form))
  }

  private func check(from source: ByteSource) throws {
    // Raw bytes are their content, which has been hashed.
    if form.codec == .raw, form.storedDigest == form.digest { return }
    let digest = try decode(form.codec, size: form.size, from: source, to: { _ in })
    guard digest == form.digest else { throw Undecodable("its content gives \(digest)") }
  }
}

/// A file that bytes are written to as they come.
private final class ArrivingFile {
  let temporary: Temporary
  init(in layout: Layout) throws { temporary = try Temporary(in: layout.temporary) }
}

/// A pack while its bytes come: hands each wanted member its own.
final class PackArrival {
  private var members: ArraySlice<(member: PackList.Member, arrival: Arrival?)>
  private var position = 0
  private let whole: (Arrival, Result<WrittenBlob, any Error>) throws -> Void

  /// - Parameters:
  ///   - arrivals: those of the members that are wanted.
  ///   - whole: told when one of these is complete, or was wrong.
  init(
    _ pack: PackList.Pack, _ arrivals: [Digest: Arrival],
    whole: @escaping (Arrival, Result<WrittenBlob, any Error>) throws -> Void
  ) {
    members = pack.members.map { ($0, arrivals[$0.stored]) }[...]
    self.whole = whole
  }

  func take(_ piece: UnsafeRawBufferPointer) throws {
    var start = 0
    repeat {
      guard let (member, arrival) = members.first else { return }
      let n = min(piece.count - start, member.offset + member.size - position)
      if let arrival {
        try arrival.take(UnsafeRawBufferPointer(rebasing: piece[start..<start + n]))
      }
      start += n
      position += n
      guard position == member.offset + member.size else { return }
      members.removeFirst()
      if let arrival { try whole(arrival, Result { try arrival.finish() }) }
    } while start < piece.count
  }
}
