import ContentStore
import Foundation
import Testing

import Remotes

/// Whom a remote is asked as, and that nothing of it is shown.
@Suite struct CredentialsTests {
  @Test(arguments: [
    ("https://host/cache", "https://host/cache"),
    ("https://ann@host/cache", "https://ann@host/cache"),
    ("https://ann:secret@host/cache", "https://ann:***@host/cache"),
    ("https://ann:se@cret:x@host:8443/cache", "https://ann:***@host:8443/cache"),
    ("https://:secret@host", "https://:***@host"),
    ("sftp://ann:secret@host/~/a@b:c", "sftp://ann:***@host/~/a@b:c"),
    ("https://host/a:b@c", "https://host/a:b@c"), ("/mnt/a:b@c", "/mnt/a:b@c"),
  ]) func aPasswordIsNotShown(place: String, shown: String) {
    #expect(RemoteAddress.shown(place) == shown)
  }

  @Test(
    arguments: [
      ("https://host/c", nil, [:], .none),
      ("https://host/c", nil, ["BOBBIN_REMOTE_TOKEN": "abc\n"], .bearer("abc")),
      ("https://host/c", "team", ["BOBBIN_REMOTE_TOKEN": "abc"], .bearer("abc")),
      (
        "https://host/c", "team-2", ["BOBBIN_REMOTE_TOKEN": "abc", "BOBBIN_REMOTE_TOKEN_TEAM_2": "def"],
        .bearer("def")
      ),
      ("https://host/c", nil, ["BOBBIN_REMOTE_TOKEN_TEAM": "def", "BOBBIN_REMOTE_TOKEN": ""], .none),
      (
        "https://ann:a%40b@host/c", nil, ["BOBBIN_REMOTE_TOKEN": "abc"],
        .basic(user: "ann", password: "a@b")
      ),
      ("https://ann@host/c", nil, [:], .basic(user: "ann", password: "")),
    ] as [(String, String?, [String: String], Authorisation)])
  func whoAsksIsInTheURLOrTheEnvironment(
    url: String, name: String?, environment: [String: String], expected: Authorisation
  ) throws {
    let address = RemoteAddress(URL(string: url)!, name: name, environment: environment)
    #expect(try Credentials(address).authorisation == expected)
  }

  @Test func aTokenThatNoHeaderCanHoldIsRefusedWithoutBeingShown() {
    let address = RemoteAddress(
      URL(string: "https://ann:x@host/c")!, environment: ["BOBBIN_REMOTE_TOKEN": "sec ret\r\nHost: evil"])
    #expect(throws: Never.self) { try Credentials(address) }
    let bare = RemoteAddress(URL(string: "https://host/c")!, environment: address.environment)
    let problem = #expect(throws: StoreError.self) { try Credentials(bare) }
    #expect(
      "\(problem!)"
        == "remote https://host/c: BOBBIN_REMOTE_TOKEN holds what is no token: spaces, or what isn't ASCII")
  }
}
