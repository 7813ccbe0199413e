// Owns the code of commands: the files under `code:` and the program that runs them, by content. Where a program
// lies is not in the key, what it is is.

import Canonical
import ContentStore
import Foundation

/// The code manifests of commands, and the files they were made from.
struct CommandFiles: Sendable {
  private struct Entry: Sendable {
    var manifest: CodeManifest
    var files: [ExternalFile]
  }

  private let root: String
  private let path: String
  private var entries: [CommandCode: Entry] = [:]

  /// Digests the code of every command, once. Throws `DecodingIssue` at the stage's place for a pattern that matches
  /// nothing and a program that isn't found.
  init(_ instances: [Instance], store: any ResultStore, root: String, environment: [String: String]) throws {
    self.root = root
    path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    for instance in instances {
      guard let code = instance.commandCode, entries[code] == nil else { continue }
      do {
        entries[code] = try read(code, store)
      } catch StoreError.source(let path, let reason) {
        throw DecodingIssue(
          instance.place, "stage '\(instance.stage)': code: \(shortened(path, root: root)): \(reason)")
      } catch let missing as MissingProgram {
        throw DecodingIssue(
          instance.place,
          "stage '\(instance.stage)': run: there is no program '\(missing.name)' (looked for in \(missing.places)). "
            + "A command begins with the program that runs it; its content is part of the key")
      }
    }
  }

  func manifest(of code: CommandCode) -> CodeManifest {
    guard let entry = entries[code] else { preconditionFailure("BUG: a command's code was not digested") }
    return entry.manifest
  }

  /// Looks at the files again.
  func look(at code: CommandCode, store: any ResultStore) throws -> Look {
    guard let entry = entries[code] else { preconditionFailure("BUG: a command's code was not digested") }
    do {
      let now = try read(code, store)
      let names = Set(now.manifest.files.keys).symmetricDifference(entry.manifest.files.keys)
      if let other = names.min() { return .edited(root + "/" + other) }
      guard now.manifest == entry.manifest else {
        let digests = Dictionary(entry.files.map { ($0.path, $0.digest) }) { first, _ in first }
        return .edited(now.files.first { digests[$0.path] != $0.digest }?.path ?? code.interpreter)
      }
      return .same(Sight(files: now.files))
    } catch StoreError.source(let path, _) { return .edited(path) } catch is MissingProgram {
      return .edited(code.interpreter)
    }
  }

  private func read(_ code: CommandCode, _ store: any ResultStore) throws -> Entry {
    var entry = Entry(manifest: CodeManifest(files: [:]), files: [])
    var digests: [String: Digest] = [:]
    if !code.patterns.isEmpty {
      let found = try store.digests(under: URL(fileURLWithPath: root), matching: code.patterns)
      digests = found.mapValues(\.digest)
      entry.files = found.values.sorted { $0.path < $1.path }
    }
    // A script's own interpreter counts too: `./fit.py` with `#!/usr/bin/env python3`.
    var program: String? = code.interpreter
    while let name = program, digests.count < 100_000 {
      let file = try self.program(name)
      let digested = try store.digests(ofFiles: [URL(fileURLWithPath: file)])[0]
      let entryName = "program \(name.split(separator: "/").last.map(String.init) ?? name)"
      if digests.updateValue(digested.digest, forKey: entryName) != nil { break }
      entry.files.append(digested)
      program = CommandFiles.hashBang(of: file)
    }
    entry.manifest = CodeManifest(files: digests.merging(code.reception.files) { mine, _ in mine })
    return entry
  }

  private struct MissingProgram: Error {
    let name: String
    let places: String
  }

  /// The file that a command's first word runs, as a shell in the project's root would find it.
  private func program(_ name: String) throws -> String {
    let places = name.contains("/") ? [""] : path.split(separator: ":").map { $0 + "/" }
    for place in places {
      let candidate = place + name
      let file = candidate.hasPrefix("/") ? candidate : root + "/" + candidate
      var status = stat()
      if stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(file, X_OK) == 0 {
        return URL(fileURLWithPath: file).resolvingSymlinksInPath().path
      }
    }
    throw MissingProgram(name: name, places: name.contains("/") ? "the project's root" : "PATH")
  }

  /// The program that a script's first line names; for `env`, the one it looks up.
  private static func hashBang(of file: String) -> String? {
    guard let handle = FileHandle(forReadingAtPath: file) else { return nil }
    defer { try? handle.close() }
    guard let start = try? handle.read(upToCount: 256), start.starts(with: "#!".utf8),
      let line = String(data: start.prefix { $0 != 0x0A }, encoding: .utf8)
    else { return nil }
    let words = line.dropFirst(2).split(separator: " ").map(String.init)
    guard let first = words.first else { return nil }
    return first.hasSuffix("/env") ? words.dropFirst().first { !$0.hasPrefix("-") } : first
  }
}
