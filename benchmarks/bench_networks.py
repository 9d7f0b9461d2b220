"""The loss of a mini-batch of 64: the compiled kernels beside the same networks in NumPy.

``python -m benchmarks.bench_networks`` prints the table.  The yardstick is NumPy with its linear algebra on
one thread, on a batch laid ready; the kernels' figure holds the drawing of the batch as well.
"""

import argparse
import json
import time
from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

import zobench

BATCH = 64
CASES = {
    "mlp 1": ("mlp", {"hidden": 1}),
    "mlp 16": ("mlp", {}),
    "mlp 64": ("mlp", {"hidden": 64}),
    "mlp 256": ("mlp", {"hidden": 256}),
    "mlp 256, 2 layers": ("mlp", {"hidden": 256, "layers": 2}),
    "mlp 208, 3 layers": ("mlp", {"hidden": 208, "layers": 3}),
    "mlp 1300": ("mlp", {"hidden": 1300}),
    "mlp 960, 2 layers": ("mlp", {"hidden": 960, "layers": 2}),
    "mlp 690, 3 layers": ("mlp", {"hidden": 690, "layers": 3}),
    "low-rank-mlp 16": ("low-rank-mlp", {}),
    "low-rank-mlp 800, 3 layers": ("low-rank-mlp", {"hidden": 800, "rank": 24, "layers": 3}),
    "teacher-student 8": ("teacher-student", {"batch": BATCH}),
    "teacher-student 300, 2 layers": ("teacher-student", {"hidden": 300, "layers": 2, "batch": BATCH}),
    "convnet 1": ("convnet", {"channels": 1}),
    "convnet 2": ("convnet", {}),
    "convnet 73": ("convnet", {"channels": 73}),
    "convnet 234": ("convnet", {"channels": 234}),
    "attention 2": ("attention", {"width": 2}),
    "attention 5": ("attention", {}),
    "attention 111": ("attention", {"width": 111}),
    "attention 352": ("attention", {"width": 352}),
}


def cross_entropy(scores, labels):
    scores = scores - scores.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(labels.size), labels]))


def parts(x, plan):
    """Cut x into matrices and biases."""
    for inputs, outputs, place, biases, _ in plan.astype(int):
        end = place + inputs * outputs
        yield x[place:end].reshape(inputs, outputs), x[end : end + outputs] if biases else None


def dense(x, plan, rows, labels, regression):
    for (weights, bias), kind in zip(parts(x, plan), plan[:, 4], strict=True):
        rows = rows @ weights
        if bias is not None:
            rows += bias
        if kind:
            np.tanh(rows, out=rows)
    return 0.5 * float(np.mean((rows[:, 0] - labels) ** 2)) if regression else cross_entropy(rows, labels)


def convolved(images, weights, bias):
    """Gather the neighbours of every pixel, then one product."""
    count, side, _, channels = images.shape
    framed = np.zeros((count, side + 2, side + 2, channels))
    framed[:, 1:-1, 1:-1] = images
    seen = np.concatenate([framed[:, v : v + side, u : u + side] for v in range(3) for u in range(3)], axis=3)
    out = seen.reshape(-1, 9 * channels) @ weights
    out += bias
    np.tanh(out, out=out)
    return out.reshape(count, side // 2, 2, side // 2, 2, -1).mean(axis=(2, 4))


def convnet(x, plan, rows, labels):
    first, second, last = parts(x, plan)
    images = convolved(convolved(rows.reshape(-1, 8, 8, 1), *first), *second)
    return cross_entropy(images.reshape(len(rows), -1) @ last[0] + last[1], labels)


def attention(x, plan, rows, labels):
    embed, places, query, key, value, out, inner, outer, last = parts(x, plan)
    h = rows.reshape(-1, 8) @ embed[0] + embed[1]
    width = h.shape[1]
    h = (h.reshape(-1, 8, width) + places[0]).reshape(-1, width)
    q, k, v = ((h @ each[0]).reshape(-1, 8, width) for each in (query, key, value))
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(width)
    scores = np.exp(scores - scores.max(axis=2, keepdims=True))
    scores /= scores.sum(axis=2, keepdims=True)
    g = h + (scores @ v).reshape(-1, width) @ out[0]
    o = g + np.tanh(g @ inner[0] + inner[1]) @ outer[0] + outer[1]
    return cross_entropy(o.reshape(-1, 8, width).mean(axis=1) @ last[0] + last[1], labels)


@cache  # asv sets up before every sample
def pair(case):
    """Give the instance, the kernel's call and NumPy's, each on a batch of 64."""
    name, chosen = CASES[case]
    instance = zobench.problem(name, **chosen)
    data, x, call = instance.data, instance.x0, instance._functions.sample
    rows, labels = data.rows[:BATCH].copy(), data.labels[:BATCH]
    if getattr(data, "regression", 0):
        return instance, lambda: call(x, 1), lambda: dense(x, data.plan, rows, labels, True)
    labels = labels.astype(int)
    twin = {"convnet": convnet, "attention": attention}.get(name)
    if twin is None:
        return instance, lambda: call(x, 1), lambda: dense(x, data.plan, rows, labels, False)
    return instance, lambda: call(x, 1), lambda: twin(x, data.plan, rows, labels)


class Forward:
    """One loss of a mini-batch of 64, at the start; `main` has all of the networks."""

    params = (
        ["mlp 16", "mlp 256, 2 layers", "low-rank-mlp 16", "convnet 73", "attention 111"],
        ["compiled", "numpy"],
    )
    param_names = ("network", "by")
    warmup_time = 0.1
    repeat = (10, 200, 2.0)  # as a sample is one call where there is a setup
    timer = time.process_time

    def setup(self, network, by):
        self.limits = threadpool_limits(1, "blas")
        _, compiled, numpy = pair(network)
        self.call = compiled if by == "compiled" else numpy
        self.call()

    def teardown(self, network, by):
        self.limits.restore_original_limits()

    def time_forward(self, network, by):
        self.call()


class Made:
    """Instances of 10^6 coordinates."""

    params = (["mlp 690, 3 layers", "convnet 234", "attention 352"],)
    param_names = ("network",)

    def setup(self, network):
        zobench.problem(CASES[network][0])

    def time_make(self, network):
        name, chosen = CASES[network]
        zobench.problem(name, **chosen)


def seconds(call, least=0.002):
    """Time one call, by as many in a row as take `least` seconds."""
    count, begun = 0, time.perf_counter()
    while (passed := time.perf_counter() - begun) < least:
        call()
        count += 1
    return passed / count


def compare(case, rounds):
    """Measure in turn; answer the best of the rounds in microseconds (neighbours only slow things down)."""
    instance, compiled, numpy = pair(case)
    compiled(), numpy()
    taken = []
    for _ in range(rounds):
        with threadpool_limits(1, "blas"):
            ours, single = seconds(compiled), seconds(numpy)
        taken.append((ours, single, seconds(numpy)))
    ours, single, several = (1e6 * min(each) for each in zip(*taken, strict=True))
    return {
        "d": instance.dim,
        "compiled (us)": ours,
        "numpy, one thread (us)": single,
        "numpy, all threads (us)": several,
        "speed / one thread": single / ours,
        "speed / all threads": several / ours,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    if arguments.json:
        print(json.dumps({case: compare(case, arguments.rounds) for case in CASES}, indent=2))
        return
    for case in CASES:
        figures = compare(case, arguments.rounds)
        if case == next(iter(CASES)):
            print(f"{'network':32}" + "".join(f"{name:>26}" for name in figures))
        print(f"{case:32}" + "".join(f"{figure:26.4g}" for figure in figures.values()))


if __name__ == "__main__":
    main()
