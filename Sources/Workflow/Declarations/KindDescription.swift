// Owns what the engine knows of a stage kind: its declaration, read once by reflection, and two functions,
// decoding and running. The engine knows no kind by name.

import Canonical
import ContentStore
import Foundation
import Synchronization

/// A stage kind as data. What takes a while to find out, reflection and the digests of sources, is found out when it is
/// first asked for: most pipelines use a few of the kinds that there are.
public final class KindDescription: Sendable {
  public let name: String
  public let summary: String
  public var discussion: String { type.discussion }
  public var parameters: [ParameterDescription] { reflection.parameters }
  public var inputs: [InputDescription] { reflection.inputs }
  public var externals: [ExternalDescription] { reflection.externals }
  public var outputs: [OutputDescription] { reflection.outputs }
  /// Whether this is the kind that `run:` means.
  public let takesCommands: Bool
  /// The parameters and inputs in which the members of a job may differ; empty: jobs have one member.
  public let varying: Set<String>
  /// How many threads its work can use.
  public let threads: ThreadUse
  /// The folders that every instance makes in its scratch space.
  public let scratchFolders: [String]
  /// The inputs that ask for a part of a manifest, by name.
  var parts: [String: InputPart] { reflection.parts }
  /// The sources that decide what it computes, whatever its parameters.
  public var code: CodeManifest { sources.code }
  /// The code of what kinds look up in lists, by the file it is in.
  private var listed: [String: CodeManifest] { sources.listed }
  /// Whether instances of this kind can differ in their code.
  var looksUpCode: Bool { !listed.isEmpty || !reflection.news.isEmpty }
  private let type: any StageKind.Type
  private let reflected = AtomicLazyReference<Reflection>()
  private let found = AtomicLazyReference<Sources>()
  private let find: @Sendable () -> Sources

  /// - Parameters:
  ///   - code: the sources that decide what it computes, whatever its parameters.
  ///   - listed: the code of what it looks up in lists, by the file that it is in.
  public init(
    _ type: any StageKind.Type, code: @autoclosure @escaping @Sendable () -> CodeManifest,
    listed: @autoclosure @escaping @Sendable () -> [String: CodeManifest] = [:]
  ) {
    self.type = type
    find = { Sources(code: code(), listed: listed()) }
    name = type.name
    summary = type.summary
    takesCommands = type.takesCommands
    varying = type.varying
    threads = type.threads
    scratchFolders = type.scratchFolders
  }

  private var reflection: Reflection { reflected.load() ?? reflected.storeIfNil(Reflection(type)) }
  private var sources: Sources { found.load() ?? found.storeIfNil(find()) }

  /// Decodes what was written under `with:` (inputs and external files taken out) into the canonical form that
  /// goes into the key: every parameter with its value, defaults written out; but for those with a value that means what
  /// was computed before the kind had them.
  /// - Parameter meant: parameters that aren't told as missing, since a misspelt name was meant for them.
  /// - Throws: `DecodingIssue`, or `DecodingIssues` where several things are wrong, or nothing else than what was told.
  public func decode(_ members: [RawValue.Member], at place: Place, meant: Set<String> = []) throws -> JSON {
    try reflection.prototype.withLock { prototype in
      try prototype.decode(members, at: place, meant: meant)
    }
  }

  /// How many members a job may have that has an instance with these parameters, which are in canonical form.
  public func mostMembers(parameters: JSON) -> Int { type.mostMembers(parameters: parameters) }

  /// From where an instance with these parameters, which are in canonical form, can go on; empty when it saves no
  /// states.
  public func prefixes(parameters: JSON) -> [ActionPrefix] {
    guard type is any ResumableKind.Type else { return [] }
    return decoded(parameters) { kind, _ in (kind as? any ResumableKind)?.prefixes ?? [] }
  }

  /// Whether the kind says anything before it runs.
  public var foresees: Bool { type is any ForeseeingKind.Type }

  /// What a kind says of an instance before it runs.
  public struct Foreseen: Sendable {
    /// What is known of outputs, by name.
    public var outputs: [String: KnownFacts] = [:]
    public var mistakes: [Foresight.Mistake] = []
    /// The parameters that it went by: with the same values of these, whatever the others', it says the same.
    public var read: [String] = []
  }

  /// Asks the kind what it knows of an instance before it runs.
  /// - Parameters:
  ///   - parameters: in canonical form.
  ///   - inputs: what is known of what each input reads; of optional ones only those that are written.
  public func foresee(
    parameters: JSON, inputs: [String: [Foresight.Member]], files: [String: URL]
  ) -> Foreseen {
    guard foresees else { return Foreseen() }
    return decoded(parameters) { kind, declared in
      guard let kind = kind as? any ForeseeingKind else { return Foreseen() }
      var foresight = Foresight(inputs: inputs, files: files)
      var read: [String] = []
      func ask(watching declared: ArraySlice<(name: String, declaration: any ParameterDeclaration)>) {
        guard let (name, parameter) = declared.first else { return kind.foresee(&foresight) }
        if parameter.watch({ ask(watching: declared.dropFirst()) }) { read.append(name) }
      }
      ask(watching: declared.parameters[...])
      return Foreseen(outputs: foresight.outputs, mistakes: foresight.mistakes, read: read)
    }
  }

  /// Does something while the prototype has these parameters, which are in canonical form.
  private func decoded<T: Sendable>(_ parameters: JSON, _ body: (any StageKind, Declared) -> T) -> T {
    reflection.prototype.withLock { prototype in
      guard case .map(let members, let place) = RawValue(parameters),
        (try? prototype.set(canonical: members, at: place)) != nil
      else { preconditionFailure("BUG: parameters that \(name) did not decode: \(parameters.canonical)") }
      return body(prototype.kind, prototype.declared)
    }
  }

  /// What a job's member works with.
  public struct Work {
    /// The canonical form.
    public var parameters: JSON
    public var externals: [String: URL]
    public var context: StageContext

    public init(parameters: JSON, externals: [String: URL], context: StageContext) {
      self.parameters = parameters
      self.externals = externals
      self.context = context
    }
  }

  /// Runs a job: decodes each member's parameters, binds inputs and outputs, does the work.
  /// - Parameters:
  ///   - turn: told whose work is done from now on: a member's, by its position; nil: everybody's, as it is first.
  ///   - ended: told of each member as soon as it is over, in its turn, on this thread.
  public func run(
    _ job: [Work], turn: @escaping (Int?) -> Void = { _ in },
    ended: @escaping (Int, Result<Void, any Error>) -> Void
  ) {
    type.run(job, bind: bind, turn: Turn(turn), ended: ended)
  }

  private func bind(_ kind: any StageKind, _ work: Work) throws {
    let declared = Declared(kind)
    guard case .map(let members, let place) = RawValue(work.parameters) else {
      preconditionFailure("BUG: parameters are an object")
    }
    for (_, parameter) in declared.parameters { parameter.assumeBefore() }
    try decodeParameters(declared.parameters, from: members, at: place)
    for (name, input) in declared.inputs { input.bind(work.context.inputs[name] ?? []) }
    for (name, external) in declared.externals {
      if let made = work.context.inputs[name] {
        external.bind(try made[0].file(at: work.context.scratch.appendingPathComponent(name)))
      } else if let url = work.externals[name] {
        external.bind(url)
      } else {
        preconditionFailure("BUG: no path for '\(name)'")
      }
    }
    for (name, output) in declared.outputs {
      guard let place = work.context.outputs[name] else { preconditionFailure("BUG: no place for '\(name)'") }
      output.bind(place)
    }
  }

  /// Runs one instance alone.
  public func run(parameters: JSON, externals: [String: URL], in context: StageContext) throws {
    var result: Result<Void, any Error> = .success(())
    run([Work(parameters: parameters, externals: externals, context: context)]) { result = $1 }
    try result.get()
  }

  /// The sources that decide what an instance with these parameters (in canonical form) computes: those of the
  /// kind, and those of what it looks up in lists. The build leaves out the declarations of parameters that the kind
  /// hasn't always had; of those that the instance uses, their types stand for them.
  public func code(parameters: JSON) -> CodeManifest {
    guard looksUpCode else { return code }
    let entries = listed.isEmpty ? [] : decoded(parameters) { kind, _ in kind.listedCode }
    var files = code.files
    for entry in entries {
      guard let manifest = listed[entry] else {
        preconditionFailure("BUG: \(name) looks up \(entry), which the build found in no list")
      }
      files.merge(manifest.files) { $1 }
    }
    for new in reflection.news where parameters[new.name] != nil {
      files["parameter \(new.name): \(new.type)"] = .of(new.type.utf8)
    }
    return files.count == code.files.count ? code : CodeManifest(files: files)
  }

  /// The JSON Schema of `with:`.
  public var schema: JSON {
    let declared = Declared(type.init())
    guard case .object(var schema) = objectSchema(of: declared.parameters.map { ($0.name, $0.declaration) }),
      case .object(var properties)? = schema["properties"], case .array(var required)? = schema["required"]
    else { preconditionFailure("BUG: an object's schema") }
    for input in inputs {
      let reference: JSON = ["type": "string", "description": .string(input.help)]
      properties[input.name] =
        input.arity == .list
        ? ["anyOf": [reference, ["type": "array", "items": ["type": "string"]]]] : reference
      if input.arity == .one { required.append(.string(input.name)) }
    }
    for external in externals {
      properties[external.name] = ["type": "string", "description": .string(external.help)]
      required.append(.string(external.name))
    }
    schema["properties"] = .object(properties)
    schema["required"] = .array(required)
    return .object(schema)
  }
}

/// What a kind declares.
private final class Reflection: Sendable {
  let prototype: Mutex<Prototype>
  let parameters: [ParameterDescription]
  /// The parameters that the kind hasn't always had, with the names of their types.
  let news: [(name: String, type: String)]
  let inputs: [InputDescription]
  let parts: [String: InputPart]
  let externals: [ExternalDescription]
  let outputs: [OutputDescription]

  init(_ type: any StageKind.Type) {
    let kind = type.init()
    let declared = Declared(kind)
    prototype = Mutex(Prototype(kind: kind, declared: declared))
    parameters = declared.parameters.map { ParameterDescription(name: $0, declaration: $1) }
    news = declared.parameters.filter { $0.declaration.since != nil }.map {
      ($0.name, $0.declaration.typeName)
    }
    inputs = declared.inputs.map { $1.description(named: $0) }
    let parts = inputs.compactMap { input in input.part.map { (input.name, $0) } }
    self.parts = Dictionary(uniqueKeysWithValues: parts)
    externals = declared.externals.map { $1.description(named: $0) }
    outputs = declared.outputs.map { OutputDescription(name: $0, type: $1.type, help: $1.help) }
  }
}

/// One kind with its declarations, used for every decoding: reflection takes longer than all the rest of it.
private struct Prototype {
  let kind: any StageKind
  let declared: Declared
  /// What its parameters were decoded from, and their canonical forms; nil where that isn't known.
  private var last: (members: [RawValue.Member], parameters: [String: JSON])?
  /// The values with which parameters aren't told.
  private let before: [(name: String, value: JSON)]

  init(kind: any StageKind, declared: Declared) {
    self.kind = kind
    self.declared = declared
    before = declared.parameters.compactMap { name, declaration in declaration.beforeJSON.map { (name, $0) } }
  }

  /// Gives the parameters the values of a canonical form.
  mutating func set(canonical members: [RawValue.Member], at place: Place) throws {
    last = nil
    for (_, parameter) in declared.parameters {
      parameter.reset()
      parameter.assumeBefore()
    }
    try decodeParameters(declared.parameters, from: members, at: place)
  }

  /// Gives the parameters these values, and the others their defaults.
  mutating func set(_ members: [RawValue.Member], at place: Place, meant: Set<String> = []) throws {
    last = nil
    for (_, parameter) in declared.parameters { parameter.reset() }
    try decodeParameters(declared.parameters, from: members, at: place, meant: meant)
  }

  /// As `KindDescription.decode`.
  mutating func decode(_ members: [RawValue.Member], at place: Place, meant: Set<String>) throws -> JSON {
    var parameters: [String: JSON]
    if let changed = change(to: members) {
      parameters = changed
    } else {
      try set(members, at: place, meant: meant)
      parameters = Dictionary(
        uniqueKeysWithValues: declared.parameters.map { ($0.name, $0.declaration.json) })
    }
    last = (members, parameters)
    do {
      try kind.validate()
    } catch let invalid as InvalidParameter {
      let path = invalid.name.split(separator: ".").map(String.init)
      let member = members.first { $0.name == path[0] }
      throw DecodingIssue(
        member?.value.part(path.dropFirst()).place ?? place, "\(path[0]): \(invalid.message)")
    }
    let derived = kind.derivedParameters
    if !derived.isEmpty { parameters.merge(derived) { $1 } }
    for (name, value) in before where parameters[name] == value { parameters[name] = nil }
    return .object(parameters)
  }

  /// Gives parameters new values where what is written of them has changed: instances of a stage differ in a few.
  /// - Returns: all of them in canonical form; nil, and nothing is known, where others are written than last time or
  ///   something is wrong.
  private mutating func change(to members: [RawValue.Member]) -> [String: JSON]? {
    guard let last, last.members.count == members.count else { return nil }
    self.last = nil
    var parameters = last.parameters
    for i in members.indices {
      guard members[i].name == last.members[i].name else { return nil }
      if members[i].value.saysTheSame(as: last.members[i].value) { continue }
      // Nothing where something was, or the other way round, is decided among all of them.
      if members[i].value.isNull || last.members[i].value.isNull { return nil }
      guard let n = declared.parameters.firstIndex(where: { $0.name == members[i].name }),
        (try? declared.parameters[n].declaration.decode(members[i].value)) != nil
      else { return nil }
      parameters[members[i].name] = declared.parameters[n].declaration.json
    }
    return parameters
  }
}

/// A kind's code.
private final class Sources: Sendable {
  let code: CodeManifest
  let listed: [String: CodeManifest]

  init(code: CodeManifest, listed: [String: CodeManifest]) {
    self.code = code
    self.listed = listed
  }
}

/// A kind's declarations by reflection, in the order of its properties.
private struct Declared: Sendable {
  var parameters: [(name: String, declaration: any ParameterDeclaration)] = []
  var inputs: [(name: String, any InputDeclaration)] = []
  var externals: [(name: String, ExternalInput)] = []
  var outputs: [(name: String, Output)] = []

  init(_ kind: any StageKind) {
    for child in Mirror(reflecting: kind).children {
      guard let label = child.label?.dropFirst() else { continue }
      switch child.value {
      case let parameter as any ParameterDeclaration: parameters.append((snakeCase(label), parameter))
      case let input as any InputDeclaration: inputs.append((snakeCase(label), input))
      case let external as ExternalInput: externals.append((snakeCase(label), external))
      case let output as Output: outputs.append((snakeCase(label), output))
      default: break
      }
    }
  }
}

extension StageKind {
  /// A job of this kind, from work to members.
  fileprivate static func run(
    _ job: [KindDescription.Work], bind: (any StageKind, KindDescription.Work) throws -> Void, turn: Turn,
    ended: @escaping (Int, Result<Void, any Error>) -> Void
  ) {
    var members: [StageMember<Self>] = []
    for (i, work) in job.enumerated() {
      let kind = Self()
      let member = StageMember(kind: kind, context: work.context, position: i, turn: turn) { ended(i, $0) }
      member.attempt { try bind(kind, work) }
      if !member.isOver { members.append(member) }
    }
    run(members)
    for member in members {
      member.attempt { throw InputError(message: "BUG: kind '\(name)' left a member of its job undone") }
    }
  }
}
