// A remote that isn't there: its filesystem isn't mounted, or its host is away.

import Foundation
import Testing

/// A11.
@Test func aRemoteThatIsNotThereStopsNothing() throws {
  let project = try Project()
  try project.write(
    "p.yaml",
    """
    version: 1
    stages:
      text: { run: "echo hello > ${out.file}", outputs: { file: file.txt } }
    """)
  let absent = ["--remote", "/nowhere/at/all"]
  let run = try project.bobbin(["run", "p.yaml"] + absent)
  #expect(run.lastLine.hasPrefix("executed 1, cached 0,"))
  #expect(run.status == 3)
  #expect(run.errors.contains("Going on without it"))
  for command in [["status", "p.yaml"], ["get", "p.yaml", "text.file"], ["log", "p.yaml", "text"]] {
    #expect(try project.bobbin(command + absent).status == 0, "\(command)")
  }
  let push = try project.bobbin(["cache", "push", "p.yaml"] + absent)
  #expect(push.status == 3)
  #expect(push.errors.contains("no such directory, nor the one above"))
}
