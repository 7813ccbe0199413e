// Owns `bobbin cache stats`.

import ArgumentParser
import Canonical
import ContentStore
import Reporting

struct CacheStatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Counts what the store holds, whose it is, and what could be freed.",
    discussion: """
      For each project, pipeline file and stage: the results that its last run came to, and what they take. A blob that \
      several of them share is counted for each; `shared` says how much of it that is. States are what work goes on from \
      after an interruption, and what longer work of the same begins with. What is in open/ may be deleted at any time: \
      copies of blobs, decompressed so that they can be mapped.

      Example: bobbin cache stats --store /data/cache --json
      """)

  @OptionGroup var options: StoreOptions
  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    let store = try options.place().store
    let text = StoreText(try store.stats(), try store.use())
    try StandardOutput.write(json ? text.json.canonical + "\n" : legible(lines: text.text))
  }
}
