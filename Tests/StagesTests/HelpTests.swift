// What help says of networks is what the code does.

import Canonical
import NeuralNetworks
import Stages
import Testing
import Workflow

@Suite struct HelpTests {
  @Test func theHelpOfTrainListsEveryNetworksCutsWithTheirShapes() throws {  // F17
    let train = try #require(KindCatalogue(stageKinds())["train"])
    for name in ArchitectureFamily.all.flatMap(\.names) {
      let network = try Architecture(
        name: name, input: ImageShape(channels: 3, height: 32, width: 32), classes: 10)
      let line = try #require(train.discussion.split(separator: "\n").first { $0.hasPrefix("- \(name): ") })
      let cuts = line.dropFirst("- \(name): ".count).split(separator: ", ")
      #expect(cuts.map { $0.split(separator: " ")[0] } == network.cuts.map { Substring($0.name) })
    }
    #expect(
      train.discussion.contains(
        "- small_cnn: conv1 16×16×16, conv2 32×8×8, conv3 64×4×4, conv4 64×4×4\n"))
  }

  @Test func imagesAreTrainedOnAsTheyAreUnlessAsked() throws {  // F19: digits were flipped
    let train = try #require(KindCatalogue(stageKinds())["train"])
    #expect(train.parameters.first { $0.name == "augment" }?.defaultValue == [])
    #expect(train.discussion.contains("augment: [flip, crop]"))
  }

  @Test func whereAttacksPartIsTold() throws {  // F20
    for name in ["train", "evaluate"] {
      let kind = try #require(KindCatalogue(stageKinds())[name])
      #expect(kind.discussion.contains("In float32 the steps of PGD differ between implementations"))
    }
  }

  @Test func arraysAreADatasetAndActivationsAreImported() throws {  // F2
    let arrays = try #require(KindCatalogue(stageKinds())["dataset/arrays"])
    #expect(!arrays.summary.contains("activations") && arrays.outputs.map(\.type.name) == ["dataset"])
    #expect(arrays.discussion.contains("imported by activations/import"))
    let imported = try #require(KindCatalogue(stageKinds())["activations/import"])
    let similarity = try #require(KindCatalogue(stageKinds())["similarity"])
    #expect(similarity.inputs.allSatisfy { $0.accepts(imported.outputs[0].type) })
  }

  @Test(arguments: ["stitch", "activations", "similarity", "sensitivity", "ood_score"])
  func whatJobsKeepInMemoryIsTold(name: String) throws {
    let kind = try #require(KindCatalogue(stageKinds())[name])
    #expect(kind.discussion.contains("up to a quarter of the memory that the machine has free"))
  }

  @Test(
    arguments: [
      ("stitch", ["method": "direct"], 128), ("stitch", ["method": "fula"], 32),
      ("evaluate", ["attack": .null], 128), ("evaluate", ["attack": [:]], 32), ("similarity", [:], 256),
      ("train", [:], 32),
    ] as [(String, JSON, Int)])
  func whatTakesAMomentGoesManyInAJob(name: String, parameters: JSON, most: Int) throws {
    let kind = try #require(KindCatalogue(stageKinds())[name])
    #expect(kind.mostMembers(parameters: parameters) == most)
  }
}
