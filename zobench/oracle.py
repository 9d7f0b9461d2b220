"""The counted oracle: every query of every solver passes through `query`.

A query is one answered call; points with NaN or infinities count like any other.  The budget is enforced
here and never exceeded.  A solver that declares itself a first-order method (`Solver.gradients`) also has
`query_gradient`, counted in a column of its own; every other solver's oracle holds no gradient.

A step that knows two of its points before it needs either answer asks for both at once, with `query_pair`
or `query_along`.  They are two queries like any other, in that order; but an objective that reads much data
for a value (`Problem.many`) may read it once for both.

A solver's step holds the oracle as an opaque value: it may call these, `hold`, `varies` and `affords` with it
and nothing else (`zobench check` reads the syntax tree, compares the count with an independent one, and runs
the solver over an oracle from which everything that it could peek at is gone).
"""

import numpy as np

from zobench.compile import apart
from zobench.stream import hashed_word
from zobench.views import FLOAT, INT, call, floats_at, ints_at, vector_at

__all__ = ["ORACLE", "affords", "hold", "query", "query_along", "query_gradient", "query_pair", "varies"]

#: The oracle's state, shared between the harness and compiled code.  Names ending in `_address` hold a C
#: function or an array.
ORACLE = np.dtype(
    [
        ("count", "i8"),  # queries answered
        ("budget", "i8"),  # queries allowed
        ("refused", "i8"),  # queries asked past the budget: answered +inf, evaluated never
        ("best", "f8"),  # smallest noiseless value among the answered queries
        ("best_point_address", "i8"),  # where to copy the point of that value; 0: not kept
        ("next_mark", "i8"),  # query count of the next row of the trace
        ("row", "i8"),  # next row of the trace
        ("marks_address", "i8"),  # int64[rows + 1], closed by a count that is never reached
        ("bests_address", "i8"),  # float64[rows]: best at each mark
        ("threshold", "f8"),  # value that hits the next target
        ("target", "i8"),  # next target
        ("thresholds_address", "i8"),  # float64[targets + 1], closed by NaN
        ("hits_address", "i8"),  # int64[targets]: query count of each target's first hit
        ("objective_address", "i8"),  # double f(double *x, long dim, double *data)
        ("altered", "i8"),  # whether an answer is other than f(x): a sample of it, or f(x) with noise
        ("sample_address", "i8"),  # double F(double *x, long dim, double *data, long key), or 0
        ("noise_address", "i8"),  # double noise(double value, long key, double *parameters), or 0
        ("parameters_address", "i8"),  # of the noise
        ("common", "i8"),  # whether noise is drawn with the sample, or afresh at each query
        ("varies", "i8"),  # whether two queries at one point may answer differently
        ("data_address", "i8"),
        ("dim", "i8"),
        ("sample_key", "i8"),  # the samples' key
        ("noise_key", "i8"),  # the noise's key
        ("sample", "i8"),  # samples drawn so far
        ("held", "i8"),  # whether this step's queries share one sample
        ("gradients", "i8"),  # how many of the queries were answered with a gradient as well
        ("gradient_address", "i8"),  # void g(double *x, long dim, double *data, double *out), or 0
        # void many(double *first, long distance, long count, long dim, double *data, double *out), or 0
        ("many_address", "i8"),
        ("pair_address", "i8"),  # float64[2]: values of a pair; only where there is `many`
        ("spare_address", "i8"),  # float64[dim]: the first point of `query_along`; only where there is `many`
    ],
    align=True,
)

_call_objective = call(FLOAT, INT, INT, INT)
_call_gradient = call("void", INT, INT, INT, INT)
_call_many = call("void", INT, INT, INT, INT, INT, INT)
_call_sample = call(FLOAT, INT, INT, INT, INT)
_call_noise = call(FLOAT, FLOAT, INT, INT)


def _improve(oracle, x, value):
    """Keep the new best value and note every target that it hits, at this very query."""
    oracle.best = value
    if oracle.best_point_address != 0:
        point = floats_at(oracle.best_point_address)
        for i in range(x.size):
            point[i] = x[i]
    while value <= oracle.threshold:
        ints_at(oracle.hits_address)[oracle.target] = oracle.count
        oracle.target += 1
        oracle.threshold = floats_at(oracle.thresholds_address)[oracle.target]


def _mark(oracle):
    """Write the best value at this query count into the trace."""
    floats_at(oracle.bests_address)[oracle.row] = oracle.best
    oracle.row += 1
    oracle.next_mark = ints_at(oracle.marks_address)[oracle.row]


def _drawn(oracle):
    """Give the number of the sample that the next query answers with: this step's, or a new one."""
    return oracle.sample if oracle.held != 0 else oracle.sample + 1


def _note(oracle, x, value):
    """Charge one query that found f(x) = value."""
    oracle.count += 1
    if value < oracle.best:
        _improve(oracle, x, value)
    if oracle.count == oracle.next_mark:
        _mark(oracle)
    return value


def _alter(oracle, x, value):
    """Charge one query; answer with the sample that was evaluated, with a noisy value, or with both.

    The record keeps f(x) itself; of a stochastic objective it is looked at only at the marks.
    """
    oracle.sample = _drawn(oracle)
    answer = value
    if oracle.noise_address != 0:
        place = oracle.sample if oracle.common != 0 else oracle.count
        key = np.int64(hashed_word(oracle.noise_key, place))
        answer = _call_noise(oracle.noise_address, value, key, oracle.parameters_address)
    # a query that failed has found nothing, nor has a sample
    hidden = oracle.sample_address != 0 or np.isnan(answer)
    _note(oracle, x, np.nan if hidden else value)
    return answer


@apart
def _answer_altered(oracle, x):
    """Answer where the answer is other than f(x)."""
    if oracle.sample_address != 0:
        key = np.int64(hashed_word(oracle.sample_key, _drawn(oracle)))
        value = _call_sample(oracle.sample_address, x.ctypes.data, oracle.dim, oracle.data_address, key)
    else:
        value = _call_objective(oracle.objective_address, x.ctypes.data, oracle.dim, oracle.data_address)
    return _alter(oracle, x, value)


def query(oracle, x):
    """Ask for f(x), charged as one query.

    Parameters
    ----------
    oracle : a kernel's `oracle`
    x : vector of size d

    Returns
    -------
    float
        The value; on a stochastic problem a sample of it; with noise where the instance has some.  Past the
        budget +inf: nothing is evaluated and nothing charged.

    Examples
    --------
    A step of random search, in the solver's file:

    >>> def step(oracle, state, parameters, k, stream):
    ...     f = query(oracle, state.trial)
    ...     if f < state.f[0]:
    ...         state.f[0] = f
    ...         state.x[:] = state.trial
    """
    if oracle.count >= oracle.budget:
        oracle.refused += 1
        return np.inf
    if oracle.altered != 0:
        return _answer_altered(oracle, x)
    value = _call_objective(oracle.objective_address, x.ctypes.data, oracle.dim, oracle.data_address)
    return _note(oracle, x, value)


@apart
def _answer_together(oracle, x, y):
    """Evaluate f(x) and f(y) together, then charge and answer one after the other."""
    _call_many(
        oracle.many_address,
        x.ctypes.data,
        y.ctypes.data - x.ctypes.data,
        2,
        oracle.dim,
        oracle.data_address,
        oracle.pair_address,
    )
    values = floats_at(oracle.pair_address)
    first, second = values[0], values[1]
    if oracle.altered != 0:
        return _alter(oracle, x, first), _alter(oracle, y, second)
    return _note(oracle, x, first), _note(oracle, y, second)


def query_pair(oracle, x, y):
    """Ask for f(x), then for f(y), charged as two queries: as two calls of `query`, but not slower.

    Parameters
    ----------
    oracle : a kernel's `oracle`
    x, y : vectors of size d

    Returns
    -------
    float, float
        What `query` would answer, bit by bit; past the budget +inf.

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     plus, minus = query_pair(oracle, state.plus, state.minus)
    ...     state.x[:] = state.plus if plus <= minus else state.minus
    """
    # what ends between the two goes one by one
    if oracle.many_address != 0 and oracle.budget - oracle.count >= 2:
        return _answer_together(oracle, x, y)
    value = query(oracle, x)
    return value, query(oracle, y)


def query_along(oracle, x, s, shift, trial):
    """Ask for f(x + shift s), then for f(x - shift s), charged as two queries.

    Parameters
    ----------
    oracle : a kernel's `oracle`
    x, s : vectors of size d
    shift : float
    trial : vector of size d
        Overwritten; becomes x - shift s.

    Returns
    -------
    float, float
        What `query` would answer, bit by bit; past the budget +inf.

    Examples
    --------
    The central difference along s, without a vector for the first point:

    >>> def step(oracle, state, parameters, k, stream):
    ...     plus, minus = query_along(oracle, state.x, state.s, parameters.radius, state.trial)
    ...     slope = (plus - minus) / (2.0 * parameters.radius)
    """
    if oracle.many_address != 0:
        # only here both points have to be there at once: the harness has the room, no solver needs it
        first = vector_at(oracle.spare_address, oracle.dim)
        for i in range(x.size):
            first[i] = x[i] + shift * s[i]
            trial[i] = x[i] - shift * s[i]
        return query_pair(oracle, first, trial)
    for i in range(x.size):
        trial[i] = x[i] + shift * s[i]
    value = query(oracle, trial)
    for i in range(x.size):
        trial[i] = x[i] - shift * s[i]
    return value, query(oracle, trial)


def query_gradient(oracle, x, out):
    """Ask for f(x) and its gradient, charged as one query and as one gradient.

    For solvers that declare ``gradients=True``; for others the gradient is NaN.

    Parameters
    ----------
    oracle : a kernel's `oracle`
    x : vector of size d
    out : vector of size d
        Overwritten with the gradient; zero past the budget.

    Returns
    -------
    float
        As `query` does.

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     query_gradient(oracle, state.x, state.g)
    ...     state.x[:] -= parameters.step_size * state.g
    """
    out[:] = 0.0
    refused = oracle.refused
    value = query(oracle, x)
    if oracle.refused == refused:
        if oracle.gradient_address == 0:
            out[:] = np.nan
        else:
            oracle.gradients += 1
            _call_gradient(
                oracle.gradient_address, x.ctypes.data, oracle.dim, oracle.data_address, out.ctypes.data
            )
    return value


def hold(oracle):
    """Draw one sample of a stochastic objective and use it for every query until the end of this step.

    These are common random numbers.  Without `hold` each query draws afresh.  Noise in the common mode is
    held with the sample, noise in the independent mode never.  On a deterministic problem it does nothing.

    Parameters
    ----------
    oracle : a kernel's `oracle`

    Examples
    --------
    Both points of a step meet the same sample:

    >>> def step(oracle, state, parameters, k, stream):
    ...     hold(oracle)
    ...     plus, minus = query_pair(oracle, state.plus, state.minus)
    """
    oracle.held = 1
    oracle.sample += 1


def affords(oracle, count):
    """Tell whether the budget has `count` queries left; a step cut short may then leave x as it was.

    Parameters
    ----------
    oracle : a kernel's `oracle`
    count : int

    Returns
    -------
    bool

    Examples
    --------
    >>> def step(oracle, state, parameters, k, stream):
    ...     whole = affords(oracle, 2)
    """
    return oracle.budget - oracle.count >= count


def varies(oracle):
    """Tell whether two queries at one point may answer differently, so that a kept value goes stale.

    Parameters
    ----------
    oracle : a kernel's `oracle`

    Returns
    -------
    bool

    Examples
    --------
    The value at the iterate is asked again only where it may have changed:

    >>> def step(oracle, state, parameters, k, stream):
    ...     f = query(oracle, state.x) if varies(oracle) else state.f[0]
    """
    return oracle.varies != 0
