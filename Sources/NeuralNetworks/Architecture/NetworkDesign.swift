// Owns what a family's file says: typed parameters, and the layers that follow from them.

/// An architecture's layers as a function of typed parameters; the images' size and the number of classes come later.
protocol NetworkDesign: Sendable {
  /// The design that a name means, with its defaults; nil where the name isn't one of this family's.
  init?(name: String)

  /// What can be chosen besides the name.
  static var parameters: [DesignParameter<Self>] { get }

  /// What is wrong with parameters that don't go together; nil: nothing.
  var problem: String? { get }

  /// The least height and width of images.
  var smallestSide: Int { get }

  /// What is wrong with images that aren't too small; nil: nothing.
  func problem(with input: ImageShape) -> String?

  /// Images by which help and messages show cuts where nothing is known of the data.
  var exampleInput: ImageShape { get }

  /// The names besides its own under which files of other programs have its tensors.
  var namings: [ParameterNaming] { get }

  /// The layers from image to logits, with cuts, under the names by which PyTorch's `load_state_dict` takes them.
  func layers(input: ImageShape, classes: Int) -> LayerGraph
}

extension NetworkDesign {
  var problem: String? { nil }
  var namings: [ParameterNaming] { [] }
  var smallestSide: Int { 8 }
  func problem(with input: ImageShape) -> String? { nil }
  var exampleInput: ImageShape { ImageShape(channels: 3, height: 32, width: 32) }
}

/// A parameter of a design: a typed property with what others must know of it.
struct DesignParameter<Design>: Sendable {
  let declaration: ArchitectureParameter
  let get: @Sendable (Design) -> ArchitectureValue
  /// Only for values that the declaration accepts.
  let set: @Sendable (inout Design, ArchitectureValue) -> Void

  /// A whole number.
  static func integer(
    _ name: String, _ help: String, _ range: ClosedRange<Int>,
    _ property: WritableKeyPath<Design, Int> & Sendable
  ) -> DesignParameter {
    DesignParameter(
      declaration: ArchitectureParameter(name: name, help: help, values: .integers(range)),
      get: { .integer($0[keyPath: property]) },
      set: {
        guard case .integer(let value) = $1 else { preconditionFailure("BUG: \(name) \($1)") }
        $0[keyPath: property] = value
      })
  }

  /// One of a few words.
  static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ help: String, _ property: WritableKeyPath<Design, Choice> & Sendable
  ) -> DesignParameter {
    DesignParameter(
      declaration: ArchitectureParameter(
        name: name, help: help, values: .words(Choice.allCases.map(\.rawValue))),
      get: { .word($0[keyPath: property].rawValue) },
      set: {
        guard case .word(let word) = $1, let value = Choice(rawValue: word) else {
          preconditionFailure("BUG: \(name) \($1)")
        }
        $0[keyPath: property] = value
      })
  }
}
