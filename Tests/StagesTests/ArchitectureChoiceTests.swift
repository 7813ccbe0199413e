// How pipeline files say which network.

import Canonical
import Formats
import Foundation
import NeuralNetworks
import Stages
import Testing
import Workflow

@Suite struct ArchitectureChoiceTests {
  /// What goes into the key, or the message.
  private func decoded(_ architecture: String, width: Int? = nil) throws -> String {
    let train = try #require(KindCatalogue(stageKinds())["train"])
    func raw(_ text: String) throws -> RawValue {
      text.hasPrefix("{") ? RawValue(try JSON(parsing: text.utf8)) : .scalar(text, quoted: false, .nowhere)
    }
    func member(_ name: String, _ value: RawValue) -> RawValue.Member {
      RawValue.Member(name: name, place: .nowhere, value: value)
    }
    var members = [member("architecture", try raw(architecture))]
    if let width { members.append(member("width", .scalar("\(width)", quoted: false, .nowhere))) }
    do {
      let parameters = try train.decode(members, at: .nowhere)
      #expect(parameters["width"] == .null)
      return try #require(parameters["architecture"]).canonical
    } catch let issue as DecodingIssue { return issue.message }
  }

  @Test func aNameStandsForAllItsFamilysParameters() throws {
    let written = #"{"name":"resnet20","width":16}"#
    #expect(try decoded("resnet20") == written)
    #expect(try decoded("resnet20", width: 16) == written)
    #expect(try decoded(#"{"name": "resnet20"}"#) == written)
    #expect(try decoded(#"{"name": "resnet20", "width": 16}"#) == written)
    #expect(
      try decoded(#"{"name": "resnet20", "width": null}"#, width: 8) == #"{"name":"resnet20","width":8}"#)
  }

  @Test(
    arguments: [
      (
        #"{"name": "resnet20", "widht": 8}"#, nil,
        "architecture: resnet20 has no parameter 'widht'. Did you mean 'width'?"
      ),
      (
        #"{"name": "small_cnn", "patch": 8}"#, nil,
        "architecture: small_cnn has no parameter 'patch'. Known: width"
      ),
      (
        #"{"name": "resnet20", "width": "wide"}"#, nil,
        "architecture: width: expected a whole number from 1 to 1024, found 'wide'"
      ),
      (#"{"name": "resnet20", "width": 8}"#, 16, "width: 16, but 'architecture' says 8; write it once"),
      ("resnet20", 5000, "width: resnet20: width 5000; expected a whole number from 1 to 1024"),
    ] as [(String, Int?, String)])
  func whatAFamilyLacksIsAnErrorWhenTheFileIsRead(_ architecture: String, _ width: Int?, _ message: String)
    throws
  {
    #expect(try decoded(architecture, width: width) == message)
  }

  @Test func aMapWithoutANameIsAnError() throws {
    #expect(
      try decoded(#"{"width": 8}"#) == "architecture: 'name' is missing: which network, such as resnet20")
  }

  @Test func modelsCarryTheirFamilysParameters() throws {
    let bench = try Bench()
    let model = try bench.network(on: bench.textures(), "resnet8")
    let file = try SafetensorsFile(contentsOf: bench.url(model))
    #expect(file.metadata["architecture"] == "resnet8" && file.metadata["width"] == "4")
  }

  /// A new family reruns no training of another.
  @Test func aTrainingsCodeIsThatOfItsFamilyAlone() throws {
    let train = try #require(KindCatalogue(stageKinds())["train"])
    for name in ["small_cnn", "resnet8"] {
      let member = RawValue.Member(
        name: "architecture", place: .nowhere, value: .scalar(name, quoted: false, .nowhere))
      let code = train.code(parameters: try train.decode([member], at: .nowhere))
      let families = code.files.keys.filter { $0.contains("/Families/") }
      let own = try #require(ArchitectureFamily.of(name)).file.split(separator: "/").last!
      #expect(families.map { $0.split(separator: "/").last! } == [own])
      #expect(!code.files.keys.contains { $0.hasSuffix("ArchitectureFamilies.swift") })
    }
  }
}
