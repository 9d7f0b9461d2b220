"""Parameters: what each rule takes and refuses, every fault in one sentence, text as from a command line."""

import math
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zobench
from zobench.errors import ZobenchError
from zobench.parameters import (
    Certified,
    Choice,
    Integer,
    Real,
    convert,
    describe,
    encode,
    parse_assignments,
    validate,
)


class Parameters(NamedTuple):
    alpha: Annotated[float, Real(0.0, open=True)] = 1.0
    count: Annotated[int, Integer(1, 9)] = 3
    law: Annotated[str, Choice("gaussian", "sphere")] = "gaussian"
    L: Annotated[float, Certified()] = math.nan


class Required(NamedTuple):
    alpha: Annotated[float, Real()]
    beta: Annotated[float, Real(-1.0, 1.0)] = 0.0


class Nothing(NamedTuple):
    pass


@pytest.mark.parametrize(
    ("rule", "demand"),
    [
        (Real(), "a number"),
        (Real(0.0), "a number >= 0"),
        (Real(0.0, 1.0), "a number >= 0 and <= 1"),
        (Real(0.0, 1.0, open=True), "a number > 0 and < 1"),
        (Integer(), "a whole number"),
        (Integer(1), "a whole number >= 1"),
        (Integer(1, 9), "a whole number >= 1 and <= 9"),
        (Choice("a", "b"), "one of 'a', 'b'"),
        (Certified(), "a number > 0, or 'certified' for the constant that the problem certifies"),
    ],
)
def test_a_rule_says_what_the_value_must_be(rule, demand):
    assert rule.demand == demand


@pytest.mark.parametrize(
    ("rule", "value", "answer"),
    [
        (Real(), "1e3", 1000.0),
        (Real(0.0), 0, 0.0),
        (Real(), np.float32(0.5), 0.5),
        (Integer(), "12", 12),
        (Integer(), 3.0, 3),
        (Integer(), np.int64(4), 4),
        (Choice("a", "b"), "b", "b"),
        (Certified(), "2", 2.0),
    ],
)
def test_values_are_taken_in_every_spelling(rule, value, answer):
    taken = convert(value, rule, "it")
    assert taken == answer
    assert type(taken) is type(answer)


def test_a_certified_constant_is_nan_until_the_problem_gives_it():
    assert math.isnan(convert("certified", Certified(), "L"))
    assert math.isnan(convert(math.nan, Certified(), "L"))


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Real(0.0, open=True), 0.0),
        (Real(), math.nan),
        (Real(), math.inf),
        (Real(), "x"),
        (Real(), None),
        (Real(), True),
        (Real(), [1.0]),
        (Integer(), 1.5),
        (Integer(), "1.5"),
        (Integer(), math.inf),
        (Integer(), math.nan),
        (Integer(0), -1),
        (Integer(), True),
        (Integer(), 2**70),
        (Choice("a"), "A"),
        (Choice("a"), ["a"]),
        (Certified(), 0.0),
    ],
)
def test_wrong_values_are_refused_in_a_sentence(rule, value):
    with pytest.raises(ZobenchError) as complaint:
        convert(value, rule, "it")
    hint = "; did you mean 'a'?" if value == "A" else ""
    assert str(complaint.value) == f"it must be {rule.demand}, got {value!r}{hint}"


def test_all_faults_are_told_at_once():
    with pytest.raises(ZobenchError) as complaint:
        validate(Parameters, {"alpha": -1, "law": "cube", "lau": 3}, "solver 'x'")
    faults = str(complaint.value).split("; solver 'x': ")
    assert faults[0] == "solver 'x': alpha must be a number > 0, got -1"
    assert faults[1] == "law must be one of 'gaussian', 'sphere', got 'cube'"
    assert faults[2].startswith(
        "a parameter must be one of L, alpha, count, law, got 'lau'; did you mean 'law'?"
    )


def test_what_must_be_given_is_asked_for():
    with pytest.raises(ZobenchError, match=r"^solver 'x': alpha must be given$"):
        validate(Required, {}, "solver 'x'")


def test_what_has_no_parameters_says_so():
    with pytest.raises(ZobenchError, match=r"^solver 'x' has no parameters, got 'alpha'$"):
        validate(Nothing, {"alpha": 1}, "solver 'x'")


def test_defaults_are_filled_in_and_kernels_see_positions():
    chosen = validate(Parameters, {"law": "sphere"}, "solver 'x'")
    assert chosen[:3] == (1.0, 3, "sphere")
    assert encode(chosen)[:3] == (1.0, 3, 1)


def test_parameters_are_described():
    told = describe(Parameters)
    assert [row["name"] for row in told] == ["alpha", "count", "law", "L"]
    assert told[1] == {"name": "count", "default": 3, "must_be": "a whole number >= 1 and <= 9"}


@given(st.floats())
def test_a_number_is_taken_if_and_only_if_it_lies_within(value):
    inside = -1.0 <= value <= 1.0
    try:
        assert convert(value, Real(-1.0, 1.0), "it") == value
    except ZobenchError:
        assert not inside
    else:
        assert inside


@given(st.integers())
def test_a_whole_number_survives_its_spelling(value):
    if abs(value) <= 2**62:
        assert convert(str(value), Integer(), "it") == value == convert(value, Integer(), "it")
    else:
        with pytest.raises(ZobenchError):
            convert(value, Integer(), "it")


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z_0-9]{0,8}", fullmatch=True), st.integers(), max_size=5))
def test_assignments_are_read_back(pairs):
    text = ",".join(f"{name}={value}" for name, value in pairs.items())
    assert parse_assignments(text, "it") == {name: str(value) for name, value in pairs.items()}


@pytest.mark.parametrize("text", ["dim", "dim=", "=3", "dim=1,,x", "1x=2", "a b=3"])
def test_malformed_assignments_are_refused(text):
    with pytest.raises(
        ZobenchError, match="problem 'x': parameters must be written key=value,key=value, got"
    ):
        parse_assignments(text, "problem 'x'")


def test_spaces_around_assignments_are_forgiven_and_repetition_is_not():
    assert parse_assignments(" dim = 3 , seed=1 ", "it") == {"dim": "3", "seed": "1"}
    with pytest.raises(ZobenchError, match="it: dim must be given once, got '3' and '4'"):
        parse_assignments("dim=3,dim=4", "it")


class Odd:
    def __repr__(self):
        return "Odd()"

    def __float__(self):
        raise RuntimeError("no number")


@pytest.mark.parametrize("value", [b"1", bytearray(b"1"), np.bool_(True), np.array([1.0]), Odd()], ids=repr)
@pytest.mark.parametrize("rule", [Real(), Integer(), Certified()], ids=repr)
def test_what_only_looks_like_a_number_is_refused(rule, value):
    with pytest.raises(ZobenchError, match=r"^step must be a .*number.*, got "):
        convert(value, rule, "step")


@pytest.mark.parametrize(
    ("name", "given", "limit"),
    [
        ("gld-fast", {"Q": 1e308}, "Q must let numbers fit into 64 bits, got Q = 1e+308 "),
        ("gld-fast", {"Q": 1e30}, "Q and H must let numbers fit into 64 bits, got Q = 1e+30, H = "),
        ("s2p", {"m1": 1e20}, "m1 must let numbers fit into 64 bits, got m1 = 1e+20 "),
        ("spsa", {"alpha": 1e20}, "alpha must let numbers fit into 64 bits, got alpha = 1e+20 "),
    ],
)
def test_numbers_that_no_machine_holds_are_told_by_name(name, given, limit):
    with pytest.raises(ZobenchError) as told:
        zobench.minimize(lambda x: float(x @ x), np.ones(4), solver=name, budget=20, parameters=given)
    assert str(told.value).startswith(f"solver {name!r}: {limit}")
