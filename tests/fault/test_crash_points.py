"""SIGKILL at each named point of the checkpoint, of a restore and of a revocation; then the oracle must hold.

After every kill the disk must be the changelog up to the offset that it names; after every run that ends in good order
disk, compacted changelog and the oracle's open windows must be the same rows. The points are worked through side by
side, each in a lab of its own: a run waits more than it works.
"""
import concurrent.futures
import os
import random
import threading
from typing import Callable

import pytest
from changelog import fold, live_entries
from harness.bids import WindowOracle, bids, close_windows, window_pipeline
from harness.broker import Broker
from harness.lab import LONG, Lab
from harness.topics import Topics
from stored_state import has_state, tasks

ROUNDS = 5 if LONG else 1
SIDE_BY_SIDE = 3
PARTITIONS = 2
COUNT = 10_000
CHECKPOINT_POINTS = ["after_poll", "after_process", "after_produce", "after_send_offsets", "end_txn_sent", "after_commit",
                     "rocksdb_write"]
VALUES = ("bids", "total", "low", "best", "opening", "closing")


class Run:
    """One lab with its job, its input and its kills."""

    def __init__(self, lab: Lab, seed: int):
        self.lab = lab
        self.chance = random.Random(seed)
        self.seed = seed
        self.kills = 0
        self.sent = 0
        self.topic = lab.create_input(PARTITIONS)
        self.feeder = lab.topics.producer()
        # Small batches and short intervals: every point is passed many times.
        self.file = lab.write(window_pipeline(lab.name, lab.broker.bootstrap, self.topic, commit_interval="50ms",
                                              batch={"rows": 500, "delay": "5ms"}))

    def feed(self, count: int = 2_000) -> None:
        self.feeder.send_all(self.topic, bids(count, self.seed, first=self.sent))
        self.sent += count

    def crash(self, point: str, nth: int) -> None:
        """Runs until the point kills the process, feeding it so that it cannot run out of work."""
        process = self.lab.run(self.file, CRASH_AT=f"{point}:{nth}")
        for _ in range(100):
            if not process.running():
                break
            self.feed()
            try:
                process.wait_exit(0.3)
            except AssertionError:
                continue
        self.killed(process)

    def killed(self, process, seconds: float = 30) -> None:
        """The point has fired: nothing else ends a process with SIGKILL here."""
        process.wait_killed(seconds)
        self.kills += 1

    def changelog(self) -> str:
        found = [name for name in self.lab.topics.names()
                 if name.startswith(self.lab.name + "-") and name.endswith("-changelog")]
        assert len(found) == 1, found
        return found[0]

    def assert_disk_is_changelog(self) -> None:
        """After a kill: each task's disk is its changelog up to the offset that it names, no more and no less."""
        if not has_state(self.lab.state_dir):
            return  # killed before the first assignment
        records = self.lab.topics.read(self.changelog())
        for state in tasks(self.lab.state_dir):
            expected = fold(records, {state.partition: state.changelog_offset})
            assert state.raw() == expected, f"{state.directory} is not its changelog up to {state.changelog_offset}"

    def assert_state_and_results(self) -> None:
        """After a clean end, at read_committed: disk = compacted changelog = open windows; results = closed ones."""
        topics = self.lab.topics
        oracle = WindowOracle.of(topics.read(self.topic))
        oracle.assert_equals(topics.read(self.lab.output()))
        topics.assert_nothing_pending(self.lab.output(), self.changelog())
        live = live_entries(topics, self.changelog())
        disk = [(state, state.raw()) for state in tasks(self.lab.state_dir)]
        assert {key: row for _, rows in disk for key, row in rows.items()} == live
        assert len(oracle.open) > 0
        decoded = {}
        for state, _ in disk:
            for row in state.rows():
                key = (row["key"]["auction"], row["window_start"])
                assert key not in decoded, f"{key} is in the state of two partitions"
                decoded[key] = {"auction": row["key"]["auction"], "window_start": row["window_start"],
                                "window_end": row["window_end"]} | row["values"]
        assert all(tuple(row["values"]) == VALUES for state, _ in disk for row in state.rows()[:1])
        assert decoded == oracle.open

    def read_all_and_judge(self) -> None:
        self.lab.run_to_end(self.file, self.topic)
        self.assert_state_and_results()

    def judge_closed_windows(self) -> None:
        close_windows(self.feeder, self.topic, PARTITIONS, self.sent)
        self.read_all_and_judge()


def at_checkpoints(point: str) -> Callable[[Run], None]:
    def scenario(run: Run) -> None:
        run.feed(COUNT)
        for _ in range(ROUNDS):
            run.crash(point, run.chance.randrange(1, 12))
            run.assert_disk_is_changelog()
        run.feed()
        run.read_all_and_judge()
        run.judge_closed_windows()
        assert run.kills == ROUNDS
    return scenario


def during_a_restore(run: Run) -> None:
    run.feed(COUNT)
    run.lab.run_to_end(run.file, run.topic)
    for i in range(ROUNDS):
        run.lab.close()  # removes the state, so that the next run has to restore
        for _ in range(1 + i % 2):
            run.killed(run.lab.run(run.file, CRASH_AT="during_restore:1"))
            run.assert_disk_is_changelog()
        run.feed()
        run.read_all_and_judge()
    run.judge_closed_windows()


def during_a_revocation(run: Run) -> None:
    run.feed(COUNT)
    for _ in range(ROUNDS):
        first = run.lab.run(run.file, CRASH_AT="during_revoke:1")
        first.wait_log("partitions assigned")
        run.feed()
        second = run.lab.run(run.file)
        run.killed(first)
        run.feed()
        run.lab.await_read(run.topic)
        second.stop()
        run.assert_state_and_results()
    run.judge_closed_windows()
    assert run.kills == ROUNDS


SCENARIOS = {point: at_checkpoints(point) for point in CHECKPOINT_POINTS} | {
    "during_restore": during_a_restore, "during_revoke": during_a_revocation}


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, broker: Broker):
    """The scenarios of the tests that were selected, under way."""
    wanted = [item.callspec.params["point"] for item in request.session.items if item.fspath == request.fspath]
    stop = threading.Event()
    folders = {point: tmp_path_factory.mktemp(point) for point in wanted}  # pytest makes them in one thread only

    def work(point: str) -> None:
        if stop.is_set():
            return
        seed = random.randrange(1 << 30)
        # A client of its own: librdkafka's consumers are not shared between threads.
        lab = Lab(f"{point}-{os.getpid()}", folders[point], broker, Topics(broker.bootstrap))
        try:
            SCENARIOS[point](Run(lab, seed))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            lab.close()

    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {point: pool.submit(work, point) for point in wanted}
        stop.set()


@pytest.mark.parametrize("point", SCENARIOS)
def test_killed_at(outcomes: dict[str, concurrent.futures.Future], point: str):
    outcomes[point].result(1_500)
