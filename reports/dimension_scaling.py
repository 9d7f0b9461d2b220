"""Dimension scaling: queries of the median run to one target against the dimension, one panel a problem."""

import re
from typing import Any

import numpy as np

from zobench.curves import leading, lines, said_of_leading
from zobench.drawing import below, caption, count_of, legend, panels, rest
from zobench.report import Drawing, Evidence, Report

#: A problem with fewer dimensions has no panel.
FEWEST = 3
#: Lines of a figure that have bands.
BANDS = 6
#: Panels drawn.
PANELS = 12
KEYS = ["problem", "problem_parameters", "instance_seed", "noise"]


def medians(evidence: Evidence) -> list[tuple[str, float, Any, Any, Any]]:
    """Give for each problem its name, the target, and the quartiles of the queries, the median first.

    Of each three tables the rows are dimensions, the columns labels; inf where a quartile did not hit.

    The target is the smallest one that some solver's median run hits in every dimension.
    """
    return evidence.keep("scaling", lambda: _medians(evidence))


def _medians(evidence: Evidence) -> list[tuple[str, float, Any, Any, Any]]:
    runs, found = lines(evidence), []
    for _, group in runs.groupby(KEYS, sort=True):
        if group["dim"].nunique() < FEWEST:
            continue
        own = evidence.hits[evidence.hits["id"].isin(group["id"])]
        wide = own.pivot(index="id", columns="target", values="queries").reindex(group["id"])
        cells = wide.fillna(np.inf).groupby([group["dim"].to_numpy(), group["label"].to_numpy()])
        # of two runs with one hit the median run is the one without
        table = cells.quantile(0.5, interpolation="higher")
        whole = (
            np.isfinite(table).groupby(level=1).all()
            & (table.groupby(level=1).size() == group["dim"].nunique()).to_numpy()[:, None]
        )
        met = whole.any()
        if met.any():
            target = float(min(met.index[met]))
            name = re.sub(r"dim \d+(, )?", "", str(group["problem_name"].iloc[0])).removesuffix(" ()")
            # outwards, so that of three runs the band is all of them
            sides = (
                cells[target].quantile(part, interpolation=way)
                for part, way in ((0.25, "lower"), (0.75, "higher"))
            )
            found.append((name, target, *(one.unstack() for one in (table[target], *sides))))
    return found


def _line(axis: Any, style: Any, label: str, dims: np.ndarray, quartiles: list[Any], band: bool) -> None:
    """Draw one line with its band; a quartile that did not hit is NaN."""
    middle, low, high = quartiles
    (line,) = axis.plot(
        dims, middle, color=style.color, linestyle=style.dash, marker=style.marker, label=label
    )
    line.set_gid(f"scaling {label}")
    if band:
        area = axis.fill_between(dims, low, high, color=style.color, alpha=0.15, linewidth=0)
        area.set_gid(f"band {label}")


def _guides(axis: Any, dims: np.ndarray, lowest: float) -> None:
    """Draw growth like d and like d^2."""
    for power, name in ((1, "d"), (2, "d^2")):
        (guide,) = axis.plot(dims, lowest * (dims / dims[0]) ** power, ":", color="#777777", linewidth=1)
        guide.set_gid(f"guide {power}")
        place = float(np.sqrt(dims[-1] * dims[-2]))
        axis.text(
            place,
            lowest * (place / dims[0]) ** power,
            name,
            fontsize=7,
            ha="center",
            va="center",
            bbox={"color": "white", "pad": 0.6},
        )


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw one panel a problem."""
    every = medians(evidence)
    cases = every[:PANELS]
    runs = lines(evidence)
    runs = runs[runs["label"].isin({label for case in cases for label in case[2]})]
    chosen = leading(evidence, runs)
    looks = runs.drop_duplicates("label").set_index("label")
    figure, axes = panels(len(cases), evidence.width)
    for axis, (name, target, *tables) in zip(axes, cases, strict=True):
        dims = tables[0].index.to_numpy(float)
        others: list[Any] = []
        for label in tables[0]:
            quartiles = [
                np.where(np.isfinite(one[label]), one[label], np.nan).astype(float) for one in tables
            ]
            if np.isnan(quartiles[0]).all():
                continue
            if label not in chosen:
                others.append((dims, quartiles[0]))
                continue
            style = evidence.style(looks.loc[label, "solver"], int(looks.loc[label, "variant"]))
            _line(axis, style, label, dims, quartiles, len(chosen) <= BANDS)
        axis.set_xscale("log")
        axis.set_yscale("log")
        rest(axis, others)
        _guides(axis, dims, float(np.nanmin(np.where(np.isfinite(tables[0]), tables[0], np.nan))))
        axis.set_xticks(dims, [f"{dim:g}" for dim in dims])
        axis.minorticks_off()
        axis.set_title(f"{name}\ntarget {target:.2g}", loc="left")
        axis.set_ylabel("queries")
    legend(figure, axes)
    below(figure, "dimension")
    text = caption(
        evidence,
        runs,
        "Queries of the median run to the smallest target that some solver's median run hits in every "
        "dimension; both axes logarithmic; dotted: growth like d and like d^2.",
        "Line: median over seeds; band: first to third quartile, the outer neighbours, where both hit."
        if len(chosen) <= BANDS
        else f"Line: median over seeds; no bands: {len(chosen)} of them would hide one another.",
        "A missing marker: the median run did not hit it.",
        said_of_leading(chosen, runs),
        f"Not drawn: {count_of(len(every) - PANELS, 'problem')} more." if len(every) > PANELS else "",
    )
    rows = [
        table.stack()
        .rename("queries")
        .rename_axis(["dim", "solver"])
        .reset_index()
        .assign(problem=name, target=target)
        for name, target, table, *_ in cases
    ]
    from pandas import concat

    return [Drawing(figure, text, concat(rows))]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    if not len(evidence.runs):
        return "the store holds no runs"
    if medians(evidence):
        return ""
    return f"no problem has runs in {FEWEST} dimensions and a target that a solver hits in all of them"


report = Report(name="dimension-scaling", title="Queries against the dimension", draw=draw, missing=missing)
