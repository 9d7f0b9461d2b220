"""Heart: moments of a dipole in the chest, eight unknowns.

    f(x) = sum_{k=0}^3 | p s^k + q t^k - c_k |^2

with complex p = x_1 + i x_3, q = x_2 + i x_4, s = x_5 + i x_7, t = x_6 + i x_8 and four measured
numbers c_k; written out in reals these are the eight residuals of the literature.

d = 8, m = 8; x0 = start (-0.3, -0.39, 0.3, -0.344, -1.2, 2.69, 1.59, -1.5), f_star = 0. s and t are the
roots of the quadratic z^2 = a z + b with c_{k+2} = a c_{k+1} + b c_k (Prony's method), and p, q solve
two linear equations: the minimiser is unique but for exchanging (p, s) and (q, t).

Source: Dennis, Gay and Vu, "A new nonlinear equations test problem", Rice University TR 83-16 (1983);
Moré and Wild, SIAM Journal on Optimization 20 (2009).
"""

import cmath

import numpy as np

from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Started, zero_residual

START = (-0.3, -0.39, 0.3, -0.344, -1.2, 2.69, 1.59, -1.5)
MOMENTS = (-0.69 - 0.044j, -1.57 - 1.31j, -2.65 + 2.0j, -12.6 + 9.48j)


def objective(x):
    """Return f(x)."""
    p, q = complex(x[0], x[2]), complex(x[1], x[3])
    s, t = complex(x[4], x[6]), complex(x[5], x[7])
    total = 0.0
    for k in range(4):
        miss = p + q - MOMENTS[k]
        total += miss.real**2 + miss.imag**2
        p, q = p * s, q * t
    return total


def add(out, place, miss, slope):
    """Add the gradient of |miss|^2 by the two parts of a complex number in which `miss` has slope `slope`."""
    out[place] += 2.0 * (miss.real * slope.real + miss.imag * slope.imag)
    out[place + 2] += 2.0 * (miss.imag * slope.real - miss.real * slope.imag)


def gradient(x, out):
    """Write the gradient."""
    p, q = complex(x[0], x[2]), complex(x[1], x[3])
    s, t = complex(x[4], x[6]), complex(x[5], x[7])
    first, second = complex(1.0, 0.0), complex(1.0, 0.0)  # s^k, t^k
    bent, turned = complex(0.0, 0.0), complex(0.0, 0.0)  # k s^{k-1}, k t^{k-1}
    out[:] = 0.0
    for k in range(4):
        miss = p * first + q * second - MOMENTS[k]
        add(out, 0, miss, first)
        add(out, 1, miss, second)
        add(out, 4, miss, p * bent)
        add(out, 5, miss, q * turned)
        bent, turned = bent * s + first, turned * t + second
        first, second = first * s, second * t


def solve():
    """Find the minimiser by Prony's method."""
    c0, c1, c2, c3 = MOMENTS
    below = c1 * c1 - c0 * c2
    a, b = (c1 * c2 - c0 * c3) / below, (c1 * c3 - c2 * c2) / below
    root = cmath.sqrt(a * a + 4.0 * b)
    s, t = (a - root) / 2.0, (a + root) / 2.0
    p = (c1 - c0 * t) / (s - t)
    q = c0 - p
    return np.array([p.real, q.real, p.imag, q.imag, s.real, t.real, s.imag, t.imag])


def make(dim, rng, parameters):
    """Place the start."""
    known = (zero_residual("Prony's method gives a point where all residuals vanish"),)
    return Parts(parameters.start * np.array(START), None, known, solve())


problem = Problem(
    name="heart8",
    summary="nonconvex: moments of two complex poles",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=None,
    dims="8",
    source="Moré, Wild, SIAM Journal on Optimization 20 (2009) 172-191, problem 22",
)
