// Owns what a project says of its cluster.

/// `slurm:` in `bobbin.yaml`. In no key.
public struct SlurmSettings: Sendable, Hashable {
  public var partition: String?
  public var account: String?
  /// Further words for `sbatch`, which override those before.
  public var words: [String]
  /// What instances of kinds need at least, by the kind's name.
  public var needs: [String: Resources]
  /// This program's file as the cluster's machines see it; nil: where it is here.
  public var binary: String?

  public init(
    partition: String? = nil, account: String? = nil, words: [String] = [], needs: [String: Resources] = [:],
    binary: String? = nil
  ) {
    self.partition = partition
    self.account = account
    self.words = words
    self.needs = needs
    self.binary = binary
  }
}
