"""A whole campaign side by side: zobench with its store, and coco-experiment with a Python loop.

``python -m benchmarks.throughput`` does 20 problems x 5 solvers x 10 seeds x 2,000 queries in dimension 10

* with ``zobench run``: compiled problems, every run into the store;
* with coco-experiment, as its users write it: the functions f1 to f20 of the suite `bbob` with ten instances,
  COCO's observer writing its data, the solvers in plain NumPy;
* with ``zobench run`` on the same functions of COCO, each query of which passes through Python;
* with ``zobench run`` and ten times the seeds, so that starting up counts for little.

Each is a process of its own, timed from start to end; processor seconds are those of the process and of the
workers that it starts.  Two ratios are told: of the whole processes, and of sustained runs a second, where
coco-experiment is timed from behind its imports on and zobench by the seeds that it does more.  On a machine
that others use, too, compare processor seconds.

That both sides evaluate equally often is counted by others: COCO's own counter on its side, on ours the
store's sum and, for each solver, a Python objective that counts its calls.  The problems are 20 whose
dimension can be 10, of the cheap ones: on costlier ones (`mancino` takes 7 microseconds) the objective is
what is timed.
"""

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
DIM, BUDGET, SEEDS = 10, 2000, 10
PROBLEMS = """brown-almost-linear chebyquad cosh exponential huber l1-norm linear-full-rank linear-rank-1
    bdqrtic log-cosh log-quadratic max-coordinate nesterov-worst nonconvex-cosine quadratic quartic-norm
    quartic-sum rosenbrock sine-quadratic styblinski-tang""".split()
SOLVERS = {
    "s2p": {},
    "stp": {},
    "random-search": {},
    "random-gradient-free": {"L": 1e9},
    "spsa": {"a": 1e-9},
}


def s2p(f, x, budget, generator):
    """Keep the better of x + alpha s and x - alpha s."""
    steps = budget // 2
    for _ in range(steps):
        s = generator.standard_normal(x.size)
        step = s / np.sqrt(steps * x.size)
        x = x + step if f(x + step) <= f(x - step) else x - step
    return x


def stp(f, x, budget, generator):
    """Keep the best of x, x + alpha s and x - alpha s."""
    steps = (budget - 1) // 2
    best = f(x)
    for _ in range(steps):
        s = generator.standard_normal(x.size)
        step = s / (np.linalg.norm(s) * np.sqrt(steps))
        for trial in x + step, x - step:
            value = f(trial)
            if value < best:
                best, x = value, trial
    for _ in range(budget - 1 - 2 * steps):
        f(x)  # zobench spends the last query of the budget, too
    return x


def random_search(f, x, budget, generator):
    """Accept x + alpha s if it is better."""
    best = f(x)
    for _ in range(budget - 1):
        s = generator.standard_normal(x.size)
        trial = x + s / (np.linalg.norm(s) * np.sqrt(budget - 1))
        value = f(trial)
        if value < best:
            best, x = value, trial
    return x


def random_gradient_free(f, x, budget, generator, L=1e9, radius=1e-6):
    """Step along a forward difference."""
    for _ in range(budget // 2):
        u = generator.standard_normal(x.size)
        x = x - (f(x + radius * u) - f(x)) / radius / (4 * (x.size + 4) * L) * u
    return x


def spsa(f, x, budget, generator, a=1e-9, c=1e-3):
    """Step along a central difference with Spall's gains."""
    steps = budget // 2
    for k in range(steps):
        s, ck = generator.choice((-1.0, 1.0), x.size), c / (k + 1) ** 0.101
        slope = (f(x + ck * s) - f(x - ck * s)) / (2 * ck)
        x = x - a / (0.1 * steps + k + 1) ** 0.602 * slope * s
    return x


LOOPS = [s2p, stp, random_search, random_gradient_free, spsa]


class Clock:
    """Wall seconds, and processor seconds of this process and those it started."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), self._cpu()

    @staticmethod
    def _cpu():
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in used)

    def read(self):
        return time.perf_counter() - self.wall, self._cpu() - self.cpu


def coco(folder):
    """Do the campaign as a user of coco-experiment does; give seconds, runs and COCO's count."""
    import cocoex

    clock, evaluations, runs = Clock(), 0, 0
    for number, loop in enumerate(LOOPS):
        suite = cocoex.Suite("bbob", f"instances: 1-{SEEDS}", f"dimensions: {DIM} function_indices: 1-20")
        name = f"result_folder: {folder.name}-{loop.__name__} algorithm_name: {loop.__name__}"
        observer = cocoex.Observer("bbob", name)
        for problem in suite:
            problem.observe_with(observer)
            generator = np.random.default_rng([number, runs])
            loop(problem, np.asarray(problem.initial_solution), BUDGET, generator)
            evaluations += problem.evaluations
            runs += 1
    return *clock.read(), runs, evaluations


def theirs(folder):
    """Time `coco` in a process of its own; give that process's row and the one from behind its imports on."""
    clock = Clock()
    command = [sys.executable, "-m", "benchmarks.throughput", "--coco"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=_path(folder))
    whole = clock.read()
    inner = json.loads(said.stdout.splitlines()[-1])
    return (*whole, *inner[2:]), tuple(inner)


def _path(folder):
    return {**os.environ, "ZOBENCH_THROUGHPUT": str(folder)}


def ours(folder, problems, name, seeds=SEEDS):
    """Do the campaign with ``zobench run``; give seconds and the store's count."""
    words = [f"{s}:{','.join(f'{k}={v}' for k, v in p.items())}" if p else s for s, p in SOLVERS.items()]
    store, file = folder / f"{name}.sqlite", folder / f"{name}.toml"
    file.write_text(f"problems = {problems!r}\nsolvers = {words!r}\nbudget = {BUDGET}\nseeds = {seeds}\n")
    clock = Clock()
    command = [sys.executable, "-m", "zobench", "run", str(file), "--store", str(store)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = clock.read()
    with closing(sqlite3.connect(store)) as connection:
        runs, evaluations, failed = connection.execute(
            "SELECT count(*), sum(count), sum(status = 'failed') FROM runs"
        ).fetchone()
    if failed:
        raise SystemExit(f"{failed} runs failed")
    store.unlink()
    return *seconds, runs, evaluations


def counted_calls():
    """Count what zobench's solvers really ask, with a Python objective that counts its calls."""
    import zobench

    total = 0
    for name, parameters in SOLVERS.items():
        calls = 0

        def objective(x):
            nonlocal calls
            calls += 1
            return float(x @ x)

        zobench.minimize(objective, np.ones(DIM), solver=name, budget=BUDGET, parameters=parameters)
        total += calls
    return total * len(PROBLEMS) * SEEDS


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=3, help="of each; medians are told")
    parser.add_argument("--coco", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.coco:
        folder = Path(os.environ["ZOBENCH_THROUGHPUT"])
        os.chdir(folder)  # COCO writes into ./exdata
        print(json.dumps(coco(folder)))
        return 0
    with tempfile.TemporaryDirectory(prefix="zobench-throughput-") as place:
        folder = Path(place)
        natives = [f"{name}:dim={DIM}" for name in PROBLEMS]
        ours(folder, natives, "warm", 1)  # compiles
        rows = [
            (ours(folder, natives, "native"), ours(folder, natives, "ten", 10 * SEEDS), *theirs(folder))
            for _ in range(arguments.times)  # in turn: what else the machine does hits all of them
        ]
        native, ten, whole, loop = (
            tuple(median(row[i] for row in column) for i in range(4)) for column in zip(*rows, strict=True)
        )
        through = [f"coco:bbob_f{number:03d}_i01_d{DIM}" for number in range(1, 21)]
        same = ours(folder, through, "coco")
    print(f"{'':40}{'wall s':>9}{'cpu s':>9}{'runs':>8}{'evaluations':>13}")
    for name, row in {
        "zobench, compiled problems": native,
        "zobench, ten times the seeds": ten,
        "coco-experiment, NumPy loop": whole,
        "the same behind its imports": loop,
        "zobench, functions of COCO": same,
    }.items():
        print(f"{name:40}{row[0]:9.2f}{row[1]:9.2f}{row[2]:8.0f}{row[3]:13,.0f}")
    print(f"calls of a Python objective, scaled: {counted_calls():,}")
    print(f"whole processes: {whole[0] / native[0]:.1f} x wall, {whole[1] / native[1]:.1f} x cpu")
    more = ten[2] - native[2]
    wall, cpu = (loop[i] / loop[2] / ((ten[i] - native[i]) / more) for i in (0, 1))
    print(f"sustained: {wall:.1f} x wall, {cpu:.1f} x cpu ({more / (ten[0] - native[0]):,.0f} runs a second)")
    return int(not native[2:] == whole[2:] == same[2:])


if __name__ == "__main__":
    sys.exit(main())
