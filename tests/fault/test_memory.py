"""State many times larger than its share of `memory`, over a kill and a restore: the process stays within its budget.

AddressSanitizer takes several times the memory, so the processes that are measured are of the release build.
"""
import dataclasses
import os

import pytest
from harness.lab import LONG, Lab
from harness.waiting import wait_until
from trial import Trial

MEMORY = 64 << 20
PROGRAM, ANSWER = 60 << 20, 50 << 20  # beside the budget: docs/operations.md, "How `memory` is divided"
RECORDS = 60_000 if LONG else 10_000
PART = 1_000
RELEASE = os.environ.get("MILLRACE_RELEASE_BINARY", "")


@pytest.mark.skipif(not RELEASE, reason="MILLRACE_RELEASE_BINARY names no release build")
def test_memory_stays_within_its_budget_over_a_kill_and_a_restore(lab: Lab):
    trial = Trial(lab, "table", memory=f"{MEMORY >> 20}MiB", batch={}).create()
    trial.monitor()
    first = trial.run(MILLRACE_BINARY=RELEASE)
    while trial.sent < RECORDS:
        trial.feed(PART)
    trial.await_read()
    trial.feed(PART)
    trial.kill(first)
    second = trial.run(state_dir=lab.folder / "empty", MILLRACE_BINARY=RELEASE)
    wait_until(lambda: second.http.metric("millrace_restore_records_total") >= RECORDS, 60, "all of the state was restored")
    trial.finish()
    found = trial.evidence(memory_budget=MEMORY + PROGRAM + ANSWER)
    for label, samples in found.samples.items():
        print(f"{label}: at most {max(sample.rss for sample in samples) >> 20} MiB in {len(samples)} samples")
        # A state that grows has ever more files open.
        found.samples[label] = [dataclasses.replace(sample, files=0) for sample in samples]
    assert {process.label for process in trial.processes} == found.samples.keys()
    assert all(sample.rss for samples in found.samples.values() for sample in samples), "what was measured is no release build"
    trial.judge(found)
