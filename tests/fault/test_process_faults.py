"""Processes that are killed, frozen, doubled, starved, or that join and leave: the job goes on and results stay right."""
import resource
import shutil
import signal
import time

import pytest
from harness.lab import Lab
from harness.process import Millrace
from harness.waiting import wait_until
from memory_budget import BUDGET, RELEASE, SETTING, needs_release
from trial import WORKER_KILL_S, Process, Trial, long_only

STORM_S = 60


def wait_seconds(seconds: float) -> None:
    """Lets a timeout of the other side pass: there is nothing to be seen until it has."""
    begin = time.monotonic()
    wait_until(lambda: time.monotonic() - begin > seconds, seconds + 5, "time passes", every=0.2)


@needs_release
@long_only
def test_a_killed_process_is_followed_by_another(lab: Lab):
    trial = Trial(lab, memory=SETTING).create()
    first = trial.start(MILLRACE_BINARY=RELEASE)
    trial.watch()
    trial.monitor(BUDGET)
    trial.sample_commit()
    trial.feed(15_000)
    trial.sample_commit()
    trial.kill(first)
    trial.run(MILLRACE_BINARY=RELEASE)
    trial.await_progress("a kill", WORKER_KILL_S)
    trial.verdict()


@long_only
@pytest.mark.parametrize("kind", ["windows", "stateless"])
def test_a_process_frozen_longer_than_its_transaction_may_last(lab: Lab, kind: str):
    """Alone: nobody takes over. The coordinator ends its transaction, and the group forgets it."""
    trial = Trial(lab, kind, commit_interval="1s").create()
    trial.pipeline["kafka"]["transaction.timeout.ms"] = "3000"
    process = trial.start()
    trial.watch()
    trial.feed()
    trial.freeze(process)
    wait_seconds(6)
    trial.count("frozen")
    trial.thaw(process)
    trial.await_progress("a freeze", 2 * WORKER_KILL_S)
    trial.verdict()


@long_only
def test_a_process_frozen_longer_than_it_may_stay_away_from_polling(lab: Lab):
    trial = Trial(lab, commit_interval="1s").create()
    trial.pipeline["kafka"] |= {"max.poll.interval.ms": "3000", "session.timeout.ms": "3000"}
    frozen = trial.start()
    trial.feed()
    trial.freeze(frozen)
    trial.count("frozen")
    trial.run()
    trial.await_progress("a member that does not poll", WORKER_KILL_S)
    trial.thaw(frozen)
    frozen.millrace.wait_log("partitions (lost|revoked)")
    trial.await_progress("its return", WORKER_KILL_S)
    trial.verdict()


def test_two_machines_with_a_copied_state_directory_do_not_double_anything(lab: Lab):
    """Both have the same transactional id: one fences the other, which ends with a message."""
    trial = Trial(lab, partitions=4).create()
    trial.run_part()
    twin_dir = lab.folder / "twin"
    shutil.copytree(lab.state_dir, twin_dir)
    pair = [trial.run(), trial.run(state_dir=twin_dir)]
    trial.count("two processes with one transactional id")

    def one_ended() -> Process | None:
        trial.feed(500)
        return next((process for process in pair if not process.millrace.running()), None)
    loser = wait_until(one_ended, 40, "one of them gives up", every=0.2)
    log = trial.wait_failed(loser)
    assert "another process uses the same identity" in log, log[-1500:]
    trial.await_progress("a fenced twin", WORKER_KILL_S)
    trial.verdict()


@long_only
def test_members_that_join_and_leave_all_the_time(lab: Lab):
    trial = Trial(lab, partitions=6).create()
    members = [trial.start()]
    trial.watch()
    deadline = time.monotonic() + STORM_S
    while time.monotonic() < deadline:
        if len(members) < 2 or (len(members) < 4 and trial.chance.random() < 0.5):
            members.append(trial.run())
            members[-1].millrace.wait_log("partitions assigned")
        else:
            trial.stop(members.pop(trial.chance.randrange(len(members))))
        trial.count("join or leave")
        trial.feed(1_000)
    assert trial.fired["join or leave"] >= 4
    trial.await_progress("the storm", WORKER_KILL_S)
    trial.sample_commit()
    trial.verdict()


@long_only
def test_one_four_two_processes_on_three_partitions(lab: Lab):
    trial = Trial(lab, partitions=3).create()
    members = [trial.start()]
    members += [trial.run() for _ in range(3)]
    members[1].millrace.wait_log("partitions assigned")
    trial.await_progress("three more", WORKER_KILL_S)
    trial.count("scaled to four")
    for member in members[:2]:
        trial.stop(member)
    trial.count("scaled to two")
    trial.await_progress("two fewer", WORKER_KILL_S)
    trial.verdict()


@long_only
def test_a_rebalance_in_the_middle_of_a_restore(lab: Lab):
    trial = Trial(lab, partitions=4).create()
    trial.run_part(10_000)
    shutil.rmtree(lab.state_dir)
    first = trial.run()
    first.millrace.wait_log("restoring state")
    second = trial.run()
    second.millrace.wait_log("partitions assigned")
    first.millrace.wait_log("partitions (lost|revoked)")
    trial.count("rebalance beside a restore")
    trial.await_progress("a rebalance", WORKER_KILL_S)
    trial.stop(second)
    trial.await_progress("another one", WORKER_KILL_S)
    trial.verdict()


@long_only
def test_an_end_by_signal_in_the_middle_of_a_restore_leaves_no_hole(lab: Lab):
    trial = Trial(lab).create()
    trial.run_part(20_000)
    for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        shutil.rmtree(lab.state_dir, ignore_errors=True)
        process = trial.run()
        process.millrace.wait_log("restoring state")
        if sig == signal.SIGKILL:
            trial.kill(process)
        else:
            trial.stop(process)
        trial.count(f"{sig.name} in a restore")
        trial.run_part(500)
    trial.run()
    trial.await_progress("restores that were cut off", WORKER_KILL_S)
    trial.verdict()


def limit(process: Millrace, what: int, value: int) -> None:
    resource.prlimit(process.process.pid, what, (value, value))


@long_only
def test_too_few_file_descriptors_end_with_a_message(lab: Lab):
    """Room for the connections, not for the state of every partition."""
    trial = Trial(lab, partitions=16).create()
    trial.feed()
    process = trial.run()
    limit(process.millrace, resource.RLIMIT_NOFILE, 64)
    trial.count("file limit")
    log = trial.wait_failed(process)
    assert "Too many open files" in log, log[-1500:]
    trial.run()
    trial.await_progress("the file limit", WORKER_KILL_S)
    trial.verdict()
