// Owns turning a stage's output files and folders into blobs and manifests.

import Canonical
import Foundation

extension BlobWriter {
  /// Stores a file as a blob, or a folder as nested manifests.
  /// - Parameter links: entries to add that are artifacts already, by relative path (`data/images`): only their
  ///   digests are stored.
  /// - Throws: `.source` for a symbolic link that leads out of the folder or to a folder, for anything that is neither
  ///   file nor folder, and for a link where there is a file.
  public func ingest(_ url: URL, links: [String: Artifact] = [:]) throws -> (Artifact, [WrittenBlob]) {
    var blobs: [WrittenBlob] = []
    var status = stat()
    guard stat(url.path, &status) == 0 else {
      throw StoreError.source(path: url.path, reason: "no such file")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      guard links.isEmpty else {
        throw StoreError.source(path: url.path, reason: "a file, where a folder with links was expected")
      }
      let blob = try write(file: url)
      return (blob.artifact, [blob])
    }
    guard let root = url.path.withCString({ realpath($0, nil) }) else {
      throw StoreError.failed(to: "resolve", url.path)
    }
    defer { free(root) }
    let artifact = try ingest(
      folder: url.path, root: String(cString: root), links: Tree(links, at: url.path), depth: 0, into: &blobs)
    return (artifact, blobs)
  }

  private func ingest(folder: String, root: String, links: Tree, depth: Int, into blobs: inout [WrittenBlob])
    throws
    -> Artifact
  {
    guard depth < Manifest.deepest else {
      throw StoreError.source(path: folder, reason: "folders nest deeper than \(Manifest.deepest)")
    }
    var entries: [String: Artifact] = [:]
    var links = links
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
      throw StoreError.source(path: folder, reason: "can't be listed (\(error.localizedDescription))")
    }
    for name in names.sorted() {
      let path = "\(folder)/\(name)"
      // Swift compares strings by Unicode equivalence: two spellings of é are one name.
      guard entries[name] == nil else {
        throw StoreError.source(path: path, reason: "two files have this name, spelt differently in Unicode")
      }
      var status = stat()
      guard lstat(path, &status) == 0 else {
        // The name was read with a sign for what can't be read.
        guard errno != ENOENT || !name.contains("\u{FFFD}") else {
          throw StoreError.source(path: path, reason: "its name isn't UTF-8; give it another")
        }
        throw StoreError.failed(to: "examine", path)
      }
      if status.st_mode & S_IFMT == S_IFLNK { try check(link: path, root: root, &status) }
      switch status.st_mode & S_IFMT {
      case S_IFREG:
        guard links.children.removeValue(forKey: name) == nil else {
          throw StoreError.source(path: path, reason: "is a file, but is to be a link to an artifact too")
        }
        let blob = try write(file: URL(fileURLWithPath: path))
        blobs.append(blob)
        entries[name] = blob.artifact
      case S_IFDIR:
        let below = links.children.removeValue(forKey: name) ?? Tree()
        guard below.artifact == nil else {
          throw StoreError.source(path: path, reason: "is a folder, but is to be a link to an artifact too")
        }
        entries[name] = try ingest(folder: path, root: root, links: below, depth: depth + 1, into: &blobs)
      default: throw StoreError.source(path: path, reason: "neither a file nor a folder; it can't be stored")
      }
    }
    for (name, tree) in links.children { entries[name] = try add(tree, at: folder, into: &blobs) }
    return try write(Manifest(entries), at: folder, into: &blobs)
  }

  private func add(_ tree: Tree, at folder: String, into blobs: inout [WrittenBlob]) throws -> Artifact {
    if let artifact = tree.artifact { return artifact }
    let entries = try tree.children.mapValues { try add($0, at: folder, into: &blobs) }
    return try write(Manifest(entries), at: folder, into: &blobs)
  }

  private func write(_ manifest: Manifest, at path: String, into blobs: inout [WrittenBlob]) throws
    -> Artifact
  {
    let text = manifest.text
    guard text.utf8.count <= Manifest.longest else {
      throw StoreError.source(
        path: path, reason: "\(manifest.entries.count) files in one folder are too many; use folders below it"
      )
    }
    blobs.append(try write(bytes: text.utf8))
    return Artifact(.manifest, .of(text.utf8), size: manifest.size)
  }

  /// A symbolic link is taken for the file it leads to, if that is in the same folder.
  private func check(link path: String, root: String, _ status: inout stat) throws {
    guard let target = realpath(path, nil) else {
      throw StoreError.source(path: path, reason: "a symbolic link that leads nowhere")
    }
    defer { free(target) }
    guard (String(cString: target) + "/").hasPrefix(root + "/") else {
      throw StoreError.source(
        path: path, reason: "a symbolic link out of the output folder; copy the file instead")
    }
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw StoreError.source(
        path: path, reason: "a symbolic link to a folder; only links to files are stored")
    }
  }
}

/// Links by relative path, as a tree.
private struct Tree {
  var artifact: Artifact?
  var children: [String: Tree] = [:]

  init() {}

  init(_ links: [String: Artifact], at folder: String) throws {
    for (path, artifact) in links {
      let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard parts.allSatisfy(Manifest.isSafe), insert(artifact, parts[...]) else {
        throw StoreError.source(path: folder, reason: "a link can't be called \(path.debugDescription)")
      }
    }
  }

  private mutating func insert(_ artifact: Artifact, _ path: ArraySlice<String>) -> Bool {
    guard let name = path.first else {
      guard self.artifact == nil, children.isEmpty else { return false }
      self.artifact = artifact
      return true
    }
    guard self.artifact == nil else { return false }
    return children[name, default: Tree()].insert(artifact, path.dropFirst())
  }
}
