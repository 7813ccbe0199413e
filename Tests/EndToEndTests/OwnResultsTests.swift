// What one's own programs make goes on like what native stages make.

import Canonical
import Foundation
import Testing

@Suite struct OwnResultsTests {
  /// np.save of four samples of two float32 features, and of three float64 ones.
  private static let arrays = (
    two: """
    k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDQsIDIpLCB9ICAg\
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAIC/\
    AAAAPwAAQEAAAIBAAAAAAA==
    """,
    three: """
    k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDQsIDMpLCB9ICAg\
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAADwPwAAAAAAAAAA\
    AAAAAAAAAEAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8AAAAAAAAIQAAAAAAAAPC/AAAAAAAAAAAAAAAAAADwPwAAAAAAAPA/\
    AAAAAAAAFEA=
    """
  )

  @Test func ownActivationsWeightsAndScoresJoinTheGraph() throws {  // F1
    let project = try Project()
    try project.write(
      "own.yaml",
      """
      version: 1
      stages:
        acts:
          matrix: { net: { two: \(Self.arrays.two), three: \(Self.arrays.three) } }
          run: printf %s ${matrix.net} | base64 -d > ${out.acts}
          outputs: { acts: { file: acts.npy, type: activations } }
        cka:
          matrix: { x: "${acts}", y: "${acts}" }
          uses: similarity
          with: { x: "${matrix.x}", y: "${matrix.y}" }
        mine:
          matrix: { x: "${acts[net=two]}", y: "${acts}" }
          run: |
            test -s ${matrix.x} && echo '{"my_measure": 0.25}' > ${out.scores}
          outputs: { scores: { file: mine.json, type: scores } }
        table:
          uses: table
          with: { rows: ["${cka}", "${mine}"] }
        images: { uses: dataset/synthetic, with: { train: 10, test: 10 } }
        trained:
          uses: train
          with: { data: "${images}", architecture: small_cnn, width: 4, epochs: 1, batch: 10 }
        weights:
          run: cp ${trained.model} ${out.weights}
          outputs: { weights: weights.safetensors }
        imported:
          uses: model/import
          with: { path: "${weights}", architecture: small_cnn, width: 4 }
        accuracy: { uses: evaluate, with: { model: "${imported}", data: "${images}" } }
      """)
    let run = try project.bobbin("run", "own.yaml", "--json")
    #expect(run.status == 0, "\(run.errors)")
    let got = try project.bobbin("get", "own.yaml", "table.csv", "-o", "table.csv")
    #expect(got.status == 0, "\(got.errors)")
    let lines = try String(contentsOf: project.root.appending(path: "table.csv"), encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(lines.count == 1 + 4 + 2)
    #expect(lines[0] == ["stage", "x.net", "y.net", "linear_cka", "my_measure"])
    #expect(lines[1][..<3] == ["cka", "two", "two"] && lines[1][4].isEmpty)
    #expect(try #require(Double(lines[1][3])) > 0.999)
    #expect(lines[6] == ["mine", "two", "three", "", "0.25"])
    // The same bytes are the same stage's, whoever names them.
    #expect(try project.bobbin("run", "own.yaml", "--json").json["executed"] == 0)
  }

  @Test func whatIsNoActivationsIsTheCommandsFailure() throws {  // F1
    let project = try Project()
    try project.write(
      "own.yaml",
      """
      version: 1
      stages:
        acts:
          run: echo nothing > ${out.acts}
          outputs: { acts: { file: acts.npy, type: activations } }
      """)
    let run = try project.bobbin("run", "own.yaml")
    #expect(run.status == 1)
    #expect(
      run.errors.contains(
        "acts.npy: is no file of arrays, or a truncated one: expected .npy, .npz or .safetensors"))
  }

  @Test func tablesAndFiguresOfWhatWillBeAreCheckedBeforeItIs() throws {
    let project = try Project()
    func check(columns: String, x: String, array: String) throws -> Finished {
      try project.write(
        "own.yaml",
        """
        version: 1
        stages:
          images: { uses: dataset/synthetic }
          model:
            matrix: { seed: [0, 1] }
            uses: train
            with: { data: "${images}", architecture: small_cnn, seed: "${matrix.seed}" }
          histories:
            uses: table
            with: { rows: "${model.history}", columns: [\(columns)], over: [seed] }
          agreement:
            matrix: { front: "${model}", end: "${model}" }
            uses: evaluate
            with: { model: "${matrix.front}", reference: "${matrix.end}", data: "${images}" }
          figure:
            uses: heatmap
            with: { rows: "${agreement}", x: \(x), y: end, value: agreement }
          acts:
            uses: activations/import
            with: { path: acts.npy, array: \(array) }
        """)
      return try project.bobbin("check", "own.yaml")
    }
    try project.write("acts.npy", try #require(Data(base64Encoded: Self.arrays.two)))
    let fine = try check(columns: "loss", x: "front", array: "acts")
    #expect(fine.status == 0, "\(fine.errors)")
    let wrong = try check(columns: "lost", x: "fronts", array: "act")
    #expect(wrong.status == 2)
    for part in ["'lost'", "'fronts'", "has no array 'act'; it has acts"] {
      #expect(wrong.errors.contains(part), "\(wrong.errors)")
    }
  }
}
