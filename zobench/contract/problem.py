"""The contract of a problem and of a report: one plain function per sentence."""

import inspect
import io
import pickle
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from zobench.attacks.certify import attack
from zobench.contract.tools import Broken, demand, demand_refusals, same
from zobench.errors import ZobenchError
from zobench.execute import run
from zobench.foreign.own_loop import OwnLoop
from zobench.instance import NOISE, Instance, Problem
from zobench.parameters import Choice, constraints
from zobench.registry import catalogue
from zobench.report import Evidence, Report
from zobench.trace import Trace

__all__ = ["PROBLEM_CHECKS", "REPORT_CHECKS"]


def _points(made: Instance, count: int = 4) -> Iterator[Any]:
    """Yield the start and points around it."""
    rng = np.random.Generator(np.random.Philox(2))
    yield made.x0.copy()
    for scale in np.geomspace(1e-2, 1.0, count):
        yield made.x0 + scale * rng.standard_normal(made.dim)


def check_problem_is_described(problem: Problem) -> None:
    """Name, summary, source and the module's docstring are there."""
    demand(
        bool(problem.name and problem.summary and problem.source), "name, summary, source must not be empty"
    )
    demand(
        bool(inspect.getmodule(problem.objective).__doc__), "the module needs a docstring with the formula"
    )
    taken = [name for name in problem.parameters._fields if name in NOISE]  # type: ignore[attr-defined]
    demand(not taken, f"parameters that every problem has must not be defined: {', '.join(taken)}")


def check_same_seed_same_instance(problem: Problem) -> None:
    """Dimension, seed and parameters determine an instance bit by bit, here and in another process."""
    one, two = problem.instance(), problem.instance()
    demand(same(one.x0, two.x0) and same(one.block, two.block), "two instances made alike differ")
    demand(one.value(one.x0) == two.value(two.x0), "two instances made alike give two values")
    if catalogue("problems").get(problem.name) is problem:
        again = pickle.loads(pickle.dumps(one))
        demand(same(one.x0, again.x0) and same(one.block, again.block), "an instance sent elsewhere differs")


def check_start_is_finite(problem: Problem) -> None:
    """The value at x0 is finite for the defaults and for every word of every choice."""
    words: list[dict[str, Any]] = [{}]
    for name, rule in constraints(problem.parameters).items():
        words += [{name: word} for word in (rule.words if isinstance(rule, Choice) else ())]
    for chosen in words:
        made = problem.instance(**chosen)
        value = made.value(made.x0)
        demand(bool(np.isfinite(value)), f"f(x0) = {value} with {chosen or 'the defaults'}")
        demand(bool(np.isfinite(made.x0).all()), f"x0 is not finite with {chosen or 'the defaults'}")


def check_dimensions_are_checked(problem: Problem) -> None:
    """No dimension but whole numbers >= 1 is accepted; 1 works or is refused in words."""
    for dim in (0, -3, 1.5, "many", True):
        try:
            problem.instance(dim)  # type: ignore[arg-type]
        except ZobenchError as error:
            demand("dim" in str(error), f"dim={dim!r} is refused with {str(error)!r}")
        else:
            raise Broken(f"dim={dim!r} is accepted")
    try:
        made = problem.instance(1)
    except ZobenchError:
        return
    demand(bool(np.isfinite(made.value(made.x0))), f"f(x0) = {made.value(made.x0)} in dimension 1")


def check_objective_is_a_function(problem: Problem) -> None:
    """The same point gives the same value, the point is left alone, and no number makes it crash."""
    made = problem.instance()
    for x in _points(made):
        kept = x.copy()
        first, second = made.value(x), made.value(x)
        demand(same(first, second), f"two values at one point: {first} and {second}")
        demand(same(x, kept), "the objective changes its argument")
    for strange in (np.nan, np.inf, -np.inf, 1e300):
        made.value(np.full(made.dim, strange))


def check_gradient_is_the_derivative(problem: Problem) -> None:
    """The gradient agrees with central differences, writes every component and leaves its argument alone."""
    # where f has kinks, the attack on the certificates tries the subgradient instead of differences
    if problem.gradient is None:
        return
    made = problem.instance()
    rng = np.random.Generator(np.random.Philox(3))
    for x in _points(made):
        kept, gradient = x.copy(), made.gradient(x)
        demand(same(x, kept), "the gradient changes its argument")
        demand(
            same(gradient, made.gradient(x)), "two gradients at one point, or components that are not written"
        )
        for _ in range(3 if problem.differentiable else 0):
            s = rng.standard_normal(made.dim)
            s /= np.linalg.norm(s)
            slopes = [(made.value(x + h * s) - made.value(x - h * s)) / (2 * h) for h in (1e-3, 1e-4, 1e-5)]
            scale = 1.0 + float(np.linalg.norm(gradient)) + abs(made.value(x)) * 1e-3
            error = float(min(abs(slope - gradient @ s) for slope in slopes))
            demand(
                error < 1e-5 * scale,
                f"along a direction, gradient {gradient @ s:.8g}, difference {slopes[-1]:.8g}",
            )


def check_optimum_has_its_value(problem: Problem) -> None:
    """The value at x_star is f_star."""
    made = problem.instance()
    if made.x_star is None or "f_star" not in made.certificates:
        return
    value, f_star = made.value(made.x_star), made.certificates.value("f_star")
    demand(abs(value - f_star) <= 1e-9 * (1.0 + abs(f_star)), f"f(x_star) = {value!r}, f_star = {f_star!r}")


def check_samples_belong_to_their_keys(problem: Problem) -> None:
    """A sample is a finite function of its key."""
    made = problem.instance()
    if not made.stochastic:
        return
    samples = [made.sample(made.x0, key) for key in (1, 1, 2, 3, 4, 5)]
    demand(bool(np.isfinite(samples).all()), f"samples at x0: {samples}")
    demand(samples[0] == samples[1], "two samples of one key differ")
    demand(len(set(samples)) > 1, "all keys give one sample")


def check_problem_refuses_wrong_parameters(problem: Problem) -> None:
    """A wrong value is refused in a sentence that names the problem and the parameter."""
    demand_refusals(problem.parameters, f"problem {problem.name!r}")


def check_certificates_withstand_attack(problem: Problem) -> str:
    """No certificate is falsified by sampling and local search; the message says how near each came."""
    attacks = attack(problem.instance())
    # a foreign package may state nothing
    demand(bool(attacks) or problem.instance().foreign is not None, "nothing is certified")
    demand(all(each.ok for each in attacks), "; ".join(str(each) for each in attacks if not each.ok))
    measured = [each for each in attacks if not np.isnan(each.tightness)]
    return "tightness " + ", ".join(f"{each.constant} {each.tightness:.3g}" for each in measured)


@cache
def _runs() -> tuple[Trace, ...]:
    """Give two solvers' runs on one problem, two seeds each; small solvers, which are compiled soon."""
    problems, solvers = catalogue("problems"), catalogue("solvers")
    problem = problems.get("quadratic") or next(iter(problems.values()))
    native = [name for name, solver in solvers.items() if not isinstance(solver, OwnLoop)]
    chosen = [name for name in ("pure-random-search", "random-search") if name in solvers] or native
    return tuple(
        run(problem.instance(), solvers[name], budget=200, seed=seed)
        for name in chosen[:2]
        for seed in (0, 1)
    )


def _evidence() -> Evidence:
    """Give the evidence of those runs, new each time: a report may spoil it."""
    return Evidence.from_traces(_runs())


def check_report_says_why_nothing_is_drawn(report: Report) -> None:
    """On an empty store nothing is drawn, and the reason is given."""
    empty = Evidence.from_traces([])
    demand(report.drawings(empty) == [], "something is drawn of an empty store")
    demand(bool(report.missing(empty)), "no reason is given why an empty store has no drawing")


def check_report_draws_or_says_why(report: Report) -> None:
    """On a small store it draws figures that can be saved, with captions, or gives the reason why not."""
    evidence = _evidence()
    drawings = report.drawings(evidence)
    demand(bool(drawings or report.missing(evidence)), "nothing is drawn and no reason given")
    for drawing in drawings:
        demand(bool(drawing.caption.strip()), "a drawing has no caption")
        demand(bool(drawing.figure.axes), "a figure has no axes")
        drawing.figure.savefig(io.BytesIO(), format="png", dpi=30)


def check_report_leaves_settings_alone(report: Report) -> None:
    """Drawing changes no global setting of matplotlib and leaves the evidence as it was."""
    import matplotlib

    settings, evidence = dict(matplotlib.rcParams), _evidence()
    kept = {name: getattr(evidence, name).copy() for name in ("runs", "traces", "hits")}
    report.drawings(evidence)
    changed = [name for name, value in settings.items() if matplotlib.rcParams[name] != value]
    demand(not changed, f"matplotlib's {', '.join(changed)} changed")
    for name, table in kept.items():
        demand(table.equals(getattr(evidence, name)), f"the table {name} of the evidence changed")


PROBLEM_CHECKS = (
    check_problem_is_described,
    check_same_seed_same_instance,
    check_start_is_finite,
    check_dimensions_are_checked,
    check_objective_is_a_function,
    check_gradient_is_the_derivative,
    check_optimum_has_its_value,
    check_samples_belong_to_their_keys,
    check_problem_refuses_wrong_parameters,
    check_certificates_withstand_attack,
)
REPORT_CHECKS = (
    check_report_says_why_nothing_is_drawn,
    check_report_draws_or_says_why,
    check_report_leaves_settings_alone,
)
