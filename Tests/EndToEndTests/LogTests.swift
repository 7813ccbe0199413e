// What instances printed, where they ran and where their results came.

import Foundation
import Testing

@Test func aLogTravelsWithItsResult() throws {
  let text = """
    version: 1
    stages:
      loud: { run: "echo said; echo x > ${out.file}", outputs: { file: file.txt } }
      quiet: { run: "echo x > ${out.file}", outputs: { file: file.txt } }
    """
  let project = try Project()
  try project.write("p.yaml", text)
  let remote = project.root.appending(path: "remote").path
  #expect(try project.bobbin("run", "p.yaml", "--remote", remote).status == 0)
  let here = try project.bobbin("log", "p.yaml", "loud")

  let teammate = try Project()
  try teammate.write("p.yaml", text)
  let run = try teammate.bobbin("run", "p.yaml", "--remote", remote)
  #expect(run.lastLine.hasPrefix("executed 0, cached 2,"))
  let there = try teammate.bobbin("log", "p.yaml", "loud", "--remote", remote)
  #expect(there.status == 0, "\(there.errors)")
  #expect(there.output.contains("said\n"))
  #expect(there.output.contains("echo said") == here.output.contains("echo said"))
  #expect(try teammate.bobbin("log", "p.yaml", "quiet", "--remote", remote).status == 0)
}
