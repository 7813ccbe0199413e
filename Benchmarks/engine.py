#!/usr/bin/env python3
"""What the engine costs beside the work: a first run and a no-op run of pipelines of small commands, and loading.

    Benchmarks/engine.py .build/release/bobbin [--against OTHER] [--rounds 5] [--sizes 1000,10000,100000]

Prints medians over interleaved rounds, as a whole process (loading included), and with --against the ratios.
"""

import argparse
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

PIPELINE = """\
version: 1
params: {{ points: [{points}] }}
stages:
  step:
    matrix: {{ point: "${{params.points}}" }}
    run: echo ${{matrix.point}} > ${{out.text}}
    outputs: {{ text: text.txt }}
"""


def timed(arguments, folder):
    start = time.monotonic()
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments[:3]))}: status {done.returncode}: {done.stderr[-500:]}")
    return time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bobbin")
    parser.add_argument("--against")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first", type=int, default=200, help="instances of the first run")
    parser.add_argument("--sizes", default="1000,10000", help="instances of the no-op runs")
    options = parser.parse_args()
    programs = {"this": pathlib.Path(options.bobbin).resolve()}
    if options.against:
        programs["other"] = pathlib.Path(options.against).resolve()
    work = pathlib.Path(tempfile.mkdtemp(prefix="bobbin-engine-"))
    try:
        rows = {}
        sizes = [int(size) for size in options.sizes.split(",")]
        for size in [options.first] + sizes:
            folder = work / str(size)
            folder.mkdir()
            (folder / "bobbin.yaml").touch()
            (folder / "p.yaml").write_text(PIPELINE.format(points=", ".join(map(str, range(size)))))
        for name, program in programs.items():
            for size in sizes:
                timed([program, "run", "p.yaml", "--quiet", "--store", name], work / str(size))
        for round in range(options.rounds):
            for name, program in programs.items():
                folder = work / str(options.first)
                shutil.rmtree(folder / name, ignore_errors=True)
                seconds = timed([program, "run", "p.yaml", "--quiet", "--store", name], folder)
                rows.setdefault(f"first run of {options.first}, per instance", {}).setdefault(name, []).append(
                    seconds / options.first)
                for size in sizes:
                    seconds = timed([program, "run", "p.yaml", "--quiet", "--store", name], work / str(size))
                    rows.setdefault(f"no-op of {size}", {}).setdefault(name, []).append(seconds)
        for row, by_name in rows.items():
            mine = statistics.median(by_name["this"])
            line = f"{row:<34} {mine * 1000:10.2f} ms"
            if "other" in by_name:
                theirs = statistics.median(by_name["other"])
                ratios = [a / b for a, b in zip(by_name["this"], by_name["other"])]
                line += f"   other {theirs * 1000:10.2f} ms   ratio {statistics.median(ratios):.2f}"
            print(line)
    finally:
        shutil.rmtree(work)


main()
