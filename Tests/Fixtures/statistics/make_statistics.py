# Reference values for Sources/Probes/Statistics, from SciPy, statsmodels and NumPy.
#
# The bootstrap is written here a second time: SplitMix64, FNV-1a and xoshiro256++ from their authors'
# descriptions, draws by Lemire's method on 32 bits (two to a word, upper half first), percentiles by
# numpy.quantile. So statistics.json fixes the exact draws, and the normal-theory interval beside each
# mean says that they are the right ones.
#
# Python 3.11, numpy 2.4.6, scipy 1.17.1, statsmodels 0.15.0:  python make_statistics.py
import json
from pathlib import Path

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

MASK = (1 << 64) - 1
rng = np.random.default_rng(2310)


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


class Xoshiro:
    def __init__(self, key, seed):
        counter = mix((mix(fnv1a(key)) + seed) & MASK)
        self.s = []
        for _ in range(4):
            counter = (counter + 0x9E3779B97F4A7C15) & MASK
            self.s.append(mix(counter))
        self.halves = []

    def next(self):
        rotate = lambda x, k: ((x << k) | (x >> (64 - k))) & MASK
        s = self.s
        result = (rotate((s[0] + s[3]) & MASK, 23) + s[0]) & MASK
        t = s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
        return result

    def below(self, bound):
        while True:
            if not self.halves:
                word = self.next()
                self.halves = [word & 0xFFFFFFFF, word >> 32]
            product = self.halves.pop() * bound
            if product & 0xFFFFFFFF >= (1 << 32) % bound:
                return product >> 32


def draws(key, seed, strata, resamples):
    generator = Xoshiro(key, seed)
    return np.array([[start + generator.below(size) for start, size in strata for _ in range(size)]
                     for _ in range(resamples)])


def means(values, weights, cluster, count, drawn):
    """The weighted mean in each resample; a value that is None does not count."""
    sums, totals = np.zeros(count), np.zeros(count)
    for row, value in enumerate(values):
        if value is not None:
            sums[cluster[row]] += weights[row] * value
            totals[cluster[row]] += weights[row]
    with np.errstate(invalid="ignore"):
        return sums[drawn].sum(1) / totals[drawn].sum(1)


def scipy_interval(values, cluster, count):
    """SciPy's own bootstrap of the mean over clusters, 100,000 resamples, and its standard error."""
    sums, totals = np.zeros(count), np.zeros(count)
    for place, value in zip(cluster, values):
        if value is not None:
            sums[place] += value
            totals[place] += 1
    found = stats.bootstrap((sums, totals), lambda s, t, axis=-1: s.sum(axis) / t.sum(axis), paired=True,
                            vectorized=True, n_resamples=100_000, method="percentile",
                            rng=np.random.default_rng(1))
    return dict(interval=[float(v) for v in found.confidence_interval], error=float(found.standard_error))


def interval(resampled):
    resampled = resampled[np.isfinite(resampled)]
    return [float(q) for q in np.quantile(resampled, [0.025, 0.975])]


def bootstrap_cases():
    cases = []
    resamples = 10_000

    # Rows of unequal clusters, some values absent; two series.
    names = [f"q{number}" for number in [7, 3, 11, 2, 30, 4, 19, 5, 23, 1, 8, 100, 12]]
    rows = sorted(rng.integers(0, len(names), 40).tolist() + list(range(len(names))))
    rng.shuffle(rows)
    clusters = [names[row] for row in rows]
    ordered = sorted(names, key=str.encode)
    place = [ordered.index(name) for name in clusters]
    a = [None if rng.random() < 0.1 else round(rng.normal(), 3) for _ in rows]
    b = [round(2 + rng.normal(), 3) for _ in rows]
    drawn = draws("clusters", 1, [(0, len(names))], resamples)
    one = [1.0] * len(rows)
    ma = means(a, one, place, len(names), drawn)
    mb = means(b, one, place, len(names), drawn)
    cases.append(dict(
        key="clusters", seed=1, clusters=clusters, strata=None, weights=None, a=a, b=b,
        mean=interval(ma), difference=interval(ma - mb), ratio=interval(ma / mb),
        value=float(np.mean([v for v in a if v is not None])), scipy=scipy_interval(a, place, len(names))))

    # Three tasks of unequal size that count the same; outcomes 0 and 1.
    sizes = {"z-task": 6, "a-task": 9, "m-task": 15}
    strata, clusters = [], []
    for task, size in sizes.items():
        strata += [task] * size
        clusters += [f"query {number % 5}" for number in range(size)]
    weights = [1 / sizes[task] for task in strata]
    a = [float(rng.random() < 0.8) for _ in strata]
    b = [float(rng.random() < 0.9) for _ in strata]
    pairs = sorted(set(zip(strata, clusters)), key=lambda p: (p[0].encode(), p[1].encode()))
    place = [pairs.index(pair) for pair in zip(strata, clusters)]
    bounds = [(0, 5), (5, 5), (10, 5)]
    drawn = draws("tasks/ü", 2**63 + 5, bounds, resamples)
    ma, mb = means(a, weights, place, 15, drawn), means(b, weights, place, 15, drawn)
    per_task = [np.mean([v for v, s in zip(a, strata) if s == task]) for task in sizes]
    cases.append(dict(
        key="tasks/ü", seed=str(2**63 + 5), clusters=clusters, strata=strata, weights=weights, a=a,
        b=b, mean=interval(ma), difference=interval(ma - mb), ratio=interval(ma / mb),
        value=float(np.mean(per_task))))

    # Many independent rows: the percentile interval must be the normal one within its noise.
    a = [round(float(v), 4) for v in rng.gamma(4, 1, 300)]
    b = [round(5 + float(v), 4) for v in rng.normal(0, 1, 300)]
    clusters = [f"{number:03d}" for number in range(300)]
    drawn = draws("normal", 0, [(0, 300)], resamples)
    one = [1.0] * 300
    ma, mb = (means(v, one, list(range(300)), 300, drawn) for v in (a, b))
    cases.append(dict(
        key="normal", seed=0, clusters=clusters, strata=None, weights=None, a=a, b=b,
        mean=interval(ma), difference=interval(ma - mb), ratio=interval(ma / mb),
        value=float(np.mean(a)), standardError=float(stats.sem(a)),
        normal=[float(v) for v in stats.norm.interval(0.95, np.mean(a), stats.sem(a))]))
    return cases


def kendall_cases():
    cases = []
    for size, levels in [(2, 2), (3, 3), (5, 2), (10, 3), (40, 5), (40, 1000), (300, 17), (301, 4)]:
        for _ in range(3):
            x = rng.integers(0, levels, size) / 4
            y = np.round(x + rng.integers(0, levels, size) * rng.choice([-1.0, 1.0]), 3)
            tau = stats.kendalltau(x, y, variant="b").statistic
            cases.append(dict(x=x.tolist(), y=y.tolist(), tau=None if np.isnan(tau) else float(tau)))
    x = rng.normal(size=60)
    y = x + rng.normal(size=60)
    cases.append(dict(x=x.tolist(), y=y.tolist(), tau=float(stats.kendalltau(x, y).statistic)))
    return cases


def main():
    proportions = [
        dict(successes=k, trials=n, interval=[
            float(v) for v in proportion_confint(k, n, alpha=0.05, method="wilson")])
        for n in [1, 2, 7, 50, 192, 900, 100_000] for k in sorted({0, 1, n // 3, n // 2, n - 1, n})]
    tests = [
        dict(onlyFirst=b, onlySecond=c, p=float(mcnemar([[0, b], [c, 0]], exact=True).pvalue))
        for b, c in [(0, 1), (1, 0), (5, 5), (0, 6), (3, 11), (40, 61), (200, 300), (900, 1100),
                     (0, 1000), (5000, 5200), (1, 1100)]]
    lists = [[1.5], [1e16, 1.0, -1e16], [2.0, 2.0, 2.0], rng.normal(3, 2, 101).tolist(),
             rng.integers(0, 5, 40).astype(float).tolist()]
    moments = [
        dict(values=values, mean=float(sum(map(lambda v: __import__("fractions").Fraction(v), values))
                                       / len(values)),
             sd=float(np.std(values, ddof=1)) if len(values) > 1 else None,
             quantiles=[dict(probability=p, value=float(np.quantile(values, p)))
                        for p in [0, 0.025, 0.25, 0.5, 0.61, 0.975, 1]])
        for values in lists]
    cosines = []
    for size in [1, 3, 16, 17, 100, 129]:
        x, y = rng.normal(size=(2, size)).astype(np.float32).astype(np.float64)
        cosines.append(dict(x=x.tolist(), y=y.tolist(), dot=float(x @ y),
                            cosine=float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))))
    p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.04, 1.0, 0.0002]
    adjusted = dict(p=p, holm=multipletests(p, method="holm")[1].tolist(),
                    benjaminiHochberg=multipletests(p, method="fdr_bh")[1].tolist())
    document = dict(proportions=proportions, mcNemar=tests, moments=moments, cosines=cosines,
                    kendall=kendall_cases(), adjusted=adjusted, bootstrap=bootstrap_cases())
    path = Path(__file__).parent / "statistics.json"
    path.write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n")


main()
