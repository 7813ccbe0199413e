// Owns how artifacts are compared whose format the engine doesn't know: safetensors files, tensor by tensor.

import Formats
import Foundation
import Workflow

/// What tells where artifacts of Bobbin's own formats differ.
public func contentComparers() -> [ContentComparer] {
  [ContentComparer(fileExtension: "safetensors", difference: tensorDifference)]
}

/// The first tensor, by name, that differs; in it the first number that does, and the largest difference of all.
private func tensorDifference(_ recorded: URL, _ now: URL) throws -> ContentDifference? {
  let (before, after) = (
    try SafetensorsFile(contentsOf: recorded), try SafetensorsFile(contentsOf: now)
  )
  for name in Set(before.names).union(after.names).sorted() {
    guard let a = before[name], let b = after[name] else {
      return ContentDifference(
        "tensor '\(name)'", recorded: before[name].map(spelledShape) ?? "none",
        now: after[name].map(spelledShape) ?? "none"
      )
    }
    guard spelledShape(a) == spelledShape(b) else {
      return ContentDifference("tensor '\(name)'", recorded: spelledShape(a), now: spelledShape(b))
    }
    if a.bytes != b.bytes { return firstDifferentNumber(name, a, b) }
  }
  let keys = Set(before.metadata.keys).union(after.metadata.keys).sorted()
  return keys.first { before.metadata[$0] != after.metadata[$0] }.map {
    ContentDifference(
      "metadata '\($0)'", recorded: before.metadata[$0] ?? "none", now: after.metadata[$0] ?? "none")
  }
}

private func firstDifferentNumber(_ name: String, _ a: StoredArray, _ b: StoredArray) -> ContentDifference {
  let (before, after) = (a.doubles(), b.doubles())
  var first: Int?
  var count = 0
  var largest = 0.0
  for i in before.indices where before[i].bitPattern != after[i].bitPattern {
    first = first ?? i
    count += 1
    let distance = abs(before[i] - after[i])
    // What isn't a number is no distance.
    if distance > largest { largest = distance }
  }
  let i = first ?? 0
  return ContentDifference(
    "tensor '\(name)' \(a.place(of: i))", recorded: "\(before[i])", now: "\(after[i])", largest: largest,
    extent: "\(count) of \(before.count) numbers")
}

private func spelledShape(_ array: StoredArray) -> String { "\(array.elementType.rawValue) \(array.shape)" }
