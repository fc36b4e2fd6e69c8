"""A long storm of rebalances and kills: memory, files and threads stay flat, and no transaction hangs. Only with --long."""
import os
import statistics
import time

import pytest
from harness.lab import Lab
from trial import LONG, WORKER_KILL_S, Monitor, Process, Trial
from evidence import ProcessSample

MINUTES = float(os.environ.get("MILLRACE_SOAK_MINUTES", "30"))
WARM_UP = 0.3                # of the samples of the member that stays
RSS_GROWTH_PER_HOUR = 64 << 20
COUNT_GROWTH = 3             # files and threads, over the whole run
PENDING_S = 20
# The member that is measured: AddressSanitizer keeps what it knows of every thread and stack that ever was.
MEASURED = os.environ.get("MILLRACE_RELEASE_BINARY") or os.environ["MILLRACE_BINARY"]
RECORDS_PER_S = 300          # what the checker can judge after half an hour


def slope(points: list[tuple[float, float]]) -> float:
    """Of the regression line through (x, y)."""
    if len(points) < 2:
        return 0.0
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def growth(samples: list[ProcessSample], what: str) -> float:
    """Per second, after the warm-up."""
    warm = samples[int(len(samples) * WARM_UP):]
    return slope([(sample.at, getattr(sample, what)) for sample in warm])


def noise(samples: list[ProcessSample], what: str) -> float:
    """What a slope of nothing may look like over this run: two spreads of the samples around their line."""
    warm = samples[int(len(samples) * WARM_UP):]
    line = slope([(sample.at, getattr(sample, what)) for sample in warm])
    middle = statistics.mean(sample.at for sample in warm)
    return 2 * statistics.pstdev([getattr(sample, what) - line * (sample.at - middle) for sample in warm])


def test_a_growth_is_found_and_a_flat_line_is_not():
    flat = [ProcessSample(float(i), 100_000_000 + i % 7 * 10_000, 40 + i % 3, 12) for i in range(200)]
    leak = [ProcessSample(float(i), 100_000_000 + i * 100_000, 40 + i // 20, 12) for i in range(200)]
    assert abs(growth(flat, "rss")) * 3600 < RSS_GROWTH_PER_HOUR and abs(growth(flat, "files")) * 200 < COUNT_GROWTH
    assert growth(leak, "rss") * 3600 > RSS_GROWTH_PER_HOUR and growth(leak, "files") * 200 > COUNT_GROWTH


class Storm:
    """One member stays all the time and is measured; others come, leave and are killed."""

    def __init__(self, trial: Trial):
        self.trial = trial
        self.steady = trial.run(MILLRACE_BINARY=MEASURED)
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


@pytest.mark.skipif(not LONG, reason="only with --long; MILLRACE_SOAK_MINUTES sets its length")
def test_storm(lab: Lab):
    trial = Trial(lab, partitions=6).create(retention_ms="-1")
    trial.feed()
    storm = Storm(trial)
    trial.await_progress("the start", 20)
    monitor = Monitor(every=1.0)
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
            lab.topics.assert_nothing_pending(trial.topic, seconds=PENDING_S)
            next_progress = time.monotonic() + 60
    samples = monitor.stop()[storm.steady.label]
    lasted = samples[-1].at - samples[0].at
    rss, files, threads = (growth(samples, what) for what in ("rss", "files", "threads"))
    print(f"{lasted:.0f} s, {trial.fired}, {trial.sent} records; RSS {samples[-1].rss >> 20} MiB, {rss * 3600 / (1 << 20):+.1f} MiB/h "
          f"(noise {noise(samples, 'rss') / (1 << 20):.1f} MiB); files {samples[-1].files}, {files * lasted:+.2f} over the run; "
          f"threads {samples[-1].threads}, {threads * lasted:+.2f}")
    trial.verdict(seconds=120)
    assert rss * lasted <= max(RSS_GROWTH_PER_HOUR * lasted / 3600, noise(samples, "rss")), "memory grows"
    assert files * lasted <= max(COUNT_GROWTH, noise(samples, "files")), "file descriptors grow"
    assert threads * lasted <= max(COUNT_GROWTH, noise(samples, "threads")), "threads grow"
