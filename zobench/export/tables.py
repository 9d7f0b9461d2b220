"""A store's tables as files: CSV with the standard tools, Parquet with pyarrow."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from zobench.errors import ZobenchError, unknown
from zobench.store.database import Store

__all__ = ["FORMATS", "TABLES", "new_folder", "write_tables"]

FORMATS = ("csv", "parquet")
TABLES = ("runs", "traces", "hits", "observations", "verdicts", "tunings", "campaigns")


@contextmanager
def new_folder(folder: Path, who: str) -> Iterator[Path]:
    """Make a folder to be filled; what is in one that is there already is never overwritten.

    If it cannot be filled, it is removed with what was written so far.

    Parameters
    ----------
    folder : Path
        New, or empty.
    who : str
        The command, with which complaints begin.

    Yields
    ------
    Path
        The folder.

    Raises
    ------
    ZobenchError
        If there is a file of that name, the folder holds something, or it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with new_folder(Path(place) / "out", "export") as out:
    ...         written = (out / "a.txt").write_text("1")
    ...     try:
    ...         with new_folder(out, "export"):
    ...             pass
    ...     except ZobenchError as error:
    ...         print(str(error).rpartition(" must ")[2])
    be a new or an empty folder
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZobenchError(f"{who}: {str(folder)!r} must be a new or an empty folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise ZobenchError(f"{who}: {str(folder)!r} cannot be written: {error.strerror}") from None
        raise


def write_tables(store: str, folder: str | Path, form: str = "csv") -> dict[str, int]:
    """Write every table of a store as one file.

    Numbers are written so that they read back bit for bit.

    Parameters
    ----------
    store : path
    folder : path
        New, or empty.
    form : {"csv", "parquet"}

    Returns
    -------
    dict
        Rows of each table.

    Raises
    ------
    ZobenchError
        If there is no such format, what writes it is not installed, the store cannot be read, or the folder
        holds something or cannot be written.

    Examples
    --------
    >>> import tempfile, zobench
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with Store(f"{place}/store.sqlite") as store:
    ...         store.put(zobench.run("quadratic", "s2p", budget=100))
    ...     rows = write_tables(f"{place}/store.sqlite", f"{place}/tables")
    ...     sorted(path.name for path in Path(place, "tables").iterdir())[:3]
    ['campaigns.csv', 'hits.csv', 'observations.csv']
    >>> rows["runs"], rows["hits"]
    (1, 40)
    """
    if form not in FORMATS:
        raise unknown("store export: the format", form, FORMATS)
    if form == "parquet" and find_spec("pyarrow") is None:
        raise ZobenchError(
            "store export: Parquet is written by pyarrow, which is not installed: `pip install pyarrow`, "
            "or take --format csv"
        )
    with Store(store, "read") as kept, new_folder(Path(folder), "store export") as out:
        rows = {}
        for table in TABLES:
            frame = getattr(kept, table)()
            if table == "runs":
                frame = frame.reset_index()
            rows[table] = len(frame)
            if form == "csv":
                frame.to_csv(out / f"{table}.csv", index=False)
            else:
                frame.to_parquet(out / f"{table}.parquet", index=False)
    return rows
