#!/usr/bin/env python3
"""What it costs to find that nothing has to be done: bobbin beside ninja, DVC and Snakemake, at growing sizes.

    Benchmarks/scale.py .build/release/bobbin [--sizes 1000,10000,100000,1000000] [--rounds 3] [--plot scale.svg]

Each has the same graph: so many commands that write a number to a file each, of which none reads another's. (With
--graph layers, half of them read one of the other half each, and a last one reads all of those.) It is brought up to
date, and then asked to do so again. Printed are the median seconds on the clock of whole processes, loading included,
the processor seconds, and the most memory that was resident; and of bobbin's seconds the ratio to ninja's.

Of more than --distinct instances of bobbin's (10,000), so many differ and the others share their keys, so that the
first run ends in time; each is planned, keyed and looked up all the same.

Nothing is installed. What isn't there is said and left out: apt-get install ninja-build; pip install dvc snakemake.
Tools that need more than --patience seconds (120) for a size are not tried at larger ones.
"""

import argparse
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from engine import PIPELINE

LAYERS = (
    PIPELINE
    + """\
  next:
    matrix: {{ of: "${{step}}" }}
    run: cat ${{matrix.of.text}} > ${{out.text}}
    outputs: {{ text: text.txt }}
  last:
    run: cat ${{next}} > ${{out.text}}
    outputs: {{ text: text.txt }}
"""
)


def measured(arguments, folder, environment=None):
    """(seconds on the clock, processor seconds, resident bytes at most) of a process and those that it waited for"""
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen(
            [str(argument) for argument in arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=errors,
            env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            end = errors.read()[-500:].decode(errors="replace")
            raise SystemExit(f"{' '.join(map(str, arguments[:3]))}: status {process.returncode}: {end}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def edges(count, graph):
    """(output, input or None for none, or "all") of each command, as every tool has them"""
    if graph == "wide":
        return [(f"s{i}", None) for i in range(count)]
    half = (count - 1) // 2
    return (
        [(f"s{i}", None) for i in range(half)] + [(f"n{i}", f"s{i}") for i in range(half)] + [("last", "all")])


class Bobbin:
    def __init__(self, program, distinct):
        self.program, self.distinct = program, distinct

    def prepare(self, folder, count, graph):
        (folder / "bobbin.yaml").touch()
        count = count if graph == "wide" else (count - 1) // 2
        points = min(count, self.distinct)

        def numbers(count):
            return ", ".join(map(str, range(count)))

        text = PIPELINE if graph == "wide" else LAYERS
        (folder / "p.yaml").write_text(text.format(points=numbers(points), copies=numbers(count // points)))
        self.again(folder)

    def again(self, folder):
        return measured([self.program, "run", "p.yaml", "--quiet"], folder)


class BobbinStatus(Bobbin):
    def again(self, folder):
        return measured([self.program, "status", "p.yaml"], folder)


class Ninja:
    def __init__(self, program):
        self.program = program

    def prepare(self, folder, count, graph):
        lines = [
            "rule step\n  command = echo $out > $out", "rule next\n  command = cat $in > $out",
            "rule last\n  command = true > $out"]
        edge = edges(count, graph)
        for output, source in edge:
            if source == "all":
                names = " ".join(name for name, _ in edge if name.startswith("n"))
                lines.append(f"build {output}: last | {names}")
            else:
                lines.append(f"build {output}: next {source}" if source else f"build {output}: step")
        (folder / "build.ninja").write_text("\n".join(lines) + "\n")
        self.again(folder)

    def again(self, folder):
        return measured([self.program, "--quiet"], folder)


class Written:
    """A tool that is told that what lies there is what its commands made."""

    def write(self, folder, count, graph):
        for output, source in edges(count, graph):
            (folder / output).write_text("" if source == "all" else output.replace("n", "s") + "\n")


class DVC(Written):
    def __init__(self, program):
        self.program = program

    def prepare(self, folder, count, graph):
        lines = ["stages:"]
        edge = edges(count, graph)
        for output, source in edge:
            sources = [name for name, _ in edge if name.startswith("n")] if source == "all" else [source]
            command = f"echo {output} > {output}" if source is None else f"cat {sources[0]} > {output}"
            lines += [f"  {output}:", f"    cmd: {command}"]
            if source:
                lines.append(f"    deps: [{', '.join(sources)}]")
            lines.append(f"    outs: [{output}]")
        (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")
        self.write(folder, count, graph)
        measured([self.program, "init", "--no-scm", "--quiet"], folder)
        measured([self.program, "config", "core.analytics", "false"], folder)
        measured([self.program, "commit", "--force", "--quiet"], folder)

    def again(self, folder):
        return measured([self.program, "repro", "--quiet"], folder)


class Snakemake(Written):
    def __init__(self, program):
        self.program = program

    def prepare(self, folder, count, graph):
        half = (count - 1) // 2
        text = f"rule all:\n    input: expand('s{{i}}', i=range({count}))\n" if graph == "wide" else (
            f"rule last:\n    input: expand('n{{i}}', i=range({half}))\n    output: 'last'\n    shell: 'true > last'\n"
            "rule next:\n    input: 's{i}'\n    output: 'n{i}'\n    shell: 'cat {input} > {output}'\n")
        text += "rule step:\n    output: 's{i}'\n    shell: 'echo {output} > {output}'\n"
        (folder / "Snakefile").write_text(text)
        self.write(folder, count, graph)
        measured([self.program, "--cores", "1", "--quiet", "all", "--touch"], folder)

    def again(self, folder):
        return measured([self.program, "--cores", "1", "--quiet", "all"], folder)


def drawing(results):
    """Seconds over instances, both logarithmic, where what costs the same for each instance is a straight line."""
    points = [(size, seconds) for line in results.values() for size, seconds in line]
    low, high = (round(f(math.log10(size) for size, _ in points)) for f in (min, max))
    bottom = math.floor(min(math.log10(seconds) for _, seconds in points))
    top = math.ceil(max(math.log10(seconds) for _, seconds in points))
    width, height, left, lower = 560, 360, 60, 320

    def x(size):
        return left + (math.log10(size) - low) / max(1, high - low) * 340

    def y(seconds):
        return lower - (math.log10(seconds) - bottom) / max(1, top - bottom) * 290

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif"'
        ' font-size="12"><rect width="100%" height="100%" fill="white"/>']
    for power in range(low, high + 1):
        parts.append(f'<text x="{x(10**power):.0f}" y="340" text-anchor="middle">{10**power:,}</text>')
    for power in range(bottom, top + 1):
        place = y(10.0**power)
        parts.append(f'<line x1="{left}" x2="400" y1="{place:.1f}" y2="{place:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{place + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>')
    colours = ["#0072b2", "#56b4e9", "#d55e00", "#009e73", "#cc79a7"]
    for (name, line), colour in zip(results.items(), colours):
        if not line:
            continue
        path = " ".join(f"{x(size):.1f},{y(seconds):.1f}" for size, seconds in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for size, seconds in line:
            parts.append(f'<circle cx="{x(size):.1f}" cy="{y(seconds):.1f}" r="3" fill="{colour}"/>')
        size, seconds = line[-1]
        parts.append(f'<text x="{x(size) + 8:.1f}" y="{y(seconds) + 4:.1f}" fill="{colour}">{name}</text>')
    parts.append('<text x="230" y="356" text-anchor="middle">instances, all up to date</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bobbin")
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--graph", choices=["wide", "layers"], default="wide")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--distinct", type=int, default=10_000)
    parser.add_argument("--patience", type=float, default=120)
    parser.add_argument("--plot", help="where to draw the seconds on the clock, as SVG")
    for tool in ("ninja", "dvc", "snakemake"):
        parser.add_argument(f"--{tool}", default=tool, help="where it is")
    options = parser.parse_args()
    bobbin = pathlib.Path(options.bobbin).resolve()
    tools = {"bobbin run": Bobbin(bobbin, options.distinct), "bobbin status": BobbinStatus(bobbin, options.distinct)}
    for name, make in (("ninja", Ninja), ("dvc", DVC), ("snakemake", Snakemake)):
        program = shutil.which(getattr(options, name))
        if program:
            tools[name] = make(pathlib.Path(program).absolute())
        else:
            print(f"{name} isn't here, so it is left out")
    results = {name: [] for name in tools}
    tired = set()
    work = pathlib.Path(tempfile.mkdtemp(prefix="bobbin-scale-"))
    try:
        for size in map(int, options.sizes.split(",")):
            found = {name: [] for name in tools}
            folders = {}
            for name in [name for name in tools if name not in tired]:
                # Both of bobbin's look at one store.
                folders[name] = work / f"{size}-{name.split()[0]}"
                if not folders[name].exists():
                    folders[name].mkdir()
                    start = time.monotonic()
                    tools[name].prepare(folders[name], size, options.graph)
                    if time.monotonic() - start > options.patience and not name.startswith("bobbin"):
                        tired.add(name)
            for _ in range(options.rounds):
                for name, folder in folders.items():
                    found[name].append(tools[name].again(folder))
            for name in folders:
                clock, processor, memory = (statistics.median(values) for values in zip(*found[name]))
                results[name].append((size, clock))
                line = f"{size:>9} {name:<14} {clock:9.3f} s  {processor:9.3f} s of processor {memory / 2**20:8.0f} MiB"
                if name.startswith("bobbin") and found.get("ninja"):
                    line += f"  {clock / statistics.median(values[0] for values in found['ninja']):6.2f} × ninja"
                print(line, flush=True)
            for folder in set(folders.values()):
                shutil.rmtree(folder)
        if options.plot:
            pathlib.Path(options.plot).write_text(drawing(results))
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
