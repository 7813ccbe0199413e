// Owns the list of everything that random numbers are drawn for, in all modules: two purposes that aren't two
// lines here would share their numbers.

extension Philox {
  /// What numbers are drawn for. Each purpose has a counter space of its own, and says what its `index` counts.
  ///
  /// A number given here is never given to another purpose: it decides bits.
  public enum Purpose: UInt16, Sendable, CaseIterable {
    // NeuralNetworks

    /// A fresh model's values; `index`: the tensor, in the order of the architecture's parameters.
    case initialParameters = 1
    /// A fresh stitching layer's values; `index`: 0 the weight, 1 the bias.
    case stitchingLayer = 2
    /// Where attacks on training images start; `index`: the step, over all epochs.
    case attackStarts = 3
    /// Where attacks on evaluated images start; `index`: the image's number, the counter's upper half: the restart.
    case evaluatedAttackStarts = 4

    // Stitching

    /// Which samples least squares takes.
    case leastSquaresSamples = 16
    /// The order of known images while a detector is trained; `index`: the epoch.
    case knownOrder = 24
    /// That of outliers; `index`: the epoch.
    case outlierOrder = 25
    /// Where images start that are moved until they are represented as others; `index`: the image's number.
    case matchedImageStarts = 26

    // Datasets

    /// The order of samples; `index`: the epoch.
    case sampleOrder = 32
    /// Which images are flipped; `index`: the epoch.
    case flips = 33
    /// Where images are cropped; `index`: the epoch.
    case crops = 34
    /// The synthetic training images.
    case syntheticTraining = 35
    /// The synthetic test images.
    case syntheticTest = 36
    /// Which class has its shortcut patch where.
    case patchPlaces = 37
    /// Which class has which colour of patch.
    case patchColours = 38
    /// What a patch on a training image draws anew; `index`: the epoch.
    case trainingPatches = 39
    /// What a patch on a test image draws anew; `index`: the epoch.
    case testPatches = 40

    /// Which images of each class a subset takes; `index`: twice the class, and 1 more for test images.
    case subset = 48
    /// The order of a mix; `index`: 0 training, 1 test images, and which of each dataset's images it takes: 2 more for
    /// each dataset.
    case mix = 49
    /// Which images are corrupted; `index`: 0 training, 1 test images.
    case corruptedImages = 50
    /// The noise on them; `index`: likewise.
    case corruptionNoise = 51
    /// How their patches are permuted; `index`: likewise.
    case corruptionPatches = 52
    /// Which training images have the mark of another class (`index` 0), and of which (1).
    case uncorrelatedMarks = 53
    /// Which images of a folder are test images; `index`: the class.
    case heldOutImages = 54
    /// Where squares are cut out of images; `index`: the epoch.
    case cutouts = 56
    /// How much of its own each image of a batch keeps when it is mixed; `index`: the step, over all epochs.
    case mixShares = 57
    /// Which image of a batch each is mixed with; `index`: the step, over all epochs.
    case mixPartners = 58

    // Similarity

    /// Which rows of representations are compared.
    case comparedRows = 64

    // Statistics

    /// Which of several numbers a resample takes; the counter: the resample times how many there are.
    case bootstrap = 80

    // Tests

    /// Inputs of tests; nothing that is published depends on them.
    case tests = 0xffff
  }
}
