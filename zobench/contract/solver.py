"""The contract of a solver: one plain function per sentence, each raising `Broken` where it does not hold.

Most of them run the solver over a `Witness`, a Python callable that counts and keeps what it is asked: the
solver's own machine code cannot tell it from a compiled objective, and nothing that the oracle's record says
can change what it saw.
"""

import ctypes
import inspect
import re
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench import compile as compiler
from zobench.contract.runs import bowl, counted, finish, prepare, variants, witnessed
from zobench.contract.source import import_faults, kernel_faults, source_files
from zobench.contract.tools import Broken, Witness, demand, demand_refusals, same
from zobench.driver import Run
from zobench.errors import ConversionWarning
from zobench.foreign.own_loop import OwnLoop
from zobench.instance import Instance
from zobench.interfaces.optimize import minimize
from zobench.parameters import constraints
from zobench.registry import catalogue
from zobench.solver import Solver

__all__ = ["CHECKS", "FIRST", "OF_STEPS"]

BUDGETS = (*range(1, 8), 60)
#: Seconds that the shortest runs may take before the solver is said not to end.
LIMIT = 20.0


def check_ends(solver: Solver, limit: float = LIMIT) -> None:
    """Every run ends, over a constant objective, too, where no step makes progress."""
    solver.warm()  # compiled before the clock starts
    going: list[Run] = []

    def runs() -> None:
        for given in variants(solver):
            for budget in BUDGETS:
                going[:] = [prepare(solver, Witness(lambda x, count: 0.0), budget, given=given)]
                finish(going[0])

    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            runs()
        except BaseException as error:  # handed over to the caller's thread
            errors.append(error)

    # A kernel cannot be interrupted; a thread of its own can be left behind.
    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(limit)
    if thread.is_alive():
        if not going:
            raise Broken(f"no run could begin within {limit:g} s: cost, settle or start takes too long")
        raise Broken(f"a run over f = 0 with budget {going[0].budget} did not end within {limit:g} s")
    if errors:
        raise errors[0]


def check_count_is_true(solver: Solver) -> None:
    """The recorded count is the number of times that the objective was called, never above the budget."""
    for given in variants(solver):
        for budget in BUDGETS:
            witness = witnessed()
            recorded = counted(finish(prepare(solver, witness, budget, given=given)))
            what = f"with budget {budget} and parameters {given or 'by default'}"
            demand(
                witness.count == recorded,
                f"{what}, {recorded} queries are recorded and {witness.count} asked",
            )
            demand(witness.count <= budget, f"{what}, {witness.count} queries are asked")


def check_cost_bounds_each_step(solver: Solver) -> None:
    """`cost` is at least the number of queries of every step, and some step reaches it."""
    rng = np.random.Generator(np.random.Philox(1))
    made = bowl()
    answers: list[Callable[[Any, int], float]] = [
        lambda x, count: made.value(x),
        lambda x, count: float(x[0]),
        lambda x, count: 0.0,
        lambda x, count: float(rng.standard_normal()),
    ]
    strange = [1e300, -1e300, np.nan, np.inf, 0.0]
    answers.append(lambda x, count: strange[count * (count + 1) // 2 % 5])
    for given in variants(solver):
        costs = [_most_of_a_step(solver, given, answer) for answer in answers]
        for dim in (1, 300):
            _most_of_a_step(solver, given, lambda x, count: count % 7, dim)
        largest, cost = map(max, zip(*costs, strict=True))
        demand(
            largest == cost, f"cost says {cost} queries a step, no step asked more than {largest} ({given})"
        )


def _most_of_a_step(
    solver: Solver, given: dict[str, Any], answer: Callable[[Any, int], float], dim: int = 5
) -> tuple[int, int]:
    """Give the most queries of a step and what `cost` says; demand that it is no less."""
    going = prepare(solver, Witness(answer), 200 if dim == 5 else 60, dim=dim, given=given)
    cost, largest = solver.cost(going.parameters, going._setting()), 0
    demand(isinstance(cost, (int, np.integer)), f"cost must be a whole number of queries, is {cost!r}")
    going.advance(steps=0)  # what `init` asks is no step's
    asked = counted(going)
    while going.advance(steps=1):
        largest, asked = max(largest, counted(going) - asked), counted(going)
    demand(
        largest <= cost,
        f"cost says {cost} queries a step, a step asked {largest} in dimension {dim} ({given or 'defaults'})",
    )
    return largest, int(cost)


def check_strange_answers_are_counted(solver: Solver) -> None:
    """NaN and infinite answers are queries like any other, and the run ends."""
    for name, answer in {
        "NaN": lambda x, count: np.nan,
        "inf": lambda x, count: np.inf,
        "-inf": lambda x, count: -np.inf,
        "NaN at every third query": lambda x, count: np.nan if count % 3 == 0 else float(x @ x),
    }.items():
        witness = Witness(answer)
        recorded = counted(finish(prepare(solver, witness, 50)))
        demand(
            recorded == witness.count, f"with answers {name}, {recorded} recorded and {witness.count} asked"
        )


def check_exception_comes_out(solver: Solver) -> None:
    """An objective's exception ends the run, comes out unchanged, and nothing is asked after it."""
    fault = RuntimeError("raised by the objective")

    def answer(x: Any, count: int) -> float:
        if count == 3:
            raise fault
        return float(x @ x)

    witness = Witness(answer)
    going = prepare(solver, witness, 50)
    try:
        finish(going)
    except RuntimeError as error:
        demand(error is fault, f"the objective raised {fault!r}, out came {error!r}")
        demand(witness.count == 3, f"{witness.count - 3} queries were asked after the exception")
    else:
        demand(witness.count < 3, "the objective raised at the third query and nothing came out")


def check_start_is_untouched(solver: Solver) -> None:
    """The start is the same bits after the run."""
    x0 = np.linspace(-1.0, 1.0, 5)
    kept = x0.copy()
    finish(prepare(solver, witnessed(), x0=x0))
    demand(same(x0, kept), f"x0 was {kept} and is {x0}")


def check_same_seed_same_bits(solver: Solver) -> None:
    """A seed determines every bit; another seed gives others, if the solver draws at all."""
    points = []
    for seed in (1, 1, 2):
        witness = witnessed()
        going = finish(prepare(solver, witness, seed=seed))
        points.append(witness.points)
    demand(same(points[0], points[1]), "two runs with one seed differ")
    if isinstance(solver, OwnLoop):
        draws = solver.draws
    else:
        draws = any(int(going._stream.record[name][0]) for name in ("normal_at", "word_at"))
    demand(
        not draws or not same(points[0], points[2]), "two seeds give the same run though numbers are drawn"
    )


def check_same_bits_over_every_objective(solver: Solver) -> None:
    """Compiled objective, Python callable and C function pointer give the same iterates, bit by bit."""
    made = bowl()
    kind = ctypes.CFUNCTYPE(
        ctypes.c_double, ctypes.POINTER(ctypes.c_double), ctypes.c_long, ctypes.POINTER(ctypes.c_double)
    )
    pointer = kind(lambda x, dim, data: made.value(np.ctypeslib.as_array(x, (dim,))))
    for given in variants(solver):
        runs = [
            finish(prepare(solver, each, given=given, certificates=known))
            for each, known in [(made, made.certificates), (made.value, None), (pointer, None)]
        ]
        for other, name in zip(runs[1:], ("a Python callable", "a C pointer"), strict=True):
            demand(same(runs[0].x, other.x), f"the last iterate over {name} differs ({given or 'defaults'})")
            demand(runs[0].oracle["best"] == other.oracle["best"], f"the best value over {name} differs")


def check_slices_change_nothing(solver: Solver) -> None:
    """A trace does not depend on where the harness pauses."""
    made = bowl()
    traces = []
    for pause in ("never", "after every step", "now and then"):
        going = prepare(solver, made, 97, certificates=made.certificates)
        if pause == "never":
            going._slice = 97
        while going.advance(**{} if pause == "never" else {"steps": 1 if pause == "after every step" else 5}):
            pass
        traces.append(going.trace())
    for other in traces[1:]:
        for name in ("count", "steps", "x", "best", "queries", "bests", "values", "gradient_norms", "hits"):
            demand(same(getattr(traces[0], name), getattr(other, name)), f"{name} of the trace differs")


def check_runs_in_one_dimension(solver: Solver) -> None:
    """Dimension 1 is a dimension."""
    for given in variants(solver):
        witness = witnessed(1)
        going = finish(prepare(solver, witness, 40, dim=1, given=given))
        demand(counted(going) == witness.count, "the count is wrong in dimension 1")
        demand(
            bool(np.isfinite(going.x).all()),
            f"the iterate is {going.x} in dimension 1 ({given or 'defaults'})",
        )


def check_every_kind_of_start(solver: Solver) -> None:
    """A list, whole numbers and float32 are starts like the same numbers in float64; float32 is told."""
    numbers = [1.0, -2.0, 3.0, 0.0, 5.0]
    starts = {
        "float64": np.array(numbers),
        "a list": numbers,
        "whole numbers": np.array(numbers, dtype=np.int32),
        "float32": np.array(numbers, dtype=np.float32),
    }
    known = bowl().certificates
    given = {name: known[name].value for name in solver.parameters._fields if name in known}  # type: ignore[attr-defined]
    expected: list[NDArray[np.float64]] = []
    for name, x0 in starts.items():
        witness = witnessed()
        jac = witness.gradient if solver.gradients else None
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", ConversionWarning)
            minimize(witness, x0, solver=solver, budget=20, parameters=given, jac=jac)
        telling = any(each.category is ConversionWarning for each in told)
        demand(telling == (name == "float32"), f"of x0 as {name}, a warning tells: {telling}")
        expected = expected or witness.points
        demand(same(witness.points, expected), f"x0 as {name} gives other queries than in float64")


def check_answers_of_every_kind(solver: Solver) -> None:
    """An objective may answer in float32 or whole numbers, which are the numbers that they are."""
    made = bowl()
    kinds: dict[str, Callable[[float], Any]] = {"float32": np.float32, "whole numbers": int}

    def answer(kind: Callable[[float], Any], last: Callable[[Any], Any]) -> Witness:
        return Witness(lambda x, count: last(kind(made.value(x))), made.gradient)

    for name, kind in kinds.items():
        answered, plain = answer(kind, lambda value: value), answer(kind, float)
        for witness in (answered, plain):
            finish(prepare(solver, witness, 20))
        demand(same(answered.points, plain.points), f"answers in {name} give other queries than in float64")


def check_parameters_have_valid_defaults(solver: Solver) -> None:
    """Every parameter has a rule and a default that meets it."""
    rules = constraints(solver.parameters)
    bare = [name for name, rule in rules.items() if rule is None]
    demand(not bare, f"annotate with what the value must be: {', '.join(bare)}")
    chosen = solver.choose({})
    again = solver.choose(chosen._asdict())
    demand(same(solver.encoded(chosen), solver.encoded(again)), "the defaults change when they are given")


def check_invalid_parameters_are_refused(solver: Solver) -> None:
    """A wrong value is refused in a sentence that names the solver and the parameter."""
    demand_refusals(solver.parameters, f"solver {solver.name!r}")


def check_compiles_once(solver: Solver) -> None:
    """One compiled form serves every objective and dimension."""
    solver.warm()
    before = set(compiler.compiled)
    for dim in (1, 2, 9):
        finish(prepare(solver, witnessed(dim), 20, dim=dim))
        finish(prepare(solver, bowl(dim), 20, dim=dim))
    more = {name for name in set(compiler.compiled) - before if name.startswith(("step of", "step_of"))}
    demand(not more, f"compiled again as {', '.join(sorted(more))}")


def check_oracle_is_opaque(solver: Solver) -> None:
    """Kernels ask the oracle and do nothing else with it, read off the source."""
    faults = kernel_faults(solver)
    demand(not faults, "; ".join(faults))


def check_imports_are_harmless(solver: Solver) -> None:
    """The solver's files import nothing that leads past the counter or to an optimum."""
    faults = [fault for file in source_files(solver) for fault in import_faults(file)]
    demand(not faults, "; ".join(faults))


def check_reads_nothing_of_the_record(solver: Solver) -> None:
    """With all of the oracle's record falsified but what `query` needs, the iterates are the same."""
    made, junk = bowl(), np.full(4096, 0.75)  # where a solver that follows a pointer of the record ends
    for given in variants(solver):
        full = prepare(solver, made, given=given, certificates=made.certificates)
        bare = prepare(solver, witnessed(), given=given)
        more = True
        while more:
            for name in ("thresholds", "hits", "marks", "bests", "data"):
                bare.oracle[f"{name}_address"] = junk.ctypes.data
            bare.oracle["best"], bare.oracle["threshold"] = -1e300, np.nan
            bare.oracle["next_mark"], bare.oracle["row"] = 2**60, 0
            bare.oracle["target"], bare.oracle["sample"], bare.oracle["sample_key"] = 7, 12345, 999
            more = bool(bare.advance(steps=1) & full.advance(steps=1))
            demand(
                same(full.x, bare.x),
                f"the iterates change when the record's values are hidden ({given or 'defaults'})",
            )


def check_reads_no_budget(solver: Solver) -> None:
    """With the parameters settled, a larger budget changes no query of the smaller one."""
    short, long = witnessed(), witnessed()
    finish(prepare(solver, short, 40, horizon=40))
    finish(prepare(solver, long, 80, horizon=40))
    demand(same(short.points, long.points[: short.count]), "the queries depend on the oracle's budget")


@cache
def _secret_optima() -> list[tuple[Instance, NDArray[np.float64]]]:
    """Give default instances with a minimiser that the harness knows and nobody would guess or walk into.

    In five dimensions and from a distance of one, steps taken at random do not halve the distance.
    """
    made = []
    for problem in catalogue("problems").values():
        with suppress(Exception):  # a problem that cannot be made says so in its own checks
            made.append(problem.instance())
    known = [(each, each.x_star) for each in made if each.x_star is not None and 5 <= each.dim <= 200]
    far = [(each, x_star) for each, x_star in known if np.linalg.norm(each.x0 - x_star) >= 1.0]
    return [(each, x_star) for each, x_star in far if np.unique(np.abs(x_star)).size > 3]


def check_knows_no_optimum(solver: Solver) -> None:
    """Over a constant objective, which tells nothing, no query comes near the optimum of any problem."""
    for made, x_star in _secret_optima():
        witness = Witness(lambda x, count: 0.0)
        finish(prepare(solver, witness, 200, dim=made.dim, x0=made.x0))
        away = float(np.linalg.norm(made.x0 - x_star))
        near = min(float(np.linalg.norm(x - x_star)) for x in witness.points)
        demand(
            near > 0.5 * away,
            f"starting {away:.3g} from the optimum of {made.name} and told nothing of it, "
            f"it asks at a distance of {near:.3g}",
        )


def _module_of(solver: Solver) -> Any:
    return inspect.getmodule(solver.solve if isinstance(solver, OwnLoop) else solver.step)


def check_is_described(solver: Solver) -> None:
    """Name, summary, source and docstrings are there, and theorems have names of their own."""
    demand(bool(solver.summary and solver.source), "summary and source must not be empty")
    demand(
        re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", solver.name) is not None,
        f"name must be small letters and digits with hyphens between, is {solver.name!r}",
    )
    demand(solver.state._fields[0] == "x", "the first field of the state must be x")  # type: ignore[attr-defined]
    demand(bool(_module_of(solver).__doc__), "the module needs a docstring with the algorithm")
    names = [theorem.name for theorem in solver.theorems]
    demand(len(names) == len(set(names)), f"two theorems have one name: {', '.join(names)}")


#: If one of these fails the others are not tried.
FIRST = (check_ends,)
CHECKS = (
    check_is_described,
    check_oracle_is_opaque,
    check_imports_are_harmless,
    check_parameters_have_valid_defaults,
    check_invalid_parameters_are_refused,
    check_count_is_true,
    check_cost_bounds_each_step,
    check_strange_answers_are_counted,
    check_exception_comes_out,
    check_start_is_untouched,
    check_same_seed_same_bits,
    check_same_bits_over_every_objective,
    check_slices_change_nothing,
    check_runs_in_one_dimension,
    check_every_kind_of_start,
    check_answers_of_every_kind,
    check_compiles_once,
    check_reads_nothing_of_the_record,
    check_reads_no_budget,
    check_knows_no_optimum,
)
#: Not tried where the loop is another package's: it takes no steps that the harness knows the cost of, may be
#: told the budget, and may pass by an optimum on the way through a constant objective.
OF_STEPS = (
    check_oracle_is_opaque,
    check_cost_bounds_each_step,
    check_compiles_once,
    check_reads_no_budget,
    check_knows_no_optimum,
)
