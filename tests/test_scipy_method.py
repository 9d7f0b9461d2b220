"""Solvers as methods of ``scipy.optimize.minimize``: the bits of `zobench.minimize`, SciPy's manners."""

import ctypes
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import scipy
from scipy.optimize import minimize, rosen, rosen_der

import zobench
from zobench.interfaces.methods import RUN_OPTIONS, SYNONYMS, SolverModule, callable_modules
from zobench.registry import catalogue
from zobench.solver import Solver

NATIVE = [name for name, method in catalogue("solvers").items() if type(method).begin is Solver.begin]
STP = zobench.solvers.stp


def case(name):
    """Give x0 and parameters for any solver: a matrix of 3 x 2 and rank 1 where one is wanted."""
    fields = catalogue("solvers")[name].parameters._fields
    matrix = {"rows": 3, "columns": 2, "rank": 1} if "rows" in fields else {}
    return np.outer([1.0, -0.5, 2.0], [0.5, 1.0]).ravel(), matrix


def bowl(x):
    return float(np.sum(np.arange(1.0, x.size + 1.0) * (x - 1.0) ** 2))


def slope(x):
    return 2.0 * np.arange(1.0, x.size + 1.0) * (x - 1.0)


def same(a, b):
    return (
        np.array_equal(a.x, b.x)
        and np.array_equal(a.trace.x, b.trace.x)
        and a.trajectory.tobytes() == b.trajectory.tobytes()
        and (a.fun, a.nfev, a.njev, a.nit, a.message) == (b.fun, b.nfev, b.njev, b.nit, b.message)
    )


@pytest.mark.parametrize("name", NATIVE)
def test_every_native_solver_is_a_method_with_the_bits_of_minimize(name):
    x0, parameters = case(name)
    module = getattr(zobench.solvers, name.replace("-", "_"))
    jac = slope if module.solver.gradients else None
    own = zobench.minimize(bowl, x0, solver=name, budget=61, seed=5, parameters=parameters, jac=jac)
    options = {"budget": 61, "seed": 5, **parameters}
    for method in (module, module.solver):
        assert same(minimize(bowl, x0, method=method, jac=jac, options=options), own)
    other = minimize(bowl, x0, method=module, jac=jac, options=options | {"budget": 60})
    assert not same(other, own), "the comparison sees one query"


def test_parameters_may_be_given_together_and_an_option_of_the_run_comes_first():
    one = minimize(bowl, [0.0], method=STP, options={"budget": 30, "alpha0": 0.5})
    two = minimize(bowl, [0.0], method=STP, options={"budget": 30, "parameters": {"alpha0": 0.5}})
    assert same(one, two)
    assert not same(one, minimize(bowl, [0.0], method=STP, options={"budget": 30}))
    clashing = {*RUN_OPTIONS, *SYNONYMS, "parameters"}
    native = {field for name in NATIVE for field in catalogue("solvers")[name].parameters._fields}
    assert not clashing & native, "such a parameter could not be given by its name"


FRESH = """
import sys, zobench
{first}
assert callable(zobench.solvers.vs2p) and callable(zobench.solvers.coordinate_differences)
from scipy.optimize import minimize
options = {{"maxfev": 40}}
print(minimize(lambda x: float(x @ x), [1.0, 2.0], method=zobench.solvers.vs2p, options=options).nfev)
"""


@pytest.mark.parametrize(
    "first",
    [
        "assert 'numba' not in sys.modules and 'scipy' not in sys.modules",
        "from zobench.registry import catalogue; catalogue('solvers')",
    ],
    ids=["nothing before", "the registry first"],
)
def test_modules_are_methods_however_they_were_imported(first):
    code = FRESH.format(first=first)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("40\n", "")


def test_a_strangers_package_gets_methods_by_one_line(tmp_path, monkeypatch):
    home = tmp_path / "strangers_solvers"
    home.mkdir()
    (home / "__init__.py").write_text("from zobench.interfaces.methods import callable_modules\n")
    (home / "mine.py").write_text("from zobench.solvers.stp import solver\n")
    monkeypatch.syspath_prepend(tmp_path)
    import strangers_solvers.mine

    assert not callable(strangers_solvers.mine), "a package that does not say the line"
    for name in [name for name in sys.modules if name.startswith("strangers_solvers")]:
        monkeypatch.delitem(sys.modules, name)
    (home / "__init__.py").write_text(
        "from zobench.interfaces.methods import callable_modules\n\ncallable_modules(__name__)\n"
    )
    import strangers_solvers

    assert minimize(bowl, [0.0], method=strangers_solvers.mine, options={"budget": 9}).nfev == 9


def test_modules_stay_modules_and_a_wrong_name_gets_the_nearest():
    from zobench.solvers import vs2p

    assert callable(vs2p)
    assert isinstance(STP, ModuleType)
    assert type(STP) is SolverModule
    assert STP.solver is catalogue("solvers")["stp"]
    assert "zo_adamm" in dir(zobench.solvers)
    with pytest.raises(AttributeError, match="no attribute 'steepest_stp'"):
        zobench.solvers.steepest_stp  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'mezo'"):
        zobench.solvers.meso  # noqa: B018
    assert not hasattr(zobench.solvers, "__nothing__")
    assert callable_modules(zobench.solvers.__name__) is None


@pytest.mark.parametrize("word", ["budget", "maxfev", "maxfun"])
def test_the_budget_has_scipys_words(word):
    calls = []
    result = minimize(lambda x: calls.append(1) or bowl(x), [0.0, 3.0], method=STP, options={word: 77})
    assert result.nfev == len(calls) == 77


def test_maxiter_counts_steps_and_sets_a_budget_where_none_is_given():
    result = minimize(bowl, np.zeros(3), method=STP, options={"maxiter": 5000})
    assert (result.nit, result.status) == (5000, 1)
    assert result.message == "The steps asked for (maxiter) were taken."
    short = minimize(bowl, np.zeros(3), method=STP, options={"maxiter": 5000, "budget": 100})
    assert (short.nfev, short.status) == (100, 0)
    first = minimize(bowl, np.zeros(3), method=STP, options={"maxiter": 4, "budget": 100, "return_all": True})
    whole = minimize(bowl, np.zeros(3), method=STP, options={"budget": 100, "return_all": True})
    assert np.array_equal(first.allvecs, whole.allvecs[:5]), "fewer steps, the same steps"


def test_a_loop_of_another_package_ends_after_maxiter_steps_as_well():
    result = minimize(rosen, [0.0, 0.0], method=zobench.solvers.nelder_mead, options={"maxiter": 7})
    assert (result.nit, result.status) == (7, 1)
    assert result.message == "The steps asked for (maxiter) were taken."


def test_return_all_gives_every_iterate_and_disp_prints(capsys):
    seen = []
    options = {"budget": 41, "return_all": True, "disp": True}
    result = minimize(bowl, [0.0, 0.0], method=zobench.solvers.vs2p, options=options, callback=seen.append)
    assert len(result.allvecs) == result.nit + 1 == 21, "the step that the budget cuts short is none"
    assert np.array_equal(result.allvecs[0], [0.0, 0.0])
    assert np.array_equal(result.allvecs[1:], seen)
    assert np.array_equal(seen[-1], result.trace.x)
    printed = capsys.readouterr().out
    assert all(word in printed for word in (result.message, f"{result.fun:.6g}", "20", "41"))
    minimize(bowl, [0.0, 0.0], method=STP, options={"budget": 9})
    assert capsys.readouterr().out == ""


def test_both_forms_of_callback_and_stop_iteration():
    seen = []

    def newer(intermediate_result):
        seen.append(intermediate_result)
        if len(seen) == 3:
            raise StopIteration

    result = minimize(bowl, [0.0], method=STP, callback=newer, options={"budget": 99})
    assert (result.nit, result.status, result.nfev) == (3, 2, seen[-1].nfev)
    assert "callback" in result.message
    assert [each.nit for each in seen] == [1, 2, 3]

    def older(x):
        raise StopIteration

    assert minimize(bowl, [0.0], method=STP, callback=older, options={"budget": 99}).nit == 1


def test_the_trajectory_is_the_record_at_log_spaced_queries():
    values = []
    result = minimize(lambda x: values.append(bowl(x)) or values[-1], [0.0, 0.0], method=STP)
    rows = result.trajectory
    assert np.array_equal(rows["best"], np.minimum.accumulate(values)[rows["queries"] - 1])
    assert rows["queries"][-1] == result.nfev == 600
    made = zobench.problem("quadratic", dim=3)
    traced = zobench.minimize(made, solver="stp", budget=50)
    assert traced.trajectory["value"][-1] == made.value(traced.trace.x)


@pytest.mark.parametrize("x0", [[0, 0], np.zeros((3, 2))[1], (0.0, 0.0)], ids=["int", "view", "tuple"])
def test_starts_of_every_kind(x0):
    options = {"budget": 40}
    kinds = []
    result = minimize(lambda x: kinds.append(x.dtype) or bowl(x), x0, method=STP, options=options)
    assert np.array_equal(result.x, minimize(bowl, np.zeros(2), method=STP, options=options).x)
    assert set(kinds) == {np.dtype(np.float64)}


def test_a_start_in_single_precision_is_converted_and_told_at_the_users_line():
    x0, options = np.zeros(2, np.float32), {"budget": 40}
    ways = [
        lambda: minimize(bowl, x0, method=STP, options=options),
        lambda: minimize(bowl, x0, method=STP.solver, options=options),
        lambda: zobench.minimize(bowl, x0, solver="stp", **options),
        lambda: zobench.minimize(bowl, x0, solver=STP, **options),
    ]
    for way in ways:
        with pytest.warns(zobench.ConversionWarning, match="x0 of float32 was converted") as caught:
            result = way()
        assert [each.filename for each in caught] == [__file__]
        assert np.array_equal(result.x, zobench.minimize(bowl, [0.0, 0.0], solver="stp", **options).x)
    with pytest.warns(zobench.ConversionWarning) as caught:
        zobench.ask_tell("stp", x0)
    assert [each.filename for each in caught] == [__file__]


def test_a_number_is_a_start_and_args_are_handed_on():
    result = minimize(lambda x, a, b: (x[0] - a) ** 2 + b, 0.0, args=(2.0, 1.0), method=STP)
    assert result.x == pytest.approx([2.0], abs=0.1)
    assert minimize(lambda x, a: (x[0] - a) ** 2, [0.0], args=2.0, method=STP).x == pytest.approx(result.x)


def test_jac_goes_to_first_order_methods_and_jac_true_is_one_call():
    x0, parameters = case("lowrank-heavy-ball")
    options = {"budget": 20, **parameters}
    plain = minimize(bowl, x0, method=zobench.solvers.lowrank_heavy_ball, jac=slope, options=options)
    calls = []

    def both(x, factor):
        calls.append(1)
        return factor * bowl(x), factor * slope(x)

    joint = minimize(
        both, x0, args=(1.0,), method=zobench.solvers.lowrank_heavy_ball, jac=True, options=options
    )
    assert same(joint, plain)
    assert len(calls) == joint.njev == joint.nfev == 20
    assert minimize(both, x0, (1.0,), method=STP, jac=True, options={"budget": 9}).njev == 0


@pytest.fixture(scope="module")
def pointer():
    from numba import cfunc, types

    signature = types.double(types.CPointer(types.double), types.long_, types.CPointer(types.double))

    @cfunc(signature)
    def shifted(x, dim, data):
        return (x[0] - data[0]) ** 2 + x[1] ** 2

    return shifted


def test_low_level_callables_pass_through_scipy(pointer):
    kind = ctypes.CFUNCTYPE(
        ctypes.c_double, ctypes.POINTER(ctypes.c_double), ctypes.c_long, ctypes.POINTER(ctypes.c_double)
    )
    place = ctypes.c_double(3.0)
    low = scipy.LowLevelCallable(
        kind(pointer.address),
        user_data=ctypes.cast(ctypes.pointer(place), ctypes.c_void_p),
        signature="double (double *, long, double *)",
    )
    options = {"budget": 300, "seed": 2}
    result = minimize(low, [0.0, 0.0], method=STP, options=options)
    python = minimize(lambda x: (x[0] - 3.0) ** 2 + x[1] ** 2, [0.0, 0.0], method=STP, options=options)
    assert same(result, python)
    assert same(result, zobench.minimize(low, [0.0, 0.0], solver="stp", **options))
    for given in (low, kind(pointer.address), pointer):
        with pytest.raises(zobench.ZobenchError, match="args go to Python callables only, got fun of type"):
            minimize(given, [0.0, 0.0], args=(3.0,), method=STP)


def test_instances_pass_through_scipy():
    made = zobench.problem("quadratic", dim=3)
    result = minimize(made, made.x0, method=STP, options={"budget": 50})
    assert same(result, zobench.minimize(made, solver="stp", budget=50))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            {"options": {"alpa0": 1.0}},
            r"method 'stp': an option must be .* got 'alpa0'; did you mean 'alpha0'\?",
        ),
        ({"options": {"maxfv": 1}}, "did you mean 'maxfev'"),
        ({"options": {"budget": 3, "maxfev": 4}}, "budget and maxfev are one option, give one of them"),
        ({"options": {"alpha0": -1.0}}, "solver 'stp': alpha0 must be"),
        ({"options": {"maxiter": 0}}, "maxiter must be a whole number >= 1, got 0"),
        ({"options": {"budget": 2**62 + 1}}, r"budget must be .* <= 2\*\*62 = 4611686018427387904, got"),
        ({"options": {"seed": 10**30}}, r"seed must be a whole number >= 0 and <= 2\*\*62"),
        (
            {"options": {"budget": float("inf")}},
            r"budget must be .* <= 2\*\*62 = 4611686018427387904, got inf",
        ),
        ({"tol": 1e-3}, "method 'stp' has no tolerance"),
        ({"bounds": [(0.0, 1.0)]}, "method 'stp' takes no bounds"),
        ({"constraints": {"type": "ineq", "fun": bowl}}, "method 'stp' takes no constraints"),
        ({"constraints": [{"type": "ineq", "fun": bowl}]}, "method 'stp' takes no constraints"),
        ({"callback": 3}, "callback must be callable, got 3"),
    ],
)
def test_what_no_solver_takes_is_refused_in_one_sentence(arguments, complaint):
    with pytest.raises(zobench.ZobenchError, match=complaint) as caught:
        minimize(bowl, [0.0], method=STP, **arguments)
    assert "\n" not in str(caught.value)


def test_empty_bounds_are_none_and_a_hessian_is_left_aside_aloud():
    minimize(bowl, [0.0], method=STP, bounds=None, constraints=[], options={"budget": 3})
    with pytest.warns(RuntimeWarning, match=r"does not use Hessian information \(hess\)") as caught:
        minimize(rosen, [0.0, 0.0], method=STP, jac=rosen_der, hess=lambda x: None, options={"budget": 3})
    assert caught[0].filename == __file__
