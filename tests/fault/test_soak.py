"""A long storm of rebalances and kills: memory, files and threads stay flat, and no transaction hangs. Only with --long; what judges
it is tested always."""
import dataclasses
import os
import time

import pytest
from confluent_kafka import Producer
from evidence import ProcessSample
from flat_line import describe, growth
from harness.lab import Lab
from memory_budget import BUDGET, RELEASE, SETTING, needs_release
from trial import WORKER_KILL_S, Monitor, Process, Trial, long_only

MINUTES = float(os.environ.get("MILLRACE_SOAK_MINUTES", "30"))
PENDING_S = 20               # a transaction may last for the commit interval and 10 s; then its coordinator ends it
RECORDS_PER_S = 300          # what the checker can judge after half an hour


def samples(count: int = 200, rss: int = 0, files: float = 0, threads: float = 0) -> list[ProcessSample]:
    """One per second, which grow by so much each."""
    return [ProcessSample(float(i), 100_000_000 + i % 7 * 10_000 + i * rss, 40 + i % 3 + int(i * files), 12 + int(i * threads))
            for i in range(count)]


@pytest.mark.parametrize("what,grown", [("rss", {"rss": 100_000}), ("files", {"files": 0.05}), ("threads", {"threads": 0.05})])
def test_what_grows_is_named_and_nothing_else(what: str, grown: dict[str, float]):
    found = growth(samples(**grown))
    assert len(found) == 1 and found[0].startswith(f"{what} grew by"), found


def test_a_flat_line_is_no_growth_and_what_was_not_measured_is_no_flat_line():
    assert growth(samples()) == []
    assert growth(samples(count=5)) == ["5 samples say nothing"]
    assert growth([ProcessSample(float(i), 0, 40, 12) for i in range(200)]) == ["rss was not measured"]


def test_a_transaction_that_stays_open_is_found(lab: Lab):
    topic = lab.topics.create(lab.output(), 2)
    producer = Producer({"bootstrap.servers": lab.broker.bootstrap, "transactional.id": lab.name})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"x", partition=1)
    producer.flush(20)
    with pytest.raises(AssertionError, match=rf"{topic}\[1\] can be read to 0 of 1"):
        lab.topics.assert_those_of_now_end(topic, seconds=0.5)
    producer.commit_transaction(20)
    lab.topics.assert_those_of_now_end(topic, seconds=PENDING_S)


class Storm:
    """One member stays all the time and is measured; others come, leave and are killed."""

    def __init__(self, trial: Trial):
        self.trial = trial
        self.steady = trial.run(MILLRACE_BINARY=RELEASE)
        self.others: list[Process] = []

    def step(self) -> None:
        chance = self.trial.chance.random()
        if len(self.others) < 2 or (len(self.others) < 4 and chance < 0.4):
            self.others.append(self.trial.run())
            self.trial.count("join")
            return
        process = self.others.pop(self.trial.chance.randrange(len(self.others)))
        if chance < 0.7:
            self.trial.kill(process)
        else:
            process.millrace.wait_log("partitions assigned")
            self.trial.stop(process)
            self.trial.count("leave")


def assert_no_transaction_hangs(trial: Trial) -> None:
    """Others begin all the time: what counts is how far the topics go now."""
    written = trial.lab.output(), trial.changelog()
    assert any(max(trial.lab.topics.ends(topic).values()) > 0 for topic in written), "nothing was written in any transaction"
    trial.lab.topics.assert_those_of_now_end(*written, seconds=PENDING_S)


@needs_release
@long_only
def test_storm(lab: Lab):
    """MILLRACE_SOAK_MINUTES sets its length."""
    trial = Trial(lab, partitions=6, memory=SETTING).create(retention_ms="-1")
    trial.feed()
    storm = Storm(trial)
    trial.await_progress("the start", 20)
    monitor = Monitor(every=1.0, memory_budget=BUDGET)
    monitor.add(storm.steady)
    begin = time.monotonic()
    next_step, next_progress = begin + 2, begin + 60
    while time.monotonic() < begin + MINUTES * 60:
        if trial.sent < (time.monotonic() - begin) * RECORDS_PER_S:
            trial.feed(RECORDS_PER_S // 4)
        else:
            time.sleep(0.05)
        storm.steady.millrace.assert_running()
        if time.monotonic() >= next_step:
            storm.step()
            next_step = time.monotonic() + trial.chance.uniform(1, 4)
        if time.monotonic() >= next_progress:
            trial.await_progress("a minute of the storm", 2 * WORKER_KILL_S)
            assert_no_transaction_hangs(trial)
            next_progress = time.monotonic() + 60
    trial.await_progress("the storm", 2 * WORKER_KILL_S)
    assert_no_transaction_hangs(trial)
    measured = monitor.stop()
    steady = measured[storm.steady.label]
    print(f"{trial.fired}, {trial.sent} records; {describe(steady)}")
    # Files and threads come and go with the partitions: `growth` tells that from a leak.
    memory = {label: [dataclasses.replace(sample, files=0, threads=0) for sample in found] for label, found in measured.items()}
    trial.verdict(seconds=120, samples=memory, memory_budget=BUDGET)
    assert growth(steady) == []
