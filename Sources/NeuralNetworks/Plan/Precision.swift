// Owns what numbers a plan computes with.

import COneDNN

/// What a plan's convolutions and linear layers multiply, and what activations between them are kept in. Parameters,
/// sums, batch norms' statistics, losses and updates are float32 (or Double) in any case.
public enum Precision: String, Sendable, Hashable, Codable, CaseIterable {
  /// 24 bits of precision.
  case float32 = "fp32"
  /// 8 bits of precision over float32's range (Kalamkar et al. 2019): half the bytes and, where the processor has
  /// instructions for it, twice the products or more.
  case bfloat16 = "bf16"

  /// Throws `NetworkError` where this processor has no instructions for it.
  public func require() throws {
    guard self == .bfloat16, !onednn_computes_bfloat16() else { return }
    throw NetworkError(
      "this processor (\(String(cString: onednn_instructions()))) has no instructions for bfloat16; compute with "
        + "\(Precision.float32.rawValue)")
  }

  /// What is said of an architecture that has layers which compute in float32 alone.
  static func refusal(of architecture: String) -> NetworkError {
    NetworkError(
      "\(architecture) can't be computed with \(Precision.bfloat16.rawValue): attention and linear maps of tokens are in "
        + "\(Precision.float32.rawValue)")
  }

  var element: onednn_element { self == .bfloat16 ? .bfloat16 : .float32 }
}
