// Owns where in one's own files a dataset's halves are, whether they lie outside or a command wrote them.

import Datasets
import Formats
import Foundation
import Workflow

/// The halves' arrays.
struct OwnArrays {
  let train: ArraySource?
  let test: ArraySource?

  /// What one file is to hold.
  static let file =
    "one .npz or .safetensors file with arrays `train` and `train_labels`, `test` and `test_labels`"
  /// What a folder is to hold.
  static let folder =
    "a folder with train.* and test.*, each .npz or .safetensors with arrays `samples` and `labels`, or .npy with "
    + "samples and beside it train.labels.npy"

  /// Finds them in a file or a folder; either half may be absent.
  init(at url: URL) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw InputError(message: "\(url.path): no such file or folder")
    }
    if isFolder.boolValue {
      train = try OwnArrays.half("train", of: url)
      test = try OwnArrays.half("test", of: url)
      guard train != nil || test != nil else {
        throw InputError(
          message: "\(url.path) has no train.* or test.* with extension npy, npz or safetensors")
      }
      return
    }
    let file = try ArrayFile(contentsOf: url)
    func half(_ name: String) -> ArraySource? {
      file.names.contains(name)
        ? ArraySource(samples: url, samplesName: name, labelsName: name + "_labels") : nil
    }
    train = half("train")
    test = half("test")
    guard train != nil || test != nil else {
      throw FormatError(file: url.path, "has the arrays \(file.listed), neither train nor test")
    }
  }

  private static func half(_ split: String, of folder: URL) throws -> ArraySource? {
    let found = ["npz", "safetensors", "npy"].map { folder.appending(path: "\(split).\($0)") }
      .filter { FileManager.default.fileExists(atPath: $0.path) }
    guard found.count <= 1 else {
      let names = found.map(\.lastPathComponent).joined(separator: " and ")
      throw InputError(message: "\(folder.path) has both \(names); keep one")
    }
    guard let samples = found.first else { return nil }
    let labels = folder.appending(path: "\(split).labels.npy")
    guard samples.pathExtension == "npy" else { return ArraySource(samples: samples, samplesName: "samples") }
    return ArraySource(
      samples: samples, labels: FileManager.default.fileExists(atPath: labels.path) ? labels : nil)
  }
}
