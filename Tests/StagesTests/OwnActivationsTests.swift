// One's own representations: from files outside the pipeline, of whatever format, measured like native ones.

import Canonical
import ContentStore
import Formats
import Foundation
import Testing

@Suite struct OwnActivationsTests {
  /// Four samples of two features, not all the same.
  private static let rows = StoredArray(doubles: [0, 1, 2, -1, 0.5, 3, 4, 0], shape: [4, 2])

  private func file(_ name: String, _ data: Data, in bench: Bench) throws -> URL {
    let url = bench.folder.appending(path: "\(UUID().uuidString)-\(name)")
    try data.write(to: url)
    return url
  }

  private func npy(_ array: StoredArray, in bench: Bench) throws -> URL {
    let url = bench.folder.appending(path: "\(UUID().uuidString)-acts.npy")
    try NumPy.write(array, to: url)
    return url
  }

  private func safetensors(
    _ arrays: [String: StoredArray], _ metadata: [String: String] = [:], in bench: Bench
  ) throws -> URL {
    try file("acts.safetensors", SafetensorsFile.encode(arrays, metadata: metadata), in: bench)
  }

  private func imported(
    _ file: URL, _ parameters: JSON = [:], data: Artifact? = nil, on bench: Bench
  ) throws -> Artifact {
    try bench.run(
      "activations/import", parameters, data.map { ["data": $0] } ?? [:], externals: ["path": file])[
        "activations"]!
  }

  private func failure(
    _ file: URL, _ parameters: JSON = [:], data: Artifact? = nil, on bench: Bench
  ) -> String {
    bench.failure(
      "activations/import", parameters, data.map { ["data": $0] } ?? [:], externals: ["path": file]
    ).replacing(file.path, with: "FILE")
  }

  @Test func everyFormatAndElementTypeGivesTheSameArtifact() throws {
    let bench = try Bench()
    let values: [UInt8] = [0, 1, 2, 3, 5, 7]
    func array(_ type: ElementType, _ element: (UInt8) -> [UInt8]) -> StoredArray {
      StoredArray(type, shape: [3, 2], bytes: Data(values.flatMap(element)))
    }
    func bits<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    let arrays: [StoredArray] = [
      array(.f64) { bits(Double($0).bitPattern) }, array(.f32) { bits(Float($0).bitPattern) },
      array(.i64) { bits(Int64($0)) }, array(.i32) { bits(Int32($0)) }, array(.i16) { bits(Int16($0)) },
      array(.i8) { bits(Int8($0)) }, array(.u64) { bits(UInt64($0)) }, array(.u32) { bits(UInt32($0)) },
      array(.u16) { bits(UInt16($0)) }, array(.u8) { [$0] },
      array(.f16) {
        bits([0, 0x3c00, 0x4000, 0x4200, 0x4500, 0x4700][values.firstIndex(of: $0)!] as UInt16)
      },
    ]
    var made = Set<Digest>()
    for array in arrays {
      made.insert(try imported(npy(array, in: bench), on: bench).digest)
      made.insert(try imported(safetensors(["x": array], in: bench), on: bench).digest)
    }
    #expect(made.count == 1)
    let artifact = try imported(npy(arrays[0], in: bench), on: bench)
    let read = try SafetensorsFile(contentsOf: bench.url(artifact)).array("activations")
    #expect(read.elementType == .f32 && read.shape == [3, 2] && read.doubles() == values.map(Double.init))
    // Written by NumPy 2: np.savez(…, acts=np.arange(4., dtype='f4').reshape(2, 2)).
    let npz = try file("acts.npz", try #require(Data(base64Encoded: archive)), in: bench)
    let opened = try SafetensorsFile(contentsOf: bench.url(imported(npz, on: bench)))
    #expect(try opened.array("activations").doubles() == [0, 1, 2, 3])
  }

  @Test func whatIsWrongWithAFileIsToldWithItsPlace() throws {
    let bench = try Bench()
    let (rows, shapes) = (Self.rows, "n × d, n × tokens × d or n × channels × height × width")
    func shaped(_ shape: [Int]) -> StoredArray {
      StoredArray(doubles: [Double](repeating: 1, count: shape.reduce(1, *)), shape: shape)
    }
    let whole = SafetensorsFile.encode(["a": rows])
    let table: [(URL, JSON, String)] = [
      (try npy(rows, in: bench), [:], "none"),
      (
        try npy(shaped([4]), in: bench), [:], "FILE: shape [4]; expected samples first: \(shapes)"
      ),
      (
        try npy(shaped([1, 1, 1, 1, 2]), in: bench), [:],
        "FILE: shape [1, 1, 1, 1, 2]; expected samples first: \(shapes)"
      ),
      (try npy(shaped([0, 3]), in: bench), [:], "FILE: shape [0, 3]; expected samples first: \(shapes)"),
      (
        try safetensors(["a": StoredArray(doubles: [1, 2, 3, .nan], shape: [2, 2])], in: bench), [:],
        "FILE: a: nan at [1, 1]; expected finite numbers"
      ),
      (
        try npy(StoredArray(doubles: [1, -.infinity], shape: [1, 1, 2]), in: bench), [:],
        "FILE: -inf at [0, 0, 1]; expected finite numbers"
      ),
      (
        try npy(StoredArray(doubles: [1, 1e300], shape: [2, 1]), in: bench), [:],
        "FILE: 1e+300 at [1, 0]; expected finite numbers that float32 can hold"
      ),
      (
        try safetensors(["a": rows, "b": rows], in: bench), [:],
        "FILE: has the arrays a, b; say which has the activations with 'array'"
      ),
      (try safetensors(["a": rows, "b": rows], in: bench), ["array": "b"], "none"),
      (try safetensors(["a": rows, "activations": rows], in: bench), [:], "none"),
      (
        try safetensors(["a": rows, "b": rows], in: bench), ["array": "c"],
        "FILE: has no array 'c'; it has a, b"
      ),
      (try safetensors([:], in: bench), [:], "FILE: has no arrays"),
      (
        try safetensors(["a": rows, "indices": StoredArray(integers: [0, 1])], in: bench), [:],
        "FILE: indices: shape [2], expected [4]: one index for each of the samples"
      ),
      (
        try safetensors(["a": rows, "indices": StoredArray(integers: [0, 1, -1, 2])], in: bench), [:],
        "FILE: indices: -1 at index 2; indices count from 0"
      ),
      (
        try safetensors(["a": rows, "indices": StoredArray(doubles: [0, 1, 2, 3])], in: bench), [:],
        "FILE: indices: found F64, expected whole numbers (I64, I32, U8 …)"
      ),
      (
        try safetensors(["a": rows], ["samples": "s", "samples_digest": "no"], in: bench), [:],
        "the activations of s have no SHA-256 of their samples, but 'no'"
      ),
      (
        try file("text.npy", Data("hello, world".utf8), in: bench), [:],
        "FILE: is no file of arrays, or a truncated one: expected .npy, .npz or .safetensors"
      ),
      (
        try file("empty.npz", Data(), in: bench), [:],
        "FILE: is no file of arrays, or a truncated one: expected .npy, .npz or .safetensors"
      ),
      (
        bench.folder.appending(path: "nowhere.npy"), [:], "FILE: can't be read: no such file"
      ),
      (
        try file("short.safetensors", whole.dropLast(1), in: bench), [:],
        "FILE: tensor 'a' ends at byte 64 of the data, which has 63; the file is truncated"
      ),
    ]
    for (file, parameters, expected) in table {
      #expect(failure(file, parameters, on: bench) == expected, "\(file.lastPathComponent)")
    }
    for length in 0..<whole.count {
      let cut = try file("cut.safetensors", whole.prefix(length), in: bench)
      #expect(failure(cut, on: bench) != "none", "cut at \(length)")
    }
  }

  /// Headers that promise more than there is are refused before anything of that size is made.
  @Test func sizesThatNoMemoryHasAreRefused() throws {  // H14
    let bench = try Bench()
    func npy(_ shape: String) throws -> URL {
      let header = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape)), }".utf8)
      let start: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0]
      return try file("bomb.npy", Data(start + header + [UInt8](repeating: 0, count: 8)), in: bench)
    }
    #expect(
      try failure(npy("1000000000, 1000000000"), on: bench)
        == "FILE: found 8 bytes of data, expected 4000000000000000000 for <f4 [1000000000, 1000000000]")
    #expect(
      try failure(npy("4000000000, 4000000000"), on: bench)
        == "FILE: shape (4000000000, 4000000000) is more than memory can address")
    for shape in ["0, 4000000000, 4000000000", "4000000000, 0, 4000000000"] {
      #expect(try failure(npy(shape), on: bench) != "none")
    }
    let header = #"{"a":{"dtype":"F32","shape":[4000000000,4000000000],"data_offsets":[0,8]}}"#
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    #expect(
      try failure(
        file("bomb.safetensors", length + Data(header.utf8) + Data(count: 8), in: bench), on: bench)
        == "FILE: tensor 'a' has shape [4000000000, 4000000000], more than memory can address")
  }

  @Test func ofSamplesThatAreKnownIsToldAndChecked() throws {
    let bench = try Bench()
    let images = try bench.textures(test: 10)
    let own = StoredArray(doubles: (0..<20).map { Double($0 * $0 % 7) }, shape: [10, 2])
    let native = try bench.run(
      "activations", ["cut": "conv2", "samples": 10],
      ["model": bench.network(on: images), "data": images])["activations"]!
    let all = try imported(npy(own, in: bench), data: images, on: bench)
    #expect(bench.failure("similarity", [:], ["x": native, "y": all]) == "none")
    #expect(
      try SafetensorsFile(contentsOf: bench.url(all)).metadata["samples_digest"]
        == SafetensorsFile(contentsOf: bench.url(native)).metadata["samples_digest"])

    // Other samples, the same ones in another order, or of another half: never compared.
    let other = try imported(npy(own, in: bench), data: bench.textures(test: 10, seed: 1), on: bench)
    #expect(
      bench.failure("similarity", [:], ["x": native, "y": other]).hasPrefix(
        "x and y are both of 10 samples of synthetic/test, but of different ones"))
    func indexed(_ indices: [Int]) throws -> URL {
      try safetensors(["a": own, "indices": StoredArray(integers: indices)], in: bench)
    }
    let inOrder = try imported(indexed(Array(0..<10)), data: images, on: bench)
    #expect(inOrder == all)
    let reversed = try imported(indexed(Array((0..<10).reversed())), data: images, on: bench)
    #expect(
      bench.failure("similarity", [:], ["x": native, "y": reversed]).hasPrefix(
        "x and y are both of 10 samples of synthetic/test, but of different ones"))
    #expect(
      bench.failure("similarity", [:], ["x": reversed, "y": reversed]) == "none")
    #expect(
      bench.failure(
        "similarity", [:],
        [
          "x": native,
          "y": try imported(
            npy(own, in: bench), ["split": "train"], data: bench.textures(train: 10), on: bench),
        ])
        == "x is of synthetic/test, y of synthetic/train; only representations of the same samples can be compared"
    )

    // A number that isn't the half's: nobody guesses which ones are meant.
    let four = try npy(Self.rows, in: bench)
    #expect(
      failure(four, data: images, on: bench)
        == "FILE is of 4 samples, synthetic/test has 10; if it is of the first 4, write samples: 4, else add an "
        + "array 'indices'")
    #expect(failure(four, ["samples": 4], data: images, on: bench) == "none")
    #expect(
      failure(four, ["samples": 5], data: images, on: bench)
        == "FILE is of 4 samples, the part of synthetic/test that is asked for has 5; if it is of the first 4, "
        + "write samples: 4, else add an array 'indices'")
    #expect(
      try failure(indexed([0, 1, 2, 3, 4, 5, 6, 7, 8, 10]), data: images, on: bench)
        == "FILE: 10 at index 9 of 'indices'; synthetic/test has 10 samples")
    #expect(
      failure(
        try npy(StoredArray(doubles: [1, 2], shape: [2, 1]), in: bench), ["samples": 11], data: images,
        on: bench)
        == "synthetic/test has 10 samples, fewer than the 11 asked for; write 10, or null for all")
  }

  @Test func withoutADatasetIndicesHaveToDoOrTheNumber() throws {
    let bench = try Bench()
    func indexed(_ indices: [Int]) throws -> Artifact {
      try imported(
        safetensors(["a": Self.rows, "indices": StoredArray(integers: indices)], in: bench), on: bench)
    }
    let bare = try imported(npy(Self.rows, in: bench), on: bench)
    let (first, odd) = (try indexed([0, 1, 2, 3]), try indexed([0, 1, 3, 5]))
    func message(_ x: Artifact, _ y: Artifact) -> String {
      bench.failure("similarity", [:], ["x": x, "y": y])
    }
    #expect(message(bare, first) == "none" && message(odd, bare) == "none" && message(odd, odd) == "none")
    #expect(
      message(first, odd)
        == "sample 2 of x is number 2 of its half, of y number 3; only representations of the same samples can "
        + "be compared")
    // What a file in the artifact's form says of its samples is kept.
    let told = try imported(
      npy(Self.rows, in: bench), ["samples": 4], data: bench.textures(), on: bench)
    let again = try imported(bench.url(told), on: bench)
    #expect(again == told)
  }
}

private let archive = """
  UEsDBC0AAAAAAAAAIQCR9Ofb//////////8IABQAYWN0cy5ucHkBABAAkAAAAAAAAACQAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2Ny\
  JzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAyKSwgfSAgICAgICAgICAgICAgICAgICAgICAg\
  ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAAAAAgD8AAABAAABAQFBLAQItAy0AAAAAAAAAIQCR9OfbkAAA\
  AJAAAAAIAAAAAAAAAAAAAACAAQAAAABhY3RzLm5weVBLBQYAAAAAAQABADYAAADKAAAAAAA=
  """
