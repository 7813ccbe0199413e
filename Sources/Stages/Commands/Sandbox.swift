// Owns what a command with `sandbox: strict` is shown: its own folder, what it declares, the programs that it starts and
// the system's folders, by way of bubblewrap (bwrap). It knows nothing of keys.

import Foundation
import Processes
import Synchronization
import Workflow

/// A view of the file system, and of no network unless it is asked for.
struct Sandbox {
  private let program: String
  private let options: [String]

  /// - Throws: `Failure` where there is no bubblewrap, or the system doesn't let it work.
  init(hasNetwork: Bool, _ context: StageContext) throws {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let places = path.split(separator: ":").map { "\($0)/bwrap" }
    guard let program = places.first(where: { access($0, X_OK) == 0 }) else {
      throw Failure(
        .other,
        "sandbox: strict needs bubblewrap, and there is no bwrap in PATH. Install it (Debian, Ubuntu: apt-get install "
          + "bubblewrap), or leave out 'sandbox'")
    }
    if let problem = try Sandbox.problem(with: program, in: context.scratch) {
      throw Failure(
        .other,
        "sandbox: strict can't be had here: \(problem). Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
          + "on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0, for a container --privileged), or leave out "
          + "'sandbox'")
    }
    self.program = program
    options = Sandbox.isolation(hasNetwork: hasNetwork) + Sandbox.view(hasNetwork: hasNetwork, context)
  }

  /// The program's file and arguments that run another in the sandbox, in a folder.
  func command(_ file: String, _ arguments: [String], in folder: String) -> (
    path: String, arguments: [String]
  ) {
    (program, ["bwrap"] + options + ["--chdir", folder, "--", file] + arguments.dropFirst())
  }

  private static func isolation(hasNetwork: Bool) -> [String] {
    ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
      + (hasNetwork ? [] : ["--unshare-net"])
  }

  private static func view(hasNetwork: Bool, _ context: StageContext) -> [String] {
    var options: [String] = []
    func status(_ path: String) -> mode_t? {
      var status = stat()
      return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
    var seen: [String] = []
    for folder in ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/nix", "/sys"] {
      switch status(folder) {
      case S_IFLNK:
        let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: folder)) ?? ""
        options += ["--symlink", target, folder]
      case S_IFDIR:
        options += ["--ro-bind", folder, folder]
        seen.append(folder + "/")
      default: break
      }
    }
    options += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    // What /etc/resolv.conf may be a link to.
    if hasNetwork { options += ["--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"] }
    for device in (try? FileManager.default.contentsOfDirectory(atPath: "/dev")) ?? []
    where device.hasPrefix("nvidia") || device == "dri" || device == "kfd" {
      options += ["--dev-bind", "/dev/\(device)", "/dev/\(device)"]
    }
    let shown = context.tree.filter { file in
      if case .code = file.role { false } else { !seen.contains(where: file.source.hasPrefix) }
    }
    // What holds others first.
    for path in Sandbox.withWholeFolders(shown.map(\.source)).sorted(by: { ($0.count, $0) < ($1.count, $1) })
    {
      options += ["--ro-bind", path, path]
    }
    let own = context.scratch.deletingLastPathComponent().path
    return options + ["--bind", own, own]
  }

  /// Thousands of files cost a second or more, one by one: where all of a folder is shown, that is shown instead.
  static func withWholeFolders(_ files: [String], from count: Int = 64) -> Set<String> {
    var shown = Set(files)
    guard shown.count >= count else { return shown }
    func folder(_ path: String) -> String { (path as NSString).deletingLastPathComponent }
    var folders = Set(files.map(folder))
    while let next = folders.max(by: { $0.count < $1.count }) {
      folders.remove(next)
      let inside = ((try? FileManager.default.contentsOfDirectory(atPath: next)) ?? []).map {
        "\(next)/\($0)"
      }
      guard next.count > 1, !inside.isEmpty, inside.allSatisfy(shown.contains) else { continue }
      shown.subtract(inside)
      shown.insert(next)
      folders.insert(folder(next))
    }
    return shown
  }

  /// What to add to the message of a failure: what it wanted and wasn't shown.
  static func hint(hidden: [String], hasNetwork: Bool, _ printed: [String]) -> String {
    let files = hidden.prefix(3).map { path in
      "\n\(path) is there, but this command doesn't declare it, so its sandbox lacks it. Add "
        + UndeclaredWord.line(declaring: path, isInput: true)
    }
    let wantsNetwork =
      !hasNetwork
      && printed.contains { line in
        ["Network is unreachable", "name resolution", "resolve host", "Name or service not known"]
          .contains { line.contains($0) }
      }
    return files.joined() + (wantsNetwork ? "\nIts sandbox has no network. Add network: true" : "")
  }

  // MARK: Whether it works here

  /// What bubblewrap said when it was tried, by its path; each is tried once a process.
  private static let tried = Mutex<[String: String?]>([:])

  private static func problem(with program: String, in folder: URL) throws -> String? {
    if let known = tried.withLock({ $0[program] }) { return known }
    let log = folder.path + "/bwrap.log"
    defer { unlink(log) }
    let output = openLog(log, truncating: true)
    guard output >= 0 else { throw Failure(.store, "\(log) can't be written: \(SystemError(errno))") }
    defer { close(output) }
    let process = try Program(
      path: program,
      arguments: ["bwrap"] + isolation(hasNetwork: false)
        + ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "/bin/true"],
      environment: [:], output: output, deathSignal: SIGKILL
    ).start()
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let problem: String? =
      ProcessEnd(waitStatus: status) == .status(0)
      ? nil : lastLines(of: log).last ?? "bwrap failed without a word"
    tried.withLock { $0[program] = .some(problem) }
    return problem
  }
}
