// Owns what fitting asks of its data. It doesn't know where images come from.
public import NeuralNetworks

/// Images to fit a map on: in batches for training, and one by one, in a fixed order and unaugmented, for least
/// squares.
public protocol FittingSource: BatchSource, ExampleSource {
  /// Whether an image of a batch is the same whenever it is drawn, and the same as the example of its index. Then
  /// what frozen networks make of it is kept.
  var isFixed: Bool { get }
  /// What decides the batches: two sources over the same examples in which it is the same, and the size of a batch,
  /// give the same batches.
  var identity: AnyHashable { get }
  /// Which examples a batch is made of, in its order.
  func indices(epoch: Int, step: Int) -> [Int]
}
