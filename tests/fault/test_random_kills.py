"""Processes of one pipeline that are killed at random and started again, then stopped the polite way."""
import time

import pytest
from harness.lab import LONG, Lab
from kinds import KINDS
from trial import WORKER_KILL_S, Process, Trial

SECONDS = 120 if LONG else 12
RECORDS_PER_S = 2_500  # what the checker can judge
PARTITIONS = 4
PROCESSES = 3
# The others are killed at crash points.
CHOSEN = [kind for kind in KINDS if not KINDS[kind].large] if LONG else ["windows", "by-the-clock", "stateless"]


class Herd:
    """Three processes; a killed one comes back at once."""

    def __init__(self, trial: Trial):
        self.trial = trial
        self.members: list[Process] = [trial.run() for _ in range(PROCESSES)]

    def kill_one(self) -> None:
        index = self.trial.chance.randrange(PROCESSES)
        self.trial.kill(self.members[index])
        self.members[index] = self.trial.run()


@pytest.mark.parametrize("kind", CHOSEN)
def test_random_kills_lose_and_repeat_nothing(lab: Lab, kind: str):
    trial = Trial(lab, kind, partitions=PARTITIONS).create()
    trial.feed()
    herd = Herd(trial)
    trial.watch()
    begin = time.monotonic()
    next_kill = begin + 2
    while (now := time.monotonic()) < begin + SECONDS:
        if trial.sent < (now - begin) * RECORDS_PER_S:
            trial.feed(RECORDS_PER_S // 5)
        else:
            time.sleep(0.02)
        if time.monotonic() >= next_kill:
            herd.kill_one()
            next_kill = time.monotonic() + trial.chance.uniform(0.3, 4)
    assert trial.fired["SIGKILL"] >= 3, "hardly anything was killed"
    trial.await_progress("the kills", WORKER_KILL_S)
    trial.verdict(90)
