// Owns the instances of a graph as one list: those of each stage after those of the stage before.

/// All instances of a graph, by their indices.
public struct Instances: RandomAccessCollection, Sendable {
  /// Some instances of a stage that follow each other.
  struct Block: Sendable {
    let its: StageInstances
    let rows: Range<Int>
    /// The index of the first.
    let start: Int
    /// How many outputs those before have together.
    let outputsBefore: Int
  }

  let blocks: [Block]
  public let count: Int
  /// How many outputs all have together.
  let outputCount: Int

  init(_ runs: [(its: StageInstances, rows: Range<Int>)]) {
    var blocks: [Block] = []
    var (start, outputs) = (0, 0)
    for (its, rows) in runs {
      blocks.append(Block(its: its, rows: rows, start: start, outputsBefore: outputs))
      start += rows.count
      outputs += rows.count * its.facts.outputs.count
    }
    self.blocks = blocks
    count = start
    outputCount = outputs
  }

  init(_ stages: [StageInstances]) { self.init(stages.map { ($0, 0..<$0.count) }) }

  init(_ instances: [Instance]) { self.init(instances.map { ($0.its, $0.row..<$0.row + 1) }) }

  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  public subscript(i: Int) -> Instance {
    let block = block(of: i)
    return Instance(block.its, block.rows.lowerBound + i - block.start)
  }

  /// The block that has instance `i`.
  func block(of i: Int) -> Block {
    precondition(i >= 0 && i < count, "BUG: there is no instance \(i)")
    var (first, last) = (0, blocks.count - 1)
    while first < last {
      let middle = (first + last + 1) / 2
      if blocks[middle].start <= i { first = middle } else { last = middle - 1 }
    }
    return blocks[first]
  }

  /// Where the outputs of instance `i` are among those of all, in the order of its stage's.
  func outputs(of i: Int) -> Range<Int> {
    let block = block(of: i)
    let each = block.its.facts.outputs.count
    let start = block.outputsBefore + (i - block.start) * each
    return start..<start + each
  }
}
