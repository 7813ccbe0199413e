// Owns what the files of a group's members are called for a command: by the axes that tell them apart.

import Workflow

enum MemberNames {
  /// A name for each member, none twice: `front.seed=0,method=fula`; numbers for members without axes.
  static func of(_ members: [InputArtifact]) -> [String] {
    var axes: [String] = []
    for member in members {
      for label in member.labels where !axes.contains(label.axis) { axes.append(label.axis) }
    }
    let varying = axes.filter { axis in
      Set(members.map { $0.labels.first { $0.axis == axis }?.value }).count > 1
    }
    let shown = varying.isEmpty ? axes : varying
    var taken: Set<String> = []
    return members.enumerated().map { i, member in
      let labels = member.labels.filter { shown.contains($0.axis) }
      var name = safe(labels.map { "\($0.axis)=\($0.value)" }.joined(separator: ","))
      if name.isEmpty { name = "\(i + 1)" }
      if taken.contains(name) { name += "-\(i + 1)" }
      taken.insert(name)
      return name
    }
  }

  /// A text as the name of a file that needs no quotes in a shell.
  private static func safe(_ text: String) -> String {
    String(
      text.unicodeScalars.prefix(100).map { c in
        switch c {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-", "=", ",", "+", "%": Character(c)
        default: "_"
        }
      })
  }
}
