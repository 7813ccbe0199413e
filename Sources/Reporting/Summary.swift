// Owns the last line of a run, which scripts read, and what is said of one that was interrupted.

import Workflow

extension RunReport {
  /// `executed E, cached C, failed F, skipped S in T`
  public var summary: String {
    "executed \(executed), cached \(cached), failed \(failed), skipped \(skipped) in \(humanSeconds(seconds))"
  }

  /// What an interruption left, and how to go on; nil where there was none.
  public var interruption: String? {
    guard interrupted else { return nil }
    let kept =
      executed == 0
      ? "nothing had finished in this run"
      : "\(counted(executed, "instance")) that finished in this run \(executed == 1 ? "is" : "are") kept"
    return "interrupted: \(kept); the same command goes on from there"
  }
}
