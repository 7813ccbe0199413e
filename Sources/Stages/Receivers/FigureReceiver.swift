// Owns receiving figures that a command wrote.

import Foundation
import Workflow

struct FigureReceiver: ArtifactReceiver {
  static let type = ArtifactType.figure
  static let help = "an SVG file; of other formats leave 'type' out, and the file is kept with its own name"

  func receive(_ written: URL, as output: OutputArtifact) throws {
    let text = try boundedText(of: written)
    guard let svg = String(validating: text, as: UTF8.self) else {
      throw InputError(message: "it is not UTF-8 text")
    }
    // Before the root there may be a declaration, comments, and a document type.
    var rest = Substring(svg.drop { $0.isWhitespace || $0 == "\u{FEFF}" })
    while let end = ["<?": "?>", "<!--": "-->", "<!": ">"].filter({ rest.hasPrefix($0.key) }).max(by: {
      $0.key.count < $1.key.count
    })?.value {
      guard let close = rest.range(of: end) else {
        throw InputError(message: "its '\(rest.prefix(4))' isn't closed")
      }
      rest = rest[close.upperBound...].drop { $0.isWhitespace }
    }
    guard rest.hasPrefix("<svg"),
      rest.dropFirst(4).first.map({ $0.isWhitespace || ">/".contains($0) }) == true
    else { throw InputError(message: "its first element is not <svg>") }
    guard rest.reversed().drop(while: \.isWhitespace).starts(with: "</svg>".reversed()) else {
      throw InputError(message: "it doesn't end with </svg>; it is truncated")
    }
    try Data(text).write(to: output.url)
  }
}
