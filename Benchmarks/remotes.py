#!/usr/bin/env python3
"""How fast results come from a remote and get there: bobbin beside aws, DVC and curl, on the same service.

    Benchmarks/remotes.py .build/release/bobbin [--dvc PATH] [--aws PATH] [--rounds 3] [--service s3]

Many small: a folder of --blobs files (20,000) of --size bytes (4096) that don't compress. `bobbin cache push` and `pull`
beside `aws s3 cp --recursive` there and back, and `dvc push` and `pull`. One large: a file of --large bytes (2 GiB),
`bobbin cache push` and `pull` beside `curl` there and back. Each pull begins with nothing, and its bytes are compared
with what was pushed. Printed are the medians of seconds on the clock, of whole processes, over interleaved rounds; of
the others the ratio to bobbin's; and the commands.

The service is a real one on this machine, started by Tests/Services and ended with this program: `s3` (OpenStack Swift)
or `nginx`, which has no aws and no DVC. What isn't there is said and left out: pip install awscli dvc dvc-s3.
"""

import argparse
import contextlib
import datetime
import filecmp
import hashlib
import hmac
import os
import pathlib
import random
import shlex
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.parse

SERVICES = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Services"


@contextlib.contextmanager
def service(name, folder):
    """the values that a service's script prints, while it runs; it ends when its standard input closes"""
    process = subprocess.Popen(
        [SERVICES / name, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        values = {}
        for line in process.stdout:
            if line == "ready\n":
                break
            key, _, value = line.rstrip("\n").partition("=")
            values[key] = value
        else:
            raise SystemExit(f"{name} can't be had here")
        yield values
    finally:
        process.stdin.close()
        process.wait()


class Trial:
    """commands that are timed, by what they are called"""

    def __init__(self, environment):
        self.environment = {**os.environ, **environment}
        self.seconds, self.commands = {}, {}

    def run(self, words, folder, name=None):
        words = [str(word) for word in words]
        start = time.monotonic()
        done = subprocess.run(words, cwd=folder, env=self.environment, capture_output=True, text=True)
        seconds = time.monotonic() - start
        if done.returncode:
            raise SystemExit(f"{shlex.join(words)}: status {done.returncode}: {(done.stderr + done.stdout)[-800:]}")
        if name:
            self.seconds.setdefault(name, []).append(seconds)
            self.commands.setdefault(name, shlex.join(words))
            print(f"  {name}: {seconds:.2f} s", flush=True)

    def report(self, title):
        print(f"\n{title}")
        for name, seconds in self.seconds.items():
            own = self.seconds["bobbin " + name.split()[1]]
            ratio = f"{statistics.median(seconds) / statistics.median(own):8.2f}"
            print(f"{name:12} {statistics.median(seconds):9.2f} s {ratio}   {self.commands[name]}")


def same(a, b):
    """whether two files, or two folders of files, have the same bytes"""
    if a.is_file():
        return filecmp.cmp(a, b, shallow=False)
    names = sorted(os.listdir(a))
    return names == sorted(os.listdir(b)) and not any(filecmp.cmpfiles(a, b, names, shallow=False)[1:])


def presigned(method, values, name):
    """a URL that lets curl do one thing (Signature V4 in the query: curl takes a key id with a colon for a password)"""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    host = values["ENDPOINT"].removeprefix("http://")
    scope = f"{now[:8]}/{values['REGION']}/s3/aws4_request"
    query = urllib.parse.urlencode(
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{values['KEY_ID']}/{scope}",
            "X-Amz-Date": now, "X-Amz-Expires": "3600", "X-Amz-SignedHeaders": "host",
        }, quote_via=urllib.parse.quote, safe="")
    canonical = f"{method}\n/team/{name}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{values['SECRET']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{values['ENDPOINT']}/team/{name}?{query}&X-Amz-Signature={signature}"


class Bobbin:
    """pushes what a pipeline of one command has made, and pulls it into another store"""

    def __init__(self, program, trial, folder, data):
        self.program, self.trial, self.folder, self.data = program, trial, folder, data
        folder.mkdir()
        (folder / "bobbin.yaml").touch()
        (folder / "p.yaml").write_text(
            "version: 1\nstages:\n  data:\n    run: cp -rL ${in.data} ${out.data}\n"
            f"    inputs: {{ data: {data} }}\n    outputs: {{ data: data }}\n")
        trial.run([program, "run", "p.yaml", "--quiet"], folder)

    def there_and_back(self, place):
        self.trial.run([self.program, "cache", "push", "p.yaml", "--remote", place], self.folder, "bobbin push")
        store = self.folder / "pulled"
        shutil.rmtree(store, ignore_errors=True)
        self.trial.run(
            [self.program, "cache", "pull", "p.yaml", "--remote", place, "--store", store], self.folder,
            "bobbin pull")
        out = self.folder / "out"
        self.trial.run([self.program, "get", "p.yaml", "data", "-o", out, "--store", store], self.folder)
        if not same(self.data, out):
            raise SystemExit("bobbin: other bytes came back")
        shutil.rmtree(out) if out.is_dir() else out.unlink()


def many(options, values, folder, trial):
    data = folder / "data"
    data.mkdir()
    bits = random.Random(1)
    for i in range(options.blobs):
        (data / f"{i:06}.bin").write_bytes(bits.randbytes(options.size))
    bobbin = Bobbin(options.bobbin, trial, folder / "bobbin", data)
    dvc = options.dvc if options.service == "s3" else None
    if dvc:
        (folder / "dvc").mkdir()
        shutil.copytree(data, folder / "dvc" / "data")
        trial.run([dvc, "init", "--no-scm", "--quiet"], folder / "dvc")
        trial.run([dvc, "config", "core.analytics", "false"], folder / "dvc")
        trial.run([dvc, "add", "--quiet", "data"], folder / "dvc")
    for i in range(options.rounds):
        bobbin.there_and_back(f"{values['URL']}/many{i}")
        if options.service != "s3":
            continue
        if options.aws:
            copy = [options.aws, "--endpoint-url", values["ENDPOINT"], "s3", "cp", "--recursive", "--quiet"]
            place, back = f"s3://team/aws{i}", folder / "aws"
            trial.run([*copy, data, place], folder, "aws push")
            trial.run([*copy, place, back], folder, "aws pull")
            if not same(data, back):
                raise SystemExit("aws: other bytes came back")
            shutil.rmtree(back)
        if dvc:
            project = folder / "dvc"
            trial.run([dvc, "remote", "add", "--force", "--default", "place", f"s3://team/dvc{i}"], project)
            trial.run([dvc, "remote", "modify", "place", "endpointurl", values["ENDPOINT"]], project)
            trial.run([dvc, "push", "--quiet"], project, "dvc push")
            shutil.rmtree(project / "data")
            shutil.rmtree(project / ".dvc" / "cache")
            trial.run([dvc, "pull", "--quiet"], project, "dvc pull")
            if not same(data, project / "data"):
                raise SystemExit("dvc: other bytes came back")


def large(options, values, folder, trial):
    data = folder / "large.bin"
    with open(data, "wb") as file:
        left = options.large
        bits = random.Random(2)
        while left > 0:
            file.write(bits.randbytes(min(left, 1 << 24)))
            left -= 1 << 24
    bobbin = Bobbin(options.bobbin, trial, folder / "bobbin", data)
    name = hashlib.sha256(b"large").hexdigest()
    for i in range(options.rounds):
        bobbin.there_and_back(f"{values['URL']}/large{i}")
        if options.service == "s3":
            there, back = (presigned(method, values, f"curl{i}") for method in ["PUT", "GET"])
        else:
            there = back = f"{values['URL']}/curl{i}/cas/{name}"
        copy = folder / "back.bin"
        trial.run(["curl", "-sSf", "-T", data, there], folder, "curl push")
        trial.run(["curl", "-sSf", "-o", copy, back], folder, "curl pull")
        if not same(data, copy):
            raise SystemExit("curl: other bytes came back")
        copy.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bobbin", type=pathlib.Path)
    parser.add_argument("--dvc", default=shutil.which("dvc"))
    parser.add_argument("--aws", default=shutil.which("aws"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--service", choices=["s3", "nginx"], default="s3")
    parser.add_argument("--blobs", type=int, default=20_000, help="0: not tried")
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--large", type=int, default=2 << 30, help="0: not tried")
    options = parser.parse_args()
    options.bobbin = options.bobbin.resolve()
    for tool in ["aws", "dvc"]:
        if options.service == "s3" and not getattr(options, tool):
            print(f"{tool} isn't there and is left out")
    with tempfile.TemporaryDirectory(prefix="bobbin-remotes-") as root:
        root = pathlib.Path(root)
        with service(options.service, root / "service") as values:
            environment = {}
            if options.service == "s3":
                environment = {
                    "AWS_ACCESS_KEY_ID": values["KEY_ID"], "AWS_SECRET_ACCESS_KEY": values["SECRET"],
                    "AWS_REGION": values["REGION"], "AWS_DEFAULT_REGION": values["REGION"],
                    "AWS_ENDPOINT_URL": values["ENDPOINT"],
                    # What this service doesn't know.
                    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
                    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
                }
            for title, count, task in [
                (f"{options.blobs} files of {options.size} bytes", options.blobs, many),
                (f"one file of {options.large} bytes", options.large, large),
            ]:
                if count:
                    trial = Trial(environment)
                    with tempfile.TemporaryDirectory(dir=root) as folder:
                        task(options, values, pathlib.Path(folder), trial)
                    trial.report(f"{title} ({options.service})")


if __name__ == "__main__":
    main()
