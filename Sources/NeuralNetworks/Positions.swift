// Owns how activations of one shape take the positions of another, before a map mixes their features. Positions are
// pixels, tokens, or the one of a vector.

extension ActivationShape {
  /// This shape's features at another's positions; nil where nothing says how.
  ///
  /// - Images are resized, bilinearly.
  /// - Tokens are a class token and a square grid of patches. As many go as they are. Else the grid is resized as an
  ///   image is: of tokens to tokens the class token stays as it is; of an image to tokens it is the mean of the
  ///   patches; of tokens to an image it is left out.
  /// - To a vector, an image gives the mean over its positions and tokens give the class token, as classifiers behind
  ///   them take them. A vector has no positions to give.
  public func atPositions(of other: ActivationShape) -> ActivationShape? {
    let isGrid = [self, other].allSatisfy { shape in
      guard case .tokens(let count, _) = shape else { return true }
      return ActivationShape.side(ofTokens: count) != nil
    }
    switch (self, other) {
    case (.tokens(let count, _), .tokens(let others, _)) where count == others: return self
    case (.image, .image(let size)), (.tokens, .image(let size)):
      return isGrid
        ? .image(ImageShape(channels: features, height: size.height, width: size.width)) : nil
    case (.image, .tokens(let count, _)), (.tokens, .tokens(let count, _)):
      return isGrid ? .tokens(count: count, width: features) : nil
    case (.image, .vector), (.tokens, .vector), (.vector, .vector): return .vector(features)
    case (.vector, .image), (.vector, .tokens): return nil
    }
  }

  /// The side of the square grid of patches behind a class token; nil where there is none.
  static func side(ofTokens count: Int) -> Int? {
    let side = Int(Double(count - 1).squareRoot().rounded())
    return side >= 1 && side * side == count - 1 ? side : nil
  }
}

extension LayerGraph {
  /// Appends what brings a value to the positions of a shape, and gives the value that it makes.
  /// - Precondition: `atPositions` says that it can be.
  mutating func appendPositions(of other: ActivationShape, _ x: Int) -> Int {
    let shape = activationShape(x)
    switch (shape, other) {
    case (.image(let from), .image(let to)): return appendResize(x, from: from, to.height, to.width)
    case (.tokens(let count, _), .tokens(let others, _)) where count != others:
      let side = ActivationShape.side(ofTokens: others)!
      let grid = append(TokensToGrid(), [x])
      return append(GridToTokens(), [append(Resize(height: side, width: side), [grid]), x])
    case (.image(let from), .tokens(let count, _)):
      let side = ActivationShape.side(ofTokens: count)!
      return append(GridToTokens(), [appendResize(x, from: from, side, side)])
    case (.tokens(let count, let width), .image(let to)):
      let side = ActivationShape.side(ofTokens: count)!
      return appendResize(
        append(TokensToGrid(), [x]), from: ImageShape(channels: width, height: side, width: side), to.height,
        to.width)
    case (.image, .vector): return append(Flatten(), [append(GlobalAveragePooling(), [x])])
    case (.tokens, .vector): return append(ClassTokenOnly(), [x])
    case (.tokens, .tokens), (.vector, _): return x
    }
  }

  private mutating func appendResize(_ x: Int, from: ImageShape, _ height: Int, _ width: Int) -> Int {
    (from.height, from.width) == (height, width)
      ? x : append(Resize(height: height, width: width), [x])
  }
}
