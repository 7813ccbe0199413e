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
  public let remotes: [RemoteSetting]
  /// What `bobbin.yaml` in the root says.
  public let settings: Settings
  /// How many stages there are.
  public let stages: Int
  /// What is suspicious in the file, and keeps nothing from running.
  public let warnings: [PipelineFileError.Issue]
  /// What the command line's selections are read against.
  let selection: Selection
}

extension Pipeline {
  /// The files of the project that commands name and nothing declares, where the stages stand.
  public var undeclaredFiles: [PipelineFileError.Issue] {
    graph.undeclaredWords.map { PipelineFileError.Issue(DecodingIssue($0.place, $0.message)) }
  }

  /// The external files that aren't there, where they are named. Whatever reads them can't run here; the file may be
  /// right all the same.
  public var absences: [PipelineFileError.Issue] {
    var seen = Set<String>()
    return graph.instances.flatMap { instance in
      instance.externals.compactMap { external in
        guard seen.insert("\(external.place) \(external.url.path)").inserted,
          !FileManager.default.fileExists(atPath: external.url.path)
        else { return nil }
        return PipelineFileError.Issue(
          DecodingIssue(
            external.place,
            "stage '\(instance.stage)': \(external.name): \(external.url.path): no such file or directory"))
      }
    }
  }
}
