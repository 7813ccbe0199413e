import Canonical
import ContentStore
import Executors
import Foundation
import Testing
import Workflow

/// GPUs as tokens. Nothing here needs one: an id is a word.
@Suite struct GPUTests {
  private func job(_ bench: Workbench, _ line: String, id: Int, gpus: Int, store: String? = nil) -> Job {
    var job = bench.command(line, outputs: ["out"])
    job.id = id
    job.members[0].instance = id
    job.resources.gpus = gpus
    if let store { job.store = store }
    return job
  }

  @Test func aJobSeesTheGPUsThatItAskedForAndNoOthers() throws {
    let bench = try Workbench(gpus: ["3", "GPU-5ba3", "7"])
    #expect(bench.executor.capacity.gpus == 3)
    for (id, (count, expected)) in [(2, "3,GPU-5ba3"), (1, "7"), (3, "3,GPU-5ba3,7")].enumerated() {
      let job = job(bench, "echo $CUDA_VISIBLE_DEVICES > ${out.out}", id: id, gpus: count)
      let text = try bench.success(job).texts["out"]!.trimmingCharacters(in: .newlines)
      #expect(text.split(separator: ",").count == expected.split(separator: ",").count)
    }
    // One that asks for none is told nothing.
    let none = job(bench, "echo ${CUDA_VISIBLE_DEVICES-unset} > ${out.out}", id: 9, gpus: 0)
    #expect(try bench.success(none).texts == ["out": "unset\n"])
  }

  @Test func jobsAtTheSameTimeHaveDifferentGPUs() throws {
    let bench = try Workbench(jobs: 2, gpus: ["0", "1"])
    let line = """
      echo $CUDA_VISIBLE_DEVICES > ${out.out}; touch \(bench.folder.path)/$CUDA_VISIBLE_DEVICES
      until test -e \(bench.folder.path)/0 -a -e \(bench.folder.path)/1; do sleep 0.01; done
      """
    let jobs = [job(bench, line, id: 0, gpus: 1), job(bench, line, id: 1, gpus: 1)]
    let results = try bench.run(jobs[0], jobs[1])
    let ids = try jobs.map { try bench.success(results[$0.id]!, of: $0).texts["out"]! }
    #expect(ids.sorted() == ["0\n", "1\n"])
  }

  @Test func aGPUIsOneDriversAtATime() throws {
    let (first, second) = (try Workbench(gpus: ["0"]), try Workbench(gpus: ["0"]))
    let folder = first.folder.path
    let store = folder + "/store"
    let long = job(
      first, "touch \(folder)/begun; until test -e \(folder)/go; do sleep 0.01; done; echo > ${out.out}",
      id: 0, gpus: 1, store: store)
    try first.executor.submit(long)
    try waitUntil { FileManager.default.fileExists(atPath: folder + "/begun") }
    // The other driver has a free worker, but no GPU; what needs none isn't kept waiting.
    try second.executor.submit(job(second, "echo > ${out.out}", id: 1, gpus: 1, store: store))
    try second.executor.submit(job(second, "echo > ${out.out}", id: 2, gpus: 0, store: store))
    var ended: [Int] = []
    try waitUntil {
      guard case .ended(let id)? = second.events.next(timeout: 0.01) else { return false }
      ended.append(id)
      if id == 2 { try Data().write(to: URL(fileURLWithPath: folder + "/go")) }
      return ended.count == 2
    }
    #expect(ended == [2, 1])
  }

  @Test func theGPUOfAWorkerThatDiedIsFreeAgain() throws {
    let bench = try Workbench(gpus: ["0"])
    _ = try bench.failure(job(bench, "kill -KILL $PPID", id: 0, gpus: 1))
    let after = job(bench, "echo $CUDA_VISIBLE_DEVICES > ${out.out}", id: 1, gpus: 1)
    #expect(try bench.success(after).texts == ["out": "0\n"])
  }

  @Test func thereAreAsManyGPUsAsTheVariableSaysElseAsTheDriverHasFilesFor() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gpus-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func gpus(_ visible: String?) -> [String] {
      Machine.gpus(
        environment: visible.map { ["CUDA_VISIBLE_DEVICES": $0] } ?? [:], devices: folder.path)
    }
    #expect(gpus(nil) == [])
    for name in ["nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "null"] {
      try Data().write(to: folder.appending(path: name))
    }
    #expect(gpus(nil) == ["2", "10"])
    #expect(gpus("") == [])
    #expect(gpus("3, GPU-1") == ["3", "GPU-1"])
    #expect(gpus("1,-1,2") == ["1"])
  }

  @Test func everyControlGroupAboveCountsForTheMemoryThatThereIs() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "groups-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ text: String, _ path: String) throws {
      let file = folder.appending(path: path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: false, encoding: .utf8)
    }
    let mounts = "36 35 0:30 / \(folder.path) rw - cgroup2 cgroup2 rw\n"
    func limit(_ group: String) -> Int? { MemoryGroupPlace.limit(groups: "0::\(group)\n", mounts: mounts) }
    #expect(limit("/a/b") == nil)
    try write("max\n", "a/b/memory.max")
    #expect(limit("/a/b") == nil)
    try write("5000\n", "a/memory.max")
    #expect(limit("/a/b") == 5000)
    try write("4000\n", "a/b/memory.max")
    #expect(limit("/a/b") == 4000)
    #expect(limit("/a") == 5000)
    #expect(limit("/") == nil)
  }
}
