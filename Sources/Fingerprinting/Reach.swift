// Owns which sources a stage kind's code can reach, by the names it writes. They decide what it computes.
//
// The claim is that a declaration that no reached file names can't change what a reached file means. Swift looks
// things up by name, so these are the cases:
//
// - What stands at the top of a file (types, functions, values) is used by its name, alone or after its module's.
//   A new function or type that takes over a name, or is one more choice for it, has that name too.
// - A member of a type needs a value of the type. The value's type is written in a reached file (its own, at least),
//   so the file that declares the type is reached, with all that stands in the declaration: initialisers,
//   subscripts, operators, conformances, what wrappers, builders and literals call.
// - Extensions may stand in other files. One of a type of these modules is reached by its members' names, as long as
//   all have one and none can be what a protocol outside asks for; otherwise by the type's name. One of a type from
//   outside (the engine, the standard library) is reached by its members' names if the type is known not to be a
//   protocol and all have one. Otherwise it works unnamed, and counts for every kind that has its module in sight.
// - Conformances of foreign types, operators, default types of literals, re-exports, macros and attributes that make
//   declarations count for every kind that has their module in sight. So does a file that can't be told apart into
//   tokens.
// - A module is in sight when a reached file imports it. Where the setting MemberImportVisibility is off, an import
//   in any file of a module is one of all its files, as for the compiler.
// - The engine conveys bytes and isn't counted. But its declarations hand out values of modules below it (JSON,
//   Digest) to files that never write these names; who writes such a declaration's name mentions these types.
// - C, resources and files of other sorts count whole, for every kind that has their module in sight (C) or reaches a
//   file of it (others). A C constructor runs unasked: such a file counts for every kind of all.
// - Nothing of these modules runs at start: Swift initialises globals when they are first named.
//
// Labels aren't mentions of anything, nor is the text of strings (what is interpolated is), unless they name code.
// What one instance leaves behind in a worker's process is the affair of the workers, not of keys.

/// All Swift sources that may count, and what of the engine leads to them.
struct Reach: Sendable {
  /// By path.
  let files: [String: SourceFile]
  /// Module → what it depends on, directly or not, itself included.
  private let closures: [String: Set<String>]
  private let byModule: [String: [String]]
  /// What decides whether a file is reached, by its path.
  private let doors: [String: Doors]
  /// Engine names → types of counted modules that their declarations hand out.
  private let handedOut: [String: Set<String>]
  private let engineModules: Set<String>
  private let reexports: [String: Set<String>]
  private let importsOfModule: [String: Set<String>]
  private let strictImports: Set<String>
  /// List → the files of its entries.
  private let lists: [String: Set<String>]

  /// By which names a file is reached.
  private struct Doors {
    /// Names that stand alone, or after the module's, where the module can be seen.
    var alone = Set<String>()
    /// Names of members, after a dot or alone, where the module can be seen.
    var members = Set<String>()
    /// Names of types that it extends, with the modules that declare them: wherever these can be seen.
    var types: [String: Set<String>] = [:]
    var unnamed: String?
  }

  /// Who mentions a name: a file of each module, and whether the name stands alone there.
  private typealias Mentions = [String: [String: (path: String, isAlone: Bool)]]

  /// - Parameters:
  ///   - engine: the sources of the engine, which lead to others without counting.
  ///   - dependencies: module → what it depends on, directly.
  ///   - strictImports: modules that are compiled with MemberImportVisibility.
  init(
    counted: [SourceFile], engine: [SourceFile], dependencies: [String: [String]], strictImports: Set<String>
  ) {
    files = Dictionary(uniqueKeysWithValues: counted.map { ($0.path, $0) })
    self.strictImports = strictImports
    engineModules = Set(engine.map(\.module))
    byModule = Dictionary(grouping: counted.map(\.path).sorted()) { [files] in files[$0]!.module }
    var closures: [String: Set<String>] = [:]
    for module in dependencies.keys {
      var seen: Set = [module]
      var stack = dependencies[module]!
      while let next = stack.popLast() { if seen.insert(next).inserted { stack += dependencies[next] ?? [] } }
      closures[module] = seen
    }
    self.closures = closures
    var reexports: [String: Set<String>] = [:]
    var imports: [String: Set<String>] = [:]
    for file in counted + engine {
      reexports[file.module, default: []].formUnion(file.reexports)
      imports[file.module, default: []].formUnion(file.imports)
    }
    self.reexports = reexports
    importsOfModule = imports
    handedOut = Reach.handedOut(by: engine, counted: counted)

    let own = OwnTypes(counted: counted)
    let foreign = engine.reduce(into: Reach.knownConcrete) {
      $0.formUnion($1.concrete.intersection($1.types.keys))
    }
    var doors: [String: Doors] = [:]
    var lists: [String: Set<String>] = [:]
    for file in counted {
      var entry = Doors(alone: file.top, unnamed: file.actsUnnamed)
      for one in file.extensions {
        let name = one.type.last!
        let declaring = own.modules(declaring: one.type[0], for: file.module, in: closures[file.module] ?? [])
        if !declaring.isEmpty {
          entry.members.formUnion(one.members)
          if !one.conformances.isEmpty || one.hasUnnamed || own.mayAnswer(one.members, of: name) {
            entry.types[name] = declaring
          }
        } else if one.conformances.isEmpty, !one.hasUnnamed, one.type.count == 1, foreign.contains(name) {
          entry.members.formUnion(one.members)
        } else {
          let what = one.conformances.isEmpty ? "extends" : "adds a conformance to"
          entry.unnamed = entry.unnamed ?? "\(what) \(name), which is declared elsewhere"
        }
      }
      doors[file.path] = entry
      if let list = file.list {
        let entries = counted.filter { other in
          other.module == file.module && other.path != file.path
            && other.extensions.contains {
              $0.type == [list.type] && !$0.members.isDisjoint(with: list.entries)
            }
        }
        lists[file.path] = Set(entries.map(\.path))
      }
    }
    self.doors = doors
    self.lists = lists
  }

  /// Structs and classes of the standard library and Foundation that are extended here and there.
  private static let knownConcrete: Set<String> = [
    "Array", "ArraySlice", "Dictionary", "Set", "String", "Substring", "Character", "Data", "URL", "Date",
    "Double",
    "Float", "Int", "Int32", "Int64", "UInt8", "UInt32", "UInt64", "Bool", "Range", "ClosedRange",
    "UnsafeBufferPointer", "UnsafeMutableBufferPointer", "UnsafeRawBufferPointer",
    "UnsafeMutableRawBufferPointer",
    "FileManager", "FileHandle", "ProcessInfo",
  ]

  // MARK: Walking

  struct Found: Sendable {
    /// Reached path → the path and the name that led to it; nil for roots.
    var files: [String: Step?] = [:]
    /// Modules in sight.
    var modules = Set<String>()
    /// Lists that were met and not entered.
    var lists = Set<String>()
  }

  struct Step: Sendable {
    let from: String
    let name: String
  }

  /// Everything that `roots` reach. With `entersLists` false, a file that is nothing but a list, and what it lists,
  /// are left out.
  func reached(from roots: [String], entersLists: Bool, inSight: Set<String> = []) -> Found {
    var found = Found(modules: inSight)
    var mentions = Mentions()
    var qualified: [String: [String: String]] = [:]
    var frontier: [String] = []
    func enter(_ path: String, _ step: Step?) {
      if found.files.updateValue(step, forKey: path) == nil { frontier.append(path) }
    }
    for root in roots { enter(root, nil) }
    while true {
      while let path = frontier.popLast() {
        let file = files[path]!
        for name in file.dotted where mentions[name]?[file.module] == nil {
          mentions[name, default: [:]][file.module] = (path, false)
        }
        for name in file.bare.union(handedOut(to: file))
        where mentions[name]?[file.module]?.isAlone != true {
          mentions[name, default: [:]][file.module] = (path, true)
        }
        for (module, names) in file.qualified {
          for name in names { qualified[module, default: [:]][name] = path }
        }
        see(file, &found.modules)
      }
      for module in found.modules {
        for path in byModule[module] ?? [] where found.files[path] == nil {
          guard let step = step(to: path, of: module, mentions, qualified[module] ?? [:]) else { continue }
          if !entersLists, lists[path] != nil { found.lists.insert(path) } else { enter(path, step) }
        }
      }
      if frontier.isEmpty { return found }
    }
  }

  /// How `mentions` lead to a file, if they do.
  private func step(
    to path: String, of module: String, _ mentions: Mentions, _ qualified: [String: String]
  ) -> Step? {
    let door = doors[path]!
    func first(_ names: Set<String>, alone: Bool) -> Step? {
      for name in names {
        for (origin, mention) in mentions[name] ?? [:] where mention.isAlone || !alone {
          if closures[origin]?.contains(module) ?? true { return Step(from: mention.path, name: name) }
        }
      }
      return nil
    }
    if let step = first(door.alone, alone: true) ?? first(door.members, alone: false) { return step }
    if let name = door.alone.first(where: { qualified[$0] != nil }) {
      return Step(from: qualified[name]!, name: name)
    }
    for (name, declaring) in door.types {
      for (origin, mention) in mentions[name] ?? [:]
      where !(closures[origin] ?? declaring).isDisjoint(with: declaring) {
        return Step(from: mention.path, name: name)
      }
    }
    return door.unnamed.map { Step(from: path, name: $0) }
  }

  /// The types that the engine's declarations named in `file` hand out.
  private func handedOut(to file: SourceFile) -> Set<String> {
    guard !engineModules.isDisjoint(with: closures[file.module] ?? []) else { return [] }
    return file.bare.union(file.dotted).reduce(into: []) { $0.formUnion(handedOut[$1] ?? []) }
  }

  /// Adds the modules that `file` has in sight.
  private func see(_ file: SourceFile, _ modules: inout Set<String>) {
    var stack = Array(
      strictImports.contains(file.module) ? file.imports : importsOfModule[file.module] ?? file.imports)
    stack.append(file.module)
    var seen = Set<String>()
    while let module = stack.popLast() {
      guard seen.insert(module).inserted else { continue }
      stack += reexports[module] ?? []
      // What the engine hands out may be of any module below it.
      if engineModules.contains(module) { stack += (closures[module] ?? []) }
    }
    modules.formUnion(seen)
  }

  /// The files behind a list's entries.
  func entries(of list: String) -> Set<String> { lists[list] ?? [] }

  /// Why the file counts for everyone in sight, if it does.
  func actsUnnamed(_ path: String) -> String? { doors[path]?.unnamed }

  // MARK: What the engine hands out

  private static func handedOut(by engine: [SourceFile], counted: [SourceFile]) -> [String: Set<String>] {
    let below = Set(engine.flatMap(\.imports))
    var types: [String: Set<String>] = [:]
    for file in counted where below.contains(file.module) {
      for type in file.types.keys where file.top.contains(type) { types[type] = [type] }
    }
    // An alias, or a value whose type is inferred, hands out what its own words do.
    var handed = types
    var grows = true
    while grows {
      grows = false
      for file in engine {
        for (name, words) in file.signatures {
          let more = words.reduce(into: Set<String>()) { $0.formUnion(handed[$1] ?? []) }
          if !more.isSubset(of: handed[name] ?? []) {
            handed[name, default: []].formUnion(more)
            grows = true
          }
        }
      }
    }
    for name in types.keys { handed[name] = nil }
    return handed
  }
}

/// The types that the counted modules declare.
private struct OwnTypes {
  /// Type at the top of a file → modules.
  private var modules: [String: Set<String>] = [:]
  /// Those that other modules can see.
  private var exporting: [String: Set<String>] = [:]
  private var conformances: [String: Set<String>] = [:]

  /// Protocols whose requirements are `answers`, and raw types, which ask for nothing by themselves.
  private static let plain: Set<String> = [
    "Sendable", "Hashable", "Equatable", "Codable", "Encodable", "Decodable", "CaseIterable", "Error",
    "LocalizedError", "Comparable", "Identifiable", "CustomStringConvertible", "CustomDebugStringConvertible",
    "Copyable", "Escapable", "BitwiseCopyable", "RawRepresentable", "AnyObject", "String", "Character", "Int",
    "Int8", "Int16", "Int32", "Int64", "UInt", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double",
  ]
  private static let answers: Set<String> = [
    "hash", "hashValue", "encode", "allCases", "AllCases", "description", "debugDescription", "rawValue",
    "RawValue",
    "CodingKeys", "errorDescription", "failureReason", "recoverySuggestion", "helpAnchor",
    "localizedDescription",
    "id", "ID",
  ]

  init(counted: [SourceFile]) {
    for file in counted {
      for (name, conformances) in file.types {
        if file.top.contains(name) { modules[name, default: []].insert(file.module) }
        if file.exported.contains(name) { exporting[name, default: []].insert(file.module) }
        self.conformances[name, default: []].formUnion(conformances)
      }
      for one in file.extensions { conformances[one.type.last!, default: []].formUnion(one.conformances) }
    }
  }

  /// The modules whose type of this name code of `module` can mean.
  func modules(declaring name: String, for module: String, in closure: Set<String>) -> Set<String> {
    if modules[name]?.contains(module) == true { return [module] }
    return (exporting[name] ?? []).intersection(closure)
  }

  /// Whether members of these names may be what a protocol from outside asks of the type, so that they are called
  /// without being named.
  func mayAnswer(_ members: Set<String>, of type: String) -> Bool {
    if !members.isDisjoint(with: OwnTypes.answers) { return true }
    var seen: Set = [type]
    var stack = Array(conformances[type] ?? [])
    while let name = stack.popLast() {
      if OwnTypes.plain.contains(name) || !seen.insert(name).inserted { continue }
      // A protocol (or a class) of these modules: its requirements are called by name.
      guard modules[name] != nil, let inherited = conformances[name], !inherited.contains("typealias") else {
        return true
      }
      stack += inherited
    }
    return false
  }
}
