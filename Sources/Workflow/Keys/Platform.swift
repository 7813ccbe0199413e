// Owns what of a platform can decide bits: the instruction set and the versions of libraries. They are facts of every
// record, and part of the keys of projects that ask for it.

import Canonical

/// What computes.
public struct Platform: Hashable, Sendable, CustomStringConvertible {
  /// `avx512_core`; empty when not known.
  public var instructionSet: String
  /// Versions by library.
  public var libraries: [String: String]

  public init(instructionSet: String = "", libraries: [String: String] = [:]) {
    self.instructionSet = instructionSet
    self.libraries = libraries
  }

  /// What a record's facts say; nil when they don't.
  public init?(facts: JSON) {
    guard let instructionSet = facts["instructionSet"]?.stringValue else { return nil }
    self.init(
      instructionSet: instructionSet,
      libraries: (facts["versions"]?.objectValue ?? [:]).compactMapValues(\.stringValue))
  }

  /// As records' facts say it.
  var facts: JSON {
    [
      "instructionSet": .string(instructionSet), "versions": .object(libraries.mapValues(JSON.string)),
    ]
  }

  /// `avx2, OpenBLAS 0.3.21, oneDNN 2.6.3`.
  public var description: String {
    ([instructionSet] + libraries.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })
      .joined(separator: ", ")
  }

  /// What differs: `avx2 → avx512_core, oneDNN 2.6.3 → 3.1.1`.
  public func difference(to other: Platform) -> String {
    var changes: [String] = []
    if instructionSet != other.instructionSet {
      changes.append("\(instructionSet) → \(other.instructionSet)")
    }
    for name in Set(libraries.keys).union(other.libraries.keys).sorted()
    where libraries[name] != other.libraries[name] {
      changes.append("\(name) \(libraries[name] ?? "none") → \(other.libraries[name] ?? "none")")
    }
    return changes.joined(separator: ", ")
  }
}

/// What a project has its keys hold besides what decides bytes: in `bobbin.yaml`, `salt:` and `platform:`.
public struct KeySettings: Hashable, Sendable {
  public enum PlatformFact: String, Sendable, CaseIterable {
    /// The instructions that numerics use, such as AVX2 or AVX-512.
    case instructionSet = "instruction_set"
    /// The versions of the numerics' libraries.
    case libraries
  }

  /// Any text: another one disowns everything before.
  public var salt: String?
  /// The facts of the platform that are in every key.
  public var platform: Set<PlatformFact>

  public init(salt: String? = nil, platform: Set<PlatformFact> = []) {
    self.salt = salt
    self.platform = platform
  }

  /// The member `platform` of actions; nil when none is asked for.
  func facts(of here: Platform) -> JSON? {
    if platform.isEmpty { return nil }
    var members: [String: JSON] = [:]
    if platform.contains(.instructionSet) {
      members[PlatformFact.instructionSet.rawValue] = .string(here.instructionSet)
    }
    if platform.contains(.libraries) {
      members[PlatformFact.libraries.rawValue] = .object(here.libraries.mapValues(JSON.string))
    }
    return .object(members)
  }
}
