#!/usr/bin/env python3
"""What the engine costs beside the work: a first run and no-op runs of pipelines of small commands, and starting.

    Benchmarks/engine.py .build/release/bobbin [--against OTHER] [--rounds 5] [--sizes 1000,10000,100000]

Of 100,000 instances 10,000 differ: the others share their keys, so that the first run ends in time.

Prints medians over interleaved rounds, of whole processes (loading included): seconds on the clock, and processor
seconds, which say more on a machine that does other things too. With --against, the same of another program, and the
median of the rounds' ratios.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

# The most commands that a size runs at first; beyond that, instances share keys.
DISTINCT = 10_000

# What every version reads, and every program in scale.py.
PIPELINE = """\
version: 1
params: {{ points: [{points}], copies: [{copies}] }}
stages:
  step:
    matrix: {{ point: "${{params.points}}", copy: "${{params.copies}}" }}
    run: echo ${{matrix.point}} > ${{out.text}}
    outputs: {{ text: text.txt }}
"""


def measured(arguments, folder):
    """(seconds on the clock, processor seconds of the process and those that it waited for)"""
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            end = errors.read()[-500:].decode(errors="replace")
            raise SystemExit(f"{' '.join(map(str, arguments[:3]))}: status {process.returncode}: {end}")
    return seconds, usage.ru_utime + usage.ru_stime


def folder_with(work, count):
    folder = work / str(count)
    folder.mkdir()
    (folder / "bobbin.yaml").touch()
    points = min(count, DISTINCT)

    def numbers(count):
        return ", ".join(map(str, range(count)))

    (folder / "p.yaml").write_text(PIPELINE.format(points=numbers(points), copies=numbers(count // points)))
    return folder


def show(row, by_name, count):
    line = f"{row:<36}"
    for column, what in ((0, "clock"), (1, "processor")):
        values = {name: [round[column] for round in rounds] for name, rounds in by_name.items()}
        line += f" {what} {statistics.median(values['this']) / count * 1000:9.2f} ms"
        if "other" in values:
            ratios = [a / b for a, b in zip(values["this"], values["other"])]
            other = statistics.median(values["other"]) / count * 1000
            line += f", other {other:9.2f} ms, ratio {statistics.median(ratios):.2f};"
    print(line.rstrip(";"), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bobbin")
    parser.add_argument("--against")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first", type=int, default=200, help="instances of the first run; 0 for none")
    parser.add_argument("--sizes", default="1000,10000", help="instances of the no-op runs")
    options = parser.parse_args()
    programs = {"this": pathlib.Path(options.bobbin).resolve()}
    if options.against:
        programs["other"] = pathlib.Path(options.against).resolve()
    work = pathlib.Path(tempfile.mkdtemp(prefix="bobbin-engine-"))

    def run(program, folder, store):
        return measured([program, "run", "p.yaml", "--quiet", "--store", store], folder)

    def rounds(prepare, act):
        """Each program in turn, beginning with another in every round."""
        found = {name: [] for name in programs}
        for round in range(options.rounds):
            for name in sorted(programs, reverse=round % 2 == 1):
                prepare(name)
                found[name].append(act(name))
        return found

    try:
        show("start (--version)", rounds(lambda _: None, lambda name: measured([programs[name], "--version"], work)), 1)
        if options.first:
            folder = folder_with(work, options.first)
            show(
                f"first run of {options.first}, per instance",
                rounds(
                    lambda name: shutil.rmtree(folder / name, ignore_errors=True),
                    lambda name: run(programs[name], folder, name)),
                options.first)
        for size in [int(size) for size in options.sizes.split(",") if size]:
            folder = folder_with(work, size)
            for name, program in programs.items():
                run(program, folder, name)
            show(f"no-op of {size}", rounds(lambda _: None, lambda name: run(programs[name], folder, name)), 1)
            shutil.rmtree(folder)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
