// Owns the program `bobbin`: its commands with the stage kinds that come with it. A program with more kinds is as
// short as this one.

import BobbinCommands
import Stages

@main
enum Main {
  static func main() {
    Bobbin.main(
      kinds: stageKinds(), receivers: artifactReceivers(), comparers: contentComparers(),
      libraries: libraryVersions, threads: limitThreads(to:))
  }
}
