// What reruns and what doesn't, as a user sees it.

import Foundation
import Testing

@Suite struct StalenessTests {
  private static let pipeline = """
    version: 1
    params: { rcond: 1e-6, samples: 40, test: 40 }
    stages:
      digits:
        uses: dataset/mnist
        with: { path: data, test: "${params.test}" }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${digits}", architecture: small_cnn, width: 4, epochs: 1, batch: 32, seed: "${matrix.seed}" }
      stitched:
        matrix: { cut: [conv2, conv3] }
        uses: stitch
        with:
          front: ${model[seed=1]}
          from: ${matrix.cut}
          end: ${model[seed=0]}
          to: ${matrix.cut}
          method: direct
          data: ${digits}
          samples: ${params.samples}
          rcond: ${params.rcond}
      scores:
        matrix: { network: "${stitched}" }
        uses: evaluate
        with: { model: "${matrix.network}", data: "${digits}" }
      table:
        uses: table
        with: { rows: "${scores}" }
    """

  private func project() throws -> Project {
    let project = try Project()
    try project.write("p.yaml", Self.pipeline)
    for (name, count) in [("train", 80), ("t10k", 40)] {
      try project.write("data/\(name)-images-idx3-ubyte", Files.idx(images: count, seed: 3))
      try project.write("data/\(name)-labels-idx1-ubyte", Files.idx(labels: count))
    }
    let first = try project.bobbin("run", "p.yaml")
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.lastLine.hasPrefix("executed 8, cached 0, failed 0, skipped 0 in "))
    return project
  }

  private func executed(_ finished: Finished) throws -> Set<String> {
    Set(try finished.states.filter { $0.value == "executed" }.keys)
  }

  @Test func anotherTestHalfRetrainsAndRefitsNothing() throws {
    let project = try project()
    let run = try project.bobbin("run", "p.yaml", "--set", "test=30", "--json")
    #expect(run.status == 0, "\(run.errors)")
    let stages = Set(try executed(run).map { $0.prefix { $0 != "[" } })
    #expect(stages == ["digits", "scores", "table"], "\(stages)")
  }

  @Test func changingAStitchParameterRerunsStitchesAndWhatFollows() throws {
    let project = try project()
    // F9: with the lines of a training's progress.
    let log = try project.bobbin("log", "p.yaml", "model[seed=0]").output
    #expect(log.contains(/^epoch 1\/1, loss [0-9.]+, accuracy [0-9.]+, images [0-9]+\/s\n$/), "\(log)")
    let status = try project.bobbin("status", "p.yaml", "--set", "rcond=0.5")
    #expect(status.status == 0)
    #expect(status.output.contains("rcond 1e-06 → 0.5"), "\(status.output)")
    let run = try project.bobbin("run", "p.yaml", "--set", "rcond=0.5", "--json")
    let names = try executed(run)
    #expect(names.isSuperset(of: ["stitched[cut=conv2]", "stitched[cut=conv3]", "table"]))
    #expect(!names.contains { $0.hasPrefix("model") || $0.hasPrefix("digits") })
    // And back: nothing is lost.
    #expect(try executed(project.bobbin("run", "p.yaml", "--json")).isEmpty)
  }

  @Test func writingADefaultOutRerunsNothing() throws {
    let project = try project()
    try project.write(
      "p.yaml",
      Self.pipeline.replacing("architecture: small_cnn", with: "learning_rate: 0.1, architecture: small_cnn"))
    #expect(try executed(project.bobbin("run", "p.yaml", "--json")).isEmpty)
  }

  @Test func parametersWithoutEffectOnAClosedFormRerunNothing() throws {
    let project = try project()
    try project.write(
      "p.yaml", Self.pipeline.replacing("method: direct", with: "method: direct\n      epochs: 7"))
    #expect(try executed(project.bobbin("run", "p.yaml", "--json")).isEmpty)
  }

  @Test func touchingDataRerunsNothingAndOneByteRerunsWhatDependsOnIt() throws {
    let project = try project()
    let path = "data/t10k-images-idx3-ubyte"
    var bytes = try Data(contentsOf: project.root.appending(path: path))
    try project.write(path, bytes)
    #expect(try executed(project.bobbin("run", "p.yaml", "--json")).isEmpty)
    bytes[bytes.count - 1] ^= 255
    try project.write(path, bytes)
    let dry = try project.bobbin("run", "p.yaml", "--dry-run")
    #expect(dry.output.contains("digits"), "\(dry.output)")
    #expect(dry.output.contains("path"), "\(dry.output)")
    #expect(try executed(project.bobbin("run", "p.yaml", "--json")).contains("digits"))
  }

  @Test func aDamagedBlobIsMadeAgain() throws {
    let project = try project()
    let blobs = project.root.appending(path: "cache/blobs")
    var damaged = 0
    for name in try FileManager.default.subpathsOfDirectory(atPath: blobs.path) {
      let url = blobs.appending(path: name)
      guard var bytes = try? Data(contentsOf: url), bytes.count > 100 else { continue }
      bytes[bytes.count / 2] ^= 1
      try FileManager.default.removeItem(at: url)
      try bytes.write(to: url)
      damaged += 1
    }
    try #require(damaged > 0)
    try? FileManager.default.removeItem(at: project.root.appending(path: "cache/open"))
    // A21: not unasked.
    let refused = try project.bobbin("get", "p.yaml", "model[seed=0].model", "-o", "model.safetensors")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("would run: "), "\(refused.errors)")
    let got = try project.bobbin(
      "get", "p.yaml", "model[seed=0].model", "-o", "model.safetensors", "--rebuild")
    #expect(got.status == 0, "\(got.errors)")
    #expect(got.errors.contains("warning"), "\(got.errors)")
    // Getting it again may replace the file.
    let again = try project.bobbin(
      "get", "p.yaml", "model[seed=0].model", "-o", "model.safetensors", "--force")
    #expect(again.status == 0, "\(again.errors)")
  }
}
