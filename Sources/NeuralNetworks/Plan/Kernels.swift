// Owns the elementwise loops between primitives. They work on any layout, padding included, and may work in
// place.

enum Kernels {
  typealias Source = UnsafePointer<Float>
  typealias Target = UnsafeMutablePointer<Float>

  /// target = a + b
  static func add(_ a: Source, _ b: Source, into target: Target, _ count: Int) {
    for i in 0..<count { target[i] = a[i] + b[i] }
  }

  /// target = a + b where the ReLU's output is positive, else 0
  static func add(_ a: Source, _ b: Source, where output: Source, into target: Target, _ count: Int) {
    for i in 0..<count { target[i] = output[i] > 0 ? a[i] + b[i] : 0 }
  }

  /// target = a where the ReLU's output is positive, else 0
  static func mask(_ a: Source, where output: Source, into target: Target, _ count: Int) {
    for i in 0..<count { target[i] = output[i] > 0 ? a[i] : 0 }
  }

  /// target = max(a, 0)
  static func relu(_ a: Source, into target: Target, _ count: Int) {
    for i in 0..<count { target[i] = a[i] > 0 ? a[i] : 0 }
  }
}
