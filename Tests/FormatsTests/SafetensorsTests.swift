import Formats
import Foundation
import Tensor
import Testing

/// A file of the given header and data, whatever they say.
private func file(_ header: String, data: [UInt8] = []) -> Data {
  withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8) + Data(data)
}

private func problem(_ data: Data) -> String {
  do {
    _ = try SafetensorsFile(data, file: "m.safetensors")
    return "none"
  } catch {
    return "\(error)"
  }
}

@Test func safetensorsReadBackAsWritten() throws {
  let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: directory) }
  let url = directory.appending(path: "t.safetensors")
  let tensor = Tensor(shape: [2, 3], values: [1, -2.5, 3, 0, .infinity, 0x1p-140])
  let arrays = [
    "w": StoredArray(tensor), "labels": StoredArray(integers: [3, -1, 1 << 60]),
    "pixels": StoredArray(bytes: [1, 2, 255], shape: [1, 3]), "d": StoredArray(doubles: [0.1]),
    "empty": StoredArray(Tensor(zeros: [0, 4])),
  ]
  try SafetensorsFile.write(arrays, metadata: ["b": "2", "a\"\n": "é"], to: url)
  #expect(try Data(contentsOf: url) == SafetensorsFile.encode(arrays, metadata: ["a\"\n": "é", "b": "2"]))

  let read = try SafetensorsFile(contentsOf: url)
  #expect(read.names == ["d", "empty", "labels", "pixels", "w"])
  #expect(read.metadata == ["a\"\n": "é", "b": "2"])
  #expect(try read.tensor("w", shape: [2, 3]) == tensor)
  #expect(try read.array("labels").integers() == [3, -1, 1 << 60])
  #expect(try read.array("pixels").tensor().values == [1, 2, 255])
  #expect(try read.array("d").doubles() == [0.1])
  #expect(try read.array("empty").shape == [0, 4])
}

@Test func aSafetensorsFileIsWrittenByteForByteAsSpecified() {
  let bytes = SafetensorsFile.encode(["b": StoredArray(bytes: [7]), "a": StoredArray(integers: [1])])
  let header =
    #"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}"#
  let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
  #expect(bytes == file(padded, data: [1, 0, 0, 0, 0, 0, 0, 0, 7]))
}

@Test func halfPrecisionNumbersAreRead() throws {
  let read = try SafetensorsFile(
    file(
      #"{"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]}}"#,
      data: [0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc, 0xff, 0x7b, 0x80, 0xbf]), file: "h")
  #expect(try read.tensor("h").values == [1, 0x1p-24, -.infinity, 65504])
  #expect(try read.tensor("b").values == [-1])
}

@Test func damagedSafetensorsFilesSayWhatIsWrong() {
  let one = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
  #expect(problem(file(one, data: [0, 0, 0, 0])) == "none")
  #expect(problem(Data([1, 2])).contains("found 2 bytes, expected a safetensors header length"))
  #expect(
    problem(Data(repeating: 255, count: 32)).contains("the header length at byte 0 says 18446744073709551615")
  )
  #expect(problem(file(one, data: [0, 0])).contains("tensor 'a' ends at byte 4 of the data, which has 2"))
  #expect(problem(file(one, data: [0, 0, 0, 0, 0])).contains("1 bytes after the last tensor"))
  #expect(
    problem(file("{\"a\"", data: [])) == "m.safetensors: the header is not valid JSON at byte 4: expected ':'"
  )
  #expect(problem(file("[]")).contains("not a JSON object"))
  #expect(problem(file(#"{"a":1}"#)).contains("'a' in the header is not an object"))
  #expect(
    problem(file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, data: [0, 0, 0, 0]))
      .contains("tensor 'a' has 4 bytes by its data_offsets, but F32 [2] takes 8"))
  #expect(
    problem(file(#"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#)).contains(
      "tensor 'a' has dtype C64"))
  #expect(
    problem(file(#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#)).contains(
      "tensor 'a' has no shape of whole numbers from 0 on"))
  #expect(
    problem(file(#"{"a":{"dtype":"F32","shape":[9999999999,9999999999],"data_offsets":[0,4]}}"#))
      .contains("more than memory can address"))
  #expect(
    problem(file("{" + one.dropFirst().dropLast() + "," + one.dropFirst())).contains("'a' appears twice"))
  #expect(problem(file(String(repeating: "[", count: 100_000))).contains("nested more than 200 deep"))
  let two = { (offsets: String) in
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":\#(offsets)}}"#
  }
  #expect(
    problem(file(two("[2,6]"), data: Array(repeating: 0, count: 6))).contains("inside the tensor before it"))
  #expect(
    problem(file(two("[6,10]"), data: Array(repeating: 0, count: 10))).contains("bytes 4..<6 of the data"))
}

@Test func aMissingTensorOrFileIsNamed() throws {
  let read = try SafetensorsFile(
    SafetensorsFile.encode(["a": StoredArray(integers: [1])]), file: "m.safetensors")
  #expect(throws: FormatError(file: "m.safetensors", "has no tensor 'conv1.weight'; it has a")) {
    try read.tensor("conv1.weight")
  }
  #expect(throws: FormatError(file: "m.safetensors", "tensor 'a' has shape [1], expected [2]")) {
    try read.tensor("a", shape: [2])
  }
  #expect(throws: FormatError(file: "/no/such.safetensors", "can't be read: no such file")) {
    try SafetensorsFile(contentsOf: URL(filePath: "/no/such.safetensors"))
  }
}
