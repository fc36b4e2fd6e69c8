"""Savepoints of a pipeline that was killed, and a restore that is; rows move, so that some are on their way."""
import signal

import pytest
from harness.lab import Lab
from harness.process import command
from harness.savepoints import create, manifest_of, reset, restore
from harness.waiting import wait_until
from trial import WORKER_KILL_S, Trial

HALF = 15_000


def go_on(trial: Trial) -> None:
    trial.feed(HALF)
    trial.run()
    trial.await_progress("the restore", WORKER_KILL_S)
    trial.verdict()


@pytest.mark.parametrize("point", ["after_produce", "after_send_offsets", "after_commit"])
def test_a_pipeline_that_was_killed_at_a_commit_is_saved(lab: Lab, point: str):
    trial = Trial(lab, "moved", batch={"rows": 200, "delay": "5ms"}, commit_interval="50ms").create()
    trial.feed(HALF)
    trial.await_killed(trial.run(CRASH_AT=f"{point}:2"), point)
    file, folder = lab.write(trial.pipeline), lab.folder / "savepoint"
    wait_until(lambda: command("savepoint", "create", file, "--to", folder).returncode == 0, 30, "nobody is in the group")
    [at_source, at_cut] = [stage["inputs"][0] for stage in manifest_of(folder)["stages"]]
    assert any(at["offset"] for at in at_source["partitions"]), "something was committed"
    assert at_cut["in_flight_data"] > 0, "rows were on their way"
    reset(lab, file)
    restore(file, folder)
    go_on(trial)


def test_a_restore_that_was_killed_before_its_commit_has_not_happened(lab: Lab):
    trial = Trial(lab, "moved").create()
    trial.run_part(HALF)
    file = lab.write(trial.pipeline)
    folder = create(lab, file)
    reset(lab, file)
    cut = command("savepoint", "restore", file, "--from", folder, CRASH_AT="restore_written")
    assert cut.returncode == -signal.SIGKILL, cut.stdout + cut.stderr
    trial.count("restore_written")
    assert not lab.topics.read(f"{lab.name}-window-1-changelog", isolation="read_uncommitted") == []
    restore(file, folder)
    go_on(trial)
