"""`zobench.minimize`: any objective, any start, and what SciPy's users expect back."""

import ctypes
import inspect

import numpy as np
import pytest
import scipy
from scipy.optimize import OptimizeResult

import zobench
from zobench.errors import ZobenchError
from zobench.execute import key_of


def bowl(x):
    return float((x - 1.0) @ (x - 1.0))


def answer(fun=bowl, x0=(0.0, 0.0, 0.0), **more):
    return zobench.minimize(fun, x0, **{"budget": 300, "seed": 3} | more)


@pytest.fixture(scope="module")
def compiled():
    """The same bowl as a numba cfunc: ``double f(double *x, long dim, double *data)``."""
    from numba import carray, cfunc, types

    signature = types.double(types.CPointer(types.double), types.long_, types.CPointer(types.double))

    @cfunc(signature)
    def objective(pointer, dim, data):
        x = carray(pointer, dim)
        total = 0.0
        for i in range(dim):
            total += (x[i] - 1.0) ** 2
        return total

    return objective


def sequential(x):
    """The bowl with the sum in the compiled one's order."""
    total = 0.0
    for value in x.tolist():
        total += (value - 1.0) ** 2
    return total


def test_the_answer_has_what_scipys_users_expect():
    calls = []
    result = answer(lambda x: calls.append(bowl(x)) or calls[-1])
    assert isinstance(result, OptimizeResult)
    assert result.nfev == len(calls) == 300
    assert result.nit == 150
    assert result.success
    assert result.status == 0
    assert isinstance(result.message, str)
    assert result.fun == min(calls) == bowl(result.x)
    assert result.x.shape == (3,)
    assert result.trace.count == 300


@pytest.mark.parametrize(
    "x0", [[0, 0], (0.0, 0.0), np.zeros(2, np.int8), np.zeros(2, int), np.zeros((4, 2))[1]]
)
def test_starts_of_every_kind_are_taken(x0):
    assert np.array_equal(answer(x0=x0).x, answer(x0=np.zeros(2)).x)


def test_a_number_is_a_start_in_one_dimension():
    result = zobench.minimize(lambda x: float(x[0] ** 2), 2.0, budget=400)
    assert result.x.shape == (1,)
    assert result.fun < 0.1


def test_the_start_is_left_alone_even_by_a_rude_objective():
    def rude(x):
        x[:] = 7.0
        return 1.0

    x0 = np.linspace(0, 1, 5)[::2]
    kept = x0.copy()
    answer(rude, x0)
    assert np.array_equal(x0, kept)


@pytest.mark.parametrize(
    ("x0", "complaint"),
    [
        ("here", "x0 must be a vector of numbers, got 'here'"),
        ([[1.0, 2.0]], r"x0 must have shape \(d,\) with d >= 1, got \(1, 2\)"),
        ([], r"x0 must have shape \(d,\) with d >= 1, got \(0,\)"),
        ([1.0, np.nan], "x0 must be finite"),
        (None, "x0 must be given"),
    ],
)
def test_a_wrong_start_is_refused(x0, complaint):
    with pytest.raises(zobench.ZobenchError, match=complaint):
        zobench.minimize(bowl, x0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"solver": "s2"}, "solver must be one of .* got 's2'; did you mean 's2p'"),
        ({"budget": 0}, "budget must be a whole number >= 1, got 0"),
        ({"seed": -3}, "seed must be a whole number >= 0, got -3"),
        (
            {"seed": 2**62 + 1},
            r"seed must be .* >= 0 and <= 2\*\*62 = 4611686018427387904, got 46116860184273879",
        ),
        ({"budget": 10**400}, r"budget must be a whole number >= 1 and <= 2\*\*62"),
        ({"budget": "many"}, "budget must be a whole number >= 1, got 'many'"),
        ({"solver": 3}, "solver must be the name of a solver or a Solver, got int"),
        ({"solver": np}, "solver must be the name of a solver or a Solver, got module"),
        ({"callback": 3}, "callback must be callable, got 3"),
        ({"parameters": {"sed": 3}}, "no parameter 'sed': seed is given beside the parameters, seed="),
        ({"parameters": {"noise_level": 3}}, "noise is given beside the parameters"),
        ({"parameters": {"dim": 3}}, "no parameter 'dim': x0 gives the dimension d"),
        ({"parameters": {"alpa0": 3}}, "a parameter must be one of .* got 'alpa0'; did you mean 'alpha0'"),
        ({"parameters": {"alpha0": "x"}}, "solver 's2p': alpha0 must be a number > 0, got 'x'"),
        ({"fun": 3.0}, "fun must be an instance, a callable .* got float"),
        ({"fun": ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3)}, "a ctypes objective must be double f"),
    ],
)
def test_a_wrong_request_is_refused(arguments, complaint):
    with pytest.raises(zobench.ZobenchError, match=complaint):
        answer(**arguments)


def test_a_low_level_callable_of_another_signature_is_refused(compiled):
    wrong = scipy.LowLevelCallable(compiled.ctypes, signature="double (double)")
    with pytest.raises(zobench.ZobenchError, match="LowLevelCallable objective must have signature"):
        answer(wrong)


def test_every_kind_of_pointer_gives_the_same_bits_as_the_python_callable(compiled):
    kind = ctypes.CFUNCTYPE(
        ctypes.c_double, ctypes.POINTER(ctypes.c_double), ctypes.c_long, ctypes.POINTER(ctypes.c_double)
    )
    low = scipy.LowLevelCallable(kind(compiled.address), signature="double (double *, long, double *)")
    plain = answer(sequential)
    for pointer in (compiled, compiled.ctypes, kind(compiled.address), low):
        result = answer(pointer)
        assert np.array_equal(result.x, plain.x)
        assert (result.fun, result.nfev) == (plain.fun, 300)


def test_a_low_level_callable_gets_its_user_data():
    from numba import cfunc, types

    signature = types.double(types.CPointer(types.double), types.long_, types.CPointer(types.double))

    @cfunc(signature)
    def shifted(x, dim, data):
        return (x[0] - data[0]) ** 2

    kind = ctypes.CFUNCTYPE(
        ctypes.c_double, ctypes.POINTER(ctypes.c_double), ctypes.c_long, ctypes.POINTER(ctypes.c_double)
    )
    place = ctypes.c_double(3.0)
    low = scipy.LowLevelCallable(
        kind(shifted.address),
        user_data=ctypes.cast(ctypes.pointer(place), ctypes.c_void_p),
        signature="double (double *, long, double *)",
    )
    assert answer(low, [0.0], budget=2000).x == pytest.approx([3.0], abs=0.05)


def test_a_cffi_pointer_is_taken(compiled):
    cffi = pytest.importorskip("cffi")
    pointer = cffi.FFI().cast("double (*)(double *, long, double *)", compiled.address)
    assert np.array_equal(answer(pointer).x, answer(sequential).x)


def test_an_instance_brings_its_start_and_agrees_with_the_run_of_its_key():
    made = zobench.problem("quadratic", dim=4)
    trace = zobench.run(made, "s2p", budget=200, seed=9)
    result = zobench.minimize(made, solver="s2p", budget=200, seed=key_of(made, "s2p", budget=200, seed=9))
    assert result.fun == trace.best
    assert np.array_equal(result.trace.x, trace.x)


def test_a_callback_gets_the_iterate_of_every_step():
    seen = []
    result = answer(callback=lambda x: seen.append(x))
    assert len(seen) == result.nit == 150
    assert len({x.tobytes() for x in seen}) > 100, "each call gets a vector of its own"
    assert np.array_equal(seen[-1], result.trace.x)


def test_a_callback_with_scipys_newer_signature_gets_the_result_so_far():
    seen = []

    def callback(intermediate_result):
        seen.append((intermediate_result.nfev, intermediate_result.fun))

    result = answer(callback=callback)
    assert [queries for queries, _ in seen] == list(range(2, 301, 2))
    assert seen[-1][1] == result.fun
    best = [value for _, value in seen]
    assert best == sorted(best, reverse=True)


def test_a_callback_changes_no_bit():
    assert np.array_equal(answer(callback=lambda x: x.fill(99.0)).x, answer().x)


def test_a_callback_ends_the_run_by_stop_iteration():
    seen = []

    def callback(x):
        seen.append(x)
        if len(seen) == 10:
            raise StopIteration

    result = answer(callback=callback)
    assert (result.nit, result.nfev, result.status) == (10, 20, 2)
    assert "callback" in result.message


def test_errors_of_objective_and_callback_come_out():
    with pytest.raises(ZeroDivisionError):
        answer(lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        answer(callback=lambda x: 1 / 0)


def test_an_objective_without_a_finite_value_is_no_success():
    result = answer(lambda x: np.nan)
    assert not result.success
    assert "finite" in result.message
    assert np.isfinite(result.x).all()


def test_a_start_without_a_finite_value_is_told_and_no_error():
    def walled(x):
        return np.inf if not x.any() else bowl(x)

    result = answer(walled, solver="stp")
    assert result.success
    assert result.message.endswith("The first query, at x0 or beside it, answered no finite number.")
    assert "finite" not in answer().message
    far = zobench.minimize(zobench.problem("quadratic", dim=2), [1e200, 0.0], budget=9)
    assert "f(x0) is inf, not finite." in far.message
    assert not far.success


def test_a_solvers_module_is_the_solver():
    assert np.array_equal(answer(solver=zobench.solvers.s2p).x, answer(solver="s2p").x)


def test_a_callback_is_not_called_for_a_step_that_the_budget_cut_short():
    seen = []
    assert answer(budget=7, callback=seen.append).nit == len(seen) == 3


def test_a_callback_without_a_signature_gets_the_iterate():
    with pytest.raises(ValueError, match="no signature found"):
        inspect.signature(iter)
    assert answer(budget=4, callback=iter).nit == 2


def test_the_default_budget_grows_with_the_dimension():
    assert zobench.minimize(bowl, [0.0, 0.0]).nfev == 600


def test_seeds_determine_the_bits():
    assert np.array_equal(answer(seed=4).x, answer(seed=4).x)
    assert not np.array_equal(answer(seed=4).x, answer(seed=5).x)


def test_a_constant_that_only_a_certificate_can_give_is_asked_for():
    with pytest.raises(zobench.ZobenchError, match="solver 's2p': L must be given"):
        answer(parameters={"rule": "gamma"})
    assert answer(parameters={"rule": "gamma", "L": 2.0}).success


@pytest.mark.parametrize("budget", [1, 2, 3, 7])
def test_small_budgets_are_kept(budget):
    calls = []
    result = answer(lambda x: calls.append(1) or bowl(x), budget=budget)
    assert result.nfev == len(calls) == budget


@pytest.mark.parametrize("given", [5, "alpha0=1", [1], {1: 2}], ids=repr)
def test_parameters_that_are_not_given_by_name_are_refused(given):
    calls = (
        lambda: zobench.minimize(lambda x: x @ x, [1.0], solver="stp", parameters=given),
        lambda: zobench.ask_tell("stp", [1.0], parameters=given),
        lambda: zobench.solvers.stp(lambda x: x @ x, [1.0], parameters=given),
    )
    for call in calls:
        with pytest.raises(ZobenchError) as told:
            call()
        assert str(told.value) == f"parameters must be a mapping of names to values, got {given!r}"
    with pytest.raises(ZobenchError, match=r"^solver 'stp': parameters must be a mapping of names"):
        zobench.run("quadratic", "stp", budget=9, parameters=given)


@pytest.mark.parametrize("given", [5, "12", None])
def test_answers_that_are_no_list_are_refused(given):
    with pytest.raises(ZobenchError, match=r"^answers must be those of a study \(Study.answers\), got "):
        zobench.ask_tell("stp", [1.0], answers=given)


def test_a_constant_that_was_assumed_is_told():
    def fun(x):
        return float(x @ x)

    assumed = "L = 1 was assumed"
    assert assumed in zobench.minimize(fun, [1.0, 2.0], solver="mezo", budget=20).message
    assert (
        assumed not in zobench.minimize(fun, [1.0], solver="mezo", budget=20, parameters={"L": 1.0}).message
    )
    assert (
        assumed
        not in zobench.minimize(fun, [1.0], solver="mezo", budget=9, parameters={"step_size": 1.0}).message
    )
    assert assumed not in zobench.minimize(zobench.problem("quadratic"), solver="mezo", budget=20).message
