#!/usr/bin/env python3
"""What the same recipe comes to in Bobbin and in PyTorch: accuracies of ResNet-20 on CIFAR-10, standard and adversarial.

    Benchmarks/recipes.py --data DIR [--images 20000] [--epochs 12] [--adversarial-epochs 4] [--seeds 0,1,2]

Bobbin's side is pipelines/recipe.yaml; results stay in its store, so that a second call trains nothing again. Both
sides train on the first --images of the binary files, with the optimiser, rates, augmentation, standardisation and
initial distributions of `bobbin kinds train`; the draws differ. Seeds of the same number have nothing in common but that.
PYTHON names an interpreter that has torch and numpy. Prints a table for pipelines/README.md.
"""

import argparse
import concurrent.futures
import csv
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from against_pytorch import HERE, clean_environment, python_with_torch

ROOT = HERE.parent


def bobbin(options):
    """By regime: by seed: (accuracy, robust accuracy)"""
    settings = {
        "data": options.data, "train": options.images, "test": options.test, "robust": options.robust,
        "epochs": options.epochs, "adversarial_epochs": options.adversarial_epochs, "seeds": f"[{options.seeds}]"}
    arguments = [text for name, value in settings.items() for text in ("--set", f"{name}={value}")]
    program = str(pathlib.Path(options.bobbin).resolve())

    def call(*command):
        return subprocess.run([program, *command, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)

    call("run", "pipelines/recipe.yaml")
    found = {}
    for table, score in (("clean", "accuracy"), ("attacked", "robust_accuracy")):
        path = ROOT / "results" / f"recipe-{table}.csv"
        path.parent.mkdir(exist_ok=True)
        call("get", "pipelines/recipe.yaml", f"{table}_table.csv", "-o", str(path))
        for row in csv.DictReader(io.StringIO(path.read_text())):
            seeds = found.setdefault(row["regime"], {}).setdefault(int(row["seed"]), {})
            seeds[score] = float(row[score])
    return found


def pytorch(options):
    """As `bobbin`; two trainings at a time, on one thread each."""
    command = [python_with_torch(), str(HERE / "pytorch_training.py"), "whole", "--data", options.data, "--images",
               str(options.images), "--test", str(options.test), "--robust", str(options.robust), "--threads", "1"]
    environment = clean_environment() | {"OMP_NUM_THREADS": "1"}

    def train(job):
        regime, seed = job
        more = ["--seed", str(seed), "--epochs", str(options.epochs)]
        if regime == "adversarial":
            more = ["--seed", str(seed), "--epochs", str(options.adversarial_epochs), "--adversarial"]
        printed = subprocess.run(
            command + more, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
        print(f"PyTorch, {regime}, seed {seed}: {printed.strip()}", file=sys.stderr, flush=True)
        return json.loads(printed)

    jobs = [(regime, int(seed)) for regime in options.regimes for seed in options.seeds.split(",")]
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(2, os.cpu_count())) as pool:
        results = list(pool.map(train, jobs))
    found = {}
    for (regime, seed), result in zip(jobs, results):
        found.setdefault(regime, {})[seed] = result
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of CIFAR-10's binary files")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=10_000)
    parser.add_argument("--robust", type=int, default=1_000, help="test images that PGD-20 moves")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--adversarial-epochs", type=int, default=4)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--bobbin", default=ROOT / ".build/release/bobbin")
    options = parser.parse_args()
    options.data = str(pathlib.Path(options.data).resolve())
    options.regimes = ["standard", "adversarial"]
    start = time.monotonic()
    sides = {"Bobbin": bobbin(options), "PyTorch": pytorch(options)}
    print(f"ResNet-20, {options.images} training images, batch 128, {options.epochs} epochs "
          f"({options.adversarial_epochs} adversarial, PGD-10 on half of each batch), seeds {options.seeds}; "
          f"{options.test} test images, {options.robust} of them moved by PGD-20; "
          f"{(time.monotonic() - start) / 60:.0f} minutes for both.\n")
    print("| training, accuracy in % | Bobbin: mean (each seed) | PyTorch: mean (each seed) | difference | aimed at |")
    print("| --- | --- | --- | --- | --- |")
    for regime in options.regimes:
        for score, of in (("accuracy", "clean images"), ("robust_accuracy", "moved images")):
            cells, means = [], []
            for side in ("Bobbin", "PyTorch"):
                values = [100 * result[score] for _, result in sorted(sides[side][regime].items())]
                means.append(statistics.mean(values))
                cells.append(f"{means[-1]:.2f} ({', '.join(f'{value:.2f}' for value in values)})")
            aimed = "within 1" if regime == "standard" and score == "accuracy" else "within 2"
            print(f"| {regime}, {of} | {' | '.join(cells)} | {means[0] - means[1]:+.2f} | {aimed} |")


if __name__ == "__main__":
    main()
