// Owns the names under which other programs know a network's tensors, and which of them a file uses.

public import Tensor

/// Another program's names for the tensors of a family.
struct ParameterNaming: Sendable {
  /// Whose names these are, for messages.
  let source: String
  /// What that program calls the tensor that is called so here.
  let foreign: @Sendable (String) -> String
  /// What stands for a tensor that such files don't have, by its name here and its shape; nil: they have it.
  let constant: @Sendable (_ name: String, _ shape: [Int]) -> Tensor?

  init(
    _ source: String, constant: @escaping @Sendable (String, [Int]) -> Tensor? = { _, _ in nil },
    foreign: @escaping @Sendable (String) -> String
  ) {
    self.source = source
    self.foreign = foreign
    self.constant = constant
  }

  /// Residual networks that call a block's strided convolution `shortcut` and the classifier `linear`, as many
  /// programs for CIFAR do.
  static let shortcutAndLinear = ParameterNaming("shortcut and linear") {
    $0.replacing(".downsample.", with: ".shortcut.").replacingPrefix("fc.", with: "linear.")
  }
}

extension String {
  /// This with another beginning, where it has that one.
  func replacingPrefix(_ prefix: String, with other: String) -> String {
    hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
  }
}

/// A state dict's tensors under an architecture's own names.
public struct AdoptedNames: Sendable {
  /// Own name → the file's.
  public let files: [String: String]
  /// Own name → the value of a tensor that such files don't have.
  public let constants: [String: Tensor]
  private let architecture: Architecture

  /// - Parameter names: a file's. Of the namings that the family accepts, that one is taken which most of them are in.
  public init(_ names: some Collection<String>, for architecture: Architecture) {
    self.architecture = architecture
    let names = Set(names.filter { !$0.hasSuffix("num_batches_tracked") })
    // What torch.nn.DataParallel and torch.compile put before all names.
    let prefix = ["module.", "_orig_mod."].first { prefix in
      !names.isEmpty && names.allSatisfy { $0.hasPrefix(prefix) }
    }
    let own = architecture.parameterShapes
    let candidates = ([ParameterNaming("own") { $0 }] + architecture.namings).map { naming in
      var (files, constants): ([String: String], [String: Tensor]) = ([:], [:])
      for (name, shape) in own {
        let file = (prefix ?? "") + naming.foreign(name)
        if !names.contains(file), let constant = naming.constant(name, shape) {
          constants[name] = constant
        } else {
          files[name] = file
        }
      }
      return (files: files, constants: constants)
    }
    func absent(_ candidate: (files: [String: String], constants: [String: Tensor])) -> Int {
      candidate.files.values.count { !names.contains($0) }
    }
    // The first of those that lack the fewest.
    let best = candidates.reduce(candidates[0]) { absent($1) < absent($0) ? $1 : $0 }
    (files, constants) = best
  }

  /// Throws unless a file with tensors of these shapes, under its names, has all that the architecture needs and no
  /// more. Messages use the file's names.
  public func require(_ shapes: [String: [Int]]) throws {
    try architecture.requireParameters(shapes, called: files, except: Set(constants.keys))
  }
}
