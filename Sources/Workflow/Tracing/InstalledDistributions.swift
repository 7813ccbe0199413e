// Owns which Python distributions are installed in a folder, and which of them a module belongs to, as they say themselves
// (PEP 376). No interpreter is run for it.

import Canonical
import Foundation

/// The distributions of a `site-packages`.
package struct InstalledDistributions: Sendable {
  private let folder: String
  /// The folders or files that describe them, by their names without what PEP 503 says doesn't count.
  private let information: [String: String]

  package init(in folder: String) {
    self.folder = folder
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var information: [String: String] = [:]
    // `numpy-1.26.4.dist-info`, `foo-1.0-py3.11.egg-info`
    for name in names.sorted() where name.hasSuffix(".dist-info") || name.hasSuffix(".egg-info") {
      let distribution = String(name.prefix { $0 != "-" }.split(separator: ".egg-info")[0])
      information[InstalledDistributions.normalised(distribution)] = "\(folder)/\(name)"
    }
    self.information = information
  }

  private static func normalised(_ name: String) -> String {
    name.lowercased().replacing("_", with: "-").replacing(".", with: "-")
  }

  /// The name of the distribution that a module is of; the module's own where none says that it has it.
  package func owner(of module: String) -> String {
    let own = InstalledDistributions.normalised(module)
    if let place = information[own] { return name(at: place) }
    for (_, place) in information.sorted(by: { $0.key < $1.key }) {
      func lines(_ file: String) -> [Substring] {
        ((try? String(contentsOfFile: "\(place)/\(file)", encoding: .utf8)) ?? "")
          .split(whereSeparator: \.isNewline)
      }
      if lines("top_level.txt").contains(Substring(module)) { return name(at: place) }
      // `yaml/__init__.py,sha256=…,1234`
      let isListed = lines("RECORD").contains {
        $0.hasPrefix(module) && ["/", "."].contains($0.dropFirst(module.count).first)
      }
      if isListed { return name(at: place) }
    }
    return module
  }

  /// The version of a distribution; of a module that is of none the beginning of its digest; nil where it isn't there.
  package func version(of name: String) -> String? {
    if let place = information[InstalledDistributions.normalised(name)] {
      return header("Version", at: place) ?? "of no version"
    }
    for file in ["\(name)/__init__.py", "\(name).py"] {
      if let bytes = FileManager.default.contents(atPath: "\(folder)/\(file)") {
        return String(Digest.of(bytes).hex.prefix(12))
      }
    }
    return nil
  }

  private func name(at place: String) -> String {
    header("Name", at: place)
      ?? String(place.split(separator: "/").last?.prefix { $0 != "-" } ?? "")
  }

  /// `METADATA` of wheels, `PKG-INFO` of eggs; an egg's information may be that file itself.
  private func header(_ name: String, at place: String) -> String? {
    for file in ["\(place)/METADATA", "\(place)/PKG-INFO", place] {
      guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
      let headers = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        .prefix { !$0.isEmpty }
      return headers.first { $0.hasPrefix(name + ":") }?.dropFirst(name.count + 1)
        .trimmingCharacters(in: .whitespaces)
    }
    return nil
  }
}
