"""A store of made-up runs, as large as one likes: what reports are timed on.

    python benchmarks/made_up_store.py STORE [RUNS]

The problems are registered ones; the curves are made up (a power law or a geometric decay with noise), so
that ten thousand runs take seconds and no kernel is compiled.  Nothing is to be learnt from them about any
method.
"""

import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from zobench import problem as make_problem
from zobench.driver import checkpoints
from zobench.instance import Instance
from zobench.trace import TARGETS, RunKey, Trace

#: Problems that need no data and have a certified minimum.
PROBLEMS = (
    ("quadratic", {"condition": 10.0}),
    ("quadratic", {"condition": 1000.0}),
    ("cosh", {}),
    ("extended-rosenbrock", {}),
    ("styblinski-tang", {}),
)
DIMS = (4, 10, 20, 50, 100)


def made_up(
    problem: Instance,
    solver: str,
    budget: int,
    seed: int,
    parameters: tuple[tuple[str, object], ...] = (),
    observed: bool = False,
) -> Trace:
    """Make up the trace of one run: exact first hits and checkpoints of one falling curve."""
    key = RunKey(
        problem=problem.problem.name,
        dim=problem.dim,
        instance_seed=problem.seed,
        problem_parameters=tuple(problem.problem.keyed(problem.parameters).items()),
        solver=solver,
        solver_parameters=parameters,
        budget=budget,
        seed=seed,
        observed=observed,
    )
    rng = np.random.default_rng(zlib.crc32(key.text().encode()))
    skill = np.random.default_rng(zlib.crc32(solver.encode())).uniform(0.3, 1.5)
    reference = problem.certificates.floor or 0.0
    start = problem.value(problem.x0)
    counts = np.arange(1, budget + 1)
    decay = skill * (1.0 + 0.2 * rng.standard_normal()) / problem.dim
    gaps = (start - reference) * np.exp(-decay * counts**0.8) * np.exp(0.1 * rng.standard_normal(budget))
    bests = np.minimum.accumulate(np.minimum(gaps, start - reference))
    places = np.searchsorted(-bests, -np.array(TARGETS) * (start - reference))
    rows = checkpoints(budget, 64)
    norms = np.sqrt(2.0 * bests[rows - 1])
    nan = np.full(rows.size, np.nan)
    return Trace(
        key=key,
        status="budget",
        message="",
        count=budget,
        steps=budget // 2,
        seconds=1e-4 * budget,
        x=problem.x0,
        start=start,
        value=float(reference + gaps[-1]),
        best=float(reference + bests[-1]),
        reference=reference,
        queries=rows,
        bests=reference + bests[rows - 1],
        values=reference + gaps[rows - 1],
        gradient_norms=norms,
        running_means=np.cumsum(norms) / np.arange(1, rows.size + 1) if observed else nan,
        targets=np.array(TARGETS),
        hits=np.where(places < budget, places + 1, -1),
    )


def campaign(
    solvers: int = 20, seeds: int = 20, budget: int = 2000, dims: tuple[int, ...] = DIMS, problems: int = 5
) -> Iterator[Trace]:
    """Make up the runs of a campaign: every solver on every problem in every dimension, `seeds` each."""
    for name, parameters in PROBLEMS[:problems]:
        for dim in dims:
            instance = make_problem(name, dim=dim, **parameters)
            for place in range(solvers):
                for seed in range(seeds):
                    yield made_up(instance, f"method-{place:02d}", budget, seed)


def main(path: str, runs: int = 10_000) -> None:
    """Write the store."""
    from zobench.store.database import Store

    begun = time.perf_counter()
    Path(path).unlink(missing_ok=True)
    seeds = max(1, runs // (20 * len(PROBLEMS) * len(DIMS)))
    with Store(path) as store:
        batch = list(campaign(seeds=seeds))
        store.put(*batch)
    print(f"{len(batch):,} made-up runs in {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
