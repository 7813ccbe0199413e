// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that building Bobbin doesn't build its benchmarks.
let package = Package(
  name: "benchmarks",
  dependencies: [.package(name: "bobbin", path: "..")],
  targets: [
    .executableTarget(
      name: "training-benchmark", dependencies: [.product(name: "NeuralNetworks", package: "bobbin")]),
    .executableTarget(
      name: "measures-benchmark", dependencies: [.product(name: "Similarity", package: "bobbin")]),
  ],
  swiftLanguageModes: [.v6]
)
