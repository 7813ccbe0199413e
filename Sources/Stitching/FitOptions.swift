// Owns the choices of a fit, and the literature's names and defaults for some of them.
public import NeuralNetworks

/// The ways to fit a map that have names in the literature.
public enum FitMethod: String, Sendable, Codable, CaseIterable {
  /// Least squares in closed form: direct matching (arXiv 2412.11299).
  case direct
  /// Cross-entropy to the labels: task-loss or hard-label matching.
  case taskLoss = "task_loss"
  /// KL divergence to the end's output: soft-label matching.
  case softLabel = "soft_label"
  /// Relative error at the cut, trained (arXiv 2505.20142).
  case hint
  /// Relative error at the cut and at every one behind it (arXiv 2505.20142).
  case fula

  /// The method's defaults: for `direct` and `taskLoss` those of arXiv 2412.11299, for the others those of
  /// arXiv 2505.20142, but for what `FitOptions` names as unlike the papers'.
  public var options: FitOptions {
    var options = FitOptions()
    switch self {
    case .direct:
      options.epochs = 0
      options.leastSquaresSamples = 100
    case .taskLoss:
      options.objective = Objective(task: 1)
      options.initialisation = .random
      options.weightDecay = 1e-5
      options.schedule = ConstantSchedule()
    case .softLabel: options.objective = Objective(soft: 1)
    case .hint: options.objective = Objective(hint: 1)
    case .fula: options.objective = Objective(fula: 1)
    }
    return options
  }

  /// Images in a step, which the data decide: 256 for `taskLoss` (arXiv 2412.11299), else 128 (arXiv 2505.20142).
  public var batch: Int { self == .taskLoss ? 256 : 128 }
}

/// What a trained fit minimises: task·CE + soft·KL + fula·FuLA + hint·Hint.
public struct Objective: Sendable, Hashable, Codable {
  /// β of the cross-entropy to the labels.
  public var task: Double
  /// β of KL(softmax end ‖ softmax stitched), temperature 1.
  public var soft: Double
  /// β of the mean over the end's cuts k = m … L (the paper's hook points) of
  /// ‖h_k(stitched) − h_k(end)‖_F / ‖h_k(end)‖_F.
  public var fula: Double
  /// β of ‖S − T‖_F / ‖T‖_F at the cut.
  public var hint: Double
  /// How many of the end's cuts FuLA takes, from its own on; nil for all.
  public var cuts: Int?
  /// What each of these cuts counts, in their order; divided by their sum. nil: all the same.
  public var cutWeights: [Double]?
  /// Whether FuLA averages the KL divergence in, as one more cut.
  public var fulaIncludesSoft: Bool

  public init(
    task: Double = 0, soft: Double = 0, fula: Double = 0, hint: Double = 0, cuts: Int? = nil,
    cutWeights: [Double]? = nil, fulaIncludesSoft: Bool = false
  ) {
    self.task = task
    self.soft = soft
    self.fula = fula
    self.hint = hint
    self.cuts = cuts
    self.cutWeights = cutWeights
    self.fulaIncludesSoft = fulaIncludesSoft
  }
}

/// Where a fit begins.
public enum Initialisation: String, Sendable, Codable, CaseIterable {
  /// The closed form of the map's family.
  case leastSquares = "least_squares"
  /// PyTorch's default for a convolution, from the seed; the map of the family that is nearest to it.
  case random
  /// Features are copied as far as there are as many; the map of the family that is nearest to that.
  case identity
}

/// Up to which share of the largest singular value least squares calls a direction noise.
public enum RankTolerance: Sendable, Hashable, Codable {
  /// A share from `floor` on, below 1.
  case value(Double)
  /// PyTorch's default for float32, max(rows, columns) · 2⁻²³, as the papers' code has it; `floor` where that is
  /// less. It depends on the layer: 0.061 for 500 images at 32 × 32, and nothing is left from 8.4 million rows on.
  case torch

  /// The default. Not the papers': theirs, `torch`, cuts off more in larger layers, so that a self-stitch need not
  /// be the identity.
  public static let standard = RankTolerance.value(floor)

  /// The least tolerance: below it, Float32 activations and their squares' sums in Double don't tell a direction
  /// from rounding (see `LeastSquares`).
  public static let floor = 1e-6

  /// - Throws: `StitchingError` where no direction would be left.
  package func value(rows: Int, columns: Int) throws -> Double {
    switch self {
    case .value(let value): return value
    case .torch:
      let value = max(Double(max(rows, columns)) * 0x1p-23, Self.floor)
      guard value < 1 else {
        throw StitchingError(
          "PyTorch's rank tolerance for \(rows) rows is \(value) of the largest singular value, which leaves nothing; "
            + "take fewer least-squares samples, or a number for the tolerance")
      }
      return value
    }
  }
}

/// Everything that decides a fit besides stitch and data; batch size, order and augmentation are the data's.
///
/// Defaults are the papers' (`FitMethod.options` says which paper's for which method), but for four things:
/// - Images aren't augmented, for any method. arXiv 2505.20142 flips and crops them. Here what the frozen networks
///   make of an image is computed once for all epochs and fits, and a flip isn't harmless for every data set
///   (digits); data that augment give the paper's fits.
/// - The rank tolerance is 1e-6 in Double, not PyTorch's in float32 (`RankTolerance`).
/// - The least-squares samples are drawn by the seed from all images, so that a sorted data set doesn't fit one class.
/// - The frozen halves use running statistics, as arXiv 2412.11299 does; the code of arXiv 2505.20142 lets batch
///   norms use the batch's and drift (`statistics`).
public struct FitOptions: Sendable {
  /// Which maps there are to choose from.
  public var map: any MapFamily = AffineFamily()
  public var objective = Objective()
  public var initialisation = Initialisation.leastSquares
  /// How many images least squares takes, drawn by the seed; all, where there are fewer. 100 for `direct`
  /// (arXiv 2412.11299), 500 where a trained fit starts from it (arXiv 2505.20142).
  public var leastSquaresSamples = 500
  public var rankTolerance = RankTolerance.standard
  /// Epochs of training; 0 leaves the initial map, which with least squares is the family's closed form.
  public var epochs = 30
  /// Adam's.
  public var learningRate = 1e-3
  /// L2 penalty on weight and bias, added to the gradient.
  public var weightDecay = 1e-4
  public var schedule: any Schedule = StepSchedule()
  /// What the frozen halves' batch norms use while training. `batchAndUpdate` is the released configuration of
  /// arXiv 2505.20142; `running` is what arXiv 2412.11299 does. Least squares and attacks always use running ones.
  public var statistics = BatchNormStatistics.running
  /// Attacks a share of each batch of training, against the stitched network as it is, by the cross-entropy.
  public var adversary: Adversary?
  /// Decides a random initialisation and which images least squares takes.
  public var seed: UInt64 = 0
  /// How many bytes of what the frozen networks make are kept instead of made anew, where no cache is shared.
  /// Doesn't change any bit.
  public var memory = 2 << 30

  public init() {}

  /// Whether anything is done to the initial map.
  var trains: Bool { epochs > 0 }

  /// What is wrong with the options, or with their fit to the stitch.
  func validate(for stitch: Stitch) throws {
    func check(_ holds: Bool, _ problem: @autoclosure () -> String) throws {
      if !holds { throw StitchingError(problem()) }
    }
    let weights = [objective.task, objective.soft, objective.fula, objective.hint]
    try check(weights.allSatisfy { $0 >= 0 && $0.isFinite }, "the weights of the losses must be at least 0")
    try check(epochs >= 0, "\(epochs) epochs; expected at least 0")
    try check(
      epochs == 0 || weights.contains { $0 > 0 },
      "training for \(epochs) epochs needs a loss whose weight is above 0")
    try check(
      epochs == 0 || map.canBeTrained,
      "\(map.name) can't be trained, there is nothing between one and the next; fit it in closed form, by direct"
    )
    try check(
      leastSquaresSamples >= 1, "\(leastSquaresSamples) samples for least squares; expected at least 1")
    try check(
      learningRate > 0 && learningRate.isFinite, "learning rate \(learningRate); expected one above 0")
    try check(weightDecay >= 0 && weightDecay.isFinite, "weight decay \(weightDecay); expected at least 0")
    if case .value(let value) = rankTolerance {
      try check(
        value >= RankTolerance.floor && value < 1,
        "rank tolerance \(value); expected one in [\(RankTolerance.floor), 1): below, directions are rounding"
      )
    }
    if let cuts = objective.cuts { try check(cuts >= 1, "\(cuts) cuts; expected at least 1") }
    if let weights = objective.cutWeights {
      let count = min(objective.cuts ?? .max, stitch.endCuts.count)
      try check(
        weights.count == count && weights.allSatisfy { $0 >= 0 } && weights.contains { $0 > 0 },
        "weights \(weights) for cuts; expected \(count) from '\(stitch.to)' on, none below 0, one above"
      )
    }
  }
}
