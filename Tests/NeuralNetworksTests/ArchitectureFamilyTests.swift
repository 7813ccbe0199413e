import NeuralNetworks
import Testing

struct ArchitectureFamilyTests {
  private static let names = ArchitectureFamily.all.flatMap(\.names)
  private let shape = ImageShape(channels: 3, height: 32, width: 32)

  @Test func everyNameIsOfOneFamily() {
    #expect(Set(Self.names).count == Self.names.count)
    for name in Self.names {
      #expect(ArchitectureFamily.all.filter { $0.defaults(of: name) != nil }.count == 1, "\(name)")
    }
  }

  /// A model's metadata has these beside the parameters, and a map of parameters the name.
  @Test func noParameterIsCalledLikeSomethingElse() {
    let taken = ["architecture", "classes", "format", "input", "mean", "std", "name"]
    for family in ArchitectureFamily.all {
      #expect(Set(family.parameters.map(\.name)).count == family.parameters.count)
      #expect(family.parameters.filter { taken.contains($0.name) } == [])
    }
  }

  @Test(arguments: names)
  func everyNetworkHasCutsAndTensorsOfItsOwn(_ name: String) throws {
    let network = try Architecture.example(name: name)
    #expect(!network.cuts.isEmpty && Set(network.cuts).count == network.cuts.count)
    let tensors = network.parameterShapes.map(\.name)
    #expect(Set(tensors).count == tensors.count)
    let declared = try #require(ArchitectureFamily.of(name)).parameters
    #expect(Set(network.parameters.keys) == Set(declared.map(\.name)))
    for parameter in declared {
      let value = try #require(network.parameters[parameter.name])
      #expect(parameter.value(value.description) == value)
    }
  }

  @Test func aParameterThatAFamilyLacksIsAnError() throws {
    func error(_ parameters: [String: ArchitectureValue]) -> String? {
      #expect(throws: NetworkError.self) {
        try Architecture(name: "resnet20", input: shape, classes: 10, parameters: parameters)
      }?.description
    }
    #expect(error(["patch": .integer(4)]) == "resnet20 has no parameter 'patch'. It has: width")
    #expect(error(["width": .integer(0)]) == "resnet20: width 0; expected a whole number from 1 to 1024")
    #expect(error(["width": .word("16")]) == "resnet20: width 16; expected a whole number from 1 to 1024")
  }

  @Test func defaultsAreWrittenOut() throws {
    let plain = try Architecture(name: "resnet20", input: shape, classes: 10)
    #expect(plain.parameters == ["width": .integer(16)])
    #expect(try plain == Architecture(name: "resnet20", input: shape, classes: 10, width: 16))
    #expect(try plain != Architecture(name: "resnet20", input: shape, classes: 10, width: 8))
  }
}
