import NeuralNetworks
import Tensor
import Testing

struct ParameterNamingTests {
  private func network(
    _ name: String, _ parameters: [String: ArchitectureValue] = ["width": .integer(4)]
  ) throws -> Architecture {
    try Architecture(
      name: name, input: ImageShape(channels: 3, height: 32, width: 32), classes: 10, parameters: parameters)
  }

  private func adopted(_ network: Architecture, _ renamed: (String) -> String?) throws -> AdoptedNames {
    var shapes: [String: [Int]] = [:]
    for (name, shape) in network.parameterShapes {
      if let other = renamed(name) { shapes[other] = shape }
    }
    let names = AdoptedNames(shapes.keys, for: network)
    try names.require(shapes)
    return names
  }

  @Test func ownNamesAreTakenAsTheyAre() throws {
    for name in ArchitectureFamily.all.flatMap(\.names) {
      let network = try Architecture.example(name: name)
      let names = try adopted(network) { $0 }
      #expect(names.files.allSatisfy { $0.key == $0.value } && names.constants.isEmpty, "\(name)")
    }
  }

  @Test func otherProgramsNamesAreTaken() throws {
    func shortcut(_ name: String) -> String {
      let renamed = name.replacing(".downsample.", with: ".shortcut.")
      return renamed.hasPrefix("fc.") ? "linear." + renamed.dropFirst(3) : renamed
    }
    for name in ["resnet20", "resnet18"] {
      let names = try adopted(network(name)) { shortcut($0) }
      #expect(names.files["layer2.0.downsample.0.weight"] == "layer2.0.shortcut.0.weight")
      #expect(names.files["fc.bias"] == "linear.bias" && names.constants.isEmpty)
      let parallel = try adopted(network(name)) { "module." + shortcut($0) }
      #expect(parallel.files["conv1.weight"] == "module.conv1.weight")
    }
    let mlp = try network("mlp", ["width": .integer(4), "depth": .integer(2)])
    let names = try adopted(mlp) {
      ["0.weight": "fc1.weight", "0.bias": "fc1.bias", "3.weight": "fc2.weight", "3.bias": "fc2.bias"][$0]
        ?? $0.replacing("6.", with: "fc3.")
    }
    #expect(names.files["6.weight"] == "fc3.weight")
    #expect(
      try adopted(network("vgg11_bn")) { $0.replacing("classifier.", with: "classifier.0.") }
        .files["classifier.bias"] == "classifier.0.bias")
  }

  @Test func torchvisionsTransformersAreTaken() throws {
    let vit = try network("vit_tiny", ["depth": .integer(1)])
    let known = [
      "cls_token": "class_token", "pos_embed": "encoder.pos_embedding",
      "patch_embed.proj.bias": "conv_proj.bias",
      "blocks.0.attn.qkv.weight": "encoder.layers.encoder_layer_0.self_attention.in_proj_weight",
      "blocks.0.attn.proj.bias": "encoder.layers.encoder_layer_0.self_attention.out_proj.bias",
      "blocks.0.norm2.bias": "encoder.layers.encoder_layer_0.ln_2.bias",
      "blocks.0.mlp.fc2.weight": "encoder.layers.encoder_layer_0.mlp.3.weight",
      "norm.weight": "encoder.ln.weight", "head.bias": "heads.head.bias",
    ]
    let names = AdoptedNames(known.values, for: vit)
    for (own, theirs) in known { #expect(names.files[own] == theirs) }
  }

  @Test func aPatchNeedsNoImagesOf32Pixels() throws {
    let vit = try Architecture.example(name: "vit_tiny", parameters: ["patch": .integer(7)])
    #expect(vit.input == ImageShape(channels: 3, height: 28, width: 28))
  }

  /// He et al.'s option A.
  @Test func shortcutsWithoutParametersCopyChannels() throws {
    let names = try adopted(network("resnet8")) { $0.contains("downsample") ? nil : $0 }
    #expect(names.constants.count == 10)
    let weight = try #require(names.constants["layer2.0.downsample.0.weight"])
    #expect(weight.shape == [8, 4, 1, 1])
    for (i, value) in weight.values.enumerated() { #expect(value == (i / 4 == i % 4 + 2 ? 1 : 0)) }
    #expect(names.constants["layer2.0.downsample.1.running_mean"]?.values == [Float](repeating: 0, count: 8))
  }

  @Test func messagesUseTheFilesNames() throws {
    let error = #expect(throws: NetworkError.self) {
      try adopted(network("resnet8")) {
        $0 == "fc.bias"
          ? nil : $0 == "fc.weight" ? "linear.weight" : $0.replacing(".downsample.", with: ".shortcut.")
      }
    }
    #expect(error?.description == "resnet8: parameter 'linear.bias' [10] is missing")
  }
}
