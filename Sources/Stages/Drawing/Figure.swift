// Owns what every figure comes as: a picture, and a description with its data that other programs draw.

import Canonical
import Foundation
import Workflow

/// A figure that can be drawn. A new one is a value that says both.
protocol Figure {
  var svg: String { get }
  /// Vega-Lite 5 (vega.github.io/vega-lite), with the data inside.
  var vegaLite: JSON { get }
}

extension Figure {
  func publish(svg picture: OutputArtifact, vegaLite description: OutputArtifact) throws {
    try Data(svg.utf8).write(to: picture.url)
    try Data((vegaLite.canonical + "\n").utf8).write(to: description.url)
  }
}
