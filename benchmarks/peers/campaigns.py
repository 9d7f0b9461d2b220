"""Whole campaigns with all that is recorded: five functions, ten seeds, a short and a long budget.

zobench does it twice: on its compiled problems, as its users would, and on the functions of COCO that the
others get, through Python.  A campaign is a process of its own from its start to its end.
"""

import os
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.peers.measure import Figure, figures, process
from benchmarks.peers.sides import Missing, need

DIM, SEEDS, SHORT, LONG = 10, 10, 2000, 40_000
PROBLEMS = ["quadratic", "rosenbrock", "styblinski-tang", "cosh", "nonconvex-cosine"]
RUNS = len(PROBLEMS) * SEEDS

_OURS = """
import sys
from zobench.__main__ import main
sys.argv = ["zobench", "run", {file!r}, "--store", {store!r}, "--workers", "1"]
try:
    main()
except SystemExit as done:
    assert not done.code
"""
_THEIRS = """
import sys
sys.path.insert(0, {here!r})
from benchmarks.peers import recorded
print(recorded.{function}({word!r}, {seeds}, {dim}, {budget}))
"""
_COCO = {"cocoex": "coco-experiment"}
_THROUGH = [f"coco:bbob_f{number:03d}_i01_d{DIM}" for number in range(1, 6)]
#: Sides beside zobench: the function in `recorded`, what they need by module.
THEIRS = {
    "coco-experiment with its observer, S2P in NumPy": ("coco", _COCO),
    "ioh with its logger, S2P in NumPy": ("ioh", {"ioh": "ioh"}),
    "Nevergrad with its logger, OnePlusOne": ("nevergrad", _COCO | {"nevergrad": "nevergrad"}),
    "SciPy with a callback, Nelder-Mead": ("scipy", _COCO),
    "pycma with its logger, CMA-ES": ("pycma", _COCO | {"cma": "cma"}),
}
#: Those whose long campaign takes minutes a round.
SLOW = ("Nevergrad", "pycma", "SciPy")


def counted(store: Path) -> int:
    """Read the number of evaluations off a store, and remove it."""
    with closing(sqlite3.connect(store)) as connection:
        (total,) = connection.execute("SELECT sum(count) FROM runs WHERE status != 'failed'").fetchone()
    store.unlink()
    return int(total)


def ours(problems: list[str], place: Path, budget: int, turn: int) -> tuple[float, int]:
    """Do a campaign of zobench; give its processor seconds and its evaluations."""
    file, store = place / "campaign.toml", place / f"store-{turn}.sqlite"
    file.write_text(
        f"problems = {problems!r}\nsolvers = ['s2p']\nbudget = {budget}\nseeds = {SEEDS}\n", encoding="utf-8"
    )
    done = process(_OURS.format(file=str(file), store=str(store)), str(place))
    return done.seconds, counted(store)


def theirs(function: str, place: Path, budget: int, turn: int) -> tuple[float, int]:
    """Do a campaign of a peer; give its processor seconds and its evaluations."""
    told = {"here": os.getcwd(), "seeds": SEEDS, "dim": DIM, "budget": budget}
    word = f"{function}-{budget}-{turn}"
    done = process(_THEIRS.format(function=function, word=word, **told), str(place))
    return done.seconds, int(done.said[-1])


def measure(rounds: int, folder: str, notes: list[str], quick: bool) -> dict[str, list[Figure]]:
    """Do the campaigns in turn; give processor seconds of each whole process, and the evaluations."""
    place = Path(folder)
    sides = {"zobench run, compiled problems": partial(ours, [f"{name}:dim={DIM}" for name in PROBLEMS])}
    for name, (function, modules) in {"zobench run, COCO's functions": ("", _COCO), **THEIRS}.items():
        try:
            for module, package in modules.items():
                need(module, package)
            sides[name] = partial(theirs, function) if function else partial(ours, _THROUGH)
        except Missing as why:
            notes.append(f"campaigns, {name}: {why}")
    found = {}
    for budget in (SHORT,) if quick else (SHORT, LONG):
        here = {n: do for n, do in sides.items() if not (n.startswith(SLOW) and (quick or budget == LONG))}
        title = f"A campaign of {RUNS} runs of {budget:,} evaluations, d = {DIM}, all recorded (processor s)"
        found[title] = in_rounds(here, place, budget, rounds)
    if not quick:
        notes.append(
            f"{', '.join(SLOW)}: no campaign of {LONG:,} evaluations a run, which takes minutes a round"
        )
    return found


def in_rounds(sides: dict[str, partial], place: Path, budget: int, rounds: int) -> list[Figure]:
    taken: dict[str, list[float]] = {name: [] for name in sides}
    seen: dict[str, int | None] = {}
    for turn in range(rounds + 1):
        for name, do in sides.items():
            seconds, seen[name] = do(place, budget, turn)
            if seen[name] != RUNS * budget:
                raise AssertionError(f"{name} evaluated {seen[name]:,} times, not {RUNS * budget:,}")
            if turn:  # the first compiles
                taken[name].append(seconds)
    return figures(taken, seen)
