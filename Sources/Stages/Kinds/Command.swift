// Owns the kind behind `run:`: any program as a stage. What of it is in the key (command line, code, interpreter)
// the pipeline file decides.

import CProcess
import ContentStore
import Foundation
import Processes
import Workflow

/// Runs a command.
///
/// The loader has replaced references by placeholders (`CommandText`). Paths aren't known before it runs and aren't
/// in the key; the places that files of the project have in its private tree are.
public struct Command: ResumableKind {
  public static let name = "command"
  public static let takesCommands = true
  public static let scratchFolders = [treeFolder, temporaryFolder]
  private static let treeFolder = "tree"
  static let temporaryFolder = "tmp"
  public static let summary = "any program: `run:` with a command line"
  public static let discussion = """
    A stage with `run` instead of `uses`. Its keys besides matrix, where and resources:

    run: the command line. In it ${stage.artifact} becomes the path of a private copy of that artifact (of a group: \
    the paths), ${in.NAME} the path of what stands under `inputs:`, ${out.NAME} the path where an output is to be \
    written. Values such as ${params.note} are data: inside quotes or outside, one word or a part of one, whatever \
    they contain. Where that can't be had (backquotes, $((…)), a here-document that the shell expands) it is an error.

    code: files of the project, as paths or patterns (scripts/**/*.py), whose content is the command's code. \
    __pycache__, .git, the cache and what version control ignores never are.

    inputs: other files that it reads, by name: a path, folder or pattern of the project, an absolute path, or a \
    reference. ${params.x} and ${matrix.x} may stand in it. Their content is in the key.

    outputs: what it writes, by name: the name of a file, or { file: acts.npy, type: activations } for an artifact \
    that other stages read; it is checked as it arrives.

    workdir: private (the default) has it run in a fresh folder that looks like the project's root and holds what \
    was declared: code as copies, inputs as links. An edit of code while it runs does no harm. What it leaves there \
    beside its outputs is thrown away and told in the log. project has it run in the project's root; then code and \
    inputs must not change while it runs.

    shell: sh (the default: /bin/sh -e, so that a line that fails fails the command, while of a pipe only the last \
    part counts), bash (with -e and pipefail), or any interpreter with what stands before the text: [python3, -c]. \
    Into the text of such a one nothing is put; it gets what `arguments:` lists.

    arguments: a list of words that the command gets, $1 and so on for a shell, sys.argv of Python. References and \
    values may stand in it.

    environment: names of variables. Of the environment a command sees PATH, HOME, LANG, TMPDIR, OMP_NUM_THREADS=1 and \
    these, with their values in its key. { HF_TOKEN: secret } has a keyed digest there, made with a key of the user's \
    own, and *** where its value would stand in logs and messages.

    BOBBIN_INPUTS names a JSON file with all inputs and outputs: {"inputs": {NAME: [{"path", "stage", "axes"}]}, \
    "outputs": {NAME: {"path", "type"}}}; stage and axes are those of a group's members, which are in the key then. \
    Lines such as {"progress": 0.3, "epoch": "3/10", "loss": 0.12}, appended to the file that BOBBIN_PROGRESS names, \
    show like a native stage's progress. The Python module in python/ does both.

    resume: ${out.NAME} says that this output, a file or folder, holds the state of the work while it runs. With a line \
    {"checkpoint": "epoch 4"} in the file that BOBBIN_PROGRESS names a command says that it is complete (write another \
    file and rename it); then it is saved. When the command runs again after it was killed or failed, the last one is \
    at ${out.NAME} before it starts.

    trace: true notes which files it and all that it starts open. Files of the project that nothing declares, places there \
    where it finds nothing, and Python distributions that are in no environment or lock file of its key are reported \
    with the line to add, and count from then on. What it writes itself doesn't. It costs some microseconds for every file \
    that is opened or looked for.

    sandbox: strict (none is the default) shows it only what it declares: its private tree, its inputs, the programs that it \
    starts and the system's folders, all but its own read-only; an empty home, and no network unless `network: true` is \
    there. A failure names the undeclared files that it looked for. It needs bubblewrap, and 10 ms.

    In its key are also the shell and the programs that it starts, by content, and a virtual environment by its \
    distributions; `status --verbose` says what isn't recognised. What it starts and doesn't wait for is ended with it.
    """

  @Parameter("the text of the command") var run: String
  @Parameter("what reads the text, with its arguments") var shell = CommandShell.sh.words
  @Parameter("what it gets after its text") var arguments: [String] = []
  @Parameter("where it runs") var workdir = WorkFolder.private
  @Parameter("places of files outside the pipeline in its tree, by name") var inputs: [String: String] = [:]
  @Parameter("outputs by name, each the name of its file") var outputs: [String: String] = [:]
  @Parameter("types of artifact that outputs become, by the output's name") var types: [String: String] = [:]
  @Parameter("extensions of the inputs' files, by their names") var extensions: [String: String] = [:]
  @Parameter("the output that holds its state while it runs") var resume: String? = nil

  @Parameter("whether undeclared files that it opens are noted, and count") var trace = false
  @Parameter("whether it sees only what it declares") var sandbox = SandboxChoice.none
  @Parameter("whether it has the network in its sandbox") var network = false

  /// What a command sees.
  enum SandboxChoice: String, ParameterChoice {
    case none, strict
  }

  /// Where a command runs.
  enum WorkFolder: String, ParameterChoice {
    case `private`, project
  }

  public init() {}

  public func validate() throws {
    let outputs = outputs
    func refuseNUL(_ name: String, _ text: String) throws {
      guard text.utf8.contains(0) else { return }
      throw InvalidParameter(name, "there is a NUL character (\\0) in it, behind which nothing would count")
    }
    try refuseNUL("run", run)
    for word in shell { try refuseNUL("shell", word) }
    for word in arguments { try refuseNUL("arguments", word) }
    for (_, file) in outputs { try refuseNUL("outputs", file) }
    if sandbox == .strict, workdir == .project {
      throw InvalidParameter(
        "sandbox", "strict shows a command a tree of its own, and with workdir: project it has none")
    }
    if network, sandbox == .none {
      throw InvalidParameter("network", "goes with sandbox: strict; without that a command has the network")
    }
    if trace, resume != nil {
      throw InvalidParameter(
        "trace", "doesn't go with resume: what it opened before it was cut short wouldn't be known")
    }
    if run.allSatisfy(\.isWhitespace) { throw InvalidParameter("run", "there is no command") }
    var names: [String: String] = [:]
    for (output, file) in outputs.count > 1 ? outputs.sorted(by: { $0.key < $1.key }) : Array(outputs) {
      let parts = file.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      guard
        !parts.contains(where: { $0.isEmpty || $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) })
      else {
        throw InvalidParameter(
          "outputs", "'\(output)' is to be the name of a file such as result.csv, found '\(file)'")
      }
      if let other = names.updateValue(output, forKey: file) {
        throw InvalidParameter("outputs", "'\(other)' and '\(output)' are both '\(file)'")
      }
    }
  }

  /// Only the very same command can make anything of its state.
  public var prefixes: [ActionPrefix] {
    resume == nil ? [] : [ActionPrefix(upTo: CommandCheckpoints.point)]
  }

  public func run(in context: StageContext) throws {
    let tree =
      workdir == .private
      ? try PrivateTree(
        at: context.scratch.appendingPathComponent(Command.treeFolder, isDirectory: true), context) : nil
    let files = try CommandInputs(context, extensions: extensions, places: inputs, tree: tree)
    let program = CommandShell(words: shell)
    func input(_ name: String) -> [String] { files.paths(of: name) }
    func output(_ name: String) -> String {
      guard let place = context.outputs[name] else { preconditionFailure("BUG: no output '\(name)'") }
      return place.url.path
    }
    let text = CommandText(parsing: run)
    let line: String
    do {
      line =
        program.isPOSIX
        ? try text.line(input: input, output: output) : text.words(input: input, output: output)[0]
    } catch let refusal as ShellReading.Refusal {
      // The loader looked at the same places; only paths can bring it about, such as a folder with a line break.
      throw Failure(.other, "run: a path \(refusal.problem)")
    }
    let words = arguments.flatMap { CommandText(parsing: $0).words(input: input, output: output) }
    let shown = words.isEmpty ? "" : " " + words.map { ShellReading.quoted($0) }.joined(separator: " ")
    // Without that line in the log nothing is wrong; the worker sees whether the log can be written.
    let before = logLength
    _ = writeText("$ \(line)\(shown)\n", to: 2)
    let withLine = logLength
    let checkpoints = resume.flatMap { context.outputs[$0] }.map { CommandCheckpoints(at: $0.url, context) }
    try checkpoints?.restore()
    let sandbox =
      sandbox == .strict ? try Sandbox(hasNetwork: network, context) : nil
    let (end, uses) = try CommandProcess(
      program: program, arguments: program.arguments(text: line, words),
      folder: (tree?.root ?? context.projectRoot).path,
      manifest: CommandManifest(context, paths: files.byName, types: types, resume: resume),
      checkpoints: checkpoints, sandbox: sandbox, isTraced: trace, context
    ).run()
    let seen = uses.map { CommandTrace($0, tree: tree, isSandboxed: sandbox != nil, context) }
    let undeclared = tree.map { UndeclaredFiles($0, context) }
    let missed = undeclared?.undeclared(among: seen?.missed ?? []) ?? []
    if var failure = commandFailure(of: end) {
      // Standard error is the instance's log.
      let printed = lastLines(of: "/proc/self/fd/2", bytes: 20_000).filter { !$0.hasPrefix("$ ") }
      if let undeclared {
        // Where it was seen what it looked for, only Python's importing has to be guessed at: that lists folders.
        let texts = seen == nil ? printed + [line] + words : printed.filter { $0.contains("No module named") }
        failure.message += undeclared.hint(missed: missed, mentionedIn: texts)
      }
      if sandbox != nil {
        failure.message += Sandbox.hint(hidden: seen?.hidden ?? [], hasNetwork: network, printed)
      }
      // Places in the tree are those in the project.
      let lines = printed.suffix(8).map { line in
        tree.map { line.replacing($0.root.path + "/", with: "") } ?? line
      }
      failure.message += quotedLines(lines)
      throw failure
    }
    if trace, let seen { context.opened(seen.opened) }
    for place in missed.prefix(8) {
      let line = UndeclaredWord.line(declaring: place)
      _ = writeText(
        "bobbin: it looked for \(place), which is in the project, but not declared. If it should be there, add \(line)\n",
        to: 2)
    }
    if let note = tree?.leftovers { _ = writeText("bobbin: \(note)\n", to: 2) }
    // Of a command that said nothing there is nothing to be kept: its record has the line.
    if let before, let withLine, before < withLine, logLength == withLine { ftruncate(2, before) }
  }
}

/// How long the log is; nil where what is printed goes elsewhere.
private var logLength: off_t? {
  var status = stat()
  return fstat(2, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? status.st_size : nil
}
