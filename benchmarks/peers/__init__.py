"""zobench beside coco-experiment, ioh, Nevergrad, SciPy and pycma: ``python -m benchmarks.peers``."""

import os

# one thread each, said before NumPy is loaded
for _name in "OMP", "OPENBLAS", "MKL", "NUMBA":
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")
