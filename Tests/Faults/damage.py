"""Owns trials in which files of the store are damaged behind its back."""

import shutil
import sqlite3
import subprocess
import time

from workbench import Wrong


def flipped(bench, path):
    data = bytearray(path.read_bytes())
    if data:
        data[bench.random.randrange(len(data))] ^= 1 << bench.random.randrange(8)
    replace(path, bytes(data))


def truncated(bench, path):
    replace(path, path.read_bytes()[: bench.random.randrange(max(1, path.stat().st_size))])


def halved(bench, path):
    replace(path, path.read_bytes()[: path.stat().st_size // 2])


def emptied(bench, path):
    replace(path, b"")


def lengthened(bench, path):
    replace(path, path.read_bytes() + b"more")


def edited(bench, path):
    data = path.read_bytes()
    half = len(data) // 2
    replace(path, data[:half] + b"edited"[: len(data) - half] + data[half + 6 :])


def removed(bench, path):
    path.unlink()


def turned_into_a_folder(bench, path):
    path.unlink()
    (path / "inside").mkdir(parents=True)


def turned_into_a_dangling_link(bench, path):
    path.unlink()
    path.symlink_to("nowhere")


def swapped(bench, path):
    other = bench.random.choice(sorted(p for p in path.parent.parent.rglob("*") if p.is_file()))
    mine, theirs = path.read_bytes(), other.read_bytes()
    replace(path, theirs)
    replace(other, mine)


def replace(path, data):
    path.chmod(0o644)
    path.write_bytes(data)


WAYS = [flipped, truncated, emptied, edited, lengthened, removed, turned_into_a_folder, turned_into_a_dangling_link, swapped]


def damaged_blobs(bench, trials):
    """A blob is damaged in one of nine ways, then everything that reads it runs: the right bits, status 0"""
    store = bench.fresh()
    bench.run(store=store)
    for trial in range(trials):
        files = sorted(p for p in (store / "blobs").rglob("*") if p.is_file() and not p.is_symlink())
        if not files:
            raise Wrong("no blobs are left")
        shutil.rmtree(store / "open", ignore_errors=True)
        WAYS[trial % len(WAYS)](bench, bench.random.choice(files))
        tail = trial + 2
        bench.expect_right(bench.run(store=store, tail=tail), tail, WAYS[trial % len(WAYS)].__name__)
        yield


def damaged_open_files(bench, trials):
    """A decompressed copy in open/ is damaged: the right bits, status 0"""
    store = bench.fresh()
    bench.run(store=store)
    for trial in range(trials):
        bench.run(store=store, tail=1000 + trial)
        files = sorted(p for p in (store / "open").glob("*") if p.is_file() and not p.name.startswith("."))
        if not files:
            raise Wrong("nothing is open")
        way = WAYS[trial % (len(WAYS) - 1)]
        way(bench, bench.random.choice(files))
        tail = 2000 + trial
        bench.expect_right(bench.run(store=store, tail=tail), tail, way.__name__)
        yield


def lost_blobs(bench, trials):
    """The folder of all blobs is removed, with and without open/: one rerun of what is needed, the right bits"""
    for trial in range(trials):
        store = bench.fresh()
        bench.run(store=store)
        shutil.rmtree(store / "blobs")
        if trial % 2:
            shutil.rmtree(store / "open", ignore_errors=True)
        bench.expect_right(bench.run(store=store, tail=2), 2)
        yield


def damaged_index(bench, trials):
    """The index is flipped, cut, cut in half or emptied: refused with status 3 and a cure, or right; never wrong bits"""
    for trial in range(trials):
        store = bench.fresh()
        bench.run(store=store)
        for side in ("index.sqlite-wal", "index.sqlite-shm"):
            (store / side).unlink(missing_ok=True)
        (flipped, truncated, emptied, halved)[trial % 4](bench, store / "index.sqlite")
        run = bench.run(store=store, tail=2)
        if run.status == 0:
            bench.expect_right(run, 2)
        elif run.status != 3 or "index" not in run.errors:
            raise Wrong(f"status {run.status}: {run.errors[-400:]}")
        yield


def records_without_blobs(bench, trials):
    """Of a record's blobs the bytes, or all that is known, is gone: what needs them runs again, the right bits"""
    for trial in range(trials):
        store = bench.fresh()
        bench.run(store=store)
        shutil.rmtree(store / "open", ignore_errors=True)
        with sqlite3.connect(store / "index.sqlite") as index:
            table = ("blobs", "inlineBlobs", "members")[trial % 3]
            column = "manifest" if table == "members" else "digest"
            known = [row[0] for row in index.execute(f"SELECT DISTINCT {column} FROM {table}")]
            lost = bench.random.sample(known, min(len(known), 1 + trial % 4))
            index.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(digest,) for digest in lost])
        index.close()
        bench.expect_right(bench.run(store=store, tail=2), 2, f"without {len(lost)} of {table}")
        yield


def removed_stores(bench, trials):
    """The store's folder is removed at a random moment: status 0, 1 or 3, nothing left running, and a rerun is right"""
    whole = bench.run(store=bench.fresh()).seconds
    for trial in range(trials):
        store = bench.fresh()
        if trial % 2:
            bench.run(store=store, tail=2)
        process = bench.start(store=store, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(bench.random.uniform(0, whole))
        # Somebody may write while it is being removed.
        for _ in range(20):
            shutil.rmtree(store, ignore_errors=True)
            if not store.exists():
                break
        run = bench.ended(process)
        if run.status not in (0, 1, 3):
            raise Wrong(f"status {run.status}: {run.errors[-400:]}")
        bench.expect_nothing_running()
        shutil.rmtree(store, ignore_errors=True)
        bench.expect_heals(store)
        yield


TRIALS = [
    (damaged_blobs, 54), (damaged_open_files, 32), (lost_blobs, 4), (damaged_index, 40), (records_without_blobs, 12),
    (removed_stores, 20),
]
