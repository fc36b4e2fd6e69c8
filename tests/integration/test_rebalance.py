"""`group.protocol: consumer`: a rebalance stops what moves and nothing else, and a group changes to it while it works."""
import os
import pathlib

import pytest
from harness.bids import window_pipeline, with_protocol
from harness.broker import Broker
from harness.group import Load, Member, verdict
from harness.lab import Lab
from harness.waiting import wait_until

PARTITIONS = 6


def await_shares(workers: list[Member], seconds: float = 60) -> None:
    share = PARTITIONS / len(workers)
    wait_until(lambda: all(worker.running() == share for worker in workers), seconds,
               f"each of {len(workers)} processes has {share} tasks running: {[worker.running() for worker in workers]}")


@pytest.fixture
def load(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    load = Load(lab, topic, PARTITIONS, seed=61)
    load.start()
    yield load
    load.ends.set()


def pipeline_of(lab: Lab, load: Load, protocol: str = "consumer") -> dict:
    return with_protocol(window_pipeline(lab.name, lab.broker.bootstrap, load.topic, commit_interval="100ms"), protocol)


def test_a_third_process_joins_under_load_and_tasks_that_stay_are_not_stopped(lab: Lab, load: Load):
    pipeline = pipeline_of(lab, load)
    workers = [Member(lab, pipeline), Member(lab, pipeline)]
    await_shares(workers)
    before = [worker.started() for worker in workers]
    revoked_before = [worker.count("partitions revoked") for worker in workers]
    workers.append(Member(lab, pipeline))
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
    workers = [Member(lab, pipeline) for _ in range(3)]
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
    workers = [Member(lab, old), Member(lab, old)]
    await_shares(workers)
    for _ in range(2):
        workers.append(Member(lab, new))
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
    load = Load(lab, lab.create_input(PARTITIONS), PARTITIONS, seed=62)
    load.start()
    workers = [Member(lab, pipeline_of(lab, load, "classic"))]
    await_shares(workers)
    workers.append(Member(lab, pipeline_of(lab, load, "consumer")))
    workers[1].process.wait_log("the group protocol 'consumer' is not to be had")
    await_shares(workers)
    verdict(lab, load, workers)
