// Owns what reading a pipeline file gives: the graph and where it belongs.

import Foundation
import Workflow

/// A pipeline file, read.
public struct Pipeline: Sendable {
  /// The stages' instances, stages in the order of the file and the first axis of a matrix varying slowest.
  public let graph: Graph
  /// The project's root: the file's nearest ancestor with `bobbin.yaml` or `.git`, else its folder.
  public let root: URL
  /// The file, relative to the root.
  public let file: String
  /// `remote:` as written: where the team shares results.
  public let remote: String?
  /// What `bobbin.yaml` in the root says.
  public let settings: Settings
  /// What the command line's selections are read against.
  let selection: Selection
}
