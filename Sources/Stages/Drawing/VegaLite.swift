// Owns what the Vega-Lite descriptions of all figures have in common: version, data, titles, panels, and channels.

import Canonical

/// A description in the making: what is drawn in each panel, and the rows that it is drawn of.
struct VegaLite {
  let title: String
  let notes: [String]
  /// One object a point or cell. Where there are panels, `panel` says in which.
  let rows: [JSON]
  /// The headings of panels, in their order; one or none: no block of panels.
  let panels: [String]
  let across: Int
  let size: (width: Double, height: Double)
  /// Drawn over each other, in each panel.
  let layers: [JSON]
  /// Of scales that panels have each for itself.
  var ownScales: [String] = []

  var description: JSON {
    var members: [String: JSON] = [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": ["text": .string(title), "subtitle": .array(notes.map(JSON.string)), "anchor": "start"],
      "data": ["values": .array(rows)],
      // As the picture: a ground of its own, which reads on every page. A page that is dark sets the parameter.
      "params": [["name": "dark", "value": false, "bind": ["input": "checkbox"]]],
      "background": VegaLite.colour(.paper),
      "config": VegaLite.config,
    ]
    let unit: [String: JSON] = [
      "width": .integer(Int(size.width)), "height": .integer(Int(size.height)), "layer": .array(layers),
    ]
    guard panels.count > 1 else { return .object(members.merging(unit) { $1 }) }
    members["facet"] = [
      "field": "panel", "type": "nominal", "title": .null, "sort": .array(panels.map(JSON.string)),
    ]
    members["columns"] = .integer(across)
    members["spec"] = .object(unit)
    if !ownScales.isEmpty {
      members["resolve"] = [
        "scale": .object(Dictionary(uniqueKeysWithValues: ownScales.map { ($0, "independent") }))
      ]
    }
    return .object(members)
  }

  /// A colour of the picture, the light or the dark one.
  static func colour(_ paint: Paint) -> JSON {
    guard let dark = paint.dark else { return .string(paint.light) }
    return ["expr": .string("dark ? '\(dark)' : '\(paint.light)'")]
  }

  /// Ink and rules of all parts.
  private static var config: JSON {
    let (ink, faint, rule) = (colour(.ink), colour(.faint), colour(.rule))
    return [
      "title": ["color": ink, "subtitleColor": faint],
      "axis": [
        "labelColor": ink, "titleColor": faint, "domainColor": faint, "tickColor": faint, "gridColor": rule,
      ],
      "legend": ["labelColor": ink, "titleColor": faint],
      "header": ["labelColor": ink], "view": ["stroke": rule],
    ]
  }

  /// Words in their order.
  static func words(_ field: String, title: String, _ order: [String], _ more: [String: JSON] = [:]) -> JSON {
    let channel: [String: JSON] = [
      "field": .string(field), "type": "ordinal", "title": .string(title),
      "sort": .array(order.map(JSON.string)), "scale": ["domain": .array(order.map(JSON.string))],
    ]
    return .object(channel.merging(more) { $1 })
  }

  /// Numbers.
  static func numbers(_ field: String, title: String, _ more: [String: JSON] = [:]) -> JSON {
    let channel: [String: JSON] = [
      "field": .string(field), "type": "quantitative", "title": .string(title), "scale": ["zero": false],
    ]
    return .object(channel.merging(more) { $1 })
  }

  /// Lines that are told apart by colour, in the colours of the picture.
  static func lines(_ names: [String], title: String) -> JSON {
    let colours = names.indices.map { colour(.line($0)) }
    return [
      "field": "line", "type": "nominal", "title": .string(title), "sort": .array(names.map(JSON.string)),
      "scale": ["domain": .array(names.map(JSON.string)), "range": .array(colours)],
      "legend": names.count > 1 ? ["symbolOpacity": 1, "labelLimit": 400] : .null,
    ]
  }

  /// What a pointer that rests on a point is told.
  static func tip(_ fields: [(field: String, title: String)]) -> JSON {
    .array(fields.map { ["field": .string($0.field), "title": .string($0.title)] })
  }
}
