// Owns the check of the two ends that a pipeline gives a scale.

import Workflow

/// Throws unless the lower end of a scale is below its upper one, where both are written.
func requireEnds(low: Double?, high: Double?) throws {
  guard let low, let high, low >= high else { return }
  throw InvalidParameter("low", "\(low) is not below high, which is \(high)")
}
