"""Brokers that die, freeze and come back, in a cluster of three."""
from collections.abc import Callable
from typing import NamedTuple

import pytest
from harness.lab import Lab
from harness.waiting import wait_until
from kafka_cluster import Cluster
from trial import BROKER_KILL_S, COORDINATOR_S, Trial, long_only

pytestmark = long_only
TRANSACTIONS, OFFSETS = "__transaction_state", "__consumer_offsets"


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


def await_whole(trial: Trial, cluster: Cluster) -> None:
    """Whoever is lost next, another copy is in sync."""
    topics = [trial.topic, trial.lab.output(), trial.changelog(), TRANSACTIONS, OFFSETS]
    cluster.await_whole(*(topic for topic in topics if topic))


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


def test_too_few_copies_in_sync_stop_the_job_until_they_are_back(trial: Trial, cluster: Cluster):
    start(trial)
    trial.await_read()
    before = sum(trial.committed().values())
    for node in (2, 3):
        cluster.kill(node)
    wait_until(lambda: all(copies == [1] for copies in cluster.in_sync(trial.topic).values()), 60, "one copy is left")
    trial.count("copies lost", 2)
    trial.processes[0].millrace.assert_running()
    for node in (2, 3):
        cluster.restart(node)
    await_whole(trial, cluster)
    trial.await_progress("the loss of two copies", COORDINATOR_S)
    assert sum(trial.committed().values()) > before
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
