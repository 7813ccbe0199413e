// A cluster for tests: `sbatch`, `squeue` and `scancel` as shell scripts in a folder. Tasks run as processes of this
// machine, at once and side by side; what Slurm thinks of each is a file that tests may change.

import Foundation

public final class FakeSlurm {
  public let folder: URL
  /// The folder to stand first on PATH.
  public var programs: String { folder.appendingPathComponent("bin").path }

  /// - Parameter folder: made here, and the maker's to remove after `end`.
  public init(in folder: URL) throws {
    self.folder = folder
    for name in ["bin", "states", "processes"] {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
    }
    for (name, text) in [
      ("sbatch", FakeSlurm.sbatch), ("squeue", FakeSlurm.squeue), ("scancel", FakeSlurm.scancel),
      ("task", FakeSlurm.task),
    ] {
      let file = folder.appendingPathComponent("bin/\(name)")
      try Data("#!/bin/sh\nF='\(folder.path)'\n\(text)".utf8).write(to: file)
      chmod(file.path, 0o755)
    }
  }

  /// Ends what runs.
  public func end() {
    set("hold", nil)
    for name in names("processes") {
      if let process = text("processes/\(name)").flatMap({ pid_t($0) }) { kill(-process, SIGKILL) }
    }
  }

  deinit { end() }

  /// The command lines of all calls of a program, oldest first.
  public func calls(_ program: String = "sbatch") -> [String] {
    (text("calls.\(program)") ?? "").split(separator: "\n").map(String.init)
  }

  /// The words of the next `sbatch`, which refuses.
  public func refuse(_ words: String?) { set("refusal", words) }

  /// While it is held, no task begins.
  public func hold(_ isHeld: Bool) { set("hold", isHeld ? "" : nil) }

  /// Whether `squeue` can reach anybody.
  public func setReachable(_ isReachable: Bool) { set("unreachable", isReachable ? nil : "") }

  /// Only task 0 of each array computes; the others copy what it publishes.
  public func copyFirstResult() { set("copy", "") }

  /// Has Slurm forget a job.
  public func forget(_ job: String) {
    for name in names("states") where name.hasPrefix("\(job)_") { set("states/\(name)", nil) }
  }

  /// What Slurm thinks of each task, by `1_0`.
  public var states: [String: String] {
    Dictionary(uniqueKeysWithValues: names("states").map { ($0, text("states/\($0)") ?? "") })
  }

  /// Ends a task without a word, and has Slurm say this of it.
  public func lose(_ task: String, state: String, script: String? = nil) {
    let process = text("processes/\(task)").flatMap { pid_t($0) }
    set("processes/\(task)", nil)
    set("states/\(task)", state)
    if let process { kill(-process, SIGKILL) }
  }

  /// Begins a task again while it still runs, as happens when its node seems dead.
  public func requeue(_ task: String, attempt: Int) throws {
    let process = Process()
    process.executableURL = folder.appendingPathComponent("bin/task")
    process.arguments = [
      String(task.split(separator: "_")[0]), String(task.split(separator: "_")[1]), "\(attempt)",
    ]
    try process.run()
    process.waitUntilExit()
  }

  /// As `scancel` does.
  public func cancel(_ task: String) throws {
    let process = Process()
    process.executableURL = folder.appendingPathComponent("bin/scancel")
    process.arguments = [task]
    try process.run()
    process.waitUntilExit()
  }

  private func names(_ place: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(place).path)) ?? [])
      .filter { !$0.hasPrefix(".") && !$0.hasSuffix(".new") }.sorted()
  }

  private func text(_ name: String) -> String? {
    (try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8))
      .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
  }

  private func set(_ name: String, _ text: String?) {
    let file = folder.appendingPathComponent(name)
    if let text {
      try? Data(text.utf8).write(to: file, options: .atomic)
    } else {
      try? FileManager.default.removeItem(at: file)
    }
  }

  private static let sbatch = #"""
    echo "$*" >> $F/calls.sbatch
    if [ -e $F/refusal ]; then cat $F/refusal >&2; exit 1; fi
    for word; do
      case $word in
        --array=0-*) last=${word#--array=0-};;
        --output=*) output=${word#--output=};;
        --job-name=*) name=${word#--job-name=};;
      esac
    done
    id=1; while ! mkdir $F/job.$id 2>/dev/null; do id=$((id + 1)); done
    echo "$name" > $F/job.$id/name; echo "$output" > $F/job.$id/output; cp "$word" $F/job.$id/script
    n=0; while [ $n -le $last ]; do echo PENDING > $F/states/${id}_$n; n=$((n + 1)); done
    if [ -e $F/copy ]; then last=0; dirname "$output" > $F/job.$id/folder; echo COPY >> $F/job.$id/folder; fi
    n=0; while [ $n -le $last ]; do $F/bin/task $id $n 0; n=$((n + 1)); done
    echo "sbatch: a warning" >&2
    echo $id
    """#

  /// `task JOB NUMBER ATTEMPT` begins a task and returns.
  private static let task = #"""
    export SLURM_ARRAY_JOB_ID=$1 SLURM_ARRAY_TASK_ID=$2 SLURM_RESTART_COUNT=$3 SLURMD_NODENAME=n1 F
    export SLURM_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-2} CUDA_VISIBLE_DEVICES=GPU-7
    output=$(sed "s/%a/$2/" $F/job.$1/output)
    setsid sh -c '
      me=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
      echo $$ > $F/processes/$me.new; mv $F/processes/$me.new $F/processes/$me
      while [ -e $F/hold ]; do [ "$(cat $F/states/$me)" = PENDING ] || exit; sleep 0.02; done
      echo RUNNING > $F/states/$me.new; mv $F/states/$me.new $F/states/$me
      sh $F/job.$SLURM_ARRAY_JOB_ID/script
      status=$?
      if [ -e $F/copy ]; then
        folder=$(head -1 $F/job.$SLURM_ARRAY_JOB_ID/folder); n=1
        while [ -e $folder/$n.json ]; do ln $folder/0.0.done.json $folder/$n.0.done.json; n=$((n + 1)); done
      fi
      [ "$(cat $F/states/$me)" = RUNNING ] || exit
      if [ $status = 0 ]; then state=COMPLETED; else state=FAILED; fi
      echo $state > $F/states/$me.new; mv $F/states/$me.new $F/states/$me
    ' > $output 2>&1 < /dev/null &
    """#

  private static let squeue = #"""
    echo "$*" >> $F/calls.squeue
    if [ -e $F/unreachable ]; then echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1; fi
    for word; do
      case $word in
        --name=*) grep -lx "${word#--name=}" $F/job.*/name 2>/dev/null | sed 's/.*job\.\([0-9]*\).*/\1/'; exit 0;;
        --jobs=*) jobs=$(echo ${word#--jobs=} | tr , ' ');;
      esac
    done
    found=
    for job in $jobs; do
      for state in $F/states/${job}_*; do
        case $state in *'*'|*.new) continue;; esac
        found=1; echo "${state##*/} $(cat $state)"
      done
    done
    [ -n "$found" ] || { echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1; }
    """#

  private static let scancel = #"""
    echo "$*" >> $F/calls.scancel
    for task; do
      echo CANCELLED > $F/states/$task.new; mv $F/states/$task.new $F/states/$task
      [ -e $F/processes/$task ] && kill -TERM -$(cat $F/processes/$task)
    done
    exit 0
    """#
}
