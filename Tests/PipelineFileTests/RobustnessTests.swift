import Foundation
import PipelineFile
import Testing
import Workflow

/// Loads `bytes` and says how that ended; everything but a graph or a `PipelineFileError` fails the test.
private func outcome(_ bytes: Data, _ project: TemporaryProject) throws -> Bool {
  let path = try project.write(bytes, to: "pipelines/p.yaml")
  do {
    _ = try Pipeline.load(path: path, catalogue: toyCatalogue)
    return true
  } catch let error as PipelineFileError {
    #expect(!error.description.isEmpty)
    return false
  }
}

@Test func everyTruncationLoadsOrIsExplained() throws {
  let project = try TemporaryProject()
  let bytes = Data(example.utf8)
  var loaded = 0
  for length in stride(from: 0, to: bytes.count, by: 3) where try outcome(bytes.prefix(length), project) {
    loaded += 1
  }
  #expect(loaded > 0 && loaded < bytes.count / 3)
}

@Test func randomMutationsLoadOrAreExplained() throws {
  let project = try TemporaryProject()
  let original = Array(example.utf8)
  let alphabet = Array("[]{}$'\"\\|=.,:&*!-<> \n\t#%@`?~0aéX\0".utf8)
  // A linear congruential generator (Knuth's MMIX), so that a failure repeats.
  var state: UInt64 = 2026
  func random(_ n: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(n))
  }
  var loaded = 0
  for _ in 0..<600 {
    var bytes = original
    for _ in 0...random(3) {
      let i = random(bytes.count)
      switch random(4) {
      case 0: bytes[i] = alphabet[random(alphabet.count)]
      case 1: bytes.insert(alphabet[random(alphabet.count)], at: i)
      case 2: bytes.remove(at: i)
      default:
        let j = random(bytes.count)
        let piece = bytes[min(i, j)..<min(max(i, j), min(i, j) + 40)]
        bytes.insert(contentsOf: piece, at: random(bytes.count))
      }
    }
    if try outcome(Data(bytes), project) { loaded += 1 }
  }
  #expect(loaded > 0 && loaded < 600)
}

@Test func aChainOfAliasesDoesNotOverflowTheStack() throws {
  let project = try TemporaryProject()
  var text = "a0: &a0 [1]\n"
  for i in 1..<100_000 { text += "a\(i): &a\(i) [*a\(i - 1)]\n" }
  #expect(try !outcome(Data(text.utf8), project))
}

@Test func aHundredThousandInstancesLoadInSeconds() throws {
  let text = pipeline(
    params: "{ seeds: [\((0..<1000).map(String.init).joined(separator: ", "))] }",
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    model:
      matrix: { seed: "${params.seeds}" }
      uses: train
      with: { data: "${images}", seed: "${matrix.seed}" }
    stitched:
      matrix: { front: "${model}", cut: [\((0..<10).map { "c\($0)" }.joined(separator: ", "))], to: [a, b, c, d, e, f, g, h, i, j] }
      uses: stitch
      with: { front: "${matrix.front}", end: "${model[seed=0]}", data: "${images}", from: "${matrix.cut}", to: "${matrix.to}" }
    scores:
      uses: table
      with: { rows: "${stitched}" }
    """)
  var instances = 0
  let time = try processorTime { instances = try load(text).graph.instances.count }
  print("loading \(instances) instances takes \(time)")
  #expect(instances == 101_002)
  #expect(time < .seconds(20))
}

@Test func manyDifferentParametersAndSelectionsLoadInSeconds() throws {
  let text = pipeline(
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    model:
      matrix: { seed: [\((0..<20_000).map(String.init).joined(separator: ", "))] }
      uses: train
      with: { data: "${images}", seed: "${matrix.seed}" }
    tuned:
      matrix: { base: "${model}" }
      uses: train
      with: { data: "${images}", start: "${model[seed=matrix.base.seed]}" }
    """)
  var instances = 0
  let time = try processorTime { instances = try load(text).graph.instances.count }
  print("loading \(instances) instances with parameters of their own takes \(time)")
  #expect(instances == 40_001)
  #expect(time < .seconds(20))
}

@Test func manyStagesLoadInSeconds() throws {
  let stages = (1...3000).map {
    "s\($0): { uses: train, with: { data: \"${images}\", start: \"${s\($0 - 1)}\" } }"
  }
  let text = pipeline(
    """
    images: { uses: dataset/cifar10, with: { path: data } }
    s0: { uses: train, with: { data: "${images}" } }

    """ + stages.joined(separator: "\n"))
  var instances = 0
  let time = try processorTime { instances = try load(text).graph.instances.count }
  print("loading \(instances) stages takes \(time)")
  #expect(instances == 3002)
  #expect(time < .seconds(20))
}

@Test("H16: a path that isn't UTF-8 is told as that")
func aPathThatIsNotUTF8() {
  // What the command line makes of such bytes.
  #expect {
    try Pipeline.load(path: "/tmp/a\u{FFFD}/p.yaml", catalogue: toyCatalogue)
  } throws: {
    "\($0)".hasPrefix("/tmp/a\u{FFFD}/p.yaml: the path isn't UTF-8, so it can't be written down. Rename")
  }
}

/// What the calling thread computes for `work`, however much else the machine does: what costs more by an order shows.
private func processorTime(_ work: () throws -> Void) rethrows -> Duration {
  func now() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
  let start = now()
  try work()
  return now() - start
}
