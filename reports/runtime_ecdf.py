"""Runtime ECDF: the share of (run, target) pairs hit within a number of queries per dimension.

The field's own form (Hansen et al., "COCO: a platform for comparing continuous optimizers", 2021): the axis
is log10(queries / dim), every pair of a run and a target counts once, and a cross marks where a budget ends.
The hits are exact, not read off a curve.
"""

from typing import Any

import numpy as np

from zobench.curves import leading, lines, runtimes_of, said_of_leading
from zobench.drawing import below, count_of, instance_of, legend, panels, rest, span, title_of
from zobench.performance.ecdf import Ecdf
from zobench.performance.ecdf import ecdf as simulated
from zobench.report import Drawing, Evidence, Report

#: Jumps of one line; more are nearer to one another than a figure shows.
JUMPS = 250
#: Decades that are drawn beyond the largest budget, where there is nothing but simulated restarts.
BEYOND = 2.0
#: Panels of the figure with one problem a panel.
PANELS = 12


def pairs(evidence: Evidence) -> Any:
    """Give every (run, target) pair as a row: label, problem_name, dim, budget, target, queries or NaN.

    A run that failed before it had hits counts as one that hit no target.  Problems without a reference, or
    whose queries are samples, have no targets and are left out.
    """
    return evidence.keep("pairs", lambda: _pairs(evidence))


def _pairs(evidence: Evidence) -> Any:
    from pandas import DataFrame

    runs = lines(evidence)
    known = runs[np.isfinite(runs["reference"].astype(float))].drop_duplicates("problem_name")
    exact = [
        run.problem_name for run in known.itertuples() if not getattr(instance_of(run), "stochastic", False)
    ]
    runs = runs[runs["problem_name"].isin(exact)]
    targets = DataFrame({"target": np.sort(evidence.hits["target"].unique())[::-1]})
    columns = ["id", "solver", "label", "variant", "problem", "problem_name", "dim", "budget", "seed"]
    full = runs[columns].merge(targets, how="cross")
    return full.merge(evidence.hits, on=["id", "target"], how="left")


def ecdf(rows: Any) -> tuple[np.ndarray, np.ndarray]:
    """Give the jumps: log10(queries / dim) of each hit, sorted, and the share of pairs hit by then."""
    hit = rows[rows["queries"].notna()]
    times = np.sort(np.log10(hit["queries"].to_numpy(float) / hit["dim"].to_numpy(float)))
    where = np.unique(times)
    return where, np.searchsorted(times, where, side="right") / len(rows)


def thinned(where: np.ndarray, share: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Keep one jump, the last, in each of `most` equal parts of the axis, where there are more of them."""
    if where.size <= most:
        return where, share
    part = np.floor((where - where[0]) / (where[-1] - where[0]) * (most - 1e-9))
    last = np.flatnonzero(np.diff(part, append=np.inf))
    return where[last], share[last]


def _curve(axis: Any, evidence: Evidence, rows: Any, left: float, jumps: int) -> None:
    first = next(rows.itertuples())
    style = evidence.style(first.solver, first.variant)
    where, share = thinned(*ecdf(rows), jumps)
    ends = np.unique(np.log10(rows["budget"].to_numpy(float) / rows["dim"].to_numpy(float)))
    x = np.concatenate([[left], where, ends[-1:]])
    y = np.concatenate([[0.0], share, share[-1:] if share.size else [0.0]])
    (line,) = axis.step(
        x,
        y,
        where="post",
        color=style.color,
        linestyle=style.dash,
        marker=style.marker,
        markersize=4,
        markevery=0.15,
        label=first.label,
    )
    line.set_gid(f"ecdf {first.label}")
    heights = y[np.searchsorted(x, ends, side="right") - 1]
    (marks,) = axis.plot(ends, heights, "x", color=style.color, markersize=7, markeredgewidth=1.8, zorder=5)
    marks.set_gid(f"ends {first.label}")


def _curves(
    axis: Any, evidence: Evidence, rows: Any, left: float, chosen: set[str], jumps: int = JUMPS
) -> None:
    others: list[Any] = []
    for label, own in rows.groupby("label", sort=True):
        if label in chosen:
            _curve(axis, evidence, own, left, jumps)
        else:
            where, share = thinned(*ecdf(own), jumps // 2)
            others.append(
                (np.repeat(where, 2), np.concatenate([[0.0], np.repeat(share, 2)[:-1]])[: 2 * where.size])
            )
    rest(axis, others)


def _finish(axis: Any, left: float, right: float) -> None:
    axis.set_ylim(-0.02, 1.02)
    margin = 0.02 * (right - left)
    axis.set_xlim(left, right + 2 * margin)


#: What a cross means where no restarts are simulated.
CROSSES = "Crosses: a budget ends; right of a line's first cross its true height may be larger."


def _caption(evidence: Evidence, rows: Any, what: str, crosses: str = CROSSES) -> str:
    runs = rows.drop_duplicates("id")
    per = runs.groupby(["problem_name", "label"])["seed"].nunique()
    parts = [
        what,
        f"{count_of(len(rows), 'pair')} of {count_of(len(runs), 'run')} and "
        f"{rows['target'].nunique()} targets, f - f_star <= target x (f(x0) - f_star), "
        f"target from {rows['target'].max():.2g} to {rows['target'].min():.2g}.",
        f"{count_of(runs['problem_name'].nunique(), 'problem')}, "
        f"{span(per)} seed{'s' if per.max() > 1 else ''} a problem and line, "
        f"budget {span(runs['budget'])} queries.",
        crosses,
    ]
    chosen = leading(evidence, runs)
    if said := said_of_leading(chosen, runs):
        parts.append(said)
    met = {label: frozenset(own["problem_name"]) for label, own in runs.groupby("label")}
    if len(set(met.values())) > 1:
        parts.append("The solvers ran on different problems: their lines do not compare.")
    left_out = evidence.campaign[~evidence.campaign["id"].isin(runs["id"])]
    if len(left_out):
        names = ", ".join(sorted(left_out["problem"].unique()))
        parts.append(
            f"Left out: {count_of(len(left_out), 'run')} without exact hits ({names}), because nothing "
            "certifies a reference or a query answers a sample."
        )
    observed = len(evidence.runs) - len(evidence.campaign)
    if observed:
        parts.append(f"Left out: {count_of(observed, 'run')} observed for a theorem.")
    return " ".join([*parts, f"Redraw: {evidence.command}."])


def restarts(evidence: Evidence) -> dict[str, Ecdf]:
    """Give each line's ECDF with simulated restarts; empty where nothing was hit."""

    def made() -> dict[str, Ecdf]:
        found, _ = runtimes_of(evidence)
        return {} if found is None else simulated(found)

    return evidence.keep("restarts", made)


def _restarted(evidence: Evidence, rows: Any, chosen: set[str]) -> Drawing | None:
    """Draw the shares of (problem, target) pairs of solvers that start anew whenever a run ends."""
    curves = restarts(evidence)
    reached = [curve.queries_per_dim for curve in curves.values() if curve.queries_per_dim.size]
    if not reached:
        return None
    figure, (axis,) = panels(1, evidence.width, height=3.9)
    ends = {name: float(curve.budgets[-1]) for name, curve in curves.items()}
    left = min(0.0, float(np.log10(min(one[0] for one in reached))) - 0.1)
    right = min(np.log10(max(one[-1] for one in reached)), np.log10(max(ends.values())) + BEYOND)
    looks = rows.drop_duplicates("label").set_index("label")
    others: list[Any] = []
    for name, curve in curves.items():
        where, share = np.log10(curve.queries_per_dim), curve.share
        where, share = thinned(where[where <= right], share[where <= right], JUMPS)
        x = np.concatenate([[left], where, [right]])
        y = np.concatenate([[0.0], share, share[-1:] if share.size else [0.0]])
        if name not in chosen:
            others.append((np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]))
            continue
        style = evidence.style(looks.loc[name, "solver"], int(looks.loc[name, "variant"]))
        (line,) = axis.step(
            x,
            y,
            where="post",
            color=style.color,
            linestyle=style.dash,
            marker=style.marker,
            markersize=4,
            markevery=0.15,
            label=name,
        )
        line.set_gid(f"restarts {name}")
        end = np.log10(ends[name])
        height = y[np.searchsorted(x, end, side="right") - 1]
        (mark,) = axis.plot(
            [end], [height], "x", color=style.color, markersize=7, markeredgewidth=1.8, zorder=5
        )
        mark.set_gid(f"end {name}")
    rest(axis, others)
    _finish(axis, left, right)
    axis.set_xlabel("log10(queries / dim)")
    axis.set_ylabel("share of (problem, target) pairs hit")
    legend(figure, [axis])
    text = _caption(
        evidence,
        rows,
        "All problems, with simulated restarts: where a run misses a target, further runs of the same "
        "solver and problem are drawn until one hits, and all their queries count; every pair of a problem "
        "and a target weighs the same.",
        "Cross: the largest budget / dim; right of it a line rests on simulated restarts alone. A line that "
        "ends below 1 has pairs that no run hit.",
    )
    return Drawing(figure, text)


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw the ECDF over all problems, then one panel a problem, then all with simulated restarts."""
    if missing(evidence):
        return []
    rows = pairs(evidence)
    first = float(np.log10((rows["queries"] / rows["dim"]).min()))  # NaN if no pair is hit
    left = first - 0.1 if first < 0.1 else 0.0
    right = float(np.log10((rows["budget"] / rows["dim"]).max()))
    figure, (axis,) = panels(1, evidence.width, height=3.9)
    chosen = leading(evidence, rows.drop_duplicates("id"))
    _curves(axis, evidence, rows, left, chosen)
    _finish(axis, left, right)
    axis.set_xlabel("log10(queries / dim)")
    axis.set_ylabel("share of (run, target) pairs hit")
    legend(figure, [axis])
    drawings = [Drawing(figure, _caption(evidence, rows, "Runtime ECDF over problems, targets and seeds."))]
    every = list(dict.fromkeys(rows["problem_name"]))
    names = every[:PANELS]
    if 1 < len(names):
        runs = evidence.campaign.drop_duplicates("problem_name")
        titles = {run.problem_name: title_of(run) for run in runs.itertuples()}
        figure, axes = panels(len(names), evidence.width)
        for axis, name in zip(axes, names, strict=True):
            here = rows[rows["problem_name"] == name]
            _curves(axis, evidence, here, left, chosen, JUMPS // 3)
            _finish(axis, left, right)
            axis.set_title(titles[name], loc="left")
        axes[0].set_ylabel("share of pairs hit")
        legend(figure, axes)
        below(figure, "log10(queries / dim)")
        what = "The same, one problem a panel."
        if len(every) > PANELS:
            what += f" The first {PANELS} of {len(every)} problems; for all see tables/summary.csv."
        drawings.append(Drawing(figure, _caption(evidence, rows, what)))
    again = _restarted(evidence, rows, chosen)
    return drawings if again is None else [*drawings, again]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    if not len(evidence.runs):
        return "the store holds no runs"
    if not len(evidence.hits) or not len(pairs(evidence)):
        return "no run has exact hits: nothing certifies a reference, or a query answers a sample"
    return ""


report = Report(
    name="runtime-ecdf", title="Runtime ECDF over problems, targets and seeds", draw=draw, missing=missing
)
