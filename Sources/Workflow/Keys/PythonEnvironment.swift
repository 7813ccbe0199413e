// Owns what a Python environment is to a key: its Python and the names and versions of the distributions in it, as
// they stand in its folders. No interpreter is run for it.

import Canonical
import Foundation

/// A virtual environment (`pyvenv.cfg`), or one of conda (`conda-meta`).
struct PythonEnvironment: Hashable, Sendable {
  let folder: String
  /// Where the Python is installed that it was made of; nil for conda's, which has its own.
  private(set) var home: String?
  /// What counts of its settings: `version 3.11.2`. Where it lies and what made it doesn't.
  private(set) var settings: [String] = []
  /// `numpy 1.26.4`, sorted, each once.
  private(set) var distributions: [String] = []
  /// What can be imported from it and doesn't count, with what to do about it.
  private(set) var unrecognised: [String] = []
  private var stamps: [String: FolderStamp] = [:]

  /// The environment in whose `bin` a program lies, before links are followed; nil where there is none.
  init?(ofProgram file: String) {
    let parts = file.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count > 2, parts[parts.count - 2] == "bin" else { return nil }
    self.init(at: parts.dropLast(2).joined(separator: "/"))
  }

  init?(at folder: String) {
    self.folder = folder
    let conda = folder + "/conda-meta"
    let packages = (try? FileManager.default.contentsOfDirectory(atPath: conda)) ?? []
    if let text = try? String(contentsOfFile: folder + "/pyvenv.cfg", encoding: .utf8) {
      readSettings(text)
    } else if packages.isEmpty {
      return nil
    }
    // `numpy-1.26.4-py311h64a7726_0.json`
    var found = Set(
      packages.filter { $0.hasSuffix(".json") }.map { name in
        let parts = name.dropLast(5).split(separator: "-")
        return "conda:\(parts.dropLast(2).joined(separator: "-")) \(parts.suffix(2).joined(separator: "-"))"
      })
    see(folder + "/pyvenv.cfg")
    see(conda)
    let lib = folder + "/lib"
    see(lib)
    for python in ((try? FileManager.default.contentsOfDirectory(atPath: lib)) ?? []).sorted()
    where python.hasPrefix("python") || python.hasPrefix("pypy") {
      read("\(lib)/\(python)/site-packages", &found)
    }
    distributions = found.sorted()
  }

  /// Whether nothing was installed or removed since it was read: that changes its folders.
  var isUnchanged: Bool { stamps.allSatisfy { FolderStamp($0.key) == $0.value } }

  private mutating func see(_ path: String) { stamps[path] = FolderStamp(path) }

  private mutating func readSettings(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      guard parts.count == 2 else { continue }
      let (name, value) = (parts[0].lowercased(), parts[1])
      // The folder of its programs.
      if name == "home" { home = URL(fileURLWithPath: value).deletingLastPathComponent().path }
      guard ["implementation", "version", "version_info", "include-system-site-packages"].contains(name)
      else {
        continue
      }
      settings.append("\(name) \(value)")
      if name == "include-system-site-packages", value.lowercased() == "true" {
        unrecognised.append(
          "it sees the system's packages too, which don't count. Make it without --system-site-packages")
      }
    }
    settings.sort()
  }

  private mutating func read(_ sitePackages: String, _ found: inout Set<String>) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: sitePackages) else { return }
    see(sitePackages)
    for name in names.sorted() {
      // `numpy-1.26.4.dist-info`, `foo-1.0-py3.11.egg-info`
      if name.hasSuffix(".dist-info") || name.hasSuffix(".egg-info") {
        let parts = name.dropLast(name.hasSuffix(".dist-info") ? 10 : 9).split(separator: "-")
        found.insert(parts.prefix(2).joined(separator: " "))
        if let origin = origin(of: "\(sitePackages)/\(name)") {
          if origin.isEditable {
            unrecognised.append(
              "'\(parts.first ?? "")' is installed editable from \(origin.place), whose files don't count. List "
                + "them under 'code', or install it without -e")
          } else {
            found.insert("\(parts.prefix(2).joined(separator: " ")) of \(origin.place)")
          }
        }
      } else if name.hasSuffix(".egg-link") {
        unrecognised.append(
          "'\(name.dropLast(9))' is installed from a folder whose files don't count. List them under 'code'")
      } else if name.hasSuffix(".pth"), !name.hasPrefix("__editable__") {
        let text = (try? String(contentsOfFile: "\(sitePackages)/\(name)", encoding: .utf8)) ?? ""
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("/") {
          unrecognised.append("\(name) adds \(line), whose modules don't count. List them under 'code'")
        }
      }
    }
  }

  /// Where a distribution came from, when it isn't the index (PEP 610): an editable folder, or a commit or file whose
  /// version says less than what it is.
  private func origin(of information: String) -> (place: String, isEditable: Bool)? {
    guard let bytes = FileManager.default.contents(atPath: information + "/direct_url.json"),
      let json = try? JSON(parsing: bytes)
    else { return nil }
    let url = json["url"]?.stringValue ?? ""
    let place = url.hasPrefix("file://") ? String(url.dropFirst(7)) : url
    if json["dir_info"]?["editable"]?.boolValue == true { return (place, true) }
    let exact = json["vcs_info"]?["commit_id"]?.stringValue ?? json["archive_info"]?["hash"]?.stringValue
    if let exact { return (exact, false) }
    // From a folder: what was installed, by the digests of its files that pip notes.
    let name = information.split(separator: "/").last.map(String.init) ?? ""
    let record = (try? String(contentsOfFile: information + "/RECORD", encoding: .utf8)) ?? ""
    let files = record.split(whereSeparator: \.isNewline).filter { line in
      !line.hasPrefix(name + "/") && !line.hasPrefix("../") && !line.contains("__pycache__/")
    }
    if json["dir_info"] != nil, !files.isEmpty {
      return (String(Digest.of(files.sorted().joined(separator: "\n").utf8).hex.prefix(12)), false)
    }
    return nil
  }
}

/// What the filesystem says of a folder: other entries give it another time.
private struct FolderStamp: Hashable, Sendable {
  var modified: Int
  var inode: UInt64

  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    modified = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
    inode = UInt64(status.st_ino)
  }
}
