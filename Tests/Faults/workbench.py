"""Owns one project that is broken on purpose: its files, its store, running the program in it, and what is right."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

PIPELINE = """\
version: 1
params: { tail: 1 }
stages:
  images: { uses: dataset/synthetic, with: { train: 64, test: 32 } }
  model:
    matrix: { seed: [0, 1] }
    uses: train
    with: { data: "${images}", architecture: small_cnn, epochs: 1, batch: 32, seed: "${matrix.seed}" }
  scores:
    matrix: { network: "${model}" }
    uses: evaluate
    with: { model: "${matrix.network}", data: "${images}" }
  lines:
    matrix: { first: [1, 2, 3, 4] }
    run: seq ${matrix.first} 60000 > ${out.text}
    outputs: { text: text.txt }
  total:
    matrix: { part: "${lines}" }
    run: cksum < ${matrix.part} > ${out.sum}; echo ${params.tail} >> ${out.sum}
    outputs: { sum: sum.txt }
  table:
    uses: table
    with: { rows: "${scores}" }
"""


class Wrong(Exception):
    """Something that must not happen happened."""


class Run:
    """One run of the program to its end."""

    def __init__(self, status, output, errors, seconds):
        self.status = status
        self.output = output
        self.errors = errors
        self.seconds = seconds

    @property
    def report(self):
        """The object that `run --json` printed."""
        try:
            return json.loads(self.output.splitlines()[-1])
        except (IndexError, ValueError):
            raise Wrong(f"status {self.status}, no report: {self.errors[-400:]}") from None

    @property
    def digests(self):
        """Instance and artifact -> digest, of all that is up to date."""
        return {
            (entry["name"], name): artifact.get("blob") or artifact.get("manifest")
            for entry in self.report["instances"]
            for name, artifact in entry["artifacts"].items()
        }


class Workbench:
    """A folder with a project, and one beside it for whatever else a trial needs."""

    def __init__(self, program, seed):
        self.program = str(pathlib.Path(program).resolve())
        self.random = random.Random(seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bobbin-faults-"))
        self.project = self.folder / "project"
        self.project.mkdir()
        (self.project / "bobbin.yaml").touch()
        (self.project / "p.yaml").write_text(PIPELINE)
        self._right = {}

    def close(self):
        subprocess.run(["chmod", "-R", "u+rwX", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def arguments(self, *more, store, tail=1, file="p.yaml"):
        set_tail = [] if tail is None else ["--set", f"tail={tail}"]
        return [self.program, "run", file, "--json", "--jobs", "2", "--store", str(store), *set_tail, *more]

    def start(self, *more, store, tail=1, file="p.yaml", environment=None, **streams):
        """Starts a run, in a session of its own."""
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **streams}
        return subprocess.Popen(
            self.arguments(*more, store=store, tail=tail, file=file), cwd=self.project, start_new_session=True,
            env={**os.environ, **(environment or {})}, **streams)

    def run(self, *more, store, limit=120, **how):
        """Runs to the end."""
        return self.ended(self.start(*more, store=store, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how), limit)

    def ended(self, process, limit=120):
        """Waits for the end of a run; one that takes longer than `limit` seconds hangs, which is wrong."""
        start = time.monotonic()
        with process:
            try:
                output, errors = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                raise Wrong(f"no end within {limit} s") from None
        text = [stream.decode("utf-8", "replace") for stream in (output, errors)]
        return Run(process.returncode, *text, time.monotonic() - start)

    def right(self, tail=1):
        """The digests of an undisturbed run."""
        if tail not in self._right:
            store = self.fresh("right")
            run = self.run(store=store, tail=tail)
            if run.status != 0:
                raise SystemExit(f"even undisturbed it fails: {run.errors}")
            self._right[tail] = run.digests
            shutil.rmtree(store)
        return self._right[tail]

    def fresh(self, name="store"):
        """The path of a store that doesn't exist."""
        path = self.folder / name
        subprocess.run(["chmod", "-R", "u+rwX", path], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(path, ignore_errors=True)
        return path

    def expect_right(self, run, tail=1, what="a rerun"):
        """A run that ended well, with the bits of an undisturbed one."""
        if run.status != 0:
            raise Wrong(f"{what} ended with status {run.status}: {(run.errors or run.output)[-600:]}")
        if run.digests != self.right(tail):
            raise Wrong(f"{what} gave other bits: {sorted(set(run.digests.items()) ^ set(self.right(tail).items()))[:4]}")

    def expect_heals(self, store, *more, tail=1):
        """A rerun is right, and the one after that has nothing to do."""
        self.expect_right(self.run(*more, store=store, tail=tail), tail)
        again = self.run(*more, store=store, tail=tail)
        self.expect_right(again, tail, "the run after that")
        if again.report["executed"]:
            raise Wrong(f"the run after that executed {again.report['executed']}")

    def processes(self):
        """Living processes that run in this folder, name it, or are workers of its drivers."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                state = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0]
                where = os.readlink(f"/proc/{entry}/cwd")
                words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if state not in "ZX" and (where.startswith(str(self.folder)) or str(self.folder) in words):
                found.append(int(entry))
        return found

    def expect_nothing_running(self, patience=5):
        deadline = time.monotonic() + patience
        while left := self.processes():
            if time.monotonic() > deadline:
                for process in left:
                    os.kill(process, signal.SIGKILL)
                raise Wrong(f"{len(left)} processes were left running")
            time.sleep(0.02)


def children(parent):
    """The ids of a process's children."""
    try:
        text = "".join(p.read_text() for p in pathlib.Path(f"/proc/{parent}/task").glob("*/children"))
    except OSError:
        return []
    return [int(word) for word in text.split()]
