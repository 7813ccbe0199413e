// Wrong input by hand: the right status, a message that says where and what, and a store that is still whole.

import Foundation
import Testing

@Suite struct BadInputTests {
  private func project(_ pipeline: String) throws -> Project {
    let project = try Project()
    try project.write("p.yaml", pipeline)
    return project
  }

  @Test(arguments: [
    ("version: 1\nstages:\n  a: { uses: trian }", "p.yaml:3:", "Did you mean 'train'?"),
    (
      "version: 1\nstages:\n  a: { uses: dataset/synthetic, with: { trian: 5 } }", "p.yaml:3:",
      "Did you mean 'train'?"
    ),
    ("version: 1\nstages:\n  a: { uses: dataset/synthetic, with: { train: many } }", "p.yaml:3:", "'many'"),
    ("version: 1\nstages:\n  a: { uses: dataset/mnist, with: { path: nowhere } }", "p.yaml:3:", "nowhere"),
    ("version: 1\nstages: [", "p.yaml:", "not valid YAML"),
    ("", "p.yaml:1:1", "empty"),
  ])
  func wrongPipelineFilesExitWith2(_ text: String, _ place: String, _ what: String) throws {
    let run = try project(text).bobbin("run", "p.yaml")
    #expect(run.status == 2, "\(run.errors)")
    #expect(run.errors.contains(place) && run.errors.contains(what), "\(run.errors)")
  }

  @Test func aFolderBytesAndBracketsAreNoPipelineFiles() throws {
    let project = try Project()
    #expect(try project.bobbin("run", ".").status == 2)
    #expect(try project.bobbin("run", "absent.yaml").status == 2)
    try project.write("bytes.yaml", Data([0x76, 0xFF, 0xFE, 0x00, 0x80]))
    #expect(try project.bobbin("run", "bytes.yaml").status == 2)
    try project.write("nested.yaml", Data(repeating: UInt8(ascii: "["), count: 50_000_000))
    #expect(try project.bobbin("run", "nested.yaml").status == 2)
  }

  @Test func unknownOptionsExitWith2() throws {
    let project = try project(
      "version: 1\nstages:\n  a: { uses: dataset/synthetic, with: { train: 10, test: 10 } }")
    #expect(try project.bobbin("run", "p.yaml", "--job", "2").status == 2)
    #expect(try project.bobbin("run", "p.yaml", "--jobs", "0").status == 2)
    let slip = try project.bobbin("runn", "p.yaml")
    #expect(slip.status == 2)
    #expect(slip.errors == "error: there is no command 'runn'. Did you mean 'run'?\n")
    let deeper = try project.bobbin("cache", "sttas")
    #expect(deeper.status == 2)
    #expect(deeper.errors == "error: there is no command 'cache sttas'. Did you mean 'stats'?\n")
    #expect(try project.bobbin("help", "cache").status == 0)
    #expect(try project.bobbin("run", "p.yaml", "b").status == 2)
    #expect(try project.bobbin("run", "p.yaml", "--set", "x=1").status == 2)
    #expect(try project.bobbin("--help").status == 0)
  }

  @Test func aTruncatedDatasetFailsAloneAndSaysWhere() throws {
    let project = try project(
      """
      version: 1
      stages:
        digits: { uses: dataset/mnist, with: { path: data } }
        images: { uses: dataset/synthetic, with: { train: 10, test: 10 } }
      """)
    for (name, count) in [("train", 20), ("t10k", 10)] {
      try project.write("data/\(name)-images-idx3-ubyte", Files.idx(images: count, seed: 3).dropLast(100))
      try project.write("data/\(name)-labels-idx1-ubyte", Files.idx(labels: count))
    }
    let run = try project.bobbin("run", "p.yaml", "--keep-going")
    #expect(run.status == 1)
    #expect(run.lastLine.hasPrefix("executed 1, cached 0, failed 1, skipped 0 in "))
    #expect(run.errors.contains("train-images-idx3-ubyte"), "\(run.errors)")
    // What finished is kept.
    let again = try project.bobbin("run", "p.yaml", "images")
    #expect(again.lastLine.hasPrefix("executed 0, cached 1,"))
  }

  @Test func aLossThatIsNoNumberSaysWhen() throws {
    let project = try project(
      """
      version: 1
      stages:
        images: { uses: dataset/synthetic, with: { train: 64, test: 10 } }
        model:
          uses: train
          with: { data: "${images}", architecture: small_cnn, width: 4, batch: 32, epochs: 3, learning_rate: 1e30 }
      """)
    let run = try project.bobbin("run", "p.yaml")
    #expect(run.status == 1)
    #expect(run.errors.contains("epoch"), "\(run.errors)")
  }

  @Test func aStoreThatCantBeWrittenExitsWith3() throws {
    let project = try project(
      "version: 1\nstages:\n  a: { uses: dataset/synthetic, with: { train: 10, test: 10 } }")
    try project.write("file", "")
    let run = try project.bobbin("run", "p.yaml", "--store", "file")
    #expect(run.status == 3, "\(run.errors)")
    #expect(run.errors.contains("file"), "\(run.errors)")
  }
}
