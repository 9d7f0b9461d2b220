"""Exercises of tutorial 7: matrices of low rank."""

from typing import Any

import numpy as np

from zobench.exercises.answers import call, function, plain_vector
from zobench.exercises.exercise import Exercise, number

__all__ = ["EXERCISES"]

FORM = "project(U, V, Z)"


def _tangent(project: Any) -> str:
    """Judge ``project(U, V, Z)``, the tangent part of Z at a matrix with singular spaces U and V."""
    rng = np.random.default_rng(7)
    u, v = np.linalg.qr(rng.standard_normal((6, 2)))[0], np.linalg.qr(rng.standard_normal((5, 2)))[0]
    z = rng.standard_normal((6, 5))
    what = "the tangent part of a 6 x 5 matrix"
    got = plain_vector(call(project, FORM, u.copy(), v.copy(), z.copy()), z.shape, what)
    left, right = u @ (u.T @ z), (z @ v) @ v.T
    both = u @ (u.T @ z @ v) @ v.T
    if np.allclose(got, both):
        return "U U^T Z V V^T only changes the singular values; U and V may turn, too."
    if np.allclose(got, left + right):
        return "U U^T Z V V^T is in both terms: it is counted twice."
    if np.allclose(got, z - left - right + both):
        return "that is the part that is *not* tangent: take it away from Z."
    if not np.allclose(plain_vector(call(project, FORM, u, v, got.copy()), z.shape, what), got):
        return "a projection does nothing the second time; yours does."
    if not np.allclose(got, left + right - both):
        return "compare with U U^T Z + Z V V^T - U U^T Z V V^T."
    return ""


EXERCISES = (
    Exercise(
        "manifold-dimension",
        "How many numbers does one need to describe a 40 x 30 matrix of rank 3: what is the dimension of the "
        "manifold of such matrices?",
        number(
            201,
            {
                1200: "that is the space of all 40 x 30 matrices.",
                210: "r (m + n) counts the factors; r^2 numbers of them only turn one factor against the "
                "other.",
                213: "r (m + n + 1) counts U, S and V without the conditions that make U and V orthonormal.",
                219: "r (m + n) + r^2: the r^2 numbers that only turn the factors have to be taken off.",
            },
            "count r columns of length 40 and r of length 30, and take off the r^2 numbers that only "
            "turn one factor against the other.",
        ),
        "r (m + n - r) = 3 (40 + 30 - 3). Random directions pay for this number, not for 1200.",
    ),
    Exercise(
        "tangent",
        "Write project(U, V, Z): the part of Z that is tangent to the matrices of rank r at one with "
        "orthonormal "
        "singular spaces U and V.",
        function(_tangent, FORM),
        "what changes the rank, (I - U U^T) Z (I - V V^T), is gone; the rest stays.",
    ),
    Exercise(
        "stalled-gradient",
        "W = U S V^T with U = e2, V = e1, S = 0, and f = |W - e1 e1^T|^2 / 2. How long is the gradient "
        "with respect "
        "to the factors, (G V S^T, U^T G V, G^T U S) with G = W - e1 e1^T?",
        number(
            0,
            {1: "|G| is 1; multiply it by the factors: S = 0, and U^T e1 = 0."},
            "work the three products out: S = 0, and U^T e1 = 0.",
        ),
        "S = 0 kills the first and the last, and e2 is orthogonal to e1: descent on the factors never "
        "moves, though "
        "|G| = 1.",
    ),
)
