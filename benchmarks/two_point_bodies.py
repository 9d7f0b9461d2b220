"""One step of each two-point method on the sphere, written out by hand (see `benchmarks.fused_two_point`).

Each takes the work `w`, the solver's settled parameters `p`, the step's number k and the stream; its
direction is in ``w.s`` already, but for methods that draw several in a step.
"""

from typing import Any, NamedTuple

import numpy as np

from zobench.directions import COORDINATE, draw
from zobench.kernels import dot, squared_norm
from zobench.stream import normals, signs


class Work(NamedTuple):
    """Vectors, and `numbers` for what else is kept; the last two are the sphere's own."""

    x: Any
    s: Any
    g: Any
    m: Any
    v: Any
    w: Any
    frame: Any
    numbers: Any
    eigenvalues: Any
    x_star: Any


def value(w):
    """f(x)."""
    total = 0.0
    for i in range(w.x.size):
        total += w.eigenvalues[i] * (w.x[i] - w.x_star[i]) ** 2
    return 0.5 * total


def shifted(w, shift, s):
    """f(x + shift s)."""
    total = 0.0
    for i in range(w.x.size):
        total += w.eigenvalues[i] * (w.x[i] + shift * s[i] - w.x_star[i]) ** 2
    return 0.5 * total


def both(w, shift, s):
    """f(x + shift s) and f(x - shift s)."""
    plus = minus = 0.0
    for i in range(w.x.size):
        plus += w.eigenvalues[i] * (w.x[i] + shift * s[i] - w.x_star[i]) ** 2
        minus += w.eigenvalues[i] * (w.x[i] - shift * s[i] - w.x_star[i]) ** 2
    return 0.5 * plus, 0.5 * minus


def move(w, shift, s):
    """x <- x + shift s."""
    for i in range(w.x.size):
        w.x[i] += shift * s[i]


def gaussian(w, stream):
    normals(stream, w.s)


def rademacher(w, stream):
    signs(stream, w.s)


def sphere(w, stream):
    normals(stream, w.s)
    scale = 1.0 / np.sqrt(squared_norm(w.s)) * np.sqrt(w.s.size)
    for i in range(w.s.size):
        w.s[i] *= scale


def unit_sphere(w, stream):
    normals(stream, w.s)
    scale = 1.0 / np.sqrt(squared_norm(w.s))
    for i in range(w.s.size):
        w.s[i] *= scale


def coordinate(w, stream):
    draw(stream, COORDINATE, w.s)


def nothing(w, p):
    pass


def undrawn(w, stream):
    """Of methods that draw several directions a step, within the step."""


def compare(w, alpha):
    """x <- the better of x + alpha s and x - alpha s."""
    plus, minus = both(w, alpha, w.s)
    move(w, alpha if plus <= minus else -alpha, w.s)


def s2p_stationary(w, p, k, stream):
    compare(w, p.alpha0 / np.sqrt(p.steps * w.x.size))


def s2p_dynamic(w, p, k, stream):
    compare(w, p.alpha0 / np.sqrt((k + 1) * w.x.size))


def central(w, radius):
    plus, minus = both(w, radius, w.s)
    return (plus - minus) / (2.0 * radius)


def s2p_gamma(w, p, k, stream):
    gamma = central(w, p.radius)
    alpha = abs(gamma) / (p.L * squared_norm(w.s))
    move(w, -alpha if gamma > 0.0 else alpha, w.s)


def s2p_gamma_four(w, p, k, stream):
    compare(w, abs(central(w, p.radius)) / (p.L * squared_norm(w.s)))


def s2p_clipped(w, p, k, stream):
    gamma = central(w, p.radius)
    alpha = abs(gamma) / (2.0 * p.B * w.x.size * (p.L0 + p.L1 * abs(gamma) / p.m1))
    move(w, -alpha if gamma > 0.0 else alpha, w.s)


def ask_first(w, p):
    w.numbers[0] = value(w)


def three_points(w, alpha):
    plus, minus = both(w, alpha, w.s)
    if min(plus, minus) < w.numbers[0]:
        w.numbers[0] = min(plus, minus)
        move(w, alpha if plus <= minus else -alpha, w.s)


def stp_fixed(w, p, k, stream):
    three_points(w, p.alpha0 / np.sqrt(p.steps))


def stp_decreasing(w, p, k, stream):
    three_points(w, p.alpha0 / np.sqrt(k + 1.0))


def stp_harmonic(w, p, k, stream):
    three_points(w, p.alpha0 / (k + 2.0))


def stp_oracle(w, p, k, stream):
    gap = max(w.numbers[0] - p.f_star, 0.0)
    three_points(w, p.m1 / (p.m2 * p.L) * np.sqrt(2.0 * p.PL * gap))


def stp_difference(w, p, k, stream):
    three_points(w, abs(shifted(w, p.radius, w.s) - w.numbers[0]) / (p.L * p.radius))


def vs2p(w, p, k, stream):
    """numbers: the window, then how many quotients were seen."""
    size = p.window
    gamma = central(w, p.radius)
    if np.isfinite(gamma):
        seen = np.int64(w.numbers[size])
        count = min(seen, size)
        sigma = abs(gamma)
        if count >= 2:
            mean = 0.0
            for j in range(count):
                mean += w.numbers[j]
            mean /= count
            square = 0.0
            for j in range(count):
                square += (w.numbers[j] - mean) ** 2
            sigma = np.sqrt(square / count)
        w.numbers[seen % size] = gamma
        w.numbers[size] += 1.0
        if gamma != 0.0:
            decay = p.eta * max(0.0, 1.0 - k / p.steps)
            alpha = decay * p.radius / (p.tau_b * (sigma / abs(gamma)) + p.tau_b / p.tau_a)
            move(w, -alpha if gamma > 0.0 else alpha, w.s)


def random_search(w, p, k, stream):
    alpha = p.alpha0 / np.sqrt(p.steps)
    answer = shifted(w, alpha, w.s)
    if answer < w.numbers[0]:
        w.numbers[0] = answer
        move(w, alpha, w.s)


def start_es(w, p):
    w.numbers[0], w.numbers[1] = value(w), p.alpha0


def one_plus_one_es(w, p, k, stream):
    alpha = w.numbers[1]
    answer = shifted(w, alpha, w.s)
    if answer <= w.numbers[0]:
        w.numbers[0] = answer
        move(w, alpha, w.s)
        w.numbers[1] = alpha * p.growth
    else:
        w.numbers[1] = alpha * p.shrinkage


def forward(w, radius):
    return (shifted(w, radius, w.s) - value(w)) / radius


def descend_forward(w, p, k, stream):
    move(w, -(p.step_size * forward(w, p.radius)), w.s)


def descend_central(w, p, k, stream):
    move(w, -(p.step_size * central(w, p.radius)), w.s)


def start_accelerated(w, p):
    w.v[:] = w.x
    w.numbers[0] = p.gamma0


def extrapolate(w, p):
    """x <- y; give the share lambda and theta / alpha."""
    gamma = w.numbers[0]
    b = p.theta * (gamma - p.mu)
    alpha = 2.0 * p.theta * gamma / (b + np.sqrt(b * b + 4.0 * p.theta * gamma))
    beta = alpha * gamma / (gamma + alpha * p.mu)
    gamma = (1.0 - alpha) * gamma + alpha * p.mu
    w.numbers[0] = gamma
    for i in range(w.x.size):
        w.x[i] = (1.0 - beta) * w.x[i] + beta * w.v[i]
    return alpha * p.mu / gamma, p.theta / alpha


def accelerate(w, p, share, pull, quotient):
    for i in range(w.x.size):
        g = quotient * w.s[i]
        w.v[i] = (1.0 - share) * w.v[i] + share * w.x[i] - pull * g
        w.x[i] = w.x[i] - p.step_size * g


def accelerated_forward(w, p, k, stream):
    share, pull = extrapolate(w, p)
    accelerate(w, p, share, pull, forward(w, p.radius))


def accelerated_central(w, p, k, stream):
    share, pull = extrapolate(w, p)
    accelerate(w, p, share, pull, central(w, p.radius))


def mezo(w, p, k, stream):
    """x is moved in place; ten numbers need not be drawn again."""
    move(w, p.radius, w.s)
    plus = value(w)
    move(w, -2.0 * p.radius, w.s)
    minus = value(w)
    move(w, p.radius, w.s)
    move(w, -p.step_size / p.probes * ((plus - minus) / (2.0 * p.radius)), w.s)


def spsa_classical(w, p, k, stream):
    a, c = p.a / (p.A + k + 1.0) ** p.alpha, p.c / (k + 1.0) ** p.gamma
    scale, quotient = a * p.scale, central(w, c)
    for i in range(w.x.size):
        w.x[i] -= scale * (quotient * w.s[i])


def spsa_constant(w, p, k, stream):
    scale, quotient = p.a * p.scale, central(w, p.c)
    for i in range(w.x.size):
        w.x[i] -= scale * (quotient * w.s[i])


def zo_svrg(w, p, k, stream):
    """Where nothing varies it is the two-point route."""
    slope = forward(w, p.radius) * (p.scale / p.probes)
    for i in range(w.x.size):
        w.x[i] -= p.step_size * (slope * w.s[i])


def zo_sign_forward(w, p, k, stream):
    w.g[:] = 0.0
    known = value(w)
    for _ in range(p.probes):
        unit_sphere(w, stream)
        difference = shifted(w, p.radius, w.s) - known
        for i in range(w.x.size):
            w.g[i] += difference * w.s[i]
    step_by_sign(w, p)


def zo_sign_central(w, p, k, stream):
    w.g[:] = 0.0
    for _ in range(p.probes):
        unit_sphere(w, stream)
        plus, minus = both(w, p.radius, w.s)
        difference = plus - minus
        for i in range(w.x.size):
            w.g[i] += difference * w.s[i]
    step_by_sign(w, p)


def step_by_sign(w, p):
    delta = p.alpha0 / np.sqrt(w.x.size * p.steps)
    for i in range(w.x.size):
        w.x[i] -= delta * np.sign(w.g[i])


def zo_adamm(w, p, k, stream):
    """m and v are the moments, w the largest v."""
    w.g[:] = 0.0
    known = value(w)
    for _ in range(p.probes):
        unit_sphere(w, stream)
        weight = p.scale * ((shifted(w, p.radius, w.s) - known) / p.radius) / p.probes
        for i in range(w.x.size):
            w.g[i] += weight * w.s[i]
    alpha = p.alpha0 / np.sqrt(p.steps)
    for i in range(w.x.size):
        w.m[i] = p.beta1 * w.m[i] + (1.0 - p.beta1) * w.g[i]
        w.v[i] = p.beta2 * w.v[i] + (1.0 - p.beta2) * w.g[i] ** 2
        w.w[i] = max(w.w[i], w.v[i])
        if w.w[i] > 0.0:
            w.x[i] -= alpha * w.m[i] / np.sqrt(w.w[i])


def orthogonal(w, p, k, stream):
    d = w.x.size
    for start in range(0, p.probes * d, d):
        q = w.frame[start : start + d]
        normals(stream, q)
        for _ in range(2):
            for other in range(0, start, d):
                e = w.frame[other : other + d]
                along = dot(q, e)
                for i in range(d):
                    q[i] -= along * e[i]
            length = np.sqrt(squared_norm(q))
            for i in range(d):
                q[i] /= length
    known = value(w)
    for start in range(0, p.probes * d, d):
        q = w.frame[start : start + d]
        quotient = (shifted(w, p.radius, q) - known) / p.radius
        for i in range(d):
            q[i] *= quotient
    scale = p.step_size * d / p.probes
    for start in range(0, p.probes * d, d):
        q = w.frame[start : start + d]
        for i in range(d):
            w.x[i] -= scale * q[i]


def nes(w, p, k, stream):
    """The directions are kept: ten of ten numbers."""
    d = w.x.size
    for j in range(p.pairs):
        e = w.frame[j * d : (j + 1) * d]
        normals(stream, e)
        plus, minus = both(w, p.sigma, e)
        w.numbers[j] = (plus - minus) / (2.0 * p.pairs * p.sigma)
    for j in range(p.pairs):
        scale = p.step_size * w.numbers[j]
        e = w.frame[j * d : (j + 1) * d]
        for i in range(d):
            w.x[i] -= scale * e[i]
