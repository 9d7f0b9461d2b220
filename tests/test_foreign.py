"""Problems of other packages: COCO's BBOB functions and IOHexperimenter's, where they are installed."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import zobench
from zobench import family as core
from zobench.campaign.definition import Campaign
from zobench.cli.main import cli
from zobench.contract.check import check, check_problem
from zobench.errors import ZobenchError
from zobench.execute import key_of, run_key
from zobench.family import Family, Foreign
from zobench.parallel.workers import run_keys
from zobench.registry import catalogue, families, find, split_problem

SUITES = {"coco": "cocoex", "ioh": "ioh"}
MEMBERS = ["coco:bbob_f001_i01_d10", "coco:bbob_f024_i07_d02", "ioh:sphere_i01_d10", "ioh:cec2022levy_i01_d2"]


def need(name):
    return pytest.importorskip(SUITES[name.partition(":")[0]], reason="the extra 'peers' is not installed")


def said(*arguments):
    return CliRunner().invoke(cli, arguments)


def directly(name):
    """The same problem made with the package's own calls."""
    package = need(name)
    words = name.replace(":", "_").split("_")
    instance, dim = int(words[-2][1:]), int(words[-1][1:])
    if name.startswith("coco"):
        return package.Suite("bbob", f"instances: {instance}", f"dimensions: {dim}").get_problem(name[5:])
    kinds = package.ProblemClass.REAL.problems.values()
    spelled = next(kind for kind in kinds if kind.lower() == words[1])
    return package.get_problem(spelled, instance, dim, package.ProblemClass.REAL)


@pytest.mark.parametrize("name", MEMBERS)
def test_values_are_the_packages_own(name):
    own, made = directly(name), zobench.problem(name)
    rng = np.random.default_rng(3)
    for x in [made.x0, *rng.uniform(-5, 5, (20, made.dim))]:
        assert made.value(x) == own(x)
    assert made.name.startswith(f"{name}:dim={made.dim},seed=0")


def check_count(made):
    before = made.foreign.evaluations()
    for budget in (1, 2, 101):
        trace = zobench.run(made, "stp", budget=budget, parameters={"alpha0": 1.0})
        assert trace.count == budget
        assert made.foreign.evaluations() - before == budget
        before = made.foreign.evaluations()
        assert np.isfinite(trace.values).all(), "values at the checkpoints are recorded"
        assert trace.value == made.value(trace.x)
    made.value(made.x0)
    assert made.foreign.evaluations() == before, "off the record nothing is counted"


@pytest.mark.parametrize("name", MEMBERS)
def test_the_packages_counter_agrees_with_the_count(name):
    need(name)
    check_count(zobench.problem(name))


def test_a_bridge_that_evaluates_off_the_record_on_the_counted_copy_is_caught():
    calls = []

    def f(x):
        calls.append(1)
        return float(x @ x)

    def load(rest):
        foreign = Foreign(f, f, lambda: len(calls))
        return rest, 3, lambda: (foreign, np.ones(3), 0.0, None)

    wrong = Family("wrong", "a", "b", "c", "d", "any", "click", "click", load)
    with pytest.raises(AssertionError):
        check_count(wrong.member("one").instance())
    right = Foreign(f, lambda x: float(x @ x), lambda: len(calls))
    check_count(replace(wrong.member("one").instance(), foreign=right))


def test_an_exception_of_the_package_ends_the_run():
    def f(x):
        raise RuntimeError("from the package")

    def load(rest):
        return rest, 3, lambda: (Foreign(f, lambda x: 0.0, lambda: 0), np.ones(3), None, None)

    member = Family("wrong", "a", "b", "c", "d", "any", "click", "click", load).member("one")
    with pytest.raises(RuntimeError, match="from the package"):
        zobench.run(member.instance(), "stp", budget=10, parameters={"alpha0": 1.0})


@pytest.mark.parametrize("function", range(1, 25))
def test_optimal_values_are_those_of_coco(function, tmp_path, monkeypatch):
    cocoex = need("coco")
    monkeypatch.chdir(tmp_path)  # COCO says its optimum in a file where one stands
    for instance, dim in ((1, 2), (7, 5)):
        name = f"bbob_f{function:03d}_i{instance:02d}_d{dim:02d}"
        made = zobench.problem(f"coco:{name}")
        suite = cocoex.Suite("bbob", f"instances: {instance}", f"dimensions: {dim}")
        suite.get_problem(name)._best_parameter("print")
        best = np.loadtxt("._bbob_problem_best_parameter.txt")
        f_star = made.certificates["f_star"]
        assert made.value(best) == pytest.approx(f_star.value, rel=1e-12, abs=1e-10)
        assert f_star.exact
        rng = np.random.default_rng(function)
        assert min(made.value(x) for x in rng.uniform(-5, 5, (50, dim))) >= f_star.value


def test_bbob_functions_of_both_packages_have_one_optimal_value():
    need("coco"), need("ioh")
    for number in range(1, 25):
        one = zobench.problem(f"coco:bbob_f{number}_i3_d5").certificates["f_star"].value
        two = zobench.problem(f"ioh:f{number}_i3_d5")
        assert one == pytest.approx(two.certificates["f_star"].value, abs=1e-9)
        assert two.value(two.x_star) == pytest.approx(one, abs=1e-8)


@pytest.mark.parametrize("name", MEMBERS[:3])
def test_a_key_makes_the_problem_again_in_another_process(name):
    need(name)
    made = zobench.problem(name)
    keys = [key_of(made, "s2p", budget=50, seed=seed, parameters={"alpha0": 1.0}) for seed in (0, 1)]
    here = [run_key(key) for key in keys]
    (there,) = [trace for batch in run_keys(keys[:1], workers=1) for trace in batch]
    others = {trace.key: trace for batch in run_keys(keys, workers=2) for trace in batch}
    result = zobench.minimize(made, solver="s2p", budget=50, seed=keys[0], parameters={"alpha0": 1.0})
    for trace in (there, others[keys[0]], result.trace):
        assert np.array_equal(trace.x, here[0].x)
        assert np.array_equal(trace.bests, here[0].bests)
    assert np.array_equal(others[keys[1]].values, here[1].values)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("coco:bbob_f1_i1_d5", "coco:bbob_f001_i01_d05"),
        ("coco:bbob_f001_i1_d10", "coco:bbob_f001_i01_d10"),
        ("ioh:f1_i1_d5", "ioh:sphere_i01_d5"),
        ("ioh:f001_i01_d5", "ioh:sphere_i01_d5"),
        ("ioh:Sphere_i01_d5", "ioh:sphere_i01_d5"),
    ],
)
def test_one_problem_has_one_name(written, name):
    need(name)
    assert zobench.problem(written).problem.name == zobench.problem(name).problem.name == name


def test_names_are_told_from_assignments():
    assert split_problem("coco:bbob_f001_i01_d10") == ("coco:bbob_f001_i01_d10", "")
    assert split_problem("coco:a:noise=failure,noise_level=1") == ("coco:a", "noise=failure,noise_level=1")
    assert split_problem(" quadratic : dim=3") == ("quadratic", "dim=3")
    assert split_problem("coco") == ("coco", "")
    with pytest.raises(ZobenchError, match="did you mean 'coco'"):
        split_problem("cocoo:bbob_f001_i01_d10")


def test_noise_goes_over_foreign_problems():
    need("coco")
    word = "coco:bbob_f001_i01_d10:noise=gaussian,noise_level=0.5"
    (key,) = Campaign.from_options([word], ["stp:alpha0=1"], 100).keys
    assert key.noise == "gaussian level=0.5 mode=independent"
    noisy, plain = run_key(key), run_key(replace(key, noise=""))
    assert noisy.start == plain.start
    assert not np.array_equal(noisy.x, plain.x)
    assert noisy.value == zobench.problem("coco:bbob_f001_i01_d10").value(noisy.x)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("coco:bbob_f025_i01_d10", "the function must be f001 to f024, got f025"),
        ("coco:bbob_f001_i00_d10", "the instance must be i01"),
        ("coco:bbob_f001_i01_d7", "the dimension must be one of 2, 3, 5, 10, 20, 40, got 7"),
        ("coco:sphere", "no such problem; a member is written coco:bbob_fFFF_iII_dD"),
        ("coco", "'coco' is a family of problems: name a member"),
        ("coco:", "'coco' is a family of problems: name a member"),
        ("ioh:spher_i01_d10", "the nearest is sphere"),
        ("ioh:sphere_i00_d10", "instance and dimension must be at least 1"),
        ("ioh:sphere_i01_d0", "instance and dimension must be at least 1"),
        ("ioh:cec2022levy_i01_d7", "its dimension must be 2, 10 or 20, got 7"),
        ("ioh:himmelblau1104_i01_d2", "zobench minimises"),
        ("ioh:himmelblau1104_i01_d3", "must be|zobench minimises|cannot make it"),
    ],
)
def test_members_that_do_not_exist_are_refused(name, fault):
    need(name)
    with pytest.raises(ZobenchError, match=fault):
        zobench.problem(name)


def test_a_name_fixes_dimension_and_instance():
    need("coco")
    made = zobench.problem("coco:bbob_f001_i01_d10", dim=10, seed=0)
    assert (made.dim, made.seed) == (10, 0)
    with pytest.raises(ZobenchError, match="dim must be 10 as in the name, got 3"):
        zobench.problem("coco:bbob_f001_i01_d10", dim=3)
    with pytest.raises(ZobenchError, match=r"seed must be 0, .*, got 4"):
        zobench.problem("coco:bbob_f001_i01_d10", seed=4)
    with pytest.raises(ZobenchError, match="has no parameters, got 'condition'"):
        zobench.problem("coco:bbob_f001_i01_d10", condition=4)


@pytest.mark.parametrize("name", SUITES)
def test_without_the_package_one_sentence_says_what_to_do(name, monkeypatch):
    monkeypatch.setattr(core, "find_spec", lambda module: None)
    example = families()[name].example
    sentence = f"the package {families()[name].package} is not installed: pip install"
    with pytest.raises(ZobenchError, match=sentence):
        zobench.problem(example)
    outcome = said("run", "-p", example, "-s", "s2p", "--budget", "10")
    assert outcome.exit_code == 2
    assert outcome.output.count("\n") == 1
    assert sentence in outcome.output
    assert said("show", example).exit_code == 2
    assert sentence in said("show", name).output
    assert all(each.ok for each in check_problem(families()[name]))


def test_families_stand_beside_the_problems():
    assert set(families()) == set(SUITES)
    assert not set(families()) & set(catalogue("problems"))
    listed = said("list", "problems").output
    assert all(f"{name}:" in listed for name in SUITES)
    facts = {fact["name"]: fact for fact in json.loads(said("list", "problems", "--json").output)}
    for name in SUITES:
        assert facts[name]["kind"] == "problem family"
        assert facts[name]["example"].startswith(f"{name}:")
    assert find("problems", "quadratic").name == "quadratic"


@pytest.mark.parametrize("name", MEMBERS)
def test_verbs_take_foreign_names(name, tmp_path):
    need(name)
    store = str(tmp_path / "store.sqlite")
    outcome = said("run", "-p", name, "-s", "stp:alpha0=1", "--budget", "20", "--store", store, "--json")
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.output)["done"] == 1
    assert name in said("show", name).output
    assert said("report", store, "--out", str(tmp_path)).exit_code == 0


def test_a_campaign_file_takes_foreign_names(tmp_path):
    need("coco")
    file = tmp_path / "campaign.toml"
    file.write_text(
        'budget = "5 d"\nseeds = 2\nsolvers = ["stp:alpha0=1"]\n'
        '[[problems]]\nname = "coco:bbob_f002_i01_d05"\nnoise = ["none", "failure"]\nnoise_level = 0.1\n'
    )
    keys = Campaign.from_toml(file).keys
    assert [(key.problem, key.budget) for key in keys] == 4 * [("coco:bbob_f002_i01_d05", 25)]
    assert [bool(key.noise) for key in keys] == [False, False, True, True]


@pytest.mark.parametrize("name", ["coco", "ioh", "coco:bbob_f003_i01_d02"])
def test_the_contract_holds_for_a_member(name):
    need(name)
    assert [each for each in check(name) if not each.ok] == []


def test_nothing_foreign_is_imported_to_list_or_run_other_problems():
    script = (
        "import sys, zobench; from zobench.cli.show import list_facts; list_facts('problems'); "
        "zobench.problem('quadratic'); print([m for m in ('cocoex', 'ioh') if m in sys.modules])"
    )
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"


def test_optimal_values_lie_where_coco_cuts_them():
    formula = sys.modules[families()["coco"].load.__module__].optimal_value
    values = [formula(function, instance) for function in range(1, 25) for instance in range(1, 40)]
    assert all(abs(value) <= 1000.0 for value in values)
    assert all(math.isclose(value * 100, round(value * 100), abs_tol=1e-6) for value in values)
    assert formula(1, 1) == 79.48


def test_a_population_of_one_is_refused():
    pytest.importorskip("cma", reason="the extra 'peers' is not installed")
    with pytest.raises(ZobenchError, match=r"^solver 'cma-es': population must be >= 2, or 0 .*, got 1$"):
        zobench.minimize(lambda x: x @ x, [1.0, 2.0], solver="cma-es", budget=9, parameters={"population": 1})
