"""Claims that campaigns name, one figure each: what was measured, what is claimed, and the verdict.

A row is a cell, the claim on one problem: a point for the mean, a bar for its confidence interval at the
level at which Holm's procedure tested it.  The claimed interval is shaded: a bar inside it
holds and a bar outside it does not.
"""

import math
import textwrap
from typing import Any

from zobench.claims.claim import VERDICTS, Cell, Judgement, interval_text
from zobench.drawing import count_of, panels
from zobench.report import Drawing, Evidence, Report

#: Colour and marker of a cell by its verdict: the marker tells it without colours.
LOOKS = {"held": ("#029e73", "o"), "did not hold": ("#d55e00", "X"), "undecided": ("#949494", "D")}
#: What the axis shows, by kind.
AXES = {
    "faster": "queries of the other method / queries of this one",
    "lower": "final gap of the other method / final gap of this one",
    "final": "final gap / gap of the start",
    "linear": "queries late / queries early, for equal factors of the gap",
    "slope": "exponent",
}
#: An axis of factors shows no more than this many decades, or everything would be one point.
DECADES = 12.0


def _limits(judgement: Judgement) -> tuple[float, float]:
    """Choose the ends of the axis: finite estimates and interval ends, and the claimed interval's."""
    claim = judgement.claim
    shown = [end for cell in judgement.cells for end in (cell.estimate, *cell.bounds)]
    shown += [claim.above, claim.below]
    known = [value for value in shown if math.isfinite(value) and (value > 0 or not claim.logs)]
    if not claim.logs:
        low, high = min(known, default=0.0), max(known, default=1.0)
        margin = 0.08 * (high - low) or 0.1
        return low - margin, high + margin
    logs = [math.log10(value) for value in known] or [0.0]
    high = max(logs)
    low = max(min(logs), high - DECADES)
    margin = 0.08 * (high - low) or 0.1
    return 10.0 ** (low - margin), 10.0 ** (high + margin)


def _row(axis: Any, cell: Cell, place: int, ends: tuple[float, float]) -> None:
    color, marker = LOOKS[cell.verdict]
    low, high = (min(max(end, ends[0]), ends[1]) for end in cell.bounds)
    (bar,) = axis.plot([low, high], [place, place], color=color, linewidth=2.2, solid_capstyle="butt")
    bar.set_gid(f"interval {cell.where}")
    for end, cut, sign in ((low, cell.bounds[0] < low, "<"), (high, cell.bounds[1] > high, ">")):
        if cut:  # the interval goes on beyond the axis
            axis.plot([end], [place], sign, color=color, markersize=6, clip_on=False)
    if math.isfinite(cell.estimate):
        estimate = min(max(cell.estimate, ends[0]), ends[1])
        (point,) = axis.plot([estimate], [place], marker, color=color, markersize=6, zorder=4)
        point.set_gid(f"estimate {cell.where}")


def _plain_ticks(axis: Any, ends: tuple[float, float]) -> None:
    """Write factors as plain numbers; over more than three decades powers of ten stay."""
    decades = math.log10(ends[1] / ends[0])
    if decades > 3.0:
        return
    digits = (1, 2, 5) if decades > 0.7 else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
    exponents = range(math.floor(math.log10(ends[0])), math.ceil(math.log10(ends[1])) + 1)
    ticks = [digit * 10.0**exponent for exponent in exponents for digit in digits]
    shown = [tick for tick in ticks if ends[0] <= tick <= ends[1]]
    axis.set_xticks(shown, [f"{tick:g}" for tick in shown])


def _figure(evidence: Evidence, judgement: Judgement) -> Any:
    claim, cells = judgement.claim, judgement.cells
    wide = evidence.width > 5
    title = textwrap.wrap(f"{judgement.verdict.upper()}: {claim.says}", 84 if wide else 46)
    labels = [
        textwrap.wrap(textwrap.shorten(cell.where, 92, placeholder=" ..."), 46 if wide else 24)
        for cell in cells
    ]
    tall = max(map(len, labels))
    figure, (axis,) = panels(
        1,
        min(evidence.width, 7.4),
        height=0.5 + 0.19 * len(title) + (0.1 + 0.13 * tall) * len(cells),
        left=2.75 if wide else 1.5,
        title=0.15 + 0.17 * len(title),
    )
    ends = _limits(judgement)
    if claim.logs:
        axis.set_xscale("log")
        axis.minorticks_off()
    axis.axvspan(max(claim.above, ends[0]), min(claim.below, ends[1]), color="#029e73", alpha=0.10, lw=0)
    for place, cell in enumerate(cells):
        _row(axis, cell, place, ends)
    axis.set_xlim(*ends)
    axis.set_ylim(len(cells) - 0.4, -0.6)
    axis.set_yticks(range(len(cells)), ["\n".join(lines) for lines in labels])
    axis.tick_params(axis="y", labelsize=7)
    axis.grid(axis="y", visible=False)
    if claim.logs:
        _plain_ticks(axis, ends)
    named = "\n".join(textwrap.wrap(AXES[claim.kind], 70 if wide else 36))
    axis.set_xlabel(named, fontsize=8 if wide else 7, labelpad=3 if wide else 0)
    figure.suptitle("\n".join(title), fontsize=9, x=0.01, ha="left")
    return figure


def caption(evidence: Evidence, title: str, judgement: Judgement) -> str:
    """Say claim, source, verdict, figures and what must be known of them."""
    claim, cells = judgement.claim, judgement.cells
    source = f"{claim.source}{' (recalled, not read)' if claim.recalled else ''}"
    sizes = sorted({len(cell.low) for cell in cells})
    replicates = (
        count_of(sizes[0], "replicate") if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} replicates"
    )
    parts = [
        f"Claim of campaign '{title}': {claim.says}.",
        f"Source: {source}." if source else "",
        f"Verdict: {judgement.verdict} ({VERDICTS[judgement.verdict]}): {judgement.figures()}.",
        f"{count_of(len(cells), 'cell')} of {replicates}; shaded: what is claimed; point and bar: the mean"
        f"{' of logarithms' if claim.logs else ''} and its interval at the level of Holm's procedure.",
    ]
    if claim.certain:
        parts[-1] = (
            f"{count_of(len(cells), 'cell')}; nothing in these runs is random, each decides by itself."
        )
    notes = list(dict.fromkeys(cell.note for cell in cells if cell.note))
    if notes:
        more = f"; and {len(notes) - 3} more such notes" if len(notes) > 3 else ""
        parts.append(f"Note: {'; '.join(notes[:3])}{more}.")
    against = [cell for cell in cells if cell.verdict == "did not hold"]
    if against and len(cells) > 1:
        told = "; ".join(f"{cell.where}: {interval_text(cell)}" for cell in against[:6])
        more = f"; and {len(against) - 6} more" if len(against) > 6 else ""
        parts.append(f"Did not hold: {told}{more}.")
    return " ".join([part for part in parts if part] + [f"Redraw: {evidence.command}."])


def draw(evidence: Evidence) -> list[Drawing]:
    """Draw every claim that could be judged."""
    return [
        Drawing(_figure(evidence, judgement), caption(evidence, title, judgement))
        for title, judgements in evidence.claims
        for judgement in judgements
        if judgement.cells
    ]


def missing(evidence: Evidence) -> str:
    """Say why nothing can be drawn."""
    if not evidence.claims:
        return "no campaign in the store makes claims; `zobench run s2p-claims` runs one that does"
    if not any(judgement.cells for _, judgements in evidence.claims for judgement in judgements):
        return "the campaign is unfinished: the same `zobench run` does the runs that are missing"
    return ""


report = Report(
    name="claims",
    title="Claims and what the runs say about them",
    draw=draw,
    missing=missing,
    part="theorems",
)
