import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

@Suite struct ConsumersTests {
  private func names(_ project: Project, of name: String) throws -> [String] {
    let plan = try project.plan()
    let key = try #require(plan.entries.first { $0.name == name }?.key)
    let consumers = try Consumers(of: key, store: project.store)
    var names: [String] = []
    for owner in consumers.keys.flatMap({ consumers.owners[$0] ?? [] }) {
      #expect(owner.file == "toy.yaml")
      names.append((owner.isNewest ? "" : "earlier ") + owner.instance)
    }
    return names.sorted()
  }

  @Test func whatWasMadeOfItIsFoundToTheLeaves() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 11])
    try project.add("b", "number", ["value": 22])
    try project.add("total", "sum", inputs: ["add": ["a", "b"]])
    try project.add("odd", "parity", inputs: ["number": ["total"]])
    try project.run()
    #expect(try names(project, of: "a") == ["odd", "total"])
    #expect(try names(project, of: "odd") == [])
    // Results of earlier runs too.
    try project.change("b", ["value": 28])
    try project.run()
    #expect(try names(project, of: "a") == ["earlier odd", "earlier total", "odd", "total"])
  }

  @Test func membersOfLongListsAreFound() throws {
    let project = try Project()
    for n in 0..<70 { try project.add("n[i=\(n)]", "number", ["value": .integer(n)]) }
    try project.add("total", "sum", inputs: ["add": (0..<70).map { "n[i=\($0)]" }])
    try project.add("odd", "parity", inputs: ["number": ["total"]])
    try project.run()
    #expect(try names(project, of: "n[i=69]") == ["odd", "total"])
  }

  @Test func partsAreFoundAndLinksLeadNowhere() throws {
    let project = try Project()
    try project.add("both", "halves")
    try project.add("half", "half", inputs: ["first": ["both"], "chosen": ["both"]])
    try project.add("number", "number", ["value": 41, "padding": 3])
    try project.add("pack", "pack", inputs: ["number": ["number"]])
    try project.add("copy", "copy", inputs: ["source": ["number"]])
    try project.add("unpacked", "unpack", inputs: ["pack": ["pack"]])
    try project.run()
    #expect(try names(project, of: "both") == ["half"])
    // `copy` reads the number that the pack links to, and nothing of the pack.
    #expect(try names(project, of: "pack") == ["unpacked"])
    #expect(try names(project, of: "number") == ["copy", "pack", "unpacked"])
  }
}
