// Owns the way from a network to a plan: what is computed, what needs a gradient, in which order.

import COneDNN

extension Network {
  /// Compiles the network for one batch size.
  ///
  /// - Parameters:
  ///   - batch: how many inputs are computed at once.
  ///   - taps: values to expose; the output always is.
  ///   - gradientPoints: where `backward` takes gradients; nil: at the output.
  ///   - wants: the gradients to compute. Of a part of a model the parameters outside it have gradients of 0.
  ///   - precision: what convolutions multiply, and activations between them are kept in.
  /// - Throws: `NetworkError` where a tap doesn't exist, segments that are trained share their parameters, or oneDNN can't
  ///   compute a layer here.
  public func compile(
    batch: Int, taps: [TapPoint] = [], gradientPoints: [TapPoint]? = nil, wants: Wants = .nothing,
    precision: Precision = .float32
  ) throws -> Plan {
    try compile(
      batch: batch, taps: taps + [output], gradientPoints: gradientPoints ?? [output], wants: wants,
      precision: precision, joints: PlanJoints())
  }

  /// Compiles the network as one of several plans that work together; of values only `taps` are exposed.
  package func compile(
    batch: Int, taps: [TapPoint], gradientPoints: [TapPoint] = [], wants: Wants = .nothing,
    precision: Precision = .float32, joints: PlanJoints
  ) throws -> Plan {
    try precision.require()
    guard batch >= 1 else { throw NetworkError("a batch of \(batch) images") }
    if wants.parameters {
      let trained = segments.filter { !$0.frozen }
      guard Set(trained.map { ObjectIdentifier($0.parameters) }).count == trained.count else {
        throw NetworkError("two segments that aren't frozen share their parameters; freeze one of them")
      }
    }
    let graph = try assemble()
    if precision == .bfloat16, let node = graph.layers.nodes.first(where: \.layer.needsFloat32) {
      throw Precision.refusal(of: segments[node.segment].name)
    }
    let points = wants == .nothing ? [] : gradientPoints
    var places: [TapPoint: Int] = [:]
    for tap in taps + points + joints.compared + [output] { places[tap] = try graph.place(of: tap, in: self) }

    let (fused, renumbered) = graph.layers.fused(keeping: Set(places.values)) { segment in
      segments[segment].statistics == .running && (segments[segment].frozen || !wants.parameters)
    }
    places = places.mapValues { renumbered[$0]! }
    let tiling = Tiling(batch: batch, target: isHeavy ? Self.tileOfHeavyOnes : Self.tile)
    let compiled = try CompiledNetwork(
      fused, segments, tiling: tiling, element: precision.element, places: places, taps: Set(taps + points),
      output: output, points: points, wants: wants, joints: joints)
    return try Plan(compiled, output: output, in: joints.room)
  }

  /// About how many images make a tile: enough for the primitives, few enough for the cache.
  private static let tile = 16

  /// Every tile goes through all weights, and has gradients of them of its own: where there are many, it is larger.
  private static let tileOfHeavyOnes = 32
  private var isHeavy: Bool { segments.reduce(0) { $0 + $1.parameters.trainedCount } > 4 << 20 }

  /// The layers of all segments in one graph.
  private func assemble() throws -> AssembledNetwork {
    var graph = LayerGraph(input: inputShape.extents)
    var ends: [Int] = []
    var cuts: [TapPoint: Int] = [:]
    var x = graph.input
    for (index, segment) in segments.enumerated() {
      let values = graph.append(
        segment.layers, after: segment.start, through: segment.end, fedBy: x, segment: index)
      for (node, value) in values {
        if let cut = segment.layers.nodes[node].cut { cuts[.cut(cut, segment: index)] = value }
      }
      x = values[segment.end ?? segment.layers.nodes.count - 1]!
      ends.append(x)
    }
    return AssembledNetwork(layers: graph, ends: ends, cuts: cuts)
  }
}

private struct AssembledNetwork {
  let layers: LayerGraph
  /// The value that each segment makes.
  let ends: [Int]
  let cuts: [TapPoint: Int]

  func place(of tap: TapPoint, in network: Network) throws -> Int {
    guard network.segments.indices.contains(tap.segment) else {
      throw NetworkError("a tap at segment \(tap.segment) of a network of \(network.segments.count)")
    }
    guard let cut = tap.cut else { return ends[tap.segment] }
    guard let value = cuts[tap] else {
      let known = cuts.keys.filter { $0.segment == tap.segment }.compactMap(\.cut?.name).sorted()
      throw NetworkError(
        "segment \(tap.segment) (\(network.segments[tap.segment].name)) has no cut '\(cut)'. "
          + "It has: \(known.joined(separator: ", "))")
    }
    return value
  }
}

/// Everything a plan is made of.
struct CompiledNetwork {
  let builder: PlanBuilder
  let input: Memory
  private(set) var inputGradient: Memory?
  private(set) var taps: [TapPoint: Memory] = [:]
  private(set) var tapGradients: [TapPoint: Memory] = [:]
  private(set) var comparisons: [TapPoint: TapComparison] = [:]
  let gradientPoints: [TapPoint]

  init(
    _ graph: LayerGraph, _ segments: [Segment], tiling: Tiling, element: onednn_element,
    places: [TapPoint: Int], taps: Set<TapPoint>, output: TapPoint, points: [TapPoint], wants: Wants,
    joints: PlanJoints
  ) throws {
    gradientPoints = points
    let trains = { (node: LayerGraph.Node) in
      wants.parameters && !segments[node.segment].frozen && node.layer.parameters.contains(where: \.isTrained)
    }
    // A value needs a gradient if the input's is wanted or a trained parameter lies before it.
    var needs = [wants.input]
    for node in graph.nodes.dropFirst() { needs.append(trains(node) || node.inputs.contains { needs[$0] }) }
    var uses = [Int](repeating: 0, count: graph.nodes.count)
    for input in graph.nodes.flatMap(\.inputs) { uses[input] += 1 }
    builder = try PlanBuilder(
      segments: segments, tiling: tiling, element: element, needsGradient: needs, uses: uses)

    let inputShape = [tiling.images] + graph.nodes[0].shape
    if let joint = joints.input {
      input = joint.memory(of: joint.values, inputShape, builder)
    } else {
      input = builder.makeMemory(.plain(inputShape), pinned: true)
    }
    builder.setValue(0, input)
    // Beyond the last point where gradients come in, nothing has one.
    let gradientSources = points + joints.compared + (joints.output == nil ? [] : [output])
    let lastPoint = gradientSources.map { places[$0]! }.max() ?? -1
    var backward: [() throws -> Void] = []
    for (value, node) in graph.nodes.enumerated() {
      if value > 0 {
        let planned = PlannedNode(
          value: value, inputs: node.inputs, segment: segments[node.segment], segmentIndex: node.segment,
          isTrained: trains(node), needsBackward: needs[value] && value <= lastPoint)
        if let step = try node.layer.plan(planned, builder) { backward.append(step) }
      }
      // A value is looked at where it is made, so that it needn't be kept for that.
      for tap in taps where places[tap] == value {
        let memory = builder.value(value)
        let layout = joints.keepsOrder ? Layout.kept(memory.shape) : .plain(memory.shape)
        let copy = builder.makeMemory(layout, pinned: true)
        try builder.reorder(memory, into: copy)
        self.taps[tap] = copy
      }
      for tap in joints.compared where places[tap] == value {
        let comparison = try TapComparison(value, batch: tiling.images * tiling.tiles, builder)
        comparisons[tap] = comparison
        let builder = builder
        backward.append { try comparison.planGradient(builder) }
      }
      if let joint = joints.output, places[output] == value {
        let memory = builder.value(value)
        try builder.reorder(memory, into: joint.memory(of: joint.values, memory.shape, builder))
      }
    }
    guard wants != .nothing else { return }

    builder.startBackward()
    for point in points {
      let memory = builder.makeMemory(.plain(builder.value(places[point]!).shape), pinned: true)
      tapGradients[point] = memory
      try builder.contribute(memory, to: places[point]!, owned: false)
    }
    if let joint = joints.output {
      let value = places[output]!
      let memory = joint.memory(of: joint.gradient, builder.value(value).shape, builder)
      try builder.contribute(memory, to: value, owned: false)
    }
    for step in backward.reversed() { try step() }
    if wants.input {
      let copy: Memory
      if let joint = joints.input {
        copy = joint.memory(of: joint.gradient, inputShape, builder)
      } else {
        copy = builder.makeMemory(input.layout, pinned: true)
      }
      if let gradient = try builder.gradient(of: 0) { try builder.reorder(gradient, into: copy) }
      inputGradient = copy
    }
    builder.endBackward()
  }
}
