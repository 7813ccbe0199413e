// Owns the list of all families of architectures. A new one is a file, and a line here.

extension ArchitectureFamily {
  /// In the order in which they are listed to people. Fingerprints of trainings don't count this file, only the family
  /// that is trained.
  public static let all: [ArchitectureFamily] = [
    .mlp,
    .smallCNN,
    .cifarResNet,
    .resNet,
    .vgg,
    .visionTransformer,
  ]
}
