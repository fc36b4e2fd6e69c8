"""Brokers that die, freeze and come back, in a cluster of three."""
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest
from confluent_kafka import KafkaError, Producer
from harness.lab import Lab
from harness.waiting import wait_until
from kafka_cluster import Cluster
from trial import BROKER_KILL_S, COORDINATOR_S, Trial, long_only

pytestmark = long_only
TRANSACTIONS, OFFSETS = "__transaction_state", "__consumer_offsets"
STALL_S = 15  # longer than a transaction may last


@pytest.fixture(scope="module")
def cluster():
    made = Cluster("three")
    yield made
    made.remove()


@pytest.fixture
def trial(lab: Lab, cluster: Cluster):
    place = Lab(lab.name, lab.folder, cluster.brokers[1], cluster.topics)
    made = Trial(place, bootstrap=cluster.bootstrap)
    cluster.create(made.topic, made.partitions)
    cluster.create(lab.output(), made.partitions)
    yield made
    place.close()
    cluster.mend()


def start(trial: Trial) -> None:
    trial.start(30)
    trial.feed()


def topics_of(trial: Trial) -> list[str]:
    """Those that the job reads and writes."""
    return [topic for topic in (trial.topic, trial.lab.output(), trial.changelog(), TRANSACTIONS, OFFSETS) if topic]


def await_whole(trial: Trial, cluster: Cluster) -> None:
    """Whoever is lost next, another copy is in sync."""
    cluster.await_whole(*topics_of(trial))


class LeaderFault(NamedTuple):
    state: str
    fail: Callable[[Cluster, int], None]
    mend: Callable[[Cluster, int], None]
    election_s: int
    progress_s: int


@pytest.mark.parametrize("fault", [
    LeaderFault("killed", Cluster.kill, Cluster.restart, 30, BROKER_KILL_S),
    LeaderFault("frozen", Cluster.freeze, Cluster.thaw, 60, COORDINATOR_S),
], ids=lambda fault: fault.state)
def test_the_leader_of_an_input_partition_fails_and_comes_back(trial: Trial, cluster: Cluster, fault: LeaderFault):
    start(trial)
    victim = cluster.leaders(trial.topic)[0]
    fault.fail(cluster, victim)
    wait_until(lambda: cluster.leaders(trial.topic)[0] not in (victim, -1), fault.election_s, "another broker leads")
    trial.count(f"leader {fault.state}")
    trial.await_progress(f"a {fault.state} leader", fault.progress_s)
    fault.mend(cluster, victim)
    await_whole(trial, cluster)
    trial.await_progress("its return", BROKER_KILL_S)
    trial.verdict()


def test_every_coordinator_is_killed_in_turn(trial: Trial, cluster: Cluster):
    """Whichever broker coordinates the group or the transactions: one of the kills hits it."""
    start(trial)
    group = cluster.group_coordinator(trial.lab.name)
    leads = cluster.leaders(TRANSACTIONS)
    victims = [group] + [node for node in sorted(set(leads.values())) if node != group]
    for victim in victims:
        assert victim in cluster.leaders(OFFSETS).values()
        cluster.kill(victim)
        wait_until(lambda: victim not in {*cluster.leaders(TRANSACTIONS).values(), *cluster.leaders(OFFSETS).values()}, 30,
                   "other brokers coordinate")
        trial.count("coordinator killed")
        trial.await_progress("a dead coordinator", COORDINATOR_S)
        cluster.restart(victim)
        await_whole(trial, cluster)
    trial.verdict()


def test_brokers_are_restarted_one_after_the_other(trial: Trial, cluster: Cluster):
    start(trial)
    for node in (1, 2, 3):
        cluster.brokers[node].stop()
        trial.count("broker stopped")
        trial.await_progress(f"the stop of broker {node}", BROKER_KILL_S)
        cluster.restart(node)
        await_whole(trial, cluster)
    trial.verdict()


def lose_copies(trial: Trial, cluster: Cluster) -> None:
    """Broker 1 has the only copy of every topic, and writes that two copies must have are refused."""
    for node in (2, 3):
        cluster.kill(node)
    wait_until(lambda: all(copies == [1] for topic in topics_of(trial) for copies in cluster.in_sync(topic).values()), 60,
               "one copy is left")
    trial.count("copies lost", 2)


def assert_writes_are_refused(cluster: Cluster, topic: str) -> None:
    """To one who asks for two copies, as the job does."""
    seen: list[KafkaError | None] = []
    producer = Producer({**cluster.topics.properties, "acks": "all", "retries": 0, "message.timeout.ms": 10_000})
    producer.produce(topic, b"x", partition=0, on_delivery=lambda error, _: seen.append(error))
    producer.flush(20)
    assert seen and seen[0] is not None and seen[0].code() == KafkaError.NOT_ENOUGH_REPLICAS, seen


def assert_stands_still(trial: Trial, before: dict[int, int]) -> None:
    """Nothing is committed beyond `before`, and the process waits."""
    begin, answers = time.monotonic(), 0

    def waited() -> bool:
        nonlocal answers
        trial.processes[0].millrace.assert_running()
        now = trial.lab.topics.committed(trial.lab.name, trial.topic)
        answers += min(now.values()) >= 0
        assert all(offset in (before[partition], -1) for partition, offset in now.items()), f"{now} is committed after {before}"
        return time.monotonic() - begin > STALL_S
    wait_until(waited, 3 * STALL_S, "time passes", every=0.5)
    assert answers, "nobody said what is committed"


def test_too_few_copies_in_sync_stop_the_job_until_they_are_back(trial: Trial, cluster: Cluster):
    """Input that it has not read is there before the copies are lost, and more comes then: what is written for it is refused."""
    trial.pipeline["kafka"]["session.timeout.ms"] = "30000"  # a member that is frozen meanwhile stays one
    start(trial)
    trial.await_read()
    process = trial.processes[0]
    trial.freeze(process)
    trial.feed()
    before, ends = trial.committed(), trial.lab.topics.ends(trial.topic)
    assert all(0 <= before[partition] < end for partition, end in ends.items()), "there is nothing that could be committed"
    lose_copies(trial, cluster)
    trial.renew_feeder(**{"acks": "1", "enable.idempotence": "false"})
    trial.feed()
    for topic in (trial.lab.output(), trial.changelog()):
        assert_writes_are_refused(cluster, topic)
    trial.thaw(process)
    process.millrace.wait_log("recovering: uncommitted work is dropped")
    trial.count("writes given up")
    assert_stands_still(trial, before)
    for node in (2, 3):
        cluster.restart(node)
    await_whole(trial, cluster)
    trial.renew_feeder()
    trial.await_progress("the loss of two copies", COORDINATOR_S)
    trial.verdict()


def test_a_worker_that_starts_while_all_brokers_are_down_and_sees_them_all_again(trial: Trial, cluster: Cluster):
    trial.feed()
    for node in (1, 2, 3):
        cluster.kill(node)
    process = trial.run("--startup-timeout", "120s")
    process.millrace.wait_log("no broker answers")
    trial.count("started without brokers")
    cluster.mend()
    await_whole(trial, cluster)
    trial.await_progress("the start of all brokers", COORDINATOR_S)
    # Not while a transaction is being ended: Kafka 4.x may lose its end when no copy has a leader (docs/operations.md).
    trial.await_read()
    trial.lab.topics.assert_nothing_pending(trial.lab.output(), f"{trial.lab.name}-window-1-changelog")
    for node in (1, 2, 3):
        cluster.kill(node)
    trial.count("all brokers killed")
    process.millrace.assert_running()
    cluster.mend()
    await_whole(trial, cluster)
    trial.await_progress("the death of all brokers", COORDINATOR_S)
    trial.verdict()
