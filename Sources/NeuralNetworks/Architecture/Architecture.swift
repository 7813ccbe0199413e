// Owns what a network looks like: its family's parameters, its cuts and its tensors' shapes. It deliberately doesn't
// know parameter values, how anything is computed, or any family by name.

/// Where a network can be cut (some papers say hook point).
public struct Cut: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The place's name, `stage1.0` for instance.
  public let name: String

  /// The cut of that name; whether an architecture has it shows only there.
  public init(_ name: String) { self.name = name }

  /// The name.
  public var description: String { name }
}

/// A network's layers: a family's name with its parameters, for images of one size and so many classes.
public struct Architecture: Sendable, Hashable {
  /// The name that chose the family, and within it the depth or size: `resnet20`.
  public let name: String
  /// The images it takes, with values in [0, 1].
  public let input: ImageShape
  /// The number of logits.
  public let classes: Int
  /// All parameters of the family, defaults included.
  public let parameters: [String: ArchitectureValue]

  /// The architecture of that name.
  /// - Parameter parameters: those that differ from the name's defaults.
  /// - Throws: `NetworkError` that lists the known names or parameters, or says which size can't be.
  public init(
    name: String, input: ImageShape, classes: Int, parameters: [String: ArchitectureValue] = [:]
  ) throws {
    let design = try ArchitectureFamily.design(name, parameters)
    guard classes >= 2 else { throw NetworkError("\(name): \(classes) classes; at least 2 are needed") }
    let side = design.smallestSide
    guard input.channels >= 1, input.height >= side, input.width >= side else {
      throw NetworkError("\(name): images of \(input) are too small; at least 1×\(side)×\(side) is needed")
    }
    if let problem = design.problem(with: input) { throw NetworkError("\(name): \(problem)") }
    self.name = name
    self.input = input
    self.classes = classes
    self.parameters = design.values
  }

  /// The architecture of that name and width: channels of the first layer, or what else the family calls so.
  public init(name: String, input: ImageShape, classes: Int, width: Int) throws {
    try self.init(name: name, input: input, classes: classes, parameters: ["width": .integer(width)])
  }

  /// The architecture of that name for images by which its cuts can be shown where nothing is known of the data.
  public static func example(
    name: String, parameters: [String: ArchitectureValue] = [:]
  ) throws -> Architecture {
    let design = try ArchitectureFamily.design(name, parameters)
    return try Architecture(name: name, input: design.exampleInput, classes: 10, parameters: parameters)
  }

  private var design: any NetworkDesign {
    guard let design = try? ArchitectureFamily.design(name, parameters) else {
      preconditionFailure("BUG: \(name) was accepted with \(parameters)")
    }
    return design
  }

  /// The layers from image to logits.
  var layers: LayerGraph { design.layers(input: input, classes: classes) }

  /// The names besides its own under which files have its tensors.
  var namings: [ParameterNaming] { design.namings }

  /// Where it can be cut, from input to output; the last one comes before the classifier.
  public var cuts: [Cut] { layers.nodes.compactMap(\.cut) }

  /// The cut of that name.
  /// - Throws: `NetworkError` that lists the cuts there are.
  public func cut(named name: String) throws -> Cut {
    guard cuts.contains(Cut(name)) else {
      let known = cuts.map(\.name).joined(separator: ", ")
      throw NetworkError("\(self.name) has no cut '\(name)'. It has: \(known)")
    }
    return Cut(name)
  }

  /// The shape of the activations at a cut.
  /// - Throws: `NetworkError` that lists the cuts there are.
  public func shape(at cut: Cut) throws -> ActivationShape {
    _ = try self.cut(named: cut.name)
    let layers = layers
    return layers.activationShape(layers.nodes.firstIndex { $0.cut == cut }!)
  }

  /// Throws `NetworkError` where a layer can't be computed in this precision, on whatever processor.
  public func require(_ precision: Precision) throws {
    if precision == .bfloat16, layers.nodes.contains(where: \.layer.needsFloat32) {
      throw Precision.refusal(of: name)
    }
  }

  /// Names (those that PyTorch's `load_state_dict` takes) and shapes of everything a model of this architecture must
  /// have: parameters and running statistics, in the order of the layers.
  public var parameterShapes: [(name: String, shape: [Int])] {
    layers.parameters.map { ($0.name, $0.shape) }
  }

  /// Throws unless these are the shapes of the parameters and running statistics of a model of this architecture, all of
  /// them and no others. PyTorch's `num_batches_tracked` counters don't matter.
  public func requireParameters(_ shapes: [String: [Int]]) throws {
    try requireParameters(shapes, called: [:], except: [])
  }

  /// The same of tensors under a file's names.
  /// - Parameters:
  ///   - files: own name → the file's, where that differs.
  ///   - absent: own names of those that the file needn't have.
  func requireParameters(
    _ shapes: [String: [Int]], called files: [String: String], except absent: Set<String>
  ) throws {
    let wanted = parameterShapes.filter { !absent.contains($0.name) }
      .map { (name: files[$0.name] ?? $0.name, shape: $0.shape) }
    for (name, shape) in wanted {
      guard let found = shapes[name] else {
        throw NetworkError("\(self.name): parameter '\(name)' \(shape) is missing")
      }
      guard found == shape else {
        throw NetworkError("\(self.name): parameter '\(name)' has shape \(found); it should be \(shape)")
      }
    }
    let extra = Set(shapes.keys.filter { !$0.hasSuffix("num_batches_tracked") })
      .subtracting(wanted.map(\.name)).sorted()
    guard let first = extra.first else { return }
    throw NetworkError(
      "\(name) has no parameter '\(first)'"
        + (extra.count > 1 ? " (and \(extra.count - 1) others that aren't its own)" : "")
        + ". Is it another architecture?")
  }
}
