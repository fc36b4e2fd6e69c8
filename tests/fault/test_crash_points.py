"""SIGKILL at each named point of the checkpoint, of a restore and of a revocation; then the oracle must hold."""
import os
import random

import pytest
from changelog import live_entries
from harness.bids import WindowOracle, bids, sentinel, window_pipeline
from harness.lab import Lab

LONG = os.environ.get("MILLRACE_TEST_LONG") == "1"
ROUNDS = 5 if LONG else 1
PARTITIONS = 2
COUNT = 30_000
CHECKPOINT_POINTS = ["after_poll", "after_process", "after_produce", "after_send_offsets", "end_txn_sent", "after_commit",
                     "rocksdb_write"]


def job(lab: Lab, topic: str) -> dict:
    # Small batches and short intervals: every point is passed many times.
    return window_pipeline(lab.name, lab.broker.bootstrap, topic, commit_interval="50ms", batch={"rows": 500, "delay": "5ms"})


def crash(lab: Lab, file, point: str, nth: int, feed) -> None:
    """Runs until the point kills the process, feeding it so that it cannot run out of work."""
    process = lab.run(file, CRASH_AT=f"{point}:{nth}")
    for _ in range(100):
        if not process.running():
            break
        feed()
        try:
            process.wait_exit(0.3)
        except AssertionError:
            continue
    process.wait_killed(1)


class Feed:
    """Small pieces of the input, as long as they are asked for."""

    def __init__(self, lab: Lab, topic: str, seed: int):
        self.lab, self.topic, self.seed, self.sent = lab, topic, seed, 0
        self.feeder = lab.topics.producer()

    def __call__(self, count: int = 2_000) -> None:
        self.feeder.send_all(self.topic, bids(count, self.seed, first=self.sent))
        self.sent += count

    def close_windows(self) -> None:
        for partition in range(PARTITIONS):
            key, value = sentinel(partition, self.sent)
            self.feeder.send(self.topic, key, value, partition=partition)
        self.feeder.flush()


def assert_state_and_results(lab: Lab, topic: str) -> None:
    """Results and open windows are what the oracle says, at read_committed and without an open transaction."""
    oracle = WindowOracle.of(lab.topics.read(topic))
    oracle.assert_equals(lab.topics.read(lab.output()))
    changelogs = [name for name in lab.topics.names() if name.startswith(lab.name) and name.endswith("-changelog")]
    assert len(changelogs) == 1, changelogs
    live = live_entries(lab.topics, changelogs[0])
    assert len(live) == len(oracle.open) > 0, f"{len(live)} rows in the changelog, {len(oracle.open)} open windows"
    lab.topics.assert_nothing_pending(lab.output(), changelogs[0])


@pytest.mark.parametrize("point", CHECKPOINT_POINTS)
def test_killed_at_a_point_of_the_checkpoint(lab: Lab, point: str):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    topic = lab.create_input(PARTITIONS)
    feed = Feed(lab, topic, seed)
    file = lab.write(job(lab, topic))
    feed(COUNT)
    for _ in range(ROUNDS):
        crash(lab, file, point, chance.randrange(1, 12), feed)
    feed()
    lab.run_to_end(file, topic)
    assert_state_and_results(lab, topic)
    feed.close_windows()
    lab.run_to_end(file, topic)
    assert_state_and_results(lab, topic)


def test_killed_during_a_restore(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    feed = Feed(lab, topic, seed=61)
    file = lab.write(job(lab, topic))
    feed(COUNT)
    lab.run_to_end(file, topic)
    for i in range(ROUNDS):
        lab.close()  # removes the state, so that the next run has to restore
        lab.run(file, CRASH_AT="during_restore:1").wait_killed()
        if i % 2:
            lab.run(file, CRASH_AT="during_restore:1").wait_killed()
        feed()
        lab.run_to_end(file, topic)
        assert_state_and_results(lab, topic)
    feed.close_windows()
    lab.run_to_end(file, topic)
    assert_state_and_results(lab, topic)


def test_killed_during_a_revocation(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    feed = Feed(lab, topic, seed=62)
    file = lab.write(job(lab, topic))
    feed(COUNT)
    for _ in range(ROUNDS):
        first = lab.run(file, CRASH_AT="during_revoke:1")
        first.wait_log("partitions assigned")
        feed()
        second = lab.run(file)
        first.wait_killed()
        feed()
        lab.await_read(topic)
        second.stop()
        assert_state_and_results(lab, topic)
    feed.close_windows()
    lab.run_to_end(file, topic)
    assert_state_and_results(lab, topic)
