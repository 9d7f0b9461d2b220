"""Whole campaigns with all that is recorded: five functions of COCO's, ten seeds, a short and a long budget.

zobench does it twice: on its compiled problems, as its users would, and on the same functions of COCO through
Python.  S2P everywhere; a campaign is a process of its own from its start to its end.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.peers.measure import Figure, figures, process
from benchmarks.peers.sides import Missing, need

DIM, SEEDS, BUDGETS = 10, 10, (2000, 40_000)
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
_COCO = """
import sys, os
sys.path.insert(0, {here!r})
import cocoex, numpy as np
from benchmarks.peers.sides import s2p
suite = cocoex.Suite("bbob", "instances: 1-{seeds}", "dimensions: {dim} function_indices: 1-5")
observer = cocoex.Observer("bbob", "result_folder: {name} algorithm_name: s2p")
total = 0
for number, problem in enumerate(suite):
    problem.observe_with(observer)
    s2p(problem, np.zeros({dim}), {budget}, np.random.default_rng(number))
    total += problem.evaluations
open({count!r}, "w").write(str(int(total)))
"""
_IOH = """
import sys
sys.path.insert(0, {here!r})
import ioh, numpy as np
from benchmarks.peers.sides import s2p
logger = ioh.logger.Analyzer(root=".", folder_name={name!r}, algorithm_name="s2p")
total = 0
for function in range(1, 6):
    for instance in range(1, {seeds} + 1):
        problem = ioh.get_problem(function, instance, {dim}, ioh.ProblemClass.BBOB)
        problem.attach_logger(logger)
        s2p(problem, np.zeros({dim}), {budget}, np.random.default_rng(instance))
        total += problem.state.evaluations
        problem.reset()
logger.close()
open({count!r}, "w").write(str(int(total)))
"""


def counted(store: Path) -> int:
    """Read the number of evaluations off a store, and remove it."""
    with closing(sqlite3.connect(store)) as connection:
        (total,) = connection.execute("SELECT sum(count) FROM runs WHERE status != 'failed'").fetchone()
    store.unlink()
    return int(total)


def measure(rounds: int, folder: str, notes: list[str]) -> dict[str, list[Figure]]:
    """Do the campaigns in turn; give processor seconds of each whole process, and the evaluations."""
    place, here = Path(folder), os.getcwd()
    through = [f"coco:bbob_f{number:03d}_i01_d{DIM}" for number in range(1, 6)]
    sides = {"zobench run, compiled problems": [f"{name}:dim={DIM}" for name in PROBLEMS]}
    texts: dict[str, str] = {}
    for name, module, package, text in (
        ("zobench run, COCO's functions", "cocoex", "coco-experiment", ""),
        ("coco-experiment with its observer", "cocoex", "coco-experiment", _COCO),
        ("ioh with its logger", "ioh", "ioh", _IOH),
    ):
        try:
            need(module, package)
        except Missing as why:
            notes.append(f"{name}: {why}")
            continue
        if text:
            texts[name] = text
        else:
            sides[name] = through
    found = {}
    for budget in BUDGETS:
        taken: dict[str, list[float]] = {name: [] for name in [*sides, *texts]}
        seen: dict[str, int | None] = {}
        for turn in range(rounds + 1):
            for name in taken:
                seconds, seen[name] = once(name, sides, texts, place, here, (budget, turn))
                if seen[name] != RUNS * budget:
                    raise AssertionError(f"{name} evaluated {seen[name]:,} times, not {RUNS * budget:,}")
                if turn:  # the first compiles
                    taken[name].append(seconds)
        title = f"A campaign of {RUNS} runs of {budget:,} evaluations, d = {DIM}, all recorded (processor s)"
        found[title] = figures(taken, seen)
    return found


def once(
    name: str,
    sides: dict[str, list[str]],
    texts: dict[str, str],
    place: Path,
    here: str,
    turn: tuple[int, int],
) -> tuple[float, int]:
    """Do one campaign; give its processor seconds and its evaluations."""
    count, budget = place / "count.txt", turn[0]
    if name in texts:
        word = f"{name.partition(' ')[0]}-{turn[0]}-{turn[1]}"
        told = {"here": here, "seeds": SEEDS, "dim": DIM, "budget": budget, "name": word, "count": str(count)}
        seconds, _ = process(texts[name].format(**told), str(place))
        return seconds, int(count.read_text())
    file, store = place / "campaign.toml", place / "store.sqlite"
    file.write_text(
        f"problems = {sides[name]!r}\nsolvers = ['s2p']\nbudget = {budget}\nseeds = {SEEDS}\n",
        encoding="utf-8",
    )
    seconds, _ = process(_OURS.format(file=str(file), store=str(store)), str(place))
    return seconds, counted(store)
