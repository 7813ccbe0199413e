// Owns the difference of logits ratio, a loss that an attack raises.

extension Loss {
  /// The difference of logits ratio of one image, −(z_y − max_{i≠y} z_i)/(z_π1 − z_π3), π the order of falling logits
  /// (Croce & Hein 2020, eq. 6): above 0 where the label isn't the largest. Neither a shift nor a factor of the logits
  /// changes it, so that it doesn't saturate where a network is sure. Of equal logits the first counts as larger.
  /// - Parameters:
  ///   - logits: at least three.
  ///   - gradient: as many; where a network says the same of its three largest, that of a ratio over 1e-12.
  public static func differenceOfLogitsRatio(
    _ logits: UnsafeBufferPointer<Float>, label: Int, gradient: UnsafeMutableBufferPointer<Float>? = nil
  ) -> Double {
    precondition(
      logits.count >= 3 && logits.indices.contains(label), "BUG: label \(label) of \(logits.count)")
    var largest = [0, 0, 0]
    var known = 0
    for i in logits.indices {
      let place = (0..<known).first { logits[i] > logits[largest[$0]] } ?? known
      guard place < 3 else { continue }
      for later in stride(from: min(known, 2), to: place, by: -1) { largest[later] = largest[later - 1] }
      largest[place] = i
      known = min(known + 1, 3)
    }
    let (first, third) = (largest[0], largest[2])
    let other = first == label ? largest[1] : first
    let margin = Double(logits[label]) - Double(logits[other])
    let spread = Double(logits[first]) - Double(logits[third]) + 1e-12
    if let gradient {
      var by = [Double](repeating: 0, count: logits.count)
      by[label] -= 1 / spread
      by[other] += 1 / spread
      by[first] += margin / (spread * spread)
      by[third] -= margin / (spread * spread)
      for i in by.indices { gradient[i] = Float(by[i]) }
    }
    return -margin / spread
  }
}
