"""Owns trials in which processes are ended at random moments."""

import os
import signal
import time

from workbench import Wrong, children


def undisturbed_seconds(bench):
    return bench.run(store=bench.fresh()).seconds


def signal_all(processes, number):
    """Sends a signal to processes, some of which may have ended meanwhile"""
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            pass


def killed_drivers(bench, trials):
    """SIGKILL to the driver at a random moment: no orphan, and a rerun has the right bits"""
    whole = undisturbed_seconds(bench)
    store = bench.fresh()
    for trial in range(trials):
        if trial % 4 == 0:
            store = bench.fresh()
        process = bench.start(store=store, tail=trial % 3 + 1)
        time.sleep(bench.random.uniform(0, whole))
        process.kill()
        process.wait()
        bench.expect_nothing_running()
        bench.expect_right(bench.run(store=store, tail=trial % 3 + 1), trial % 3 + 1)
        if trial % 4 == 3:
            bench.expect_heals(store)
        yield


def killed_workers(bench, trials):
    """SIGKILL to a worker at a random moment: others go on, and a rerun has the right bits"""
    whole = undisturbed_seconds(bench)
    for _ in range(trials):
        store = bench.fresh()
        process = bench.start("--keep-going", store=store)
        time.sleep(bench.random.uniform(0, whole))
        signal_all(children(process.pid)[:1], signal.SIGKILL)
        if process.wait(120) not in (0, 1):
            raise Wrong(f"the driver ended with status {process.returncode}")
        bench.expect_nothing_running()
        bench.expect_heals(store)
        yield


def interrupted(bench, trials):
    """INT, TERM or HUP at a random moment: status 130 (or 0, when it was done), nothing left, and a rerun is right"""
    whole = undisturbed_seconds(bench)
    for trial in range(trials):
        store = bench.fresh()
        process = bench.start(store=store)
        time.sleep(bench.random.uniform(0.05, whole))
        number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[trial % 3]
        process.send_signal(number)
        # Before it listens, and once it has ended its work, a signal ends it as it ends any program.
        if process.wait(30) not in (0, 130, -number):
            raise Wrong(f"status {process.returncode} after signal {number}")
        bench.expect_nothing_running()
        bench.expect_heals(store)
        yield


def stopped_workers(bench, trials):
    """SIGSTOP to the workers, then SIGKILL to the driver: the stopped ones go too"""
    whole = undisturbed_seconds(bench)
    for _ in range(trials):
        store = bench.fresh()
        process = bench.start(store=store)
        time.sleep(bench.random.uniform(whole / 4, whole))
        signal_all(children(process.pid), signal.SIGSTOP)
        process.kill()
        process.wait()
        bench.expect_nothing_running()
        bench.expect_heals(store)
        yield


TRIALS = [(killed_drivers, 500), (killed_workers, 30), (interrupted, 30), (stopped_workers, 10)]
