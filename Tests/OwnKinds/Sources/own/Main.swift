// Owns a program that is Bobbin with one stage kind more.

import BobbinCommands
import Stages
import Workflow

@main
enum Main {
  static func main() {
    Bobbin.main(
      kinds: stageKinds() + fingerprints.describe([Spectrum.self]), receivers: artifactReceivers(),
      comparers: contentComparers(), libraries: libraryVersions, threads: limitThreads(to:))
  }
}
