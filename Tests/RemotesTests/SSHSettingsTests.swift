import ContentStore
import Foundation
import Testing

import Remotes

/// Which keys may log in, and which hosts are believed.
@Suite struct SSHSettingsTests {
  private let home: Scratch

  init() throws {
    home = try Scratch()
    try FileManager.default.createDirectory(at: home[".ssh"], withIntermediateDirectories: true)
    for key in ["id_rsa", "id_ed25519", "other"] { try Data().write(to: home[".ssh/\(key)"]) }
  }

  private func settings(_ url: String, _ environment: [String: String] = [:]) throws -> SSHSettings {
    try SSHSettings(
      RemoteAddress(URL(string: url)!, environment: environment.merging(["HOME": home.url.path]) { $1 }))
  }

  @Test func theUsualKeysAndHostsAreTaken() throws {
    let settings = try settings("sftp://ann@h/x")
    #expect(settings.user == "ann" && !settings.hasAgent)
    #expect(settings.keys == ["id_ed25519", "id_rsa"].map { home[".ssh/\($0)"].path })
    #expect(settings.knownHosts == home[".ssh/known_hosts"].path)
    #expect(settings.cure.hasPrefix("tried: id_ed25519, id_rsa. Let BOBBIN_SSH_KEY name"))
    #expect(try self.settings("sftp://h/x", ["SSH_AUTH_SOCK": "/s", "USER": "bob"]).hasAgent)
    #expect(try self.settings("sftp://h/x", ["USER": "bob"]).user == "bob")
  }

  @Test func aNamedKeyIsTheOnlyOne() throws {
    let key = home[".ssh/other"].path
    let named = try settings(
      "sftp://h/x", ["BOBBIN_SSH_KEY": key, "BOBBIN_KNOWN_HOSTS": "/k", "SSH_AUTH_SOCK": "/s"])
    #expect(named.keys == [key] && !named.hasAgent && named.knownHosts == "/k")
    let written = try settings("sftp://h/x?key=\(key)&known_hosts=/l", ["BOBBIN_SSH_KEY": "/no"])
    #expect(written.keys == [key] && written.knownHosts == "/l")
  }

  @Test(arguments: [
    (
      "sftp://h/x?key=/no",
      "remote sftp://h/x?key=/no: the SSH key /no can't be read (No such file or directory)"
    ),
    (
      "sftp://h/x?kye=/no",
      "remote sftp://h/x?kye=/no: '?kye' isn't known; there are ?key=FILE and ?known_hosts=FILE"
    ),
  ]) func whatIsWrongIsSaid(url: String, message: String) {
    let problem = #expect(throws: StoreError.self) { try settings(url) }
    #expect("\(problem!)" == message)
  }

  @Test(arguments: ["sftp://h", "sftp://h/", "sftp://h/~/", "sftp://h/%00", "sftp://h/a%0Arm%20b"])
  func aFolderHasToBeNamed(url: String) {
    let problem = #expect(throws: StoreError.self) {
      try SFTPRemote(RemoteAddress(URL(string: url)!, environment: ["HOME": "/"]))
    }
    #expect("\(problem!)".contains("it names no folder; write sftp://user@host/path"))
  }
}
