// Owns asking for one thing where a remote answers many at once: one is a batch of one.

import Canonical
import ContentStore

/// A remote that is made of the batch calls alone.
package protocol ManyAtOnce: Remote {}

extension ManyAtOnce {
  package func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    try one { try records([key], limit: limit, each: $0) }
  }
  package func hasRecord(_ key: Digest) throws -> Bool { try one { try hasRecords([key], each: $0) } }
  package func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try one { try putRecords([RecordOffer(text, for: key, replacing: replacing)], each: $0) }
  }
  package func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try withoutActuallyEscaping(sink) { sink in
      try one { try blobs([BlobWish(stored, limit: limit, to: sink)], each: $0) }
    }
  }
  package func hasBlob(_ stored: Digest, size: Int) throws -> Bool {
    try one { try hasBlobs([(stored, size)], each: $0) }
  }
  package func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try withoutActuallyEscaping(source) { source in
      try one { try putBlobs([BlobOffer(stored, size: size, from: source)], each: $0) }
    }
  }

  private func one<T>(
    _ body: (_ each: (Int, Result<T, any Error>) throws -> Void) throws -> Void
  ) throws -> T {
    var answer: Result<T, any Error>?
    try body { answer = $1 }
    return try answer!.get()
  }
}
