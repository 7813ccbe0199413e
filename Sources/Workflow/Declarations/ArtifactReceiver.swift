// Owns how what a command wrote becomes an artifact of a type: the seam between what people's own programs write and
// what the stages read. Which receivers exist is the business of those who know the types.

import Foundation

/// Makes an artifact of one type from what a command wrote, for `outputs: { acts: { file: acts.npy, type: activations } }`.
/// One struct in one file, and one line in its list. What the file reaches is in the keys of the commands with outputs
/// of that type, and in no others.
public protocol ArtifactReceiver: Sendable {
  /// The type that it gives, whose name `type:` says.
  static var type: ArtifactType { get }
  /// What it takes, in one line: `a .npy, .npz or .safetensors file, samples first`.
  static var help: String { get }

  init()

  /// Writes the artifact in the form that the type has in the store.
  /// - Parameters:
  ///   - written: the file or folder that the command wrote, by the name that the pipeline file gives it.
  ///   - output: where the artifact is to be put.
  /// - Throws: what is wrong with the file and what was expected, such as `InputError`. The engine adds the output and
  ///   the file's name, and makes it a failure of the cause `invalidValue`.
  func receive(_ written: URL, as output: OutputArtifact) throws
}

/// A receiver as data.
public struct ReceiverDescription: Sendable {
  public let type: ArtifactType
  public let help: String
  /// The sources that decide what it makes of a file, put together at each use: most pipelines use few receivers.
  public var code: CodeManifest { findCode() }
  private let findCode: @Sendable () -> CodeManifest
  private let receiver: any ArtifactReceiver

  public init(_ type: any ArtifactReceiver.Type, code: @autoclosure @escaping @Sendable () -> CodeManifest) {
    self.type = type.type
    findCode = code
    help = type.help
    receiver = type.init()
  }

  /// Has the artifact written. Throws `Failure`.
  /// - Parameter name: the file's name as the pipeline file gives it, for the error.
  public func receive(
    _ written: URL, called name: String, of outputName: String, as output: OutputArtifact
  ) throws {
    do { try receiver.receive(written, as: output) } catch let failure as Failure { throw failure } catch {
      throw Failure(
        .invalidValue, "output '\(outputName)': \(name) is to be \(type.name) (\(help)): \(error)")
    }
  }
}
