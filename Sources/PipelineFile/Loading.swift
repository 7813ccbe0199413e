// Owns the way from a path to a `Pipeline`: read, lay parameters over each other, expand the
// matrices in the order in which stages refer to each other, bind.

import Foundation
import Workflow

extension Pipeline {
  /// More instances than this are a slip of somebody who multiplied too many axes.
  static let maximumInstances = 1_000_000

  /// Reads the pipeline file at `path` (kept as given, for messages).
  /// - Parameters:
  ///   - sets: `a.b=value`, each over what the file and `paramsFile` say.
  ///   - paramsFile: a YAML map over the file's `params`.
  /// - Throws: `PipelineFileError`.
  public static func load(
    path: String, catalogue: KindCatalogue, sets: [String] = [], paramsFile: URL? = nil
  ) throws -> Pipeline {
    do {
      return try loadThrowingIssues(path: path, catalogue: catalogue, sets: sets, paramsFile: paramsFile)
    } catch let issue as DecodingIssue {
      throw PipelineFileError([issue])
    } catch let several as DecodingIssues {
      throw PipelineFileError(several.issues)
    }
  }

  private static func loadThrowingIssues(
    path: String, catalogue: KindCatalogue, sets: [String], paramsFile: URL?
  ) throws -> Pipeline {
    try checkIsText(path)
    let url = URL(fileURLWithPath: path).standardizedFileURL
    let root = projectRoot(of: url)
    let written = try WrittenPipeline(url, named: path)
    let settings = try Settings.load(root: root, kinds: catalogue.names)
    let params = try readParams(written.params, sets: sets, paramsFile: paramsFile)
    let remotes = try written.remote.map { try RemoteSetting.list($0, "remote") } ?? []
    guard !written.stages.isEmpty else { throw DecodingIssue(written.start, "the file has no stages") }

    // What is wrong with one stage keeps only those from being looked at that refer to it.
    var issues = IssueCollector()
    let declarations = try written.stages.map { member in
      try issues.collect("stage '\(member.name)'") {
        try StageDeclaration(member, catalogue: catalogue, params: params)
      }
    }
    let evaluator = Evaluator(params: params, stageNames: written.stages.map(\.name))
    let references = try References(declarations, evaluator, &issues)
    try expand(declarations, references, evaluator, &issues)
    let stages = try bind(declarations, references, evaluator, root: root, &issues)
    try issues.throwIfAny(first: path)
    let file = name(of: url, root: root)
    return Pipeline(
      graph: Graph(
        stages: stages, project: root.path, file: file,
        settings: KeySettings(salt: settings.salt, platform: settings.platform)), root: root, file: file,
      remotes: remotes, settings: settings, stages: written.stages.count,
      warnings: (params.unused(in: path)
        + zip(declarations, evaluator.stages).flatMap { $0!.unusedAxes(of: $1!) }).map {
          PipelineFileError.Issue($0)
        },
      selection: Selection(evaluator))
  }

  private static func readParams(
    _ written: RawValue?, sets: [String], paramsFile: URL?
  ) throws -> Parameters {
    var raw = written
    if let paramsFile {
      let name = paramsFile.relativePath
      let changes = try Reading.value(in: try Reading.text(of: paramsFile, named: name), named: name)
      guard case .map(let members, _)? = changes else {
        let place = changes?.place ?? Place(file: name, line: 1, column: 1)
        throw DecodingIssue(place, "expected a map of parameters, found \(changes?.found ?? "nothing")")
      }
      raw = try Parameters.merge(members, over: raw)
    }
    for assignment in sets { raw = try Parameters.set(assignment, over: raw) }
    let params = try Parameters(raw)
    try params.check()
    return params
  }

  /// Expands every stage after those it refers to.
  private static func expand(
    _ declarations: [StageDeclaration?], _ references: References, _ evaluator: Evaluator,
    _ issues: inout IssueCollector
  ) throws {
    var total = 0
    for s in references.order where references.of[s].allSatisfy({ evaluator.stages[$0] != nil }) {
      guard let declaration = declarations[s] else { continue }
      evaluator.stages[s] = try issues.collect("stage '\(declaration.name)'") {
        let stage = try ExpandedStage(declaration, evaluator)
        total += stage.count
        guard total <= maximumInstances else {
          throw DecodingIssue(declaration.place, "the file expands to over \(maximumInstances) instances")
        }
        return stage
      }
    }
  }

  /// Binds the instances of every stage after those it refers to, so that what is known of these can be used.
  /// - Returns: the stages in the order of the file; fewer than there are where something is wrong.
  private static func bind(
    _ declarations: [StageDeclaration?], _ references: References, _ evaluator: Evaluator, root: URL,
    _ issues: inout IssueCollector
  ) throws -> [StageInstances] {
    var offsets: [Int] = []
    var total = 0
    for stage in evaluator.stages {
      offsets.append(total)
      total += stage?.count ?? 0
    }
    let bound = BoundInstances(count: total) { i in
      let s = offsets.indices.last { offsets[$0] <= i && evaluator.stages[$0] != nil }!
      return evaluator.stages[s]!.names.labels(of: i - offsets[s]).map(\.axis)
    }
    var stages = [StageInstances?](repeating: nil, count: declarations.count)
    for s in references.order {
      guard let declaration = declarations[s], let stage = evaluator.stages[s] else { continue }
      let binding = Binding(
        declaration: declaration, stage: stage, evaluator: evaluator, offsets: offsets, root: root)
      stages[s] = try binding.bind(among: bound, at: offsets[s], &issues)
    }
    return stages.compactMap(\.self)
  }

  /// Paths stand in records, messages and command lines, which are text.
  private static func checkIsText(_ path: String) throws {
    var here = [CChar](repeating: 0, count: Int(PATH_MAX))
    if !path.hasPrefix("/") { _ = getcwd(&here, here.count) }
    let folder = here.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let isText = String(validating: folder, as: UTF8.self) != nil
    // What the command line gave that wasn't UTF-8 has become U+FFFD.
    guard isText, !path.unicodeScalars.contains("\u{FFFD}") else {
      let name = isText ? path : String(decoding: folder, as: UTF8.self)
      throw PipelineFileError(
        .nowhere, "\(name): the path isn't UTF-8, so it can't be written down. Rename the folder or file")
    }
  }

  /// What the store remembers a pipeline file by: its path from its project's root.
  public static func name(of file: URL, root: URL) -> String {
    file.path.hasPrefix(root.path + "/") ? String(file.path.dropFirst(root.path.count + 1)) : file.path
  }

  /// The root of the project that `file` belongs to: its nearest ancestor with `bobbin.yaml` or `.git`, else its
  /// folder.
  public static func projectRoot(of file: URL) -> URL {
    let folder = file.deletingLastPathComponent()
    var candidate = folder
    while true {
      for name in [Settings.fileName, ".git"]
      where FileManager.default.fileExists(atPath: candidate.appendingPathComponent(name).path) {
        return candidate
      }
      let parent = candidate.deletingLastPathComponent().standardizedFileURL
      // From a folder that was removed the way up gets longer and longer.
      guard parent.path.utf8.count < candidate.path.utf8.count else { return folder }
      candidate = parent
    }
  }
}
