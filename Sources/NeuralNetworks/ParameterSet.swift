// Owns the live values of one model or stitching layer while plans compute with them: plain, in one block
// of memory. It deliberately doesn't know layouts; plans make their own copies, by version.

import CKernels
public import Tensor

/// Parameters and running statistics that several plans share. Not for more than one thread at a time.
public final class ParameterSet {
  /// Where one tensor lies.
  struct Slot {
    let declaration: ParameterDeclaration
    /// Its place in the block, in floats.
    let offset: Int
    var count: Int { declaration.shape.reduce(1, *) }
  }

  /// Parameters first, then running statistics; each tensor on a 64-byte boundary, gaps zero.
  let slots: [Slot]
  private let index: [String: Int]
  /// The number of floats of the trained part.
  let trainedCount: Int
  /// The number of floats of everything.
  let count: Int
  let base: UnsafeMutablePointer<Float>

  /// Counts changes of parameters; a plan compares it with what it has seen.
  public private(set) var version = 0
  /// Counts changes of running statistics.
  private(set) var statisticsVersion = 0

  /// The values of a model.
  public convenience init(_ model: Model) {
    self.init(model.architecture.layers.parameters) { model.tensors[$0]! }
  }

  /// The values of a stitching layer, as `weight` and `bias`.
  public convenience init(_ map: StitchingLayer) {
    self.init(map.layers.parameters) { $0 == "weight" ? map.weight : map.bias }
  }

  /// That of a segment that has none.
  static var none: ParameterSet { ParameterSet([]) { preconditionFailure("BUG: there is no '\($0)'") } }

  init(_ declarations: [ParameterDeclaration], values: (String) -> Tensor) {
    var slots: [Slot] = []
    var offset = 0
    var trained = 0
    for wantTrained in [true, false] {
      for declaration in declarations where declaration.isTrained == wantTrained {
        let slot = Slot(declaration: declaration, offset: offset)
        slots.append(slot)
        offset += (slot.count + 15) & ~15
      }
      if wantTrained { trained = offset }
    }
    self.slots = slots
    trainedCount = trained
    count = offset
    index = Dictionary(uniqueKeysWithValues: slots.enumerated().map { ($1.declaration.name, $0) })
    base = allocateFloats(offset)
    for slot in slots {
      values(slot.declaration.name).withUnsafeValues {
        precondition($0.count == slot.count, "BUG: '\(slot.declaration.name)' has \($0.count) values")
        (base + slot.offset).update(from: $0.baseAddress!, count: slot.count)
      }
    }
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  func slot(_ name: String) -> Slot { slots[index[name]!] }

  /// A copy of one tensor as it is now.
  public func tensor(_ name: String) -> Tensor {
    let slot = slot(name)
    return Tensor(
      shape: slot.declaration.shape,
      values: UnsafeBufferPointer(start: base + slot.offset, count: slot.count))
  }

  /// Copies of all tensors as they are now.
  public var tensors: [String: Tensor] { tensors(in: base) }

  /// Copies of what lies in a block that is laid out as this one.
  func tensors(in block: UnsafeMutablePointer<Float>) -> [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: slots.map { slot in
        let values = UnsafeBufferPointer(start: UnsafePointer(block + slot.offset), count: slot.count)
        return (slot.declaration.name, Tensor(shape: slot.declaration.shape, values: values))
      })
  }

  /// Overwrites one tensor with another of as many values.
  public func set(_ name: String, to tensor: Tensor) {
    let slot = slot(name)
    precondition(tensor.count == slot.count, "BUG: '\(name)' is \(slot.declaration.shape)")
    tensor.withUnsafeValues { (base + slot.offset).update(from: $0.baseAddress!, count: slot.count) }
    parametersChanged()
    statisticsChanged()
  }

  /// Whether another set has the same tensors in the same places.
  func isLaidOut(as other: ParameterSet) -> Bool {
    self === other
      || slots.elementsEqual(other.slots) {
        $0.offset == $1.offset && $0.declaration.name == $1.declaration.name
          && $0.declaration.shape == $1.declaration.shape
      }
  }

  /// Takes over the values of another set of the same tensors.
  package func load(_ other: ParameterSet) {
    precondition(isLaidOut(as: other), "BUG: values of other parameters")
    base.update(from: other.base, count: count)
    parametersChanged()
    statisticsChanged()
  }

  /// The trained part, for an optimiser; call `parametersChanged` after writing.
  var trained: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: base, count: trainedCount)
  }

  /// The name of a tensor with a value that is infinite or no number, if there is one. ReLUs hide such values
  /// from the loss, so a training loop asks after each step.
  public var firstNotFinite: String? {
    if kernels_all_finite(Int64(count), base) { return nil }
    return slots.first { slot in (0..<slot.count).contains { !base[slot.offset + $0].isFinite } }?
      .declaration.name
  }

  func parametersChanged() { version += 1 }
  func statisticsChanged() { statisticsVersion += 1 }
}

/// Zeroed floats on a 64-byte boundary.
func allocateFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
  let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
  let base = raw.bindMemory(to: Float.self, capacity: max(count, 1))
  base.initialize(repeating: 0, count: max(count, 1))
  return base
}
