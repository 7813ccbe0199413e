"""Owns trials with a remote that is damaged, away, hanging, hostile, or of another time."""

import json
import os
import shutil
import threading

from damage import WAYS
from workbench import Wrong


def filled(bench):
    """A remote with the results of a whole run."""
    remote = bench.fresh("remote")
    run = bench.run("--remote", str(remote), store=bench.fresh())
    bench.expect_right(run, what="a run that publishes")
    return remote


def damaged_remotes(bench, trials):
    """Records and blobs on a remote are damaged: a colleague gets the right bits, status 0, and is told"""
    for trial in range(trials):
        remote = filled(bench)
        for folder in ("ac", "cas"):
            files = sorted(p for p in (remote / "v1" / folder).rglob("*") if p.is_file())
            for path in bench.random.sample(files, min(3, len(files))):
                if path.is_file():
                    WAYS[trial % len(WAYS)](bench, path)
        run = bench.run("--remote", str(remote), store=bench.fresh("colleague"), tail=2)
        if run.status not in (0, 3):
            raise Wrong(f"{WAYS[trial % len(WAYS)].__name__}: status {run.status}: {run.errors[-400:]}")
        if run.digests != bench.right(2):
            raise Wrong(f"{WAYS[trial % len(WAYS)].__name__}: other bits")
        yield


def vanishing_remotes(bench, trials):
    """The remote is removed, or loses its permissions, while a run uses it: the run goes on, status 0 or 3"""
    for trial in range(trials):
        remote = filled(bench)
        timer = threading.Timer(bench.random.uniform(0, 0.5), lambda: shutil.rmtree(remote, ignore_errors=True))
        timer.start()
        run = bench.run("--remote", str(remote), store=bench.fresh("colleague"), tail=2)
        timer.join()
        if run.status not in (0, 3):
            raise Wrong(f"status {run.status}: {run.errors[-400:]}")
        if run.digests != bench.right(2):
            raise Wrong("other bits")
        yield


def pipes_and_endless_files(bench, trials):
    """Pipes, devices and huge files stand where a remote's files should be: nothing hangs, the right bits"""
    for trial in range(trials):
        remote = filled(bench)
        files = sorted(p for p in (remote / "v1" / "cas").rglob("*") if p.is_file())
        for path in bench.random.sample(files, min(3, len(files))):
            path.unlink()
            if trial % 3 == 0:
                os.mkfifo(path)
            elif trial % 3 == 1:
                path.symlink_to("/dev/zero")
            else:
                with open(path, "wb") as file:
                    file.truncate(1 << 40)
        run = bench.run("--remote", str(remote), store=bench.fresh("colleague"), tail=2, limit=60)
        if run.status not in (0, 3) or run.digests != bench.right(2):
            raise Wrong(f"status {run.status}: {run.errors[-400:]}")
        yield


def records_of_the_future(bench, trials):
    """Records of a newer format: left as they are, told, and results are right all the same"""
    for _ in range(trials):
        remote = filled(bench)
        future = {}
        for path in sorted((remote / "v1" / "ac").rglob("*")):
            if path.is_file():
                record = json.loads(path.read_text())
                record["record"] = 1000
                path.chmod(0o644)
                path.write_text(json.dumps(record, sort_keys=True, separators=(",", ":")))
                future[path] = path.read_text()
        run = bench.run("--remote", str(remote), store=bench.fresh("colleague"))
        if run.digests != bench.right():
            raise Wrong(f"status {run.status}: {run.errors[-400:]}")
        changed = [path for path, text in future.items() if path.read_text() != text]
        if changed:
            raise Wrong(f"{len(changed)} newer records were replaced")
        yield


TRIALS = [(damaged_remotes, 24), (vanishing_remotes, 10), (pipes_and_endless_files, 9), (records_of_the_future, 2)]
