"""What is tried of a solver, problem, report or theorem: a list of trials, carried out here or apart.

Compiled code that breaks the contract can end the process.  Where a process can be forked safely, which is on
Linux, `apart` carries trials out in a child and tells of its end as a failed check.
"""

import faulthandler
import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from zobench.contract.invariance import INVARIANCE_CHECKS, check_invariances_are_declared, check_rotation
from zobench.contract.large import LARGE_CHECKS
from zobench.contract.plain import PLAIN_CHECKS
from zobench.contract.problem import PROBLEM_CHECKS, REPORT_CHECKS
from zobench.contract.runs import bowl, prepare
from zobench.contract.solver import CHECKS, FIRST, LIMIT, OF_STEPS
from zobench.contract.theorem import LAYOUT_CHECKS, THEOREM_CHECKS
from zobench.contract.tools import Broken
from zobench.family import Family
from zobench.foreign.own_loop import OwnLoop
from zobench.instance import Problem
from zobench.report import Report
from zobench.solver import Solver
from zobench.theorem import Theorem

__all__ = ["Outcome", "Trial", "apart", "carried_out", "trials_of", "warm"]

Check = Callable[[Any], str | None]
#: Seconds that one check may take in a child process.
PATIENCE = 300
#: Not tried where the loop is another package's: there are no kernels, no steps, and no claims of ours.
NEED_KERNELS = (*PLAIN_CHECKS, *OF_STEPS, check_invariances_are_declared, check_rotation, *LARGE_CHECKS)


@dataclass(frozen=True)
class Outcome:
    """What became of one check.

    Attributes
    ----------
    name : str
        The sentence that was tried, in short.
    subject : str
        Such as ``"solver 's2p'"``.
    ok : bool
    message : str
        What was seen where it does not hold; where it does, what was measured, if anything.

    Examples
    --------
    >>> outcome = Trial("speed is measured", "solver 'mine'", lambda: "3 ms").outcome()
    >>> outcome.ok, outcome.message
    (True, '3 ms')
    """

    name: str
    subject: str
    ok: bool
    message: str = ""


@dataclass(frozen=True)
class Trial:
    """One check of one thing.

    Attributes
    ----------
    name, subject : str
        As in `Outcome`.
    check : callable
        ``check()``; raises `Broken` where the sentence does not hold, may answer what was measured.
    first : bool
        Whether the trials after it are left out where it fails.
    left_out : str
        Why it is not tried; empty if it is.

    Examples
    --------
    >>> from zobench.contract.tools import demand
    >>> Trial("adds up", "arithmetic", lambda: demand(1 + 1 == 3, "1 + 1 is 2")).outcome()
    Outcome(name='adds up', subject='arithmetic', ok=False, message='1 + 1 is 2')
    """

    name: str
    subject: str
    check: Callable[[], str | None]
    first: bool = False
    left_out: str = ""

    def outcome(self) -> Outcome:
        """Carry the check out; one that crashes has failed."""
        if self.left_out:
            return Outcome(self.name, self.subject, True, f"not tried: {self.left_out}")
        try:
            measured = self.check()
        except Broken as fault:
            return Outcome(self.name, self.subject, False, str(fault))
        except Exception as error:
            return Outcome(self.name, self.subject, False, f"{type(error).__name__}: {error}")
        return Outcome(self.name, self.subject, True, measured or "")


def _trial(check: Check, item: Any, subject: str, **more: Any) -> Trial:
    name = check.__name__.removeprefix("check_").replace("_", " ")
    return Trial(name, subject, partial(check, item), **more)


def _solver_trials(solver: Solver, limit: float) -> Iterator[Trial]:
    subject, why = f"solver {solver.name!r}", ""
    if isinstance(solver, OwnLoop):
        if solver.missing:
            yield Trial("is tried", subject, lambda: None, left_out=solver.missing)
            return
        why = f"the loop is that of {solver.package}"
    for plain in PLAIN_CHECKS:
        yield _trial(plain, solver, subject, first=True, left_out=why)
    for ends in FIRST:
        yield Trial("ends", subject, partial(ends, solver, limit=limit), first=True)
    for check in (*CHECKS, *INVARIANCE_CHECKS, *LARGE_CHECKS):
        yield _trial(check, solver, subject, left_out=why if check in NEED_KERNELS else "")
    for theorem in solver.theorems:
        for stated in LAYOUT_CHECKS:
            yield _trial(stated, (theorem, solver), f"theorem {theorem.name!r}")


def trials_of(item: Any, limit: float = LIMIT) -> list[Trial]:
    """List what is tried of a solver, problem, family, report, or of a theorem with its solver.

    Parameters
    ----------
    item : Solver, Problem, Family, Report, or (Theorem, Solver)
    limit : float
        Seconds that a solver's runs of at most 60 queries may take together before it is said not to end.

    Returns
    -------
    list of Trial
        Empty for anything else.

    Examples
    --------
    >>> from zobench.contract.tools import BOWL
    >>> {trial.subject for trial in trials_of(BOWL)}, trials_of("anything else")
    ({"problem 'contract-bowl'"}, [])
    """
    if isinstance(item, Solver):
        return list(_solver_trials(item, limit))
    if isinstance(item, Family):
        if item.missing:
            return [Trial("is tried", f"family {item.name!r}", lambda: None, left_out=item.missing)]
        item = item.member(item.example.partition(":")[2])
    checks: Iterable[Check] = ()
    if isinstance(item, Problem):
        checks = PROBLEM_CHECKS
    elif isinstance(item, Report):
        checks = REPORT_CHECKS
    elif isinstance(item, tuple) and item and isinstance(item[0], Theorem):
        return [_trial(check, item, f"theorem {item[0].name!r}") for check in THEOREM_CHECKS]
    return [_trial(check, item, f"{type(item).__name__.lower()} {item.name!r}") for check in checks]


def carried_out(trials: Iterable[Trial]) -> Iterator[Outcome]:
    """Carry trials out in this process, up to one that fails and that the others rest on.

    Parameters
    ----------
    trials : iterable of Trial

    Yields
    ------
    Outcome
        One each, as soon as it is known.

    Examples
    --------
    >>> from zobench.contract.tools import demand
    >>> ends = Trial("ends", "solver 'mine'", lambda: demand(False, "it does not"), first=True)
    >>> rests = Trial("improves", "solver 'mine'", lambda: None)
    >>> [outcome.name for outcome in carried_out([ends, rests])]
    ['ends']
    """
    for trial in trials:
        found = trial.outcome()
        yield found
        if trial.first and not found.ok:
            return


def warm(trial: Trial) -> None:
    """Compile here what every child would compile for itself.

    Parameters
    ----------
    trial : Trial
        Of a solver; of anything else nothing is done.

    Examples
    --------
    >>> from zobench.compile import compiled
    >>> from zobench.solver import solver
    >>> warm(trials_of(solver("s2p"))[0])
    >>> any(label.startswith("step_of_s2p_") for label in compiled)
    True
    """
    item = trial.check.args[0] if isinstance(trial.check, partial) else None
    if isinstance(item, Solver):
        with suppress(Exception):  # told by the trial
            bowl().value(bowl().x0)
            prepare(item, bowl(), 1)


def apart(trials: Sequence[Trial]) -> list[Outcome]:
    """Carry trials out in a child process, if one can be forked, and tell of its sudden end.

    Parameters
    ----------
    trials : sequence of Trial

    Returns
    -------
    list of Outcome
        Up to the end; the trial that ended the child, or was cut off after `PATIENCE` seconds, has failed and
        those after it are left out.

    Examples
    --------
    >>> (outcome,) = apart([Trial("is measured", "arithmetic", lambda: str(1 + 1))])
    >>> outcome.ok, outcome.message
    (True, '2')
    """
    if not sys.platform.startswith("linux"):
        return list(carried_out(trials))
    reader, writer = os.pipe()
    sys.stdout.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries, which sleep
        child = os.fork()
    if child == 0:
        _report(trials, reader, writer)
    os.close(writer)
    outcomes: list[Outcome] = []
    with os.fdopen(reader, "rb") as pipe:
        try:
            while True:
                outcomes.append(pickle.load(pipe))
        except (EOFError, pickle.UnpicklingError):
            pass
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == -signal.SIGALRM:
        lost = trials[len(outcomes)]
        outcomes.append(Outcome(lost.name, lost.subject, False, f"not done within {PATIENCE} s, and cut off"))
    elif code != 0:
        end = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        lost = trials[len(outcomes)]
        message = f"compiled code ended the process ({end}), as one that writes outside its arrays may"
        outcomes.append(Outcome(lost.name, lost.subject, False, message))
    return outcomes


def _report(trials: Sequence[Trial], reader: int, writer: int) -> None:
    """Carry trials out as the child, tell the parent of each, and be gone."""
    code = 1
    try:
        faulthandler.disable()  # the parent says it in words
        os.close(reader)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends compiled code as well
        signal.alarm(PATIENCE)
        with os.fdopen(writer, "wb") as pipe:
            for outcome in carried_out(trials):
                signal.alarm(PATIENCE)
                pickle.dump(outcome, pipe)
                pipe.flush()
        code = 0
    finally:
        os._exit(code)
