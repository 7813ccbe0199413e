// Owns the one spelling that names have in pipeline files: snake_case. Properties of a declaration are Swift's and
// so in camelCase; their names in a file follow from them here and nowhere else.

/// The name in pipeline files of a property: `learningRate` → `learning_rate`, `maskRGBValues` → `mask_rgb_values`.
func snakeCase(_ property: some StringProtocol) -> String {
  let letters = Array(property)
  var name = ""
  for (i, letter) in letters.enumerated() {
    if letter.isUppercase, i > 0, letters[i - 1] != "_" {
      let beginsWord = i + 1 < letters.count && letters[i + 1].isLowercase
      if !letters[i - 1].isUppercase || beginsWord { name += "_" }
    }
    name += letter.lowercased()
  }
  return name
}

/// Whether `name` is one that pipeline files may have for something of Bobbin's own: lower-case words of letters and
/// digits joined by `_`.
public func isSnakeCase(_ name: String) -> Bool {
  let words = name.split(separator: "_", omittingEmptySubsequences: false)
  let isPlain = words.allSatisfy { word in
    !word.isEmpty && word.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
  }
  return isPlain && !(name.first?.isNumber ?? true)
}
