import Foundation
import Tensor
import Testing

/// How far two numbers are apart in units in the last place of the second.
private func ulps(_ a: Double, _ b: Double) -> Double { a == b ? 0 : abs(a - b) / b.ulp }

/// Computed once with this implementation, which other tests hold to be right.
private let frozenBits: [UInt64] = [
  4_611_716_986_771_507_591, 4_391_105_509_733_999_042, 13_831_473_067_500_349_217, 4_619_700_648_315_815_749,
  4_603_469_518_431_672_926, 4_606_527_552_341_785_422,
]

private let stream = Philox(seed: 2, purpose: .tests)
private func draws(_ count: Int, _ low: Double, _ high: Double) -> [Double] {
  (0..<count).map { low + (high - low) * Double(stream.integer(at: UInt64($0), below: 1 << 52)) * 0x1p-52 }
}

@Test func theExponentialIsRightToAUnit() {
  for x in draws(20_000, -740, 709) + draws(20_000, -2, 2) + [0, 1, -1, 709.78, -708.3, 1e-300] {
    let expected = exp(x)
    if expected.isNormal { #expect(ulps(Elementary.exp(x), expected) <= 1.5, "\(x)") }
  }
  #expect(Elementary.exp(0) == 1 && Elementary.exp(-.infinity) == 0 && Elementary.exp(.infinity) == .infinity)
  #expect(Elementary.exp(-745) > 0 && Elementary.exp(-746) == 0 && Elementary.exp(710) == .infinity)
  #expect(Elementary.exp(.nan).isNaN)
}

@Test func theLogarithmIsRightToTwoUnits() {
  for x in draws(20_000, 0, 10) + draws(20_000, 0.9, 1.1) + [
    1e-300, .leastNonzeroMagnitude, 1e300, 2, 0.5, 1 + 0x1p-52,
  ] {
    #expect(ulps(Elementary.log(x), log(x)) <= 2, "\(x)")
  }
  #expect(Elementary.log(1) == 0 && Elementary.log(0) == -.infinity && Elementary.log(.infinity) == .infinity)
  #expect(Elementary.log(-1).isNaN && Elementary.log(.nan).isNaN)
}

@Test func theCosineOfATurnIsRight() {
  for t in draws(40_000, 0, 1) {
    // The argument itself is rounded on the other side.
    #expect(abs(Elementary.cosine(turns: t) - cos(2 * Double.pi * t)) < 1.5e-15, "\(t)")
  }
  #expect([0, 0.25, 0.5, 0.75, 1].map(Elementary.cosine) == [1, 0, -1, 0, 1])
}

@Test func theArcCosineIsRight() {
  for x in draws(40_000, -1, 1) { #expect(ulps(Elementary.arcCosine(x), acos(x)) <= 4, "\(x)") }
  #expect(Elementary.arcCosine(1) == 0 && Elementary.arcCosine(-1) == .pi)
  #expect(Elementary.arcCosine(1.1).isNaN)
}

@Test func elementaryFunctionsHaveTheseBitsEverywhere() {
  // C13: the C library's version must decide no bit of a draw or a loss.
  let bits = [
    Elementary.exp(0.7), Elementary.exp(-33.25), Elementary.log(0.3), Elementary.log(1234.5),
    Elementary.cosine(turns: 0.15), Elementary.arcCosine(0.6),
  ].map(\.bitPattern)
  #expect(bits == frozenBits)
}
