"""Problems of low rank: the singular values of the matrix along a run, and its distance from the solution."""

from typing import Any

import numpy as np

from zobench.curves import lines
from zobench.drawing import below, caption, legend, panels, title_of
from zobench.report import Drawing, Evidence, Report
from zobench.rerun import iterates

#: Runs that are done again, and looks at each.
RUNS, LOOKS = 6, 40
GOAL = "singular values of W_star"
#: What is smaller is drawn here.
FLOOR = 1e-10


def matrix_of(instance: Any, x: np.ndarray) -> Any:
    """Give the matrix that x stands for: itself row by row, or U V^T; None on other problems."""
    if instance.manifold is not None:
        return x.reshape(instance.manifold.left.shape[0], instance.manifold.right.shape[0])
    data = instance.data
    if not (hasattr(data, "target") and hasattr(data, "rank")):
        return None
    rows, columns = data.target.shape
    factors = x.reshape(rows + columns, data.rank)
    return factors[:rows] @ factors[rows:].T


def spectra(evidence: Evidence) -> list[tuple[Any, Any, Any, Any, Any]]:
    """Give runs of the first seed: the run, query counts, singular values, relative errors, W_star."""
    return evidence.keep("spectra", lambda: _spectra(evidence))


def _spectra(evidence: Evidence) -> list[tuple[Any, Any, Any, Any, Any]]:
    from zobench.drawing import instance_of

    if not len(evidence.runs):
        return []
    found: list[tuple[Any, Any, Any, Any, Any]] = []
    first = lines(evidence).sort_values(["problem_name", "label", "seed"])
    for run in first.drop_duplicates(["problem_name", "noise", "label"]).itertuples():
        instance = instance_of(run)
        if instance is None or matrix_of(instance, np.array(instance.x0)) is None:
            continue
        again = iterates(run, LOOKS)
        if again is None or instance.x_star is None:
            continue
        matrices = np.array([matrix_of(instance, x) for x in again[2]])
        if not np.isfinite(matrices).all():
            continue
        best = matrix_of(instance, instance.x_star)
        errors = np.linalg.norm(matrices - best, axis=(1, 2)) / np.linalg.norm(best)
        found.append((run, again[1], np.linalg.svd(matrices, compute_uv=False), errors, best))
        if len(found) == RUNS:
            break
    return found


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one panel a run."""
    from pandas import DataFrame

    cases = spectra(evidence)
    figure, axes = panels(len(cases), evidence.width, height=3.0)
    for axis, (run, counts, values, errors, best) in zip(axes, cases, strict=True):
        x = np.maximum(counts, 1)
        scale = values.max()
        target = np.linalg.svd(best, compute_uv=False) / scale
        for place in np.flatnonzero((values > FLOOR * scale).any(axis=0)):
            if target[place] > FLOOR:
                axis.axhline(target[place], color="#777777", linewidth=0.8, linestyle=":", label=GOAL)
            (line,) = axis.plot(
                x,
                np.maximum(values[:, place] / scale, FLOOR),
                color="#0173b2",
                linewidth=0.8,
                label="singular values / largest",
            )
            line.set_gid(f"sigma {place}")
        (line,) = axis.plot(
            x,
            np.maximum(errors, FLOOR),
            color="#d55e00",
            linestyle=(0, (5, 1.5)),
            label="|W - W_star| / |W_star|",
        )
        line.set_gid("error")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.minorticks_off()
        axis.set_title(f"{run.label}\n{title_of(run)}", loc="left")
    legend(figure, axes)
    below(figure, "queries")
    text = caption(
        evidence,
        DataFrame([case[0] for case in cases]),
        "Singular values of the iterate, as parts of the largest one of the run, and its relative distance "
        "from the solution in the Frobenius norm; the first seed, done again with the same bits. "
        "One seed, so no band.",
        f"At most {RUNS} runs are done again; what is below {FLOOR:g} is drawn there, and a singular value "
        "that is so all along is left out, as is each beyond the rank of the factors.",
    )
    return [Drawing(figure, text)]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    if not len(evidence.runs):
        return "the store holds no runs"
    return "" if spectra(evidence) else "no problem of low rank has a run that can be done again here"


report = Report(name="low-rank", title="Singular values and errors along runs", draw=draw, missing=missing)
