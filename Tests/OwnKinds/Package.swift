// swift-tools-version: 6.2
import PackageDescription

// What somebody has whose pipelines need a stage kind that Bobbin hasn't. script/test-own-kinds builds it in a copy
// two folders below the package's root, as this one is.
let package = Package(
  name: "own-kinds",
  dependencies: [.package(name: "bobbin", path: "../..")],
  targets: [
    .executableTarget(
      name: "own", dependencies: [.product(name: "Bobbin", package: "bobbin")],
      plugins: [.plugin(name: "Fingerprints", package: "bobbin")])
  ],
  swiftLanguageModes: [.v6]
)
