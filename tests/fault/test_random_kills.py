"""Processes of one pipeline that are killed at random and started again, then stopped the polite way."""
import random
import time

import pytest
from harness.bids import PIPELINES, assert_results, bids, close_windows
from harness.lab import LONG, Lab
from harness.process import Millrace

SECONDS = 120 if LONG else 15
PARTITIONS = 4
PROCESSES = 3


class Herd:
    """Three processes; a killed one comes back at once."""

    def __init__(self, lab: Lab, file):
        self.lab, self.file = lab, file
        self.members: list[Millrace] = [lab.run(file) for _ in range(PROCESSES)]
        self.kills = 0

    def kill_one(self, chance: random.Random) -> None:
        index = chance.randrange(PROCESSES)
        self.members[index].assert_running()
        self.members[index].kill()
        self.kills += 1
        self.members[index] = self.lab.run(self.file)

    def stop(self) -> None:
        for member in self.members:
            member.stop()


def graze(lab: Lab, pipeline: dict, topic: str, seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    feeder = lab.topics.producer(compression_type="lz4")
    herd = Herd(lab, lab.write(pipeline))
    sent = 0
    deadline = time.monotonic() + SECONDS
    next_kill = time.monotonic() + 2
    while time.monotonic() < deadline:
        feeder.send_all(topic, bids(2_000, seed, first=sent))
        sent += 2_000
        if time.monotonic() >= next_kill:
            herd.kill_one(chance)
            next_kill = time.monotonic() + chance.uniform(0.3, 4)
    close_windows(feeder, topic, PARTITIONS, sent)
    lab.await_read(topic, 90)
    herd.stop()
    assert herd.kills >= 4, "hardly anything was killed"
    lab.topics.assert_nothing_pending(lab.output())


@pytest.mark.parametrize("kind", ["windows", "stateless"])
def test_random_kills_lose_and_repeat_nothing(lab: Lab, kind: str):
    topic = lab.create_input(PARTITIONS)
    pipeline = PIPELINES[kind](lab.name, lab.broker.bootstrap, topic, commit_interval="100ms")
    graze(lab, pipeline, topic, seed=random.randrange(1 << 30))
    assert_results(kind, lab.topics.read(topic), lab.topics.read(lab.output()))
