// Owns what can be said before anything runs of images and networks that are to go together: the checks of
// `LoadedImages`, from facts.

import Datasets
import Foundation
import Workflow

extension Foresight {
  /// What is known of the half of a dataset that an input asks for; says so where there is no such half.
  private mutating func half(_ split: Split, of input: String) -> DatasetFacts.Half? {
    guard let data = facts(of: input, DatasetFacts.self) else { return nil }
    if let half = data.halves[split.rawValue] { return half }
    let there = data.halves.keys.sorted().joined(separator: " and ")
    mistake(input, "\(data.name) has no half '\(split.rawValue)'; it has \(there.isEmpty ? "none" : there)")
    return nil
  }

  /// How many samples of a half will be used; says so where there are fewer than `samples` asks for, or than one batch
  /// of the parameter `batch`.
  @discardableResult
  mutating func sampleCount(_ samples: Int?, of input: String, _ split: Split, batch: Int? = nil) -> Int? {
    guard let there = half(split, of: input)?.samples,
      let name = facts(of: input, DatasetFacts.self).map({ "\($0.name)/\(split)" })
    else { return samples }
    if let samples, samples > there {
      mistake(
        "samples",
        "\(name) has \(there) samples, fewer than the \(samples) asked for; write \(there), or null for all")
    } else if let batch, batch > samples ?? there {
      mistake(
        "batch",
        "\(samples == nil ? name : "the part of \(name) that is used") has \(samples ?? there) samples, fewer than "
          + "one batch of \(batch)")
    }
    return min(samples ?? there, there)
  }

  /// Says so where an input's samples are no images, or not those that a network takes. `role` is what messages call it:
  /// `the front`.
  mutating func requireImages(_ input: String, _ split: Split, of network: ModelFacts?, _ role: String) {
    guard let data = facts(of: input, DatasetFacts.self), let shape = data.shape else { return }
    guard shape.count == 3 else {
      mistake(
        input,
        "networks take images (channels × height × width), \(data.name)/\(split) has samples of shape \(shape)"
      )
      return
    }
    guard let wanted = network?.input, wanted != shape else { return }
    mistake(
      input,
      "\(role) wants \(DatasetFacts.spelled(wanted)) images, \(data.name)/\(split) has "
        + DatasetFacts.spelled(shape))
  }

  /// Says so where an input has no labels, or some that a network doesn't tell apart.
  mutating func requireLabels(
    _ input: String, _ split: Split, of network: ModelFacts? = nil, _ role: String = "", for purpose: String
  ) {
    guard let data = facts(of: input, DatasetFacts.self) else { return }
    if data.isLabelled == false {
      mistake(
        input,
        "\(purpose) needs labels, \(data.name)/\(split) has none; dataset/arrays takes them from an array 'labels' of a folder's file, from '\(split)_labels' of a single file, or from "
          + "\(split).labels.npy")
    } else if let told = network?.classes, let shown = data.classes, shown > told {
      mistake(input, "\(role) tells \(told) classes apart, \(data.name)/\(split) has labels of \(shown)")
    }
  }

  /// Says so where the parameter `augment` has something that an input's images are too small for.
  mutating func requireRoom(for augment: [AugmentationChoice], in input: String) {
    guard let shape = facts(of: input, DatasetFacts.self)?.shape, shape.count == 3 else { return }
    for (position, choice) in augment.enumerated() {
      do { try choice.augmentation.validate(for: shape) } catch {
        mistake("augment.\(position)", "\(error)")
      }
    }
  }

  /// Says so where an input can't have an image of every class, as a network needs that is to learn them.
  /// - Parameter count: how many of its images are used.
  mutating func requireImagesOfAllClasses(_ input: String, _ split: Split, count: Int?) {
    guard let count, let data = facts(of: input, DatasetFacts.self), let classes = data.classes,
      data.halves[split.rawValue] != nil, count < classes
    else { return }
    mistake(
      input,
      "\(count) image\(count == 1 ? "" : "s") of \(data.name)/\(split) can't be of all its \(classes) classes, and a "
        + "class without one isn't learnt; take more")
  }

  /// Says so where marks are to be painted that there aren't.
  mutating func requireMarks(_ marking: Marking, _ input: String, _ split: Split) {
    guard marking == .rolled, let data = facts(of: input, DatasetFacts.self), !data.hasShortcut else {
      return
    }
    mistake(
      "marking",
      "\(data.name)/\(split) has no shortcut whose marks could be rolled; see dataset/shortcut")
  }
}

extension Foresight {
  /// Tells what is known of a published dataset of labelled images, whose files `path` names.
  /// - Parameters:
  ///   - shape: one image's; nil where only the files say it.
  ///   - train, test: how many images are to be kept; nil: all.
  ///   - headers: what the files in a folder say.
  mutating func knowPublished(
    _ name: String, shape: [Int]?, classes: Int, classNames: [String]? = nil, train: Int?, test: Int?,
    headers: (URL) throws -> (train: Int, test: Int, shape: [Int])
  ) {
    var facts = DatasetFacts(
      name: name, shape: shape, classes: classes, classNames: classNames, isLabelled: true,
      halves: ["train": .init(samples: train), "test": .init(samples: test)], source: nil)
    defer { know("dataset", facts) }
    // An archive, or what another stage makes, is opened when it is read.
    guard let path = file("path") else { return }
    facts.source = path.path
    guard PublishedFiles.isFolder(path) else { return }
    do {
      let there = try headers(path)
      facts.shape = there.shape
      facts.halves["train"]?.samples = kept(train, "train", of: there.train, in: path)
      facts.halves["test"]?.samples = kept(test, "test", of: there.test, in: path)
    } catch { mistake("path", "\(error)") }
  }

  /// How many of a half's images a dataset keeps; says so where there are fewer than a parameter asks for.
  private mutating func kept(_ asked: Int?, _ parameter: String, of there: Int, in folder: URL) -> Int {
    guard let asked, asked > there else { return asked ?? there }
    mistake(
      parameter,
      "\(folder.path) has \(there) of these images, fewer than the \(asked) asked for; write \(there), or null for all"
    )
    return there
  }
}
