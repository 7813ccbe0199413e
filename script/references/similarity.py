"""Reference values for Tests/SimilarityTests, each computed plainly by its definition with NumPy and SciPy (2.4.6 and
1.17.1 were used): python script/references/similarity.py > Tests/SimilarityTests/ReferenceValues.swift"""
import math

import numpy as np
import scipy
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

CASES = [(0, 30, 25, 25), (1, 12, 40, 35), (2, 14, 5, 30), (3, 40, 6, 9), (4, 90, 8, 12)]


def centred(a):
    return a - a.mean(0)


def cka_of(k, l):
    n = len(k)
    h = np.eye(n) - 1 / n
    hsic = lambda a, b: np.trace(a @ h @ b @ h) / (n - 1) ** 2
    return hsic(k, l) / math.sqrt(hsic(k, k) * hsic(l, l))


def hsic1(k, l):
    """Song et al. 2012, equation 5."""
    n = len(k)
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    one = np.ones(n)
    return (np.trace(k @ l) + one @ k @ one * (one @ l @ one) / (n - 1) / (n - 2)
            - 2 / (n - 2) * one @ k @ l @ one) / (n * (n - 3))


def minibatch(x, y, batch):
    total = np.zeros(3)
    batch = min(batch, len(x))
    for i in range(0, len(x) - batch + 1, batch):
        k, l = x[i:i + batch] @ x[i:i + batch].T, y[i:i + batch] @ y[i:i + batch].T
        total += hsic1(k, l), hsic1(k, k), hsic1(l, l)
    return total[0] / math.sqrt(total[1] * total[2])


def rbf(x, fraction):
    d = pdist(x)
    return np.exp(-squareform(d) ** 2 / 2 / (fraction * np.median(d)) ** 2)


def padded(x, y):
    d = max(x.shape[1], y.shape[1])
    pad = lambda a: np.pad(a, ((0, 0), (0, d - a.shape[1])))
    return pad(x), pad(y)


def rotation_distance(x, y, scale=True):
    """By the best rotation itself."""
    x, y = padded(centred(x), centred(y))
    if scale:
        x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    r, _ = scipy.linalg.orthogonal_procrustes(x, y)
    return np.linalg.norm(x @ r - y) ** 2


def aligned_cosine(x, y):
    x, y = padded(centred(x), centred(y))
    r, _ = scipy.linalg.orthogonal_procrustes(x, y)
    return np.mean([a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(x @ r, y)])


def cosine(x, y):
    if x.shape != y.shape:
        return None
    return np.mean([a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(x, y)])


def full(x):
    """Whether any other representation is a linear function of this one."""
    return np.linalg.matrix_rank(centred(x)) >= len(x) - 1


def rho(x, y):
    """By the eigenvalues of Σx⁻¹ Σxy Σy⁻¹ Σyx, without a decomposition of x or y."""
    x, y = centred(x), centred(y)
    m = np.linalg.solve(x.T @ x, x.T @ y) @ np.linalg.solve(y.T @ y, y.T @ x)
    return np.sqrt(np.clip(np.sort(np.linalg.eigvals(m).real)[::-1], 0, 1))[:min(x.shape[1], y.shape[1])]


def svcca(x, y, share):
    def kept(a):
        u, s, _ = np.linalg.svd(centred(a), full_matrices=False)
        k = next(k for k in range(1, len(s) + 1) if (s[:k] ** 2).sum() >= share * (s ** 2).sum())
        return None if k >= len(a) - 1 else u[:, :k] * s[:k]
    a, b = kept(x), kept(y)
    return None if a is None or b is None else rho(a, b).mean()


def pwcca(x, y):
    if x.shape[1] + y.shape[1] >= len(x):
        return None
    x, y = centred(x), centred(y)
    d = min(x.shape[1], y.shape[1])
    root = np.real(scipy.linalg.inv(scipy.linalg.sqrtm(x.T @ x)))
    other = np.real(scipy.linalg.inv(scipy.linalg.sqrtm(y.T @ y)))
    u, s, _ = np.linalg.svd(root @ x.T @ y @ other)
    h = x @ root @ u[:, :d]
    alpha = abs(h.T @ x).sum(1)
    return (alpha * s[:d]).sum() / alpha.sum()


def projection(x):
    x = centred(x)
    return x @ np.linalg.pinv(x)


def principal(x, k):
    w, v = np.linalg.eigh(centred(x) @ centred(x).T)
    return v[:, ::-1][:, :k]


def gulp(x, y, penalty):
    n = len(x)
    x, y = centred(x), centred(y)
    x, y = (a * math.sqrt(n) / np.linalg.norm(a) for a in (x, y))
    sx, sy, sxy = x.T @ x / n, y.T @ y / n, x.T @ y / n
    ix, iy = np.linalg.inv(sx + penalty * np.eye(len(sx))), np.linalg.inv(sy + penalty * np.eye(len(sy)))
    return np.trace(ix @ sx @ ix @ sx) + np.trace(iy @ sy @ iy @ sy) - 2 * np.trace(ix @ sxy @ iy @ sxy.T)


def assigned(scores):
    """The best assignment as a linear programme."""
    if scores.shape[0] > scores.shape[1]:
        scores = scores.T
    p, q = scores.shape
    rows, columns = np.kron(np.eye(p), np.ones(q)), np.kron(np.ones(p), np.eye(q))
    found = scipy.optimize.linprog(-scores.ravel(), A_ub=columns, b_ub=np.ones(q), A_eq=rows, b_eq=np.ones(p))
    return -found.fun


def correlations(x, y):
    return np.corrcoef(x.T, y.T)[:x.shape[1], x.shape[1]:]


def permuted(x, y, scale):
    x, y = centred(x), centred(y)
    if scale:
        x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    product = assigned(x.T @ y)
    return math.acos(product) if scale else math.sqrt((x ** 2).sum() + (y ** 2).sum() - 2 * product)


def distance_correlation(x, y):
    """Székely, Rizzo & Bakirov 2007, remark 3, without centring."""
    def covariance(a, b):
        s1 = (a * b).mean()
        s2 = a.mean() * b.mean()
        return s1 + s2 - 2 * (a.mean(0) * b.mean(0)).mean()
    a, b = squareform(pdist(x)), squareform(pdist(y))
    return math.sqrt(covariance(a, b) / math.sqrt(covariance(a, a) * covariance(b, b)))


def neighbours(x, k, metric="cosine"):
    d = squareform(pdist(x, metric))
    np.fill_diagonal(d, np.inf)
    return d.argsort(1)[:, :k].tolist()


def jaccard(a, b):
    return len(set(a) & set(b)) / len(set(a) | set(b))


def ranks(a, b):
    common = [j for j in a if j in b]
    if not common:
        return 0
    terms = [((a.index(j) + 1), (b.index(j) + 1)) for j in common]
    return (sum(2 / (1 + abs(r - s)) / (r + s) for r, s in terms)
            / sum(1 / m for m in range(1, len(common) + 1)))


def over_samples(x, y, k, term, metric="cosine"):
    return np.mean([term(a, b) for a, b in zip(neighbours(x, k, metric), neighbours(y, k, metric))])


def second_order(x, y, k):
    s, t = 1 - squareform(pdist(x, "cosine")), 1 - squareform(pdist(y, "cosine"))
    values = []
    for i, (a, b) in enumerate(zip(neighbours(x, k), neighbours(y, k))):
        union = sorted(set(a) | set(b))
        u, v = s[i, union], t[i, union]
        values.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
    return np.mean(values)


def concentricity(x):
    m = x.mean(0)
    return np.mean([a @ m / np.linalg.norm(a) / np.linalg.norm(m) for a in x])


def uniformity(x, t):
    return math.log(np.mean([math.exp(-t * ((a - b) ** 2).sum()) for a in x for b in x]))


def imd(x, y, k):
    def trace(a, t):
        graph = np.zeros((len(a), len(a)))
        for i, js in enumerate(neighbours(a, k, "euclidean")):
            for j in js:
                graph[i, j] = graph[j, i] = 1
        d = np.diag(graph.sum(1) ** -0.5)
        return np.trace(scipy.linalg.expm(-t * (np.eye(len(a)) - d @ graph @ d))) / len(a)
    return 1e6 * max(math.exp(-2 * (t + 1 / t)) * abs(trace(x, t) - trace(y, t)) for t in np.logspace(-1, 1, 256))


def unless_full(measure, *which):
    return lambda x, y: None if any(full((x, y)[i]) for i in which) else measure(x, y)


both = (0, 1)
ROWS = [
    ("linear_cka", {}, lambda x, y: cka_of(x @ x.T, y @ y.T)),
    ("linear_cka_debiased", {}, lambda x, y: minibatch(x, y, len(x))),
    ("linear_cka_minibatch", {}, lambda x, y: minibatch(x, y, 256)),
    ("linear_cka_minibatch", {"batch": 5}, lambda x, y: minibatch(x, y, 5)),
    ("rbf_cka", {}, lambda x, y: cka_of(rbf(x, 0.8), rbf(y, 0.8))),
    ("rbf_cka", {"bandwidth": 0.3}, lambda x, y: cka_of(rbf(x, 0.3), rbf(y, 0.3))),
    ("procrustes", {}, lambda x, y: rotation_distance(x, y, False)),
    ("procrustes_size_and_shape", {}, lambda x, y: math.sqrt(rotation_distance(x, y, False))),
    ("procrustes_normalised", {}, rotation_distance),
    ("procrustes_normalised_sqrt", {}, lambda x, y: math.sqrt(rotation_distance(x, y))),
    ("procrustes_angular", {}, lambda x, y: math.acos(1 - rotation_distance(x, y) / 2)),
    ("permutation_procrustes", {}, lambda x, y: permuted(x, y, False)),
    ("permutation_angular", {}, lambda x, y: permuted(x, y, True)),
    ("cosine_similarity", {}, cosine),
    ("aligned_cosine", {}, aligned_cosine),
    ("mean_cca", {}, unless_full(lambda x, y: rho(x, y).mean(), *both)),
    ("r2_cca", {}, unless_full(lambda x, y: (rho(x, y) ** 2).mean(), *both)),
    ("svcca", {}, lambda x, y: svcca(x, y, 0.99)),
    ("svcca", {"share": 0.8}, lambda x, y: svcca(x, y, 0.8)),
    ("pwcca", {}, pwcca),
    ("linear_regression", {}, unless_full(
        lambda x, y: np.linalg.norm(projection(y) @ centred(x)) ** 2 / np.linalg.norm(centred(x)) ** 2, 1)),
    ("eigenspace_overlap", {}, unless_full(
        lambda x, y: np.trace(projection(x) @ projection(y)) / max(x.shape[1], y.shape[1]), *both)),
    ("subspace_overlap", {}, lambda x, y: np.linalg.norm(principal(x, 3).T @ principal(y, 3)) ** 2 / 3),
    ("subspace_overlap", {"dimensions": 1},
     lambda x, y: (principal(x, 1).T @ principal(y, 1)).item() ** 2),
    ("gulp", {}, lambda x, y: gulp(x, y, 0.01)),
    ("gulp", {"lambda": 1.0}, lambda x, y: gulp(x, y, 1)),
    ("gulp", {"lambda": 0.0}, unless_full(lambda x, y: gulp(x, y, 0), *both)),
    ("hard_correlation_match", {}, lambda x, y: assigned(correlations(x, y)) / min(x.shape[1], y.shape[1])),
    ("soft_correlation_match", {},
     lambda x, y: (correlations(x, y).max(0).mean() + correlations(x, y).max(1).mean()) / 2),
    ("rsa", {}, lambda x, y: spearmanr(pdist(x, "correlation"), pdist(y, "correlation")).statistic),
    ("rsa", {"distance": "euclidean"}, lambda x, y: spearmanr(pdist(x), pdist(y)).statistic),
    ("rsa", {"distance": "cosine"}, lambda x, y: spearmanr(pdist(x, "cosine"), pdist(y, "cosine")).statistic),
    ("rsm_norm_difference", {}, lambda x, y: np.linalg.norm(squareform(pdist(x) - pdist(y)), 2)),
    ("distance_correlation", {}, distance_correlation),
    ("jaccard_knn", {}, lambda x, y: over_samples(x, y, 10, jaccard)),
    ("jaccard_knn", {"k": 3, "nearness": "euclidean"},
     lambda x, y: over_samples(x, y, 3, jaccard, "euclidean")),
    ("second_order_cosine", {}, lambda x, y: second_order(x, y, 10)),
    ("second_order_cosine", {"k": 3}, lambda x, y: second_order(x, y, 3)),
    ("rank_similarity", {}, lambda x, y: over_samples(x, y, 10, ranks)),
    ("rank_similarity", {"k": 3, "nearness": "euclidean"},
     lambda x, y: over_samples(x, y, 3, ranks, "euclidean")),
    ("joint_rank_jaccard", {}, lambda x, y: over_samples(x, y, 10, lambda a, b: jaccard(a, b) * ranks(a, b))),
    ("joint_rank_jaccard", {"k": 3, "nearness": "euclidean"},
     lambda x, y: over_samples(x, y, 3, lambda a, b: jaccard(a, b) * ranks(a, b), "euclidean")),
    ("magnitude_difference", {},
     lambda x, y: abs(np.linalg.norm(x.mean(0)) - np.linalg.norm(y.mean(0)))),
    ("concentricity_difference", {}, lambda x, y: abs(concentricity(x) - concentricity(y))),
    ("uniformity_difference", {}, lambda x, y: abs(uniformity(x, 2) - uniformity(y, 2))),
    ("uniformity_difference", {"t": 0.5}, lambda x, y: abs(uniformity(x, 0.5) - uniformity(y, 0.5))),
    ("imd_score", {}, lambda x, y: imd(x, y, 5)),
    ("imd_score", {"k": 3}, lambda x, y: imd(x, y, 3)),
]


def setting(value):
    if isinstance(value, str):
        return f'.word("{value}")'
    return f".whole({value})" if isinstance(value, int) else f".number({value})"


def inputs(seed, n, p, q):
    np.random.seed(seed)
    x, y = np.random.uniform(size=(n, p)), np.random.uniform(size=(n, q))
    return x.astype(np.float32).astype(float), y.astype(np.float32).astype(float)


print("""// Owns what measures should be, as script/references/similarity.py printed it.

import Similarity

/// numpy.random.seed, and the shapes n × p and n × q of what numpy.random.uniform gives then, rounded to float32.
let referenceCases: [(seed: UInt32, n: Int, p: Int, q: Int)] = [""")
for case in CASES:
    print(f"  {case},")
print("""]

/// Of each measure with such settings the value in each case; nil: it isn't defined there.
let referenceValues: [(measure: String, settings: [String: MeasureSetting], values: [Double?])] = [""")
for name, settings, measure in ROWS:
    values = [measure(*inputs(*case)) for case in CASES]
    written = ", ".join(f'"{k}": {setting(v)}' for k, v in settings.items()) or ":"
    listed = ", ".join("nil" if v is None else f"{v:.10f}" for v in values)
    print(f'  (\n    "{name}", [{written}],\n    [{listed}]\n  ),')
print("]")
