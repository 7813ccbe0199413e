// Owns `bobbin cache serve`.

import ArgumentParser
import Canonical
import ContentStore
import Foundation
import PipelineFile
import Reporting
import Serving

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves this store over HTTP: a remote for others, from any checkout.",
    discussion: """
      In the layout of Bazel's remote caches, so that their clients work with it too: GET, HEAD and PUT of /ac/<sha256> \
      and /cas/<sha256>, also below /v1. Others run with --remote http://HOST:PORT. Results are signed with your key, \
      if you have one (bobbin key).

      Without --writable nothing can be put there. With it, records of bobbin's become results of this store, the first \
      of each key stays, and a project with trust: takes only those that its keys have signed. What other programs put \
      there is kept apart, in served/, within --room; `cache gc` frees it.

      Tokens are asked for where --token-file or the environment variable BOBBIN_SERVE_TOKEN says some, one a line: TOKEN, \
      or `read TOKEN` for reading alone. What is sent can be read on the way: beyond one machine or a trusted network, \
      put a server with TLS before it.

      Runs and `cache gc` may go on beside it. Ctrl-C ends it.

      Examples:
        bobbin cache serve
        bobbin cache serve --address 0.0.0.0 --port 8417 --writable --token-file tokens
        CCACHE_REMOTE_STORAGE='http://127.0.0.1:8417|layout=bazel' make
      """)

  @OptionGroup var options: StoreOptions
  @Option(help: "Where to listen, in numbers; 0.0.0.0 is everywhere.") var address = "127.0.0.1"
  @Option(help: "The port; 0 is any that is free.") var port = 8417
  @Flag(help: "Take what others put there.") var writable = false
  @Option(help: "A file with the tokens that clients may show.", completion: .file()) var tokenFile: String?
  @Option(help: "How much of other programs' entries is kept; those not asked for longest go.") var room =
    "20G"
  @Flag(name: .shortAndLong, help: "Say each request.") var verbose = false

  func validate() throws {
    if !options.remote.isEmpty { throw ValidationError("a store is served, not a --remote") }
    guard (0...65535).contains(port) else { throw ValidationError("--port takes 0 to 65535, not \(port)") }
    guard Quantity.bytes(room) != nil else {
      throw ValidationError("--room takes a size such as 20G or 500M, not '\(room)'")
    }
  }

  func run() throws {
    let place = try options.place()
    let environment = ProcessInfo.processInfo.environment
    try place.store.believe(try Settings.load(root: place.root).trust(environment: environment))
    let tokens = try tokens(environment)
    let isLocal = address.hasPrefix("127.") || address == "::1"
    if writable, place.store.isReadOnly {
      throw CommandFailure("--writable: nothing can be written to \(place.store.directory.path)", status: 2)
    }
    if writable, tokens == nil, !isLocal {
      throw CommandFailure(
        "--writable beyond this machine wants tokens: --token-file FILE, or BOBBIN_SERVE_TOKEN", status: 2)
    }
    let say: (@Sendable (Served) -> Void)? = verbose ? ServeCommand.say : nil
    let server: CacheServer
    do {
      server = try CacheServer(
        place.store, address: address, port: port, isWritable: writable, room: Quantity.bytes(room)!,
        tokens: tokens, observe: say)
    } catch let problem as ServerProblem { throw CommandFailure("\(problem)", status: 3) }
    try Interruption.listen()
    let host = address.contains(":") ? "[\(address)]" : address
    try StandardOutput.write(
      legible(
        lines: "serving \(place.store.directory.path) at http://\(host):\(server.port), "
          + "\(writable ? "writable" : "read-only"), \(tokens == nil ? "for everybody" : "with tokens")\n"))
    Interruption.ends { server.end() }
    let totals = server.run()
    try StandardOutput.write(
      "\(counted(totals.requests, "request")) in \(counted(totals.connections, "connection")), \(totals.refused) refused; "
        + "\(humanBytes(totals.received)) received, \(humanBytes(totals.sent)) sent\n")
  }

  private func tokens(_ environment: [String: String]) throws -> Tokens? {
    func read(_ text: String, _ name: String) throws -> Tokens {
      do { return try Tokens(text) } catch { throw CommandFailure("\(name): \(error)", status: 2) }
    }
    if let tokenFile {
      guard let data = FileManager.default.contents(atPath: tokenFile), data.count <= 1 << 20 else {
        throw CommandFailure("\(tokenFile): can't be read, or larger than a list of tokens", status: 2)
      }
      return try read(String(decoding: data, as: UTF8.self), tokenFile)
    }
    return try environment["BOBBIN_SERVE_TOKEN"].map { try read($0, "BOBBIN_SERVE_TOKEN") }
  }

  @Sendable private static func say(_ served: Served) {
    let seconds = (served.seconds * 1000).rounded() / 1000
    StandardError.write(
      legible(
        lines:
          "\(served.peer) \(served.method) \(served.path) \(served.status), \(served.received) bytes in, "
          + "\(served.sent) out, \(seconds) s\n"))
  }
}
