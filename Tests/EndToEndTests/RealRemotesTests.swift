// What one person has computed, another one gets: two checkouts that agree in nothing but their pipeline file, over every
// sort of remote, against the real services.

import Canonical
import Foundation
import RealServices
import Testing

@Suite struct RealRemotesTests {
  /// A sort of remote, and how two people name one and the same place there.
  struct Sort: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// nil where its service isn't installed. The name is of no other test.
    var place: @Sendable (_ folder: String) -> (url: String, environment: [String: String])?
  }

  static let sorts = [
    Sort(testDescription: "directory") { ($0, [:]) },
    Sort(testDescription: "HTTP") { folder in
      Service.nginx.map {
        let address = $0["TLS_URL"].replacing("https://", with: "https://\($0["USER"]):\($0["PASSWORD"])@")
        return (address + folder, ["BOBBIN_CA_FILE": $0["CA"]])
      }
    },
    Sort(testDescription: "S3") { folder in
      Service.s3.map {
        (
          $0["URL"] + folder,
          [
            "AWS_ACCESS_KEY_ID": $0["KEY_ID"], "AWS_SECRET_ACCESS_KEY": $0["SECRET"],
            "AWS_ENDPOINT_URL": $0["ENDPOINT"], "AWS_REGION": $0["REGION"],
          ]
        )
      }
    },
    Sort(testDescription: "SFTP") { folder in
      Service.sshd.map {
        ($0["URL"] + folder, ["BOBBIN_SSH_KEY": $0["KEY"], "BOBBIN_KNOWN_HOSTS": $0["KNOWN_HOSTS"]])
      }
    },
  ]

  @Test(arguments: sorts) func whatOneHasComputedAnotherOneGets(sort: Sort) throws {
    let shared = try Project()
    // Both write here, where it is a directory that they share.
    chmod(shared.root.path, 0o777)
    guard let (url, environment) = sort.place(shared.root.path + "/shared") else {
      print("skipped: \(sort.testDescription) isn't installed")
      return
    }
    let ann = try Checkout("ann", locale: "C", user: 64_001, environment)
    let bob = try Checkout("bob's checkout, ü", locale: "tr_TR.UTF-8", user: 64_002, environment)
    let first = try ann.bobbin("run", "p.yaml", "--json", "--remote", url)
    #expect(first.status == 0, "\(first.errors)")
    #expect(try first.json["executed"]?.intValue == 8)
    let second = try bob.bobbin("run", "p.yaml", "--json", "--remote", url)
    #expect(second.status == 0, "\(second.errors)")
    #expect(try second.json["executed"]?.intValue == 0 && second.json["cached"]?.intValue == 8)
    #expect(try second.artifacts == first.artifacts)
    // And the bytes themselves.
    for checkout in [ann, bob] {
      let got = try checkout.bobbin("get", "p.yaml", "joined", "-o", "out.txt", "--remote", url)
      #expect(got.status == 0, "\(got.errors)")
      #expect(
        try String(contentsOf: checkout.root.appending(path: "out.txt"), encoding: .utf8)
          == "one\ntwo\n1\none\ntwo\n6\n299998\n299999\n300000\n")
    }
    // What bob computes comes back as well.
    let file = bob.root.appending(path: "p.yaml")
    try String(contentsOf: file, encoding: .utf8).replacing("tail -n 3", with: "tail -n 1")
      .write(to: file, atomically: false, encoding: .utf8)
    #expect(try bob.bobbin("run", "p.yaml", "--json", "--remote", url).json["executed"]?.intValue == 1)
    try Data(contentsOf: file).write(to: ann.root.appending(path: "p.yaml"))
    let third = try ann.bobbin("run", "p.yaml", "--json", "--remote", url)
    #expect(try third.json["executed"]?.intValue == 0, "\(third.errors)")
    // Nobody learns a password from what is printed.
    let said = [first, second, third].map { $0.output + $0.errors }.joined()
    #expect(!said.contains("secret") && !said.contains("testing"))
  }
}

/// A checkout of one person's: folder, home, language and, where root can make that so, user are his own.
private final class Checkout: Sendable {
  private let project: Project
  let root: URL
  private let environment: [String: String]
  /// What makes a program another user's.
  private let asUser: [String]

  /// - Parameter needed: variables, whose files he gets copies of.
  init(_ name: String, locale: String, user: Int, _ needed: [String: String]) throws {
    let project = try Project()
    self.project = project
    root = project.root.appending(path: name)
    try project.write("\(name)/bobbin.yaml", "")
    try project.write("\(name)/words.txt", "one\ntwo\n")
    try project.write(
      "\(name)/p.yaml",
      """
      version: 1
      stages:
        large: { run: "seq 1 300000 > ${out.o}", outputs: { o: large.txt } }
        part:
          matrix: { i: [1, 2, 3, 4, 5, 6] }
          run: cat ${in.words} > ${out.o}; echo ${matrix.i} >> ${out.o}
          inputs: { words: words.txt }
          outputs: { o: part.txt }
        joined:
          run: cat ${in.one} ${in.six} > ${out.o}; tail -n 3 ${in.large} >> ${out.o}
          inputs: { one: "${part[i=1]}", six: "${part[i=6]}", large: "${large}" }
          outputs: { o: joined.txt }
      """)
    try project.write("\(name)/home/.profile", "")
    let home = root.appending(path: "home").path
    var environment = ["HOME": home, "USER": name, "LANG": locale, "LC_ALL": locale]
    for (variable, value) in needed {
      guard value.hasPrefix("/") else {
        environment[variable] = value
        continue
      }
      try project.write("\(name)/home/\(variable)", try Data(contentsOf: URL(fileURLWithPath: value)))
      environment[variable] = "\(home)/\(variable)"
    }
    self.environment = environment
    let asUser = ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"]
    guard getuid() == 0, try Checkout.succeeds(["chown", "-R", "\(user):\(user)", root.path]),
      try Checkout.succeeds(
        asUser + ["sh", "-c", "test -x \"$0\" && test -w \"$1\"", Project.program.path, root.path])
    else {
      self.asUser = []
      return
    }
    self.asUser = asUser
  }

  private static func succeeds(_ words: [String]) throws -> Bool {
    try Child(
      "/usr/bin/env", words, in: "/", output: .nowhere, errors: .nowhere,
      environment: ProcessInfo.processInfo.environment
    ).waitForEnd() == 0
  }

  func bobbin(_ arguments: String...) throws -> Finished {
    let files = ["out", "err"].map { project.root.appending(path: ".\(UUID().uuidString).\($0)") }
    let start = Date()
    let status = try Child(
      "/usr/bin/env", asUser + [Project.program.path] + arguments, in: root.path,
      output: .file(files[0].path),
      errors: .file(files[1].path),
      environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }
    ).waitForEnd()
    let texts = try files.map { try String(contentsOf: $0, encoding: .utf8) }
    return Finished(
      status: status, output: texts[0], errors: texts[1], seconds: Date().timeIntervalSince(start))
  }
}
