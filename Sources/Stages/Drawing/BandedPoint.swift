// Owns how a point of a line comes of numbers, with the band that a pipeline asks for.

import Statistics

extension LinePoint {
  /// What a line shows of some numbers.
  init(at: Double, _ sample: Sample, _ band: BandChoice, _ interval: any IntervalMethod) {
    self.init(
      at: at, mean: sample.mean, count: sample.count, deviation: sample.deviation,
      band: band.ends(of: sample, interval))
  }
}
