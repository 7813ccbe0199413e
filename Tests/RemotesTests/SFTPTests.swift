import Canonical
import ContentStore
import Foundation
import RealServices
import Testing

import Remotes

/// What only hosts with SSH have: keys on both sides, connections that cost something. Against a real sshd.
@Suite struct SFTPTests {
  private let service: Service?

  init() {
    service = Service.sshd
    if service == nil { print("skipped: sshd isn't installed") }
  }

  private func remote(_ place: String, _ changes: [String: String] = [:]) throws -> SFTPRemote {
    let environment = [
      "BOBBIN_SSH_KEY": service?["KEY"] ?? "", "BOBBIN_KNOWN_HOSTS": service?["KNOWN_HOSTS"] ?? "",
    ]
    return try SFTPRemote(
      RemoteAddress(URL(string: place)!, environment: environment.merging(changes) { $1 }))
  }

  @Test func connectionsAreFewAndStayOpen() throws {
    guard let service else { return }
    let remote = try remote("\(service["URL"])/\(UUID().uuidString)")
    let before = try logins(service)
    let blobs = (0..<100).map { noise($0, seed: UInt64($0 + 1)) }
    for _ in 0..<2 {
      try remote.putBlobs(
        blobs.map { BlobOffer(Digest.of($0), size: $0.count, from: pieces($0)) }
      ) { try $1.get() }
    }
    try remote.hasBlobs(blobs.map { (Digest.of($0), $0.count) }) {
      let isThere = try $1.get()
      #expect(isThere)
    }
    // 300 requests; other suites' tests may be at it too, with eight of their own each.
    #expect(try logins(service) - before < 100)
    let folder = "\(service["ROOT"])/\(remote.description.split(separator: "/").last!)/v1"
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/temporary") == [])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/cas").count == 100)
  }

  private func logins(_ service: Service) throws -> Int {
    try String(contentsOfFile: service["LOG"], encoding: .utf8).split(separator: "\n")
      .filter { $0.contains("Accepted publickey") }.count
  }

  @Test func aHostThatIsNotKnownIsNotBelieved() throws {
    guard let service else { return }
    let empty = try Scratch()
    for file in [empty["none"].path, service["KEY"] + ".pub"] {
      let remote = try remote(service["URL"], ["BOBBIN_KNOWN_HOSTS": file])
      let problem = #expect(throws: StoreError.self) { try remote.record(Digest.of([1]), limit: 10) }
      #expect("\(problem!)".contains("its key isn't in \(file), or is another there."))
    }
    // One whose key is another.
    let other = empty["known_hosts"]
    let key = try String(contentsOfFile: service["KEY"] + ".pub", encoding: .utf8).split(separator: " ")
    let host = try String(contentsOfFile: service["KNOWN_HOSTS"], encoding: .utf8).split(separator: " ")[0]
    try "\(host) \(key[0]) \(key[1])\n".write(to: other, atomically: true, encoding: .utf8)
    let remote = try remote(service["URL"], ["BOBBIN_KNOWN_HOSTS": other.path])
    let problem = #expect(throws: StoreError.self) { try remote.put([1]) }
    #expect("\(problem!)".contains("its key isn't in \(other.path), or is another there."))
  }

  @Test func whoIsNotLetInIsToldWhatWasTried() throws {
    guard let service else { return }
    let home = try Scratch()
    try FileManager.default.createDirectory(at: home[".ssh"], withIntermediateDirectories: true)
    let settings = ["HOME": home.url.path, "BOBBIN_SSH_KEY": ""]
    func problem() throws -> String {
      let remote = try remote(service["URL"], settings)
      return "\(#expect(throws: StoreError.self) { try remote.record(Digest.of([1]), limit: 10) }!)"
    }
    #expect(try problem().contains("; there is no key in ~/.ssh and no agent. Let BOBBIN_SSH_KEY name"))
    // One that the host doesn't know comes first, and then one that it does.
    let keygen = Process()
    keygen.executableURL = URL(fileURLWithPath: "/usr/bin/ssh-keygen")
    keygen.arguments = ["-q", "-t", "ed25519", "-N", "", "-f", home[".ssh/id_ed25519"].path]
    try keygen.run()
    keygen.waitUntilExit()
    #expect(try problem().contains("in; tried: id_ed25519. Let BOBBIN_SSH_KEY name"))
    try FileManager.default.copyItem(atPath: service["KEY"], toPath: home[".ssh/id_rsa"].path)
    #expect(try remote(service["URL"], settings).record(Digest.of([1]), limit: 10) == nil)
  }

  @Test func aHostThatIsAwayIsAbsent() throws {
    // Nobody listens on port 1.
    let remote = try remote("sftp://ann@127.0.0.1:1/x", ["BOBBIN_SSH_KEY": ""])
    for ask in [
      { _ = try remote.hasRecord(Digest.of([1])) }, { try remote.put([1]) }, { _ = try remote.keys() },
    ] {
      #expect(
        throws: StoreError.remoteAbsent(name: "sftp://ann@127.0.0.1:1/x", reason: "nobody answers there"),
        performing: ask)
    }
  }

  @Test func aFolderInTheHomeIsMeantByATilde() throws {
    guard let service, let user = URL(string: service["URL"])?.user,
      let port = URL(string: service["URL"])?.port
    else { return }
    let name = ".bobbin-test-\(UUID().uuidString)"
    let home = FileManager.default.homeDirectoryForCurrentUser.appending(path: name)
    defer { try? FileManager.default.removeItem(at: home) }
    let remote = try remote("sftp://\(user)@127.0.0.1:\(port)/~/\(name)/deep")
    try remote.put([1, 2, 3])
    #expect(FileManager.default.fileExists(atPath: home.path + "/deep/v1/cas/\(Digest.of([1, 2, 3]))"))
    #expect(try remote.keys() == [])
  }

  @Test func whatMayNotBeWrittenIsSaid() throws {
    guard let service, let url = URL(string: service["URL"]) else { return }
    let remote = try remote("sftp://\(url.user!)@127.0.0.1:\(url.port!)/proc/bobbin")
    let problem = #expect(throws: StoreError.self) { try remote.put([1]) }
    #expect("\(problem!)".hasSuffix("there is no folder /proc/bobbin/v1, and none can be made"))
    #expect(try remote.record(Digest.of([1]), limit: 1) == nil)
  }
}
