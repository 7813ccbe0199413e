// Owns what a record says about the machine, because it can decide bits.

import COneDNN

/// The facts of this process's numerics that a record keeps beside a result.
public enum ComputePlatform {
  /// oneDNN's version, and the instruction sets that it may use here.
  public static var facts: [String: String] {
    let version = dnnl_version()?.pointee
    let text = version.map { "\($0.major).\($0.minor).\($0.patch)" }
    return ["oneDNN": text ?? "unknown", "instructions": instructions]
  }

  private static var instructions: String {
    switch dnnl_get_effective_cpu_isa() {
    case dnnl_cpu_isa_avx512_core_amx: "avx512_core_amx"
    case dnnl_cpu_isa_avx512_core_bf16: "avx512_core_bf16"
    case dnnl_cpu_isa_avx512_core_vnni: "avx512_core_vnni"
    case dnnl_cpu_isa_avx512_core: "avx512_core"
    case dnnl_cpu_isa_avx2_vnni: "avx2_vnni"
    case dnnl_cpu_isa_avx2: "avx2"
    case dnnl_cpu_isa_avx: "avx"
    case dnnl_cpu_isa_sse41: "sse41"
    case let other: "isa-\(other.rawValue)"
    }
  }
}
