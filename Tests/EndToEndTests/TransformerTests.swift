// Vision transformers go through a whole pipeline: tokens are activations like any others.

import Canonical
import Foundation
import Testing

@Suite struct TransformerTests {
  private static let pipeline = """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 40, test: 20 } }
      model:
        matrix: { seed: [0, 1], width: [16, 24] }
        uses: train
        with:
          data: ${images}
          architecture: { name: vit_tiny, patch: 8, depth: 2, heads: 2 }
          width: ${matrix.width}
          epochs: 1
          batch: 20
          learning_rate: 0.01
          seed: ${matrix.seed}
      acts:
        matrix: { model: "${model[width=16]}", cut: [blocks.0, pooled] }
        uses: activations
        with: { model: "${matrix.model}", data: "${images}", cut: "${matrix.cut}", samples: 20 }
      alike:
        matrix: { cut: [blocks.0, pooled] }
        uses: similarity
        with:
          x: ${acts[cut=matrix.cut, seed=0]}
          y: ${acts[cut=matrix.cut, seed=1]}
          measures: [linear_cka]
      stitched:
        matrix: { front: "${model[seed=1]}", method: [direct, fula], cut: [blocks.0, pooled] }
        uses: stitch
        with:
          front: ${matrix.front}
          from: ${matrix.cut}
          end: ${model[seed=0, width=16]}
          to: ${matrix.cut}
          method: ${matrix.method}
          data: ${images}
          epochs: 1
          batch: 20
      itself:
        matrix: { cut: [blocks.0, blocks.1, pooled] }
        uses: stitch
        with:
          front: ${model[seed=0, width=16]}
          from: ${matrix.cut}
          end: ${model[seed=0, width=16]}
          to: ${matrix.cut}
          method: direct
          data: ${images}
      scores:
        matrix: { network: ["${stitched}", "${itself}"] }
        uses: evaluate
        with: { model: "${matrix.network}", reference: "${model[seed=0, width=16]}", data: "${images}" }
    """

  @Test func transformersAreTrainedLookedAtComparedAndStitched() throws {
    let project = try Project()
    try project.write("vit.yaml", Self.pipeline)
    let run = try project.bobbin("run", "vit.yaml", "--json")
    #expect(run.status == 0, "\(run.errors)")
  }

  @Test func aVectorHasNoPositionsToGiveAndThatIsToldBeforeAnythingRuns() throws {
    let project = try Project()
    try project.write(
      "mixed.yaml",
      """
      version: 1
      stages:
        images: { uses: dataset/synthetic, with: { train: 40, test: 20 } }
        cnn: { uses: train, with: { data: "${images}", architecture: small_cnn, epochs: 1, batch: 20 } }
        vit: { uses: train, with: { data: "${images}", architecture: vit_tiny, epochs: 1, batch: 20 } }
        s:
          uses: stitch
          with: { front: "${vit}", from: pooled, end: "${cnn}", to: conv2, method: direct, data: "${images}" }
      """)
    let run = try project.bobbin("run", "mixed.yaml")
    #expect(run.status == 2)
    #expect(
      run.errors.contains(
        "the front's 'pooled' gives 192, the end's 'conv2' takes 32×8×8; "), "\(run.errors)")
  }
}
