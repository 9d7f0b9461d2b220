"""The certified variance of a sample's gradient, and the attack on it."""

import numpy as np
import pytest

import zobench
from zobench.attacks.certify import falsify
from zobench.attacks.probe import Probe


@pytest.mark.parametrize(("data", "batch"), [("iris", 1), ("iris", 8), ("wine", 4)])
def test_the_attack_comes_near_and_not_beyond(data, batch):
    instance = zobench.problem("softmax-regression", data=data, batch=batch)
    claimed = instance.certificates.value("variance")
    found = falsify(Probe(instance), "variance", claimed)
    assert found.ok
    assert found.tightness > 0.5
    # a claim of half of what was met is caught
    assert not falsify(Probe(instance), "variance", 0.5 * found.found).ok


def test_the_attack_measures_what_numpy_computes():
    # at W = 0 every p is 1/C, and the gradient of one sample is a (1/C - y)^T: its variance is known
    instance = zobench.problem("softmax-regression", data="iris", batch=1)
    from sklearn.datasets import load_iris

    features, labels = load_iris(return_X_y=True)
    rows = (features - features.mean(axis=0)) / features.std(axis=0)
    rows = np.column_stack([rows, np.ones(len(rows))])
    residuals = np.full((150, 3), 1 / 3) - np.eye(3)[labels]
    gradients = np.einsum("ij,ik->ijk", rows, residuals).reshape(150, -1)
    exact = float(((gradients - gradients.mean(axis=0)) ** 2).sum(axis=1).mean())
    probe = Probe(instance)
    probe.__dict__["points"] = [np.array(instance.x0), np.array(instance.x0)]
    probe.__dict__["middle"] = np.array(instance.x0)
    met = falsify(probe, "variance", 1.0).found
    assert met == pytest.approx(exact, rel=0.25)  # 128 samples: five standard errors


def test_a_full_batch_has_no_variance():
    assert "variance" not in zobench.problem("softmax-regression", data="iris").certificates


def test_the_noise_of_a_stochastic_quadratic_is_the_same_everywhere():
    instance = zobench.problem("stochastic-quadratic", dim=4, spread=3.0, batch=2)
    keys = np.arange(4000)
    for x in (instance.x_star, instance.x0, 7.0 * instance.x0):
        # f(x) is known, so what is left of a sample is <xi, x - x_star>
        left = np.array([instance.sample(x, key) for key in keys]) - instance.value(x)
        distance = float(np.sum((x - instance.x_star) ** 2))
        assert abs(left.mean()) <= 5.0 * left.std() / np.sqrt(keys.size)
        assert left.var() == pytest.approx(4.5 * distance / 4, rel=0.12, abs=1e-300)


@pytest.mark.parametrize("options", [{}, {"dim": 3, "samples": 5, "condition": 10.0, "batch": 1}])
def test_noise_that_grows_with_the_gap(options):
    instance = zobench.problem("interpolating-regression", **options)
    claimed = instance.certificates.value("growth")
    rows, batch = instance.data.rows, instance.data.batch
    worst = 0.0
    for e in np.random.default_rng(1).standard_normal((2000, instance.dim)):
        gradients = rows * (rows @ e)[:, None]
        spread = np.mean(np.sum((gradients - gradients.mean(axis=0)) ** 2, axis=1)) / batch
        worst = max(worst, spread / (0.5 * np.mean((rows @ e) ** 2)))
    assert worst <= claimed * (1 + 1e-12)
    assert worst > 0.7 * claimed
    probe = Probe(instance)
    assert falsify(probe, "growth", claimed).ok
    assert not falsify(probe, "growth", 0.5 * claimed).ok
