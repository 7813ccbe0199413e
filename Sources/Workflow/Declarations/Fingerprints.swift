// Owns the form in which the build hands over the code of stage kinds and receivers: which sources decide what each
// computes.

import Canonical

/// The code of a module's stage kinds. The build-tool plugin `Fingerprints` writes a value of this type, called
/// `fingerprints`, into the module it is applied to, and that module makes its kinds known with it:
///
///     let kinds = KindCatalogue(stageKinds() + fingerprints.describe([Mine.self, AlsoMine.self]))
public struct Fingerprints: Sendable {
  private let files: [(path: String, digest: String)]
  private let kinds: [String: [Int]]
  private let listed: [String: [String: [Int]]]
  private let configuration: String

  /// - Parameters:
  ///   - files: everything that decides results, each once, with the digest of what in it counts.
  ///   - kinds: by the name of a kind's (or receiver's) type, which of the files are its code.
  ///   - listed: of kinds that look things up in lists, by the file that an entry stands in (`#fileID`), which
  ///     files are the entry's code.
  ///   - isDebug: whether the module was compiled without optimisation. Such a build shares no keys with a
  ///     release build, since their bits may differ.
  ///   - isUnchecked: whether it was compiled with `-Ounchecked`.
  public init(
    files: [(path: String, digest: String)], kinds: [String: [Int]],
    listed: [String: [String: [Int]]], isDebug: Bool, isUnchecked: Bool
  ) {
    configuration = isDebug ? "debug" : isUnchecked ? "unchecked" : "release"
    self.files = files
    self.kinds = kinds
    self.listed = listed
  }

  /// The kinds with their code, in the order given.
  public func describe(_ types: [any StageKind.Type]) -> [KindDescription] {
    types.map { type in
      guard let members = kinds["\(type)"] else {
        preconditionFailure(
          "BUG: the build found no stage kind \(type) in this module. Declare it there as a struct that names "
            + "StageKind, and apply the plugin Fingerprints to the module")
      }
      return KindDescription(
        type, code: self.manifest(members),
        listed: (self.listed["\(type)"] ?? [:]).mapValues(self.manifest))
    }
  }

  /// The receivers with their code, in the order given.
  public func describe(_ types: [any ArtifactReceiver.Type]) -> [ReceiverDescription] {
    types.map { type in
      guard let members = kinds["\(type)"] else {
        preconditionFailure(
          "BUG: the build found no receiver \(type) in this module. Declare it there as a struct that names "
            + "ArtifactReceiver, and apply the plugin Fingerprints to the module")
      }
      return ReceiverDescription(type, code: self.manifest(members))
    }
  }

  private func manifest(_ members: [Int]) -> CodeManifest {
    let sources = members.map { member in
      let (path, hex) = files[member]
      guard let digest = Digest(hex: hex) else {
        preconditionFailure("BUG: the digest of \(path) is '\(hex)'")
      }
      return (path, digest)
    }
    return CodeManifest(
      files: Dictionary(
        uniqueKeysWithValues: sources + [("build: configuration", Digest.of(configuration.utf8))]))
  }
}
