"""Owns trials with outputs that nobody can write to."""

import os
import subprocess

from workbench import Wrong


def unwritable(trial):
    """A descriptor that nothing can be written to: a full device, or a pipe that nobody reads"""
    if trial % 2 == 0:
        return os.open("/dev/full", os.O_WRONLY)
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def lost_errors(bench, trials):
    """Standard error is full or closed: the run goes on to the end, status 0"""
    for trial in range(trials):
        store = bench.fresh()
        writer = unwritable(trial)
        status = bench.start(store=store, stderr=writer).wait(120)
        os.close(writer)
        if status != 0:
            raise Wrong(f"status {status}")
        bench.expect_heals(store)
        yield


def lost_reports(bench, trials):
    """Standard output is full or closed: everything is computed and kept, and the status isn't 0"""
    for trial in range(trials):
        store = bench.fresh()
        writer = unwritable(trial)
        process = bench.start(store=store, stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        errors = process.communicate(timeout=120)[1]
        if process.returncode == 0:
            raise Wrong("status 0 though the report was lost")
        if process.returncode < 0 and -process.returncode != 13:
            raise Wrong(f"ended by signal {-process.returncode}: {errors[-300:]}")
        again = bench.run(store=store)
        bench.expect_right(again)
        if again.report["executed"]:
            raise Wrong("results were lost with the report")
        yield


TRIALS = [(lost_errors, 4), (lost_reports, 4)]
