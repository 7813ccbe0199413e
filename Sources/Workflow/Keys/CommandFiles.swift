// Owns the code of commands: the files under `code:`, the shell and the programs that they start, by content. Where a program
// lies is not in the key, what it is is.

import Canonical
import ContentStore
import Foundation

/// The code manifests of commands, and the files they were made from.
struct CommandFiles: Sendable {
  private struct Entry: Sendable {
    var manifest: CodeManifest
    var files: [ExternalFile]
    /// Where each name of the manifest is found.
    var places: [String: String]
    var facts: ProgramFacts
    /// The programs, by their names in the manifest.
    var programs: Programs.Found
    /// The files of the project that the command may name, by their path in it.
    var own: [String: ExternalFile]
    /// The folders of the project that programs lie in with what they need, by their path in it.
    var links: [String: String]
  }

  private let root: String
  private let path: String
  private let neverCode: NeverCode
  private var entries: [CommandCode: Entry] = [:]
  /// Each read once, by its folder.
  private var environments: [String: PythonEnvironment] = [:]

  /// Digests the code of every command, once. Throws `DecodingIssue` at the stage's place for a pattern that matches
  /// nothing and a program that isn't found.
  init(_ instances: [Instance], store: any ResultStore, root: String, environment: [String: String]) throws {
    self.root = root
    path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    neverCode = NeverCode(root: root, store: store.home.path)
    var latest: CommandCode?
    for instance in instances {
      guard let code = instance.commandCode, code != latest else { continue }
      latest = code
      if entries[code] != nil { continue }
      do {
        (entries[code], environments) = try read(code, store)
      } catch StoreError.source(let path, let reason) {
        throw DecodingIssue(
          instance.place, "stage '\(instance.stage)': code: \(shortened(path, root: root)): \(reason)")
      } catch let missing as Programs.Missing {
        throw DecodingIssue(
          instance.place,
          "stage '\(instance.stage)': run: there is no program '\(missing.name)' (looked for in \(missing.places)). "
            + "A command begins with the program that runs it; its content is part of the key")
      }
    }
  }

  func manifest(of code: CommandCode) -> CodeManifest { entry(code).manifest }

  /// Which programs count, and what doesn't.
  func programs(of code: CommandCode) -> ProgramFacts { entry(code).facts }

  private func entry(_ code: CommandCode) -> Entry {
    guard let entry = entries[code] else { preconditionFailure("BUG: a command's code was not digested") }
    return entry
  }

  /// Looks at the files again.
  func look(at code: CommandCode, store: any ResultStore) throws -> Look {
    let entry = entry(code)
    if code.patterns.isEmpty, programs(store).isUnchanged(entry.programs) {
      return .same(Sight(files: entry.files))
    }
    do {
      let (now, _) = try read(code, store)
      let (before, after) = (entry.manifest.files, now.manifest.files)
      let other = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.min()
      guard let other else { return .same(Sight(files: now.files)) }
      return .edited(now.places[other] ?? entry.places[other] ?? root)
    } catch StoreError.source(let path, _) { return .edited(path) } catch let missing as Programs.Missing {
      return .edited(missing.name)
    }
  }

  /// Looks again at what a command reads where it lies: of one with a private tree, all but the files of which that
  /// has copies.
  func lookAtUncopied(of code: CommandCode, store: any ResultStore) throws -> Look {
    guard code.isPrivate else { return try look(at: code, store: store) }
    let entry = entry(code)
    let copied = copied(code)
    if programs(store).isUnchanged(entry.programs) {
      return .same(Sight(files: entry.programs.files.filter { !copied.contains($0.path) }))
    }
    do {
      var programs = programs(store)
      let now = try programs.find(code)
      let before = entry.programs.entries
      for name in Set(now.entries.keys).union(before.keys).sorted() where now.entries[name] != before[name] {
        let place = now.places[name] ?? entry.places[name] ?? root
        if !copied.contains(place) { return .edited(place) }
      }
      return .same(Sight(files: now.files.filter { !copied.contains($0.path) }))
    } catch StoreError.source(let path, _) { return .edited(path) } catch let missing as Programs.Missing {
      return copied.isEmpty ? .edited(missing.name) : .same(Sight())
    }
  }

  /// The paths of the files that a command has copies of.
  func copied(_ code: CommandCode) -> Set<String> {
    code.isPrivate ? Set(entry(code).own.values.map(\.path)) : []
  }

  /// What of the project's code a private tree holds.
  func tree(of code: CommandCode) -> [TreeFile] {
    let entry = entry(code)
    return entry.own.map { TreeFile(place: $0, source: $1.path, role: .code($1.digest)) }
      + entry.links.map { TreeFile(place: $0, source: $1, role: .program) }
  }

  /// The environments whose distributions count, and where other programs are installed: the file itself, or what
  /// `bin` is beside. A user's own folder and what holds the project is neither.
  func surroundings(of code: CommandCode) -> (environments: [String], installations: [String]) {
    let entry = entry(code)
    let environments = entry.programs.environments
    var installations = Set(environments.compactMap(\.home))
    for (name, file) in entry.programs.places where name.hasPrefix("program ") {
      let parts = file.split(separator: "/")
      let folder = "/" + parts.dropLast(2).joined(separator: "/")
      let isInstalled = parts.count > 2 && parts[parts.count - 2] == "bin"
      let isTooMuch = (root + "/").hasPrefix(folder + "/") || folder == NSHomeDirectory()
      installations.insert(isInstalled && !isTooMuch ? folder : file)
    }
    return (environments.map(\.folder), installations.sorted())
  }

  private func read(_ code: CommandCode, _ store: any ResultStore) throws
    -> (Entry, environments: [String: PythonEnvironment])
  {
    let paths = try self.files(matching: code.patterns)
    let digested = try store.digests(ofFiles: paths.map { URL(fileURLWithPath: root + "/" + $0) })
    let files = Dictionary(zip(paths, digested)) { first, _ in first }
    var programs = programs(store)
    let found = try programs.find(code)
    let entry = Entry(
      manifest: CodeManifest(
        files: found.entries.merging(files.mapValues(\.digest)) { $1 }.merging(code.reception.files) {
          mine, _ in mine
        }),
      files: files.values.sorted { $0.path < $1.path } + found.files,
      places: found.places.merging(files.mapValues(\.path)) { $1 },
      facts: ProgramFacts(recognised: found.recognised, unrecognised: found.unrecognised),
      programs: found, own: found.own.merging(files) { $1 }, links: found.links)
    return (entry, programs.environments)
  }

  private func programs(_ store: any ResultStore) -> Programs {
    Programs(root: root, path: path, store: store, environments: environments)
  }

  /// The files of the project that match, relative to its root, sorted.
  private func files(matching patterns: [String]) throws -> [String] {
    var found = Set<String>()
    for pattern in patterns {
      let matched = try Glob.files(under: root, matching: [pattern], skips: neverCode.skips)
      let code = neverCode.code(among: matched)
      guard !code.isEmpty else {
        throw StoreError.source(
          path: root,
          reason:
            "'\(pattern)' matches only what version control ignores, which is never code. Declare it under "
            + "'inputs' if the command reads it")
      }
      found.formUnion(code)
    }
    return found.sorted()
  }
}

/// What of the programs that a command starts is in its key, for people.
public struct ProgramFacts: Sendable, Hashable {
  /// `.venv/bin/python with 43 distributions`
  public var recognised: [String]
  /// What doesn't count, with what to declare.
  public var unrecognised: [String]

  /// Adds what others have besides.
  mutating func add(_ others: ProgramFacts) {
    recognised += others.recognised.filter { !recognised.contains($0) }
    unrecognised += others.unrecognised.filter { !unrecognised.contains($0) }
  }
}
