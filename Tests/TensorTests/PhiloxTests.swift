import Tensor
import Testing

/// Computed once with this implementation, whose parts are tested by themselves.
private let frozenNormal = -0.10836857748767031

/// Random123's `kat_vectors` for philox4x32-10: counter, key, output (C2).
private let knownAnswers: [([UInt32], [UInt32], [UInt32])] = [
  ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
  (
    [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [0xffff_ffff, 0xffff_ffff],
    [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
  ),
  (
    [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
    [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
  ),
]

@Test(arguments: knownAnswers)
func philoxGivesTheKnownAnswersOfRandom123(counter: [UInt32], key: [UInt32], output: [UInt32]) {
  #expect(Philox.block(counter: SIMD4(counter), key: SIMD2(key)) == SIMD4(output))
}

@Test func aStreamsBlocksStandWhereTheLayoutSays() {
  // Counter, index, purpose and form; the seed is the key.
  let stream = Philox(seed: 0x299f_31d0_a409_3822, purpose: .flips, index: 7)
  let block = { (form: UInt32) in
    Philox.block(
      counter: SIMD4(5, 9, 7, UInt32(Philox.Purpose.flips.rawValue) << 16 | form),
      key: SIMD2(0xa409_3822, 0x299f_31d0))
  }
  let counter: UInt64 = 9 << 32 | 5
  #expect(stream.words(at: counter) == block(0))
  #expect(stream.uniform(at: counter << 2 | 3) == Float(block(1)[3] >> 8) * 0x1p-24)
  let w = block(3)
  #expect(stream.integer(at: counter, below: 1 << 32) == Int(w[0]))
}

@Test func noTwoPurposesIndicesOrFormsShareABlock() {
  // C2: a classifier's uniform weights and a convolution's normal ones came from the same words.
  var seen: Set<[UInt32]> = []
  var draws = 0
  func add(_ w: SIMD4<UInt32>) {
    seen.insert([w[0], w[1], w[2], w[3]])
    draws += 1
  }
  for purpose in Philox.Purpose.allCases {
    for index in [0, 1, 1 << 16, 1 << 30] {
      let stream = Philox(seed: 3, purpose: purpose).stream(index)
      for counter in [0, 1, 1 << 20, 1 << 34] as [UInt64] { add(stream.words(at: counter)) }
    }
  }
  #expect(seen.count == draws)
  #expect(Set(Philox.Purpose.allCases.map(\.rawValue)).count == Philox.Purpose.allCases.count)
  let stream = Philox(seed: 3, purpose: .tests)
  // The first two words of a block, as each form reads them.
  let forms: [Double] = [
    Double(stream.words(at: 0)[0]) * 0x1p-32, Double(stream.uniform(at: 0)),
    Double(stream.integer(at: 0, below: 1 << 52)) * 0x1p-52,
  ]
  for (i, a) in forms.enumerated() { for b in forms[..<i] { #expect(abs(a - b) > 1e-6) } }
}

@Test func normalValuesAreNormal() {
  let stream = Philox(seed: 11, purpose: .tests)
  let values = (0..<100_000).map { stream.normal(at: UInt64($0)) }
  func mean(_ power: (Double) -> Double) -> Double { values.map(power).reduce(0, +) / Double(values.count) }
  // Four standard errors.
  #expect(abs(mean { $0 }) < 0.013)
  #expect(abs(mean { $0 * $0 } - 1) < 0.018)
  #expect(abs(mean { $0 * $0 * $0 * $0 } - 3) < 0.13)
  #expect(abs(Double(values.count { abs($0) > 1.959964 }) / 100_000 - 0.05) < 0.0028)
  // Frozen, since they decide every model.
  #expect(Philox(seed: 1, purpose: .initialParameters, index: 2).normal(at: 3) == frozenNormal)
}

@Test func aSampleIsWithoutReplacementAscendingAndFromEverywhere() {
  let stream = Philox(seed: 5, purpose: .tests)
  let sample = stream.sample(20, of: 100)
  #expect(sample.count == 20 && Set(sample).count == 20 && sample == sample.sorted())
  #expect(sample.allSatisfy { (0..<100).contains($0) })
  #expect(stream.sample(100, of: 100) == Array(0..<100) && stream.sample(7, of: 3) == [0, 1, 2])
  // Each number is as likely as any: 2,000 draws of 5 of 20 give each about 500 times.
  var counts = [Int](repeating: 0, count: 20)
  for seed in 0..<2000 {
    for i in Philox(seed: UInt64(seed), purpose: .tests).sample(5, of: 20) { counts[i] += 1 }
  }
  #expect(counts.allSatisfy { abs($0 - 500) < 80 }, "\(counts)")
}

@Test func aPermutationHasEveryNumberOnce() {
  let a = Philox(seed: 5, purpose: .tests, index: 1).permutation(of: 50)
  #expect(a.sorted() == Array(0..<50) && a != Array(0..<50))
  #expect(Philox(seed: 5, purpose: .tests, index: 2).permutation(of: 50) != a)
}
