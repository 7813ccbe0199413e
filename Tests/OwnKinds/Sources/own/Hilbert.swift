// Owns Hilbert's matrix (Acta Mathematica 18, 1894).

import Tensor

/// 1 / (i + j + 1), size × size.
func hilbert(_ size: Int) -> Matrix {
  Matrix(size, size, values: (0..<size * size).map { 1 / Double($0 / size + $0 % size + 1) })
}
