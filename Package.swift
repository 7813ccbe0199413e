// swift-tools-version: 6.2
import PackageDescription

// Language checks of every target. CI sets `CI`, and then a warning is an error.
let checks: [SwiftSetting] =
  [.enableUpcomingFeature("MemberImportVisibility")]
  + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

// What decides the bits that numerics compute; the fingerprint plugin reads this statement.
let numericsSettings: [SwiftSetting] = []

/// A library of the engine: it knows of stages and bytes, never of tensors.
func engine(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: checks)
}

/// A library of numerics: it knows of tensors and networks, never of the engine.
func numerics(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: checks + numericsSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.byName(name: name)] + dependencies, resources: resources,
    swiftSettings: checks)
}

let package = Package(
  name: "bobbin",
  products: [
    .executable(name: "bobbin", targets: ["bobbin"]),
    // Fingerprints the stage kinds of the target that it is applied to, here or in another package.
    .plugin(name: "Fingerprints", targets: ["Fingerprints"]),
    // For programs with stage kinds of their own: the commands, and all that a kind may use.
    .library(
      name: "Bobbin",
      targets: [
        "BobbinCommands", "Stages", "Workflow", "ContentStore", "Canonical", "Tensor", "Formats", "Datasets",
        "NeuralNetworks", "Similarity", "Stitching", "Statistics",
      ]),
    // For Benchmarks/, a package of its own.
    .library(name: "NeuralNetworks", targets: ["NeuralNetworks", "Tensor"]),
    .library(name: "Similarity", targets: ["Similarity", "Tensor"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // C libraries, from the system's packages
    .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CProcess"),
    // libpng-dev, libjpeg-dev (libjpeg-turbo)
    // libcurl4-openssl-dev; the library is loaded by whoever downloads
    .target(name: "CCurl"),
    // Many transfers at once; apart, since what stages download with is in their keys
    .target(name: "CCurlMulti", dependencies: ["CCurl"]),
    .target(name: "CImages", linkerSettings: [.linkedLibrary("png16"), .linkedLibrary("jpeg")]),
    // libdnnl-dev; libgomp comes with the compiler
    .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]),

    // Loops of our own that a library's primitives leave to us
    .target(name: "CKernels"),

    // What decides bytes on both sides: canonical JSON and digests. Fingerprints count it.
    .target(name: "Canonical", dependencies: ["CCrypto"], swiftSettings: checks),

    // Numerics
    numerics("Tensor", ["CKernels", "COpenBLAS"]),
    numerics("Formats", ["Canonical", "Tensor", "CImages", "CZlib"]),
    numerics("Datasets", ["Canonical", "Tensor", "Formats"]),
    numerics("NeuralNetworks", ["Tensor", "CKernels", "COneDNN"]),
    numerics("Similarity", ["Statistics", "Tensor"]),
    numerics("Stitching", ["Tensor", "NeuralNetworks", "CKernels"]),
    numerics("Statistics", ["Tensor"]),

    // Engine
    engine(
      "ContentStore",
      ["Canonical", "CCrypto", "CZstd", "CZlib", .product(name: "GRDB", package: "GRDB.swift")]),
    engine("Workflow", ["Canonical", "ContentStore", "Processes"]),
    engine("PipelineFile", ["Canonical", "ContentStore", "Workflow", "Yams"]),
    engine("Processes", ["CProcess"]),
    engine("Serving", ["Canonical", "ContentStore"]),
    engine("Executors", ["Canonical", "ContentStore", "Workflow", "Processes", "CProcess"]),
    engine("Remotes", ["Canonical", "ContentStore", "CCurl", "CCurlMulti"]),
    engine("Reporting", ["Canonical", "ContentStore", "Workflow"]),

    // The code of stage kinds, digested at build time
    .target(name: "Fingerprinting", dependencies: ["CCrypto"], swiftSettings: checks),
    .executableTarget(name: "fingerprint", dependencies: ["Fingerprinting"], swiftSettings: checks),
    .plugin(name: "Fingerprints", capability: .buildTool(), dependencies: ["fingerprint"]),

    // One file from the network, by its digest
    .target(name: "Downloads", dependencies: ["CCurl", "Canonical"], swiftSettings: checks),

    // Where both meet
    .target(
      name: "Stages",
      dependencies: [
        "Canonical", "Workflow", "ContentStore", "Tensor", "Formats", "Datasets", "NeuralNetworks",
        "Similarity",
        "Stitching", "Statistics", "Processes", "Downloads",
        "CProcess",
      ],
      swiftSettings: checks, plugins: ["Fingerprints"]),
    // The commands, for `bobbin` and for programs with kinds of their own
    .target(
      name: "BobbinCommands",
      dependencies: [
        "Canonical", "ContentStore", "Workflow", "PipelineFile", "Executors", "Remotes", "Reporting",
        "Serving",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: checks),
    .executableTarget(
      name: "bobbin", dependencies: ["BobbinCommands", "Stages"], swiftSettings: checks),

    // Tests mirror sources
    .executableTarget(
      name: "TestWorker", dependencies: ["Canonical", "ContentStore", "Workflow", "Executors", "Stages"],
      path: "Tests/TestWorker", swiftSettings: checks),
    .target(name: "LoopbackServer", path: "Tests/LoopbackServer", swiftSettings: checks),
    .target(name: "FakeSlurm", path: "Tests/FakeSlurm", swiftSettings: checks),
    .target(name: "RealServices", path: "Tests/RealServices", swiftSettings: checks),
    tests("Canonical", []),
    tests("Downloads", ["Canonical", "LoopbackServer"]),
    tests("Tensor", []),
    tests("Formats", ["Tensor"]),
    tests("Datasets", ["Tensor", "Formats"]),
    tests("NeuralNetworks", ["Tensor", "Formats", "Datasets", "COneDNN"], resources: [.copy("References")]),
    tests("Similarity", ["Tensor", "Formats"]),
    tests("Statistics", []),
    tests("Stitching", ["Tensor", "NeuralNetworks", "Formats"], resources: [.copy("References")]),
    tests(
      "ContentStore", ["Canonical", .product(name: "GRDB", package: "GRDB.swift")],
      resources: [.copy("Fixtures")]),
    tests("Workflow", ["Canonical", "ContentStore", "PipelineFile", "Reporting"]),
    tests("PipelineFile", ["Canonical", "ContentStore", "Workflow"]),
    tests("Executors", ["FakeSlurm", "Canonical", "ContentStore", "Workflow", "Stages", "TestWorker"]),
    tests("Processes", []),
    .executableTarget(
      name: "RemoteTrial", dependencies: ["Canonical", "ContentStore", "Processes", "Remotes"],
      path: "Tests/RemoteTrial", swiftSettings: checks),
    tests("Remotes", ["Canonical", "ContentStore", "LoopbackServer", "RealServices", "RemoteTrial"]),
    tests("Serving", ["Canonical", "ContentStore"]),
    tests("Reporting", ["Canonical", "ContentStore", "Workflow"]),
    tests(
      "Stages", ["LoopbackServer", "Canonical", "ContentStore", "Workflow", "Formats", "NeuralNetworks"]),
    tests("Fingerprinting", ["Stages", "Workflow", "Canonical"]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "LoopbackServer", "FakeSlurm", "RealServices", "bobbin", "Canonical", "ContentStore", "Workflow",
      ],
      swiftSettings: checks),
  ],
  swiftLanguageModes: [.v6]
)
