"""Replays of a step over told and made-up answers.

A compiled step cannot be suspended, so it is replayed.  Before each step the run is kept (`Run.snapshot`).  A
replay runs the step over an objective that gives the answers told so far and makes up the others; afterwards
the run is put back.  The first point without an answer is certainly the next one.  Later points that come out
the same however the answers are made up (NaN, rising, falling, equal, scattered) need not wait for it: these
are a batch.  A step is kept only when it met nothing but told answers, each at bitwise the point that it was
told for.  So the iterates are right even where the guess of a batch is wrong: an answer at a point that turns
out not to be asked is dropped, and the right point is asked.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zobench.driver import Run
from zobench.errors import ZobenchError

__all__ = ["PATTERNS", "Comparison", "Recorded", "Replay", "Replayed", "Slot", "number"]

_Vector = NDArray[np.float64]
_MakeUp = Callable[[int], float]
#: Beyond every answer that is told, and still with a finite square.
HUGE = 1e150
#: Numbers that the points of one look ahead may take together, where fewer were asked for.
ROOM = 2**22
#: Ways of making up the answer of query j, besides NaN: rising, falling, equal to the last answer told, and
#: two that scatter about it.
PATTERNS: tuple[Callable[[float, int], float], ...] = (
    lambda last, j: HUGE * (1.0 + j),
    lambda last, j: -HUGE * (1.0 + j),
    lambda last, j: last,
    lambda last, j: last + (1.0 + abs(last)) * ((j * 0.6180339887498949 + 0.3) % 1.0 - 0.5),
    lambda last, j: last - (1.0 + abs(last)) * ((j * 0.7548776662466927 + 0.1) % 1.0 - 0.4) * 1e-3,
)


@dataclass(eq=False)
class Slot:
    """One query of the steps under way.

    Attributes
    ----------
    point : vector of size d
    asked : bool
        Whether it was handed out.
    answer : float or None
    sloped : bool
        Whether the gradient is wanted there.
    gradient : vector of size d or None

    Examples
    --------
    >>> import numpy as np
    >>> slot = Slot(np.array([1.0, 2.0]))
    >>> slot.asked, slot.answer = True, 5.0
    >>> slot.entry
    5.0
    """

    point: _Vector
    asked: bool = False
    answer: float | None = None
    sloped: bool = False
    gradient: _Vector | None = None

    @property
    def entry(self) -> Any:
        """What was told, as `Study.answers` has it."""
        return self.answer if self.gradient is None else (self.answer, self.gradient)


def _answered(slot: Slot) -> bool:
    return slot.answer is not None


def number(value: Any, who: str) -> float:
    """Read one number; NaN and infinities are numbers.

    Parameters
    ----------
    value : float, or array of size 1
    who : str
        Named in the complaint.

    Returns
    -------
    float

    Raises
    ------
    ZobenchError
        If it is not one real number.

    Examples
    --------
    >>> number([2], "the value")
    2.0
    >>> number("2", "the value")
    Traceback (most recent call last):
    zobench.errors.ZobenchError: the value must be one number, got '2'
    """
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise ZobenchError(f"{who} must be one number, got {value!r}")
    return float(array.reshape(())[()])


class Recorded:
    """Answers of an earlier study, in the order of their queries; each is given once.

    Parameters
    ----------
    answers : iterable
        As `Study.answers` has them: numbers, or pairs of value and gradient.

    Raises
    ------
    ZobenchError
        If an answer is not a number.

    Examples
    --------
    >>> import numpy as np
    >>> recorded, slot = Recorded([5.0, 3.0]), Slot(np.array([1.0, 2.0]))
    >>> recorded.give(1, slot)
    >>> recorded.size, slot.answer, slot.asked
    (2, 3.0, True)
    """

    def __init__(self, answers: Iterable[Any]):
        self._entries = [_read(place, entry) for place, entry in enumerate(answers)]

    def give(self, place: int, slot: Slot) -> None:
        """Answer a slot, if an answer of that number is recorded.

        Parameters
        ----------
        place : int
            Number of the query, from 0.
        slot : Slot
            Marked as asked where it is answered.
        """
        if place < len(self._entries):
            slot.answer, slot.gradient = self._entries[place]
            slot.asked = True

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._entries)


def _read(place: int, entry: Any) -> tuple[float, _Vector | None]:
    who = f"answers: entry {place}"
    if isinstance(entry, (tuple, list)) and len(entry) == 2:
        return number(entry[0], who), np.array(entry[1], dtype=np.float64)
    return number(entry, who), None


def _same(a: _Vector, b: _Vector) -> bool:
    return a is b or bool(np.array_equal(a.view(np.int64), b.view(np.int64)))


class Replay:
    """One replay; `value` and `slope` are its objective.

    Parameters
    ----------
    slots : sequence of Slot
        The queries known so far, in their order.
    recorded : Recorded
        Answers for points that no slot has.
    base : int
        Queries of the steps already taken: the number of the first recorded answer that may be given.
    room : int
        Queries that may be asked from the first without an answer on.

    Attributes
    ----------
    asked : list of Slot
        The points in the order in which they were asked: certain up to and with `open`, a guess after it.
    sloped : list of bool
        Where the gradient was asked for.
    open : int
        The first place without an answer; -1 if every answer was a told one.
    full : bool
        Nothing more is to be asked.

    Examples
    --------
    One answer is recorded, and room is left for one query without:

    >>> import numpy as np
    >>> replay = Replay([], Recorded([5.0]), base=0, room=1)
    >>> replay.value(np.array([1.0, 2.0])), replay.open, replay.full
    (5.0, -1, False)
    >>> replay.value(np.array([3.0, 4.0])), replay.open, replay.full
    (nan, 1, True)
    """

    def __init__(self, slots: Sequence[Slot], recorded: Recorded, base: int, room: int):
        self._slots, self._recorded, self._base, self._room = slots, recorded, base, room
        self.asked: list[Slot] = []
        self.sloped: list[bool] = []
        self.open = -1
        self.full = False

    def value(self, x: _Vector) -> float:
        """Answer what was told at x, or NaN.

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        float
        """
        place = len(self.asked)
        slot = self._slots[place] if place < len(self._slots) else None
        if slot is None or not _same(slot.point, x):
            slot = Slot(x)
        if self.open < 0 and slot.answer is None:
            # every answer so far was a told one, so this is the point that a recorded answer is for
            self._recorded.give(self._base + place, slot)
        self.asked.append(slot)
        self.sloped.append(False)
        return self._made_up(place) if slot.answer is None else slot.answer

    def slope(self, x: _Vector) -> _Vector:
        """Answer the gradient told at x, or NaN.

        Parameters
        ----------
        x : array of shape (d,)
            The point that `value` was asked for last.

        Returns
        -------
        array of shape (d,)
        """
        place = len(self.asked) - 1
        slot = self.asked[place]
        self.sloped[place] = True
        if slot.answer is not None and slot.gradient is None:
            slot = self.asked[place] = Slot(slot.point)  # told when nobody knew that a gradient is wanted
        if slot.gradient is None:
            return np.full(x.size, self._made_up(place))
        return slot.gradient

    def _made_up(self, place: int) -> float:
        self.open = place if self.open < 0 else self.open
        self.full = place + 1 >= self.open + self._room
        return np.nan


class Comparison:
    """A replay with other made-up answers, which ends where it asks something else than the first.

    Parameters
    ----------
    first : Replay
    make_up : callable
        ``make_up(j) -> float``: the answer of query j if none is told.

    Attributes
    ----------
    common : int
        How many queries are the same, bit by bit.
    full : bool
        Nothing more is to be asked.

    Examples
    --------
    >>> import numpy as np
    >>> first = Replay([], Recorded([]), base=0, room=2)
    >>> first.value(np.array([1.0])), first.value(np.array([2.0]))
    (nan, nan)
    >>> other = Comparison(first, lambda j: 10.0 + j)
    >>> other.value(np.array([1.0])), other.value(np.array([3.0]))
    (10.0, nan)
    >>> other.common, other.full
    (1, True)
    """

    def __init__(self, first: Replay, make_up: _MakeUp):
        self._first, self._make_up = first, make_up
        self.common, self.full = 0, False

    def value(self, x: _Vector) -> float:
        """Answer what was told at x, or something made up.

        Parameters
        ----------
        x : array of shape (d,)

        Returns
        -------
        float
            NaN once it is `full`.
        """
        place, asked = self.common, self._first.asked
        if self.full or place >= len(asked) or not _same(asked[place].point, x):
            self.full = True
            return np.nan
        self.common = place + 1
        told = asked[place].answer
        return self._make_up(place) if told is None else told

    def slope(self, x: _Vector) -> _Vector:
        """Answer the gradient told at x, or something made up.

        Parameters
        ----------
        x : array of shape (d,)
            The point that `value` was asked for last.

        Returns
        -------
        array of shape (d,)
            NaN once it is `full`.
        """
        place = self.common - 1
        if self.full:
            return np.full(x.size, np.nan)
        if not self._first.sloped[place]:
            self.common, self.full = place, True
        told = self._first.asked[place].gradient
        return self._make_up(place) * np.linspace(1.0, 2.0, x.size) if told is None else told


class Replayed:
    """A run whose steps are replayed until all their queries are answered from outside.

    Parameters
    ----------
    start : callable
        ``start(value, slope) -> Run``: lays out the run of an objective and its gradient, which are given.
    answers : iterable
        `Study.answers` of a study that is taken up; empty for a new one.

    Attributes
    ----------
    going : Run
        Between steps, but while a replay is on.
    slots : list of Slot
        The queries known of the steps under way; after `settle` all up to the first without an answer, and
        what was looked ahead at.
    history : list
        The entries of the queries of all steps taken.
    points : hash
        Of their points.
    withdrawn : set of bytes
        Points that were handed out by a wrong guess.

    Raises
    ------
    ZobenchError
        If there are more answers than the run asks for, or one is not a number.

    Examples
    --------
    Both points of a step of S2P can be asked before either is answered:

    >>> from zobench.interfaces.optimize import begin, method_of
    >>> def start(value, slope):
    ...     return begin(method_of("s2p"), value, [1.0, 2.0], budget=10)
    >>> steps = Replayed(start, answers=[])
    >>> for slot in steps.fresh(4):
    ...     slot.asked, slot.answer = True, float(slot.point @ slot.point)
    >>> steps.changed()
    >>> len(steps.told), int(steps.going.watch["k"][0]), steps.over
    (2, 1, False)
    """

    def __init__(self, start: Callable[[Any, Any], Run], answers: Iterable[Any]):
        self.going = start(self._value, self._slope)
        self.slots: list[Slot] = []
        self.history: list[Any] = []
        self.points = hashlib.blake2b(digest_size=16)
        self.withdrawn: set[bytes] = set()
        self._kept = self.going.snapshot()
        self._recorded = Recorded(answers)
        self._last = 0.0  # the last finite answer
        self._changed, self._exhausted = True, False
        self._replay: Replay | Comparison
        self.settle()
        if len(self.told) < self._recorded.size:
            raise ZobenchError(
                f"answers: there are {self._recorded.size}, and this study asks for {len(self.told)} only: "
                "solver, x0, budget, seed and parameters must be those of the study that was saved"
            )

    def changed(self) -> None:
        """Take note that slots were answered."""
        self._changed, self._exhausted = True, False

    @property
    def waiting(self) -> list[Slot]:
        """The slots that were handed out and wait for answers."""
        return [slot for slot in self.slots if slot.asked and slot.answer is None]

    @property
    def told(self) -> list[Any]:
        """The entries in the order of the queries, up to the first missing."""
        self.settle()
        return [*self.history, *(slot.entry for slot in takewhile(_answered, self.slots))]

    @property
    def over(self) -> bool:
        """Whether the run is over; nobody looks while there are points to hand out."""
        if not self._unasked():
            self.settle()
        return bool(self.going.over)

    @contextmanager
    def cut_short(self) -> Iterator[None]:
        """Hold the run, for a while, as if the budget ended with the last answer before the first missing."""
        self.settle()
        told = sum(1 for _ in takewhile(_answered, self.slots))
        if self.going.over or not told:
            yield
            return
        self.going.oracle["budget"] = self.going.oracle["count"] + told
        with self._undone():
            self._play(Replay(self.slots, Recorded(()), 0, 1))
            self.going.over = ""
            yield

    def _value(self, x: _Vector) -> float:
        """Be the objective."""
        value = self._replay.value(x)
        if self._replay.full:
            self.going.oracle["budget"] = self.going.oracle["count"]
        return value

    def _slope(self, x: _Vector) -> _Vector:
        return self._replay.slope(x)

    def _play(self, replay: Replay | Comparison, steps: int = 1) -> None:
        """Run steps over a replay; who calls puts the run back."""
        self._replay = replay
        self.going.advance(steps=steps)

    @contextmanager
    def _undone(self) -> Iterator[Callable[[], None]]:
        """Put the run back, whatever happens, unless what is yielded was called."""
        kept: list[bool] = []
        try:
            yield lambda: kept.append(True)
        finally:
            if not kept:
                self.going.restore(self._kept)
                self.going.objective.error = None

    def settle(self) -> None:
        """Take every step whose answers are all told; find the first point that has none."""
        while self._changed and not self.going.over:
            replay = Replay(self.slots, self._recorded, len(self.history), 1)
            with self._undone() as keep:
                self._play(replay)
                if replay.open < 0:
                    keep()
            if replay.open < 0:
                self._commit(replay)
            else:
                self._place(replay, replay.open + 1)
                self._changed = False

    def _commit(self, replay: Replay) -> None:
        """Keep a step that met nothing but told answers."""
        for slot in replay.asked:
            assert slot.answer is not None
            self.history.append(slot.entry)
            self.points.update(slot.point.tobytes())
            self._last = slot.answer if np.isfinite(slot.answer) else self._last
        del self.slots[: len(replay.asked)]
        if self.going.over:
            self._withdraw(0)
        else:
            self._kept = self.going.snapshot()

    def _place(self, replay: Replay, count: int) -> None:
        """Put the first points of a replay into the slots; what stood there instead was a wrong guess."""
        for place in range(count):
            slot = replay.asked[place]
            slot.sloped = slot.sloped or replay.sloped[place]
            if place < len(self.slots) and self.slots[place] is not slot:
                self._withdraw(place)
            if place >= len(self.slots):
                self.slots.append(slot)

    def _withdraw(self, place: int) -> None:
        """Drop what was guessed from a place on; answers to it will be accepted, and are not used."""
        for slot in self.slots[place:]:
            if slot.asked:
                self.withdrawn.add(slot.point.tobytes())
        del self.slots[place:]

    def _unasked(self) -> list[Slot]:
        return [slot for slot in self.slots if not slot.asked]

    def fresh(self, count: int) -> list[Slot]:
        """Give up to `count` slots that were not handed out, looking ahead where there are too few.

        Parameters
        ----------
        count : int

        Returns
        -------
        list of Slot
            In the order of their queries; whoever hands one out sets its `asked`.
        """
        if len(self._unasked()) < count:
            self.settle()
        found = self._unasked()
        last = len(self.slots) - 1
        # who asks one by one has the step replayed for every query; of a long step that would be much
        long = len(found) == 1 and last >= 4 and last & (last - 1) == 0
        if (len(found) < count or long) and not (self._exhausted or self.going.over):
            self._look_ahead(len(self.slots) + max(1, count - len(found)))
            found = self._unasked()
            self._exhausted = len(found) < count
        return found[:count]

    def _look_ahead(self, wanted: int) -> None:
        """Find the points that do not depend on answers which are not told; steps further if need be."""
        room = max(wanted, ROOM // self.going.x.size)
        told = [slot.answer for slot in self.slots if slot.answer is not None and np.isfinite(slot.answer)]
        last = told[-1] if told else self._last
        steps, before, known = 1, -1, 0
        while True:
            first = Replay(self.slots, self._recorded, len(self.history), room)
            with self._undone():
                self._play(first, steps)
            same = (new is old for new, old in zip(first.asked, self.slots, strict=False))
            known = max(known, sum(takewhile(bool, same)))
            common = len(first.asked)
            for pattern in PATTERNS:
                if common <= known:
                    break  # nothing is to be found
                other = Comparison(first, partial(pattern, last))
                with self._undone():
                    self._play(other, steps)
                common = min(common, other.common)
            if common >= wanted or common < len(first.asked) or len(first.asked) <= before or first.full:
                break
            before, known, steps = len(first.asked), common, 2 * steps
        self._place(first, common)
