"""Threads that the system refuses (a preloaded `shim.c`): the process says so and ends, at the start as well as later, and never waits
for what cannot begin."""
from harness.lab import LONG, Lab
from harness.waiting import wait_until
from shim import Shim
from trial import WORKER_KILL_S, Process, Trial, long_only

SAYS = "no more threads are allowed; raise the limit (ulimit -u"


def assert_ends_for_lack_of_threads(trial: Trial, process: Process) -> None:
    log = trial.wait_failed(process)
    assert SAYS in log and process.millrace.process.returncode == 1, (process.millrace.process.returncode, log[-1500:])


def test_a_start_with_too_few_threads_ends_with_a_message(lab: Lab):
    """Wherever it runs out of them: `allowed` counts those of the program and of its libraries alike."""
    trial = Trial(lab, workers=2).create()
    shim = Shim(lab.folder)
    trial.run_part(**shim.environment)
    needed = shim.most_threads
    assert needed > 10
    for allowed in range(1, needed) if LONG else (1, 3, needed // 4, needed // 2):
        refused = shim.refused_threads
        shim.allow_threads(allowed)
        process = trial.run(**shim.environment)
        wait_until(lambda p=process: not p.millrace.running() or p.http.get("/readyz")[0] == 200, 30, f"a start with {allowed} threads")
        if shim.refused_threads > refused:
            assert_ends_for_lack_of_threads(trial, process)
            trial.count("threads refused at the start", shim.refused_threads - refused)
        else:
            trial.stop(process)
    trial.run()
    trial.await_progress("too few threads", WORKER_KILL_S)
    trial.verdict()


@long_only
def test_a_rebalance_without_threads_ends_the_process_and_another_goes_on(lab: Lab):
    trial = Trial(lab, partitions=4).create()
    shim = Shim(lab.folder)
    trial.feed()
    first = trial.run(**shim.environment)
    trial.await_progress("the start", 20)
    second = trial.run(state_dir=lab.folder / "second")
    second.millrace.wait_log("partitions assigned")
    trial.await_progress("a second process", WORKER_KILL_S)
    shim.allow_threads(1)  # it keeps those that it has
    trial.stop(second)
    assert_ends_for_lack_of_threads(trial, first)
    trial.count("threads refused in a rebalance", shim.refused_threads)
    trial.run()
    trial.await_progress("a process without threads", WORKER_KILL_S)
    trial.verdict()
