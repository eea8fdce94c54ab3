# Reference values for paired permutation tests, eigenvectors, truncated matrices, silhouettes, the linear probe and t-SNE.
#
# Python 3.11, numpy 2.4, scipy 1.17, scikit-learn 1.7 or later:  python make_geometry.py
import json
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.spatial.distance import squareform
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from sklearn.manifold import TSNE
from sklearn.manifold._t_sne import _joint_probabilities
from sklearn.metrics import silhouette_samples

rng = np.random.default_rng(13)


def f32(x):
    return np.asarray(x, dtype=np.float32).astype(np.float64)


def permutation(size):
    x, y = rng.integers(0, 2, size), rng.integers(0, 2, size)
    result = stats.permutation_test((x, y), lambda a, b: np.mean(a - b), permutation_type="samples",
                                    n_resamples=np.inf)
    return dict(differences=(x - y).astype(float).tolist(), p=float(min(1, result.pvalue)))


def maxima(size, layers):
    # SciPy exchanges x and y within pairs in every way; what it exchanges here are numbers that say so.
    own = np.random.default_rng(size)
    differences = own.integers(-1, 2, (layers, size)).astype(float)
    x = np.arange(size)

    def greatest(x, y):
        return np.abs(differences @ np.where(x < size, 1, -1)).max()

    null = stats.permutation_test((x, x + size), greatest, permutation_type="samples", n_resamples=np.inf,
                                  alternative="greater").null_distribution
    observed = np.abs(differences.sum(1))
    return dict(differences=differences.tolist(), corrected=[float((null >= o - 1e-9).mean()) for o in observed])


def truncation(heads, rows, columns, rank):
    own = np.random.default_rng(rank + 10 * rows)
    state = f32(own.normal(size=(heads, rows, columns)))
    u, s, v = np.linalg.svd(state, full_matrices=False)
    kept = (u[..., :rank] * s[:, None, :rank]) @ v[:, :rank]
    return dict(state=state.ravel().tolist(), heads=heads, rows=rows, columns=columns, rank=rank,
                kept=kept.ravel().tolist())


def eigen(size):
    a = f32(rng.normal(size=(size, size)))
    a = a @ a.T
    values, vectors = np.linalg.eigh(a)
    order = np.argsort(-values)
    return dict(matrix=a.tolist(), values=values[order].tolist(), vectors=vectors[:, order].T.tolist())


def points():
    centres = rng.normal(size=(4, 7)) * 1.2
    labels = np.repeat(np.arange(4), 9)
    return f32(centres[labels] + rng.normal(size=(36, 7))), labels


def probe(x, labels, folds, alpha):
    predicted = np.zeros(len(labels), int)
    for fold in range(folds):
        test = np.arange(len(labels)) % folds == fold
        predicted[test] = RidgeClassifier(alpha=alpha).fit(x[~test], labels[~test]).predict(x[test])
    return predicted.tolist()


def embedding(x, perplexity):
    distances = np.maximum(((x[:, None] - x[None]) ** 2).sum(-1), 0)
    tsne = TSNE(n_components=2, perplexity=perplexity, method="exact", init="pca", random_state=0,
                max_iter=1000)
    plane = tsne.fit_transform(x)
    p = squareform(_joint_probabilities(distances.astype(np.float32), perplexity, 0))
    return dict(perplexity=perplexity, points=x.tolist(), joint=p.tolist(), plane=plane.astype(float).tolist(),
                divergence=float(tsne.kl_divergence_))


def separated():
    # Groups that lie apart, of which every start finds the same plane; of overlapping ones, such as `points`, scikit-learn's
    # own divergence depends on the seed (0.24 to 0.31).
    own = np.random.default_rng(5)
    return f32(own.normal(size=(3, 7))[np.repeat(np.arange(3), 12)] * 4 + own.normal(size=(36, 7)))


def main():
    x, labels = points()
    document = dict(
        permutations=[permutation(n) for n in (4, 7, 10, 12)],
        maxima=[maxima(n, layers) for n, layers in ((5, 3), (9, 6), (12, 4))],
        truncations=[truncation(*shape) for shape in ((2, 6, 5, 1), (3, 5, 8, 2), (1, 7, 7, 3))],
        eigen=[eigen(n) for n in (1, 2, 5, 20)],
        points=x.tolist(), labels=labels.tolist(),
        silhouette=silhouette_samples(x, labels, metric="cosine").tolist(),
        euclidean=silhouette_samples(x, labels).tolist(),
        probe=probe(x, labels, 5, 1.0), pca=PCA(2).fit_transform(x).tolist(),
        tsne=[embedding(x, 8), embedding(separated(), 15)])
    path = Path(__file__).parent / "geometry.json"
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")


main()
