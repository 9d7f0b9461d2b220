"""Write a store's runs as IOHanalyzer and iohinspector read them.

One folder an algorithm; in it an index in JSON for each function, and beside it a folder of the function's
data, one file a dimension, in which every run begins with a header line and a row at evaluation 1.  See
https://iohprofiler.github.io and `zobench.export.runs` for what the rows hold.
"""

import json
from pathlib import Path
from typing import Any

from zobench.export.runs import Exported, Run, collect, file_name, folders
from zobench.export.tables import new_folder

__all__ = ["export_ioh"]

#: The R reader takes a format by its version; this is the one of ioh whose files these are like.
VERSION = "0.3.22"
#: Dimensions, functions and instances beyond this do not fit the reader's numbers.
LARGEST = 65_535


def export_ioh(store: str, folder: str | Path, gap: str = "relative") -> Exported:
    """Write the runs of a store in the format of IOHanalyzer.

    Parameters
    ----------
    store : path
    folder : path
        New, or empty.
    gap : {"relative", "absolute"}
        Unit of `raw_y`: f(x0) - f_star, or that of f.

    Returns
    -------
    Exported

    Raises
    ------
    ZobenchError
        If there is no such unit, the store cannot be read or has no run that can be compared, or the folder
        holds something or cannot be written.

    Examples
    --------
    >>> import tempfile, zobench
    >>> from zobench.store.database import Store
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with Store(f"{place}/store.sqlite") as store:
    ...         store.put(zobench.run("quadratic", "s2p", budget=100))
    ...     made = export_ioh(f"{place}/store.sqlite", f"{place}/ioh")
    ...     sorted(path.name for path in Path(place, "ioh", "s2p").iterdir())
    ['IOHprofiler_f1_quadratic.json', 'data_f1_quadratic']
    >>> made.runs, made.functions, made.algorithms
    (1, 1, 1)
    """
    runs, losses = collect(store, gap)
    large = sorted({run.dim for run in runs if run.dim > LARGEST})
    if large:
        losses.append(
            f"dimensions above {LARGEST:,} do not fit the reader and are written as {LARGEST}: "
            f"{', '.join(map(str, large))}; the true one is in experiment_attributes"
        )
    far = [run for run in runs if run.instance > LARGEST]
    if far:
        losses.append(f"{len(far)} runs left out: their instance is above {LARGEST:,}")
        runs = [run for run in runs if run.instance <= LARGEST]
    if runs:
        losses.append("instance seeds count from 1: instance 1 is the one of seed 0")
    groups: dict[tuple[str, int, int], list[Run]] = {}
    for run in runs:
        # a dimension that does not fit gets an index of its own, which says the true one
        groups.setdefault((run.algorithm, run.function, run.dim if run.dim > LARGEST else 0), []).append(run)
    names = folders(run.algorithm for run in runs)
    with new_folder(Path(folder), "export") as out:
        for (algorithm, _, large_dim), members in groups.items():
            _write(out / names[algorithm], algorithm, members, large_dim, gap)
    return Exported(
        len(runs),
        len({run.function for run in runs}),
        len({run.algorithm for run in runs}),
        losses,
        "read it with iohinspector.DataManager().add_folder(...), or put the zipped folder into IOHanalyzer",
    )


def _write(folder: Path, algorithm: str, runs: list[Run], large: int, gap: str) -> None:
    first = runs[0]
    name = file_name(first.name) + (f"_true_dimension_{large}" if large else "")
    data = f"data_f{first.function}_{name}"
    (folder / data).mkdir(parents=True)
    scenarios = []
    for dim in sorted({run.dim for run in runs}):
        members = [run for run in runs if run.dim == dim]
        path = f"{data}/IOHprofiler_f{first.function}_DIM{min(dim, LARGEST)}.dat"
        (folder / path).write_text("".join(map(_lines, members)), encoding="utf-8")
        scenarios.append(
            {"dimension": min(dim, LARGEST), "path": path, "runs": [_index(run) for run in members]}
        )
    attributes = {"zobench": "1", "gap": gap} | ({"dimension": str(large)} if large else {})
    index = {
        "version": VERSION,
        "suite": "zobench",
        "function_id": first.function,
        "function_name": first.name,
        "maximization": False,
        "algorithm": {"name": algorithm, "info": "run by zobench"},
        "experiment_attributes": [{key: value} for key, value in attributes.items()],
        "run_attributes": ["seed"],
        "attributes": ["evaluations", "raw_y"],
        "scenarios": scenarios,
    }
    text = json.dumps(index, indent="\t")
    (folder / f"IOHprofiler_f{first.function}_{name}.json").write_text(text, encoding="utf-8")


def _lines(run: Run) -> str:
    rows = "".join(f"{queries} {value:.17g}\n" for queries, value in run.rows)
    return f"evaluations raw_y\n{rows}"


def _index(run: Run) -> dict[str, Any]:
    best = min(value for _, value in run.rows)
    reached = next(queries for queries, value in run.rows if value == best)
    return {
        "instance": run.instance,
        "evals": run.count,
        "best": {"evals": reached, "y": best, "x": []},
        "seed": run.seed,
    }
