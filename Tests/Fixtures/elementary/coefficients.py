"""The polynomials of Sources/CKernels/math, made anew: python3 coefficients.py (mpmath 1.3.0).

Each is a minimax fit (Remez exchange, 60 digits) under a weight. For f32, coefficients are rounded from
the lowest up and the remaining ones fitted again after each; for f64 they are simply rounded. Prints C.
"""
import struct
import sys
from mpmath import mp, mpf

mp.dps = 60  # `words` needs more


def round_to(x, bits):
    if bits == 24:
        return mpf(struct.unpack("f", struct.pack("f", float(x)))[0])
    return mpf(float(x))


def remez(f, weight, powers, a, b, iterations=40):
    """Minimises max |weight(x) (f(x) - sum c_i x^powers[i])| over [a, b]."""
    n = len(powers)
    points = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * i / n) for i in range(n + 1)]
    coefficients, bound = None, None
    for _ in range(iterations):
        rows = mp.matrix(n + 1, n + 1)
        right = mp.matrix(n + 1, 1)
        for i, x in enumerate(points):
            for j, p in enumerate(powers):
                rows[i, j] = x**p
            rows[i, n] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = mp.lu_solve(rows, right)
        coefficients = [solution[j] for j in range(n)]
        level = abs(solution[n])

        def error(x):
            return weight(x) * (f(x) - sum(c * x**p for c, p in zip(coefficients, powers)))

        grid = 24 * (n + 1)
        xs = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * i / grid) for i in range(grid + 1)]
        es = [error(x) for x in xs]
        extrema = []
        for i, e in enumerate(es):
            left = es[i - 1] if i else 0
            following = es[i + 1] if i < grid else 0
            if (i == 0 or abs(e) >= abs(left) or e * left < 0) and (
                i == grid or abs(e) >= abs(following) or e * following < 0
            ):
                if extrema and extrema[-1][1] * e > 0:
                    if abs(e) > abs(extrema[-1][1]):
                        extrema[-1] = (xs[i], e)
                else:
                    extrema.append((xs[i], e))
        while len(extrema) > n + 1:
            extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
        if len(extrema) < n + 1:
            break
        points = [x for x, _ in extrema]
        bound = max(abs(e) for _, e in extrema)
        if bound - level < bound / 1000:
            break
    return coefficients, bound


def fit(name, f, weight, powers, a, b, bits):
    a, b = mpf(a), mpf(b)
    fixed, rest = [], list(powers)
    if bits == 53:
        coefficients, _ = remez(f, weight, rest, a, b)
        fixed, rest = [(p, round_to(c, bits)) for p, c in zip(rest, coefficients)], []
    while rest:
        def remaining(x):
            return f(x) - sum(c * x**p for p, c in fixed)
        coefficients, bound = remez(remaining, weight, rest, a, b, 12)
        fixed.append((rest.pop(0), round_to(coefficients[0], bits)))
    grid = [a + (b - a) * i / 2000 for i in range(2001)]
    worst = max(abs(weight(x) * (f(x) - sum(c * x**p for p, c in fixed))) for x in grid)
    suffix = "f" if bits == 24 else ""
    print(f"// {name}: [{mp.nstr(a, 6)}, {mp.nstr(b, 6)}], weighted error {mp.nstr(worst, 3)}")
    for p, c in fixed:
        print(f"  {float(c).hex()}{suffix},  // x^{p}  {mp.nstr(c, 17)}")
    print(flush=True)


def even(g):
    """A series in t = x^2 given as a function of x, evaluated at t; limits at 0 through a small x."""
    return lambda t: g(mp.sqrt(t)) if t > mpf(10) ** -20 else g(mpf(10) ** -10)


one = lambda x: mpf(1)
half_ln2 = mp.log(2) / 2 * mpf("1.0001")


def main(which):
    if which in ("f32", "all"):
        # (e^r - 1 - r) / r^2
        f = lambda r: (mp.exp(r) - 1 - r) / r**2 if abs(r) > 1e-12 else mpf(1) / 2
        fit("exp f32", f, lambda r: r**2 + mpf(10) ** -12, range(5), -half_ln2, half_ln2, 24)
        # tanh(x) = x + x t P(t), t = x^2
        fit("tanh f32", even(lambda x: (mp.tanh(x) - x) / x**3), lambda t: t + mpf(10) ** -12,
            range(5), 0, mpf("0.5625") ** 2, 24)
        # erf(x) = x + x P(t)
        fit("erf f32", even(lambda x: mp.erf(x) / x - 1), one, range(7), 0, mpf("0.9375") ** 2, 24)
        # log(erfc(x)) = -x + x P(x) on [0.9375, 4]: erf = 1 - exp(...)
        fit("erfc f32", lambda x: mp.log(mp.erfc(x)) / x + 1,
            lambda x: x * mp.erfc(x) / mp.erf(x), range(8), mpf("0.9375"), mpf("3.92"), 24)
    if which in ("f64", "all"):
        f = lambda r: (mp.exp(r) - 1 - r) / r**2 if abs(r) > mpf(10) ** -20 else mpf(1) / 2
        fit("exp f64", f, lambda r: r**2 + mpf(10) ** -24, range(11), -half_ln2, half_ln2, 53)
        # log((1+s)/(1-s)) = 2s + s t P(t), t = s^2
        edge = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mpf("1.0001")
        fit("log f64", even(lambda s: (mp.log((1 + s) / (1 - s)) - 2 * s) / s**3),
            lambda t: t + mpf(10) ** -24, range(8), 0, edge**2, 53)
        quarter = mp.pi / 4 * mpf("1.0001")
        fit("sin f64", even(lambda x: (mp.sin(x) - x) / x**3), lambda t: t + mpf(10) ** -24,
            range(7), 0, quarter**2, 53)
        fit("cos f64", even(lambda x: (mp.cos(x) - 1 + x**2 / 2) / x**4),
            lambda t: t**2 + mpf(10) ** -30, range(7), 0, quarter**2, 53)
        fit("tanh f64", even(lambda x: (mp.tanh(x) - x) / x**3), lambda t: t + mpf(10) ** -24,
            range(12), 0, mpf("0.5625") ** 2, 53)
        fit("erf f64", even(lambda x: mp.erf(x) / x - 1), one, range(13), 0, mpf("0.9375") ** 2, 53)
        # erfc(x) = exp(-x^2) P(u), u = (x - 2) / (x + 2), on [0.9375, 6]
        def erfc_u(u):
            x = 2 * (1 + u) / (1 - u)
            return mp.erfc(x) * mp.exp(x**2)
        def erfc_weight(u):
            x = 2 * (1 + u) / (1 - u)
            return mp.exp(-x**2)
        low = (mpf("0.9375") - 2) / (mpf("0.9375") + 2)
        fit("erfc f64", erfc_u, erfc_weight, range(22), low, mpf("0.5"), 53)
        # lgamma(x) = (x - 1)(x - 2) P(x - 1.5) on [1, 2]
        def gamma_g(y):
            x = y + mpf("1.5")
            if abs(abs(y) - mpf("0.5")) < mpf(10) ** -25:
                return -mp.euler * -1 if y < 0 else 1 - mp.euler
            return mp.loggamma(x) / ((x - 1) * (x - 2))
        fit("lgamma f64", gamma_g, one, range(22), mpf("-0.5"), mpf("0.5"), 53)
    if which in ("words", "all"):
        # 2/pi behind one word of zeros, 64 bits a word
        mp.dps = 500
        bits = mp.floor((2 / mp.pi) * mpf(2) ** 1344)
        words = [int(bits) >> (64 * (20 - i)) & (2**64 - 1) for i in range(21)]
        print("// 2/pi\n  0, " + ", ".join(f"0x{w:016x}" for w in words))
        for name, value in (("pi/2", mp.pi / 2), ("ln 2", mp.log(2)), ("2/3", mpf(2) / 3)):
            parts = []
            for _ in range(3):
                parts.append(round_to(value, 53))
                value -= parts[-1]
            print(f"// {name}: " + ", ".join(float(p).hex() for p in parts))


main(sys.argv[1] if len(sys.argv) > 1 else "all")
