// Owns the words for augmentations in pipeline files.

import Datasets
import Workflow

/// `augment: [flip, crop]`, `augment: [flip, { kind: crop, padding: 2 }, cutout]`.
struct AugmentationChoice: ParameterVariants {
  typealias Words = any AugmentationWords
  static let variants: [any ParameterVariant.Type] = [
    FlipWords.self, CropWords.self, CutoutWords.self, MixupWords.self,
  ]
  let variant: any ParameterVariant

  init(_ variant: any ParameterVariant) { self.variant = variant }

  var augmentation: any Augmentation { words.augmentation }
}

/// Words for one augmentation.
protocol AugmentationWords: ParameterVariant {
  var augmentation: any Augmentation { get }
}

struct FlipWords: AugmentationWords {
  static let kind = "flip"
  var augmentation: any Augmentation { Flip() }
}

struct CropWords: AugmentationWords {
  static let kind = "crop"
  @Parameter("black pixels on each side of the image that is cropped", .atLeast(1)) var padding = 4
  var augmentation: any Augmentation { Crop(padding: padding) }
}

struct CutoutWords: AugmentationWords {
  static let kind = "cutout"
  @Parameter("the square's side", .atLeast(1), unit: "pixels") var size = 16
  var augmentation: any Augmentation { Cutout(size: size) }
}

struct MixupWords: AugmentationWords {
  static let kind = "mixup"
  @Parameter("α of the Beta distribution of shares", .above(0)) var alpha = 1.0
  var augmentation: any Augmentation { Mixup(alpha: alpha) }
}

extension AugmentationChoice {
  /// - Throws: `InvalidParameter` where one stands twice, which would draw the same numbers twice.
  static func requireDistinctAugmentations(_ choices: [AugmentationChoice]) throws {
    var seen = Set<String>()
    for (position, choice) in choices.enumerated() where !seen.insert(choice.augmentation.name).inserted {
      throw InvalidParameter(
        "augment.\(position)", "'\(choice.augmentation.name)' stands twice; once is enough")
    }
  }
}
