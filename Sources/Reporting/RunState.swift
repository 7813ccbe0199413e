// Owns what a display knows of a run while it goes on. It draws nothing.

import Workflow

/// Not Foundation's.
typealias Progress = Workflow.Progress

/// A run so far.
struct RunState {
  struct Running {
    let instance: Int
    /// On the display's clock, in seconds.
    let since: Double
    var progress: Progress?
    /// When it was last mentioned in plain lines.
    var mentioned: Double
  }

  let start: Double
  var total = 0
  var done = 0
  var failed = 0
  /// In the order in which they started.
  var running: [Running] = []

  init(start: Double) { self.start = start }

  mutating func apply(_ event: RunEvent, at now: Double) {
    switch event {
    case .planned(let total, let cached):
      self.total = total
      done = cached
    case .started(let instance, _):
      running.append(Running(instance: instance, since: now, mentioned: now))
    case .progress(let instance, let progress):
      guard let i = running.firstIndex(where: { $0.instance == instance }) else { return }
      running[i].progress = progress
    case .finished(let report):
      running.removeAll { $0.instance == report.instance }
      done += 1
      if report.state == .failed { failed += 1 }
    case .warning, .uploading: break
    }
  }

  /// How much of all is done, what runs counted by its own fraction; 0 to 1.
  var fraction: Double {
    guard total > 0 else { return 0 }
    let partly = running.reduce(0) { $0 + min(max($1.progress?.fraction ?? 0, 0), 1) }
    return min(1, (Double(done) + partly) / Double(total))
  }
}

extension RunState.Running {
  /// Seconds left if it goes on as fast; nil as long as that is a guess.
  func secondsLeft(at now: Double) -> Double? {
    guard let fraction = progress?.fraction, fraction >= 0.02, fraction <= 1, now - since >= 0.5 else {
      return nil
    }
    return (now - since) * (1 - fraction) / fraction
  }

  /// `epoch 3/20  loss 0.41  accuracy 0.87`
  var details: String {
    legible((progress?.detail ?? []).map { "\($0.name) \($0.value)" }.joined(separator: "  "))
  }
}
