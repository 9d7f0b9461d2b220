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

    If it cannot be filled, what was written so far is removed.
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
        If there is no such format, or what writes it is not installed.
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
