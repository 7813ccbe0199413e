// A confusion matrix counts what a network says of a dataset's images, class by class.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct ConfusionTests {
  private func table(_ artifact: Artifact, _ bench: Bench) throws -> [[String]] {
    try String(contentsOf: bench.url(artifact), encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  @Test func itsTablesAndItsFigureAgreeWithTheAccuracy() throws {
    let bench = try Bench()
    let data = try bench.textures(train: 40, test: 60)
    let network = try bench.network(on: data, "small_cnn", ["epochs": 1])
    let made = try bench.run("confusion", ["title": "What is what"], ["model": network, "data": data])
    let scores = try bench.json(bench.run("evaluate", [:], ["model": network, "data": data])["scores"]!)
    let accuracy = try #require(scores["accuracy"]?.doubleValue)

    let pairs = try table(made["matrix"]!, bench)
    #expect(pairs[0] == ["class", "told", "count", "share"] && pairs.count == 101)
    #expect(pairs.dropFirst().reduce(0) { $0 + Int($1[2])! } == 60)
    let right = pairs.dropFirst().filter { $0[0] == $0[1] }.reduce(0) { $0 + Int($1[2])! }
    #expect(abs(Double(right) / 60 - accuracy) < 1e-12)

    let classes = try table(made["classes"]!, bench)
    #expect(classes[0] == ["class", "count", "told", "accuracy", "precision", "f1"] && classes.count == 11)
    for column in [1, 2] { #expect(classes.dropFirst().reduce(0) { $0 + Int($1[column])! } == 60) }
    for line in classes.dropFirst() {
      let own = try #require(pairs.first { $0[0] == line[0] && $0[1] == line[0] })
      #expect(line[3] == own[3])
      #expect((line[4] == "") == (line[2] == "0"))
    }

    let svg = try String(contentsOf: bench.url(made["figure"]!), encoding: .utf8)
    #expect(svg.contains(">What is what<") && svg.contains(">true class<") && svg.contains(">told class<"))
    #expect(svg.contains("n = 60 images, accuracy \(String(format: "%.3f", accuracy))"))
    #expect(svg.contains("share of the true class's images, number of images below"))
    #expect(svg.matches(of: /font-size="9" fill="(white|black)"/).count == 100)
  }

  @Test func aClassWithoutImagesHasNoAccuracy() throws {
    let bench = try Bench()
    let data = try bench.arrays("few", labels: (0..<12).map { $0 % 2 }, classes: 3)
    let network = try bench.freshNetwork(classes: 3)
    let names: JSON = ["cat", "dog", "emu"]
    let made = try bench.run("confusion", ["names": names], ["model": network, "data": data])
    let classes = try table(made["classes"]!, bench)
    #expect(classes.map { $0[0] } == ["class", "cat", "dog", "emu"])
    #expect(classes[3][1] == "0" && classes[3][3] == "")
    let shares = try table(made["matrix"]!, bench).filter { $0[0] == "emu" }
    #expect(shares.map { $0[2] } == ["0", "0", "0"] && shares.map { $0[3] } == ["", "", ""])
    let svg = try String(contentsOf: bench.url(made["figure"]!), encoding: .utf8)
    #expect(svg.matches(of: /fill="url\(#missing\)"/).count == 3 + 1 && svg.contains(">no value<"))
    let wrong = "there are 2 names for 3 classes; write one for each, in their order, or none"
    #expect(
      bench.failure("confusion", ["names": ["cat", "dog"]], ["model": network, "data": data]) == wrong)
  }

  @Test func manyClassesHaveColoursAlone() throws {
    let bench = try Bench()
    let data = try bench.arrays("many", labels: (0..<12).map { $0 * 3 }, classes: 40)
    let made = try bench.run("confusion", [:], ["model": bench.freshNetwork(classes: 40), "data": data])
    let svg = try String(contentsOf: bench.url(made["figure"]!), encoding: .utf8)
    #expect(
      !svg.contains("font-size=\"9\" fill=\"white\"") && svg.contains(">share of the true class's images<"))
    let width = try #require(svg.firstMatch(of: /width="([0-9.]+)"/).flatMap { Double($0.1) })
    #expect(width < 900)
  }

  @Test func classesAreCalledAsTheDatasetCallsThem() throws {
    let bench = try Bench()
    let source = bench.folder.appending(path: "cifar")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    for name in ["data_batch_1", "test_batch"] {
      // Of each class an image: its label, then 3 × 32 × 32 pixels.
      var images: [UInt8] = []
      for label in 0..<10 {
        images.append(UInt8(label))
        for pixel in 0..<3072 { images.append(UInt8(truncatingIfNeeded: pixel &* 31 &+ label &* 17)) }
      }
      try Data(images).write(to: source.appending(path: "\(name).bin"))
    }
    let data = try bench.run("dataset/cifar10", [:], externals: ["path": source])["dataset"]!
    let made = try bench.run("confusion", [:], ["model": bench.freshNetwork(classes: 10), "data": data])
    let classes = try table(made["classes"]!, bench).map { $0[0] }
    #expect(classes.prefix(5) == ["class", "airplane", "automobile", "bird", "cat"])
    let svg = try String(contentsOf: bench.url(made["figure"]!), encoding: .utf8)
    #expect(svg.contains(">airplane</text>") && svg.contains(">truck</text>"))
    // A network that tells more classes apart has numbers.
    let wide = try bench.run("confusion", [:], ["model": bench.freshNetwork(classes: 12), "data": data])
    #expect(try table(wide["classes"]!, bench).map { $0[0] } == ["class"] + (0..<12).map(String.init))
  }
}
