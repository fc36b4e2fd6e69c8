"""State directories that are damaged, lost, old, foreign or full: state comes back from the changelog, and results stay right."""
import os
import pathlib
import shutil
import subprocess
from typing import Callable

import pytest
from harness.lab import Lab
from harness.waiting import wait_until
from trial import LONG, Trial, long_only

SMALL_DISK = "1m"


def flip_bytes(file: pathlib.Path, every: int = 64) -> None:
    data = bytearray(file.read_bytes())
    for at in range(0, len(data), every):
        data[at] ^= 0xFF
    file.write_bytes(data)


def tables(folder: pathlib.Path) -> list[pathlib.Path]:
    found = sorted(folder.glob("*.sst"))
    assert found, f"{folder} has no table file to damage"
    return found


def bytes_of_tables_flipped(folder: pathlib.Path) -> None:
    for file in tables(folder):
        flip_bytes(file)


def one_byte_of_rows_flipped(folder: pathlib.Path) -> None:
    for file in tables(folder):
        data = bytearray(file.read_bytes())
        data[len(data) // 4] ^= 0x01
        file.write_bytes(data)


def tables_truncated(folder: pathlib.Path) -> None:
    for file in tables(folder):
        os.truncate(file, file.stat().st_size // 2)


def tables_deleted(folder: pathlib.Path) -> None:
    for file in tables(folder):
        file.unlink()


def current_empty(folder: pathlib.Path) -> None:
    os.truncate(folder / "CURRENT", 0)


def manifest_flipped(folder: pathlib.Path) -> None:
    flip_bytes(next(folder.glob("MANIFEST-*")), every=16)


def manifest_deleted(folder: pathlib.Path) -> None:
    next(folder.glob("MANIFEST-*")).unlink()


def options_flipped(folder: pathlib.Path) -> None:
    for file in folder.glob("OPTIONS-*"):
        flip_bytes(file)


DAMAGES = [one_byte_of_rows_flipped]
MORE_DAMAGES = [tables_truncated, current_empty, bytes_of_tables_flipped, tables_deleted, manifest_flipped, manifest_deleted]
CHOSEN = DAMAGES + MORE_DAMAGES if LONG else DAMAGES


def total(name: str, *processes) -> float:
    return sum(process.http.metric(name) for process in processes)


@pytest.mark.parametrize("damage", CHOSEN, ids=lambda damage: damage.__name__)
def test_damaged_state_is_set_aside_rebuilt_and_counted(lab: Lab, damage: Callable[[pathlib.Path], None]):
    trial = Trial(lab).create()
    trial.run_part()
    for folder in (damaged := trial.state_dirs()):
        damage(folder)
        trial.count(damage.__name__)
    process = trial.run()
    trial.await_progress("damaged state", 15)
    trial.feed()
    trial.await_read()
    assert total("millrace_state_rebuilds_total", process) == len(damaged) == trial.partitions
    assert total("millrace_restore_records_total", process) > 0
    for folder in damaged:
        assert pathlib.Path(f"{folder}.corrupt-1").is_dir(), "what was damaged is kept for a look at it"
    trial.verdict()


@long_only
def test_a_current_file_that_is_missing_means_an_empty_state(lab: Lab):
    trial = Trial(lab).create()
    trial.run_part()
    for folder in trial.state_dirs():
        (folder / "CURRENT").unlink()
        trial.count("CURRENT deleted")
    process = trial.run()
    trial.await_progress("a lost CURRENT", 15)
    trial.await_read()
    assert total("millrace_restore_records_total", process) > 0
    trial.verdict()


@long_only
def test_state_of_another_partition_is_not_used(lab: Lab):
    trial = Trial(lab).create()
    trial.run_part()
    first, second = trial.state_dirs()
    aside = first.with_name("aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    trial.count("directories exchanged", 2)
    process = trial.run()
    trial.await_progress("exchanged directories", 15)
    trial.await_read()
    assert total("millrace_state_rebuilds_total", process) == 2
    trial.verdict()


@long_only
def test_options_of_the_store_that_are_damaged_do_no_harm(lab: Lab):
    """Nothing is read from that file: the pipeline says how the store is opened."""
    trial = Trial(lab).create()
    trial.run_part()
    for folder in trial.state_dirs():
        options_flipped(folder)
        trial.count("OPTIONS flipped")
    trial.run()
    trial.await_progress("damaged options", 15)
    trial.judge_restarts()
    trial.run()
    trial.verdict()


@long_only
def test_state_of_another_pipeline_is_not_used(lab: Lab):
    """It did the same with the same input, but its offsets are those of another changelog."""
    trial = Trial(lab).create()
    trial.run_part()
    trial.again()
    foreign = lab.folder / "again" / f"again-{lab.name}"
    for folder in trial.state_dirs():
        shutil.rmtree(folder)
        shutil.copytree(foreign / folder.name, folder)
        trial.count("state of another pipeline")
    process = trial.run()
    trial.await_progress("state of another pipeline", 15)
    trial.await_read()
    assert total("millrace_state_rebuilds_total", process) == trial.partitions
    trial.verdict()


@long_only
def test_state_that_is_deleted_under_a_running_process_does_no_harm(lab: Lab):
    trial = Trial(lab).create()
    process = trial.start()
    shutil.rmtree(lab.state_dir)
    trial.count("state deleted")
    trial.feed()
    trial.await_progress("deleted state", 15)
    trial.await_read()
    process.expected = "failed"  # it may also end well: what it cannot write at its end it reads again
    process.millrace.process.terminate()
    if process.millrace.wait_exit() == 0:
        process.expected = "stopped"
    trial.run()
    trial.await_progress("a start without state", 15)
    trial.verdict()


@long_only
def test_state_from_an_old_copy_catches_up(lab: Lab):
    trial = Trial(lab).create()
    trial.run_part()
    copy = lab.folder / "yesterday"
    shutil.copytree(lab.state_dir, copy)
    trial.run_part(20_000)
    shutil.rmtree(lab.state_dir)
    shutil.copytree(copy, lab.state_dir)
    trial.count("old copy restored")
    process = trial.run()
    trial.await_progress("an old copy", 15)
    assert total("millrace_restore_records_total", process) > 0, "nothing had to be caught up"
    trial.verdict()


class SmallDisk:
    """A file system in memory that is full after SMALL_DISK. Needs root."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", folder], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"a small disk needs root and mount: {done.stderr.strip()}")

    def remount(self, *options: str) -> None:
        subprocess.run(["mount", "-o", ",".join(("remount", *options)), self.folder], check=True)

    def fill(self) -> None:
        try:
            with open(self.folder / "filler", "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
        except OSError:
            pass

    def close(self) -> None:
        subprocess.run(["umount", "-l", self.folder], check=True)


@pytest.fixture
def small_disk(tmp_path: pathlib.Path):
    disk = SmallDisk(tmp_path / "small")
    yield disk
    disk.close()


def test_a_full_disk_is_named_and_nothing_is_lost(lab: Lab, small_disk: SmallDisk):
    trial = Trial(lab).create()
    trial.feed()
    state = small_disk.folder / "state"
    full = trial.run(state_dir=state)
    trial.await_progress("the start", 20)
    small_disk.fill()
    trial.count("disk full")
    trial.feed()
    trial.await_read()
    full.millrace.process.terminate()  # a clean end writes state: here it cannot
    assert full.millrace.wait_exit() in (0, 1)
    assert "No space left" in full.millrace.log() or "disk is full" in full.millrace.log(), full.millrace.tail()
    full.expected = "stopped" if full.millrace.process.returncode == 0 else "failed"
    small_disk.fill()  # what the first process gave back
    log = trial.wait_failed(trial.run(state_dir=state))
    assert "disk is full" in log or "No space left" in log, log
    (small_disk.folder / "filler").unlink()
    trial.run(state_dir=state)
    trial.await_progress("a full disk", 15)
    trial.verdict()


@long_only
def test_a_read_only_disk_ends_the_process_with_its_name(lab: Lab, small_disk: SmallDisk):
    trial = Trial(lab).create()
    trial.feed()
    state = small_disk.folder / "state"
    first = trial.run(state_dir=state)
    trial.await_read()
    trial.stop(first)
    small_disk.remount("ro")
    trial.count("disk read-only")
    log = trial.wait_failed(trial.run(state_dir=state))
    assert "read-only" in log.lower() or "no permission" in log, log
    small_disk.remount("rw")
    trial.run(state_dir=state)
    trial.await_progress("a read-only disk", 15)
    trial.verdict()
