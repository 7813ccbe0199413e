// Owns the list of the sorts of remotes.

import ContentStore

/// The sorts of remotes that Bobbin knows. Another is one more file, and a line here.
public func remoteKinds() -> [RemoteKind] {
  [.directory, .http("https"), .http("http"), .s3, .sftp]
}
