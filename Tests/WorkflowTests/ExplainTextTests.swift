// What `explain` says of one instance: whole texts, with keys and digests as ….

import Canonical
import Foundation
import Reporting
import Testing
import Workflow

@Suite struct ExplainTextTests {
  /// A project that is up to date, and then edited.
  private func edited(_ edit: (EditedProject) throws -> Void) throws -> EditedProject {
    let project = try EditedProject()
    try project.run()
    try edit(project)
    return project
  }

  private func explain(_ instance: String, _ project: EditedProject, verbose: Bool = false) throws -> String {
    let explanation = try #require(try project.plan(explaining: [instance]).0.explanations.first)
    return ExplainText(explanation, verbose: verbose).text.replacing(
      /\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b/, with: "…")
  }

  private func expect(
    _ instance: String, _ project: EditedProject, _ text: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let said = try explain(instance, project)
    #expect(said == text, "\(said)", sourceLocation: sourceLocation)
  }

  @Test func aStaleInstanceSaysWhatDiffersAndWhatItsKeyIsMadeOf() throws {
    let project = try edited { $0.sets = ["epochs=2"] }
    try expect(
      "model[seed=0]", project,
      """
      model[seed=0] is stale
        epochs 1 → 2
      compared with the result of model[seed=0] of 2027-01-15T08:00:00Z (key …)

      key …
        kind            train
        parameters
          adversary  none
      *   epochs     2
          rate       0.1
          seed       0
        inputs
          data  dataset 'images'  …
        code            3 sources
            Stages/Kinds/Train.swift  …
            Tensor/Matrix.swift       …
            build: compiler           …
        format version  2
      * differs

      """)
  }

  @Test func aPendingInstanceSaysWhatItWaitsForAndWhatElseDiffers() throws {
    let project = try edited {
      $0.sets = ["epochs=2"]
      try $0.replace("cut: ${matrix.cut}", "cut: ${matrix.cut}\n      rcond: 0.5")
    }
    try expect(
      "stitched[cut=stem,method=fula]", project,
      """
      stitched[cut=stem,method=fula] is pending: what it reads isn't known before these have run
        model[seed=0] and 1 other alike, stale: epochs 1 → 2
      besides, it differs itself
        rcond 1e-06 → 0.5

      its key isn't known yet; it is made of
        kind            stitch
        parameters
          cut     stem
          method  fula
      *   rcond   0.5
        inputs
          data   dataset 'images'  …
          end    model 'model[seed=0]', not known yet
          front  model 'model[seed=1]', not known yet
        code            3 sources
            Stages/Kinds/Stitch.swift  …
            Tensor/Matrix.swift        …
            build: compiler            …
        format version  2
      * differs

      """)
    try expect(
      "table", project,
      """
      table is pending: what it reads isn't known before these have run
        scores[network=stitched[cut=stem,method=direct]] ← stitched[cut=stem,method=direct] ← model[seed=0] and 1 other alike, stale: epochs 1 → 2

      its key isn't known yet; it is made of
        kind            table
        inputs
          rows  4 members
            scores 'scores[network=stitched[cut=stem,method=direct]]'
            scores 'scores[network=stitched[cut=stem,method=fula]]'
            scores 'scores[network=stitched[cut=head,method=direct]]'
            scores 'scores[network=stitched[cut=head,method=fula]]'
        code            1 source
            build: compiler  …
        format version  2

      """)
  }

  @Test func whatReadsOtherContentSaysWhereThatBegins() throws {
    let project = try edited {
      $0.sets = ["epochs=2"]
      try $0.run("scores")
    }
    try expect(
      "table", project,
      """
      table is stale
        input rows: content of scores[network.cut=stem,network.method=direct], scores[network.cut=stem,network.method=fula] and 2 more changed (← scores[network=stitched[cut=stem,method=direct]] ← stitched[cut=stem,method=direct] ← model[seed=0]: epochs 1 → 2)
      compared with the result of table of 2027-01-15T08:00:00Z (key …)

      key …
        kind            table
        inputs
      *   rows  4 members
      *     scores 'scores[network=stitched[cut=stem,method=direct]]'  …
      *     scores 'scores[network=stitched[cut=stem,method=fula]]'    …
      *     scores 'scores[network=stitched[cut=head,method=direct]]'  …
      *     scores 'scores[network=stitched[cut=head,method=fula]]'    …
        code            1 source
            build: compiler  …
        format version  2
      * differs

      """)
  }

  @Test func whatIsUpToDateSaysWhenAndOnWhatItWasMade() throws {
    let project = try edited { _ in }
    try expect(
      "verdict", project,
      """
      verdict is up to date: made 2027-01-15T08:00:00Z in 0.25s on here (avx2, oneDNN 2.6.3)

      key …
        kind            threshold
        inputs
          of  scores 'mean'  …
        code            1 source
            build: compiler  …
        format version  2

      """)
    project.sets = ["epochs=2"]
    try project.run()
    try expect(
      "model[seed=1]", project,
      """
      model[seed=1] is up to date: made 2027-01-15T08:00:00Z in 0.25s on here (avx2, oneDNN 2.6.3)
      it differs from the result of model[seed=1] of 2027-01-15T08:00:00Z (key …) by
        epochs 1 → 2

      key …
        kind            train
        parameters
          adversary  none
      *   epochs     2
          rate       0.1
          seed       1
        inputs
          data  dataset 'images'  …
        code            3 sources
            Stages/Kinds/Train.swift  …
            Tensor/Matrix.swift       …
            build: compiler           …
        format version  2
      * differs

      """)
  }

  @Test func whatNeverRanIsComparedWithTheNearestOfItsStage() throws {
    let project = try edited { try $0.replace("seed: [0, 1]", "seed: [0, 1, 2]") }
    try expect(
      "model[seed=2]", project,
      """
      model[seed=2] has never run. From the result of model[seed=0] of 2027-01-15T08:00:00Z (key …) it differs by
        seed 0 → 2

      key …
        kind            train
        parameters
          adversary  none
          epochs     1
          rate       0.1
      *   seed       2
        inputs
          data  dataset 'images'  …
        code            3 sources
            Stages/Kinds/Train.swift  …
            Tensor/Matrix.swift       …
            build: compiler           …
        format version  2
      * differs

      """)
    try expect(
      "images", EditedProject(),
      """
      images has never run, nor has any of its stage

      key …
        kind            images
        parameters
          test   20
          train  40
        inputs
          path  data  …
        code            1 source
            build: compiler  …
        format version  2

      """)
  }

  @Test func aCommandSaysWhichSourcesAndVariables() throws {
    let project = try edited {
      try $0.write("scripts/helper.py", "better help")
      $0.project.environment["PROBE_LEVEL"] = "2"
    }
    try expect(
      "probe", project,
      """
      probe is stale
        source scripts/helper.py changed
        environment PROBE_LEVEL 1 → 2
      compared with the result of probe of 2027-01-15T08:00:00Z (key …)

      key …
        kind            command
        parameters
          arguments     []
          extensions    {}
          inputs.brain  data/brain.npy
          outputs.acts  acts.txt
          resume        none
          run           interpret scripts/probe.py ${in.brain} ${in.1} --out ${out.acts}
          shell         [/bin/sh, -e, -c]
          types         {}
          workdir       private
        inputs
          1      table 'table'  …
          brain  data/brain.npy  …
      * code            5 sources
            program interpret  …
            program sh         …
            requirements.lock  …
      *     scripts/helper.py  …
            scripts/probe.py   …
        environment
      *   PROBE_LEVEL  2
        command rules   \(CommandText.semanticsVersion)
        format version  2
      * differs

      """)
  }

  @Test func longListsAreCutUnlessAskedFor() throws {
    let project = try edited {
      try $0.replace("cuts: [stem, head]", "cuts: [a, b, c, d, e, f, g, h]")
      for n in 0..<20 { $0.sources["Tensor/Kernel\(n).swift"] = "" }
    }
    #expect(try explain("mean", project).contains("and 5 more (--verbose)"))
    let lines = try explain("model[seed=0]", project).split(separator: "\n")
    #expect(lines.contains("      1 of Stages, 21 of Tensor, 1 other"), "\(lines)")
    #expect(
      try explain("mean", project, verbose: true).contains(
        "scores 'scores[network=stitched[cut=h,method=fula]]'"))
  }

  @Test func theJSONHasEveryComponent() throws {
    let project = try edited { $0.sets = ["epochs=2"] }
    let json = try #require(try project.plan(explaining: ["model[seed=0]"]).0.explanations.first).json
    #expect(json["state"] == "stale" && json["reason"] == "epochs 1 → 2")
    #expect(json["changes"] == [["subject": "epochs", "what": "1 → 2"]])
    let components = try #require(json["components"]?.arrayValue)
    #expect(
      components.map { "\($0["part"]!.stringValue!) \($0["name"]?.stringValue ?? "")" } == [
        "kind ", "parameters adversary", "parameters epochs", "parameters rate", "parameters seed",
        "inputs data", "code ", "version ",
      ])
    #expect(components[2]["value"] == 2 && components[5]["value"]?["blob"] != nil)
    #expect(components[6]["sources"]?["Tensor/Matrix.swift"] != nil)
    #expect(json["earlier"]?["name"] == "model[seed=0]")
    let waiting = try #require(try project.plan(explaining: ["mean"]).0.explanations.first).json
    #expect(
      waiting["waitsFor"]?.arrayValue?.first == [
        "path": [
          "scores[network=stitched[cut=stem,method=direct]]", "stitched[cut=stem,method=direct]",
          "model[seed=0]",
        ],
        "state": "stale", "reason": "epochs 1 → 2",
      ])
  }
}
