// Owns finding out whom a project trusts and which key its user signs with.

import Canonical
import ContentStore
import Foundation
import PipelineFile
import Reporting
import Workflow

extension Settings {
  /// Whom the project trusts, and who works in it.
  func trust(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Trust {
    let signer = try OwnKeys(environment: environment).signer
    return Trust(
      keys: trust.map { $0.map(\.key) },
      signer: try signer.map { try KeyFolder.own(environment: environment)!.key($0) })
  }
}

extension KeyFolder {
  /// nil where nothing says where the user's own folder is.
  static func own(environment: [String: String]) -> KeyFolder? {
    UserSettings.folder(environment: environment).map { KeyFolder($0 + "/keys") }
  }
}

/// The user's keys, by name, and which of them signs.
struct OwnKeys {
  let names: [String]
  /// The one that the settings name, else the only one.
  let signer: String?

  init(environment: [String: String]) throws {
    names = KeyFolder.own(environment: environment)?.names ?? []
    let named = try UserSettings.load(environment: environment).key
    signer = named ?? (names.count == 1 ? names[0] : nil)
  }
}

extension OpenPipeline {
  /// Says why results of remotes weren't taken, by the instances that could have had them.
  func explainRefusals(of keys: [(name: String, key: Digest)]) {
    let refusals = store.refusals(of: keys.map(\.key))
    for (name, key) in keys {
      if let reason = refusals[key] { StandardError.write(legible(lines: "\(name): not taken: \(reason)\n")) }
    }
  }
}
