"""Where a pipeline begins to read: `offset_reset: latest`."""
import random

import pytest
from confluent_kafka.admin import NewPartitions
from harness.bids import assert_passed, assert_results, bids, close_windows, PIPELINES
from harness.lab import SCALE, Lab
from harness.process import kill_all
from harness.topics import Record
from harness.waiting import wait_until

BEGINS = "reading begins at the end of the partition"


def latest(lab: Lab, topic: str, kind: str = "stateless") -> dict:
    pipeline = PIPELINES[kind](lab.name, lab.broker.bootstrap, topic)
    pipeline["source"]["offset_reset"] = "latest"
    return pipeline


def since(records: list[Record], ends: dict[int, int]) -> list[Record]:
    return [record for record in records if record.offset >= ends.get(record.partition, 0)]


def test_latest_begins_at_the_end_and_a_restart_without_records_skips_none(lab: Lab):
    topic = lab.create_input(2)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(2_000, seed=71))
    before = lab.topics.ends(topic)
    file = lab.write(latest(lab, topic))
    process = lab.run(file)
    lab.await_read(topic)  # committed, though nothing came
    process.kill()
    process.wait_killed()
    assert process.log().count(BEGINS) == 2 and f"offsets_not_read={before[0]}" in process.log(), process.log()
    feeder.send_all(topic, bids(1_000, seed=72, first=2_000))
    again = lab.run_to_end(file, topic)
    assert BEGINS not in again.log()
    new = since(lab.topics.read(topic), before)
    assert len(new) == 1_000
    assert_passed(new, lab.topics.read(lab.output()))


def test_a_partition_added_later_is_read_from_its_first_record(lab: Lab):
    topic = lab.create_input(2)
    lab.topics.producer().send_all(topic, bids(500, seed=73))
    before = lab.topics.ends(topic)
    pipeline = latest(lab, topic)
    del pipeline["source"]["key"], pipeline["sinks"][0]["key"]  # keys move to other partitions
    file = lab.write(pipeline)
    lab.run_to_end(file, topic)
    lab.topics.admin.create_partitions([NewPartitions(topic, 3)])[topic].result(20)
    wait_until(lambda: lab.topics.partitions(topic) == 3, 20, "the partition is there")
    feeder = lab.topics.producer()
    for key, value in bids(500, seed=73, first=500):
        feeder.send(topic, b"new-" + key, value, partition=2)
    feeder.flush()
    process = lab.run_to_end(file, topic)
    assert "the partition is new to a pipeline that had begun" in process.log(), process.log()
    assert_passed(since(lab.topics.read(topic), before), lab.topics.read(lab.output()))


@pytest.mark.parametrize("kind", PIPELINES)
def test_two_killed_processes_from_the_end_on(lab: Lab, kind: str):
    topic = lab.create_input(4)
    feeder = lab.topics.producer()
    feeder.send_all(topic, bids(5_000, seed=74))
    before = lab.topics.ends(topic)
    file = lab.write(latest(lab, topic, kind))
    processes = [lab.run(file), lab.run(file)]
    lab.await_read(topic)
    dice = random.Random(74)
    count = 40_000 * SCALE
    for part in range(4):
        first = 5_000 + part * count // 4
        feeder.send_all(topic, bids(count // 4, seed=74, first=first))
        victim = dice.randrange(2)
        wait_until(lambda: sum(lab.topics.committed(lab.name, topic).values()) > sum(before.values()) + first - 5_000, 60,
                   "some of it is read")
        kill_all([processes[victim]])
        processes[victim] = lab.run(file)
    close_windows(feeder, topic, 4, 5_000 + count)
    lab.await_read(topic, 120)
    for process in processes:
        process.stop()
    assert_results(kind, since(lab.topics.read(topic), before), lab.topics.read(lab.output()))
