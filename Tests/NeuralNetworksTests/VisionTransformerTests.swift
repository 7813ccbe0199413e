import NeuralNetworks
import Tensor
import Testing

struct VisionTransformerTests {
  private let shape = ImageShape(channels: 3, height: 32, width: 32)

  @Test func theTinyOneIsThatOfThePapers() throws {
    let network = try Architecture(name: "vit_tiny", input: shape, classes: 10)
    #expect(network.cuts.map(\.name) == (0..<12).map { "blocks.\($0)" } + ["pooled"])
    for cut in network.cuts.dropLast() {
      #expect(try network.shape(at: cut) == .tokens(count: 65, width: 192))
    }
    #expect(try network.shape(at: Cut("pooled")) == .vector(192))
    let shapes = Dictionary(uniqueKeysWithValues: network.parameterShapes.map { ($0.name, $0.shape) })
    #expect(shapes.count == 8 + 12 * 12)
    #expect(shapes["cls_token"] == [1, 1, 192] && shapes["pos_embed"] == [1, 65, 192])
    #expect(shapes["patch_embed.proj.weight"] == [192, 3, 4, 4])
    #expect(shapes["blocks.11.attn.qkv.weight"] == [576, 192] && shapes["blocks.0.mlp.fc2.bias"] == [192])
    #expect(shapes["norm.weight"] == [192] && shapes["head.weight"] == [10, 192])
    // 5.36 million, as timm's has with patches of 4 on 32×32 images and ten classes.
    #expect(shapes.values.reduce(0) { $0 + $1.reduce(1, *) } == 5_362_762)
  }

  @Test func freshOnesStartAsTimmsDo() throws {
    let model = try Model.initialised(
      architecture: Architecture(name: "vit_tiny", input: shape, classes: 10), seed: 1)
    func deviation(_ name: String) -> Double {
      let values = model.tensors[name]!.values
      return (values.reduce(0) { $0 + Double($1 * $1) } / Double(values.count)).squareRoot()
    }
    for name in ["blocks.3.attn.qkv.weight", "blocks.0.mlp.fc1.weight", "pos_embed"] {
      #expect(abs(deviation(name) - 0.02) < 0.001, "\(name)")
    }
    #expect(deviation("cls_token") > 0 && deviation("cls_token") < 2e-6)
    #expect(deviation("blocks.3.attn.qkv.bias") == 0 && deviation("norm.bias") == 0)
    #expect(model.tensors["blocks.3.norm2.weight"]!.values.allSatisfy { $0 == 1 })
    // Uniform within ±1/√48.
    #expect(abs(deviation("patch_embed.proj.weight") - (1 / 48.0 / 3).squareRoot()) < 0.005)
  }

  @Test func parametersThatDontGoTogetherAreErrors() {
    func error(_ parameters: [String: ArchitectureValue], side: Int = 32) -> String? {
      #expect(throws: NetworkError.self) {
        try Architecture(
          name: "vit_tiny", input: ImageShape(channels: 3, height: side, width: 32), classes: 10,
          parameters: parameters)
      }?.description
    }
    #expect(error(["heads": .integer(5)]) == "vit_tiny: width 192 isn't a multiple of heads, 5")
    #expect(
      error(["patch": .integer(5)])
        == "vit_tiny: images of 3×32×32 can't be cut into patches of 5×5 pixels")
    #expect(error([:], side: 30) == "vit_tiny: images of 3×30×32 can't be cut into patches of 4×4 pixels")
    #expect(
      error(["patch": .integer(64)])
        == "vit_tiny: images of 3×32×32 are too small; at least 1×64×64 is needed")
  }
}
