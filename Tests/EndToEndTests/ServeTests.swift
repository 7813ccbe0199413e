// `cache serve`: other checkouts, curl and ccache as its clients.

import Canonical
import Foundation
import Testing

/// A store that is served until it is let go.
private final class ServedProject {
  let project: Project
  let url: String
  private let child: Child
  private var isEnded = false

  init(_ project: Project, _ options: String..., environment: [String: String] = [:]) throws {
    self.project = project
    let output = project.root.appending(path: "serve.out")
    child = try project.start(
      ["cache", "serve", "--port", "0", "--verbose"] + options, environment: environment,
      output: .file(output.path), errors: .file(project.root.appending(path: "serve.err").path))
    // It says where it is as soon as it listens.
    var line = ""
    for _ in 0..<3000 where !line.contains("\n") {
      line = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
      if !line.contains("\n") { usleep(10_000) }
    }
    url = try #require(
      line.split(separator: " ").first { $0.hasPrefix("http://") }.map { String($0.dropLast()) })
  }

  deinit { _ = end() }

  /// Ends it as Ctrl-C does; its status, all that it printed, and its log.
  func end() -> (status: Int32, output: String, log: String) {
    if isEnded { return (0, "", "") }
    isEnded = true
    kill(child.pid, SIGINT)
    let status = child.waitForEnd()
    func text(_ name: String) -> String {
      (try? String(contentsOf: project.root.appending(path: name), encoding: .utf8)) ?? ""
    }
    return (status, text("serve.out"), text("serve.err"))
  }

  /// The most memory that it had until now, in bytes.
  var peakMemory: Int {
    let text = (try? String(contentsOfFile: "/proc/\(child.pid)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
  }
}

private func pipeline() throws -> Project {
  let project = try Project()
  try project.write(
    "p.yaml",
    """
    version: 1
    stages:
      words: { run: "seq 1 20000 > ${out.file}", outputs: { file: file.txt } }
      count: { run: "wc -l < ${words.file} > ${out.file}", outputs: { file: file.txt } }
    """)
  return project
}

/// Runs a program of the system's; nil where it isn't installed.
private func system(_ words: String..., in project: Project, environment: [String: String] = [:]) throws
  -> Finished?
{
  let places = ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + words[0] }
  guard let program = places.first(where: { access($0, X_OK) == 0 }) else { return nil }
  let out = project.root.appending(path: "\(UUID().uuidString).out")
  defer { try? FileManager.default.removeItem(at: out) }
  let status = try Child(
    program, Array(words.dropFirst()), in: project.root.path, output: .file(out.path), errors: .nowhere,
    environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }
  ).waitForEnd()
  return Finished(
    status: status, output: (try? String(contentsOf: out, encoding: .utf8)) ?? "", errors: "", seconds: 0)
}

private func isInstalled(_ program: String) -> Bool {
  ["/usr/bin/", "/bin/", "/usr/local/bin/"].contains { access($0 + program, X_OK) == 0 }
}

/// A runs and pushes to B's server; C, who trusts A alone, takes it from there, and B's own store has it too.
@Test func oneCheckoutServesAnother() throws {
  let (a, b, c) = (try pipeline(), try pipeline(), try pipeline())
  let mine = [
    "XDG_CONFIG_HOME": a.root.appending(path: "config").path, "BOBBIN_REMOTE_TOKEN": "writer-of-the-team",
  ]
  let theirs = ["BOBBIN_REMOTE_TOKEN": "reader-of-the-team"]
  let key = String(try a.bobbin("key", "new", "anna", environment: mine).output.prefix { $0 != "\n" })
  for project in [b, c] { try project.write("bobbin.yaml", "trust: [\(key) anna]\n") }
  try b.write("tokens", "writer-of-the-team\nread reader-of-the-team\n")
  let served = try ServedProject(b, "--writable", "--token-file", "tokens")

  let run = try a.bobbin("run", "p.yaml", "--remote", served.url, environment: mine)
  #expect(run.lastLine.hasPrefix("executed 2,") && run.status == 0, "\(run.errors)")
  let got = try c.bobbin("run", "p.yaml", "--remote", served.url, environment: theirs)
  #expect(got.lastLine.hasPrefix("executed 0, cached 2,"), "\(got.errors)")
  #expect(
    try c.bobbin("get", "p.yaml", "count.file", "--remote", served.url, environment: theirs).output
      == "20000\n")
  #expect(try b.bobbin("run", "p.yaml").lastLine.hasPrefix("executed 0, cached 2,"))
  // Who may only read can't push, nor can somebody without a signature.
  try c.write("bobbin.yaml", "salt: another\n")
  let refused = try c.bobbin("run", "p.yaml", "--remote", served.url, environment: theirs)
  #expect(refused.lastLine.hasPrefix("executed 2,") && refused.status == 3)
  #expect(try c.bobbin("cache", "push", "p.yaml", "--remote", served.url).status == 3)

  let (status, output, log) = served.end()
  #expect(status == 0)
  #expect(
    output.contains(", writable, with tokens\n") && output.contains(" requests in ")
      && output.contains(" refused; "))
  #expect(
    log.contains("127.0.0.1 PUT /ac/") && log.contains(" 201, ") && log.contains(" 403, ")
      && log.contains(" 401, "))
  for text in [output, log, run.errors, refused.errors] { #expect(!text.contains("of-the-team"), "\(text)") }
}

@Test(arguments: [
  (["--writable", "--address", "0.0.0.0"], 2, "wants tokens: --token-file FILE, or BOBBIN_SERVE_TOKEN"),
  (["--token-file", "nothing-there"], 2, "nothing-there: can't be read"),
  (["--token-file", "tokens"], 2, "tokens: line 2: expected a token of at least 16"),
  (["--address", "example.org"], 3, "example.org is no address in numbers"),
  (["--port", "70000"], 2, "--port takes 0 to 65535, not 70000"),
  (["--room", "much"], 2, "--room takes a size such as 20G"),
  (["--remote", "x"], 2, "a store is served, not a --remote"),
])
func aServerThatCannotBeginSaysWhy(options: [String], status: Int32, message: String) throws {
  let project = try Project()
  try project.write("tokens", "# ours\nsecret secret-secret\n")
  let refused = try project.bobbin(["cache", "serve"] + options)
  #expect(refused.status == status && refused.errors.contains(message), "\(refused.errors)")
  #expect(!refused.errors.contains("secret-secret"))
}

/// A file of 2 GiB is sent as it lies, and one of 64 MiB is taken, within little memory.
@Test(.enabled(if: isInstalled("curl"), "curl isn't installed"))
func largeBlobsPassWithinLittleMemory() throws {
  let project = try Project()
  try project.bobbin("cache", "stats")
  let name = String(repeating: "a", count: 64)
  try project.write("cache/served/cas/\(name)", "")
  #expect(truncate(project.root.appending(path: "cache/served/cas/\(name)").path, 2 << 30) == 0)
  let served = try ServedProject(project, "--writable")
  let before = served.peakMemory
  let got = try system(
    "curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", "\(served.url)/cas/\(name)",
    in: project)
  #expect(got?.output == "200 2147483648")
  let zeros = Data(count: 64 << 20)
  try project.write("zeros", zeros)
  let digest = Digest.of(zeros)
  let put = try system(
    "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-T", "zeros", "\(served.url)/cas/\(digest)",
    in: project)
  #expect(put?.output == "201")
  #expect(served.peakMemory - before < 64 << 20)
  let (status, output, _) = served.end()
  #expect(status == 0 && output.contains("2.0 GiB sent"), "\(output)")
}

@Test(.enabled(if: isInstalled("ccache") && isInstalled("cc"), "ccache or a compiler isn't installed"))
func ccacheIsAClientOfIt() throws {
  let project = try Project()
  try project.bobbin("cache", "stats")
  try project.write("answer.c", "int answer(void) { return 42; }\n")
  let served = try ServedProject(project, "--writable")
  func compile(_ folder: String) throws -> String {
    let environment = [
      "CCACHE_DIR": project.root.appending(path: folder).path,
      "CCACHE_REMOTE_STORAGE": "\(served.url)|layout=bazel", "CCACHE_REMOTE_ONLY": "",
      "CCACHE_NODISABLE": "1",
    ].filter { !$0.value.isEmpty }
    let done = try system(
      "ccache", "cc", "-c", "answer.c", "-o", "answer.o", in: project, environment: environment)
    #expect(done?.status == 0)
    return try system("ccache", "--print-stats", in: project, environment: environment)?.output ?? ""
  }
  func count(_ name: String, _ stats: String) -> Int {
    let line = stats.split(separator: "\n").first { $0.hasPrefix(name + "\t") }
    return line.flatMap { Int($0.split(separator: "\t")[1]) } ?? 0
  }
  // Another machine's empty cache finds what the first one put there.
  #expect(count("cache_miss", try compile("first")) == 1)
  let second = try compile("second")
  #expect(count("cache_miss", second) == 0, "\(second)")
  #expect(count("direct_cache_hit", second) + count("preprocessed_cache_hit", second) == 1)
  let (_, _, log) = served.end()
  #expect(log.contains(" PUT /ac/"), "\(log)")
  let lines = log.split(separator: "\n")
  #expect(
    lines.allSatisfy { line in [" 200, ", " 201, ", " 404, "].contains { line.contains($0) } }, "\(log)")
  // It is counted apart, and freed.
  let stats = try project.bobbin("cache", "stats")
  #expect(stats.output.contains("records      0\n") && stats.output.contains("of other programs' caches"))
  let freed = try project.bobbin("cache", "gc", "--to", "1K", "--grace", "0s")
  #expect(freed.output.contains("other programs' entries"), "\(freed.output)")
  #expect(try !project.bobbin("cache", "stats").output.contains("of other programs' caches"))
}
