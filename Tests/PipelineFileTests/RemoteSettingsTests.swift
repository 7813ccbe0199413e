import Foundation
import PipelineFile
import Testing
import Workflow

private let smallest = "version: 1\nstages:\n  s: { uses: dataset/cifar10, with: { path: d } }\n"

/// Which remotes are used, and in which order.
@Suite struct RemoteSettingsTests {
  private let project = URL(fileURLWithPath: "/project")
  private let here = URL(fileURLWithPath: "/here")
  private let lab = RemoteSetting(name: "lab", url: "s3://lab/bobbin")
  private let mirror = RemoteSetting(name: "mirror", url: "https://mirror/cache", access: .readOnly)

  private func chosen(
    asked: [String] = [], _ pipeline: [RemoteSetting], _ settings: [RemoteSetting],
    _ own: [RemoteSetting] = []
  ) throws -> [String] {
    try ChosenRemote.all(
      asked: asked, here: here,
      lists: [(pipeline, project), (settings, project), (own, URL(fileURLWithPath: "/"))]
    ).map { "\($0.setting.name ?? "-") \($0.setting.url) \($0.setting.access.rawValue) \($0.base.path)" }
  }

  @Test func thePipelineFileComesFirstThenTheProjectThenTheUser() throws {
    let near = RemoteSetting(url: "../shared")
    let own = RemoteSetting(name: "own", url: "/home/me/cache")
    #expect(
      try chosen([near], [lab, mirror], [own, RemoteSetting(name: "lab", url: "s3://other/x")]) == [
        "- ../shared read-write /project", "lab s3://lab/bobbin read-write /project",
        "mirror https://mirror/cache read-only /project", "own /home/me/cache read-write /",
      ])
    // One place counts once, and a name stands for what has it.
    #expect(
      try chosen([RemoteSetting(url: "mirror")], [lab, mirror], [RemoteSetting(url: "s3://lab/bobbin")])
        == ["mirror https://mirror/cache read-only /project", "lab s3://lab/bobbin read-write /project"])
  }

  @Test func theCommandLineCountsAloneAndKnowsNames() throws {
    #expect(
      try chosen(asked: ["mirror", "team", "https://x/y"], [RemoteSetting(url: "../shared")], [lab, mirror])
        == [
          "mirror https://mirror/cache read-only /project", "- team read-write /here",
          "- https://x/y read-write /here",
        ])
    let issue = #expect(throws: DecodingIssue.self) { try chosen(asked: ["lba"], [], [lab, mirror]) }
    #expect(issue?.message == "--remote: there is no remote 'lba'. Did you mean 'lab'? A folder is ./lba")
  }

  @Test func remotesAreReadWhereverTheyStand() throws {
    let list = "[{ name: lab, url: s3://lab/bobbin }, { url: ../x, access: read-only }, mirror]"
    let expected = [
      lab, RemoteSetting(url: "../x", access: .readOnly), RemoteSetting(url: "mirror"),
    ]
    let project = try TemporaryProject()
    _ = try project.write(Data("remotes: \(list)\n".utf8), to: "bobbin.yaml")
    let pipeline = try project.load("remote: \(list)\n" + smallest)
    #expect(pipeline.remotes == expected && pipeline.settings.remotes == expected)
    #expect(
      try project.load("remote: { url: /x, access: read-write }\n" + smallest).remotes
        == [RemoteSetting(url: "/x")])
    let home = FileManager.default.temporaryDirectory.appending(path: "bobbin-home-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: home) }
    try FileManager.default.createDirectory(
      at: home.appending(path: ".config/bobbin"), withIntermediateDirectories: true)
    let file = home.appending(path: ".config/bobbin/settings.yaml")
    try "remotes: [~/cache, { name: lab, url: s3://lab/bobbin }]\n".write(
      to: file, atomically: true, encoding: .utf8)
    #expect(
      try UserSettings.load(environment: ["HOME": home.path]).remotes == [
        RemoteSetting(url: home.path + "/cache"), lab,
      ])
    #expect(try UserSettings.load(environment: ["HOME": "/nowhere"]) == UserSettings())
    try "remotes: [cache]\n".write(to: file, atomically: true, encoding: .utf8)
    let error = #expect(throws: PipelineFileError.self) {
      try UserSettings.load(environment: ["HOME": "/nowhere", "XDG_CONFIG_HOME": home.path + "/.config"])
    }
    #expect(
      "\(error!)".contains("settings.yaml:1:11: remotes: 'cache' counts from nowhere here; write a URL"))
  }

  @Test(arguments: [
    ("remotes: [{ name: lab }]\n", "bobbin.yaml:1:11: remotes: 'url' is missing: a folder or URL"),
    ("remotes: [{ url: [] }]\n", "bobbin.yaml:1:18: remotes: url: expected a folder or URL, found a list"),
    (
      "remotes: [{ url: /x, access: write }]\n",
      "bobbin.yaml:1:30: remotes: access: expected read-write or read-only, found 'write'"
    ),
    (
      "remotes: [{ url: /x, acces: read-only }]\n",
      "bobbin.yaml:1:22: unknown key 'acces'. Did you mean 'access'?"
    ),
    (
      "remotes: [{ url: /x, name: a b }]\n",
      "bobbin.yaml:1:28: remotes: name: expected a letter and then letters, digits, - and _, found 'a b'"
    ),
    (
      "remotes: [{ url: /x, name: a }, { url: /y, name: a }]\n",
      "bobbin.yaml:1:33: remotes: 'a' is written twice"
    ),
    (
      "remotes: [[a]]\n",
      "bobbin.yaml:1:11: remotes: expected a folder, a URL or { name, url, access }, found a list"
    ),
  ])
  func aWrongEntryIsToldWithItsPlace(text: String, message: String) throws {
    let project = try TemporaryProject()
    _ = try project.write(Data(text.utf8), to: "bobbin.yaml")
    let error = #expect(throws: PipelineFileError.self) { try project.load(smallest) }
    #expect("\(error!)".contains(message), "\(error!)")
  }
}
