// Owns the stage kind `activations/import`.

import Datasets
import Formats
import Foundation
import Workflow

struct ActivationsImport: StageKind {
  static let name = "activations/import"
  static let summary = "one's own representations, from a .npy, .npz or .safetensors file"
  static let discussion = """
    An array with samples first: \(SampleActivations.activationsShapes); numbers of any type become float32 and must be finite. \
    With `data` they are of that half's samples: all of them in order, the first `samples`, or those that an array \
    `indices` in the same file names. Then `similarity` compares them with others of the same samples alone; without \
    `data` it can only go by `indices` or by their number.
    """

  @ExternalInput("the file", .activations) var path: URL
  @Input("of which samples they are", .dataset, part: .parameter("split")) var data: InputArtifact?
  @Parameter("which array; needed where the file has several and none is called activations")
  var array: String? = nil
  @Parameter("which half of the dataset") var split = Split.test
  @Parameter("they are of the first so many samples of the half; null: of all", .atLeast(1))
  var samples: Int? = nil
  @Output("n × the shape of one, float32", .activations) var activations: OutputArtifact

  private var cure: String { "say which has the activations with 'array'" }

  func run(in context: StageContext) throws {
    var own = try SampleActivations(own: ArrayFile(contentsOf: path), array: array, cure: cure)
    if let data { own = try own.ofSamples(in: Half(data), count: samples, source: path.path) }
    try own.write(to: activations.url, cut: nil)
  }
}

extension ActivationsImport: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let data = foresight.facts(of: "data", DatasetFacts.self)
    let expected = data == nil ? nil : foresight.sampleCount(samples, of: "data", split)
    var facts = ActivationsFacts(
      samples: data.map { "\($0.name)/\(split)" }, source: data?.source,
      half: data.map { _ in split.rawValue })
    defer { foresight.know("activations", facts) }
    guard let path = foresight.file("path") else { return }
    do {
      let file = try ArrayFile(contentsOf: path)
      let name = try SampleActivations.arrayWithActivations(array, in: file, cure: cure)
      let shape = try file.shape(of: name)
      try SampleActivations.requireActivationsShape(shape, of: "\(file.file): \(name)")
      facts.count = shape[0]
      facts.know(shape: Array(shape.dropFirst()))
      if let expected, let samples = facts.samples, expected != shape[0], !file.names.contains("indices") {
        foresight.mistake(
          "path",
          "\(file.file) is of \(shape[0]) samples, \(samples) has \(expected); if it is of the first so many, write "
            + "samples: \(shape[0]), else add an array 'indices'")
      }
    } catch { foresight.mistake("path", "\(error)") }
  }
}
