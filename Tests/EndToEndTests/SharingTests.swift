// What goes to remotes and comes from there, as somebody types it.

import Foundation
import Testing

@Suite struct SharingTests {
  private let pipeline = """
    version: 1
    stages:
      a:
        matrix: { x: [0, 1, 2] }
        run: "echo ${matrix.x} > ${out.file}"
        outputs: { file: file.txt }
      b:
        run: "(cat ${in.of}; echo b) > ${out.file}"
        inputs: { of: "${a[x=1]}" }
        outputs: { file: file.txt }
    """

  /// A project that has run, a teammate's with nothing computed, and a place for remotes.
  private func two() throws -> (mine: Project, yours: Project, place: Project) {
    let (mine, yours, place) = (try Project(), try Project(), try Project())
    for project in [mine, yours] { try project.write("p.yaml", pipeline) }
    #expect(try mine.bobbin("run", "p.yaml", "--no-remote").status == 0)
    return (mine, yours, place)
  }

  @Test func aNamedInstanceGoesAndComesWithWhatItIsMadeFrom() throws {
    let (mine, yours, place) = try two()
    let remote = place.root.appending(path: "r").path
    let pushed = try mine.bobbin("cache", "push", "p.yaml", "b", "--remote", remote)
    #expect(pushed.status == 0 && pushed.output.hasPrefix("pushed to \(remote): 2 records, "), "\(pushed)")
    #expect(
      try mine.bobbin("cache", "push", "p.yaml", "a[x=0]", "--remote", remote).output.contains(": 1 record, ")
    )
    let pulled = try yours.bobbin("cache", "pull", "p.yaml", "b", "--remote", remote)
    #expect(pulled.status == 0 && pulled.output.contains(": 2 records, "), "\(pulled)")
    // Its bytes are here; of what it is made from the record alone.
    #expect(try yours.bobbin("get", "p.yaml", "b", "--no-remote").output == "1\nb\n")
    #expect(try yours.bobbin("get", "p.yaml", "a[x=1]", "--no-remote").status == 1)
    #expect(try yours.bobbin("cache", "pull", "p.yaml", "c", "--remote", remote).status == 2)
  }

  @Test func settingsNameRemotesAndSayWhichMayBeWritten() throws {
    let (mine, yours, place) = try two()
    let (near, far) = (place.root.appending(path: "near").path, place.root.appending(path: "far").path)
    #expect(try mine.bobbin("cache", "push", "p.yaml", "--remote", far).status == 0)
    try yours.write("bobbin.yaml", "remotes: [{ name: far, url: \(far), access: read-only }]\n")
    try place.write("home/.config/bobbin/settings.yaml", "remotes: [{ name: near, url: \(near) }]\n")
    let home = ["HOME": place.root.appending(path: "home").path, "XDG_CONFIG_HOME": ""]
    try yours.write(
      "p.yaml", pipeline + "\n  c: { run: \"echo c > ${out.file}\", outputs: { file: file.txt } }\n")
    let run = try yours.bobbin(["run", "p.yaml"], environment: home)
    #expect(run.status == 0 && run.lastLine.hasPrefix("executed 1, cached 4,"), "\(run)")
    let records = { try FileManager.default.contentsOfDirectory(atPath: $0 + "/v1/ac").count }
    #expect(try records(near) == 1 && records(far) == 4)
    let refused = try yours.bobbin(["cache", "push", "p.yaml", "--remote", "far"], environment: home)
    #expect(refused.status == 2 && refused.errors.contains("all remotes are read-only"), "\(refused)")
    let pushed = try yours.bobbin(["cache", "push", "p.yaml"], environment: home)
    #expect(pushed.status == 0 && pushed.output.hasPrefix("pushed to near (\(near)): 4 records"), "\(pushed)")
    let wrong = try yours.bobbin(["run", "p.yaml", "--remote", "faar"], environment: home)
    #expect(wrong.status == 2 && wrong.errors.contains("Did you mean 'far'?"), "\(wrong)")
  }
}
