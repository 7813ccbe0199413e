import ContentStore
import Foundation
import PipelineFile
import Testing
import Workflow

private let smallest = "version: 1\nstages:\n  s: { uses: dataset/cifar10, with: { path: d } }\n"

/// The settings that go with a pipeline file whose project has this `bobbin.yaml`.
private func settings(_ text: String) throws -> Settings {
  let project = try TemporaryProject()
  _ = try project.write(Data(text.utf8), to: "bobbin.yaml")
  return try project.load(smallest).settings
}

@Test func anEmptyProjectFileSaysNothing() throws {
  for text in ["", "# only a comment\n", "salt:\nplatform:\n", "platform: []\n"] {
    #expect(try settings(text) == Settings(), "\(text)")
  }
}

@Test func saltAndPlatformAreRead() throws {
  #expect(
    try settings("salt: after the move\nplatform: [instruction_set, libraries]\n")
      == Settings(salt: "after the move", platform: [.instructionSet, .libraries]))
  #expect(try settings("gpus: [0, GPU-5ba3]\n").gpus == ["0", "GPU-5ba3"])
  #expect(try settings("gpus: []\n").gpus == [])
  // A salt is a text, whatever it looks like.
  #expect(try settings("salt: 2\n").salt == "2")
}

@Test func whatRunsOnAClusterAskOfItIsRead() throws {
  let text = """
    slurm:
      partition: long
      account: lab
      sbatch: [--qos=night, --exclusive]
      binary: /shared/bin/bobbin
      resources: { train: { cpus: 8, memory: 16G, time: 8h, gpus: 1 }, command: { cpus: 2 } }
    """
  let found = try settings(text)
  #expect(
    found.slurm
      == SlurmSettings(
        partition: "long", account: "lab", words: ["--qos=night", "--exclusive"],
        needs: [
          "train": Resources(cpus: 8, memory: 16 << 30, gpus: 1, time: 8 * 3600),
          "command": Resources(cpus: 2),
        ], binary: "/shared/bin/bobbin"))
}

@Test func theBoundOfTheStoreIsASize() throws {
  #expect(try settings("cache: { bound: 50G }\n").cacheBound == 50 << 30)
  #expect(try settings("cache: {}\n") == Settings())
  #expect(try settings("cache: { index: /var/tmp/bobbin }\n").indexFolder == "/var/tmp/bobbin")
}

@Test func trustedKeysAreRead() throws {
  let key = PublicKey(bytes: Array(repeating: 7, count: 32))!
  #expect(try settings("trust: [\(key) anna]\n").trust == [TrustedKey(key, name: "anna")])
  #expect(try settings("trust:\n  - \(key)\n").trust == [TrustedKey(key, name: nil)])
  #expect(try settings("salt: x\n").trust == nil)
  // Whoever takes every line of the list away trusts nobody rather than everybody.
  for text in ["trust: []\n", "trust:\n", "trust:\n  # - \(key)\n"] {
    #expect(try settings(text).trust == [], "\(text)")
  }
}

@Test(arguments: [
  ("trust: anna\n", "bobbin.yaml:1:8: trust: expected a list, found 'anna'"),
  (
    "trust: [anna]\n",
    "bobbin.yaml:1:9: trust: expected ed25519:, 44 letters and digits and perhaps a name, found 'anna'"
  ),
  (
    "trust: [{}]\n",
    "bobbin.yaml:1:9: trust: expected a public key such as `bobbin key new` prints, found a map"
  ),
  ("cache: 50G\n", "bobbin.yaml:1:8: cache: expected a map with bound and index, found '50G'"),
  ("cache: { bond: 50G }\n", "bobbin.yaml:1:10: unknown key 'bond'. Did you mean 'bound'?"),
  ("cache: { bound: much }\n", "bobbin.yaml:1:17: cache: bound: expected a size such as 50G, found 'much'"),
  (
    "cache: { index: tmp }\n",
    "bobbin.yaml:1:17: cache: index: expected the absolute path of a folder on a local disk, found 'tmp'"
  ),
  ("slat: x\n", "bobbin.yaml:1:1: unknown key 'slat'. Did you mean 'salt'?"),
  (
    "- salt\n",
    "bobbin.yaml:1:1: expected a map with salt, platform, cache, gpus, remotes, slurm and trust, found a list"
  ),
  ("salt: [1]\n", "bobbin.yaml:1:7: salt: expected a text, found a list"),
  ("gpus: 0\n", "bobbin.yaml:1:7: gpus: expected a list, found '0'"),
  ("gpus: [0, [1]]\n", "bobbin.yaml:1:11: gpus: expected the id of a GPU such as 0, found a list"),
  ("gpus: [0, 0]\n", "bobbin.yaml:1:1: gpus: an id is written twice"),
  (
    "slurm: main\n",
    "bobbin.yaml:1:8: slurm: expected a map with partition, account, sbatch, binary and resources, found 'main'"
  ),
  ("slurm: { partitoin: main }\n", "bobbin.yaml:1:10: unknown key 'partitoin'. Did you mean 'partition'?"),
  ("slurm: { account: [a] }\n", "bobbin.yaml:1:19: slurm: account: expected the name of one, found a list"),
  ("slurm: { sbatch: --qos=x }\n", "bobbin.yaml:1:18: sbatch: expected a list, found '--qos=x'"),
  (
    "slurm: { sbatch: [qos=x] }\n",
    "bobbin.yaml:1:19: slurm: sbatch: expected an option such as --qos=long, one a word, found 'qos=x'"
  ),
  (
    "slurm: { binary: bin/bobbin }\n",
    "bobbin.yaml:1:18: slurm: binary: expected an absolute path, found 'bin/bobbin'"
  ),
  (
    "slurm: { resources: { trian: { cpus: 2 } } }\n",
    "bobbin.yaml:1:23: slurm: resources: there is no stage kind 'trian'. Did you mean 'train'?"
  ),
  (
    "slurm: { resources: { train: { memory: much } } }\n",
    "bobbin.yaml:1:40: resources: memory: expected a size such as 500M or 2G, found 'much'"
  ),
  ("platform: libraries\n", "bobbin.yaml:1:11: platform: expected a list, found 'libraries'"),
  (
    "platform: [cpu]\n",
    "bobbin.yaml:1:12: platform: there is no fact 'cpu'. Known: instruction_set, libraries"
  ),
  (
    "platform: [library]\n",
    "bobbin.yaml:1:12: platform: there is no fact 'library'. Did you mean 'libraries'?"
  ),
  ("platform: [libraries, libraries]\n", "bobbin.yaml:1:23: platform: 'libraries' is written twice"),
])
func wrongSettingsAreExplained(text: String, message: String) throws {
  let error = #expect(throws: PipelineFileError.self) { try settings(text) }
  #expect(error?.description == message)
}
