"""Disks that are full, taken away, or cut off from power in the middle of a campaign."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.stress_bench import Bench, Unlike, until_rows


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[Callable[[str], None] | None]:
    """Mount a file system of `size` bytes on a folder; give a function that mounts it otherwise, or None."""
    folder.mkdir()
    kind = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if sys.platform != "linux" or os.getuid() or subprocess.run(kind, capture_output=True).returncode:
        yield None
        return
    try:
        yield lambda how: subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True) and None
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _refused(bench: Bench, store: Path, **options: object) -> str:
    """Run where it cannot end well; give the one sentence said."""
    process = bench.start(store, **options)
    _, complaints = process.communicate()
    if process.returncode not in (1, 2) or complaints.count("\n") != 1 or "Traceback" in complaints:
        raise Unlike(f"exit code {process.returncode}: {complaints}")
    return complaints.strip()


def fill_disk(bench: Bench) -> str:
    """Let the disk be full in the middle of a campaign, and make room then."""
    size = (bench.folder / "undisturbed").stat().st_size // 2
    with _small_disk(bench.folder / "small", size) as remount:
        store = bench.folder / "small" / "store"
        if remount is not None:
            said = _refused(bench, store)
            remount(f"size={100 * size}")
        else:
            said = _refused(
                bench, store, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            )
        kept = bench.partial(store)
        if not 0 < kept < bench.runs:
            raise Unlike(f"{kept} runs in the store after the disk was full")
        bench.finish(store)
    how = "RLIMIT_FSIZE" if remount is None else "tmpfs"
    return f"{how}: {kept} of {bench.runs} runs kept, equal after resuming; said: {said}"


def read_only(bench: Bench) -> str:
    """Take the permission to write from the beginning on, and in the middle of a campaign's life."""
    said = []
    with _small_disk(bench.folder / "fixed", 2**28) as remount:
        folder = bench.folder / "fixed"
        store = folder / "store"
        for part in "empty", "half done":
            if part == "half done":
                process = bench.start(store)
                until_rows(process, store, 5)
                process.kill()
                process.communicate()
            if remount is None:
                folder.chmod(0o500)
            else:
                remount("ro")
            said.append(_refused(bench, store))
            if remount is None:
                folder.chmod(0o700)
            else:
                remount("rw")
        bench.finish(store)
    return f"equal after resuming; said: {said[-1]}"


def cut_power(bench: Bench, cuts: int) -> str:
    """Copy a store's files at random moments and resume from the copies."""
    done = shortened = runs = 0
    process, store = None, bench.new()
    while done < cuts:
        if process is None or process.poll() is not None:
            if process is not None:
                process.communicate()
            store = bench.new()
            process = bench.start(store, workers=1 + done % 2)
            until_rows(process, store, 1)
        time.sleep(bench.random.random() * bench.seconds / 8)
        copy = bench.new()
        first = _frozen(process, store, copy)
        if first and done % 2:
            time.sleep(bench.random.random() * bench.seconds / 8)
            shortened += _shorten(bench, process, store, copy)
        if not copy.exists():
            continue
        runs += bench.partial(copy)
        bench.finish(copy)
        done += 1
        for file in copy.parent.glob(copy.name + "*"):
            file.unlink()
    if process is not None:
        process.kill()
        process.communicate()
    return f"{done} cuts ({shortened} with a log cut short), {runs} runs in the copies, equal after resuming"


def _frozen(process: "subprocess.Popen[str]", store: Path, copy: Path) -> bool:
    """Copy the database and its log while the parent is stopped; say whether there was a log."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        for end in "", "-wal":  # the third file, an index in shared memory, does not outlive a power cut
            file = store.with_name(store.name + end)
            if file.exists():
                shutil.copyfile(file, copy.with_name(copy.name + end))
    finally:
        os.kill(process.pid, signal.SIGCONT)
    return copy.with_name(copy.name + "-wal").exists()


def _shorten(bench: Bench, process: "subprocess.Popen[str]", store: Path, copy: Path) -> bool:
    """Replace a copy by a later one whose log lacks the end, if the system need not have synced that end."""
    log = copy.with_name(copy.name + "-wal")
    before, salt, synced = copy.read_bytes(), log.read_bytes()[16:24], log.stat().st_size
    later = bench.new()
    if not _frozen(process, store, later):
        return False
    later_log = later.with_name(later.name + "-wal")
    grown = later_log.stat().st_size
    # a log that was begun anew, or a database that has changed, tells that the log had been synced
    fair = later.read_bytes() == before and later_log.read_bytes()[16:24] == salt and grown > synced
    if fair:
        with later_log.open("r+b") as file:
            file.truncate(bench.random.randint(synced, grown))
        later_log.replace(log)
        later.replace(copy)
    else:
        later_log.unlink()
        later.unlink()
    return fair
