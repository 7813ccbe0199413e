// Owns the stage kind `model/import`.

import Canonical
import Foundation
import Formats
import NeuralNetworks
import Tensor
import Workflow

struct ModelImport: StageKind {
  static let name = "model/import"
  static let summary =
    "a PyTorch state dict saved as safetensors, with torchvision's or timm's parameter names"
  static let discussion = """
    Parameters must be those of the architecture, all of them and no others, with their shapes; besides torchvision's \
    names those of common programs for small images are taken (ResNets with shortcut and linear, or with shortcuts \
    that have no parameters), and what DataParallel puts before them. The \
    standardisation becomes a part of the model: networks here take pixels in [0, 1].
    """

  @ExternalInput("the safetensors file", .model) var path: URL
  @Parameter("which network") var architecture: ArchitectureChoice
  @Parameter("size of its input: channels, height, width", .between(1, 4096)) var input = [3, 32, 32]
  @Parameter("how many classes it tells apart", .between(2, 65_536)) var classes = 10
  @Parameter("the architecture's parameter 'width'; null: its own", .atLeast(1)) var width: Int? = nil
  @Parameter("subtracted from each channel, in [0, 1]; none by default") var mean: [Double] = []
  @Parameter("each channel is divided by it; none by default", .above(0)) var std: [Double] = []
  @Output("the network", .model) var model: OutputArtifact

  func validate() throws {
    guard input.count == 3 else {
      throw InvalidParameter("input", "expected three sizes, found \(input.count)")
    }
    for (name, values) in [("mean", mean), ("std", std)] where !values.isEmpty && values.count != input[0] {
      throw InvalidParameter(name, "expected \(input[0]) numbers, one a channel, found \(values.count)")
    }
    _ = try architecture.with(width: width)
    _ = try described("architecture")
  }

  var derivedParameters: [String: JSON] { ["architecture": network.json, "width": .null] }
  var listedCode: [String] { [architecture.file] }

  private var network: ArchitectureChoice {
    guard let network = try? architecture.with(width: width) else {
      preconditionFailure("BUG: width wasn't validated")
    }
    return network
  }

  func run(in context: StageContext) throws {
    let file = try SafetensorsFile(contentsOf: path)
    let network = try described("architecture")
    let names = try adopted(file, for: network)
    let tensors = try names.files.mapValues { try file.tensor($0) }.merging(names.constants) { $1 }
    let channels = input[0]
    let standardisation = Standardisation(
      mean: mean.isEmpty ? Array(repeating: 0, count: channels) : mean.map(Float.init),
      deviation: std.isEmpty ? Array(repeating: 1, count: channels) : std.map(Float.init))
    try Model(architecture: network, tensors: tensors, standardisation: standardisation)
      .writeModel(to: model)
  }

  /// The names that the file has for the network's tensors; throws unless these are all it has, with their shapes.
  private func adopted(_ file: SafetensorsFile, for network: Architecture) throws -> AdoptedNames {
    let names = AdoptedNames(file.names, for: network)
    try names.require(
      Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.array($0).shape) }))
    return names
  }

  private func described(_ parameter: String) throws -> Architecture {
    do {
      let shape = ImageShape(channels: input[0], height: input[1], width: input[2])
      return try network.network(shape, classes: classes)
    } catch let error as NetworkError {
      throw InvalidParameter(parameter, error.description)
    }
  }
}

extension ModelImport: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    if let model = ModelFacts(network, input: input, classes: classes) {
      foresight.know("model", model)
    }
    guard let path = foresight.file("path") else { return }
    do {
      let file = try SafetensorsFile(contentsOf: path)
      _ = try adopted(file, for: described("architecture"))
    } catch { foresight.mistake("path", "\(error)") }
  }
}
