// Forecasts of a small graph: numbers and whole texts.

import Canonical
import ContentStore
import Foundation
import Reporting
import Testing
import Workflow

@Suite struct ForecastTextTests {
  private let graph = exampleGraph()

  private func forecast(
    _ costs: [String: EarlierCost], jobs: Int = 2, key: Digest? = nil,
    _ state: (Int) -> Plan.State = { $0 == 0 ? .missing : .pending(on: "data") }
  ) -> Forecast {
    let plan = Plan(
      entries: graph.instances.indices.map { i in
        Plan.Entry(
          instance: i, name: graph.instances[i].name, state: state(i), key: key, artifacts: nil,
          formerName: nil)
      }, remoteProblems: [], lastRun: nil)
    return Forecast(
      plan, graph: graph, costs: EarlierCosts(costs), jobs: jobs,
      capacity: Resources(cpus: 16, memory: 1 << 30))
  }

  private func cost(_ basis: EarlierCost.Basis, _ seconds: Double..., bytes: Int = 1 << 20) -> EarlierCost {
    EarlierCost(basis: basis, samples: seconds.map { ($0, bytes) })
  }

  @Test(arguments: [(1, 90.0), (2, 50), (3, 40), (4, 30), (8, 20), (100, 20)])
  func jobsShareTheWorkAndTheLongestChainBoundsIt(jobs: Int, seconds: Double) {
    let forecast = forecast(["data": cost(.stage, 10), "stitched": cost(.stage, 10)], jobs: jobs)
    #expect(forecast.seconds == seconds)
    #expect(forecast.bounds == seconds...seconds)
    #expect(forecast.criticalPath.map(\.seconds) == [10, 10])
    #expect(forecast.criticalPath.first?.instance == 0)
  }

  @Test func theMedianCountsAndShortestAndLongestBoundIt() {
    let forecast = forecast(["data": cost(.stage, 9, 1, 2), "stitched": cost(.kind, 1)], jobs: 8)
    #expect(forecast.seconds == 3)
    #expect(forecast.bounds == 2...10)
    #expect(forecast.bytes == 9 << 20)
    #expect((forecast.count, forecast.unknown, forecast.pending) == (9, 0, 8))
  }

  @Test func whatIsUpToDateOrCantRunTakesNothing() {
    let costs = ["data": cost(.stage, 10), "stitched": cost(.stage, 10)]
    let forecast = forecast(costs) { i in i < 2 ? .upToDate : i == 2 ? .impossible("no") : .missing }
    #expect(forecast.seconds == 30 && forecast.count == 6)
    #expect(forecast.criticalPath.map(\.seconds) == [10])
  }

  @Test func instancesWithOneKeyAreComputedOnce() {
    let forecast = forecast(["stitched": cost(.stage, 10)], key: Digest.of([1])) {
      $0 == 0 ? .upToDate : .missing
    }
    #expect(forecast.count == 1 && forecast.seconds == 10)
  }

  @Test func theTextSaysWhatItGoesBy() {
    #expect(
      ForecastText(
        forecast(["data": cost(.stage, 9, 60, 70), "stitched": cost(.kind, 2)]), graph: graph
      ).lines == [
        "forecast     about 1m08s with 2 jobs (17s to 1m18s), 9.0 MiB to be written",
        "  longest chain, 1m02s: data 1m00s → "
          + "stitched[front=standard,cut=stem,method=direct,twin=direct,seed=0] 2.0s",
        "  data: 1m00s (9.0s to 1m10s), by 3 earlier runs of the stage",
        "  stitched (8): 2.0s each, by 1 earlier run of others of kind fit",
        "  8 of them wait for others: they run only if those give other bytes",
      ])
  }

  @Test func theTextSaysWhatIsUnknown() {
    #expect(
      ForecastText(forecast(["data": cost(.stage, 60)], jobs: 1), graph: graph).lines == [
        "forecast     about 1m00s with 1 job, 1.0 MiB to be written",
        "  data: 1m00s, by 1 earlier run of the stage",
        "  unknown: no earlier run of stitched (8); 8 instances aren't counted",
        "  8 of them wait for others: they run only if those give other bytes",
      ])
    #expect(
      ForecastText(forecast([:]), graph: graph).lines == [
        "forecast     unknown: no earlier run of data, stitched (8)"
      ])
  }

  @Test func statusSaysItBeforeTheCounts() {
    let plan = Plan(
      entries: [
        Plan.Entry(instance: 0, name: "data", state: .missing, key: nil, artifacts: nil, formerName: nil)
      ], remoteProblems: [], lastRun: nil)
    let text = StatusText(
      plan, graph: graph, onlyStale: true,
      forecast: ForecastText(forecast([:]) { _ in .missing }, graph: graph))
    #expect(
      text.text == """
        missing      data
        forecast     unknown: no earlier run of data, stitched (8)
        0 up to date, 0 stale, 0 pending, 1 missing

        """)
  }
}
