"""Write a store's runs as COCO's cocopp reads them, with the registration of the suite that it needs.

One folder an algorithm; in it an index for each function, and beside it a folder of the function's data.
Beside the algorithms lie ``zobench_suite.json``, which names functions and dimensions, and
``run_cocopp.py``, a copy of ``zobench.export.coco_suite``, which tells cocopp of the suite and starts it.
"""

import json
from pathlib import Path
from typing import Any

from zobench.export import coco_suite
from zobench.export.runs import Exported, Run, collect, folders, instance_counts
from zobench.export.tables import new_folder

__all__ = ["export_coco"]

#: Values at or below this are the end of what cocopp looks at.
PRECISION = 1e-8
#: The version of COCO whose files these are like.
VERSION = "2.8.2"
_HEADER = "% f evaluations | g evaluations | best noise-free fitness - Fopt | measured | best measured\n"


def export_coco(store: str, folder: str | Path, gap: str = "relative") -> Exported:
    """Write the runs of a store in COCO's format.

    Parameters
    ----------
    store : path
    folder : path
        New, or empty.
    gap : {"relative", "absolute"}
        Unit of the function values: f(x0) - f_star, which makes the targets of zobench targets of COCO, or
        that of f.

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
    ...     made = export_coco(f"{place}/store.sqlite", f"{place}/coco")
    ...     sorted(path.name for path in Path(place, "coco").iterdir())
    ['run_cocopp.py', 's2p', 'zobench_suite.json']
    >>> made.runs, made.functions, made.algorithms
    (1, 1, 1)
    """
    runs, losses = collect(store, gap)
    cells = instance_counts(runs)
    losses += _losses(runs, cells)
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.algorithm, run.function), []).append(run)
    names = folders(run.algorithm for run in runs)
    suite: dict[str, Any] = {
        "functions": {str(run.function): run.name for run in runs},
        "dimensions": sorted({run.dim for run in runs}),
        "algorithms": sorted(names.values()),
        "instances": _instances(cells),
        "gap": gap,
    }
    with new_folder(Path(folder), "export") as out:
        for (algorithm, function), members in groups.items():
            _write(out / names[algorithm], algorithm, function, members)
        (out / coco_suite.MANIFEST).write_text(json.dumps(suite, indent=1), encoding="utf-8")
        source = Path(coco_suite.__file__).read_text(encoding="utf-8")
        (out / "run_cocopp.py").write_text(source, encoding="utf-8")
    return Exported(
        len(runs),
        len(suite["functions"]),
        len(suite["algorithms"]),
        losses,
        f"python {out / 'run_cocopp.py'} writes cocopp's pages (`pip install cocopp`)",
    )


def _losses(runs: list[Run], cells: dict[Any, Any]) -> list[str]:
    losses = []
    below = sum(value < PRECISION for run in runs for _, value in run.rows)
    if below:
        losses.append(f"{below} rows below {PRECISION:g}: cocopp looks at nothing below")
    uneven = sum(len(set(counts.values())) > 1 for counts in cells.values())
    if uneven or (_instances(cells) is None and any(set(c.values()) == {1} for c in cells.values())):
        losses.append(
            "numbers of runs that differ among instances, or instances that differ among functions: cocopp "
            "warns of them"
        )
    every = {(run.function, run.dim) for run in runs}
    algorithms = {run.algorithm for run in runs}
    lacking = len(every) * len(algorithms) - len(cells)
    if lacking:
        losses.append(f"{lacking} functions that some algorithm lacks and another has: cocopp warns of them")
    dims = {run.dim for run in runs}
    if len(dims) > coco_suite.SHOWN:
        losses.append(f"{len(dims)} dimensions: cocopp's pages show {coco_suite.SHOWN} of them")
    return losses


def _instances(cells: dict[Any, Any]) -> dict[str, int] | None:
    """Give the instances if every cell has the same ones, each once: what cocopp must be told to expect."""
    found = {tuple(sorted(counts.items())) for counts in cells.values()}
    if len(found) != 1:
        return None
    (same,) = found
    return {str(instance): count for instance, count in same} if {c for _, c in same} == {1} else None


def _write(folder: Path, algorithm: str, function: int, runs: list[Run]) -> None:
    data = f"data_f{function}"
    (folder / data).mkdir(parents=True)
    blocks = []
    for dim in sorted({run.dim for run in runs}):
        members = [run for run in runs if run.dim == dim]
        base = f"{data}/zobench_f{function}_DIM{dim}"
        text = "".join(map(_lines, members))
        # the same rows by target and by evaluation: there are no others
        for end in ("dat", "tdat"):
            (folder / f"{base}.{end}").write_text(text, encoding="utf-8")
        finals = ", ".join(f"{run.instance}:{run.count}|{run.rows[-1][1]:.1e}" for run in members)
        blocks.append(
            f"suite = 'zobench', funcId = {function}, DIM = {dim}, Precision = {PRECISION:.3e}, "
            f"algId = {algorithm!r}, coco_version = '{VERSION}', logger = 'bbob', "
            f"data_format = 'bbob-new2'\n% {runs[0].name}\n{base}.dat, {finals}"
        )
    (folder / f"zobench_f{function}.info").write_text("\n".join(blocks) + "\n", encoding="utf-8")


def _lines(run: Run) -> str:
    return _HEADER + "".join(
        f"{queries} 0 {value:+.16e} {value:+.16e} {value:+.16e}\n" for queries, value in run.rows
    )
