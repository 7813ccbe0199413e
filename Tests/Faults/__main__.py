"""Owns the command line of the fault trials, and their table of counts."""

import argparse
import sys
import time

import clocks
import crowds
import damage
import disks
import garbage
import kills
import remotes
import streams
from workbench import Workbench, Wrong

ALL = (
    kills.TRIALS + crowds.TRIALS + disks.TRIALS + damage.TRIALS + garbage.TRIALS + clocks.TRIALS + remotes.TRIALS
    + streams.TRIALS
)


def main():
    listed = "\n".join(f"  {trial.__name__:<24} {trial.__doc__}" for trial, _ in ALL)
    parser = argparse.ArgumentParser(
        prog="script/faults", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Breaks Bobbin on purpose and counts what held.", epilog=f"trials:\n{listed}")
    parser.add_argument("names", nargs="*", help="which trials; all by default")
    parser.add_argument("--bobbin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--share", type=float, default=1, help="how many of each trial's usual number, 0.1 for a tenth")
    parser.add_argument("--seed", type=int, default=0, help="decides the random moments and places")
    options = parser.parse_args()
    known = {trial.__name__ for trial, _ in ALL}
    if unknown := set(options.names) - known:
        parser.error(f"there is no trial {', '.join(sorted(unknown))}")

    wrong = 0
    print(f"{'trial':<24} {'done':>5} {'wrong':>5} {'seconds':>8}")
    for trial, usual in ALL:
        if options.names and trial.__name__ not in options.names:
            continue
        count = max(1, round(usual * options.share))
        done, problem, start = 0, None, time.monotonic()
        bench = Workbench(options.bobbin, options.seed)
        try:
            for _ in trial(bench, count):
                done += 1
        except Wrong as error:
            problem = f"seed {options.seed}, trial {done + 1}: {error}"
        except disks.Skipped as reason:
            print(f"{trial.__name__:<24} skipped: {reason}")
            continue
        finally:
            bench.close()
        wrong += problem is not None
        print(f"{trial.__name__:<24} {done:>5} {int(problem is not None):>5} {time.monotonic() - start:>8.1f}")
        if problem:
            print(f"  {problem}")
        sys.stdout.flush()
    return 1 if wrong else 0


sys.exit(main())
