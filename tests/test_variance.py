"""The certified variance of a sample's gradient, and the attack on it."""

import numpy as np
import pytest

import zobench
from zobench.certify import falsify
from zobench.probe import Probe


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
