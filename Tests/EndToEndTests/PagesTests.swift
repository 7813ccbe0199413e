// README and docs/ are true: every example runs as it is pasted, and prints what the page says.

import Foundation
import Testing

@Suite struct PagesTests {
  /// README.md and every page under docs/.
  static let pages: [String] = {
    let docs = Project.package.appending(path: "docs").path
    let found = FileManager.default.enumerator(atPath: docs)?.compactMap { $0 as? String } ?? []
    return ["README.md"] + found.filter { $0.hasSuffix(".md") }.map { "docs/" + $0 }.sorted()
  }()

  @Test(arguments: pages) func everyExampleRunsAsPasted(_ name: String) throws {
    let text = try String(contentsOf: Project.package.appending(path: name), encoding: .utf8)
    let page = try Page(text)
    guard !page.steps.isEmpty else { return }
    let project = try Project()
    if !page.needs.isEmpty, let missing = try project.installPython(with: page.needs) {
      print("\(name): not followed, since this Python has no \(missing)")
      return
    }
    for (line, step) in page.steps {
      switch step {
      case .file(let path, let text):
        try project.write(path, text)
        if path.hasSuffix(".yaml"), text.contains("\nstages:") {
          let check = try project.bobbin("check", path)
          #expect(check.status == 0, "\(name):\(line): \(check.output)\(check.errors)")
        }
      case .shell(let lines, let status, let prints):
        let done = try project.shell(lines)
        #expect(done.status == status, "\(name):\(line): \(done.output)")
        let missing = Page.missing(prints, in: done.output)
        #expect(missing == nil, "\(name):\(line): '\(missing ?? "")' is not in\n\(done.output)")
        // What follows builds on it.
        guard done.status == status else { return }
      }
    }
  }

  @Test func pagesAreReadAsTheirReadersDo() throws {
    let page = try Page(
      """
      <!-- needs: numpy -->
      ```yaml
      # a.yaml
      version: 1
      ```
      <!-- status: 2 -->
      ```sh
      bobbin check a.yaml
      ```
      ```text
      a.yaml:1:1: … no stages
      ```
      """)
    #expect(page.needs == ["numpy"])
    #expect(page.steps.map(\.line) == [2, 7])
    guard case .shell(_, let status, let prints) = page.steps[1].step else { return #expect(Bool(false)) }
    #expect(status == 2)
    #expect(Page.missing(prints, in: "x\na.yaml:1:1: the file has no stages\n") == nil)
    #expect(Page.missing(prints, in: "a.yaml:1:1: something else") == prints[0])
    #expect(Page.missing(["b", "a"], in: "a\nb\n") == "a")
  }
}

extension Project {
  /// Makes `.venv` with the package's Python module in it, as pip would; returns the first module that isn't there.
  func installPython(with modules: [String]) throws -> String? {
    let made = try shell(
      """
      python3 -m venv --without-pip --system-site-packages .venv
      site=$(.venv/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
      echo '\(Project.package.path)/python' > "$site/bobbin.pth"
      """)
    guard made.status == 0 else { return "venv" }
    return try modules.first { try shell("python3 -c 'import \($0)'").status != 0 }
  }

  /// Types lines into a shell that finds `bobbin`; what they print on both streams is the output.
  func shell(_ lines: String) throws -> Finished {
    let file = root.appending(path: ".\(UUID().uuidString).out")
    defer { try? FileManager.default.removeItem(at: file) }
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] =
      root.path + "/.venv/bin:" + Project.program.deletingLastPathComponent().path + ":"
      + (environment["PATH"] ?? "/usr/bin:/bin")
    let start = Date()
    let status = try Child(
      "/bin/sh", ["-ec", "exec 2>&1\n" + lines], in: root.path, output: .file(file.path),
      errors: .nowhere, environment: environment
    ).waitForEnd()
    return Finished(
      status: status, output: (try? String(contentsOf: file, encoding: .utf8)) ?? "", errors: "",
      seconds: Date().timeIntervalSince(start))
  }
}
