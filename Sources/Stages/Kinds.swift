// Owns the list of stage kinds. A new kind is one file under Kinds/ and one line here.

import Workflow

/// The stage kinds that Bobbin has, with their code as the build fingerprinted it. A program with kinds of its own
/// adds them: `stageKinds() + fingerprints.describe([Mine.self])`.
public func stageKinds() -> [KindDescription] {
  fingerprints.describe([
    Fetch.self,
    DatasetMNIST.self,
    DatasetCIFAR10.self,
    DatasetCIFAR100.self,
    DatasetSVHN.self,
    DatasetSynthetic.self,
    DatasetSubset.self,
    DatasetMix.self,
    DatasetCorrupt.self,
    DatasetShortcut.self,
    DatasetIRI.self,
    DatasetImages.self,
    DatasetArrays.self,
    Train.self,
    ModelImport.self,
    Activations.self,
    ActivationsImport.self,
    SimilarityKind.self,
    Stitch.self,
    Evaluate.self,
    Confusion.self,
    OODScore.self,
    Sensitivity.self,
    Difference.self,
    Table.self,
    Compare.self,
    Heatmap.self,
    Lines.self,
    Scatter.self,
    Curves.self,
    Command.self,
  ])
}
