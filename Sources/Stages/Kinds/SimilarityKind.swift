// Owns the stage kind `similarity`.

import Formats
import Similarity
import Workflow

struct SimilarityKind: StageKind {
  static let name = "similarity"
  static let summary = "how similar two representations of the same samples are"
  static var discussion: String {
    Measure.all.map { "\($0.name): \($0.summary). \($0.citation)" }.joined(separator: "\n")
  }

  @Input("activations of one network", .activations) var x: InputArtifact
  @Input("activations of another, of the same images", .activations) var y: InputArtifact
  @Parameter("which measures; see the list below") var measures = ["linear-cka"]
  @Parameter("of images: flatten to N × CHW, pool over space, or take every place for a sample")
  var layout = LayoutName.flatten
  @Output("each measure's value by its name", .scores) var scores: OutputArtifact

  func validate() throws {
    do {
      for measure in measures { _ = try Measure.named(measure) }
    } catch let error as SimilarityError {
      throw InvalidParameter("measures", error.description)
    }
  }

  func run(in context: StageContext) throws {
    let a = try representation(x, name: "x")
    let b = try representation(y, name: "y")
    var values = Scores()
    for (i, name) in measures.enumerated() {
      values[name] = try Measure.named(name)(a, b)
      context.progress(Double(i + 1) / Double(measures.count), ["measure": name])
    }
    try values.write(to: scores)
  }

  private func representation(_ input: InputArtifact, name: String) throws -> Representation {
    let tensor = try SafetensorsFile(contentsOf: input.url).tensor("activations")
    return try Representation(tensor, layout: layout.layout, name: name)
  }
}

enum LayoutName: String, ParameterChoice {
  case flatten, pool
  case spaceAsSamples = "space-as-samples"

  var layout: Layout { Layout(rawValue: rawValue)! }
}
