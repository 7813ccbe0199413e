// Owns the cutting of images into patches, each mapped to a token.

import CKernels

/// The convolution whose kernel and stride are the patch's side, with bias (Dosovitskiy et al. 2021, section 3.1; timm's
/// PatchEmbed): C×H×W to (H/side · W/side) × width, the patches row by row. Weights are width × C × side × side.
struct PatchEmbedding: Layer {
  let name: String
  let channels: Int
  /// Pixels of a patch's side; divides height and width.
  let patch: Int
  let width: Int

  init(_ name: String, channels: Int, patch: Int, width: Int) {
    self.name = name
    self.channels = channels
    self.patch = patch
    self.width = width
  }

  private var inputs: Int { channels * patch * patch }
  private var map: RowMap { RowMap(name, from: inputs, to: width) }

  var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration(
        name: map.weightName, shape: [width, channels, patch, patch], role: .linear(inputs: inputs)),
      ParameterDeclaration(name: map.biasName, shape: [width], role: .linear(inputs: inputs)),
    ]
  }

  func outputShape(_ inputs: [[Int]]) -> [Int] {
    [inputs[0][1] / patch * (inputs[0][2] / patch), width]
  }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let images = plan.value(node.inputs[0]).shape
    let x = try plan.convert(plan.value(node.inputs[0]), to: .plain(images))
    let shape = kernels_patches(
      images: Int64(images[0]), channels: Int64(channels), height: Int64(images[2]), width: Int64(images[3]),
      side: Int64(patch))
    let rows = plan.makeMemory(.plain([images[0], images[2] / patch * (images[3] / patch), inputs]))
    plan.emit("patches", [x, rows]) { at in kernels_cut_patches(shape, at.floats(x), at.floats(rows)) }
    let planned = try map.plan(node, plan, rows)
    plan.setValue(node.value, planned.y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value),
        let drows = try planned.backward(dy, plan.needsGradient(node.inputs[0]))
      else { return }
      let dx = plan.makeMemory(x.layout)
      plan.emit("gradient of patches", [drows, dx]) { at in
        kernels_join_patches(shape, at.floats(drows), at.floats(dx))
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}
