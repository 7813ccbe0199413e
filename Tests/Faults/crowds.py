"""Owns trials with many drivers at work in one store."""

import os
import signal
import subprocess
import time

from kills import signal_all
from workbench import Wrong, children

# Each command writes down that it begins and ends; the lines of a file are whole, since each is one write.
PIPELINE = """\
version: 1
params: { notes: . }
stages:
  part:
    matrix: { n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] }
    run: |
      echo begins >> ${params.notes}/${matrix.n}
      sleep 0.0${matrix.n}
      echo ${matrix.n} > ${out.text}
      echo ends >> ${params.notes}/${matrix.n}
    outputs: { text: text.txt }
  whole:
    run: cat ${part} > ${out.text}; echo begins >> ${params.notes}/whole
    outputs: { text: text.txt }
"""


class Crowd:
    """Drivers that begin at once, and what their commands wrote down."""

    def __init__(self, bench, count):
        self.bench = bench
        (bench.project / "crowd.yaml").write_text(PIPELINE)
        self.notes = bench.fresh("notes")
        self.notes.mkdir()
        self.store = bench.fresh()
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.drivers = [self.start(**streams) for _ in range(count)]

    def start(self, **streams):
        return self.bench.start("--set", f"notes={self.notes}", store=self.store, tail=None, file="crowd.yaml", **streams)

    def ends(self, which=None):
        """Waits for drivers; their runs."""
        return [self.bench.ended(driver) for driver in which or self.drivers]

    def begun(self):
        """How often each command began."""
        return {path.name: path.read_text().count("begins") for path in self.notes.iterdir()}

    def expect_right(self, runs):
        for run in runs:
            if run.status != 0:
                raise Wrong(f"a driver ended with status {run.status}: {run.errors[-600:]}")
            if run.digests != runs[0].digests or len(run.digests) != 13:
                raise Wrong("drivers got different bits")


def crowds(bench, trials):
    """20 drivers at once on one store: nothing is computed twice, all get the same bits, status 0"""
    for _ in range(trials):
        crowd = Crowd(bench, 20)
        runs = crowd.ends()
        crowd.expect_right(runs)
        if twice := {name: count for name, count in crowd.begun().items() if count != 1}:
            raise Wrong(f"computed more than once: {twice}")
        executed = sum(run.report["executed"] for run in runs)
        if executed != 13:
            raise Wrong(f"13 instances, but {executed} are said to have been executed")
        bench.expect_nothing_running()
        yield


def killed_crowds(bench, trials):
    """6 drivers, two killed and one stopped for a while: leases of the dead pass on, that of the stopped one doesn't"""
    for trial in range(trials):
        crowd = Crowd(bench, 6)
        time.sleep(bench.random.uniform(0, 0.5))
        stopped, killed = crowd.drivers[0], crowd.drivers[1:3]
        # Its workers as well: what they hold stays as it is.
        with_workers = [stopped.pid, *children(stopped.pid)]
        signal_all(with_workers, signal.SIGSTOP)
        for driver in killed:
            driver.kill()
        time.sleep(0.3 if trial % 2 else 0)
        signal_all(with_workers + children(stopped.pid), signal.SIGCONT)
        for driver in killed:
            driver.communicate()
        crowd.expect_right(crowd.ends([stopped, *crowd.drivers[3:]]))
        # Who is killed computes up to two at a time, and one that had begun is begun again.
        begun = crowd.begun()
        if sum(begun.values()) > len(begun) + 2 * len(killed) or max(begun.values()) > 1 + len(killed):
            raise Wrong(f"computed again though nobody had died: {begun}")
        bench.expect_nothing_running()
        yield


def one_stopped(bench, trials):
    """A driver is stopped while others want what it computes: they wait for it, however long, and don't compute it"""
    for _ in range(trials):
        crowd = Crowd(bench, 1)
        first = crowd.drivers[0]
        deadline = time.monotonic() + 60
        while not crowd.begun():
            if time.monotonic() > deadline:
                raise Wrong("nothing began")
            time.sleep(0.001)
        os.kill(first.pid, signal.SIGSTOP)
        others = [crowd.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
        time.sleep(1)
        if any(driver.poll() is not None for driver in others):
            raise Wrong("a driver didn't wait for one that was stopped")
        os.kill(first.pid, signal.SIGCONT)
        runs = crowd.ends([first, *others])
        crowd.expect_right(runs)
        if max(crowd.begun().values()) != 1:
            raise Wrong(f"a living driver's lease was broken: {crowd.begun()}")
        if not any(f"waiting for PID {first.pid}" in run.errors for run in runs[1:]):
            raise Wrong("nobody said whom it waits for")
        yield


TRIALS = [(crowds, 20), (killed_crowds, 40), (one_stopped, 5)]
