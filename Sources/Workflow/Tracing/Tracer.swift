// Owns what of the files that traced commands opened counts for their keys, and what these files are now.

import Canonical
import ContentStore
import Foundation
import Synchronization

/// Judges what commands opened, and looks at it again.
final class Tracer: Sendable {
  /// What a command has in its key anyhow.
  struct Declared {
    /// Absolute paths of files.
    var files: Set<String>
    /// Folders whose distributions are in the key: environments.
    var environments: [String]
    /// Folders that its programs are installed in.
    var installations: [String]
    /// Whether a file says which distributions are installed.
    var hasLockFile: Bool
  }

  /// What a command opened that isn't in its key yet.
  struct Verdict: Sendable {
    var trace: Trace
    /// Nil where it is nothing that counts.
    var observation: Observation?
    var use: UndeclaredUse
  }

  /// A file (its path) was edited after the command had opened it.
  struct Edited: Error { let path: String }

  /// As it is spelled, and where it is.
  private let roots: [String]
  private let store: any ResultStore
  private let known = Mutex(Known())

  private struct Known {
    var files: [String: Digest?] = [:]
    var versions: [String: String?] = [:]
  }

  init(root: String, store: any ResultStore) {
    roots = Set([root, Tracer.real(root)]).sorted { a, _ in a == root }
    self.store = store
  }

  private static func real(_ path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().path
  }

  /// What the files of a trace are. Each is looked at once in a run.
  func observe(_ trace: Trace) throws -> Observation {
    let unknown = known.withLock { known in trace.files.filter { known.files[$0] == nil } }
    let there = unknown.filter { path in
      var status = stat()
      return stat("\(roots[0])/\(path)", &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
    let digests = try store.digests(ofFiles: there.map { URL(fileURLWithPath: "\(roots[0])/\($0)") })
    let found = Dictionary(zip(there, digests.map(\.digest))) { first, _ in first }
    return known.withLock { known in
      for path in unknown { known.files[path] = .some(found[path]) }
      return Observation(
        files: Dictionary(uniqueKeysWithValues: trace.files.map { ($0, known.files[$0] ?? nil) }),
        packages: Dictionary(
          uniqueKeysWithValues: trace.packages.map { name, folder in
            let place = "\(folder)/\(name)"
            let version = known.versions[place] ?? InstalledDistributions(in: folder).version(of: name)
            known.versions[place] = .some(version)
            return (name, version)
          }))
    }
  }

  /// What counts of what a command opened. Throws `Edited`, `StoreError`.
  func judge(_ opened: OpenedFiles, _ declared: Declared) throws -> Verdict {
    var files: [String: OpenedFiles.Stamp] = [:]
    var elsewhere: [String] = []
    func isBelow(_ folders: [String], _ path: String) -> Bool {
      folders.contains { path.hasPrefix($0 + "/") }
    }
    for (path, stamp) in opened.files where !declared.files.contains(path) {
      if isBelow([store.directory.path, Tracer.real(store.directory.path)] + declared.environments, path) {
        continue
      }
      if let place = place(path) {
        if !declared.files.contains("\(roots[0])/\(place)") { files[place] = stamp }
      } else if !isBelow(declared.installations, path), !path.contains("/.") {
        elsewhere.append(path)
      }
    }
    let absent = opened.absent.filter {
      !isBelow([store.directory.path] + declared.environments, $0) && !$0.contains("/__pycache__/")
    }.compactMap(place)
    var packages: [String: String] = [:]
    for (folder, modules) in opened.modules
    where !declared.environments.contains(where: { (folder + "/").hasPrefix($0 + "/") }) {
      let installed = InstalledDistributions(in: folder)
      for module in modules { packages[installed.owner(of: module)] = folder }
    }
    let trace = Trace(files: Set(absent).union(files.keys), packages: packages)
    // What was known of them may be older than the command.
    known.withLock { known in
      for path in trace.files { known.files[path] = nil }
      for (name, folder) in packages { known.versions["\(folder)/\(name)"] = nil }
    }
    var observation = try observe(trace)
    // Whatever has been made since: the command found nothing.
    for path in absent where files[path] == nil { observation.files[path] = .some(nil) }
    for (path, stamp) in files {
      let now = try? store.digests(ofFiles: [URL(fileURLWithPath: "\(roots[0])/\(path)")]).first
      guard let now, now.digest == observation.files[path],
        now.was(
          size: stamp.size, modified: stamp.modified, changed: stamp.changed, inode: stamp.inode,
          device: stamp.device)
      else { throw Edited(path: path) }
    }
    let versions = observation.packages.sorted { $0.key < $1.key }.map { "\($0) \($1 ?? "of no version")" }
    return Verdict(
      trace: trace, observation: trace.isEmpty ? nil : observation,
      use: UndeclaredUse(
        files: files.keys.sorted(), packages: declared.hasLockFile ? [] : versions,
        lockFile: UndeclaredUse.lockFiles.first { access("\(roots[0])/\($0)", R_OK) == 0 },
        elsewhere: elsewhere.sorted()))
  }

  /// The path of a file of the project relative to its root; nil for others, and for what nobody's result depends on.
  private func place(_ path: String) -> String? {
    guard let root = roots.first(where: { path.hasPrefix($0 + "/") }) else { return nil }
    let place = String(path.dropFirst(root.count + 1))
    return place.hasPrefix(".git/") ? nil : place
  }
}

extension KeySource {
  /// Whether what instance `i` opens counts for its key.
  func isTraced(_ i: Int) -> Bool {
    let instance = graph.instances[i]
    // Most commands aren't, and are told by their texts.
    return instance.commandCode != nil && instance.mentionsInParameters("\"trace\":true")
      && instance.parameters["trace"]?.boolValue == true
  }

  /// What counts of what instance `i` opened. Throws `Tracer.Edited`, `StoreError`.
  func judge(_ opened: OpenedFiles, by i: Int) throws -> Tracer.Verdict {
    let tree = tree(i)
    let (environments, installations) = surroundings(i)
    return try tracer.judge(
      opened,
      Tracer.Declared(
        files: Set(tree.flatMap { [$0.source, "\(graph.project)/\($0.place)"] }), environments: environments,
        installations: installations,
        hasLockFile: tree.contains { UndeclaredUse.isLockFile($0.place) }))
  }
}

extension Resolution {
  /// Finds out by which trace a traced command has a record: of those that its action had, the newest. All have keys that
  /// say nothing of traces.
  func lookAtTraces(of wave: [Int]) throws {
    let traced = wave.filter(keys.isTraced)
    if traced.isEmpty { return }
    let known = try store.outputs(for: traced.map { key[$0]! })
    let unknown = traced.filter { known[key[$0]!] == nil }
    let traces = try store.traces(of: unknown.map { key[$0]! })
    var candidates: [(i: Int, observation: Observation, key: Digest)] = []
    for i in unknown {
      for trace in (traces[key[i]!] ?? []).compactMap(Trace.init(parsing:)) {
        candidates.append((i, try keys.tracer.observe(trace), key[i]!))
      }
    }
    for n in candidates.indices {
      observe(candidates[n].i, candidates[n].observation)
      candidates[n].key = key[candidates[n].i]!
    }
    let found = try store.outputs(for: candidates.map(\.key))
    // The oldest first, so that the newest has the last word, and those with a record after all others.
    for hasRecord in [false, true] {
      for candidate in candidates.reversed() where (found[candidate.key] != nil) == hasRecord {
        observe(candidate.i, candidate.observation)
      }
    }
  }

  /// What is known by now of instances that were looked up and had no record. Other drivers may have learnt what their
  /// commands open.
  func lookAgain(_ instances: [Int]) throws -> [Int: KnownOutputs] {
    for i in instances where observed[i] != nil { observe(i, nil) }
    let asked = instances.filter { key[$0] != nil }
    try lookAtTraces(of: asked)
    let found = try store.outputs(for: asked.map { key[$0]! })
    return Dictionary(asked.compactMap { i in found[key[i]!].map { (i, $0) } }, uniquingKeysWith: { $1 })
  }
}
