"""A state directory that this user may not write: the error says whose it is, and after a correction the job goes on.

The processes run as another user (a preloaded `shim.c`), because nothing is refused to root. Who is not root can only take a right away
from himself.
"""
import os
import pathlib
import pwd
import tempfile
from typing import Iterator

import pytest
from harness.lab import LONG, Lab
from shim import Shim
from trial import WORKER_KILL_S, Trial

ROOT = os.geteuid() == 0
RUNS_AS = pwd.getpwnam("nobody") if ROOT else pwd.getpwuid(os.geteuid())
FOREIGN = "belongs to user 'root' (mode {mode}) and this process runs as user 'nobody'; change its owner"


@pytest.fixture
def open_lab(lab: Lab) -> Iterator[Lab]:
    """A place that other users can reach."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        place = Lab(lab.name, pathlib.Path(folder), lab.broker, lab.topics)
        yield place
        place.close()


def give_to(user: int, folder: pathlib.Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user if ROOT else -1)


def everything(trial: Trial) -> str:
    return FOREIGN.format(mode="0644")


def one_task(trial: Trial) -> str:
    give_to(RUNS_AS.pw_uid, trial.lab.state_dir)
    os.chown(trial.state_dirs()[0], 0, 0)
    return FOREIGN.format(mode="0755")


def a_file_of_one_task(trial: Trial) -> str:
    give_to(RUNS_AS.pw_uid, trial.lab.state_dir)
    file = trial.state_dirs()[0] / "LOCK"
    os.chown(file, 0, 0)
    return FOREIGN.format(mode=f"{file.stat().st_mode & 0o7777:04o}")


def nothing_but_read_only(trial: Trial) -> str:
    give_to(RUNS_AS.pw_uid, trial.lab.state_dir)
    os.chmod(trial.state_dirs()[0], 0o500)
    return f"belongs to user '{RUNS_AS.pw_name}' (mode 0500) and this process runs as the same; make it writable"


FOR_ROOT = [everything, one_task, a_file_of_one_task, nothing_but_read_only] if LONG else [one_task]


@pytest.mark.parametrize("foreign", FOR_ROOT if ROOT else [nothing_but_read_only], ids=lambda made: made.__name__.replace("_", "-"))
def test_a_state_directory_of_another_user(open_lab: Lab, foreign):
    trial = Trial(open_lab).create()
    environment = Shim(open_lab.folder, user=RUNS_AS.pw_uid).environment if ROOT else {}
    trial.run_part()
    says = foreign(trial)
    trial.feed()
    process = trial.run(**environment)
    log = trial.wait_failed(process)
    assert says in log and process.millrace.process.returncode == 1, log[-1500:]
    trial.count("state of another user")
    give_to(RUNS_AS.pw_uid, open_lab.state_dir)
    for folder in trial.state_dirs():
        os.chmod(folder, 0o755)
    trial.run(**environment)
    trial.await_progress("a corrected owner", WORKER_KILL_S)
    trial.verdict()
