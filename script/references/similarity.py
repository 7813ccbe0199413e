"""Reference values for Tests/SimilarityTests, computed plainly with NumPy (2.4.6 was used):
python script/references/similarity.py"""
import numpy as np

def centred(a):
    return a - a.mean(0)

def cka(x, y):
    x, y = centred(x), centred(y)
    return np.linalg.norm(y.T @ x) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)

def nuclear(x, y):
    return np.linalg.svd(x.T @ y, compute_uv=False).sum()

def procrustes(x, y):
    x, y = centred(x), centred(y)
    return np.linalg.norm(x) ** 2 + np.linalg.norm(y) ** 2 - 2 * nuclear(x, y)

def cosine(x, y):
    x, y = centred(x), centred(y)
    return nuclear(x / np.linalg.norm(x), y / np.linalg.norm(y))

for seed, n, p, q in [(0, 30, 25, 25), (1, 10, 40, 35), (2, 12, 5, 30)]:
    np.random.seed(seed)
    x, y = np.random.uniform(size=(n, p)), np.random.uniform(size=(n, q))
    x, y = x.astype(np.float32).astype(float), y.astype(np.float32).astype(float)
    c = cosine(x, y)
    print((seed, n, p, q), [f"{v:.10f}" for v in (cka(x, y), procrustes(x, y), np.sqrt(2 - 2 * c), np.arccos(c))])
