"""SIGKILL at each named point of the checkpoint, of a restore and of a revocation, with jobs of every kind.

After every kill the disk must be the changelog up to the offset that it names; the checker judges what lies open at the end of the
kills, in every second run also over a restart with the state and one without it, and then the run as a whole, against a second run over
the same input. The points are worked through side by side, each in a lab of its own: a run waits more than it works.
"""
import concurrent.futures
import os
import threading
from typing import Callable

import pytest
from changelog import fold
from harness.broker import Broker
from harness.lab import LONG, Lab
from harness.topics import Topics
from kinds import KINDS
from stored_state import has_state, tasks
from trial import Trial

ROUNDS = 3 if LONG else 1
SIDE_BY_SIDE = 3
COUNT = 10_000
CHECKPOINT_POINTS = ["after_poll", "after_process", "after_produce", "after_send_offsets", "end_txn_sent", "after_commit",
                     "rocksdb_write"]
WITH_STATE = {"rocksdb_write", "during_restore"}
# With --long each point meets each kind.
SHORT = {"after_poll": "sessions", "after_process": "count", "after_produce": "latest", "after_send_offsets": "trigger",
         "end_txn_sent": "bank", "after_commit": "deduplicate", "rocksdb_write": "hopping", "during_restore": "running",
         "during_revoke": "by-key"}


class Run(Trial):
    """A trial with short transactions, so that every point is passed many times."""

    def __init__(self, lab: Lab, kind: str):
        super().__init__(lab, kind, commit_interval="50ms")
        self.create()

    def crash(self, point: str, nth: int) -> None:
        """Runs until the point kills the process, feeding it so that it cannot run out of work."""
        process = self.run(CRASH_AT=f"{point}:{nth}")
        for _ in range(100):
            if not process.millrace.running():
                break
            self.feed(1_000)
            try:
                process.millrace.wait_exit(0.3)
            except AssertionError:
                continue
        self.await_killed(process, point)

    def assert_disk_is_changelog(self) -> None:
        """After a kill: each task's disk is its changelog up to the offset that it names, no more and no less."""
        if not has_state(self.lab.state_dir):
            return  # killed before the first assignment
        records = self.lab.topics.read(self.changelog())
        for state in tasks(self.lab.state_dir):
            expected = fold(records, {state.partition: state.changelog_offset})
            assert state.raw() == expected, f"{state.directory} is not its changelog up to {state.changelog_offset}"

    def judge_all(self) -> None:
        self.run_part(500)
        if LONG or self.chance.random() < 0.5:
            self.judge_restarts()
        else:
            self.pause()
            self.judge(self.evidence())
        self.run()
        self.verdict_again()


def at_checkpoints(point: str) -> Callable[[Run], None]:
    def scenario(run: Run) -> None:
        run.feed(COUNT)
        for _ in range(ROUNDS):
            run.crash(point, run.chance.randrange(1, 12))
            run.assert_disk_is_changelog()
        run.judge_all()
    return scenario


def during_a_restore(run: Run) -> None:
    run.run_part(COUNT)
    for i in range(ROUNDS):
        run.lab.close()  # removes the state, so that the next run has to restore
        for _ in range(1 + i % 2):
            run.crash("during_restore", 1)
            run.assert_disk_is_changelog()
        run.run_part()
    run.judge_all()


def during_a_revocation(run: Run) -> None:
    run.feed(COUNT)
    for _ in range(ROUNDS):
        first = run.run(CRASH_AT="during_revoke:1")
        first.millrace.wait_log("partitions assigned")
        run.feed()
        run.run()
        run.await_killed(first, "during_revoke")
        run.feed()
        run.pause()
    run.judge_all()


SCENARIOS = {point: at_checkpoints(point) for point in CHECKPOINT_POINTS} | {
    "during_restore": during_a_restore, "during_revoke": during_a_revocation}
CASES = list(SHORT.items()) + [(point, kind) for point in SCENARIOS for kind in KINDS
                               if LONG and SHORT[point] != kind and not KINDS[kind].large and not (point in WITH_STATE and kind == "stateless")]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, broker: Broker):
    """The scenarios of the tests that were selected, under way."""
    wanted = [(item.callspec.params["point"], item.callspec.params["kind"]) for item in request.session.items
              if item.fspath == request.fspath]
    stop = threading.Event()
    folders = {case: tmp_path_factory.mktemp("-".join(case)) for case in wanted}  # pytest makes them in one thread only

    def work(point: str, kind: str) -> None:
        if stop.is_set():
            return
        # A client of its own: librdkafka's consumers are not shared between threads.
        lab = Lab(f"{point}-{kind}-{os.getpid()}", folders[point, kind], broker, Topics(broker.bootstrap))
        run = Run(lab, kind)
        try:
            SCENARIOS[point](run)
        except BaseException as error:
            error.add_note(f"seed {run.seed}")
            raise
        finally:
            lab.close()

    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {case: pool.submit(work, *case) for case in wanted}
        stop.set()


@pytest.mark.parametrize("point, kind", CASES)
def test_killed_at(outcomes: dict[tuple[str, str], concurrent.futures.Future], point: str, kind: str):
    outcomes[point, kind].result(3_000)
