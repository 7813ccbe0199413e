// Owns what the files mean that a command was seen to use: what it opened besides its own, for its key, and what it looked
// for in vain. Whether something is declared anyhow is the driver's to know.

import Foundation
import Processes
import Workflow

/// What a watched command used.
struct CommandTrace {
  /// What it opened.
  private(set) var opened = OpenedFiles()
  /// Where it looked in its own tree, or in a project that is hidden from it, and found nothing: paths in the project.
  private(set) var missed: [String] = []
  /// Files outside the project that are there, and hidden from it.
  private(set) var hidden: [String] = []

  /// What every program of the system reads.
  static let system = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/proc", "/sys", "/dev", "/run",
    "/var",
    "/nix",
  ]

  /// - Parameter isSandboxed: whether it saw nothing but what was declared.
  init(_ uses: [String: FileUse], tree: PrivateTree?, isSandboxed: Bool, _ context: StageContext) {
    let own = context.scratch.deletingLastPathComponent().path + "/"
    let root = context.projectRoot.path
    let roots = [root, context.projectRoot.resolvingSymlinksInPath().path].map { $0 + "/" }
    let found = (context.environment["PATH"] ?? ProcessInfo.processInfo.environment["PATH"] ?? "")
      .split(separator: ":").map { $0 + "/" }
    // What it writes is its own, not something that it was given.
    for (path, use) in uses where !use.isWritten {
      if path.hasPrefix(own) {
        if use.isAbsent, let folder = tree?.root.path, path.hasPrefix(folder + "/") {
          missed.append(String(path.dropFirst(folder.count + 1)))
        }
        continue
      }
      if use.isRead, let (folder, module) = CommandTrace.module(path) {
        opened.modules[folder, default: []].insert(module)
      }
      let place = roots.first(where: path.hasPrefix).map { String(path.dropFirst($0.count)) }
      if CommandTrace.isInstalled(path) { continue }
      if place == nil, CommandTrace.system.contains(where: { path.hasPrefix($0 + "/") }) { continue }
      if use.isRead {
        let source = CommandTrace.source(of: path)
        if let source, let stamp = uses[source]?.stamp ?? (source == path ? use.stamp : nil) {
          opened.files[source] = OpenedFiles.Stamp(
            size: stamp.size, modified: stamp.modified, changed: stamp.changed, inode: stamp.inode,
            device: stamp.device)
        }
      } else if use.isAbsent, isSandboxed {
        if let place {
          missed.append(place)
        } else if !found.contains(where: path.hasPrefix), CommandTrace.isFile(path) {
          hidden.append(path)
        }
      } else if use.isAbsent, place != nil {
        opened.absent.insert(path)
      }
    }
    missed.sort()
    hidden.sort()
  }

  /// Folders that distributions of Python are installed in.
  private static let installed = ["/site-packages/", "/dist-packages/"]

  private static func isInstalled(_ path: String) -> Bool { installed.contains { path.contains($0) } }

  /// The folder that a file is installed in, and the module that it is of; nil for others, and for what Python reads in
  /// any case.
  private static func module(_ path: String) -> (folder: String, module: String)? {
    guard let range = installed.lazy.compactMap({ path.range(of: $0) }).first else { return nil }
    let inside = path[range.upperBound...].split(separator: "/").filter { $0 != "__pycache__" }
    guard let top = inside.first,
      ![".pth", ".dist-info", ".egg-info", ".egg-link"].contains(where: top.hasSuffix)
    else { return nil }
    // `_cffi_backend.cpython-311-x86_64-linux-gnu.so`
    let module = String(top.prefix { $0 != "." })
    return module.isEmpty ? nil : (String(path[..<range.upperBound].dropLast()), module)
  }

  /// The file that has what was read: of a module that Python has compiled its source; nil where that is gone.
  private static func source(of path: String) -> String? {
    guard path.hasSuffix(".pyc"), let range = path.range(of: "/__pycache__/", options: .backwards) else {
      return path
    }
    let source = path[..<range.lowerBound] + "/" + path[range.upperBound...].prefix { $0 != "." } + ".py"
    return isFile(String(source)) ? String(source) : nil
  }

  private static func isFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }
}
