"""Owns trials with a clock that goes wrong."""

import os
import pathlib
import shutil
import subprocess

from disks import Skipped
from workbench import Wrong

PIPELINE = """\
version: 1
stages:
  copy: { run: "cp ${in.given} ${out.copy}", inputs: { given: given.txt }, outputs: { copy: copy.txt } }
  sum: { run: "cksum < ${copy} > ${out.sum}", outputs: { sum: sum.txt } }
"""

DAY = 24 * 3600


def false_clock(bench):
    """A library that has every program that loads it see another time"""
    compiler = shutil.which("cc")
    if not compiler:
        raise Skipped("there is no C compiler")
    library = bench.folder / "clock.so"
    source = pathlib.Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def clocks_set_back(bench, trials):
    """The clock jumps by days, back and forth, and files have times of the past and the future: never a stale result"""
    library = false_clock(bench)
    project = bench.project
    (project / "clock.yaml").write_text(PIPELINE)
    store = bench.fresh()
    for trial in range(trials):
        shift = bench.random.randrange(-4000, 4000) * DAY
        text = f"version {trial:06}\n"
        if trial % 3:  # in place, or another file under the name
            (project / "given.txt").write_text(text)
        else:
            (project / "new").write_text(text)
            os.replace(project / "new", project / "given.txt")
        if trial % 2:  # with the time that it had before
            os.utime(project / "given.txt", (1e9, 1e9))
        environment = {"LD_PRELOAD": str(library), "BOBBIN_FAULTS_SHIFT": str(shift)}
        run = bench.run(store=store, tail=None, file="clock.yaml", environment=environment)
        if run.status != 0 or run.report["executed"] != 2:
            raise Wrong(f"shifted by {shift} s: status {run.status}, {run.errors[-400:]}")
        got = subprocess.run(
            [bench.program, "get", "clock.yaml", "copy", "--store", store, "-o", "-"], cwd=project, capture_output=True)
        if got.stdout.decode() != text:
            raise Wrong(f"shifted by {shift} s: {got.stdout!r} instead of {text!r} {got.stderr!r}")
        again = bench.run(store=store, tail=None, file="clock.yaml", environment={**environment, "BOBBIN_FAULTS_SHIFT": str(-shift)})
        if again.status != 0 or again.report["cached"] != 2:
            raise Wrong(f"shifted by {-shift} s: status {again.status}, {again.report}")
        for path in bench.random.sample(sorted(p for p in store.rglob("*") if p.is_file()), 3):
            os.utime(path, (bench.random.randrange(2**31),) * 2, follow_symlinks=False)
        yield


TRIALS = [(clocks_set_back, 40)]
