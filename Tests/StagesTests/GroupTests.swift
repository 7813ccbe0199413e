// Instances that one job computes together have the bytes that each has alone, in any company and any order, and a
// failure is its own.

import Canonical
import ContentStore
import Formats
import Foundation
import Stages
import Testing
import Workflow

@Suite struct GroupTests {
  /// Runs instances alone, together and in reverse: the same artifacts or the same failures. Returns those.
  private func outcomes(
    _ kind: String, _ instances: [Bench.Instance], on bench: Bench
  ) throws -> [Result<[String: Artifact], any Error>] {
    func text(_ outcome: Result<[String: Artifact], any Error>) -> String {
      switch outcome {
      case .success(let artifacts): "\(artifacts.sorted { $0.key < $1.key })"
      case .failure(let error): "failure: \(error)"
      }
    }
    let alone = try instances.map { try bench.run(kind, [$0])[0] }
    let together = try bench.run(kind, instances)
    let reversed = Array(try bench.run(kind, instances.reversed()).reversed())
    for i in instances.indices {
      #expect(text(together[i]) == text(alone[i]), "member \(i) in company")
      #expect(text(reversed[i]) == text(alone[i]), "member \(i) in reverse")
    }
    // Of the ones that succeed, no two are the same: the comparison is about something.
    let made = alone.compactMap { try? $0.get() }
    #expect(Set(made.map { $0.mapValues(\.digest) }).count == made.count)
    return alone
  }

  private func message(_ outcome: Result<[String: Artifact], any Error>) -> String {
    guard case .failure(let error) = outcome else { return "none" }
    return "\(error)"
  }

  @Test func activationsAreTheSameInAnyCompany() throws {
    let bench = try Bench()
    let data = try bench.textures(test: 50)
    let networks = try [
      bench.network(on: data, seed: 0), bench.network(on: data, seed: 1), bench.network(on: data, "resnet8"),
    ]
    let small = try bench.network(
      on: bench.arrays("digits", shape: [1, 28, 28], labels: [0, 1] + [Int](2..<12)))
    func instance(_ network: Artifact, _ cut: String) -> Bench.Instance {
      Bench.Instance(
        parameters: ["cut": .string(cut), "samples": 45], inputs: ["model": [network], "data": [data]])
    }
    let outcomes = try outcomes(
      "activations",
      [
        instance(networks[0], "conv4"), instance(networks[0], "conv1"), instance(small, "conv1"),
        instance(networks[1], "conv2"), instance(networks[0], "stem"), instance(networks[2], "stage2.0"),
        instance(networks[2], "stem"), instance(networks[0], "conv2"),
      ], on: bench)
    #expect(message(outcomes[2]) == "the network wants 1×28×28 images, synthetic/test has 3×32×32")
    #expect(message(outcomes[4]) == "small_cnn has no cut 'stem'. It has: conv1, conv2, conv3, conv4")
    #expect(outcomes.filter { message($0) == "none" }.count == 6)
  }

  @Test func similaritiesAreTheSameInAnyCompany() throws {
    let bench = try Bench()
    let data = try bench.textures(test: 30)
    func activations(_ seed: Int, _ cut: String, _ split: String = "test") throws -> Artifact {
      try bench.run(
        "activations", ["cut": .string(cut), "samples": 20, "split": .string(split)],
        ["model": bench.network(on: data, seed: seed), "data": data])["activations"]!
    }
    let (a, b) = (try activations(0, "conv2"), try activations(1, "conv2"))
    let (c, train) = (try activations(0, "conv4"), try activations(0, "conv2", "train"))
    let constant = try bench.adopt(
      SafetensorsFile.encode([
        "activations": StoredArray(doubles: [Double](repeating: 1, count: 40), shape: [20, 2])
      ]))
    let measures: JSON = [
      "linear_cka", "procrustes_angular", ["measure": "rsa", "distance": "euclidean"],
      ["measure": "svcca", "share": 0.5], "rbf_cka",
      ["measure": "jaccard_knn", "k": 4, "nearness": "euclidean"], ["measure": "gulp", "lambda": 0.1],
      "aligned_cosine",
    ]
    func instance(_ x: Artifact, _ y: Artifact, _ layout: String = "flatten") -> Bench.Instance {
      Bench.Instance(
        parameters: [
          "measures": measures, "layout": .string(layout), "rows": layout == "space_as_samples" ? 50 : .null,
        ], inputs: ["x": [x], "y": [y]])
    }
    let outcomes = try outcomes(
      "similarity",
      [
        instance(a, b), instance(b, c), instance(train, b), instance(a, c, "pool"), instance(c, constant),
        instance(b, c, "space_as_samples"), instance(a, b, "space_as_samples"), instance(a, c),
        instance(b, a, "pool"),
      ], on: bench)
    #expect(
      message(outcomes[2])
        == "x is of synthetic/train, y of synthetic/test; only representations of the same samples can be compared"
    )
    #expect(message(outcomes[4]) == "y is the same for all 20 samples; it has nothing to compare")
    #expect(
      message(outcomes[5])
        == "x has 1280 rows with layout space_as_samples, y 320; take flatten or pool, which give one row a sample"
    )
    #expect(outcomes.filter { message($0) == "none" }.count == 6)
  }

  @Test func evaluationsAreTheSameInAnyCompany() throws {
    let bench = try Bench()
    let data = try bench.textures(train: 40, test: 40)
    let (a, b) = (try bench.network(on: data, seed: 0), try bench.network(on: data, seed: 1))
    let c = try bench.network(on: data, "resnet8", seed: 2)
    let joined = try [
      bench.stitched(a, "conv2", b, "conv2", on: data), bench.stitched(a, "conv4", b, "conv2", on: data),
      bench.stitched(b, "conv2", a, "conv1", on: data), bench.stitched(c, "stage1.0", b, "conv2", on: data),
    ]
    let wide = try bench.freshNetwork(classes: 100)
    func instance(_ model: Artifact, _ reference: Artifact? = nil, attack: JSON = .null) -> Bench.Instance {
      Bench.Instance(
        parameters: ["attack": attack],
        inputs: ["model": [model], "data": [data], "reference": reference.map { [$0] } ?? []])
    }
    let outcomes = try outcomes(
      "evaluate",
      [
        instance(a), instance(joined[0]), instance(joined[1]), instance(a, b), instance(b, wide),
        instance(joined[2]), instance(joined[3]), instance(joined[0], joined[1]),
        instance(joined[0], attack: ["steps": 2]), instance(c, a), instance(b, attack: ["steps": 1]),
      ], on: bench)
    #expect(
      message(outcomes[4])
        == "the network tells 10 classes apart, the reference 100; their outputs can't be compared")
    #expect(outcomes.filter { message($0) == "none" }.count == 10)
  }

  @Test func stitchesAreTheSameInAnyCompany() throws {
    let bench = try Bench()
    let data = try bench.textures(train: 60)
    let (a, b) = (try bench.network(on: data, seed: 0), try bench.network(on: data, seed: 1))
    func instance(_ from: String, _ to: String, _ method: String, _ more: [String: JSON] = [:])
      -> Bench.Instance
    {
      let parameters: [String: JSON] = [
        "from": .string(from), "to": .string(to), "method": .string(method), "epochs": 2, "batch": 20,
        "least_squares_samples": 30,
      ]
      return Bench.Instance(
        parameters: .object(parameters.merging(more) { $1 }),
        inputs: ["front": [a], "end": [b], "data": [data]])
    }
    let outcomes = try outcomes(
      "stitch",
      [
        instance("conv2", "conv2", "direct"), instance("conv3", "conv2", "fula"),
        instance("conv2", "conv9", "direct"), instance("conv2", "conv2", "task_loss", ["seed": 3]),
        instance("conv4", "conv4", "hint"),
        instance("conv2", "conv2", "fula", ["augment": ["flip", "crop"]]),
        instance("conv2", "conv2", "soft_label", ["initial": "identity"]),
        instance("conv1", "conv3", "fula", ["objective": ["fula": 1, "soft": 0.5, "task": 0.1]]),
        instance("conv2", "conv2", "fula", ["batch": 61]),
        instance("conv2", "conv2", "direct", ["rcond": "torch"]),
      ], on: bench)
    #expect(message(outcomes[2]) == "small_cnn has no cut 'conv9'. It has: conv1, conv2, conv3, conv4")
    #expect(
      message(outcomes[8]) == "synthetic/train has 60 samples, fewer than one batch of 61")
    #expect(outcomes.filter { message($0) == "none" }.count == 8)
  }

  @Test func dataThatCantBeUsedFailEveryMemberWithTheReason() throws {
    let bench = try Bench()
    let data = try bench.textures()
    let network = try bench.network(on: data)
    for (kind, parameters, inputs) in [
      ("activations", ["cut": "conv2", "samples": 21] as JSON, ["model": [network], "data": [data]]),
      ("evaluate", ["samples": 21], ["model": [network], "data": [data]]),
    ] {
      let instance = Bench.Instance(parameters: parameters, inputs: inputs)
      for outcome in try bench.run(kind, [instance, instance]) {
        #expect(
          message(outcome)
            == "synthetic/test has 20 samples, fewer than the 21 asked for; write 20, or null for all")
      }
    }
  }

  @Test func sensitivitiesAreTheSameInAnyCompany() throws {
    let bench = try Bench()
    let data = try bench.textures(train: 40, test: 20)
    let network = try bench.network(on: data, "small_cnn", ["epochs": 1])
    let kind = try #require(KindCatalogue(stageKinds())["sensitivity"])
    #expect(kind.varying.isSuperset(of: ["model", "cut", "measures"]))
    let outcomes = try outcomes(
      "sensitivity",
      (["conv3", "conv4", "conv9"]).map { cut in
        Bench.Instance(
          parameters: ["cut": .string(cut), "layout": "pool", "samples": 40, "ranks": [1, 2]],
          inputs: ["model": [network], "data": [data]])
      }, on: bench)
    #expect(message(outcomes[2]).contains("no cut 'conv9'"))
  }
}
