import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct TableTests {
  private func run(
    _ kind: String, _ parameters: JSON, _ rows: [InputArtifact], on bench: Bench
  ) throws -> Result<[String: Artifact], any Error> {
    try bench.run(kind, [Bench.Instance(parameters: parameters, inputs: [:], labelled: ["rows": rows])])[0]
  }

  private func failure(
    _ kind: String, _ parameters: JSON, _ rows: [InputArtifact], on bench: Bench
  ) throws -> String {
    guard case .failure(let error) = try run(kind, parameters, rows, on: bench) else { return "none" }
    return "\(error)"
  }

  @Test func cellsAreQuotedAsRFC4180HasItAndLinesEndInLF() throws {  // C13
    let bench = try Bench()
    let rows = try [
      bench.scores(["a": 1, "b": 0.5], ["name": "plain", "n": "1"]),
      bench.scores(["a": 2], ["name": "lone\rCR", "n": "02"]),
      bench.scores(["a": 3, "b": 2.0], ["name": "lone\nLF", "n": "3"]),
      bench.scores(["a": 4, "list": [1, 2]], ["name": "say \"hi\", all", "n": "x\r\ny"]),
    ]
    let made = try run("table", [:], rows, on: bench).get()
    let csv = try String(decoding: Data(contentsOf: bench.url(made["csv"]!)), as: UTF8.self)
    #expect(
      csv == """
        stage,name,n,a,b
        s,plain,1,1.0,0.5
        s,"lone\rCR",02,2.0,
        s,"lone
        LF",3,3.0,2.0
        s,"say ""hi"", all","x\r
        y",4.0,

        """)
    let json = try bench.json(made["json"]!)
    #expect(json.arrayValue?.count == 4)
    #expect(json.arrayValue?[1] == ["stage": "s", "name": "lone\rCR", "n": "02", "a": 2.0, "b": .null])
  }

  @Test func axesAreNamedByAnyUnambiguousEndAndColumnsByTheShortest() throws {
    let bench = try Bench()
    let rows = try ["0", "1"].map { seed in
      try bench.scores(
        ["fit_loss": .number(Double(seed)!)],
        ["network.front.seed": seed, "network.end.seed": "7", "network.method": "fula"])
    }
    let made = try run("table", ["over": ["front.seed"]], rows, on: bench).get()
    let csv = try String(decoding: Data(contentsOf: bench.url(made["csv"]!)), as: UTF8.self)
    let spread = 0.5.squareRoot()
    #expect(csv == "stage,seed,method,fit_loss,fit_loss_std,n\ns,7,fula,0.5,\(spread),2\n")
    let figure = try run("heatmap", ["x": "front.seed", "y": "method", "value": "fit_loss"], rows, on: bench)
      .get()
    #expect(figure["figure"] != nil)
  }

  @Test func wrongNamesAreToldWithTheOnesThereAre() throws {
    let bench = try Bench()
    let rows = try [
      bench.scores(["accuracy": 1], ["network.cut": "a", "front.cut": "b", "seed": "0"]),
      bench.scores(["accuracy": 1], ["network.cut": "a", "front.cut": "b", "seed": "1"]),
    ]
    for (parameters, expected) in [
      (["over": ["seeds"]], "'rows' has no axis 'seeds'. Did you mean 'seed'?"),
      (["over": ["cut"]], "'rows' has several axes 'cut': network.cut, front.cut. Name one of them"),
      (["columns": ["acuracy"]], "there is no score 'acuracy'. Did you mean 'accuracy'?"),
      (["columns": ["Accuracy"]], "there is no score 'Accuracy'. Did you mean 'accuracy'?"),
    ] as [(JSON, String)] {
      #expect(try failure("table", parameters, rows, on: bench) == expected)
    }
    #expect(try failure("table", [:], [], on: bench) == "there are no rows")
    for (parameters, expected) in [
      (
        ["x": "cute", "y": "seed", "value": "accuracy"],
        "'rows' has no axis 'cute'. Known: front.cut, network.cut, seed"
      ),
      (["x": "seed", "y": "network.cut", "value": "b"], "there is no score 'b'. Known: accuracy"),
    ] as [(JSON, String)] {
      #expect(try failure("heatmap", parameters, rows, on: bench) == expected)
    }
    #expect(
      try failure("table", [:], [bench.scores([1, 2], ["seed": "0"])], on: bench)
        == "the scores of s are not a JSON object")
  }
}
