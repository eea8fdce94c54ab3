"""Writes values.txt: f64 arguments and mpmath's results (1.3.0, 60 digits) as a sum of two doubles.

python3 values.py > values.txt. A line: function, argument(s), result's nearest double, remainder.
"""
import random
import struct
from mpmath import mp, mpf

mp.dps = 60
draw = random.Random(20240229)


def uniform(low, high, n):
    return [draw.uniform(low, high) for _ in range(n)]


def exponents(low, high, n, signed=False):
    values = [draw.uniform(1, 2) * 2.0 ** draw.uniform(low, high) for _ in range(n)]
    return [v if not signed or draw.random() < 0.5 else -v for v in values]


def bits(u):
    return struct.unpack("d", struct.pack("Q", u))[0]


def emit(name, f, arguments):
    for argument in arguments:
        xs = argument if isinstance(argument, tuple) else (argument,)
        y = f(*[mpf(x) for x in xs])
        high = float(y)
        low = float(y - mpf(high)) if abs(high) != float("inf") else 0.0
        print(name, *[float(x).hex() for x in xs], high.hex(), low.hex())


def log_gamma(x):
    return mp.log(abs(mp.gamma(x)))


tiny = exponents(-60, -1, 40, signed=True)
halves = [k / 2 for k in range(-20, 21) if k]
emit("exp", mp.exp, uniform(-745, 709.7, 150) + uniform(-3, 3, 100) + tiny + halves
     + [709.782712893384, -708.3964185322641, -745.1332191019411, -740.0, -730.5])
emit("log", mp.log, exponents(-1074, 1023, 100) + uniform(0.5, 2, 150) + exponents(-3, 3, 40)
     + [1 + e for e in exponents(-50, -4, 40, signed=True)] + [5e-324, 2.0**-1030, 2.0, 0.5, 10.0])
angles = (uniform(-10, 10, 120) + uniform(-1e6, 1e6, 120) + exponents(20, 1023, 120, signed=True)
          + [float(k * mp.pi / 2) for k in list(range(1, 40)) + [2**20, 2**30 + 1, 10**15, 10**100]]
          # the double nearest to a multiple of pi/2 (Kahan), and neighbours of 2^20
          + [6381956970095103 * 2.0**797, 1048575.9999, 1048576.0, 1048577.5])
emit("sin", mp.sin, angles + tiny)
emit("cos", mp.cos, angles + tiny)
emit("tanh", mp.tanh, uniform(-1.2, 1.2, 150) + uniform(-20, 20, 60) + tiny + [0.5625, 22.0, -30.0])
emit("erf", mp.erf, uniform(-1, 1, 100) + uniform(-6.2, 6.2, 150) + tiny + [0.9375, 5.99, 6.0])
emit("pow", mp.power, [(x, y) for x, y in zip(exponents(-20, 20, 150), uniform(-30, 30, 150))]
     + [(x, y) for x, y in zip(uniform(0.9, 1.1, 100), uniform(-3000, 3000, 100))]
     + [(x, y) for x, y in zip(exponents(-300, 300, 60), uniform(-2, 2, 60))]
     + [(-3.0, 5.0), (-1.5, -3.0), (2.0, 0.5), (10.0, -7.0), (10.0, 22.0), (0.9, 1000.0)])
emit("lgamma", log_gamma, uniform(1e-3, 4, 150) + uniform(4, 30, 60) + exponents(5, 300, 40)
     + exponents(-100, -5, 20) + [1 + e for e in exponents(-40, -4, 20, signed=True)]
     + [2 + e for e in exponents(-40, -4, 20, signed=True)] + [-k - 0.5 for k in range(6)]
     + [-0.25, -0.75, -1.3, -10.2, -50.7])
