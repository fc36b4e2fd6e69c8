"""`group.protocol: consumer`: a rebalance stops what moves and nothing else, and a group changes to it while it works."""
import os
import pathlib
import re
import threading

import pytest
from harness.bids import WindowOracle, bids, close_windows, window_pipeline, with_protocol
from harness.broker import Broker, free_port
from harness.lab import Lab
from harness.waiting import wait_until

PARTITIONS = 6


class Load(threading.Thread):
    """Produces small portions until it is told to end."""

    def __init__(self, lab: Lab, topic: str, seed: int):
        super().__init__(daemon=True)
        self.lab, self.topic, self.seed = lab, topic, seed
        self.sent = 0
        self.ends = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            feeder = self.lab.topics.producer(compression_type="lz4")
            while not self.ends.wait(0.05):
                feeder.send_all(self.topic, bids(500, self.seed, first=self.sent))
                self.sent += 500
            close_windows(feeder, self.topic, PARTITIONS, self.sent)
        except BaseException as error:
            self.error = error

    def finish(self) -> None:
        self.ends.set()
        self.join(60)
        assert not self.is_alive() and self.error is None, self.error


class Worker:
    """A process with its counters."""

    def __init__(self, lab: Lab, pipeline: dict):
        self.process, self.http = lab.run_with_http(lab.write(pipeline), free_port())

    def running(self) -> float:
        return self.http.metric("millrace_tasks_running")

    def started(self) -> float:
        return self.http.metric("millrace_tasks_started_total")

    def count(self, event: str, field: str = "partitions") -> int:
        """The sum of a field over the events of that name in the log."""
        return sum(int(n) for n in re.findall(rf"{event} .*?\b{field}=(\d+)", self.process.log()))

    def assert_never_recovered(self) -> None:
        assert self.http.metric("millrace_recoveries_total") == 0, self.process.tail()


def await_shares(workers: list[Worker], seconds: float = 60) -> None:
    share = PARTITIONS / len(workers)
    wait_until(lambda: all(worker.running() == share for worker in workers), seconds,
               f"each of {len(workers)} processes has {share} tasks running: {[worker.running() for worker in workers]}")


@pytest.fixture
def load(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    load = Load(lab, topic, seed=61)
    load.start()
    yield load
    load.ends.set()


def pipeline_of(lab: Lab, load: Load, protocol: str = "consumer") -> dict:
    return with_protocol(window_pipeline(lab.name, lab.broker.bootstrap, load.topic, commit_interval="100ms"), protocol)


def verdict(lab: Lab, load: Load, workers: list[Worker]) -> None:
    load.finish()
    lab.await_read(load.topic, 120)
    for worker in workers:
        worker.process.stop()
    # What comes behind the open transaction of a killed process is seen when the broker has ended that.
    lab.topics.assert_nothing_pending(lab.output())
    WindowOracle.of(lab.topics.read(load.topic, seconds=120)).assert_equals(lab.topics.read(lab.output(), seconds=120))


def test_a_third_process_joins_under_load_and_tasks_that_stay_are_not_stopped(lab: Lab, load: Load):
    pipeline = pipeline_of(lab, load)
    workers = [Worker(lab, pipeline), Worker(lab, pipeline)]
    await_shares(workers)
    before = [worker.started() for worker in workers]
    revoked_before = [worker.count("partitions revoked") for worker in workers]
    workers.append(Worker(lab, pipeline))
    await_shares(workers)
    for worker, started, revoked in zip(workers, before, revoked_before):
        # What came is started, what left is gone, and what stayed was neither: 3 - left + came = 2.
        came = worker.started() - started
        left = worker.count("partitions revoked") - revoked
        assert came == left - 1 <= 1, (came, left, worker.process.tail())
        assert "partitions lost" not in worker.process.log()
        worker.assert_never_recovered()
    assert workers[2].started() == 2
    verdict(lab, load, workers)


def test_after_a_kill_the_others_take_over_and_go_on_with_what_they_have(lab: Lab, load: Load):
    pipeline = pipeline_of(lab, load)
    workers = [Worker(lab, pipeline) for _ in range(3)]
    await_shares(workers)
    before = [worker.started() - worker.count("partitions revoked") for worker in workers]
    assert before == [2, 2, 2]
    killed = workers.pop()
    killed.process.kill()
    await_shares(workers)
    for worker in workers:
        assert worker.started() - worker.count("partitions revoked") == 3, worker.process.tail()
        worker.assert_never_recovered()
    verdict(lab, load, workers)


@pytest.mark.parametrize("to", ["consumer", "classic"])
def test_a_group_changes_its_protocol_process_by_process(lab: Lab, load: Load, to: str):
    old = pipeline_of(lab, load, "classic" if to == "consumer" else "consumer")
    new = pipeline_of(lab, load, to)
    workers = [Worker(lab, old), Worker(lab, old)]
    await_shares(workers)
    for _ in range(2):
        workers.append(Worker(lab, new))
        workers[-1].http.wait_ready(workers[-1].process)
        workers.pop(0).process.stop()
        await_shares(workers)
    verdict(lab, load, workers)


@pytest.fixture
def strict_lab(request: pytest.FixtureRequest, tmp_path: pathlib.Path):
    """On a broker that converts no group."""
    broker = Broker.start(f"strict-{os.getpid()}", {"group.consumer.migration.policy": "disabled"})
    place = Lab(request.node.name.removeprefix("test_")[:70], tmp_path, broker)
    yield place
    place.close()
    broker.remove()


def test_where_a_classic_group_may_not_be_converted_who_asks_for_the_other_protocol_joins_it(strict_lab: Lab):
    lab = strict_lab
    load = Load(lab, lab.create_input(PARTITIONS), seed=62)
    load.start()
    workers = [Worker(lab, pipeline_of(lab, load, "classic"))]
    await_shares(workers)
    workers.append(Worker(lab, pipeline_of(lab, load, "consumer")))
    workers[1].process.wait_log("the group protocol 'consumer' is not to be had")
    await_shares(workers)
    verdict(lab, load, workers)
