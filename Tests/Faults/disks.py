"""Owns trials on disks that are too small."""

import os
import subprocess

from workbench import Wrong


class Skipped(Exception):
    """What this needs isn't there."""


def small_disks(bench, trials):
    """The store's disk is full at every step, from the first file on: status 0, 1 or 3; with room a rerun is right"""
    if os.geteuid() != 0:
        raise Skipped("mounting small disks needs root")
    mount = bench.folder / "disk"
    mount.mkdir()
    whole = bench.fresh()
    bench.run(store=whole)
    enough = int(subprocess.run(["du", "-sk", whole], capture_output=True, check=True).stdout.split()[0]) + 2000
    for trial in range(trials):
        # What is written while it runs and removed in the end comes on top.
        size = 16 + (enough - 16) * trial // trials
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "bobbin-faults", mount], capture_output=True)
        if made.returncode:
            raise Skipped(f"no tmpfs can be mounted: {made.stderr.decode().strip()}")
        try:
            run = bench.run("--keep-going", store=mount / "store")
            if run.status == 0:
                bench.expect_right(run)
            elif run.status not in (1, 3):
                raise Wrong(f"status {run.status} with {size} KB: {run.errors[-400:]}")
            subprocess.run(["mount", "-o", "remount,size=100m", mount], check=True)
            bench.expect_heals(mount / "store")
        finally:
            bench.expect_nothing_running()
            subprocess.run(["umount", mount], check=True)
        yield


TRIALS = [(small_disks, 40)]
