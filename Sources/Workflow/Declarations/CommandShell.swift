// Owns what reads the text of a command: a shell, or any other interpreter.

/// What `shell:` says.
public enum CommandShell: Sendable, Hashable {
  /// `/bin/sh`, whatever PATH says.
  case sh
  /// `bash` as PATH has it; a part of a pipe that fails fails the pipe.
  case bash
  /// A program with its arguments, after which come the text and what `arguments:` says: `[python3, -c]`.
  case interpreter([String])

  /// The program and its arguments before the text, which is the command's parameter.
  public var words: [String] {
    switch self {
    case .sh: ["/bin/sh", "-e", "-c"]
    case .bash: ["bash", "-e", "-o", "pipefail", "-c"]
    case .interpreter(let words): words
    }
  }

  /// Reads what `words` wrote.
  public init(words: [String]) {
    self = [CommandShell.sh, .bash].first { $0.words == words } ?? .interpreter(words)
  }

  /// The program, as it is looked up.
  public var program: String { words[0] }

  /// Whether it reads as POSIX says, so that words can be put into its text.
  public var isPOSIX: Bool { if case .interpreter = self { false } else { true } }

  /// What the program gets, argument zero first.
  public func arguments(text: String, _ arguments: [String]) -> [String] {
    switch self {
    // The first after the text is the shell's own name, $0.
    case .sh: ["sh"] + words.dropFirst() + [text, "sh"] + arguments
    case .bash: ["bash"] + words.dropFirst() + [text, "bash"] + arguments
    case .interpreter: words + [text] + arguments
    }
  }
}
