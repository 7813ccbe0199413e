#!/usr/bin/env python3
"""What a cluster does to a run, on a real Slurm of two nodes on this machine (Tests/Services/slurm; as root):
the quickstart's digests beside those of a local run; the driver killed in the middle and started again; a node killed; 500
instances, with the calls of sbatch and the driver's time. Takes a few minutes.

    Benchmarks/slurm.py [--bobbin .build/release/bobbin] [--skip-quickstart] [--instances 500]
"""
import argparse
import collections
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
options = argparse.ArgumentParser()
options.add_argument("--bobbin", default=os.path.join(root, ".build/release/bobbin"))
options.add_argument("--skip-quickstart", action="store_true")
options.add_argument("--instances", type=int, default=500)
options = options.parse_args()
bobbin = os.path.abspath(options.bobbin)
folder = tempfile.mkdtemp(prefix="bobbin-slurm-")
# Munge's user has its folder in there.
os.chmod(folder, 0o711)
failed = []


def check(name, holds, what=""):
    print(f"{'ok  ' if holds else 'FAIL'} {name} {what}".rstrip(), flush=True)
    if not holds:
        failed.append(name)


def project(name, pipeline):
    place = os.path.join(folder, name)
    os.makedirs(place)
    with open(os.path.join(place, "bobbin.yaml"), "w") as f:
        f.write(f"cache: {{ index: {folder}/index }}\n")
    with open(os.path.join(place, "p.yaml"), "w") as f:
        f.write(pipeline)
    return place


def start(place, *words, executor="slurm"):
    return subprocess.Popen(
        [bobbin, "run", "p.yaml", "--executor", executor, "--json", "--keep-going", *words], cwd=place,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)


def result(process):
    return json.loads(process.communicate()[0])


def begun(place):
    try:
        with open(os.path.join(place, "begun")) as f:
            return collections.Counter(f.read().split())
    except FileNotFoundError:
        return collections.Counter()


def until(holds, seconds=300):
    end = time.time() + seconds
    while not holds():
        if time.time() > end:
            sys.exit("it never happened")
        time.sleep(0.05)


def processes(node):
    """Those that Slurm runs on a node, and their parents, which watch them."""
    found = set()
    for place in glob.glob("/proc/[0-9]*"):
        try:
            with open(place + "/environ", "rb") as f:
                if f"SLURMD_NODENAME={node}".encode() not in f.read().split(b"\0"):
                    continue
            with open(place + "/stat") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{parent}/cmdline") as f:
                if "slurmstepd" in f.read():
                    found.add(parent)
            found.add(int(place.rpartition("/")[2]))
        except OSError:
            pass
    return found


SLOW = """
version: 1
stages:
  slow:
    matrix: { n: [%s] }
    run: echo ${matrix.n} >> "$BEGUN"; sleep %d; echo ${matrix.n} > ${out.text}
    environment: [BEGUN]
    outputs: { text: slow.txt }
"""


def calls():
    try:
        with open(folder + "/calls") as f:
            return f.read().count("\n")
    except FileNotFoundError:
        return 0


def kill_driver():
    place = project("killed", SLOW % (", ".join(map(str, range(12))), 6))
    environment["BEGUN"] = place + "/begun"
    driver = start(place)
    until(lambda: len(begun(place)) >= 6)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = calls()
    report = result(start(place))
    check("a killed driver's successor executes all", report["executed"] == 12 and report["failed"] == 0)
    check("nothing that ran or runs is submitted again", calls() == before and set(begun(place).values()) == {1})


def kill_node():
    place = project("node", SLOW % (", ".join(map(str, range(8))), 20))
    environment["BEGUN"] = place + "/begun"
    driver = start(place)
    until(lambda: len(begun(place)) == 8)
    with open(cluster_folder + "/n1.pid") as f:
        os.kill(int(f.read()), signal.SIGKILL)
    for process in processes("n1"):
        os.kill(process, signal.SIGKILL)
    report = result(driver)
    again = [n for n, count in begun(place).items() if count == 2]
    check("what a killed node ran runs again, once", len(again) == 4 and max(begun(place).values()) == 2,
          f"({len(again)} of 8)")
    check("and all is executed", report["executed"] == 8 and report["failed"] == 0)


def many():
    place = project("many", """
version: 1
stages:
  n:
    matrix: { n: [%s] }
    run: echo ${matrix.n} > ${out.text}
    outputs: { text: n.txt }
""" % ", ".join(map(str, range(options.instances))))
    before = calls()
    driver = subprocess.Popen(
        [bobbin, "run", "p.yaml", "--executor", "slurm", "--quiet"], cwd=place, stdout=subprocess.PIPE, env=environment)
    began = time.time()
    line = driver.stdout.read().decode().strip()
    _, _, usage = os.wait4(driver.pid, 0)
    each = (usage.ru_utime + usage.ru_stime) / options.instances * 1000
    print(f"     {line}; {time.time() - began:.1f} s in all")
    check(f"{options.instances} instances: at most 40 calls of sbatch", 0 < calls() - before <= 40, f"({calls() - before})")
    check("under 10 ms of driver time each", each < 10, f"({each:.2f} ms, sbatch and squeue included)")


def quickstart():
    with open(os.path.join(root, "pipelines/quickstart.yaml")) as f:
        pipeline = f.read()
    there = result(start(project("quickstart", pipeline)))
    here = result(start(project("local", pipeline), executor="local"))

    def digests(report):
        return {i["name"]: i["artifacts"] for i in report["instances"]}

    check("the quickstart gives the digests of a local run",
          there["failed"] == 0 and there["executed"] == here["executed"] and digests(there) == digests(here),
          f"({there['executed']} executed in {there['seconds']:.0f} s, here in {here['seconds']:.0f} s)")


environment = dict(os.environ)
cluster_folder = os.path.join(folder, "cluster")
service = subprocess.Popen(
    [os.path.join(root, "Tests/Services/slurm"), cluster_folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
try:
    for line in service.stdout:
        if line.startswith("SLURM_CONF="):
            environment["SLURM_CONF"] = line.strip().partition("=")[2]
        if line.strip() == "ready":
            break
    else:
        sys.exit(service.wait())
    # Calls of sbatch are counted on their way.
    os.makedirs(folder + "/bin")
    with open(folder + "/bin/sbatch", "w") as f:
        f.write(f'#!/bin/sh\necho >> {folder}/calls\nexec {shutil.which("sbatch")} "$@"\n')
    os.chmod(folder + "/bin/sbatch", 0o755)
    environment["PATH"] = f"{folder}/bin:{environment['PATH']}"
    many()
    kill_driver()
    if not options.skip_quickstart:
        quickstart()
    kill_node()
finally:
    service.stdin.close()
    service.wait()
    shutil.rmtree(folder, ignore_errors=True)
sys.exit(f"{len(failed)} failed" if failed else 0)
