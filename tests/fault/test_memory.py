"""State many times larger than its share of `memory`, over a kill and a restore, and records that are compressed well: the process
stays within its budget."""
import pathlib
import resource

import pytest
from harness.lab import LONG, Lab
from harness.waiting import wait_until
from memory_budget import BUDGET, MEMORY, RELEASE, SETTING, is_sanitized, needs_release
from trial import WORKER_KILL_S, Monitor, Process, Trial, data_dir, long_only

RECORDS = 60_000 if LONG else 10_000
PART = 1_000
COMPRESSED = 400_000
MULTIPLE = 5  # of `memory`: the program, an answer of each partition and what is made of it


def test_a_budget_of_memory_takes_no_process_of_a_sanitized_build():
    assert [is_sanitized(f"/tree/build/{build}/millrace") for build in ("asan", "tsan", "release")] == [True, True, False]
    process = Process("process 0", None, None, sanitized=True)
    monitor = Monitor(memory_budget=BUDGET, every=60)
    with pytest.raises(AssertionError, match="process 0 is sanitized"):
        monitor.add(process)
    assert monitor.stop() == {}


@needs_release
def test_memory_stays_within_its_budget_over_a_kill_and_a_restore(lab: Lab):
    trial = Trial(lab, "table", memory=SETTING, batch={}).create()
    trial.monitor(BUDGET)
    first = trial.run(MILLRACE_BINARY=RELEASE)
    while trial.sent < RECORDS:
        trial.feed(PART)
    trial.await_read()
    trial.feed(PART)
    trial.kill(first)
    second = trial.run(state_dir=lab.folder / "empty", MILLRACE_BINARY=RELEASE)
    wait_until(lambda: second.http.metric("millrace_restore_records_total") >= RECORDS, 60, "all of the state was restored")
    trial.finish()
    found = trial.evidence()
    for label, samples in found.samples.items():
        print(f"{label}: at most {max(sample.rss for sample in samples) >> 20} MiB in {len(samples)} samples")
    assert {process.label for process in trial.processes} == found.samples.keys()
    trial.judge(found)


@long_only
@needs_release
def test_memory_that_the_system_refuses_ends_the_process_with_a_message(lab: Lab):
    trial = Trial(lab, "table", memory="1GiB", batch={}).create()
    trial.feed(PART)
    process = trial.run(MILLRACE_BINARY=RELEASE)
    trial.await_progress("the start", WORKER_KILL_S)
    pid = process.millrace.process.pid
    size = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (size + (1 << 20),) * 2)
    for _ in range(30):
        if process.millrace.running():
            trial.feed(PART)
    log = trial.wait_failed(process)
    assert "out of memory" in log and process.millrace.process.returncode == 1, (process.millrace.process.returncode, log[-1500:])
    trial.count("memory limit")
    trial.run(MILLRACE_BINARY=RELEASE)
    trial.await_progress("a process without memory", WORKER_KILL_S)
    trial.verdict()


@needs_release
@pytest.mark.parametrize("codec", ["lz4", "zstd"] if LONG else ["zstd"])
def test_memory_stays_bounded_while_records_become_many_times_their_size(lab: Lab, codec: str):
    """An answer of the broker is a fortieth of what librdkafka makes of it, at once."""
    trial = Trial(lab, "repeated", partitions=4, memory=SETTING, batch={}).create()
    trial.renew_feeder(**{"compression.type": codec, "linger.ms": "100"})
    trial.feed(COMPRESSED)
    if folder := data_dir(lab.broker.bootstrap):
        assert sum(file.stat().st_size for file in folder.glob(f"{trial.topic}-*/*.log")) < COMPRESSED * 1_000 // 10
    trial.monitor(MULTIPLE * MEMORY)
    process = trial.run(MILLRACE_BINARY=RELEASE)
    trial.await_read()
    trial.stop(process)
    samples = trial.stop_monitor()[process.label]
    most = max(sample.rss for sample in samples)
    print(f"{codec}: at most {most >> 20} MiB in {len(samples)} samples")
    assert 0 < most <= MULTIPLE * MEMORY
