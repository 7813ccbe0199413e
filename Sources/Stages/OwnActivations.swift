// Owns taking representations that somebody's own program made: which array of a file, of which shape, and of which
// samples.

import Canonical
import Datasets
import Formats
import Tensor
import Workflow

extension SampleActivations {
  /// What shapes there are.
  static let activationsShapes = "n × d, n × tokens × d or n × channels × height × width"

  /// Reads a `.npy`, `.npz` or `.safetensors` file, in its own or in the artifact's form.
  /// - Parameter name: of the array; nil where there is only one besides `indices`, or one called `activations`.
  /// - Parameter cure: what to do where the file has several arrays.
  init(own file: ArrayFile, array name: String? = nil, cure: String) throws {
    let name = try SampleActivations.arrayWithActivations(name, in: file, cure: cure)
    let array = try file.array(name)
    try SampleActivations.requireActivationsShape(array.shape, of: array.origin)
    let indices = name != "indices" && file.names.contains("indices") ? try file.array("indices") : nil
    try self.init(
      values: array.finiteTensor(),
      indices: indices.map { try SampleActivations.importedIndices($0, of: array) },
      metadata: file.metadata)
  }

  /// Which array of a file has the activations.
  static func arrayWithActivations(_ name: String?, in file: ArrayFile, cure: String) throws -> String {
    let candidates = file.names.filter { $0 != "indices" || file.names.count == 1 }
    guard
      let name = name ?? (candidates.count == 1 ? candidates[0] : candidates.first { $0 == "activations" })
    else {
      throw FormatError(
        file: file.file,
        candidates.isEmpty ? "has no arrays" : "has the arrays \(file.listed); \(cure)")
    }
    return name
  }

  /// Throws unless activations can have this shape.
  static func requireActivationsShape(_ shape: [Int], of origin: String) throws {
    guard (2...4).contains(shape.count), shape.allSatisfy({ $0 >= 1 }) else {
      throw FormatError(
        file: origin, "shape \(shape); expected samples first: \(SampleActivations.activationsShapes)")
    }
  }

  /// The samples' indices in their half, one for each of the `activations`.
  private static func importedIndices(_ array: StoredArray, of activations: StoredArray) throws -> [Int] {
    guard array.shape == [activations.shape[0]] else {
      throw FormatError(
        file: array.origin,
        "shape \(array.shape), expected [\(activations.shape[0])]: one index for each of the samples")
    }
    let indices = try array.integers()
    if let wrong = indices.firstIndex(where: { $0 < 0 }) {
      throw FormatError(file: array.origin, "\(indices[wrong]) at index \(wrong); indices count from 0")
    }
    return indices
  }

  /// The same of samples of a half: those that `indices` name, else the first `count` (nil: all there are).
  /// - Parameter source: what errors call them.
  func ofSamples(in half: Half, count: Int?, source: String) throws -> SampleActivations {
    let (found, name) = (values.shape[0], half.description.name)
    if let indices {
      if let wrong = indices.firstIndex(where: { $0 >= half.samples.count }) {
        throw InputError(
          message:
            "\(source): \(indices[wrong]) at index \(wrong) of 'indices'; \(name) has \(half.samples.count) samples"
        )
      }
      return SampleActivations(values: values, indices: indices, samples: half.identity(of: indices))
    }
    let expected = try half.samples.first(count, of: name).count
    guard found == expected else {
      let cure =
        found < half.samples.count
        ? "; if it is of the first \(found), write samples: \(found), else add an array 'indices'" : ""
      throw InputError(
        message: "\(source) is of \(found) samples, \(count == nil ? "" : "the part of ")\(name) "
          + "\(count == nil ? "has" : "that is asked for has") \(expected)\(cure)")
    }
    return SampleActivations(
      values: values, indices: Array(0..<found), samples: half.identity(of: 0..<found))
  }
}
