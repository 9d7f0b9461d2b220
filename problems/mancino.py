"""Mancino's function: large, almost linear residuals.

    f(x) = sum_i F_i(x_i)^2,   F_i(z) = 1400 z + (i - 50)^3 + sum_{j=1}^d p(v_ij),   v_ij = sqrt(z^2 + i/j)

with p(v) = v (sin^5 ln v + cos^5 ln v), as Moré and Wild write it. 1 <= d <= 500, m = d; x0 = start
(-8.710996e-4 ((i - 50)^3 + sum_j p(sqrt(i/j))))_i.  f_star = 0.

|p'| <= K = 2.168227 (p' is a function of ln v), so 1400 - K d <= F_i' <= 1400 + K d: each F_i has one
root, f has no other stationary point, and the PL inequality holds with 2 (1400 - K d)^2.  f is L-smooth,
as F_i grows no faster than linearly while F_i'' decays like 1/z; no L is certified, because the bound
that follows is three times what is met.

Source: Spedicato, "Computational experience with quasi-Newton algorithms for minimization problems of
moderate size", CISE report N-175 (1975); Moré and Wild, SIAM Journal on Optimization 20 (2009).
"""

import numpy as np

from zobench.certificate import Certificate
from zobench.instance import Parts, Problem
from zobench.objectives.least_squares import Started, demand_dim, zero_residual

#: The largest |p'(v)|, rounded up.
K = 2.1682269746


def residual(z, i, count):
    """Return F_i(z) and its derivative, i from 1."""
    value, slope = 1400.0 * z + (i - 50.0) ** 3, 1400.0
    for j in range(1, count + 1):
        v = np.sqrt(z * z + i / j)
        angle = np.log(v)
        s, c = np.sin(angle), np.cos(angle)
        fourth, other = s * s * s * s, c * c * c * c
        power = s * fourth + c * other
        value += v * power
        slope += z / v * (power + 5.0 * s * c * (s * s * s - c * c * c))
    return value, slope


def objective(x):
    """Return f(x)."""
    total = 0.0
    for i in range(x.size):
        value, _ = residual(x[i], i + 1.0, x.size)
        total += value * value
    return total


def gradient(x, out):
    """Write the gradient 2 F_i F_i'."""
    for i in range(x.size):
        value, slope = residual(x[i], i + 1.0, x.size)
        out[i] = 2.0 * value * slope


def residuals(x):
    """Return all F_i(x_i) and their derivatives."""
    count = x.size
    i = np.arange(1.0, count + 1.0)
    values, slopes = 1400.0 * x + (i - 50.0) ** 3, np.full(count, 1400.0)
    for j in range(1, count + 1):
        v = np.sqrt(x * x + i / j)
        angle = np.log(v)
        s, c = np.sin(angle), np.cos(angle)
        third, other = s * s * s, c * c * c
        power = s * s * third + c * c * other
        values += v * power
        slopes += x / v * (power + 5.0 * s * c * (third - other))
    return values, slopes


def make(dim, rng, parameters):
    """Place the start; find the roots by Newton's method, one coordinate beside the other."""
    demand_dim(dim <= 500, problem.name, "<= 500", dim)
    x_star = np.zeros(dim)
    x0 = -8.710996e-4 * parameters.start * residuals(x_star)[0]
    for _ in range(60):
        values, slopes = residuals(x_star)
        x_star = x_star - values / slopes
        if np.all(np.abs(values) <= 1e-12 * np.abs(slopes * x_star)):
            break
    why = "each F_i is increasing and unbounded on both sides, as |F_i' - 1400| <= K d < 1400"
    weakest = 2.0 * (1400.0 - K * dim) ** 2
    certificates = (
        zero_residual(why),
        Certificate(
            "PL", weakest, "|grad f|^2 = sum 4 F_i^2 F_i'^2 >= 4 (1400 - K d)^2 f, approached far out."
        ),
    )
    return Parts(x0, None, certificates, x_star)


problem = Problem(
    name="mancino",
    summary="PL and almost quadratic: large residuals, dense sums of logarithmic waves",
    objective=objective,
    gradient=gradient,
    make=make,
    parameters=Started,
    default_dim=5,
    dims="1 to 500",
    source="Moré, Wild, SIAM Journal on Optimization 20 (2009) 172-191, problem 21",
)
