"""Looks of lines, single figures from the command line, and what is drawn of unusual stores."""

import itertools
import re
import shlex
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import zobench
from benchmarks.made_up_store import campaign
from zobench.cli.main import cli
from zobench.looks import KNOWN, PALETTE, looks
from zobench.registry import catalogue
from zobench.report import Evidence
from zobench.store.database import Store

#: Linear sRGB as a dichromat sees it.  Source: Machado, Oliveira and Fernandes, "A physiologically-based
#: model for simulation of color vision deficiency", IEEE Trans. Vis. Comput. Graph. 15, 2009; severity 1.
SIGHTS = {
    "full": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(color, sight):
    """Give CIELAB coordinates of a colour as it is seen."""
    parts = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255.0
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(SIGHTS[sight] @ linear, 0.0, 1.0) / XYZ.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(colors):
    return min(
        float(np.linalg.norm(lab(one, sight) - lab(other, sight)))
        for sight in SIGHTS
        for one, other in itertools.combinations(colors, 2)
    )


def test_colours_are_apart_for_all_sights():
    assert lab("#ffffff", "full") == pytest.approx([100, 0, 0], abs=0.05)
    assert apart(PALETTE) > 18.0  # about eight of the smallest differences that one sees
    # seaborn's palette has a green and a grey that a deuteranope hardly tells apart
    seaborn = ("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#56b4e9", "#949494")
    assert apart(seaborn) < 11.0
    for color in PALETTE:  # and none is too pale for white paper
        assert lab(color, "full")[0] < 75


def by_place(names):
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(sorted(names))}


def by_name(names):
    return {name: style.color for name, style in looks(names).items()}


def colours_stay(function):
    every = [*catalogue("solvers"), *(f"mine-{place}" for place in range(30))]
    together = function(every)
    for name in every:
        assert function([name]) == {name: together[name]}
        assert function([name, "s2p", "zz"])[name] == together[name]


def test_a_solver_has_its_colour_whoever_else_is_drawn():
    colours_stay(by_name)
    with pytest.raises(AssertionError):
        colours_stay(by_place)


def test_no_two_solvers_look_the_same():
    shipped = looks(catalogue("solvers"))
    assert set(shipped) == set(KNOWN)
    assert len(set(shipped.values())) == len(shipped)
    assert len({style.color for style in looks(KNOWN[:8]).values()}) == 8
    strangers = looks([*KNOWN, *(f"method-{place:03d}" for place in range(80))])
    assert len(set(strangers.values())) == len(KNOWN) + 80


# zobench report STORE --only FIGURE


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("only") / "s.sqlite"
    with Store(path) as kept:
        kept.put(*campaign(solvers=2, seeds=2, budget=100, dims=(4, 10, 20), problems=1))
    return path


def call(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_the_command_of_each_caption_draws_that_figure_alone(store, tmp_path):
    evidence = Evidence.from_store(store)
    drawn = {name: report.drawings(evidence) for name, report in catalogue("reports").items()}
    assert sum(map(bool, drawn.values())) >= 10
    for name, drawings in drawn.items():
        for drawing in drawings:
            command = re.search(r"Redraw: zobench (.*)\.$", drawing.caption)[1]
            assert shlex.split(command) == ["report", store.name, "--only", name]
    words = shlex.split(command)
    words[1] = store
    result = call(*words, "--out", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, "")
    written = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*")}
    stems = [f"{words[-1]}-{place}" for place in range(1, len(drawings) + 1)]
    assert {path.name for path in written} >= {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")}
    assert not (tmp_path / "out" / "index.html").exists()
    assert len(result.stdout.splitlines()) == len(written)
    again = call(*words, "--out", tmp_path / "again")
    assert again.exit_code == 0
    for stem in stems:  # the same store gives the same bytes
        mine, other = (tmp_path / folder / "figures" / f"{stem}.svg" for folder in ("out", "again"))
        assert mine.read_bytes() == other.read_bytes()


def test_what_cannot_be_drawn_alone_is_told(store, tmp_path):
    result = call("report", store, "--only", "tightness", "--only", "heat-map", "--out", tmp_path)
    assert result.exit_code == 1
    assert "tightness not drawn: no theorem was tried" in result.stderr
    assert (tmp_path / "figures" / "heat-map-1.png").stat().st_size > 1000
    result = call("report", store, "--only", "heatmap", "--out", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'heat-map'" in result.stderr
    (tmp_path / "file").write_text("")
    result = call("report", store, "--only", "heat-map", "--out", tmp_path / "file")
    assert result.exit_code == 2
    assert "must be writable" in result.stderr


# Unusual stores: every report draws, or says why not


STORES = (
    *("single seeds", "a solver absent from a problem", "all failed", "one run", "nothing hit", "nothing"),
    "stochastic alone",
)


@pytest.fixture(scope="module")
def unusual():
    some = list(campaign(solvers=3, seeds=2, budget=60, dims=(4, 10, 20), problems=1))
    lone = [t for t in some if not (t.key.solver == "method-01" and t.key.dim == 10)]
    whole = Evidence.from_traces(some)
    failed = whole.runs.assign(
        status="failed", count=0, best=np.nan, message="it broke", reference=np.nan, start=np.nan
    )
    found = (
        Evidence.from_traces([t for t in some if t.key.seed == 0]),
        Evidence.from_traces(lone),
        replace(whole, runs=failed, traces=whole.traces[:0], hits=whole.hits[:0]),
        Evidence.from_traces(some[:1]),
        replace(whole, hits=whole.hits.assign(queries=np.nan)),
        replace(whole, runs=whole.runs[:0], traces=whole.traces[:0], hits=whole.hits[:0]),
        Evidence.from_traces([zobench.run("interpolating-regression", "s2p", budget=50)]),
    )
    return dict(zip(STORES, found, strict=True))


@pytest.mark.parametrize("name", STORES)
def test_unusual_stores_are_drawn_or_refused_with_a_reason(name, unusual):
    evidence = unusual[name]
    for report in catalogue("reports").values():
        drawings = report.drawings(evidence)
        assert bool(drawings) != bool(report.missing(evidence)), report.name
        for drawing in drawings:
            if drawing is drawings[-1]:  # all are of one kind
                drawing.figure.draw_without_rendering()
            assert f"--only {report.name}" in drawing.caption
            assert "nan" not in drawing.caption


def swept(budgets, failed=()):
    problem = zobench.problem("quadratic", dim=3)
    runs = [
        zobench.run(problem, "stp", budget=budget, seed=seed, parameters={"alpha0": value})
        for budget in budgets
        for value in (0.1, 0.3, 1.0)
        for seed in range(3)
    ]
    evidence = Evidence.from_traces(runs)
    gone = evidence.runs["solver_parameters"].str.contains('"alpha0": 0.3') & evidence.runs["seed"].isin(
        failed
    )
    lost = {"status": "failed", "best": np.nan, "reference": np.nan, "start": np.nan}
    changed = evidence.runs.assign(
        **{name: evidence.runs[name].mask(gone, value) for name, value in lost.items()}
    )
    return replace(evidence, runs=changed)


def test_step_sizes_keep_budgets_apart_and_failed_runs():
    report = catalogue("reports")["step-sizes"]
    [drawing] = report.drawings(swept([60, 200]))
    assert len(drawing.figure.axes) == 2
    assert [axis.get_title(loc="left").split("budget")[1].strip() for axis in drawing.figure.axes] == [
        "60",
        "200",
    ]
    lines = [axis.lines[0].get_ydata() for axis in drawing.figure.axes]
    assert (lines[1] < lines[0]).all()
    few, many = (report.drawings(swept([60], failed))[0] for failed in ([0], [0, 1]))
    assert np.isfinite(
        few.figure.axes[0].lines[0].get_ydata()
    ).all()  # the median of three, one of them failed
    assert np.isinf(many.figure.axes[0].lines[0].get_ydata()).tolist() == [False, True, False]


def test_limits_off_a_logarithmic_axis_do_not_stretch_it():
    points = [[10.0, 1.0, 0.0, 2.0], [20.0, 0.5, 0.4, np.inf], [40.0, 0.25, 0.2, 0.3]]
    facts = {
        "theorem": "one",
        "solver": "s2p",
        "problem": "quadratic",
        "seeds": 20,
        "relation": "slope",
        "quantity": "exponent in K of a mean, K from 10 to 40",
        "verdict": "supported",
        **{"bound": -1.0, "mean": -1.0, "ci_low": -1.1, "ci_high": -0.9, "points": points},
    }
    [drawing] = catalogue("reports")["slopes"].drawings(Evidence.from_traces([], [facts]))
    low, high = drawing.figure.axes[0].get_ylim()
    assert 0.1 < low < 0.25
    assert 1.9 < high < 3.0
