"""Owns trials on disks that are too small."""

import os
import subprocess

from workbench import Wrong


class Skipped(Exception):
    """What this needs isn't there."""


def small_disks(bench, trials):
    """The store's disk is full at a random point: status 0, 1 or 3, then room is made and a rerun has the right bits"""
    if os.geteuid() != 0:
        raise Skipped("mounting small disks needs root")
    mount = bench.folder / "disk"
    mount.mkdir()
    for trial in range(trials):
        size = bench.random.randrange(64, 6000) if trial else 64
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
