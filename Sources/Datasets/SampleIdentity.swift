// Owns which samples something was computed from, so that what belongs to other samples isn't compared with it.
import Canonical
import Foundation
import Tensor

/// Which samples: the *base* samples that were read, in their order. Two are the same where shape, element type and
/// every value agree, whatever dataset, file or half they came in; names are for messages alone.
///
/// Marks are not part of it: a shortcut gives the same images other pixels, and comparing a network's view of marked
/// images with that of clean ones is the point of having shortcuts. They are told beside it.
public struct SampleIdentity: Sendable, Hashable {
  /// The half: `cifar10/test`.
  public var name: String
  public var count: Int
  /// SHA-256 of the samples' shape, type and values. Of those that were read only: a half that grows behind them
  /// leaves it (and with it the bytes of what holds it) as it is.
  public var digest: Digest
  /// The marks that were painted: `none`, or the marking with the shortcut's values.
  public var marks: String

  public init(name: String, count: Int, digest: Digest, marks: String) {
    self.name = name
    self.count = count
    self.digest = digest
    self.marks = marks
  }

  public func hasSameSamples(as other: SampleIdentity) -> Bool {
    count == other.count && digest == other.digest
  }
}

extension Samples {
  /// SHA-256 of some samples in this order: their shape and type, then every value. Reads all of them.
  func digest(of indices: some Collection<Int>) -> Digest {
    var hasher = Hasher256()
    func head(_ type: String) -> [UInt8] { Array("\(type) \([indices.count] + sampleShape)\n".utf8) }
    switch values {
    case .bytes(let data):
      head("U8").withUnsafeBytes { hasher.update($0) }
      data.withUnsafeBytes { bytes in
        for i in indices { hasher.update(.init(rebasing: bytes[i * sampleSize..<(i + 1) * sampleSize])) }
      }
    case .floats(let tensor):
      head("F32").withUnsafeBytes { hasher.update($0) }
      tensor.withUnsafeValues { values in
        for i in indices {
          let sample = UnsafeBufferPointer(rebasing: values[i * sampleSize..<(i + 1) * sampleSize])
          hasher.update(UnsafeRawBufferPointer(sample))
        }
      }
    }
    return hasher.finish()
  }
}

extension Half {
  /// Which samples those at `indices` are, in that order. Of marks it can't tell where the half has a shortcut.
  public func identity(of indices: some Collection<Int>) -> SampleIdentity {
    SampleIdentity(
      name: description.name, count: indices.count, digest: samples.digest(of: indices),
      marks: description.shortcut == nil ? "none" : "unknown")
  }
}

extension BatchLoader {
  /// Which samples this loader gives. Reads all of them.
  public var identity: SampleIdentity {
    var marks = "none"
    if let painter {
      let shortcut = painter.shortcut
      marks =
        "\(options.marking): \(shortcut.content), place \(shortcut.place), \(painter.size) pixels, seed "
        + "\(shortcut.seed)" + (shortcut.correlation < 1 ? ", correlation \(shortcut.correlation)" : "")
    }
    return SampleIdentity(name: half.name, count: count, digest: samples.digest(of: 0..<count), marks: marks)
  }
}
