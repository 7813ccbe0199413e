// Owns the last line of a run, which scripts read.

import Workflow

extension RunReport {
  /// `executed E, cached C, failed F, skipped S in T`
  public var summary: String {
    "executed \(executed), cached \(cached), failed \(failed), skipped \(skipped) in \(humanSeconds(seconds))"
  }
}
