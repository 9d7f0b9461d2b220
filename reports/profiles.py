"""Performance profiles (Dolan and Moré) and data profiles (Moré and Wild), at three targets."""

from functools import partial
from typing import Any

import numpy as np

from zobench.curves import common_of, leading, lines, said_of_leading
from zobench.drawing import below, caption, count_of, legend, panels, rest
from zobench.performance.measures import Runtimes, costs
from zobench.performance.profiles import data_profile, performance_profile
from zobench.report import Drawing, Evidence, Report

TARGETS = (1e-1, 1e-3, 1e-5)


#: Fewer problems make no shares.
FEWEST = 3


def _draw(evidence: Evidence, kind: str, runtimes: Runtimes, runs: Any) -> Drawing:
    figure, axes = panels(len(TARGETS), evidence.width)
    chosen = leading(evidence, runs)
    looks = runs.drop_duplicates("label").set_index("label")
    rows = []
    for axis, target in zip(axes, TARGETS, strict=True):
        table = evidence.keep(f"profile costs {target}", partial(costs, runtimes, target))
        found = performance_profile(table) if kind == "performance" else data_profile(table, runtimes.dims)
        logs = {solver: np.log10(profile.x) for solver, profile in found.items()}
        reached = np.concatenate([[0.0], *logs.values()])
        left = 0.0 if kind == "performance" else float(reached.min())
        right = float(reached.max()) + 0.05
        others: list[Any] = []
        for solver, profile in sorted(found.items()):
            x = np.concatenate([[left], logs[solver], [right]])
            y = np.concatenate([[0.0], profile.share, profile.share[-1:] if profile.x.size else [0.0]])
            rows += [(kind, target, solver, *pair) for pair in zip(profile.x, profile.share, strict=True)]
            if solver not in chosen:
                others.append((np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]))
                continue
            style = evidence.style(looks.loc[solver, "solver"], int(looks.loc[solver, "variant"]))
            (line,) = axis.step(
                x,
                y,
                where="post",
                color=style.color,
                linestyle=style.dash,
                marker=style.marker,
                markersize=4,
                markevery=0.2,
                label=solver,
            )
            line.set_gid(f"profile {solver}")
        rest(axis, others)
        axis.set_ylim(-0.02, 1.02)
        axis.set_title(f"target {target:g}", loc="left")
    names = {"performance": "log10(ERT / smallest ERT of any solver)", "data": "log10(ERT / (dim + 1))"}
    axes[0].set_ylabel("share of problems")
    legend(figure, axes)
    below(figure, names[kind])
    from pandas import DataFrame

    text = caption(
        evidence,
        runs,
        f"{kind.capitalize()} profiles over {count_of(len(runtimes.problems), 'problem')} that every solver "
        "met, of the ERT over seeds.",
        "Budgets are cut to the smallest on each problem.",
        "Profiles of three solvers and more do not order them pairwise." if kind == "performance" else "",
        said_of_leading(chosen, runs),
    )
    return Drawing(figure, text, DataFrame(rows, columns=["kind", "target", "solver", "x", "share"]))


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw both kinds."""
    runtimes, _ = common_of(evidence, FEWEST)
    assert runtimes is not None
    runs = lines(evidence)
    runs = runs[runs["problem_name"].isin(runtimes.problems)]
    return [_draw(evidence, kind, runtimes, runs) for kind in ("performance", "data")]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    return common_of(evidence, FEWEST)[1]


report = Report(name="profiles", title="Performance and data profiles", draw=draw, missing=missing)
