#!/usr/bin/env python3
"""A grid of stitches in Bobbin and in PyTorch: all pairs of cuts of two ResNet-20s, taking turns.

    Benchmarks/stitching.py --data DIR --models DIR [--cuts stem,stage2.0,stage3.2] [--cases trained,direct] [--rounds 3]
    Benchmarks/stitching.py --data DIR --models DIR --pretrained OTHER_BOBBIN

Bobbin's side is one `bobbin run` of a matrix, timed from start to end, into a store that has the images and the networks
already; PyTorch's is pytorch_stitching.py, which works the way the papers' code does: both networks are run for every
stitch and batch. Its clock begins after its imports and the reading of files. Each stitch is fitted on 1,000 images,
trained ones in 3 epochs of batches of 128, and evaluated on 2,000. Batch norms use running statistics.
- trained: task_loss and fula, with their evaluations
- augmented: the same with flips and crops
- direct: least squares of 100 images
- evaluated: the same with their evaluations
Each on one core, and with --cores 2 on two: Bobbin with two jobs, PyTorch with two threads. Of PyTorch's two memory
layouts the better counts. With --their-cuts PyTorch stitches the pairs of these cuts alone, and its seconds are
multiplied by how many times as many Bobbin stitches: its pairs share nothing. Printed are the medians of the rounds, their ratio, the least and the greatest ratio within a
round, both peaks of memory, and how far the sides' accuracies are apart.

--models has resnet20-cifar10-a.safetensors and -b.safetensors, state dicts with torchvision's names. --pretrained times
pipelines/pretrained.yaml instead, in this Bobbin and in another one. PYTHON names an interpreter that has torch and
numpy. Build Bobbin first: script/build.
"""

import argparse
import csv
import io
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from against_pytorch import HERE, python_with_torch, watched

ROOT = HERE.parent
CUTS = ["stem"] + [f"stage{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
CASES = {
    "trained": (["task_loss", "fula"], True, False, 5),
    "augmented": (["task_loss", "fula"], True, True, 2.5),
    "direct": (["direct"], False, False, 50),
    "evaluated": (["direct"], True, False, 10),
}

PIPELINE = """\
version: 1
stages:
  images:
    uses: dataset/cifar10
    with: {{ path: "{data}" }}
  a:
    uses: model/import
    with: {{ path: "{models}/resnet20-cifar10-a.safetensors", architecture: resnet20, mean: {mean}, std: {std} }}
  b:
    uses: model/import
    with: {{ path: "{models}/resnet20-cifar10-b.safetensors", architecture: resnet20, mean: {mean}, std: {std} }}
  stitched:
    matrix: {{ from: [{cuts}], to: [{cuts}], method: [{methods}] }}
    uses: stitch
    with:
      front: ${{a}}
      from: ${{matrix.from}}
      end: ${{b}}
      to: ${{matrix.to}}
      method: ${{matrix.method}}
      data: ${{images}}
      samples: 1000
      epochs: 3
      batch: 128
      augment: [{augment}]
"""
EVALUATION = """\
  scores:
    matrix: { network: "${stitched}" }
    uses: evaluate
    with: { model: "${matrix.network}", data: "${images}", samples: 2000 }
  table:
    uses: table
    with: { rows: "${scores}" }
"""


class Sides:
    """Both programs and their settings."""

    def __init__(self, options, work):
        self.options, self.work, self.runs = options, work, 0
        self.bobbin = str(pathlib.Path(options.bobbin).resolve())
        self.data, self.models = (str(pathlib.Path(path).resolve()) for path in (options.data, options.models))
        self.cuts = options.cuts.split(",")
        self.their_cuts = (options.their_cuts or options.cuts).split(",")
        self.python = [
            python_with_torch(), str(HERE / "pytorch_stitching.py"), "--data", self.data, "--front",
            f"{self.models}/resnet20-cifar10-a.safetensors", "--end", f"{self.models}/resnet20-cifar10-b.safetensors"]

    def run_bobbin(self, methods, evaluates, augments, threads):
        """(seconds, MB of driver and workers together, accuracies by method and pair)"""
        self.runs += 1
        folder = self.work / f"run{self.runs}"
        folder.mkdir()
        (folder / "bobbin.yaml").touch()
        (folder / "p.yaml").write_text(PIPELINE.format(
            data=self.data, models=self.models, mean=[0.4914, 0.4822, 0.4465], std=[0.2023, 0.1994, 0.2010],
            cuts=", ".join(self.cuts), methods=", ".join(methods), augment="flip, crop" if augments else "")
            + (EVALUATION if evaluates else ""))
        run = [self.bobbin, "run", "p.yaml", "--quiet", "--jobs", str(threads), "--threads", str(threads)]
        try:
            watched(run + ["images", "a", "b"], folder)
            seconds, memory, _ = watched(run, folder)
            found = {}
            if evaluates:
                _, _, text = watched([self.bobbin, "get", "p.yaml", "table.csv"], folder)
                for row in csv.DictReader(io.StringIO(text)):
                    found.setdefault(row["method"], {})[f"{row['from']} {row['to']}"] = float(row["accuracy"])
            return seconds, memory, found
        finally:
            shutil.rmtree(folder)

    def run_pytorch(self, methods, evaluates, augments, threads, layout):
        """(seconds, MB, accuracies by method and pair)"""
        command = self.python + [
            "--cuts", ",".join(self.their_cuts), "--methods", ",".join(methods), "--test", "2000" if evaluates else "0",
            "--layout", layout, "--threads", str(threads)] + (["--augment"] if augments else [])
        _, memory, printed = watched(command, HERE)
        found = json.loads(printed)
        seconds = sum(method["fit"] + method["evaluate"] for method in found.values())
        seconds *= len(self.cuts) ** 2 / len(self.their_cuts) ** 2
        return seconds, memory, {name: method["accuracies"] for name, method in found.items()}


def measure(sides, name, rounds, cores):
    methods, evaluates, augments, goal = CASES[name]
    variants = [("Bobbin", lambda: sides.run_bobbin(methods, evaluates, augments, cores))]
    for layout in sides.options.layouts.split(","):
        variants.append((
            f"PyTorch, {layout}", lambda l=layout: sides.run_pytorch(methods, evaluates, augments, cores, l)))
    results = [[] for _ in variants]
    for round in range(rounds):
        for index in range(len(variants)):
            index = (index + round) % len(variants)
            results[index].append(variants[index][1]())
            print(f"{name}, {cores} core{'s' if cores > 1 else ''}, round {round + 1}: {variants[index][0]}: "
                  f"{results[index][-1][0]:.1f} s, {results[index][-1][1]:.0f} MB", file=sys.stderr, flush=True)
    pairs = len(sides.cuts) ** 2
    print(f"\n**{name}** (`--cases {name}`): {pairs} pairs of cuts × {', '.join(methods)}, {cores} "
          f"core{'s' if cores > 1 else ''}\n\n| | seconds, median | least … greatest | peak, MB |\n| --- | --- | --- | --- |")
    for (label, _), values in zip(variants, results):
        seconds = [value[0] for value in values]
        print(f"| {label} | {statistics.median(seconds):.1f} | {min(seconds):.1f} … {max(seconds):.1f} | "
              f"{max(value[1] for value in values):.0f} |")
    ours = [value[0] for value in results[0]]
    best = min(results[1:], key=lambda values: statistics.median(value[0] for value in values))
    theirs = [value[0] for value in best]
    each = [b / a for a, b in zip(ours, theirs)]
    measured = len(sides.their_cuts) ** 2
    if measured < pairs:
        print(f"\nPyTorch's seconds are those of {measured} pairs times {pairs / measured:g}.")
    print(f"\nRatio {statistics.median(theirs) / statistics.median(ours):.2f} ({min(each):.2f} … {max(each):.2f}), "
          f"aimed at {goal}.", flush=True)
    for method in methods if evaluates else []:
        own, other = results[0][-1][2][method], best[-1][2][method]
        apart = [own[pair] - other[pair] for pair in other]
        print(f"Accuracies of {method}: mean {statistics.mean(own[pair] for pair in other):.4f} and "
              f"{statistics.mean(other.values()):.4f}; apart by {statistics.mean(apart):+.4f} ± "
              f"{statistics.pstdev(apart):.4f} a stitch.", flush=True)


def pretrained(options, work):
    """The seconds of pretrained.yaml as it stands, here and in another Bobbin."""
    found = {}
    for round in range(options.rounds):
        for name, program in (("this", options.bobbin), ("the other", options.pretrained)):
            folder = work / f"pretrained{round}-{name.replace(' ', '')}"
            folder.mkdir()
            (folder / "bobbin.yaml").touch()
            shutil.copy(ROOT / "pipelines" / "pretrained.yaml", folder / "p.yaml")
            command = [str(pathlib.Path(program).resolve()), "run", "p.yaml", "--set",
                       f"data={pathlib.Path(options.data).resolve()}", "--set",
                       f"models={pathlib.Path(options.models).resolve()}"]
            seconds, memory, _ = watched(command, folder)
            shutil.rmtree(folder)
            found.setdefault(name, []).append(seconds)
            print(f"pretrained.yaml, {name}: {seconds:.1f} s, {memory:.0f} MB", flush=True)
    ours, theirs = (statistics.median(found[name]) for name in ("this", "the other"))
    print(f"\nRatio {theirs / ours:.2f}, aimed at 3.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of CIFAR-10's binary files")
    parser.add_argument("--models", required=True, help="folder of the two networks")
    parser.add_argument("--cuts", default=",".join(CUTS), help="every pair of these; all without it")
    parser.add_argument("--their-cuts", help="of these the pairs that PyTorch stitches; all without it")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--layouts", default="nchw,channels-last", help="PyTorch's")
    parser.add_argument("--cores", type=int, choices=[1, 2], default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pretrained", help="another bobbin to time pipelines/pretrained.yaml with")
    parser.add_argument("--bobbin", default=ROOT / ".build/release/bobbin")
    options = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        if options.pretrained:
            pretrained(options, pathlib.Path(work))
        else:
            sides = Sides(options, pathlib.Path(work))
            for name in options.cases.split(","):
                measure(sides, name, options.rounds, options.cores)
    print(f"\n{(time.monotonic() - start) / 60:.0f} minutes.")


if __name__ == "__main__":
    main()
