// Owns the timing of all measures on all pairs of layers of two networks. measures.py gives the layers, and compares.

import Foundation
import Similarity
import Tensor

/// `measures-benchmark FOLDER ROWS THREADS [MEASURE…]`: reads x0.f32 … and y0.f32 … (float32, ROWS rows), and prints a
/// line for each measure of each pair, of each measure's seconds, and of all seconds.
@main
struct MeasuresBenchmark {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 4, let rows = Int(arguments[2]), let threads = Int(arguments[3]) else {
      throw Usage(description: "measures-benchmark FOLDER ROWS THREADS [MEASURE…]")
    }
    let folder = URL(fileURLWithPath: arguments[1])
    let measures = Measure.all.filter { arguments.count == 4 || arguments[4...].contains($0.name) }
    Team.limit = threads
    let clock = ContinuousClock()
    let begin = clock.now
    let shelf = Shelf()
    func layers(_ network: String) throws -> [Prepared] {
      var layers: [Prepared] = []
      while let data = try? Data(contentsOf: folder.appending(path: "\(network)\(layers.count).f32")) {
        let values = data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        let tensor = Tensor(shape: [rows, values.count / rows], values: values)
        layers.append(try Prepared(Representation(tensor, name: "\(network)\(layers.count)"), on: shelf))
      }
      return layers
    }
    let (xs, ys) = (try layers("x"), try layers("y"))
    var spent: [String: Duration] = [:]
    for (i, x) in xs.enumerated() {
      for (j, y) in ys.enumerated() {
        let pair = try Comparison(x, y)
        for measure in measures {
          let start = clock.now
          let value = Result { try measure(pair) }
          spent[measure.name, default: .zero] += clock.now - start
          switch value {
          case .success(let value): print("value", measure.name, i, j, value)
          case .failure(let error): print("refused", measure.name, i, j, error)
          }
        }
      }
    }
    for (name, duration) in spent.sorted(by: { $0.value > $1.value }) {
      print("seconds", name, duration / .seconds(1))
    }
    print("all", (clock.now - begin) / .seconds(1))
  }
}

struct Usage: Error, CustomStringConvertible { let description: String }
