"""Softmax regression with squared loss: fit the softmax of A x to given distributions.

    f(x) = 1/N sum_i ( 1/2 |softmax(A_i x) - b_i|^2 + 1/2 |diag(w) A_i x|^2 )

with softmax(z) = exp(z)/sum_k exp(z_k). x has d entries; block i of N = `blocks` has a matrix A_i of shape
(n, d), n = `rows`, with independent normal entries of variance scale^2/d, and b_i in the simplex of R^n.
target = teacher: b_i = softmax(A_i y) with one y of norm near sqrt(d); target = vertex: b_i is a unit
vector. The weights w_j, the same in all blocks, lie uniform between `weight` and weight * spread. The start
lies at distance start * sqrt(d) from 0.

With `batch` = B > 0 a query answers the mean over B blocks drawn with replacement by the sample key, whose
expectation is f; with `batch` = 0 it answers f.

The Hessian is 1/N sum_i A_i^T (H_i + diag(w)^2) A_i with -I/2 <= H_i <= I/2 for every x and every b_i in the
simplex (the extreme eigenvalues are -0.2404 and 0.3081, both for two rows).  So f is strongly convex when
all w_j^2 > 1/2 and the A_i have rank d together; then, for N n d up to 2 * 10^5, f_star and x_star are found
once by Newton's method.
With weight = 0 and a teacher f_star is 0 and the teacher a minimiser, but f is not convex.

Source: Deng, Li, Mahadevan and Song, "Zero-th order algorithm for softmax attention optimization", arXiv
2307.08352 (2023), whose constants, of the type exp(R^2), are shown beside the certified ones.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

from zobench.certificate import Certificate, Certificates, Compared, rounded_down, rounded_up
from zobench.instance import Instance, Matrix, Parts, Problem, Vector
from zobench.kernels import dot, squared_norm
from zobench.objectives import classification, solution
from zobench.objectives.classification import combine, exponential
from zobench.objectives.solution import content, newton, product_of, solved
from zobench.objectives.together import add_scores, beside
from zobench.parameters import Choice, Integer, Real
from zobench.stream import hashed_index

#: Beyond so many numbers in the A_i no minimiser is sought.
SOLVED = 200_000


class Parameters(NamedTuple):
    """What can be chosen."""

    rows: Annotated[int, Integer(2, 100_000)] = 20
    blocks: Annotated[int, Integer(1, 100_000)] = 1
    weight: Annotated[float, Real(0.0, 1e6)] = 2.0
    spread: Annotated[float, Real(1.0, 1e6)] = 1.0
    scale: Annotated[float, Real(1e-6, 1e6)] = 1.0
    target: Annotated[str, Choice("teacher", "vertex")] = "teacher"
    start: Annotated[float, Real(1e-6, 1e6)] = 1.0
    batch: Annotated[int, Integer(0, 1_000_000)] = 0


class Data(NamedTuple):
    """Numbers of one instance: the A_i column by column (N d, n), the b_i (N, n), w^2 (n,), the batch."""

    columns: Matrix
    targets: Matrix
    squares: Vector
    batch: int


def forward(x, data, block, z, p):
    """Write z = A x and p = softmax(z) for one block."""
    z[:] = 0.0
    combine(z, data.columns, block * x.size, x, 0, 1, x.size)
    softmax(z, p)


def softmax(z, p):
    """Write p = softmax(z)."""
    peak = z[0]
    for k in range(z.size):
        # a NaN, once met, stays
        peak = peak if z[k] <= peak else z[k]
    for k in range(z.size):
        p[k] = exponential(z[k] - peak)
    total = 0.0
    for k in range(z.size):
        total += p[k]
    for k in range(z.size):
        p[k] /= total


def loss(data, block, z, p):
    """Return the loss of one block with what `forward` wrote; z and p are overwritten."""
    target = data.targets[block]
    for k in range(z.size):
        p[k] -= target[k]
        z[k] *= z[k]
    return 0.5 * (squared_norm(p) + dot(z, data.squares))


def objective(x, data):
    """Return f(x), over all blocks."""
    blocks, rows = data.targets.shape
    z, p, total = np.empty(rows), np.empty(rows), 0.0
    for block in range(blocks):
        forward(x, data, block, z, p)
        total += loss(data, block, z, p)
    return total / blocks


def many(points, data, out):
    """Write f(x) for each row x of `points`, all in one pass over the blocks."""
    (count, dim), (blocks, rows) = points.shape, data.targets.shape
    weights, z, p = beside(points, 0, dim, 1), np.empty((count, rows)), np.empty(rows)
    out[:] = 0.0
    for block in range(blocks):
        z[:] = 0.0
        add_scores(z, weights, data.columns, block * dim)
        for s in range(count):
            softmax(z[s], p)
            out[s] += loss(data, block, z[s], p)
    for s in range(count):
        out[s] /= blocks


def sample(x, data, key):
    """Return the mean loss over the blocks of a sample key."""
    blocks, rows = data.targets.shape
    z, p, total = np.empty(rows), np.empty(rows), 0.0
    for place in range(data.batch):
        block = hashed_index(key, place, blocks)
        forward(x, data, block, z, p)
        total += loss(data, block, z, p)
    return total / data.batch


def gradient(x, data, out):
    """Write the gradient 1/N sum_i A_i^T (p (c - <p, c>) + w^2 z), with c = p - b."""
    blocks, rows = data.targets.shape
    z, p, c = np.empty(rows), np.empty(rows), np.empty(rows)
    out[:] = 0.0
    for block in range(blocks):
        forward(x, data, block, z, p)
        target = data.targets[block]
        for k in range(rows):
            c[k] = p[k] - target[k]
        mean = dot(p, c)
        for k in range(rows):
            z[k] = (p[k] * (c[k] - mean) + data.squares[k] * z[k]) / blocks
        for j in range(x.size):
            out[j] += dot(data.columns[block * x.size + j], z)


def product(x, v, data, out):
    """Write the Hessian times v: the derivative of the gradient along v, where p moves by p (u - <p, u>)."""
    blocks, rows = data.targets.shape
    z, p, c = np.empty(rows), np.empty(rows), np.empty(rows)
    u, moved = np.empty(rows), np.empty(rows)
    out[:] = 0.0
    for block in range(blocks):
        forward(x, data, block, z, p)
        u[:] = 0.0
        combine(u, data.columns, block * x.size, v, 0, 1, x.size)
        mean_u = dot(p, u)
        for k in range(rows):
            c[k] = p[k] - data.targets[block, k]
            moved[k] = p[k] * (u[k] - mean_u)
        mean, turned = dot(p, c), dot(moved, c) + dot(p, moved)
        for k in range(rows):
            bent = moved[k] * (c[k] - mean) + p[k] * (moved[k] - turned)
            z[k] = (bent + data.squares[k] * u[k]) / blocks
        for j in range(x.size):
            out[j] += dot(data.columns[block * x.size + j], z)


class Bounds(NamedTuple):
    """What is known of the A_i: Lemma B's bounds of the Hessian, and the spectrum of the mean A_i^T A_i."""

    smoothness: float
    strength: float
    trace: float
    largest: float
    smallest: float


def extremes(columns, weights):
    """Give the extreme eigenvalues of 1/N sum_i A_i^T diag(weights) A_i; columns has shape (N, d, n)."""
    blocks, dim, rows = columns.shape
    if dim <= blocks * rows:
        values = np.linalg.eigvalsh(np.einsum("bjr,bkr->jk", columns * weights, columns) / blocks)
        return float(values[0]), float(values[-1])
    # B B^T has the largest eigenvalue of B^T B; the smallest is 0, for the A_i cannot have rank d
    beside, root = columns.transpose(1, 0, 2).reshape(dim, -1), np.sqrt(np.tile(weights, blocks))
    gram = np.einsum("jp,jq->pq", beside, beside) * np.outer(root, root) / blocks
    return 0.0, float(np.linalg.eigvalsh(gram)[-1])


def bounds(columns, squares):
    """Bound the Hessian by 1/N sum_i A_i^T (diag(w)^2 +- I/2) A_i."""
    blocks, dim, rows = columns.shape
    upper, lower = squares + 0.5, squares - 0.5
    trace = float(np.einsum("bjr,bjr->r", columns, columns) @ upper) / blocks
    smallest, largest = extremes(columns, np.ones(rows))
    if squares.min() == squares.max():
        weakest = lower[0] * (smallest if lower[0] >= 0.0 else largest)
        return Bounds(upper[0] * largest, weakest, trace, largest, smallest)
    if dim <= blocks * rows:
        weakest = extremes(columns, lower)[0]
    else:
        weakest = 0.0 if lower.min() >= 0.0 else -np.inf
    return Bounds(extremes(columns, upper)[1], weakest, trace, largest, smallest)


def solve(data, d, x0):
    """Find the minimiser with exact derivatives, once for each content."""

    def newly():
        white = Instance(problem, d, 0, None, np.zeros(d), data, Certificates())
        return newton(white.value, white.gradient, product_of(white, product), x0)

    sources = (Path(__file__), Path(solution.__file__), Path(classification.__file__))
    name = content(data.columns, data.targets, data.squares, *sources)
    return solved(name, newly, f"problem {problem.name!r}")


def literature(columns, squares, known, reach):
    """Give the paper's constants beside L and mu; R is the largest of 4, |A| and `reach`."""
    source = "Deng, Li, Mahadevan and Song, arXiv 2307.08352 and 2304.10411; recalled, not used"
    rows = squares.size
    radius = max(4.0, np.sqrt(known.largest), reach)
    longest = np.sqrt(np.einsum("bjr,bjr->br", columns, columns).max())
    # beta = n exp(-max_k |a_k| R) is the least that the sum of exp(A x) can be on the ball
    exponent = 20 * radius**2 + 2 * longest * radius - 0.5 * np.log(rows) + np.log(radius)
    grown = known.smoothness + float(np.exp(exponent)) if exponent < 709 else np.inf
    wide, weak = squares.max() + 8.0, max(0.0, squares.min() - 4.0)
    return (
        (
            Compared("(8 + max w^2) |A|^2", float(wide * known.largest), source),
            Compared(
                "|Hess f(0)| + R M for |x| <= R, with a Hessian that is M-Lipschitz there, M = beta^-2 n^1.5 "
                f"exp(20 R^2), beta <= the sum of exp(A x), R = {radius:.3g}",
                grown,
                source,
            ),
        ),
        (Compared("(min w^2 - 4) sigma_min(A)^2, or 0", float(weak * known.smallest), source),),
    )


def curvature(known, compared):
    """Certify what Lemma B gives."""
    smoothness = rounded_up(known.smoothness)
    # what rounding may do to an eigenvalue
    strength = known.strength - 1e-13 * smoothness
    above = (
        "H, the Hessian of 1/2 |softmax(z) - b|^2, is J^2 + Cov_p(c, (v - <p, v>)^2) as a form in v, with J "
        "= diag p - p p^T <= I/2 (Gershgorin) and c_k - <p, c> <= 1/2, hence <= I/4 + I/4"
    )
    below = (
        "H is affine in b, and where b is a unit vector e_j its form is >= -(1 - a)^2 (4 a (1 - 2 a)_+ "
        "+ 8/27 (1 - a)) |v|^2 with a = p_j, hence above -1/2"
    )
    found = [
        Certificate(
            "L",
            smoothness,
            f"{above}, so Hess f <= 1/N sum A_i^T (I/2 + diag(w)^2) A_i, whose largest eigenvalue this is.",
            exact=False,
            compared=compared[0],
        ),
        Certificate("L0", smoothness, "|Hess f| <= L everywhere.", exact=False),
        Certificate("L1", 0.0, "|Hess f| <= L everywhere, so L0 alone suffices."),
        Certificate(
            "effective_rank",
            known.trace / smoothness,
            "The bound that gives L holds as one of matrices, everywhere, and this is its trace over L.",
            exact=False,
        ),
    ]
    if strength > 0.0:
        mu = rounded_down(strength)
        found += [
            Certificate(
                "mu",
                mu,
                f"{below}, so Hess f >= 1/N sum A_i^T (diag(w)^2 - I/2) A_i, with this least eigenvalue.",
                exact=False,
                compared=compared[1],
            ),
            Certificate("PL", mu, "mu-strong convexity implies PL with the same constant.", exact=False),
        ]
    if known.strength >= 0.0:
        found.append(Certificate("convex", 1.0, "H >= -I/2, and 1/N sum A_i^T (diag(w)^2 - I/2) A_i >= 0."))
    return found


def draw(dim, rng, parameters):
    """Draw A_i, b_i, w, the teacher and the start."""
    rows, blocks = parameters.rows, parameters.blocks
    columns = rng.standard_normal((blocks, dim, rows))
    columns *= parameters.scale / np.sqrt(dim)
    teacher, away = rng.standard_normal(dim), rng.standard_normal(dim)
    if parameters.target == "teacher":
        scores = np.einsum("bjr,j->br", columns, teacher)
        targets = np.exp(scores - scores.max(axis=1, keepdims=True))
        targets /= targets.sum(axis=1, keepdims=True)
    else:
        targets = np.zeros((blocks, rows))
        targets[np.arange(blocks), rng.integers(rows, size=blocks)] = 1.0
    squares = (parameters.weight * rng.uniform(1.0, parameters.spread, rows)) ** 2
    x0 = away * (parameters.start * np.sqrt(dim / np.einsum("i,i", away, away)))
    return columns, targets, squares, teacher, x0


def make(dim, rng, parameters):
    """Draw an instance, bound its curvature, solve it where it is strongly convex."""
    columns, targets, squares, teacher, x0 = draw(dim, rng, parameters)
    data = Data(columns.reshape(-1, parameters.rows), targets, squares, parameters.batch)
    known, reach, x_star = bounds(columns, squares), float(np.linalg.norm(x0)), None
    certificates = curvature(known, literature(columns, squares, known, reach))
    mu = {each.constant: each.value for each in certificates}.get("mu")
    if mu is not None and columns.size <= SOLVED:
        best = solve(data, dim, x0)
        x_star, gap = best.x, best.gradient_norm**2 / (2 * mu)
        # one value gives the radius; what rounding did to it stays far below the twelfth digit
        white = Instance(problem, dim, 0, None, x0, data, Certificates())
        radius = rounded_up(np.sqrt(2 * max(0.0, white.value(x0) - best.value) / mu))
        certificates += [
            Certificate(
                "f_star",
                best.value,
                f"Newton's method with exact Hessian products reached |grad f| = {best.gradient_norm:.1e}, "
                f"and by strong convexity f - f_star <= |grad f|^2/(2 mu) = {gap:.1e} there.",
            ),
            Certificate(
                "R0", radius, "mu |x - x_star|^2/2 <= f(x) - f_star by strong convexity.", exact=False
            ),
        ]
    elif parameters.weight == 0.0 and parameters.target == "teacher":
        x_star = teacher
        certificates.append(Certificate("f_star", 0.0, "f >= 0, and the teacher meets every b_i."))
    else:
        certificates.append(Certificate("f_lower", 0.0, "f is a sum of squares.", exact=False))
    if parameters.weight == 0.0:
        slope = rounded_up(np.sqrt(known.largest / 2))
        proof = "|J| <= 1/2 and |p - b| <= sqrt(2), so |grad f| <= |A|/sqrt(2), A all A_i over sqrt(N)."
        certificates.append(Certificate("G", slope, proof, exact=False))
    return Parts(x0, data, tuple(certificates), x_star, parameters.batch > 0)


problem = Problem(
    name="softmax-attention",
    summary="squared-loss softmax regression with regulariser, in full or by mini-batches of blocks",
    objective=objective,
    gradient=gradient,
    many=many,
    sample=sample,
    make=make,
    parameters=Parameters,
    data=Data,
    default_dim=8,
    source="Deng, Li, Mahadevan, Song, arXiv 2307.08352 (2023)",
)
