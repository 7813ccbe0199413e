// Owns the list of receivers: the types that a command's outputs can have. A new one is one file under Receivers/ and
// one line here.

import Workflow

/// What makes artifacts of that which commands write, with its code as the build fingerprinted it. A program with
/// receivers of its own adds them: `artifactReceivers() + fingerprints.describe([Mine.self])`.
public func artifactReceivers() -> [ReceiverDescription] {
  fingerprints.describe([
    ActivationsReceiver.self,
    ScoresReceiver.self,
    TableReceiver.self,
    RowsReceiver.self,
    FigureReceiver.self,
    ModelReceiver.self,
    DatasetReceiver.self,
  ])
}
