// Owns the parts of a stage that are the same for all of its instances, and so may hold `params` and nothing
// else: environment, resources, code, outputs.

import Workflow

struct PlainValues {
  let params: Parameters

  /// Names of environment variables; `{ NAME: secret }` for one whose value nobody else may see.
  func environment(_ raw: RawValue?) throws -> [(name: String, isSecret: Bool)] {
    var secrets: [String] = []
    var names = raw
    if case .list(let values, let place)? = raw {
      names = .list(
        try values.map { value in
          guard case .map(let members, let place) = value else { return value }
          guard members.count == 1, case .scalar("secret", _, _) = members[0].value else {
            throw DecodingIssue(
              place, "environment: expected the name of a variable, or { NAME: secret }, found \(value.found)"
            )
          }
          secrets.append(members[0].name)
          return .scalar(members[0].name, quoted: true, members[0].place)
        }, place)
    }
    return try texts(names, "environment").map { text, place in
      let isName = text.utf8.allSatisfy {
        $0 == UInt8(ascii: "_") || Spelling.isName(Unicode.Scalar($0)) && $0 != 0x2D
      }
      guard isName, let first = text.utf8.first, !(0x30...0x39).contains(first) else {
        throw DecodingIssue(
          place,
          "environment: expected the name of a variable (its value comes from outside), found '\(text)'")
      }
      return (text, secrets.contains(text))
    }
  }

  /// Glob patterns relative to the project's root.
  func patterns(_ raw: RawValue?) throws -> [String] {
    try texts(raw, "code").map { text, place in
      guard isInside(text) else {
        throw DecodingIssue(
          place, "code: expected a path or pattern below the project's root, found '\(text)'")
      }
      return text
    }
  }

  /// `sh`, `bash` or a program with its arguments: `[python3, -c]`.
  func shell(_ raw: RawValue?) throws -> CommandShell {
    guard let raw else { return .sh }
    switch try evaluate(raw) {
    case .scalar("sh", _, _): return .sh
    case .scalar("bash", _, _): return .bash
    case .list(let values, let place):
      let words = try values.map { value in
        guard case .scalar(let word, _, _) = value, !word.isEmpty, !word.utf8.contains(0) else {
          throw DecodingIssue(value.place, "shell: expected a word, found \(value.found)")
        }
        return word
      }
      guard !words.isEmpty else { throw DecodingIssue(place, "shell: there is no program in the list") }
      return CommandShell(words: words)
    case let value:
      throw DecodingIssue(
        value.place,
        "shell: expected sh, bash, or a program with what stands before the text, such as [python3, -c]; found "
          + value.found)
    }
  }

  /// What a command writes: `{ probe: probe.json }`, or with what it is to become,
  /// `{ acts: { file: acts.npy, type: activations } }`.
  func outputs(_ raw: RawValue?, at stage: Place, _ catalogue: KindCatalogue) throws -> [CommandOutput] {
    guard let raw else {
      throw DecodingIssue(stage, "'outputs' is missing: what the command writes, { name: file }")
    }
    guard case .map(let members, let place) = try evaluate(raw) else {
      throw DecodingIssue(raw.place, "outputs: expected a map { name: file }, found \(raw.found)")
    }
    guard !members.isEmpty else {
      throw DecodingIssue(place, "outputs: a command without outputs does nothing")
    }
    var files = Set<String>()
    return try members.map { member in
      guard Spelling.isName(member.name) else {
        throw DecodingIssue(member.place, "outputs: '\(member.name)' is not a name: letters, digits, _ and -")
      }
      let output = try output(member, catalogue)
      guard files.insert(output.file).inserted else {
        throw DecodingIssue(member.value.place, "outputs: two outputs are written to '\(output.file)'")
      }
      return output
    }
  }

  private func output(_ member: Value.Member, _ catalogue: KindCatalogue) throws -> CommandOutput {
    var file = member.value
    var receiver: ReceiverDescription?
    if case .map = member.value, case .map(let members, let place) = try member.value.raw() {
      let keys = try Keys(members, known: ["file", "type"])
      guard let written = keys["file"] else {
        throw DecodingIssue(
          place, "outputs: '\(member.name)' has no file: what the command writes, { file: acts.npy, type: … }"
        )
      }
      file = Value(written)
      receiver = try keys["type"].flatMap { try self.receiver($0, catalogue) }
    }
    guard case .scalar(let name, _, _) = file, isInside(name) else {
      throw DecodingIssue(
        file.place, "outputs: expected the name of a file for '\(member.name)', found \(file.found)")
    }
    return CommandOutput(name: member.name, file: name, receiver: receiver)
  }

  /// What makes an artifact of the type that `raw` names; nil for a plain file.
  private func receiver(_ raw: RawValue, _ catalogue: KindCatalogue) throws -> ReceiverDescription? {
    guard case .scalar(let type, _, let place) = raw else {
      throw DecodingIssue(raw.place, "outputs: expected the name of a type of artifact, found \(raw.found)")
    }
    if type == ArtifactType.file.name { return nil }
    if let receiver = catalogue.receiver(of: type) { return receiver }
    let known = catalogue.receivers.map(\.type.name) + [ArtifactType.file.name]
    throw DecodingIssue(
      place,
      "outputs: there is no type of artifact '\(type)' that a command can make\(suggestion(for: type, in: known))"
    )
  }

  /// `2`, or `{ times: 2, on: [failure, timeout], wait: 10s }`; nil where nothing is written.
  func retry(_ raw: RawValue?) throws -> Retry? {
    guard let raw else { return nil }
    func times(_ raw: RawValue) throws -> Int {
      guard let times = try? Int(raw: raw), (0...100).contains(times) else {
        throw DecodingIssue(raw.place, "retry: expected a whole number from 0 to 100, found \(raw.found)")
      }
      return times
    }
    let value = try evaluate(raw).raw()
    guard case .map(let members, let place) = value else { return Retry(times: try times(value)) }
    let keys = try Keys(members, known: ["times", "on", "wait"])
    guard let written = keys["times"] else {
      throw DecodingIssue(place, "retry: 'times' is missing: how often it is tried again")
    }
    var retry = Retry(times: try times(written))
    if keys["on"] != nil {
      let known = Retry.Sort.allCases.map(\.rawValue)
      retry.sorts = Set(
        try keys.list("on").map { raw in
          guard case .scalar(let text, _, let place) = raw else {
            throw DecodingIssue(
              raw.place, "retry: expected one of \(known.joined(separator: ", ")), found \(raw.found)")
          }
          guard let sort = Retry.Sort(rawValue: text) else {
            throw DecodingIssue(
              place, "retry: there is no sort of failure '\(text)'\(suggestion(for: text, in: known))")
          }
          return sort
        })
    }
    if let raw = keys["wait"] {
      guard case .scalar(let text, _, _) = raw, let seconds = Quantity.read(text, Quantity.clock),
        (0...3600).contains(seconds)
      else {
        throw DecodingIssue(
          raw.place, "retry: wait: expected a time up to 1h such as 10s, found \(raw.found)")
      }
      retry.wait = seconds
    }
    return retry
  }

  /// `{ cpus: 1, memory: 2G, gpus: 0, time: 10m }`
  func resources(_ raw: RawValue?) throws -> Resources {
    var resources = Resources()
    guard let raw else { return resources }
    guard case .map(let members, _) = try evaluate(raw).raw() else {
      throw DecodingIssue(raw.place, "resources: expected a map, found \(raw.found)")
    }
    let keys = try Keys(members, known: ["cpus", "memory", "gpus", "time"])
    func whole(_ name: String, _ range: ClosedRange<Int>) throws -> Int? {
      guard let raw = keys[name] else { return nil }
      guard let value = try? Int(raw: raw), range.contains(value) else {
        throw DecodingIssue(
          raw.place,
          "resources: \(name): expected a whole number from \(range.lowerBound) to \(range.upperBound), "
            + "found \(raw.found)")
      }
      return value
    }
    func quantity(_ name: String, _ units: KeyValuePairs<String, Double>, _ example: String, _ limit: Double)
      throws
      -> Double?
    {
      guard let raw = keys[name] else { return nil }
      if case .scalar(let text, _, _) = raw, let value = Quantity.read(text, units), value >= 1,
        value <= limit
      {
        return value
      }
      throw DecodingIssue(raw.place, "resources: \(name): expected \(example), found \(raw.found)")
    }
    var issues = DecodingIssues()
    try issues.collect { if let cpus = try whole("cpus", 1...4096) { resources.cpus = cpus } }
    try issues.collect { if let gpus = try whole("gpus", 0...256) { resources.gpus = gpus } }
    try issues.collect {
      resources.memory = try quantity("memory", Quantity.binary, "a size such as 500M or 2G", 0x1p60).map {
        Int($0)
      }
    }
    try issues.collect {
      resources.time = try quantity("time", Quantity.clock, "a time such as 90s, 10m or 1h30m", 1e9)
    }
    try issues.throwIfAny()
    return resources
  }

  /// `executor: local`: instances that run on the driver's machine, whatever `--executor` says of others.
  func staysHere(_ raw: RawValue?) throws -> Bool {
    guard let raw else { return false }
    guard case .scalar("local", _, _) = try evaluate(raw) else {
      throw DecodingIssue(
        raw.place,
        "executor: expected local, which keeps the stage on this machine, found \(raw.found). Where the others run, "
          + "`bobbin run --executor` says")
    }
    return true
  }

  /// A value in which `params` alone may stand.
  private func evaluate(_ raw: RawValue) throws -> Value {
    let template = try Template(raw)
    var wrong: DecodingIssue?
    template.visitPaths { path, place in
      if path.root != "params", wrong == nil {
        wrong = DecodingIssue(place, "only params can stand here, found ${\(path.text)}")
      }
    }
    if let wrong { throw wrong }
    return try Evaluator(params: params, stageNames: []).value(template, at: nil)
  }

  private func texts(_ raw: RawValue?, _ key: String) throws -> [(String, Place)] {
    guard let raw else { return [] }
    guard case .list(let values, _) = try evaluate(raw) else {
      throw DecodingIssue(raw.place, "\(key): expected a list, found \(raw.found)")
    }
    var seen = Set<String>()
    return try values.map { value in
      guard case .scalar(let text, _, let place) = value else {
        throw DecodingIssue(value.place, "\(key): expected a text, found \(value.found)")
      }
      guard seen.insert(text).inserted else {
        throw DecodingIssue(place, "\(key): '\(text)' is written twice")
      }
      return (text, place)
    }
  }

  /// Whether a path stays below the folder that it is relative to.
  private func isInside(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return !path.hasPrefix("/") && parts.allSatisfy { !["", ".", ".."].contains($0) }
      && !path.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }
}
