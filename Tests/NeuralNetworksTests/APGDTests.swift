import NeuralNetworks
import Tensor
import Testing

struct APGDTests {
  @Test func theDifferenceOfLogitsRatioAgreesWithPyTorch() throws {
    let reference = try Reference("apgd")
    let (logits, labels) = (try reference["logits"], try reference.labels("labels"))
    var gradient = [Float](repeating: 0, count: logits.values.count)
    let values = logits.withUnsafeValues { z in
      gradient.withUnsafeMutableBufferPointer { g in
        labels.enumerated().map { row, label in
          let range = (row * 5)..<(row * 5 + 5)
          return Loss.differenceOfLogitsRatio(
            UnsafeBufferPointer(rebasing: z[range]), label: Int(label),
            gradient: UnsafeMutableBufferPointer(rebasing: g[range]))
        }
      }
    }
    expectClose(values.map { Float($0) }, try reference["ratio"].values, 1e-6)
    for row in labels.indices {
      let range = (row * 5)..<(row * 5 + 5)
      expectClose(
        Array(gradient[range]), Array(try reference["ratio_gradient"].values[range]), 1e-5, "row \(row)")
    }
  }

  @Test(
    arguments: [
      ([1, 1, 1], 0, 0), ([3, 2, 1], 0, -0.5), ([1, 2, 3], 0, 1), ([0, 2, 2, 1], 1, 0),
      ([5, 1, 9, 3], 2, -2.0 / 3),
    ] as [([Float], Int, Double)])
  func theRatioOfFewLogits(_ logits: [Float], _ label: Int, _ expected: Double) {
    let value = logits.withUnsafeBufferPointer { Loss.differenceOfLogitsRatio($0, label: label) }
    #expect(abs(value - expected) < 1e-9)
  }

  @Test(arguments: [
    (20, [5, 9, 12, 14, 16, 18, 19, 20]), (100, [22, 41, 57, 70, 80, 87, 93, 99]), (1, [1]), (2, [1, 2]),
  ])
  func checkpointsAreThoseOfThePaper(_ steps: Int, _ expected: [Int]) {
    #expect(APGD.checkpoints(of: steps) == expected)
  }

  @Test(
    arguments: [
      (Ball.Norm.linf, 0.06, APGD.Objective.crossEntropy, "linf.ce"),
      (.linf, 0.06, .differenceOfLogitsRatio, "linf.dlr"), (.l2, 0.5, .crossEntropy, "l2.ce"),
      (.l2, 0.5, .differenceOfLogitsRatio, "l2.dlr"),
    ] as [(Ball.Norm, Float, APGD.Objective, String)])
  func itsCourseAgreesWithPyTorch(
    _ norm: Ball.Norm, _ epsilon: Float, _ objective: APGD.Objective, _ name: String
  ) throws {
    let reference = try Reference("apgd")
    let images = Images(
      try reference["\(norm.rawValue).start"].values, clean: try reference["clean"].values,
      labels: try reference.labels("image_labels"))
    let model = try Model(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 3, height: 8, width: 8), classes: 5, width: 4),
      tensors: reference.all("model."), standardisation: .none(channels: 3))
    let plan = try Network(model).compile(batch: 6, wants: Wants(input: true))
    let attack = try APGD(objective, norm: norm, epsilon: epsilon, steps: 20)
    let courses = try attack.ascend(images.group, through: plan)
    let halvings = try reference["\(name).halvings"].values
    #expect(courses.map { Float($0.halvings) } == halvings)
    // The images differ in when their steps are halved: a course of its own each.
    #expect(Set(halvings).count > 2)
    #expect(courses.map { $0.isBroken ? 1 : 0 } == (try reference["\(name).broken"].values))
    expectClose(courses.map { Float($0.best) }, try reference["\(name).best"].values, 1e-4, name)
    expectClose(Array(images.group.images), try reference["\(name).left"].values, 1e-4, name)
  }

  @Test(arguments: [Ball.Norm.linf, .l2], [APGD.Objective.crossEntropy, .differenceOfLogitsRatio])
  func itStaysInTheBallAndInPixels(_ norm: Ball.Norm, _ objective: APGD.Objective) throws {
    let model = try Model.initialised(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 3, height: 8, width: 8), classes: 4, width: 4), seed: 3
    )
    let plan = try Network(model).compile(batch: 5, wants: Wants(input: true))
    let start = noise([5, 3, 8, 8], seed: 4).values.map { min(max(0.5 + 0.4 * $0, 0), 1) }
    let epsilon: Float = norm == .linf ? 0.1 : 0.7
    let attack = try APGD(objective, norm: norm, epsilon: epsilon, steps: 8, restarts: 2, seed: 1)
    var left: [[Float]] = []
    for restart in 0..<2 {
      let images = Images(start, clean: start, labels: [0, 1, 2, 3, 0])
      try attack.move(images.group, through: plan, restart: restart)
      let moved = Array(images.group.images)
      #expect(Array(images.group.clean) == start)
      #expect(moved.allSatisfy { $0 >= 0 && $0 <= 1 })
      for row in 0..<5 {
        let changes = (row * 192..<(row + 1) * 192).map { Double(moved[$0] - start[$0]) }
        let length =
          norm == .linf ? changes.map(abs).max()! : changes.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(length <= Double(epsilon) + 1e-6 && length > Double(epsilon) / 2)
      }
      left.append(moved)
    }
    #expect(left[0] != left[1], "restarts start elsewhere")
  }

  @Test func anAttackThatIsNoneIsRefused() throws {
    for body in [
      { _ = try APGD(.crossEntropy, epsilon: -0.1, steps: 5) },
      { _ = try APGD(.crossEntropy, epsilon: 8, steps: 5) },
      { _ = try APGD(.crossEntropy, norm: .l2, epsilon: .infinity, steps: 5) },
      { _ = try APGD(.crossEntropy, epsilon: 0.1, steps: 0) },
      { _ = try APGD(.crossEntropy, epsilon: 0.1, steps: 5, restarts: 0) },
      { try APGD(.differenceOfLogitsRatio, epsilon: 0.1, steps: 5).requireClasses(2) },
      { _ = try NamedAttack.apgdCE.make(AttackSettings(epsilon: 0.1, steps: 5, stepSize: 0.1)) },
      { _ = try NamedAttack.pgd.make(AttackSettings(epsilon: 0.1, steps: 5, restarts: 2)) },
      { _ = try NamedAttack.apgdDLR.make(AttackSettings(epsilon: 0.1, steps: 5, randomStart: false)) },
    ] as [() throws -> Void] {
      #expect(throws: NetworkError.self, performing: body)
    }
    #expect(try APGD(.crossEntropy, norm: .l2, epsilon: 8, steps: 5).ball.radius == 8)
    try APGD(.differenceOfLogitsRatio, epsilon: 0.1, steps: 5).requireClasses(3)
    try APGD(.crossEntropy, epsilon: 0.1, steps: 5).requireClasses(2)
  }
}

/// A group of images with room of its own.
private final class Images {
  let group: AttackedGroup
  private let labels: UnsafeMutableBufferPointer<Int32>

  init(_ start: [Float], clean: [Float], labels: [Int32]) {
    func copy<T>(_ values: [T]) -> UnsafeMutableBufferPointer<T> {
      let buffer = UnsafeMutableBufferPointer<T>.allocate(capacity: values.count)
      _ = buffer.initialize(from: values)
      return buffer
    }
    self.labels = copy(labels)
    group = AttackedGroup(
      images: copy(start), clean: copy(clean), labels: UnsafeBufferPointer(self.labels),
      numbers: Array(labels.indices))
  }

  deinit {
    group.images.deallocate()
    group.clean.deallocate()
    labels.deallocate()
  }
}
