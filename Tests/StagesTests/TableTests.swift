import Canonical
import ContentStore
import Formats
import Foundation
import Stages
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
    let line = try #require(csv.split(separator: "\n").last).split(separator: ",").map(String.init)
    #expect(csv.hasPrefix("stage,seed,method,fit_loss,fit_loss_std,fit_loss_low,fit_loss_high,n\n"))
    #expect(Array(line[..<5]) == ["s", "7", "fula", "0.5", "\(spread)"] && line[7] == "2")
    // 0.5 ± 12.706·0.5, Student's t with one degree of freedom.
    #expect(abs(Double(line[5])! + 5.8531023680873) < 1e-9 && abs(Double(line[6])! - 6.8531023680873) < 1e-9)
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

  private func csv(_ parameters: JSON, _ rows: [InputArtifact], on bench: Bench) throws -> String {
    let made = try run("table", parameters, rows, on: bench).get()
    return try String(decoding: Data(contentsOf: bench.url(made["csv"]!)), as: UTF8.self)
  }

  @Test func historiesMakeARowAnEpoch() throws {  // F13
    let bench = try Bench()
    let histories = try [
      bench.scores(["loss": [2, 1, 0.5], "accuracy": [0.1, 0.2, 0.3]], ["seed": "0"]),
      bench.scores(["loss": [4, 3], "accuracy": [0.5, 0.6]], ["seed": "1"]),
    ]
    let long = """
      stage,seed,epoch,accuracy,loss
      s,0,1,0.1,2.0
      s,0,2,0.2,1.0
      s,0,3,0.3,0.5
      s,1,1,0.5,4.0
      s,1,2,0.6,3.0

      """
    // Where there is nothing else, that is what is meant.
    #expect(try csv([:], histories, on: bench) == long)
    #expect(try csv(["long": "epoch"], histories, on: bench) == long)
    #expect(
      try csv(
        ["long": "step", "over": ["seed"], "columns": ["loss"], "interval": .null], histories, on: bench)
          == """
          stage,step,loss,loss_std,n
          s,1,3.0,1.4142135623730951,2
          s,2,2.0,1.4142135623730951,2
          s,3,0.5,,1

          """)
    #expect(
      try failure("table", ["long": "seed"], histories, on: bench)
        == "there is an axis 'seed' already; let 'long' call the column of entries otherwise")
    // A fit has both: its scores, or with `long` its epochs.
    let fits = try [
      bench.scores(["loss": [2, 1], "fit_loss": 1], ["cut": "a"]),
      bench.scores(["fit_loss": 3], ["cut": "b"]),
    ]
    #expect(try csv([:], fits, on: bench) == "stage,cut,fit_loss\ns,a,1.0\ns,b,3.0\n")
    #expect(
      try csv(["long": "epoch"], fits, on: bench)
        == "stage,cut,epoch,fit_loss,loss\ns,a,1,1.0,2.0\ns,a,2,1.0,1.0\ns,b,,3.0,\n")
  }

  @Test func ownMeasuresStandBesideNativeOnes() throws {  // F1
    let bench = try Bench()
    let receiver = try #require(artifactReceivers().first { $0.type.name == "scores" })
    let (written, place) = (bench.folder.appending(path: "mine.json"), bench.folder.appending(path: "scores"))
    try Data("{\"my_measure\": 0.25}\n".utf8).write(to: written)
    try receiver.receive(written, called: "mine.json", of: "scores", as: OutputArtifact(url: place))
    let own = try JSON(parsing: Data(contentsOf: place))

    let x = try bench.adopt(
      SafetensorsFile.encode(["activations": StoredArray(doubles: [1, 2, 4, 7], shape: [4, 1])]))
    let native = try bench.json(
      bench.run("similarity", ["measures": ["procrustes"]], ["x": x, "y": x])["scores"]!)
    let rows = try [
      bench.scores(native, ["x.cut": "a", "y.cut": "b"]),
      bench.scores(own, ["x.cut": "a", "y.cut": "b", "subject": "s01"]),
    ]
    #expect(
      try csv([:], rows, on: bench)
        == "stage,x.cut,y.cut,subject,my_measure,procrustes\ns,a,b,,,0.0\ns,a,b,s01,0.25,\n")
  }

  @Test func meansCarryTheirSpreadTheirIntervalAndTheirCount() throws {
    let bench = try Bench()
    let values: [(method: String, seed: String, scores: JSON)] = [
      ("a", "0", ["acc": 0.5, "loss": 1]), ("a", "1", ["acc": 0.7]), ("a", "2", ["acc": 0.9, "loss": 3]),
      ("b", "0", ["acc": 0.5]),
    ]
    let rows = try values.map { try bench.scores($0.scores, ["method": $0.method, "seed": $0.seed]) }
    func table(_ more: [String: JSON]) throws -> [[String: String]] {
      let parameters: [String: JSON] = ["over": ["seed"]]
      let lines = try csv(.object(parameters.merging(more) { $1 }), rows, on: bench).split(separator: "\n")
        .map {
          $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
      return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(lines[0], $0)) }
    }
    func number(_ cell: String?) throws -> Double { try #require(Double(cell ?? "")) }

    let student = try table([:])
    #expect(try abs(number(student[0]["acc_std"]) - 0.2) < 1e-12)
    // 4.3027 standard errors, 0.2/√3, to both sides.
    #expect(try abs(number(student[0]["acc_low"]) - 0.2031724577) < 1e-9)
    #expect(try abs(number(student[0]["acc_high"]) - 1.1968275423) < 1e-9)
    // Of the three rows two have a loss; of a single row no spread is known.
    #expect(student[0]["n"] == "3" && student[0]["loss_n"] == "2" && student[0]["acc_n"] == nil)
    #expect(student[1]["n"] == "1" && student[1]["acc"] == "0.5" && student[1]["loss_n"] == "0")
    for cell in ["acc_std", "acc_low", "acc_high", "loss", "loss_std"] { #expect(student[1][cell] == "") }

    let narrow = try table(["interval": ["kind": "t", "level": 0.5]])
    #expect(try number(narrow[0]["acc_low"]) > number(student[0]["acc_low"]))
    let drawn = try table(["interval": "bootstrap"])
    #expect(try number(drawn[0]["acc_low"]) >= 0.5 && number(drawn[0]["acc_high"]) <= 0.9)
    #expect(try drawn == table(["interval": ["kind": "bootstrap", "seed": 0, "correction": "bca"]]))
    #expect(try table(["interval": .null])[0]["acc_low"] == nil)
  }
}
