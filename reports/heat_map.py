"""Heat map of solvers and problems: the share of targets that the runs of each pair hit."""

from typing import Any

import numpy as np

from zobench.curves import leading, lines
from zobench.drawing import caption, shortened
from zobench.report import Drawing, Evidence, Report

#: Rows of one figure; more solvers are refused but for the leading ones.
ROWS = 80


def shares(evidence: Evidence) -> Any:
    """Tabulate the mean share of targets hit: rows solvers, columns problems, NaN where they did not meet."""
    runs = lines(evidence)
    hit = evidence.hits["queries"].notna().groupby(evidence.hits["id"]).mean()
    known = set(runs.loc[runs["id"].isin(hit.index), "problem_name"])
    runs = runs[runs["problem_name"].isin(known)]
    share = runs["id"].map(hit).fillna(0.0)  # a failed run hits nothing
    table = runs.assign(share=share).pivot_table(
        index="label", columns="problem_name", values="share", aggfunc="mean"
    )
    return table.reindex(columns=list(dict.fromkeys(runs["problem_name"])))


def _draw(evidence: Evidence, table: Any) -> Any:
    from matplotlib.figure import Figure

    left = 0.3 + 0.075 * min(30, max(map(len, table.index)))
    most = max(1, int((evidence.width - left - 0.9) / 0.3))
    blocks = -(-table.shape[1] // most)
    names = 0.2 + 0.053 * min(40, max(map(len, table.columns)))
    high = 0.2 * len(table)
    height = blocks * (high + names + 0.25) + 0.15
    width = left + 0.3 * min(most, table.shape[1]) + 0.75
    figure = Figure(figsize=(width, height))
    for block in range(blocks):
        part = table.iloc[:, block * most : (block + 1) * most]
        wide = 0.3 * part.shape[1]
        bottom = height - 0.1 - (block + 1) * high - block * (names + 0.25)
        axis = figure.add_axes((left / width, bottom / height, wide / width, high / height))
        axis.set_facecolor("#d9d9d9")
        image = axis.imshow(
            np.ma.masked_invalid(part.to_numpy(float)), cmap="cividis", vmin=0.0, vmax=1.0, aspect="auto"
        )
        image.set_gid(f"shares {block}")
        axis.grid(False)
        axis.set_yticks(range(len(part)), [shortened(name, 30) for name in part.index], fontsize=7)
        axis.set_xticks(
            range(part.shape[1]), [shortened(name, 40) for name in part.columns], rotation=90, fontsize=7
        )
    tall = min(1.4, high)
    bar = figure.add_axes(((width - 0.6) / width, 1.0 - (0.1 + tall) / height, 0.12 / width, tall / height))
    figure.colorbar(image, cax=bar).ax.tick_params(labelsize=7)
    return figure


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw the map."""
    table = shares(evidence)
    chosen = leading(evidence, lines(evidence), ROWS)
    kept = table[table.index.isin(chosen)]
    runs = evidence.campaign
    text = caption(
        evidence,
        runs[runs["problem_name"].isin(table.columns)],
        "Share of the targets hit within the budget, the mean over seeds, of every solver on every problem: "
        "0 dark, 1 bright; grey: no run.",
        f"Not drawn: {len(table) - len(kept)} solvers with less area under the ECDF."
        if len(kept) < len(table)
        else "",
    )
    return [Drawing(_draw(evidence, kept), text, table.reset_index())]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    if not len(evidence.runs):
        return "the store holds no runs"
    return "" if len(evidence.hits) and shares(evidence).size else "no run has exact hits"


report = Report(name="heat-map", title="Share of targets hit, solver by problem", draw=draw, missing=missing)
