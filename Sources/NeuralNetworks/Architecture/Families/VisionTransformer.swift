// Owns the family of vision transformers.

extension ArchitectureFamily {
  static let visionTransformer = ArchitectureFamily(
    VisionTransformer.self, names: ["vit_tiny", "vit_small"],
    summary: "vision transformers with a class token and learnt positions (Dosovitskiy et al. 2021)")
}

/// Patches as tokens with a class token before them, then blocks of attention and a two-layer perceptron of four times
/// the width, each normalised first and added to its input; the class token, normalised, goes to a linear classifier.
/// Names and details are those of timm's `vit_tiny_patch16_224`. Cuts: each block's output as `blocks.0` …, tokens,
/// and the classifier's input as `pooled`, a vector.
private struct VisionTransformer: NetworkDesign {
  var patch = 4
  var width: Int
  var depth = 12
  var heads: Int

  init?(name: String) {
    guard let size = ["vit_tiny": (192, 3), "vit_small": (384, 6)][name] else { return nil }
    (width, heads) = size
  }

  static var parameters: [DesignParameter<VisionTransformer>] {
    [
      .integer("patch", "pixels of a patch's side; divides the images' height and width", 1...64, \.patch),
      .integer("width", "values of a token; a multiple of heads", 1...4096, \.width),
      .integer("depth", "the number of blocks", 1...64, \.depth),
      .integer("heads", "attention heads of a block", 1...64, \.heads),
    ]
  }

  var problem: String? {
    width % heads == 0 ? nil : "width \(width) isn't a multiple of heads, \(heads)"
  }

  var smallestSide: Int { patch }

  func problem(with input: ImageShape) -> String? {
    input.height % patch == 0 && input.width % patch == 0
      ? nil : "images of \(input) can't be cut into patches of \(patch)×\(patch) pixels"
  }

  /// About 32 pixels of whole patches.
  var exampleInput: ImageShape {
    let side = patch * max(1, 32 / patch)
    return ImageShape(channels: 3, height: side, width: side)
  }

  var namings: [ParameterNaming] { [ParameterNaming("torchvision", foreign: torchvisionName)] }

  func layers(input: ImageShape, classes: Int) -> LayerGraph {
    var graph = LayerGraph(input: input)
    var x = graph.append(Standardise(), [graph.input])
    x = graph.append(
      PatchEmbedding("patch_embed.proj", channels: input.channels, patch: patch, width: width), [x])
    x = graph.append(ClassTokenAndPositions(tokens: graph.shape(x)[0], width: width), [x])
    for block in 0..<depth {
      let name = "blocks.\(block)"
      var y = graph.append(LayerNorm("\(name).norm1", width: width), [x])
      y = graph.append(TokenLinear("\(name).attn.qkv", from: width, to: 3 * width), [y])
      y = graph.append(Attention(heads: heads), [y])
      x = graph.append(TokenLinear("\(name).attn.proj", from: width, to: width, addsInput: true), [y, x])
      y = graph.append(LayerNorm("\(name).norm2", width: width), [x])
      y = graph.append(TokenLinear("\(name).mlp.fc1", from: width, to: 4 * width), [y])
      y = graph.append(GELU(), [y])
      x = graph.append(TokenLinear("\(name).mlp.fc2", from: 4 * width, to: width, addsInput: true), [y, x])
      graph.mark(Cut(name), at: x)
    }
    x = graph.append(ClassTokenOnly(), [x])
    x = graph.append(LayerNorm("norm", width: width), [x])
    graph.mark(Cut("pooled"), at: x)
    _ = graph.append(Linear("head", from: width, to: classes), [x])
    return graph
  }
}

/// What torchvision.models.VisionTransformer calls a tensor. Its shapes are the same.
private func torchvisionName(_ name: String) -> String {
  let beginnings = [
    ("cls_token", "class_token"), ("pos_embed", "encoder.pos_embedding"), ("patch_embed.proj.", "conv_proj."),
    ("norm.", "encoder.ln."), ("head.", "heads.head."), ("blocks.", "encoder.layers.encoder_layer_"),
  ]
  let parts = [
    (".norm1.", ".ln_1."), (".norm2.", ".ln_2."), (".attn.qkv.", ".self_attention.in_proj_"),
    (".attn.proj.", ".self_attention.out_proj."), (".mlp.fc1.", ".mlp.0."), (".mlp.fc2.", ".mlp.3."),
  ]
  let begun = beginnings.first { name.hasPrefix($0.0) }.map { name.replacingPrefix($0.0, with: $0.1) } ?? name
  return parts.reduce(begun) { $0.replacing($1.0, with: $1.1) }
}
