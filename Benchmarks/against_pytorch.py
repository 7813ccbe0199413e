#!/usr/bin/env python3
"""Bobbin beside eager PyTorch on two cores: single steps and whole trainings, taking turns.

    Benchmarks/against_pytorch.py [--cases NAME,NAME] [--rounds 5] [--seconds 5] [--data DIR]

Every round runs every variant of a case once, in another order each time, so that a machine that drifts drifts for
all. PyTorch is measured in both memory layouts, as one process with two threads and as two with one; the best of its
medians counts. Printed are medians over the rounds, ratios of the medians (and the least and the greatest ratio within
a round), and what was left out and why.

Whole trainings are runs of `bobbin run` into empty stores, from start to end; PyTorch's clock starts after its imports.
Their data is CIFAR-10's binary version in --data, or else random images of the same size, on which only the time means
something. PYTHON names an interpreter that has torch and numpy; without it, a virtual environment is made beside this
script with what pip installs. Build Bobbin first: script/build.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent.resolve()
LAYOUTS = ["nchw", "channels-last"]

PIPELINE = """\
version: 1
stages:
  images:
    uses: dataset/cifar10
    with: {{ path: "{data}", train: {images} }}
  model:
    matrix: {{ seed: [{seeds}] }}
    uses: train
    with:
      data: ${{images}}
      architecture: resnet20
      epochs: {epochs}
      augment: [flip, crop]
      seed: ${{matrix.seed}}
{adversary}"""
ADVERSARY = "      adversary: { epsilon: 8/255, step_size: 2/255, steps: 10 }\n"


class LeftOut(Exception):
    """Why a case or a variant can't be measured here."""


@dataclasses.dataclass
class Variant:
    """One way of running a case: `measure` gives images/s, seconds or MB."""
    side: str  # bobbin; pytorch or itself, which it is compared with; other
    label: str
    measure: object
    shown: int = 0  # images that are trained on in all, where the cost of each matters


@dataclasses.dataclass
class Case:
    name: str
    title: str
    unit: str  # images/s and %: more is better; s and MB: less is
    goal: float  # the ratio in Bobbin's favour, or the share, that is aimed at; None: nothing is
    variants: object  # of a Bench


class Bench:
    """The programs, the data and the settings of this run."""

    def __init__(self, options, work):
        self.options, self.work = options, work
        self.bobbin = pathlib.Path(options.bobbin).resolve()
        self.worker = [str(pathlib.Path(options.worker).resolve())] if options.worker else [build_worker()]
        self.python = [python_with_torch(), str(HERE / "pytorch_training.py")]
        self.runs = 0

    @property
    def data(self):
        if not self.options.data:
            folder = self.work / "random-images"
            folder.mkdir()
            rows, draw = 10_000, random.Random(0)
            for file in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"):
                with open(folder / file, "wb") as out:
                    for _ in range(rows):
                        out.write(bytes([draw.randrange(10)]) + draw.randbytes(3072))
            self.options.data = folder
        return pathlib.Path(self.options.data).resolve()

    # Steps

    def steps(self, command, processes):
        """What so many processes at once find."""
        return at_once([command + ["--seconds", str(self.options.seconds)]] * processes)

    def bobbin_steps(self, mode, network, batch, threads, processes=1, compute="fp32"):
        """images/s of all processes together"""
        command = self.worker + [mode, "--architecture", network, "--batch", str(batch), "--threads", str(threads),
                                 "--compute", compute, "--wait"]
        return sum(result["rate"] for result in self.steps(command, processes))

    def pytorch_steps(self, mode, network, batch, layout, threads, processes=1, compute="fp32"):
        """images/s of all processes together"""
        command = self.python + ["steps", "--mode", mode, "--network", network, "--batch", str(batch), "--layout",
                                 layout, "--threads", str(threads), "--compute", compute]
        return sum(result["rate"] for result in self.steps(command, processes))

    def floor_share(self, network, batch, threads):
        """How much of a training step's time its convolutions and matrix products alone would take, in %."""
        found = self.steps(self.worker + ["training", "--architecture", network, "--batch", str(batch), "--threads",
                                          str(threads), "--profile", "--wait"], 1)
        return 100 * found[0]["share"]

    # Whole trainings

    def bobbin_run(self, seeds=(0,), images=None, epochs=None, adversarial=False):
        """(seconds, MB) of `bobbin run` into an empty store; memory is that of the driver and its workers together."""
        self.runs += 1
        folder = self.work / f"run{self.runs}"
        folder.mkdir()
        (folder / "bobbin.yaml").touch()
        (folder / "p.yaml").write_text(PIPELINE.format(
            data=self.data, images=images or self.options.images, epochs=epochs or self.options.epochs,
            seeds=", ".join(map(str, seeds)), adversary=ADVERSARY if adversarial else ""))
        try:
            return watched([str(self.bobbin), "run", "p.yaml", "--quiet"], folder)[:2]
        finally:
            shutil.rmtree(folder)

    def pytorch_run(self, layout, threads, processes=1, images=None, epochs=None, adversarial=False):
        """(seconds of the slower one, MB of one)"""
        command = self.python + [
            "whole", "--data", str(self.data), "--images", str(images or self.options.images), "--epochs",
            str(epochs or self.options.epochs), "--layout", layout, "--threads", str(threads)]
        command += ["--adversarial"] if adversarial else []
        if processes == 1:
            _, memory, printed = watched(command, HERE)
            return json.loads(printed)["seconds"], memory
        return max(result["seconds"] for result in at_once([command] * processes, waits=False)), None


def build_worker():
    print("building the benchmark's worker", file=sys.stderr)
    build = ["swift", "build", "-c", "release", "--product", "training-benchmark"]
    subprocess.run(build, cwd=HERE, check=True, stdout=sys.stderr)
    folder = subprocess.run(build + ["--show-bin-path"], cwd=HERE, check=True, capture_output=True, text=True).stdout
    return str(pathlib.Path(folder.strip()) / "training-benchmark")


def python_with_torch():
    if os.environ.get("PYTHON"):
        return os.environ["PYTHON"]
    environment = HERE / ".venv-pytorch"
    if not (environment / "bin" / "python").exists():
        print("installing PyTorch beside this script", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([environment / "bin" / "pip", "install", "--quiet", "torch", "numpy"], check=True)
    return str(environment / "bin" / "python")


def clean_environment():
    """Without what would set the number of threads or the kernels from outside."""
    prefixes = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "DNNL_", "ONEDNN_")
    return {key: value for key, value in os.environ.items() if not key.startswith(prefixes)}


def environment_for(command):
    """With as many threads of OpenMP as the command says."""
    environment = clean_environment()
    if "--threads" in command:
        environment["OMP_NUM_THREADS"] = command[command.index("--threads") + 1]
    return environment


def fail(process, command, errors):
    errors.seek(0)
    lines = errors.read().strip().splitlines() or ["(it printed nothing)"]
    # 2: what was asked for doesn't exist here.
    if process.returncode == 2:
        raise LeftOut(lines[0])
    raise SystemExit(f"{' '.join(command)}: status {process.returncode}: " + "\n".join(lines[-15:]))


def at_once(commands, waits=True):
    """What each prints; all begin to measure together."""
    errors = [tempfile.TemporaryFile("w+") for _ in commands]
    processes = []
    for command, error in zip(commands, errors):
        processes.append(subprocess.Popen(
            command, cwd=HERE, env=environment_for(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=error,
            text=True))
    try:
        if waits:
            for process, command, error in zip(processes, commands, errors):
                if process.stdout.readline() != "ready\n":
                    process.wait()
                    fail(process, command, error)
            for process in processes:
                process.stdin.write("\n")
                process.stdin.flush()
        printed = []
        for process, command, error in zip(processes, commands, errors):
            printed.append(process.communicate()[0])
            if process.returncode:
                fail(process, command, error)
        return [json.loads(text) for text in printed]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for error in errors:
            error.close()


def watched(command, folder):
    """(seconds, MB, what it printed) of a command; the memory is the most that it and its children had in RAM together,
    looked at twenty times a second."""
    with tempfile.TemporaryFile("w+") as errors, tempfile.TemporaryFile("w+") as output:
        begun = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment_for(command), stdout=output, stderr=errors)
        most, over = 0, threading.Event()

        def watch():
            nonlocal most
            while not over.wait(0.05):
                most = max(most, sum(resident(pid) for pid in family(process.pid)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            process.wait()
            seconds = time.monotonic() - begun
        finally:
            over.set()
            watcher.join()
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            fail(process, command, errors)
        output.seek(0)
        return seconds, most / 1e6, output.read()


def family(pid):
    found, waiting = [], [pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children") as children:
                    waiting += map(int, children.read().split())
        except OSError:
            pass
    return found


def resident(pid):
    try:
        with open(f"/proc/{pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


# The cases

def shape(processes, threads):
    return f"{processes} × {threads} thread{'s' if threads > 1 else ''}"


def steps(name, title, goal, mode, network, batch, arrangements, compute="fp32"):
    """Steps on a batch that stands ready, in each of the arrangements (processes, threads) on both sides."""

    def variants(bench):
        if compute == "bf16" and not processor_flags() & {"avx512_bf16", "amx_bf16"}:
            raise LeftOut("the processor has no bf16 instructions")
        layouts = ["nchw"] if network.startswith("vit") else LAYOUTS
        found = []
        for processes, threads in arrangements:
            found.append(Variant(
                "bobbin", shape(processes, threads),
                lambda p=processes, t=threads: bench.bobbin_steps(mode, network, batch, t, p, compute)))
            for layout in layouts:
                found.append(Variant(
                    "pytorch", f"{layout}, {shape(processes, threads)}",
                    lambda l=layout, p=processes, t=threads: bench.pytorch_steps(mode, network, batch, l, t, p, compute)))
        return found

    return Case(name, f"{title}, batch {batch}", "images/s", goal, variants)


def whole(name, title, goal, trainings, adversarial=False, share=1.0):
    """Trainings from files to a model, one or two at a time; `share` of the images."""

    def variants(bench):
        images = int(bench.options.images * share)
        found = [Variant(
            "bobbin", f"{trainings} training{'s' if trainings > 1 else ''}, one run",
            lambda: bench.bobbin_run(range(trainings), images=images, adversarial=adversarial)[0])]
        for layout in LAYOUTS:
            found.append(Variant(
                "pytorch", f"{layout}, {shape(1, 2)}" + (", twice" if trainings > 1 else ""),
                lambda l=layout: trainings * bench.pytorch_run(l, 2, images=images, adversarial=adversarial)[0]))
            if trainings > 1:
                found.append(Variant(
                    "pytorch", f"{layout}, {shape(2, 1)}",
                    lambda l=layout: bench.pytorch_run(l, 1, 2, images=images, adversarial=adversarial)[0]))
        return found

    return Case(name, title, "s", goal, variants)


def threads(name, title, goal, network, batch):
    """Bobbin alone, with two threads and with one; it is compared with itself. Two trainings that share nothing say what
    two cores of this machine give beyond one: where they are halves of one core, or its clock falls, less than twice.
    """

    def variants(bench):
        return [
            Variant("bobbin", shape(1, 2), lambda: bench.bobbin_steps("training", network, batch, 2)),
            Variant("itself", shape(1, 1), lambda: bench.bobbin_steps("training", network, batch, 1)),
            Variant("other", f"Bobbin, {shape(2, 1)}", lambda: bench.bobbin_steps("training", network, batch, 1, 2))]

    return Case(name, f"{title}, batch {batch}", "images/s", goal, variants)


def floor(name, title, goal, network, batch):
    """Bobbin alone: the share of the floor."""

    def variants(bench):
        return [Variant("bobbin", shape(1, count), lambda t=count: bench.floor_share(network, batch, t))
                for count in (1, 2)]

    return Case(name, f"{title}, batch {batch}", "%", goal, variants)


def memory(name, title, goal):
    """The memory of whole trainings, Bobbin's for one epoch and for three; and what PyTorch has when nothing is done."""

    def variants(bench):
        images = bench.options.images // 4
        found = [
            Variant("bobbin", f"{epochs} epoch{'s' if epochs > 1 else ''}",
                    lambda e=epochs: bench.bobbin_run(images=images, epochs=e)[1]) for epochs in (1, 3)]
        return found + [
            Variant("pytorch", f"{layout}, 1 epoch", lambda l=layout: bench.pytorch_run(l, 2, images=images, epochs=1)[1])
            for layout in LAYOUTS
        ] + [Variant("other", "PyTorch, its imports alone", lambda: watched(bench.python + ["version"], HERE)[1])]

    return Case(name, title, "MB", goal, variants)


def cost(name, title):
    """Bobbin alone: seconds by images and epochs, and what each 1,000 more images cost."""

    def variants(bench):
        images = bench.options.images // 4
        return [
            Variant("bobbin", f"{factor * images} images × {epochs} epochs",
                    lambda f=factor, e=epochs: bench.bobbin_run(images=f * images, epochs=e)[0],
                    shown=factor * images * epochs)
            for factor, epochs in ((1, 2), (2, 2), (1, 4), (4, 2), (1, 8))]

    return Case(name, title, "s", None, variants)


ONE, BOTH = [(1, 2)], [(1, 2), (2, 1)]
CASES = [
    whole("whole-one", "one ResNet-20 training with both cores", 1.6, 1),
    whole("whole-two", "two ResNet-20 trainings", 1.7, 2),
    whole("whole-pgd", "one adversarial ResNet-20 training (PGD-10 on half of each batch, a tenth of the images)", 1.6, 1,
          adversarial=True, share=0.1),
    steps("resnet20-one", "steps of one ResNet-20 training", 1.6, "training", "resnet20", 128, ONE),
    steps("resnet20-two", "steps of ResNet-20 trainings", 1.7, "training", "resnet20", 128, BOTH),
    steps("inference", "ResNet-20 inference", 2.1, "inference", "resnet20", 128, BOTH),
    steps("pgd", "steps of PGD-10 adversarial training of ResNet-20", 1.6, "pgd", "resnet20", 128, BOTH),
    steps("resnet18", "steps of ResNet-18 training", 1.7, "training", "resnet18", 128, BOTH),
    steps("vgg16", "steps of VGG16-BN training", 1.7, "training", "vgg16_bn", 128, BOTH),
    steps("vit", "steps of ViT-tiny/4 training", 1.1, "training", "vit_tiny", 128, BOTH),
    steps("bf16", "steps of ResNet-20 training in bf16 (PyTorch: autocast)", 1.6, "training", "resnet20", 128, BOTH, "bf16"),
    threads("threads", "steps of ResNet-20 training with two threads and with one", 1.85, "resnet20", 128),
    floor("floor", "time of ResNet-20's convolutions alone in that of a training step", 88, "resnet20", 128),
    memory("memory", "peak memory of a ResNet-20 training, batch 128", 1.0),
    cost("cost", "seconds of ResNet-20 trainings, by images and epochs"),
]


# Measuring and telling

def measure(case, bench):
    """Each variant's values, a round at a time."""
    variants = case.variants(bench)
    found = [[] for _ in variants]
    for round in range(bench.options.rounds):
        order = list(range(len(variants)))
        order = order[round % len(order):] + order[:round % len(order)]
        for index in order:
            found[index].append(variants[index].measure())
            value = f"{found[index][-1]:.1f} {case.unit}"
            print(f"{case.name}, round {round + 1}: {variants[index].side}, {variants[index].label}: {value}",
                  file=sys.stderr, flush=True)
    return list(zip(variants, found))


def tell(case, results):
    print(f"\n**{case.title}** (`--cases {case.name}`), {case.unit}\n")
    print("| | median | least … greatest |\n| --- | --- | --- |")
    for variant, values in results:
        name = {"bobbin": "Bobbin, ", "pytorch": "PyTorch, ", "itself": "Bobbin, ", "other": ""}[variant.side]
        print(f"| {name}{variant.label} | {statistics.median(values):.1f} | {min(values):.1f} … {max(values):.1f} |")
    if case.goal is None:
        tell_slopes(results)
        return None
    if {variant.side for variant, _ in results} == {"bobbin"}:
        share = max(statistics.median(values) for _, values in results)
        print(f"\nThe best is {share:.1f} %, aimed at {case.goal}.", flush=True)
        return share
    better = max if case.unit == "images/s" else min

    def best(own):
        sides = ["bobbin"] if own else ["pytorch", "itself"]
        among = [values for variant, values in results if variant.side in sides]
        return better(among, key=statistics.median)

    ours, theirs = best(True), best(False)
    if case.unit == "MB":  # the most that any of its runs needed, against the least of theirs
        ours = max((values for variant, values in results if variant.side == "bobbin"), key=statistics.median)
    if case.unit != "images/s":
        ours, theirs = theirs, ours
    each = [a / b for a, b in zip(ours, theirs)]
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"\nRatio {ratio:.2f} ({min(each):.2f} … {max(each):.2f}), aimed at {case.goal}.", flush=True)
    return ratio


def tell_slopes(results):
    """Seconds of each 1,000 more images shown than in the first row."""
    first, *others = [(variant.shown, statistics.median(values)) for variant, values in results]
    slopes = [1000 * (seconds - first[1]) / (shown - first[0]) for shown, seconds in others]
    print("\nSeconds for each 1,000 images more than in the first row: " + ", ".join(f"{s:.3f}" for s in slopes) + ".",
          flush=True)


def processor_flags():
    return set(processor("flags").split())


def processor(field):
    try:
        with open("/proc/cpuinfo") as info:
            for line in info:
                key, _, value = line.partition(":")
                if key.strip() == field:
                    return value.strip()
    except OSError:
        pass
    return ""


def describe(bench):
    versions = json.loads(subprocess.run(
        bench.python + ["version"], check=True, capture_output=True, text=True, env=clean_environment()).stdout)
    own = subprocess.run(bench.worker + ["version"], check=True, capture_output=True, text=True).stdout.strip()
    wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in processor_flags()]
    print(f"{processor('model name')}, family {processor('cpu family')} model {processor('model')} "
          f"({', '.join(wide)}), {len(os.sched_getaffinity(0))} cores")
    print(f"PyTorch {versions['torch']}, Python {versions['python']}; Bobbin with {own}")
    print(f"{bench.options.rounds} rounds; steps of {bench.options.seconds:g} s; whole trainings of "
          f"{bench.options.images} images × {bench.options.epochs} epochs", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(case.name for case in CASES), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement of steps")
    parser.add_argument("--images", type=int, default=20_000, help="of whole trainings")
    parser.add_argument("--epochs", type=int, default=2, help="of whole trainings")
    parser.add_argument("--data", help="folder of CIFAR-10's binary files; without it, random images")
    parser.add_argument("--bobbin", default=HERE.parent / ".build/release/bobbin")
    parser.add_argument("--worker", help="a training-benchmark that is built already")
    parser.add_argument("--cores", type=int, default=2, help="run on the first so many cores")
    options = parser.parse_args()
    known = {case.name: case for case in CASES}
    wanted = options.cases.split(",")
    for name in wanted:
        if name not in known:
            parser.error(f"no case '{name}'; there are {', '.join(known)}")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.cores])
    work = pathlib.Path(tempfile.mkdtemp(prefix="bobbin-benchmark-"))
    ratios, left_out = [], []
    try:
        bench = Bench(options, work)
        describe(bench)
        for case in map(known.get, wanted):
            try:
                ratio = tell(case, measure(case, bench))
                if ratio is not None:
                    ratios.append((case, ratio))
            except LeftOut as reason:
                left_out.append((case, reason))
    finally:
        shutil.rmtree(work)
    print("\n| case | ratio | aimed at |\n| --- | --- | --- |")
    for case, ratio in ratios:
        print(f"| {case.title} | {ratio:.2f} | {case.goal} |")
    for case, reason in left_out:
        print(f"\nLeft out: {case.name}: {reason}")


if __name__ == "__main__":
    main()
