import Canonical
import Testing

private let axes = AxisNames([
  "network", "network.front", "network.front.seed", "network.end", "network.end.seed", "network.cut", "seed",
])

@Test(
  arguments: [
    ("seed", .axis("seed")),  // called so in full, though two others end so
    ("front.seed", .axis("network.front.seed")), ("network.front.seed", .axis("network.front.seed")),
    ("cut", .axis("network.cut")), ("network", .axis("network")), ("front", .axis("network.front")),
    ("ut", .none), ("work.cut", .none), ("network.seed", .none), ("", .none),
  ] as [(String, AxisNames.Meaning)])
func anAxisIsNamedByAnyEndOfItsFullNameThatNoOtherHas(_ name: String, _ meaning: AxisNames.Meaning) {
  #expect(axes.meaning(of: name) == meaning)
}

@Test func anEndThatSeveralAxesHaveMeansAllOfThem() {
  let axes = AxisNames(["front.seed", "end.seed", "front.seed"])
  #expect(axes.meaning(of: "seed") == .several(["front.seed", "end.seed"]))
}

@Test func theShortestNameMeansItsAxis() {
  #expect(
    axes.full.map(axes.shortest) == ["network", "front", "front.seed", "end", "end.seed", "cut", "seed"])
  for axis in axes.full { #expect(axes.meaning(of: axes.shortest(axis)) == .axis(axis)) }
}
