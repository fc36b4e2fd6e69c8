"""Savepoints of a pipeline that was killed, and a restore that is."""
import signal

import pytest
from harness.bids import bids, close_windows
from harness.lab import Lab
from harness.process import command
from harness.savepoints import assert_as_uninterrupted, await_results, create, manifest_of, pipeline_of, reset, restore
from harness.waiting import wait_until

HALF = 15_000


def go_on(lab: Lab, topic: str, file, seed: int) -> None:
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(HALF, seed=seed, first=HALF, late=0))
    close_windows(feeder, topic, 2, 2 * HALF)
    process = lab.run(file)
    lab.await_read(topic)
    await_results(lab, lab.topics.read(topic))
    process.stop()
    assert_as_uninterrupted(lab, lab.topics.read(topic))


@pytest.mark.parametrize("point", ["after_produce", "after_send_offsets", "after_commit"])
def test_a_pipeline_that_was_killed_at_a_commit_is_saved(lab: Lab, point: str):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(HALF, seed=95, late=0))
    pipeline = pipeline_of(lab, "moved", topic, batch={"rows": 200, "delay": "5ms"}, commit_interval="50ms")
    file = lab.write(pipeline)
    lab.run(file, CRASH_AT=f"{point}:2").wait_killed()
    folder = lab.folder / "savepoint"
    wait_until(lambda: command("savepoint", "create", file, "--to", folder).returncode == 0, 30, "nobody is in the group")
    [at_source, at_cut] = [stage["inputs"][0] for stage in manifest_of(folder)["stages"]]
    assert any(at["offset"] for at in at_source["partitions"]), "something was committed"
    assert at_cut["in_flight_data"] > 0, "rows were on their way"
    reset(lab, file)
    restore(file, folder)
    go_on(lab, topic, file, 95)


def test_a_restore_that_was_killed_before_its_commit_has_not_happened(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(HALF, seed=96, late=0))
    file = lab.write(pipeline_of(lab, "moved", topic))
    lab.run_to_end(file, topic)
    folder = create(lab, file)
    reset(lab, file)
    cut = command("savepoint", "restore", file, "--from", folder, CRASH_AT="restore_written")
    assert cut.returncode == -signal.SIGKILL, cut.stdout + cut.stderr
    assert not lab.topics.read(f"{lab.name}-window-1-changelog", isolation="read_uncommitted") == []
    restore(file, folder)
    go_on(lab, topic, file, 96)
