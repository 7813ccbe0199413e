// Owns small files in the published formats, so that every pipeline can run without a download.

import Foundation

enum Files {
  /// CIFAR-10's binary version: records of a label and 3,072 pixels, drawn by a simple generator.
  static func cifar(_ count: Int, seed: UInt64) -> Data {
    var data = Data()
    var state = seed
    for i in 0..<count {
      data.append(UInt8(i % 10))
      data.append(contentsOf: (0..<3072).map { place in pixel(&state, label: i % 10, place: place) })
    }
    return data
  }

  /// The same as it is published: an archive with a folder.
  static func cifarArchive(train: Int, test: Int) throws -> Data {
    let place = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: place) }
    let folder = place.appending(path: "cifar-10-batches-bin")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try cifar(train, seed: 1).write(to: folder.appending(path: "data_batch_1.bin"))
    try cifar(test, seed: 2).write(to: folder.appending(path: "test_batch.bin"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["tar", "-C", place.path, "-czf", place.path + "/a.tar.gz", folder.lastPathComponent]
    try process.run()
    process.waitUntilExit()
    return try Data(contentsOf: place.appending(path: "a.tar.gz"))
  }

  /// MNIST's IDX files.
  static func idx(images count: Int, seed: UInt64) -> Data {
    var state = seed
    var data = Data([0, 0, 8, 3]) + big(count) + big(28) + big(28)
    for i in 0..<count {
      data.append(contentsOf: (0..<784).map { place in pixel(&state, label: i % 10, place: place) })
    }
    return data
  }

  static func idx(labels count: Int) -> Data {
    Data([0, 0, 8, 1]) + big(count) + Data((0..<count).map { UInt8($0 % 10) })
  }

  private static func big(_ value: Int) -> Data {
    Data([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) })
  }

  /// Noise on a pattern that the label decides.
  private static func pixel(_ state: inout UInt64, label: Int, place: Int) -> UInt8 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let noise = Int(state >> 59)
    return UInt8(min(255, (place * (label + 3) / 7) % 160 + noise))
  }
}
