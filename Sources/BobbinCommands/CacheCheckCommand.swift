// Owns `bobbin cache check`.

import ArgumentParser
import Canonical
import ContentStore
import Reporting

struct CacheCheckCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Looks the whole store over: every blob, record and the index.",
    discussion: """
      Reads every blob and compares it with its digest; --fast compares sizes only. With --repair what is damaged is \
      dropped: it is fetched from --remote at once if that has it, and otherwise made again by the next run that reads \
      it. Runs may be in progress meanwhile.

      Examples:
        bobbin cache check
        bobbin cache check --repair --remote /mnt/team/bobbin

      Exit status: 0 all is well, or well again; 3 something is damaged.
      """)

  @OptionGroup var options: StoreOptions
  @Flag(help: "Compare sizes instead of contents.") var fast = false
  @Flag(help: "Drop what is damaged, and fetch it from the remote.") var repair = false
  @Flag(help: "Print one JSON object.") var json = false
  @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false

  func run(in program: Program) throws {
    let (store, root) = try options.place()
    store.attach(try options.remotes(of: store, root: root, in: program)) { warning in
      StandardError.write(legible(lines: "warning: \(warning)\n"))
    }
    let display = ByteDisplay("checking", quiet: quiet)
    let check = try store.check(fast: fast, repairing: repair) { display.show($0, of: $1) }
    display.end()
    try StandardOutput.write(json ? check.json.canonical + "\n" : legible(lines: check.text))
    if check.isDamaged { throw ExitCode(3) }
  }
}
