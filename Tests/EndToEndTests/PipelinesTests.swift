// Every file in pipelines/ runs, at a small scale, so that examples can't rot.

import Canonical
import ContentStore
import Foundation
import LoopbackServer
import Testing

@Suite struct PipelinesTests {
  private static let small = [
    "--set", "train=200", "--set", "epochs=1", "--set", "stitch-samples=100", "--set", "stitch-epochs=1",
    "--set", "cuts=[conv2, conv4]", "--json", "--quiet",
  ]

  @Test func quickstartRunsOnceAndIsSharedAsItIs() throws {
    let project = try Project()
    try project.copyPipeline("quickstart.yaml")
    let first = try project.bobbin(
      ["run", "pipelines/quickstart.yaml", "--jobs", "1", "--remote", "remote"] + Self.small)
    #expect(first.status == 0, "\(first.errors)")
    #expect(try first.json["failed"] == 0)

    // Nothing to do the second time.
    let second = try project.bobbin(["run", "pipelines/quickstart.yaml"] + Self.small)
    #expect(try second.json["executed"] == 0)
    #expect(try second.artifacts == first.artifacts)

    // With two workers, every artifact has the same bits.
    let parallel = try project.bobbin(
      ["run", "pipelines/quickstart.yaml", "--jobs", "2", "--store", "other"] + Self.small)
    #expect(try parallel.json["executed"] == first.json["executed"])
    #expect(try parallel.artifacts == first.artifacts)

    // Another checkout computes nothing, and gets the files.
    let teammate = try Project()
    try teammate.copyPipeline("quickstart.yaml")
    let remote = project.root.appending(path: "remote").path
    let shared = try teammate.bobbin(["run", "pipelines/quickstart.yaml", "--remote", remote] + Self.small)
    #expect(shared.status == 0, "\(shared.errors)")
    #expect(try shared.json["executed"] == 0)
    let got = try teammate.bobbin(
      ["get", "pipelines/quickstart.yaml", "table.csv", "-o", "table.csv", "--remote", remote]
        + Self.small.dropLast(2))
    #expect(got.status == 0, "\(got.errors)")
    let table = try String(contentsOf: teammate.root.appending(path: "table.csv"), encoding: .utf8)
    #expect(table.hasPrefix("stage,"))
    #expect(table.split(separator: "\n").count == 1 + 3 * 2 * 3 + 4)
  }

  @Test func mnistRuns() throws {
    let project = try Project()
    try project.copyPipeline("mnist.yaml")
    for (name, count) in [("train", 300), ("t10k", 100)] {
      try project.write("data/mnist/\(name)-images-idx3-ubyte", Files.idx(images: count, seed: 1))
      try project.write("data/mnist/\(name)-labels-idx1-ubyte", Files.idx(labels: count))
    }
    let run = try project.bobbin(
      "run", "pipelines/mnist.yaml", "--set", "epochs=1", "--set", "cuts=[conv3]", "--set", "train=200",
      "--set", "stitch-samples=100",
      "--json")
    #expect(run.status == 0, "\(run.errors)")
  }

  @Test func cifar10Runs() throws {
    let project = try Project()
    try project.copyPipeline("cifar10.yaml")
    let archive = try Files.cifarArchive(train: 200, test: 50)
    let server = try LoopbackServer { request, _ in .file(archive, request) }
    let run = try project.bobbin(
      "run", "pipelines/cifar10.yaml", "--set", "url=\(server.url("cifar-10-binary.tar.gz"))", "--set",
      "sha256=\(Digest.of(archive).hex)", "--set", "epochs=1", "--set", "train=150", "--set", "test=20",
      "--set", "architecture=resnet8", "--set", "cuts=[stage2.0]", "--set", "methods=[direct, fula]",
      "--set", "stitch-samples=128", "--set", "stitch-epochs=1", "--json")
    #expect(run.status == 0, "\(run.errors)")
    // The archive, once.
    #expect(server.requests.map(\.path) == ["cifar-10-binary.tar.gz"])
  }

  /// A Python with numpy and PyTorch: that of BOBBIN_TEST_PYTHON, or python3.
  private static let python = ProcessInfo.processInfo.environment["BOBBIN_TEST_PYTHON"] ?? "python3"

  private static func pythonRuns(_ code: String) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, "-c", code]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  private func copyScripts(to project: Project) throws {
    try project.copyPipeline("pytorch.yaml")
    for folder in ["pipelines/scripts", "python/bobbin"] {
      let url = Project.package.appending(path: folder)
      for name in try FileManager.default.contentsOfDirectory(atPath: url.path) where name.hasSuffix(".py") {
        try project.write("\(folder)/\(name)", try Data(contentsOf: url.appending(path: name)))
      }
    }
  }

  @Test(.enabled(if: PipelinesTests.pythonRuns(""), "there is no python3"))
  func pytorchIsWhole() throws {
    let project = try Project()
    try copyScripts(to: project)
    let run = try project.bobbin(
      "run", "pipelines/pytorch.yaml", "--dry-run", "--set", "python=\(Self.python)")
    #expect(run.status == 0, "\(run.errors)")
    #expect(!run.errors.contains("warning"), "\(run.errors)")
  }

  @Test(
    .enabled(
      if: PipelinesTests.pythonRuns("import numpy, torch"),
      "python3 has no PyTorch; BOBBIN_TEST_PYTHON names another"))
  func pytorchRuns() throws {
    let project = try Project()
    try copyScripts(to: project)
    let small = [
      "--set", "python=\(Self.python)", "--set", "train=150", "--set", "test=32", "--set", "epochs=1",
      "--set",
      "seeds=[0]", "--set", "cuts=[conv4]", "--set", "samples=32", "--set", "stitch_samples=128",
    ]
    let run = try project.bobbin(["run", "pipelines/pytorch.yaml", "--json"] + small)
    #expect(run.status == 0, "\(run.errors)")
    let log = try project.bobbin(["log", "pipelines/pytorch.yaml", "weights[seed=0]"] + small)
    #expect(log.output.contains("epoch 1/1, loss "), "\(log.output)")
    for table in ["table.csv", "similarities.csv"] {
      let got = try project.bobbin(["get", "pipelines/pytorch.yaml", table, "-o", table] + small)
      #expect(got.status == 0, "\(got.errors)")
    }
    let text = try String(contentsOf: project.root.appending(path: "similarities.csv"), encoding: .utf8)
    #expect(text.split(separator: "\n").count == 2 && text.contains("linear_cka"), "\(text)")
    #expect(try project.bobbin(["run", "pipelines/pytorch.yaml", "--json"] + small).json["executed"] == 0)
  }

  /// The imported networks are untrained ones that Bobbin itself wrote: state dicts by torchvision's names.
  @Test func pretrainedRuns() throws {
    let project = try Project()
    try project.copyPipeline("pretrained.yaml")
    try project.write("data/cifar-10-batches-bin/data_batch_1.bin", Files.cifar(120, seed: 1))
    try project.write("data/cifar-10-batches-bin/test_batch.bin", Files.cifar(20, seed: 2))
    try project.write(
      "make.yaml",
      """
      version: 1
      stages:
        images: { uses: dataset/synthetic, with: { train: 130, test: 10 } }
        model:
          matrix: { seed: [0, 1] }
          uses: train
          with: { data: "${images}", architecture: resnet20, epochs: 0, seed: "${matrix.seed}" }
      """)
    #expect(try project.bobbin("run", "make.yaml").status == 0)
    for (seed, name) in [(0, "a"), (1, "b")] {
      try FileManager.default.createDirectory(
        at: project.root.appending(path: "data/models"), withIntermediateDirectories: true)
      let got = try project.bobbin(
        "get", "make.yaml", "model[seed=\(seed)].model", "-o",
        "data/models/resnet20-cifar10-\(name).safetensors")
      #expect(got.status == 0, "\(got.errors)")
    }
    let run = try project.bobbin(
      "run", "pipelines/pretrained.yaml", "--set", "cuts=[stage3.0]", "--set", "samples=100", "--set",
      "epochs=1",
      "--set", "test=20", "--json")
    #expect(run.status == 0, "\(run.errors)")
  }
}
