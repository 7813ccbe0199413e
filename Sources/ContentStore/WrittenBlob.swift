// Owns what is known of a blob once it is stored: content and stored form, and its way from a worker to the driver.

import Canonical
import Foundation

/// A blob's content and the form in which it is stored. This is what a record says of it, so that whoever fetches
/// it can bound and verify every step.
public struct StoredBlob: Hashable, Sendable {
  /// SHA-256 of the content.
  public var digest: Digest
  /// Bytes of content.
  public var size: Int
  public var codec: Codec
  /// SHA-256 of the stored bytes.
  public var storedDigest: Digest
  public var storedSize: Int

  public init(digest: Digest, size: Int, codec: Codec, storedDigest: Digest, storedSize: Int) {
    self.digest = digest
    self.size = size
    self.codec = codec
    self.storedDigest = storedDigest
    self.storedSize = storedSize
  }

  public var json: JSON {
    [
      "digest": .string(digest.hex), "size": .integer(size), "codec": .string(codec.rawValue),
      "stored": .string(storedDigest.hex), "storedSize": .integer(storedSize),
    ]
  }

  /// Reads what `json` wrote; nil for anything else, and for sizes that no content has.
  public init?(json: JSON) {
    guard case .object(let members) = json, members.count == 5,
      let digest = members["digest"]?.stringValue.flatMap({ Digest(hex: $0) }),
      let size = members["size"]?.intValue, (0...Artifact.largest).contains(size),
      let codec = members["codec"]?.stringValue.flatMap({ Codec(rawValue: $0) }),
      let storedDigest = members["stored"]?.stringValue.flatMap({ Digest(hex: $0) }),
      let storedSize = members["storedSize"]?.intValue, (0...Artifact.largest).contains(storedSize),
      codec != .raw || (storedSize == size && storedDigest == digest)
    else { return nil }
    self.init(digest: digest, size: size, codec: codec, storedDigest: storedDigest, storedSize: storedSize)
  }
}

/// A blob that a worker wrote. A large one is a file in the store already; a small one travels in here.
public struct WrittenBlob: Hashable, Sendable {
  public var form: StoredBlob
  /// The stored bytes of a small blob; nil when they are a file.
  public var inline: [UInt8]?

  public init(_ form: StoredBlob, inline: [UInt8]? = nil) {
    self.form = form
    self.inline = inline
  }

  public var digest: Digest { form.digest }
  public var size: Int { form.size }
  public var codec: Codec { form.codec }
  public var storedDigest: Digest { form.storedDigest }
  public var storedSize: Int { form.storedSize }
  /// The blob as an artifact.
  public var artifact: Artifact { Artifact(.blob, digest, size: size) }

  public var json: JSON {
    var members = form.json.objectValue!
    if let inline { members["inline"] = .string(Data(inline).base64EncodedString()) }
    return .object(members)
  }

  /// Reads what `json` wrote; nil for anything else.
  public init?(json: JSON) {
    guard case .object(var members) = json else { return nil }
    var inline: [UInt8]?
    if let text = members.removeValue(forKey: "inline") {
      guard let data = text.stringValue.flatMap({ Data(base64Encoded: $0) }) else { return nil }
      inline = Array(data)
    }
    guard let form = StoredBlob(json: .object(members)), inline == nil || inline!.count == form.storedSize
    else {
      return nil
    }
    self.init(form, inline: inline)
  }
}
