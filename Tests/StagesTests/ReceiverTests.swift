// What commands write becomes typed artifacts, or is refused with what is wrong, where, and what was expected.

import Canonical
import ContentStore
import Formats
import Foundation
import Stages
import Testing
import Workflow

@Suite struct ReceiverTests {
  /// What a receiver makes of a file.
  private func received(_ type: String, _ name: String, _ data: Data, on bench: Bench) throws -> URL {
    let folder = bench.folder.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let (written, place) = (folder.appending(path: name), folder.appending(path: "received"))
    try data.write(to: written)
    let receiver = try #require(artifactReceivers().first { $0.type.name == type })
    try receiver.receive(written, called: name, of: "o", as: OutputArtifact(url: place))
    return place
  }

  /// What is wrong with a file, without the words that every error begins with.
  private func problem(_ type: String, _ name: String, _ data: Data, on bench: Bench) throws -> String {
    do {
      _ = try received(type, name, data, on: bench)
      return "none"
    } catch let failure as Failure {
      #expect(failure.cause == .invalidValue)
      let help = try #require(artifactReceivers().first { $0.type.name == type }).help
      let beginning = "output 'o': \(name) is to be \(type) (\(help)): "
      #expect(failure.message.hasPrefix(beginning), "\(failure.message)")
      return String(failure.message.dropFirst(beginning.count))
    }
  }

  private func text(_ url: URL) throws -> String { try String(contentsOf: url, encoding: .utf8) }

  @Test func activationsAreCheckedAndPutInTheirForm() throws {
    let bench = try Bench()
    let shapes = "n × d, n × tokens × d or n × channels × height × width"
    let rows = StoredArray(doubles: [1, 2, 3, 4], shape: [2, 2])
    func file(_ arrays: [String: StoredArray], _ metadata: [String: String] = [:]) -> Data {
      SafetensorsFile.encode(arrays, metadata: metadata)
    }
    let table: [(Data, String)] = [
      (file(["a": rows]), "none"),
      (
        file(["a": StoredArray(doubles: [1, .nan, 2, .infinity], shape: [2, 2])]),
        "a.safetensors: a: nan at [0, 1]; expected finite numbers"
      ),
      (
        file(["a": StoredArray(doubles: [1, 2])]),
        "a.safetensors: a: shape [2]; expected samples first: \(shapes)"
      ),
      (
        file(["a": rows, "b": rows]),
        "a.safetensors: has the arrays a, b; call the one that is meant 'activations'"
      ),
      (
        file(["a": rows, "indices": StoredArray(integers: [3, -3])]),
        "a.safetensors: indices: -3 at index 1; indices count from 0"
      ),
      (
        file(["a": rows]).dropLast(3),
        "a.safetensors: tensor 'a' ends at byte 32 of the data, which has 29; the file is truncated"
      ),
      (
        Data("1,2,3\n".utf8),
        "a.safetensors: is no file of arrays, or a truncated one: expected .npy, .npz or .safetensors"
      ),
      (
        Data(), "a.safetensors: is no file of arrays, or a truncated one: expected .npy, .npz or .safetensors"
      ),
    ]
    for (data, expected) in table {
      #expect(try problem("activations", "a.safetensors", data, on: bench) == expected)
    }
    // What it says of its samples is kept.
    let told = ["samples": "mine/test", "samples_digest": Digest.of("s".utf8).hex, "marks": "none"]
    let made = try SafetensorsFile(
      contentsOf: received(
        "activations", "a.safetensors",
        file(["activations": rows, "indices": StoredArray(integers: [7, 5]), "other": rows], told), on: bench)
    )
    #expect(made.metadata == told.merging(["axes": "samples × features"]) { $1 })
    #expect(made.names == ["activations", "indices"])
    #expect(try made.array("activations").elementType == .f32)
    #expect(try made.array("indices").integers() == [7, 5])
  }

  @Test func scoresAreFiniteNumbersByName() throws {
    let bench = try Bench()
    for (text, expected) in [
      (#"{"my_measure": 0.5, "loss": [1, 0.5]}"#, "none"),
      (#"[1]"#, "found a list"),
      (#"{}"#, "there are no scores in it"),
      (#"{"a": {"b": 1}}"#, "the score 'a' is an object, expected a number or a list of numbers"),
      (#"{"a": "0.5"}"#, "the score 'a' is the text '0.5', expected a number or a list of numbers"),
      (#"{"a": true}"#, "the score 'a' is true, expected a number or a list of numbers"),
      (#"{"a": [1, null]}"#, "the score 'a' has null at index 1, expected numbers"),
      (#"{"myMeasure": 1}"#, "the score 'myMeasure' is not called in snake_case, such as my_measure"),
      (#"{"a": NaN}"#, "NaN at byte 6, expected finite numbers"),
      (#"{"a": [1, -Infinity]}"#, "-Infinity at byte 10, expected finite numbers"),
      (#"{"a": 1e999}"#, "not valid JSON at byte 11: '1e999' is out of range"),
      (#"{"a": 1"#, "not valid JSON at byte 7: expected '}'"),
      (#"{"a": 1, "a": 2}"#, "not valid JSON at byte 15: 'a' appears twice"),
      ("", "not valid JSON at byte 0: the text ends early"),
    ] {
      #expect(try problem("scores", "s.json", Data(text.utf8), on: bench) == expected, "\(text)")
    }
    let deep = String(repeating: "[", count: 100_000)
    #expect(
      try problem("scores", "s.json", Data("{\"a\":\(deep)".utf8), on: bench).hasSuffix(
        "nested more than 200 deep"))
    #expect(
      try text(received("scores", "s.json", Data("{ \"b\": 2,\r\n\"a\": 1.50 }".utf8), on: bench))
        == "{\"a\":1.5,\"b\":2}\n")
  }

  @Test func tablesAreRectangularAndTheirNumbersFinite() throws {
    let bench = try Bench()
    let table: [(String, String)] = [
      ("a,b\n1,x\n2,y\n", "none"),
      ("a,b\r\n1,\"x, y\"\r\n", "none"),
      ("", "it is empty, expected a header"),
      ("a,b\n1,2\n3\n", "row 2 has 1 cells, the header 2"),
      ("a,b\n1,2,\n", "row 1 has 3 cells, the header 2"),
      ("a,\n1,2\n", "column 2 has no name in the header"),
      ("a,b,a\n1,2,3\n", "two columns are called 'a'"),
      (
        "a,b\n1,2\n,nan\n",
        "'nan' in column 'b' of row 2, expected a finite number; leave the cell empty where there is none"
      ),
      (
        "a\n-inf\n0.5\n",
        "'-inf' in column 'a' of row 1, expected a finite number; leave the cell empty where there is none"
      ),
      ("name\nnan\ninfinite\n", "none"),
      ("a,b\n1,\"2\n3,4\n", "t.csv: line 2: a quote isn't closed"),
      ("a,b\n1,\"2\"x\n", "t.csv: line 2: text after a closing quote"),
      ("a,b\n1,2\"\n", "t.csv: line 2: a quote inside of a field that isn't quoted"),
    ]
    for (text, expected) in table {
      for type in ["table", "rows"] {
        #expect(try problem(type, "t.csv", Data(text.utf8), on: bench) == expected, "\(type): \(text)")
      }
    }
    let latin1 = Data("a\n".utf8) + [0xE9, 0x0A]
    #expect(try problem("table", "t.csv", latin1, on: bench) == "t.csv: line 2: is not UTF-8")
    let csv = Data("\u{FEFF}n,name\r\n1,\"a \"\"b\"\"\"\r\n,c\r\n0.5,\"d\ne\"".utf8)
    #expect(
      try text(received("table", "t.csv", csv, on: bench))
        == "n,name\n1,\"a \"\"b\"\"\"\n,c\n0.5,\"d\ne\"\n")
    #expect(
      try text(received("rows", "t.csv", csv, on: bench))
        == #"[{"n":1,"name":"a \"b\""},{"n":null,"name":"c"},{"n":0.5,"name":"d\ne"}]"# + "\n")
  }

  @Test func rowsMayBeJSON() throws {
    let bench = try Bench()
    for (text, expected) in [
      (#" [{"a": 1, "b": null}, {"b": "x", "a": 2}]"#, "none"),
      ("[]", "there are no rows in it"),
      ("[1]", "row 0 is 1, expected an object"),
      (#"[{"a": 1}, {"b": 1}]"#, "row 1 has the names b, row 0 has a"),
      (#"[{"a": [1]}]"#, "'a' of row 0 is a list, expected a single value"),
    ] {
      #expect(try problem("rows", "r.json", Data(text.utf8), on: bench) == expected, "\(text)")
    }
  }

  @Test func figuresAreSVG() throws {
    let bench = try Bench()
    for (text, expected) in [
      ("<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>\n", "none"),
      ("<?xml version=\"1.0\"?>\n<!-- <a> -->\n<!DOCTYPE svg>\n<svg></svg>", "none"),
      ("<html><svg></svg></html>", "its first element is not <svg>"),
      ("<svgx></svg>", "its first element is not <svg>"),
      ("<!-- never", "its '<!--' isn't closed"),
      ("<svg><rect/>", "it doesn't end with </svg>; it is truncated"),
      ("", "its first element is not <svg>"),
    ] {
      #expect(try problem("figure", "f.svg", Data(text.utf8), on: bench) == expected, "\(text)")
    }
    let png = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    #expect(try problem("figure", "f.png", png, on: bench) == "it is not UTF-8 text")
  }

  @Test func modelsSayTheirArchitecture() throws {
    let bench = try Bench()
    let network = try bench.network(on: bench.textures())
    let whole = try Data(contentsOf: bench.url(network))
    #expect(try Data(contentsOf: received("model", "m.safetensors", whole, on: bench)) == whole)
    let file = try SafetensorsFile(contentsOf: bench.url(network))
    var arrays = Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.array($0)) })
    func problem(_ metadata: [String: String]? = nil) throws -> String {
      try self.problem(
        "model", "m.safetensors", SafetensorsFile.encode(arrays, metadata: metadata ?? file.metadata),
        on: bench)
    }
    #expect(
      try problem([:])
        == "m.safetensors is not a model of Bobbin's: its metadata lack architecture, input, classes, mean or "
        + "std. Import it with model/import")
    arrays["bn1.num_batches_tracked"] = StoredArray(integers: [7], shape: [])
    #expect(try problem() == "none")
    arrays["fc.bias"] = StoredArray(doubles: [0, 1, 2, 3, 4, 5, 6, 7, 8, .nan])
    #expect(try problem() == "m.safetensors: fc.bias: nan at [9]; expected finite numbers")
  }

  @Test func datasetsAreOneFileOrAFolder() throws {
    let bench = try Bench()
    let images = StoredArray(bytes: Array(0..<96), shape: [2, 3, 4, 4])
    func file(_ arrays: [String: StoredArray]) -> Data { SafetensorsFile.encode(arrays) }
    let made = try bench.adopt(
      folder: received(
        "dataset", "mine.safetensors", file(["test": images, "test_labels": StoredArray(integers: [1, 0])]),
        on: bench))
    let description = try bench.json(bench.member("test/description.json", of: made))
    #expect(description["dataset"] == "mine" && description["classes"] == 2 && description["count"] == 2)
    func problem(_ arrays: [String: StoredArray]) throws -> String {
      let said = try self.problem("dataset", "d.safetensors", file(arrays), on: bench)
      return said.split(separator: "/").last.map(String.init) ?? said
    }
    #expect(try problem(["x": images]) == "d.safetensors: has the arrays x, neither train nor test")
    #expect(
      try problem(["train": StoredArray(doubles: [1, 2, 3, 300], shape: [1, 1, 2, 2])])
        == "d.safetensors: train: 2.0 at [0, 0, 0, 1]; images are in [0, 1], or uint8 from 0 to 255")
    #expect(
      try problem(["train": images, "train_labels": StoredArray(integers: [0])])
        == "d.safetensors: train_labels: found 1 labels, expected 2, one for each sample")
    #expect(
      try problem(["train": StoredArray(bytes: Array(0..<96), shape: [1, 8, 4, 3])])
        == "d.safetensors: train: shape [1, 8, 4, 3] looks like channels last; expected N × C × H × W")
  }
}
