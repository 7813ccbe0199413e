// Owns the command line of one worker of the benchmarks: what is measured, and what is printed.

import Foundation
import NeuralNetworks
import Tensor

/// Measures steps of one network on a batch that stands ready. See `usage`.
@main
struct TrainingBenchmark {
  private static let usage = """
    usage: training-benchmark MODE [OPTIONS]
           training-benchmark version

    MODE is training, inference, forward (a training step's first half) or pgd (adversarial training: ten steps on half
    of the batch, then a training step). Prints {"rate": R}, the median images/s of half-second spans.

      --architecture NAME   resnet20 unless given
      --batch N             128 unless given
      --threads N           1 unless given
      --compute TYPE        fp32 unless given, or bf16
      --seconds S           5 unless given
      --profile             prints the plan's steps too, measured on one thread, and with the rate the seconds of a step,
                            those that its convolutions and matrix products alone take (the floor), and their share
      --wait                prints `ready` after the first steps and waits for a line
    """

  static func main() {
    do {
      guard CommandLine.arguments.dropFirst() != ["version"] else {
        let facts = ComputePlatform.facts
        print("oneDNN \(facts["oneDNN"] ?? "?") (\(facts["instructions"] ?? "?"))")
        return
      }
      try run(try Options(CommandLine.arguments.dropFirst()))
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(2)
    }
  }

  private static func run(_ options: Options) throws {
    Team.limit = options.threads
    let work = try Work(options)
    for _ in 0..<3 { try work.step() }
    if options.waits {
      FileHandle.standardOutput.write(Data("ready\n".utf8))
      _ = readLine()
    }
    var rates: [Double] = []
    let end = Date().addingTimeInterval(options.seconds)
    while Date() < end {
      let start = Date()
      var count = 0
      while Date().timeIntervalSince(start) < 0.5 {
        try work.step()
        count += options.batch
      }
      rates.append(Double(count) / Date().timeIntervalSince(start))
    }
    let rate = rates.sorted()[rates.count / 2]
    guard options.profiles else {
      print(String(format: "{\"rate\": %.1f}", rate))
      return
    }
    let profile = try PlanProfile(work)
    if !options.waits { print(profile.table) }
    // The same number of threads would compute the floor.
    let seconds = Double(options.batch) / rate
    let floor = profile.floor / Double(options.threads)
    print(
      String(
        format: "{\"rate\": %.1f, \"seconds\": %.5f, \"floor\": %.5f, \"share\": %.3f}", rate, seconds, floor,
        floor / seconds))
  }

  enum Mode: String { case training, inference, forward, pgd }

  struct Options {
    var mode: Mode
    var architecture = "resnet20"
    var batch = 128
    var threads = 1
    var seconds = 5.0
    var precision = Precision.float32
    var waits = false
    var profiles = false

    init(_ arguments: ArraySlice<String>) throws {
      var rest = arguments
      guard let mode = rest.popFirst().flatMap(Mode.init) else { throw UsageError(usage) }
      self.mode = mode
      while let name = rest.popFirst() {
        if name == "--wait" {
          waits = true
          continue
        }
        if name == "--profile" {
          profiles = true
          continue
        }
        guard let value = rest.popFirst() else { throw UsageError("\(name) needs a value\n\(usage)") }
        switch (name, Int(value), Double(value)) {
        case ("--architecture", _, _): architecture = value
        case ("--batch", let count?, _) where count > 0: batch = count
        case ("--threads", let count?, _) where count > 0: threads = count
        case ("--seconds", _, let span?) where span > 0: seconds = span
        case ("--compute", _, _) where Precision(rawValue: value) != nil:
          precision = Precision(rawValue: value)!
        default: throw UsageError("\(name) \(value) isn't understood\n\(usage)")
        }
      }
    }
  }

  struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
