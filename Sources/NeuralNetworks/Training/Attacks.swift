// Owns the list of all attacks. A new one is a file, and a line here.

extension NamedAttack {
  /// In the order in which they are listed to people. Fingerprints don't count this file, only the attacks that a
  /// stage asks for.
  public static let allAttacks: [NamedAttack] = [
    .pgd,
    .apgdCE,
    .apgdDLR,
  ]
}
