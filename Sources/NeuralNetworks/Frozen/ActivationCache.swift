// Owns keeping what frozen networks make of images: computed once for everything in a process that asks, kept
// within a budget of bytes, computed anew beyond it. Either way the values are the same bits.

import CKernels
public import Tensor

/// What frozen networks make of one list of images.
///
/// Many fits, evaluations and extractions over the same images share one cache, so that a network is run over them
/// once for all of its cuts:
///
///     let images = ActivationCache(source, budget: 2 << 30)
///     try images.expect(front.architecture.cuts.map(ModelPoint.cut), of: front)   // optional: saves passes
///     let activations = try images.values(of: front, at: .cut(cut))
///     let own = try Evaluation(of: end, on: images)
///     let fitted = try stitch.fit(on: batches, options: options, sharing: images)
///     let (evaluation, match) = try stitch.evaluate(fitted.map, on: images)
///
/// Values are kept by network (its architecture and its values, to the bit), point and image. Whether they are
/// there already, who asked before, for which points, in which order and with which budget changes no bit of what
/// is returned: each image's values at a point are always computed by the same plan, whatever else it taps.
/// A cache is for one thread at a time.
public final class ActivationCache {
  private let source: any ExampleSource
  private var models: [KnownModel] = []
  private var networks: [CompiledNetworkOfModel] = []
  private var labels: [Int32?]
  private let budget: Int
  /// Bytes that may still be kept.
  private var room: Int
  /// Counts requests, so that what wasn't asked for longest goes first.
  private var clock = 0
  /// The images that were read last, and which they are.
  private var images: UnsafeMutableBufferPointer<Float>
  private var readIndices: [Int] = []
  /// How many images were run through a network so far.
  public private(set) var computedImages = 0

  /// A cache over a list of images. Example i must be the same image whenever it is asked for.
  /// - Parameter budget: how many bytes of values may be kept. Plans and one batch of images come on top.
  public init(_ source: some ExampleSource, budget: Int) {
    self.source = source
    labels = Array(repeating: nil, count: source.count)
    self.budget = budget
    room = budget
    images = .allocate(capacity: 0)
  }

  deinit { images.deallocate() }

  /// The images' shape.
  public var shape: ImageShape { source.shape }
  /// How many images there are.
  public var count: Int { source.count }
  /// How many classes the labels count over; nil where there are no labels.
  public var classes: Int? { source.classes }

  /// Says which points of a model will be asked for, instead of what was said before: whoever asks for one of them
  /// first has all of them computed in the same pass, as far as there is room to keep them.
  /// - Throws: `NetworkError` where the images aren't of the model's size or it lacks a cut.
  public func expect(_ points: [ModelPoint], of model: Model) throws {
    try expect(points.map { FrozenPoint($0) }, of: model)
  }

  /// The same of points whose values are kept at others' positions.
  package func expect(_ points: [FrozenPoint], of model: Model) throws {
    for point in points { _ = try point.shape(in: model.architecture) }
    try known(model).expected = points
  }

  /// A model's values at a point for all images: count × the point's shape.
  /// - Parameter isCancelled: asked before each batch; when true, throws `CancellationError`.
  /// - Throws: `NetworkError` where the images aren't of the model's size, it lacks the cut, or a value isn't
  ///   finite; what the source throws.
  public func values(
    of model: Model, at point: ModelPoint, isCancelled: () -> Bool = { false }
  ) throws -> Tensor {
    let shape = try model.architecture.shape(at: point)
    let size = shape.count
    var made = Tensor(zeros: [count] + shape.extents)
    for start in stride(from: 0, to: count, by: 128) {
      if isCancelled() { throw CancellationError() }
      let range = start..<min(start + 128, count)
      try made.withUnsafeMutableValues {
        let part = UnsafeMutableBufferPointer(
          rebasing: $0[(range.lowerBound * size)..<(range.upperBound * size)])
        try fill([part], of: model, at: [point], for: Array(range))
      }
    }
    return made
  }

  /// The labels of the chosen images, in their order; zeros where there are none.
  public func labels(of indices: some Collection<Int>) throws -> [Int32] {
    let missing = indices.filter { labels[$0] == nil }
    for start in stride(from: 0, to: missing.count, by: 128) {
      try read(Array(missing[start..<min(start + 128, missing.count)]))
    }
    return indices.map { labels[$0]! }
  }

  /// Writes a model's values at some points for some images, row-major: into each part rows × the point's size.
  package func fill(
    _ parts: [UnsafeMutableBufferPointer<Float>], of model: Model, at points: [ModelPoint], for indices: [Int]
  ) throws {
    let points = points.map { FrozenPoint($0) }
    let rows = try rows(of: [(model, points)], for: indices)[0]
    for (part, (point, rows)) in zip(parts, zip(points, rows)) {
      let shape = try point.shape(in: model.architecture)
      let order = KeptOrder(shape)
      for (row, value) in rows.enumerated() {
        order.writeRowMajor(value.values, to: part.baseAddress! + row * shape.count)
      }
    }
  }

  /// The values of some models at some points of each for some images: by model, point and image, in the order of
  /// `KeptOrder`. They are good until the cache is asked again.
  package func rows(
    of wanted: [(model: Model, points: [FrozenPoint])], for indices: [Int]
  ) throws -> [[[FrozenRow]]] {
    clock += 1
    let models = try wanted.map { try known($0.model) }
    let values = try zip(models, wanted).map { known, wanted in
      try wanted.points.map { try known.values(at: $0, count: count) }
    }
    for value in values.joined() { value.used = clock }
    return try models.indices.map {
      try rows(of: models[$0], wanted[$0].points, values[$0], for: indices)
    }
  }

  private func rows(
    of known: KnownModel, _ points: [FrozenPoint], _ values: [KeptValues], for indices: [Int]
  ) throws -> [[FrozenRow]] {
    let missing = indices.indices.filter { row in values.contains { $0.rows[indices[row]] == nil } }
    if !missing.isEmpty {
      let wanted = missing.map { indices[$0] }
      let others = try expectedBeside(points, of: known, images: wanted.count)
      let network = try network(known, at: points + others.map(\.point))
      try read(wanted)
      for value in values { value.makeSpare(rows: indices.count) }
      try network.compute(UnsafeBufferPointer(images), count: wanted.count, number: { wanted[$0] }) {
        position, computed in
        let row = missing[position]
        for (store, value) in zip(values + others, computed) { keep(value, in: store, of: indices[row]) }
        for (store, value) in zip(values, computed) where store.rows[indices[row]] == nil {
          store.setSpare(row, to: value)
        }
      }
      computedImages += wanted.count
    }
    return values.map { store in
      indices.enumerated().map { row, index in store.rows[index] ?? store.spare(row) }
    }
  }

  /// Reads images into `images`, in the order of their indices, and takes note of their labels.
  private func read(_ indices: [Int]) throws {
    guard indices != readIndices else { return }
    readIndices = []
    let size = shape.count
    if images.count < indices.count * size {
      images.deallocate()
      images = .allocate(capacity: indices.count * size)
      images.initialize(repeating: 0)
    }
    let room = UnsafeMutableBufferPointer<Int32>.allocate(capacity: indices.count)
    room.initialize(repeating: 0)
    defer { room.deallocate() }
    var start = 0
    while start < indices.count {
      var end = start + 1
      while end < indices.count, indices[end] == indices[end - 1] + 1 { end += 1 }
      try source.fill(
        indices[start]..<(indices[start] + end - start),
        images: UnsafeMutableBufferPointer(rebasing: images[(start * size)..<(end * size)]),
        labels: UnsafeMutableBufferPointer(rebasing: room[start..<end]))
      start = end
    }
    for (row, index) in indices.enumerated() { labels[index] = room[row] }
    readIndices = indices
  }

  /// The expected points that aren't asked for now, lack some of their values, and could be kept.
  private func expectedBeside(
    _ points: [FrozenPoint], of known: KnownModel, images: Int
  ) throws -> [KeptValues] {
    let others = try known.expected.filter { !points.contains($0) }.map {
      try known.values(at: $0, count: count)
    }
    .filter { $0.kept < count }
    let rowBytes = try (points.map { try known.values(at: $0, count: count) } + others).reduce(0) {
      $0 + $1.rowBytes
    }
    return images * rowBytes <= room ? others : []
  }

  private func keep(_ value: UnsafeBufferPointer<Float>, in store: KeptValues, of index: Int) {
    guard store.rows[index] == nil, store.rowBytes <= budget else { return }
    while room < store.rowBytes {
      let stale = models.flatMap(\.points.values).filter { $0.used < clock && $0.kept > 0 }
      guard store.used == clock, let oldest = stale.min(by: { ($0.used, $0.number) < ($1.used, $1.number) })
      else {
        return
      }
      room += oldest.kept * oldest.rowBytes
      oldest.drop()
    }
    room -= store.rowBytes
    store.keep(value, of: index)
  }

  private func known(_ model: Model) throws -> KnownModel {
    if let known = models.first(where: {
      $0.model.sharesValues(with: model) || $0.twin.sharesValues(with: model)
    }) {
      return known
    }
    if let known = models.first(where: { $0.model.isIdentical(to: model) }) {
      known.twin = model
      return known
    }
    try Network(model).requireImages(of: shape)
    let known = KnownModel(model)
    models.append(known)
    return known
  }

  /// The plan for some points of a model; the few that were used last are kept.
  private func network(_ known: KnownModel, at points: [FrozenPoint]) throws -> FrozenNetwork {
    if let at = networks.firstIndex(where: { $0.model === known && $0.network.points == points }) {
      networks.append(networks.remove(at: at))
    } else {
      if networks.count == 4 { networks.removeFirst() }
      networks.append(
        CompiledNetworkOfModel(model: known, network: try FrozenNetwork(known.model, at: points)))
    }
    return networks.last!.network
  }
}

extension Evaluation {
  /// The evaluation of a model by itself on all images of a cache.
  /// - Throws: as `Evaluation(of:on:)` does.
  public init(
    of model: Model, on images: ActivationCache, isCancelled: () -> Bool = { false }
  ) throws {
    try Labels.require(images.classes, within: model.architecture.classes, for: "an accuracy")
    try self.init(
      logits: images.values(of: model, at: .logits, isCancelled: isCancelled),
      labels: images.labels(of: 0..<images.count))
  }
}

private struct CompiledNetworkOfModel {
  let model: KnownModel
  let network: FrozenNetwork
}

/// A model that a cache has been asked about.
private final class KnownModel {
  let model: Model
  /// The same values read once more; told by their place in memory when they come again.
  var twin: Model
  var expected: [FrozenPoint] = []
  private(set) var points: [FrozenPoint: KeptValues] = [:]

  init(_ model: Model) {
    self.model = model
    twin = model
  }

  func values(at point: FrozenPoint, count: Int) throws -> KeptValues {
    if let values = points[point] { return values }
    let values = KeptValues(
      point, size: try point.shape(in: model.architecture).count, count: count, number: points.count)
    points[point] = values
    return values
  }
}

/// One image's values at one point.
package struct FrozenRow {
  package let values: UnsafePointer<Float>
  /// The sum of the values' squares.
  package let squaredNorm: Double

  package init(_ values: UnsafePointer<Float>, count: Int) {
    self.values = values
    squaredNorm = kernels_squared_norm(Int64(count), values)
  }

  /// ‖h − t‖² of this, t, and others in the same order, h.
  package func squaredDistance(to others: UnsafePointer<Float>, count: Int) -> Double {
    kernels_squared_distance(Int64(count), others, values)
  }
}

/// What is kept of one point of one model: a row for each image, or none; and what is only lent.
private final class KeptValues {
  let point: FrozenPoint
  let size: Int
  /// The order in which points were first asked for.
  let number: Int
  private(set) var rows: [FrozenRow?]
  private(set) var kept = 0
  var used = 0
  /// Rows of the last request that there was no room to keep.
  private var spareRoom = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
  private var spareRows: [Int: FrozenRow] = [:]

  init(_ point: FrozenPoint, size: Int, count: Int, number: Int) {
    self.point = point
    self.size = size
    self.number = number
    rows = Array(repeating: nil, count: count)
  }

  deinit {
    drop()
    spareRoom.deallocate()
  }

  var rowBytes: Int { size * MemoryLayout<Float>.stride }

  func keep(_ value: UnsafeBufferPointer<Float>, of index: Int) {
    let row = UnsafeMutablePointer<Float>.allocate(capacity: size)
    row.initialize(from: value.baseAddress!, count: size)
    rows[index] = FrozenRow(row, count: size)
    kept += 1
  }

  func drop() {
    for index in rows.indices {
      rows[index]?.values.deallocate()
      rows[index] = nil
    }
    kept = 0
  }

  /// Forgets what was lent; from now on up to so many rows may be.
  func makeSpare(rows: Int) {
    spareRows = [:]
    spareCount = rows
  }
  private var spareCount = 0

  func setSpare(_ row: Int, to value: UnsafeBufferPointer<Float>) {
    if spareRoom.count < spareCount * size {
      precondition(spareRows.isEmpty, "BUG: room for lent rows grows while some are lent")
      spareRoom.deallocate()
      spareRoom = .allocate(capacity: spareCount * size)
      spareRoom.initialize(repeating: 0)
    }
    let place = spareRoom.baseAddress! + row * size
    place.update(from: value.baseAddress!, count: size)
    spareRows[row] = FrozenRow(place, count: size)
  }

  func spare(_ row: Int) -> FrozenRow { spareRows[row]! }
}

extension Model {
  /// Whether another model is the same, to the bit.
  package func isTheSameModel(as other: Model) -> Bool { sharesValues(with: other) || isIdentical(to: other) }

  /// Whether another model's tensors are the same memory.
  fileprivate func sharesValues(with other: Model) -> Bool {
    isIdentical(to: other) { $0.baseAddress == $1.baseAddress }
  }

  /// Whether another model has the same values, to the bit.
  fileprivate func isIdentical(to other: Model) -> Bool {
    isIdentical(to: other) { a, b in a.indices.allSatisfy { a[$0].bitPattern == b[$0].bitPattern } }
  }

  private func isIdentical(
    to other: Model, comparing isSame: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Bool
  ) -> Bool {
    guard architecture == other.architecture, standardisation == other.standardisation else { return false }
    return tensors.allSatisfy { name, tensor in
      tensor.withUnsafeValues { a in other.tensors[name]!.withUnsafeValues { b in isSame(a, b) } }
    }
  }
}
