// Owns which layers become one: batch norms folded into frozen convolutions, additions and ReLUs computed
// with the layer before them, a shortcut's batch norm with the addition behind it. Never across a value that somebody looks at.

extension LayerGraph {
  /// The graph with layers fused; `kept` are the values that must exist. Returns with it where those went.
  ///
  /// - Parameter folds: whether a segment's batch norms are constants (frozen, running statistics).
  func fused(keeping kept: Set<Int>, folds: (Int) -> Bool) -> (LayerGraph, [Int: Int]) {
    var nodes = nodes
    // A fused-away node's value is made by another node now.
    var dead = Set<Int>()
    func onlyUse(of value: Int) -> Bool {
      !kept.contains(value) && value != self.nodes.count - 1
        && nodes.indices.filter { !dead.contains($0) && nodes[$0].inputs.contains(value) }.count == 1
    }
    /// Puts `layer` in the place of `index`, and the node `value` before it away.
    func merge(_ value: Int, into index: Int, as layer: any Layer, inputs: [Int]) {
      nodes[index].layer = layer
      nodes[index].inputs = inputs
      dead.insert(value)
    }
    for index in nodes.indices {
      guard let x = nodes[index].inputs.first, onlyUse(of: x) else { continue }
      let before = nodes[x]
      let sameSegment = before.segment == nodes[index].segment
      switch (nodes[index].layer, before.layer) {
      case (let norm as BatchNorm, var convolution as Convolution)
      where sameSegment && folds(nodes[index].segment) && convolution.isPlain:
        convolution.folded = norm
        merge(x, into: index, as: convolution, inputs: before.inputs)
      case (is Add, var convolution as Convolution) where convolution.isLinear && sameSegment:
        convolution.addsInput = true
        let addend = nodes[index].inputs[1]
        merge(x, into: index, as: convolution, inputs: before.inputs + [addend])
      case (is Add, var norm as BatchNorm) where norm.isLinear && sameSegment:
        norm.addsInput = true
        let addend = nodes[index].inputs[1]
        merge(x, into: index, as: norm, inputs: before.inputs + [addend])
        // The other summand's batch norm, as of a shortcut, is computed with the addition.
        if var other = nodes[addend].layer as? BatchNorm, other.isLinear, onlyUse(of: addend) {
          other.leavesItsMap = true
          nodes[addend].layer = other
        }
      case (is ReLU, var convolution as Convolution) where !convolution.relu && sameSegment:
        convolution.relu = true
        merge(x, into: index, as: convolution, inputs: before.inputs)
      case (is ReLU, var norm as BatchNorm) where !norm.relu && sameSegment:
        norm.relu = true
        merge(x, into: index, as: norm, inputs: before.inputs)
      case (is ReLU, var add as Add) where !add.relu && sameSegment:
        add.relu = true
        merge(x, into: index, as: add, inputs: before.inputs)
      default: break
      }
    }
    var renumbered: [Int: Int] = [:]
    var alive: [Node] = []
    for index in nodes.indices where !dead.contains(index) {
      renumbered[index] = alive.count
      var node = nodes[index]
      node.inputs = node.inputs.map { renumbered[$0]! }
      alive.append(node)
    }
    return (LayerGraph(nodes: alive), renumbered)
  }
}
