// Owns the stage kind `similarity`.

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
  var layout = Layout.flatten
  @Output("each measure's value by its name", .scores) var scores: OutputArtifact

  func validate() throws {
    do {
      for measure in measures { _ = try Measure.named(measure) }
    } catch let error as SimilarityError {
      throw InvalidParameter("measures", error.description)
    }
  }

  func run(in context: StageContext) throws {
    let (left, right) = (try SampleActivations(x), try SampleActivations(y))
    try left.requireSameSamples(as: right)
    let a = try Representation(left.values, layout: layout, name: "x")
    let b = try Representation(right.values, layout: layout, name: "y")
    var values = Scores()
    for (i, name) in measures.enumerated() {
      values[name] = try Measure.named(name)(a, b)
      context.progress(Double(i + 1) / Double(measures.count), ["measure": name])
    }
    try values.write(to: scores)
  }
}
