# The regression experiment of Lee, Sohn and Lee 2026 (arXiv 2602.23197) in NumPy, with nothing of this project: one layer of
# linear self-attention with merged matrices, pre-trained on prompts of 20 demonstrations, fine-tuned on the points of one
# task in six ways, tested at 0, 1, 2, 5, 10 and 20 demonstrations of that task and of its opposite. The paper's recipe but
# for the batch, 1500 instead of 5000. All six see the same prompts of a step, so that their last iterates scatter together;
# the query alone is the query of the prompt.
#
# One core, one to six minutes a seed.
# Python 3.11, NumPy 2.4.6:  OMP_NUM_THREADS=1 python replicate_paper.py 0 1 2 3 4 5 6 7 > replication.csv
import sys

import numpy as np

D, SHOTS, NOISE = 5, 20, 0.1
BATCH, STEPS, RATE, MOMENTUM, CLIP, DEVIATION, POOL = 1500, 5000, 0.01, 0.9, 1.0, 0.05, 100_000
TEST, TESTED = 400_000, (0, 1, 2, 5, 10, 20)
# Name, whether Q and whether v is trained, the weight of the few-shot loss at the first step.
WAYS = [("zs_all", True, True, 0), ("zs_query_key", True, False, 0), ("zs_value", False, True, 0),
        ("zs_fs_all", True, True, 1), ("zs_fs_query_key", True, False, 1), ("zs_fs_value", False, True, 1)]


def tokens(x, y):
    """Rows (1, x, y), the last row's y hidden; and what was hidden. x: [B, n + 1, d]."""
    z = np.concatenate([np.ones_like(y)[..., None], x, y[..., None]], axis=-1)
    z[:, -1, -1] = 0
    return z, y[:, -1]


def second_moments(z):
    return np.matmul(z.transpose(0, 2, 1), z) / z.shape[1]


def loss_gradient(q, v, query, moments, y):
    """Of the mean of (query Q M v - y)^2, M the mean of z z^T."""
    keys, mixed = query @ q, moments @ v
    slope = 2 * (np.einsum("bi,bi->b", keys, mixed) - y) / len(y)
    return query.T @ (slope[:, None] * mixed), np.einsum("b,bi,bij->j", slope, keys, moments, optimize=True)


class Model:
    def __init__(self, q, v, trains_q, trains_v):
        self.weights = [q.copy(), v.copy()]
        self.trained = [trains_q, trains_v]
        self.velocity = [np.zeros_like(q), np.zeros_like(v)]

    def step(self, gradients):
        """torch.nn.utils.clip_grad_norm_ over what is trained, then torch.optim.SGD."""
        norm = np.sqrt(sum((g * g).sum() for g, own in zip(gradients, self.trained) if own))
        scale = min(1.0, CLIP / (norm + 1e-6))
        for i, own in enumerate(self.trained):
            if own:
                self.velocity[i] = MOMENTUM * self.velocity[i] + scale * gradients[i]
                self.weights[i] = self.weights[i] - RATE * self.velocity[i]


def test_errors(weights, theta, rng, chunk=10_000):
    """Mean squared errors [models, shots]."""
    total = np.zeros((len(weights), len(TESTED)))
    for _ in range(TEST // chunk):
        x = rng.standard_normal((chunk, SHOTS + 1, D))
        z, y = tokens(x, x @ theta + np.sqrt(NOISE) * rng.standard_normal((chunk, SHOTS + 1)))
        for model, (q, v) in enumerate(weights):
            parts = np.matmul(z, (z[:, -1] @ q)[:, :, None])[..., 0] * (z @ v)
            sums = np.cumsum(parts[:, :-1], axis=1)
            for at, n in enumerate(TESTED):
                context = sums[:, n - 1] if n else 0
                total[model, at] += (((context + parts[:, -1]) / (n + 1) - y) ** 2).sum()
    return total / TEST


def replicate(seed):
    rng = np.random.default_rng(seed)
    width = D + 2
    start = Model(DEVIATION * rng.standard_normal((width, width)), DEVIATION * rng.standard_normal(width), True, True)
    for _ in range(STEPS):
        theta = rng.standard_normal((BATCH, D))
        theta /= np.linalg.norm(theta, axis=1, keepdims=True)
        x = rng.standard_normal((BATCH, SHOTS + 1, D))
        y = np.matmul(x, theta[:, :, None])[..., 0] + np.sqrt(NOISE) * rng.standard_normal((BATCH, SHOTS + 1))
        z, y = tokens(x, y)
        start.step(loss_gradient(*start.weights, z[:, -1], second_moments(z), y))
    theta = rng.standard_normal(D)
    theta /= np.linalg.norm(theta)
    points = rng.standard_normal((POOL, D))
    answers = points @ theta + np.sqrt(NOISE) * rng.standard_normal(POOL)
    models = [Model(*start.weights, q, v) for _, q, v, _ in WAYS]
    for step in range(STEPS):
        drawn = rng.integers(0, POOL, (BATCH, SHOTS + 1))
        z, y = tokens(points[drawn], answers[drawn])
        query, moments = z[:, -1], second_moments(z)
        alone = second_moments(z[:, -1:])
        for model, (_, _, _, few) in zip(models, WAYS):
            gradients = loss_gradient(*model.weights, query, alone, y)
            weight = few * (STEPS - 1 - step) / (STEPS - 1)
            if weight > 0:
                added = loss_gradient(*model.weights, query, moments, y)
                gradients = [g + weight * more for g, more in zip(gradients, added)]
            model.step(gradients)
    for task, sign in (("theta_0", 1), ("minus_theta_0", -1)):
        errors = test_errors([m.weights for m in [start] + models], sign * theta, rng)
        for name, row in zip(["pretrained"] + [w[0] for w in WAYS], errors):
            for n, value in zip(TESTED, row):
                print(f"{seed},{name},{task},{n},{value:.6g}", flush=True)


if __name__ == "__main__":
    print("seed,model,task,shots,mse", flush=True)
    for seed in map(int, sys.argv[1:]):
        replicate(seed)
