// What all figures have in common: they read in light and dark, and their descriptions for Vega-Lite are whole.

import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct FigureTests {
  /// One figure of each kind of rows.
  private static let figures: [(kind: String, parameters: JSON)] = [
    ("heatmap", ["x": "cut", "y": "method", "value": "a"]),
    ("heatmap", ["x": "cut", "y": "method", "value": "a", "facets": ["seed"]]),
    ("lines", ["x": "cut", "value": "a", "over": ["seed"]]),
    ("lines", ["x": "cut", "value": "a", "facets": ["seed"]]),
    ("lines", ["x": "seed", "value": "a", "over": ["method"], "numbers": true]),
    ("scatter", ["x": "a", "y": "b", "by": ["method"]]),
    ("scatter", ["x": "a", "y": "b", "facets": ["method"]]),
    ("compare", ["axis": "method", "baseline": "direct", "over": ["seed"]]),
    ("curves", ["over": ["seed"]]),
    ("curves", ["values": ["loss"]]),
  ]

  private func made(_ number: Int, on bench: Bench) throws -> [String: Artifact] {
    let (kind, parameters) = Self.figures[number]
    var rows: [InputArtifact] = []
    // One cell is missing.
    for (method, cut) in [("direct", "stem"), ("direct", "top"), ("fula", "stem")] {
      for seed in 0..<3 {
        let scores: [String: JSON] = [
          "a": .number(Double(seed) - 1.5), "b": .number(Double(seed * seed)), "loss": [2, 1, 0.5],
          "accuracy": [0.1, 0.2],
        ]
        rows.append(
          try bench.scores(.object(scores), ["cut": cut, "method": method, "seed": "\(seed)"]))
      }
    }
    let instance = Bench.Instance(parameters: parameters, inputs: [:], labelled: ["rows": rows])
    return try bench.run(kind, [instance])[0].get()
  }

  /// The fields that channels, panels and tests of a description speak of.
  private func fields(_ json: JSON) -> Set<String> {
    var found: Set<String> = []
    for (name, value) in json.objectValue ?? [:] where name != "data" {
      if name == "field", let field = value.stringValue { found.insert(field) }
      if let text = value.stringValue {
        found.formUnion(text.matches(of: /datum\.([a-z]+)/).map { String($0.1) })
      }
      found.formUnion(fields(value))
    }
    for value in json.arrayValue ?? [] { found.formUnion(fields(value)) }
    return found
  }

  @Test(arguments: figures.indices)
  func descriptionsNameTheirVersionAndFieldsThatTheirDataHas(_ number: Int) throws {
    let bench = try Bench()
    let description = try bench.json(made(number, on: bench)["vega_lite"]!)
    #expect(description["$schema"] == "https://vega.github.io/schema/vega-lite/v5.json")
    let rows = try #require(description["data"]?["values"]?.arrayValue)
    #expect(!rows.isEmpty)
    let there = Set(rows.flatMap { $0.objectValue!.keys })
    let named = fields(description)
    #expect(named.count >= 4 && named.isSubset(of: there), "\(named.subtracting(there))")
    // Every row says of how many values it is, but where there is none.
    #expect(rows.allSatisfy { $0["n"]?.intValue != nil || $0["value"] == .null })
    // Panels are a block of layers; one panel is layers alone.
    let layers = description["layer"] ?? description["spec"]?["layer"]
    #expect(layers?.arrayValue?.allSatisfy { $0["mark"] != nil && $0["encoding"] != nil } == true)
    #expect((description["facet"] == nil) == (description["layer"] != nil))
    let notes = try #require(description["title"]?["subtitle"]?.arrayValue).compactMap(\.stringValue)
    #expect(notes.contains { $0.contains("n = ") })
  }

  @Test(arguments: figures.indices)
  func picturesSayTheirNAndHaveColoursForDarkPages(_ number: Int) throws {
    let bench = try Bench()
    let svg = try String(contentsOf: bench.url(made(number, on: bench)["figure"]!), encoding: .utf8)
    #expect(svg.contains("n = ") && svg.contains("role=\"img\""))
    let sheet = try #require(svg.firstMatch(of: /prefers-color-scheme: dark\)\{(.*)\}<\/style>/)).1
    let dark = Dictionary(
      sheet.matches(of: /\.f-([a-z0-9]+)\{fill:(#[0-9a-f]{6})\}/).map { (String($0.1), $0.2) }
    ) { a, _ in a }
    // Whatever is drawn in a colour has one in the sheet; marks stand out from the paper, texts more.
    let used = Set(svg.matches(of: /class="[fs]-([a-z0-9]+)"/).map { String($0.1) })
    #expect(used.isSubset(of: dark.keys) && used.contains("paper"))
    let paper = try luminance(#require(dark["paper"]))
    for (name, least) in [("ink", 7.0), ("faint", 4.5)] + (0..<8).map({ ("line\($0)", 3.0) }) {
      let light = svg.firstMatch(of: try Regex("(fill|stroke)=\"(#[0-9a-f]{6})\" class=\"[fs]-\(name)\""))
      #expect(try (luminance(#require(dark[name])) + 0.05) / (paper + 0.05) >= least, "\(name)")
      if let colour = light?.output[2].substring {
        #expect(1.05 / (luminance(colour) + 0.05) >= least, "\(name)")
      }
    }
  }

  private func luminance(_ hex: Substring) -> Double {
    let digits = Array(hex.dropFirst())
    let parts = [0, 2, 4].map { i -> Double in
      let part = Double(Int(String(digits[i...i + 1]), radix: 16)!) / 255
      return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
    }
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
  }

  @Test(arguments: figures.indices)
  func descriptionsHaveTheColoursOfDarkPagesToo(_ number: Int) throws {
    let bench = try Bench()
    let description = try bench.json(made(number, on: bench)["vega_lite"]!)
    let parameter = try #require(description["params"]?.arrayValue?.first)
    #expect(parameter["name"] == "dark" && parameter["value"] == false)
    #expect(description["background"] == ["expr": "dark ? '#16181d' : 'white'"])
    #expect(description["config"]?["axis"]?["labelColor"] == ["expr": "dark ? '#e8e8e8' : '#1a1a1a'"])
    // No mark has a colour for one ground alone, but for what stands on the colours of a scale.
    let fixed = colours(description).filter { $0 != "white" && $0 != "black" }
    #expect(fixed.isEmpty, "\(fixed)")
  }

  /// Colours that are written as such.
  private func colours(_ json: JSON) -> [String] {
    (json.objectValue ?? [:]).filter { $0.key != "data" }.flatMap { name, value -> [String] in
      let isColour = name.lowercased().contains("color") || name == "range" || name == "background"
      let own = isColour ? ([value] + (value.arrayValue ?? [])).compactMap(\.stringValue) : []
      return own + colours(value)
    } + (json.arrayValue ?? []).flatMap(colours)
  }
}
