// Owns how fast images are gone through, for people who watch. It decides no bits.

import Dispatch

/// Images a second since the work began.
struct Pace {
  private let start = DispatchTime.now()

  /// `5120/s`; nothing before there is anything to be said.
  func text(images: Int) -> String {
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
    return seconds > 0 ? "\(Int((Double(images) / seconds).rounded()))/s" : ""
  }
}
