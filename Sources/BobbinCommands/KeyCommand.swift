// Owns `bobbin key`: making keys, trusting others', listing both.

import ArgumentParser
import Canonical
import ContentStore
import Foundation
import PipelineFile
import Reporting

struct KeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Makes the keys that sign shared results, and says whose a project trusts.",
    discussion: """
      Examples:
        bobbin key new
        bobbin key trust ed25519:… --name anna
        bobbin key list
      """,
    subcommands: [KeyNewCommand.self, KeyTrustCommand.self, KeyListCommand.self])
}

struct KeyNewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Makes a key: from then on what you push is signed with it.",
    discussion: """
      The private half stays in bobbin/keys under $XDG_CONFIG_HOME or ~/.config, where only you can read it. What is \
      printed is the public half, for the others' bobbin.yaml. A key that is there is never overwritten. Of several keys \
      the one signs that settings.yaml beside that folder names: `key: NAME`.
      """)

  @Argument(help: "What the key is called. Default: your user name.") var name: String?

  func validate() throws {
    if let name, !KeyFolder.isName(name) {
      throw ValidationError("a key's name is made of letters, digits and . _ - @, not '\(name)'")
    }
  }

  func run() throws {
    let environment = ProcessInfo.processInfo.environment
    let user = environment["USER"] ?? NSUserName()
    let name = name ?? (KeyFolder.isName(user) ? user : "default")
    let folder = try ownFolder(environment)
    let key: PrivateKey
    do { key = try folder.create(name) } catch StoreError.source(let path, let reason) {
      throw CommandFailure("\(path): \(reason)", status: 2)
    }
    let line = TrustedKey(key.publicKey, name: name).text
    try StandardOutput.write(
      legible(
        lines:
          "\(key.publicKey)\n\nIn bobbin.yaml of the projects that are to take your results:\ntrust:\n  - \(line)\n"
      ))
    let own = try OwnKeys(environment: environment)
    if own.signer == nil {
      StandardError.write(
        legible(
          lines: "there are \(own.names.count) keys now, and none signs: write key: NAME in "
            + "\(UserSettings.folder(environment: environment)!)/\(UserSettings.fileName)\n"))
    }
  }
}

struct KeyTrustCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust",
    abstract: "Adds a public key to those whose results this project takes from remotes.",
    discussion: """
      It is written to trust: in bobbin.yaml of the project around the working directory. A project with trust: takes \
      only records from remotes that one of these keys has signed; without it, all.

      Example: bobbin key trust ed25519:… --name anna
      """)

  @Argument(help: "What `bobbin key new` printed, such as ed25519:….") var key: String
  @Option(help: "Whose it is, to be written beside it.") var name: String?

  func validate() throws {
    if PublicKey(key) == nil {
      throw ValidationError("'\(key)' is no public key; `bobbin key new` prints one, such as ed25519:…")
    }
    if let name, !KeyFolder.isName(name) {
      throw ValidationError("--name takes letters, digits and . _ - @, not '\(name)'")
    }
  }

  func run() throws {
    let root = Pipeline.projectRoot(of: currentFolder.appending(path: "file"))
    let isNew = try Settings.addTrusted(TrustedKey(PublicKey(key)!, name: name), root: root)
    let file = root.appending(path: "bobbin.yaml").path
    try StandardOutput.write(
      legible(lines: isNew ? "\(file) trusts it from now on\n" : "\(file) trusts it already\n"))
  }
}

struct KeyListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists your keys, which of them signs, and those that this project trusts."
  )

  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    let environment = ProcessInfo.processInfo.environment
    let own = try OwnKeys(environment: environment)
    let keys = try own.names.map { (name: $0, key: try ownFolder(environment).key($0).publicKey) }
    let root = Pipeline.projectRoot(of: currentFolder.appending(path: "file"))
    let trusted = try Settings.load(root: root).trust
    if json {
      let members: JSON = [
        "own": .array(
          keys.map {
            [
              "name": .string($0.name), "id": .string($0.key.id), "key": .string("\($0.key)"),
              "signs": .bool($0.name == own.signer),
            ]
          }),
        "trusted": trusted.map { trusted in
          .array(
            trusted.map {
              [
                "name": $0.name.map(JSON.string) ?? .null, "id": .string($0.key.id),
                "key": .string("\($0.key)"),
              ]
            })
        } ?? .null,
      ]
      return try StandardOutput.write(members.canonical + "\n")
    }
    var lines = [keys.isEmpty ? "you have no keys; `bobbin key new` makes one" : "your keys"]
    for (name, key) in keys {
      lines.append("  \(key.id)  \(key)  \(name)" + (name == own.signer ? "  signs" : ""))
    }
    switch trusted {
    case nil: lines.append("this project takes everybody's results: bobbin.yaml has no trust:")
    case .some(let trusted):
      lines.append(trusted.isEmpty ? "this project trusts nobody: trust: is empty" : "this project trusts")
      for its in trusted { lines.append("  \(its.key.id)  \(its.key)  \(its.name ?? "")") }
    }
    try StandardOutput.write(legible(lines: lines.joined(separator: "\n") + "\n"))
  }
}

private func ownFolder(_ environment: [String: String]) throws -> KeyFolder {
  guard let folder = KeyFolder.own(environment: environment) else {
    throw CommandFailure("neither XDG_CONFIG_HOME nor HOME is set, where keys are kept", status: 2)
  }
  return folder
}
