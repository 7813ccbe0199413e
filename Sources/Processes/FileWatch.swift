// Owns what a program and all that it starts do to files, as they do it. The kernel holds each of their calls until it is
// noted here (seccomp's notifications), so that nothing is missed and nothing but time is lost. It knows nothing of what
// the files mean.

import CProcess
import Foundation
import Synchronization

/// What was done to the file of one path.
public struct FileUse: Sendable, Hashable {
  /// It was opened to be read, or run, before any of them had written to it.
  public var isRead = false
  public var isWritten = false
  /// It was looked for, and there was nothing.
  public var isAbsent = false
  /// What the system said of it at first; nil where nothing was there.
  public var stamp: Stamp?

  /// What the system says of a file's content: size, times of change in nanoseconds, inode, device.
  public struct Stamp: Sendable, Hashable {
    public var size, modified, changed, inode, device: Int
  }
}

/// A program can't be watched here.
public struct CannotWatch: Error, Sendable, CustomStringConvertible {
  public let reason: SystemError
  public var description: String { "the system doesn't let it be watched: \(reason)" }
}

/// Watches one program: to be made before it starts, and given to it (`Program.watch`).
public final class FileWatch: Sendable {
  /// What the program gets.
  let otherEnd: Int32
  private let state = Mutex(State())

  private struct State {
    var uses: [String: FileUse] = [:]
    var begins: String?
    var isOver = false
  }

  /// How long it goes on after the end when nobody asks for anything, in milliseconds: what is left then is being killed.
  private static let patience: Int32 = 1000

  /// - Parameter program: what is done before this path is run isn't noted; nil: everything is.
  /// - Throws: `SystemError`.
  public init(from program: String? = nil) throws {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else { throw SystemError(errno) }
    otherEnd = ends[1]
    state.withLock { $0.begins = program }
    let end = ends[0]
    let thread = Thread { [self] in
      let listener = bobbin_watch(end)
      close(end)
      guard listener >= 0 else { return }
      listen(listener)
      close(listener)
    }
    thread.name = "watch"
    thread.start()
  }

  /// The program has it, or never will.
  func closeOtherEnd() { close(otherEnd) }

  /// What was done to files, by their absolute paths, once the program has ended.
  public func end() -> [String: FileUse] {
    state.withLock { state in
      state.isOver = true
      return state.uses
    }
  }

  private func listen(_ listener: Int32) {
    let request = UnsafeMutablePointer<bobbin_request>.allocate(capacity: 1)
    defer { request.deallocate() }
    while true {
      switch bobbin_next_request(listener, FileWatch.patience, request) {
      case 1:
        note(request)
        bobbin_grant_request(listener, request.pointee.id)
      case 0 where !state.withLock(\.isOver): continue
      default: return
      }
    }
  }

  private func note(_ request: UnsafePointer<bobbin_request>) {
    let path = withUnsafePointer(to: request.pointee.path) {
      $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
        String(cString: $0)
      }
    }
    if path.isEmpty { return }
    state.withLock { state in
      if let program = state.begins {
        guard request.pointee.call == BOBBIN_EXECUTE, path == program else { return }
        state.begins = nil
      }
      let name = FileWatch.withoutDots(path)
      var use = state.uses[name] ?? FileUse()
      use.note(request.pointee, name)
      if use != FileUse() { state.uses[name] = use }
    }
  }

  /// `/a/./b/../c//d` as `/a/c/d`.
  static func withoutDots(_ path: String) -> String {
    guard path.hasSuffix("/") || path.contains("//") || path.contains("/.") else { return path }
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }
}

extension FileUse {
  fileprivate mutating func note(_ request: bobbin_request, _ path: String) {
    let isThere = request.mode != 0
    // Folders and devices have no content.
    if isThere, UInt32(request.mode) & S_IFMT != S_IFREG { return }
    func remember() {
      stamp =
        stamp
        ?? Stamp(
          size: Int(request.size), modified: Int(request.modified), changed: Int(request.changed),
          inode: Int(request.inode), device: Int(request.device))
    }
    func read() {
      guard !isWritten else { return }
      isRead = true
      remember()
    }
    switch request.call {
    case BOBBIN_PUT: isWritten = true
    case BOBBIN_OPEN:
      let makes = request.flags & O_CREAT != 0 && !isThere
      if !isThere, !makes { isAbsent = true }
      if isThere, request.flags & O_ACCMODE != O_WRONLY, request.flags & O_TRUNC == 0 { read() }
      if makes || request.flags & O_ACCMODE != O_RDONLY || request.flags & O_TRUNC != 0 { isWritten = true }
    case BOBBIN_EXECUTE where isThere: read()
    // What Python has compiled it reads in that form, having looked at the source.
    case _ where isThere: if path.hasSuffix(".py") { remember() }
    default: isAbsent = true
    }
  }
}
