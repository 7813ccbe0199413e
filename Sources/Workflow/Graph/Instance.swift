// Owns a node of the DAG: one point of a stage's matrix, as the pipeline file said it, before any digest is known.

import Canonical
import ContentStore
import Foundation

/// One instance of a stage: a row of its stage's columns, which are read as they are asked for.
public struct Instance: Sendable {
  let its: StageInstances
  let row: Int

  init(_ its: StageInstances, _ row: Int) {
    self.its = its
    self.row = row
  }

  /// An instance that stands for itself.
  public init(
    name: String, stage: String, labels: [Label] = [], kind: KindDescription, parameters: JSON,
    inputs: [InputBinding] = [], externals: [ExternalBinding] = [], commandCode: CommandCode? = nil,
    environment: [String] = [], secrets: Set<String> = [], outputs: [OutputDescription],
    resources: Resources = Resources(), retry: Retry? = nil, place: Place = .nowhere
  ) {
    var columns = InstanceColumns()
    columns.append(
      parameters: .init(parameters), inputs: inputs.map { .init($0) }, externals: externals.map { .init($0) },
      code: commandCode)
    let facts = StageFacts(
      name: stage, kind: kind, environment: environment, secrets: secrets, outputs: outputs,
      resources: resources, retry: retry, place: place)
    its = StageInstances(facts, names: InstanceNames(stage: stage, name: name, labels: labels), columns)
    row = 0
  }

  /// The canonical name, which no other instance has: `stitched[front=model[regime=standard,seed=0],cut=stem]`.
  public package(set) var name: String {
    get { its.names.name(of: row) }
    set { self = with(name: newValue) }
  }
  public package(set) var stage: String {
    get { its.facts.name }
    set { self = with(stage: newValue) }
  }
  /// The axes, flattened: `front.regime`, `front.seed`, `cut`.
  public package(set) var labels: [Label] {
    get { its.names.labels(of: row) }
    set { self = with(labels: newValue) }
  }
  public package(set) var kind: KindDescription {
    get { its.facts.kind }
    set { self = with(kind: newValue) }
  }
  /// In canonical form, as `KindDescription.decode` gave it.
  public package(set) var parameters: JSON {
    get { its.columns.parameters(row) }
    set { self = with(parameters: newValue) }
  }
  /// Whether these bytes stand in the parameters' canonical text.
  func mentionsInParameters(_ text: StaticString) -> Bool { its.columns.parameters(row, mention: text) }
  public package(set) var inputs: [InputBinding] {
    get { its.columns.inputs(row) }
    set { self = with(inputs: newValue) }
  }
  public package(set) var externals: [ExternalBinding] {
    get { its.columns.externals(row) }
    set { self = with(externals: newValue) }
  }
  /// Nil: the kind's own. Commands have the files under `code:` and their programs instead.
  public var commandCode: CommandCode? { its.columns.code(row) }
  /// Names of the environment variables that the work may see, and that are in its key with their values.
  public var environment: [String] { its.facts.environment }
  /// Those of them whose values nobody but the work sees: the key has keyed digests.
  public package(set) var secrets: Set<String> {
    get { its.facts.secrets }
    set { self = with(secrets: newValue) }
  }
  public package(set) var outputs: [OutputDescription] {
    get { its.facts.outputs }
    set { self = with(outputs: newValue) }
  }
  public package(set) var resources: Resources {
    get { its.facts.resources }
    set { self = with(resources: newValue) }
  }
  /// Nil where its stage says nothing.
  public package(set) var retry: Retry? {
    get { its.facts.retry }
    set { self = with(retry: .some(newValue)) }
  }
  /// Where its stage stands in the pipeline file.
  public var place: Place { its.facts.place }
}

extension Instance {
  /// One that stands for itself, with some things otherwise; nil: as they are.
  private func with(
    name: String? = nil, stage: String? = nil, labels: [Label]? = nil, kind: KindDescription? = nil,
    parameters: JSON? = nil, inputs: [InputBinding]? = nil, externals: [ExternalBinding]? = nil,
    secrets: Set<String>? = nil, outputs: [OutputDescription]? = nil, resources: Resources? = nil,
    retry: Retry?? = nil
  ) -> Instance {
    Instance(
      name: name ?? self.name, stage: stage ?? self.stage, labels: labels ?? self.labels,
      kind: kind ?? self.kind, parameters: parameters ?? self.parameters, inputs: inputs ?? self.inputs,
      externals: externals ?? self.externals,
      commandCode: commandCode, environment: environment, secrets: secrets ?? self.secrets,
      outputs: outputs ?? self.outputs, resources: resources ?? self.resources, retry: retry ?? self.retry,
      place: place)
  }

  /// Whether some instance of the stage has any files outside.
  var hasExternals: Bool { its.columns.hasExternals }

  /// Instances with the same have the same command code, or are of the same stage and have none.
  struct CodeIdentity: Equatable {
    fileprivate let stage: ObjectIdentifier
    fileprivate let number: Int
  }

  var codeIdentity: CodeIdentity {
    CodeIdentity(stage: ObjectIdentifier(its), number: its.columns.codeNumber(row))
  }

  /// The canonical text of `parameters`.
  func appendParameters(to out: inout [UInt8]) { its.columns.appendParameters(row, to: &out) }

  /// The member of each manifest that an input reads; nil when it reads all of an artifact.
  func part(of binding: InputBinding) -> String? {
    switch kind.parts[binding.name] {
    case nil: nil
    case .named(let name): name
    case .parameter(let name): parameters[name]?.stringValue
    }
  }
}

/// What an input reads.
public struct InputBinding: Sendable {
  public var name: String
  /// Whether the key has a list (even of one) or a single artifact.
  public var isList: Bool
  /// Whether the stage, and so the key, sees its members' labels.
  public var labelled: Bool
  public var sources: [Source]

  public init(name: String, isList: Bool, labelled: Bool, sources: [Source]) {
    self.name = name
    self.isList = isList
    self.labelled = labelled
    self.sources = sources
  }
}

/// One output of one instance.
public struct Source: Sendable, Hashable {
  /// Index into the graph's instances.
  public var instance: Int
  public var output: String

  public init(instance: Int, output: String) {
    self.instance = instance
    self.output = output
  }
}

/// A file or folder outside the pipeline that an instance reads.
public struct ExternalBinding: Sendable, Hashable {
  public var name: String
  public var url: URL
  /// Of a folder, only files with such names count; none: all below it.
  public var patterns: [String]
  /// Of a folder, only files whose relative paths match count; nil: as `patterns` has it.
  public var glob: String?
  /// Where a command's private tree holds it; nil for other kinds.
  public var treePlace: String?
  /// Where its path is written, for errors.
  public var place: Place

  public init(
    name: String, url: URL, patterns: [String], glob: String? = nil, treePlace: String? = nil, place: Place
  ) {
    self.name = name
    self.url = url
    self.patterns = patterns
    self.glob = glob
    self.treePlace = treePlace
    self.place = place
  }
}

/// What a command's code is: files of the project by glob, the programs that it starts, and what makes artifacts of
/// that which it writes.
public struct CommandCode: Sendable, Hashable {
  /// Patterns relative to the project's root: `scripts/**/*.py`.
  public var patterns: [String]
  /// What reads its text.
  public var shell: CommandShell
  /// Whether it runs in a tree of its own, with copies of the files.
  public var isPrivate: Bool
  /// The shell, and what its line starts; the content of what they resolve to is in the key.
  public var programs: [ProgramWords.Start]
  /// What stands in the place of a program and isn't known before the line runs.
  public var unknown: [String]
  /// The code of the receivers of its typed outputs; empty when all are plain files.
  public var reception: CodeManifest

  /// - Parameter line: the text for the shell.
  public init(
    patterns: [String], line: String, shell: CommandShell = .sh, isPrivate: Bool = true,
    reception: CodeManifest = CodeManifest(files: [:])
  ) {
    self.patterns = patterns
    self.shell = shell
    self.isPrivate = isPrivate
    // An interpreter may be started by way of env; what its text starts isn't known.
    let words = ProgramWords(
      shell.isPOSIX ? line : shell.words.map { ShellReading.quoted($0) }.joined(separator: " "))
    programs = (shell.isPOSIX ? [ProgramWords.Start(shell.program, isCertain: true)] : []) + words.starts
    unknown = words.unknown
    self.reception = reception
  }
}

/// What an instance needs while it runs. Not in the key.
public struct Resources: Sendable, Hashable {
  public var cpus: Int
  /// Bytes, and no more than these; nil when not declared.
  public var memory: Int?
  /// Bytes for which there should be room where none are declared.
  public var expectedMemory: Int?
  public var gpus: Int
  /// Seconds; nil when not declared.
  public var time: Double?
  /// Whether it is for the driver's own machine, wherever others run.
  public var isHere = false

  public init(cpus: Int = 1, memory: Int? = nil, gpus: Int = 0, time: Double? = nil) {
    self.cpus = cpus
    self.memory = memory
    self.gpus = gpus
    self.time = time
  }
}
