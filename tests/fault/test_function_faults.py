"""Functions of the user that take too long or throw: `function_job` instead of a pipeline file."""
import os

import pytest
from expectation import Numbered
from harness.lab import Lab
from harness.waiting import wait_until
from shim import sanitizer_options
from trial import WORKER_KILL_S, Process, Trial, long_only

FAULT_AT = 5_000


class FunctionTrial(Trial):
    """A trial whose processes number the bids of each auction; `fault` happens once, at bid FAULT_AT."""

    def __init__(self, lab: Lab, fault: str):
        super().__init__(lab, "stateless")
        self.job = Numbered()
        self.marker = lab.folder / "fault-happened"
        self.settings = {"MILLRACE_BINARY": os.environ["MILLRACE_FUNCTION_JOB"], "FUNCTION_NAME": lab.name,
                         "FUNCTION_KAFKA": lab.broker.bootstrap, "FUNCTION_FAULT": fault, "FUNCTION_FAULT_AT": str(FAULT_AT),
                         "FUNCTION_FAULT_FILE": str(self.marker),
                         "ASAN_OPTIONS": sanitizer_options("allocator_may_return_null=1")}

    def run_function(self) -> Process:
        return self.run(**self.settings)

    def expect_fault(self) -> None:
        assert self.marker.exists(), "the fault did not fire"
        self.count(self.settings["FUNCTION_FAULT"])


@long_only
def test_a_function_that_takes_longer_than_a_member_may_stay_away(lab: Lab):
    """Others take its partitions over meanwhile; what it had in hand is dropped, and counted once."""
    trial = FunctionTrial(lab, "sleep:8000").create()
    trial.feed(1_000)
    slow = trial.run_function()
    trial.await_progress("the start", WORKER_KILL_S)
    trial.feed(FAULT_AT)
    wait_until(trial.marker.exists, 30, "the function sleeps")
    trial.run_function()
    trial.await_progress("a function that sleeps", WORKER_KILL_S)
    slow.millrace.wait_log("partitions (lost|revoked)")
    trial.expect_fault()
    trial.await_progress("its return", WORKER_KILL_S)
    trial.verdict()


@pytest.mark.parametrize("fault, says", [("throw", "of the user"), ("throw-int", "something that is no std::exception"),
                                         ("allocate", "std::bad_alloc, an allocation that was refused; ask for less")])
def test_a_function_that_throws_ends_the_process_with_a_message(lab: Lab, fault: str, says: str):
    trial = FunctionTrial(lab, fault).create()
    trial.feed(2 * FAULT_AT)
    process = trial.run_function()
    log = trial.wait_failed(process)
    trial.expect_fault()
    assert f"the function of step 'number' threw: {says}" in log, log[-1500:]
    assert process.millrace.process.returncode == 1
    trial.run_function()
    trial.await_progress("a function that throws", WORKER_KILL_S)
    trial.verdict()


@long_only
def test_a_function_that_gets_its_process_killed_is_called_again_for_the_same_rows(lab: Lab):
    trial = FunctionTrial(lab, "killed").create()
    trial.feed(2 * FAULT_AT)
    process = trial.run_function()
    trial.await_killed(process, "out-of-memory killer")
    trial.expect_fault()
    trial.run_function()
    trial.await_progress("a killed function", WORKER_KILL_S)
    trial.verdict()
