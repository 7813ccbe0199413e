#!/usr/bin/env python3
"""All measures on all pairs of layers of two networks, beside NumPy and SciPy computing each measure of each pair by
itself, as published implementations do.

    Benchmarks/measures.py [--rows 1000] [--pairs 100] [--threads 1] [--widths 64,64,...]

The layers are random functions of shared factors; widths default to ResNet-18's, pooled. Both sides have --threads
threads. With fewer --pairs than there are, the reference computes so many, spread evenly, and its time is scaled up;
Bobbin always computes all. Printed are both times, their ratio, the largest relative difference of values, and both
sides' seconds by measure. Needs numpy and scipy.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ARGUMENTS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ARGUMENTS.add_argument("--rows", type=int, default=1000)
ARGUMENTS.add_argument("--pairs", type=int, default=100)
ARGUMENTS.add_argument("--threads", type=int, default=1)
ARGUMENTS.add_argument("--widths", default="64,64,64,128,128,256,256,512,512,512")
ARGUMENTS.add_argument("--program", help="a built measures-benchmark; else it is built")
OPTIONS = ARGUMENTS.parse_args()
for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = str(OPTIONS.threads)

import numpy as np
import scipy
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.stats import spearmanr

HERE = pathlib.Path(__file__).parent.resolve()


def centred(a):
    return a - a.mean(0)


def hsic1(k, l):
    n = len(k)
    k, l = k.copy(), l.copy()
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    return ((k * l).sum() + k.sum() * l.sum() / (n - 1) / (n - 2) - 2 / (n - 2) * (k.sum(0) @ l.sum(0))) / n / (n - 3)


def debiased(x, y, batch):
    total = np.zeros(3)
    for i in range(0, len(x) - batch + 1, batch):
        k, l = x[i:i + batch] @ x[i:i + batch].T, y[i:i + batch] @ y[i:i + batch].T
        total += hsic1(k, l), hsic1(k, k), hsic1(l, l)
    return total[0] / np.sqrt(total[1] * total[2])


def linear_cka(x, y):
    x, y = centred(x), centred(y)
    return np.linalg.norm(y.T @ x) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)


def doubly(a):
    return a - a.mean(0) - a.mean(1, keepdims=True) + a.mean()


def rbf_cka(x, y):
    def kernel(a):
        d = pdist(a)
        return doubly(np.exp(-squareform(d) ** 2 / 2 / (0.8 * np.median(d)) ** 2))
    k, l = kernel(x), kernel(y)
    return (k * l).sum() / np.sqrt((k * k).sum() * (l * l).sum())


def nuclear(x, y):
    return np.linalg.svd(x.T @ y, compute_uv=False).sum()


def procrustes(x, y):
    x, y = centred(x), centred(y)
    return (x ** 2).sum() + (y ** 2).sum() - 2 * nuclear(x, y)


def shape(x, y):
    x, y = centred(x), centred(y)
    return nuclear(x / np.linalg.norm(x), y / np.linalg.norm(y))


def permuted(x, y):
    product = x.T @ y
    rows, columns = linear_sum_assignment(product, maximize=True)
    return product[rows, columns].sum()


def permutation_procrustes(x, y):
    x, y = centred(x), centred(y)
    return np.sqrt((x ** 2).sum() + (y ** 2).sum() - 2 * permuted(x, y))


def permutation_angular(x, y):
    x, y = centred(x), centred(y)
    return np.arccos(permuted(x / np.linalg.norm(x), y / np.linalg.norm(y)))


def cosine_similarity(x, y):
    if x.shape != y.shape:
        return None
    return ((x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)).mean()


def aligned_cosine(x, y):
    x, y = centred(x), centred(y)
    d = max(x.shape[1], y.shape[1])
    x, y = (np.pad(a, ((0, 0), (0, d - a.shape[1]))) for a in (x, y))
    return cosine_similarity(x @ scipy.linalg.orthogonal_procrustes(x, y)[0], y)


def basis(x):
    return np.linalg.svd(centred(x), full_matrices=False)


def rho(x, y):
    return np.linalg.svd(basis(x)[0].T @ basis(y)[0], compute_uv=False)


def svcca(x, y):
    def kept(a):
        u, s, _ = basis(a)
        return u[:, :np.searchsorted(np.cumsum(s ** 2), 0.99 * (s ** 2).sum()) + 1]
    return np.linalg.svd(kept(x).T @ kept(y), compute_uv=False).mean()


def pwcca(x, y):
    if x.shape[1] + y.shape[1] >= len(x):
        return None
    u = basis(x)[0]
    a, s, _ = np.linalg.svd(u.T @ basis(y)[0], full_matrices=False)
    alpha = abs((u @ a).T @ centred(x)).sum(1)
    return (alpha * s).sum() / alpha.sum()


def linear_regression(x, y):
    return (np.linalg.norm(basis(y)[0].T @ centred(x)) / np.linalg.norm(centred(x))) ** 2


def overlap(x, y, k=None):
    k = k or max(x.shape[1], y.shape[1])
    return np.linalg.norm(basis(x)[0][:, :k].T @ basis(y)[0][:, :k]) ** 2 / k


def gulp(x, y):
    n = len(x)
    x, y = (np.sqrt(n) * centred(a) / np.linalg.norm(centred(a)) for a in (x, y))
    sx, sy, sxy = x.T @ x / n, y.T @ y / n, x.T @ y / n
    a = np.linalg.solve(sx + 0.01 * np.eye(len(sx)), np.hstack([sx, sxy]))
    b = np.linalg.solve(sy + 0.01 * np.eye(len(sy)), np.hstack([sy, sxy.T]))
    ax, axy, by, byx = a[:, :len(sx)], a[:, len(sx):], b[:, :len(sy)], b[:, len(sy):]
    return (ax * ax.T).sum() + (by * by.T).sum() - 2 * (axy * byx.T).sum()


def correlations(x, y):
    return np.corrcoef(x.T, y.T)[:x.shape[1], x.shape[1]:]


def hard_correlation_match(x, y):
    c = correlations(x, y)
    return c[linear_sum_assignment(c, maximize=True)].mean()


def soft_correlation_match(x, y):
    c = correlations(x, y)
    return (c.max(0).mean() + c.max(1).mean()) / 2


def distance_correlation(x, y):
    a, b = doubly(squareform(pdist(x))), doubly(squareform(pdist(y)))
    return np.sqrt((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean()))


def cosines(x):
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return x @ x.T


def neighbours(x, k=10):
    d = -cosines(x)
    np.fill_diagonal(d, np.inf)
    return d.argsort(1)[:, :k]


def jaccard_term(a, b):
    common = len(set(a) & set(b))
    return common / (len(a) + len(b) - common)


def rank_term(a, b):
    places = {j: s for s, j in enumerate(b, 1)}
    terms = [(r, places[j]) for r, j in enumerate(a, 1) if j in places]
    if not terms:
        return 0
    return sum(2 / (1 + abs(r - s)) / (r + s) for r, s in terms) / sum(1 / m for m in range(1, len(terms) + 1))


def over_samples(term):
    return lambda x, y: np.mean([term(a, b) for a, b in zip(neighbours(x).tolist(), neighbours(y).tolist())])


def second_order_cosine(x, y):
    s, t = cosines(x), cosines(y)
    values = []
    for i, (a, b) in enumerate(zip(neighbours(x), neighbours(y))):
        union = np.union1d(a, b)
        u, v = s[i, union], t[i, union]
        values.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
    return np.mean(values)


def magnitude(x):
    return np.linalg.norm(x.mean(0))


def concentricity(x):
    return (1 - cdist(x, x.mean(0, keepdims=True), "cosine")).mean()


def uniformity(x):
    return np.log((len(x) + 2 * np.exp(-2 * pdist(x, "sqeuclidean")).sum()) / len(x) ** 2)


def difference(number):
    return lambda x, y: abs(number(x) - number(y))


def imd_score(x, y, k=5):
    t = np.logspace(-1, 1, 256)

    def trace(a):
        d = squareform(pdist(a))
        np.fill_diagonal(d, np.inf)
        graph = np.zeros_like(d)
        np.put_along_axis(graph, d.argpartition(k, 1)[:, :k], 1, 1)
        graph = np.maximum(graph, graph.T)
        roots = graph.sum(1) ** -0.5
        return np.exp(-np.outer(t, np.linalg.eigvalsh(np.eye(len(a)) - roots[:, None] * graph * roots))).mean(1)
    return 1e6 * (np.exp(-2 * (t + 1 / t)) * abs(trace(x) - trace(y))).max()


REFERENCE = {
    "linear_cka": linear_cka,
    "linear_cka_debiased": lambda x, y: debiased(x, y, len(x)),
    "linear_cka_minibatch": lambda x, y: debiased(x, y, min(256, len(x))),
    "rbf_cka": rbf_cka,
    "procrustes": procrustes,
    "procrustes_size_and_shape": lambda x, y: np.sqrt(max(0, procrustes(x, y))),
    "procrustes_normalised": lambda x, y: 2 - 2 * shape(x, y),
    "procrustes_normalised_sqrt": lambda x, y: np.sqrt(max(0, 2 - 2 * shape(x, y))),
    "procrustes_angular": lambda x, y: np.arccos(min(1, shape(x, y))),
    "permutation_procrustes": permutation_procrustes,
    "permutation_angular": permutation_angular,
    "cosine_similarity": cosine_similarity,
    "aligned_cosine": aligned_cosine,
    "mean_cca": lambda x, y: rho(x, y).mean(),
    "r2_cca": lambda x, y: (rho(x, y) ** 2).mean(),
    "svcca": svcca,
    "pwcca": pwcca,
    "linear_regression": linear_regression,
    "eigenspace_overlap": overlap,
    "subspace_overlap": lambda x, y: overlap(x, y, 3),
    "gulp": gulp,
    "hard_correlation_match": hard_correlation_match,
    "soft_correlation_match": soft_correlation_match,
    "rsa": lambda x, y: spearmanr(pdist(x, "correlation"), pdist(y, "correlation")).statistic,
    "rsm_norm_difference": lambda x, y: np.linalg.norm(squareform(pdist(x)) - squareform(pdist(y)), 2),
    "distance_correlation": distance_correlation,
    "jaccard_knn": over_samples(jaccard_term),
    "second_order_cosine": second_order_cosine,
    "rank_similarity": over_samples(rank_term),
    "joint_rank_jaccard": over_samples(lambda a, b: jaccard_term(a, b) * rank_term(a, b)),
    "magnitude_difference": difference(magnitude),
    "concentricity_difference": difference(concentricity),
    "uniformity_difference": difference(uniformity),
    "imd_score": imd_score,
}


def layers(rows, widths, seed):
    """Rectified random functions of factors that both networks share."""
    factors = np.random.default_rng(0).normal(size=(rows, 40)) * np.linspace(1, 0.1, 40)
    generator = np.random.default_rng(seed)
    for width in widths:
        values = factors @ generator.normal(size=(40, width)) + generator.normal(size=(rows, width))
        yield np.maximum(values, 0).astype(np.float32)


def program():
    if OPTIONS.program:
        return OPTIONS.program
    subprocess.run(["swift", "build", "-c", "release", "--product", "measures-benchmark"], cwd=HERE, check=True,
                   stdout=sys.stderr)
    return HERE / ".build/release/measures-benchmark"


def main():
    widths = [int(width) for width in OPTIONS.widths.split(",")]
    networks = [list(layers(OPTIONS.rows, widths, seed)) for seed in (1, 2)]
    binary = program()
    with tempfile.TemporaryDirectory() as folder:
        for name, network in zip("xy", networks):
            for i, layer in enumerate(network):
                layer.tofile(pathlib.Path(folder) / f"{name}{i}.f32")
        answer = subprocess.run([binary, folder, str(OPTIONS.rows), str(OPTIONS.threads)], check=True,
                                capture_output=True, text=True).stdout
    values, own, total = {}, {}, None
    for line in answer.splitlines():
        word, *rest = line.split(" ")
        if word == "value":
            values[rest[0], int(rest[1]), int(rest[2])] = float(rest[3])
        elif word == "seconds":
            own[rest[0]] = float(rest[1])
        elif word == "all":
            total = float(rest[0])
    missing = set(own) ^ set(REFERENCE)
    if missing:
        raise SystemExit(f"only one side has {sorted(missing)}")

    pairs = [(i, j) for i in range(len(widths)) for j in range(len(widths))]
    step = max(1, len(pairs) / OPTIONS.pairs)
    chosen = [pairs[int(i * step)] for i in range(min(OPTIONS.pairs, len(pairs)))]
    theirs, worst, refused = dict.fromkeys(REFERENCE, 0.0), (0.0, None), 0
    for i, j in chosen:
        x, y = networks[0][i].astype(float), networks[1][j].astype(float)
        for name, measure in REFERENCE.items():
            start = time.perf_counter()
            value = measure(x, y)
            theirs[name] += time.perf_counter() - start
            if value is None:
                refused += (name, i, j) in values
                continue
            error = abs(values[name, i, j] - value) / max(1e-3, abs(value))
            worst = max(worst, (error, f"{name} {i} {j}"))
    if refused:
        raise SystemExit(f"{refused} values that the reference hasn't")
    scale = len(pairs) / len(chosen)
    reference = sum(theirs.values()) * scale
    print(f"{len(pairs)} pairs x {len(REFERENCE)} measures, {OPTIONS.rows} rows, {OPTIONS.threads} thread(s)")
    print(f"bobbin {total:.1f} s, NumPy {reference:.1f} s (of {len(chosen)} pairs): {reference / total:.1f} times")
    print(f"largest relative difference {worst[0]:.1e} ({worst[1]})")
    for name in sorted(theirs, key=lambda name: -theirs[name]):
        print(f"  {name:28} {own[name]:8.2f} s {theirs[name] * scale:8.1f} s")


if __name__ == "__main__":
    main()
