// Owns the list of stage kinds. A new kind is one file under Kinds/ and one line here.

import Canonical
import ContentStore
import Workflow

/// The stage kinds that Bobbin has.
public let stageKinds: [any StageKind.Type] = [
  DatasetMNIST.self,
  DatasetCIFAR10.self,
  DatasetSynthetic.self,
  DatasetShortcut.self,
  DatasetArrays.self,
  Train.self,
  ModelImport.self,
  Activations.self,
  SimilarityKind.self,
  Stitch.self,
  Evaluate.self,
  Table.self,
  Heatmap.self,
  Command.self,
]

/// The kinds with their code, as the build fingerprinted it.
public let catalogue = KindCatalogue(stageKinds.map { KindDescription($0, code: code(of: $0)) })

/// A kind's code is listed under the name of its file, which is the name of its type.
private func code(of kind: any StageKind.Type) -> CodeManifest {
  guard let members = fingerprintedKinds["\(kind)"] else {
    preconditionFailure("BUG: \(kind) is not in a file of its name under Kinds/")
  }
  let files = members.map { fingerprintedFiles[$0] }
  return CodeManifest(
    files: Dictionary(uniqueKeysWithValues: files.map { ($0.path, Digest(hex: $0.digest)!) }))
}
