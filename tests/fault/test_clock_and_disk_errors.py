"""Clocks that jump or run wrong, and a disk whose writes fail, under a running process."""
import errno
import time

import pytest
from harness.bids import START_MS
from harness.lab import LONG, Lab
from harness.waiting import wait_until
from shim import EVERYTHING, HALVES, SYNCS, Shim
from trial import WORKER_KILL_S, Trial, long_only

HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
JUMPS = {"an hour ahead": HOUR_MS, "an hour back": -HOUR_MS, "ten years ahead": 10 * YEAR_MS, "ten years back": -10 * YEAR_MS}


@long_only
@pytest.mark.parametrize("jump", JUMPS, ids=lambda jump: jump.replace(" ", "-"))
def test_a_clock_that_jumps_changes_no_result(lab: Lab, jump: str):
    """Event time rules; max_future is the one thing that asks the clock, so it is set wide."""
    trial = Trial(lab, max_future="10000d").create()
    shim = Shim(lab.folder)
    trial.feed()
    trial.run(**shim.environment)
    trial.await_progress("the start", 20)
    trial.watch()
    shim.shift_clock(JUMPS[jump])
    wait_until(lambda: shim.moved_calls > 0, 10, "the program has asked for the time")
    trial.await_progress(f"a clock {jump}", WORKER_KILL_S)
    trial.feed()
    trial.await_read()
    trial.count(f"clock {jump}", shim.moved_calls)
    shim.shift_clock(0)
    trial.await_progress("its return", WORKER_KILL_S)
    trial.verdict()


def test_windows_that_only_the_clock_closes_close_once_while_it_jumps(lab: Lab):
    """No jump closes a window whose rows are still to come, and none keeps one open, but while the clock stands before event time."""
    trial = Trial(lab, "by-the-clock", max_future="10000d").create()
    shim = Shim(lab.folder)
    trial.feed()
    trial.run(**shim.environment)
    trial.await_progress("the start", 20)
    trial.watch()
    for jump in JUMPS if LONG else ("an hour ahead", "ten years back"):
        calls = shim.moved_calls
        shim.shift_clock(JUMPS[jump])
        trial.feed()
        trial.await_read()
        if time.time() * 1000 + JUMPS[jump] > START_MS + HOUR_MS:
            trial.await_results()
        trial.feed()  # what the clock has closed too early is late now
        trial.await_read()
        trial.count(f"clock {jump}", shim.moved_calls - calls)
        shim.shift_clock(0)
        trial.await_results()
    trial.verdict()


@pytest.mark.parametrize("kind", ["by-the-clock", "windows"] if LONG else ["by-the-clock"])
@pytest.mark.parametrize("rate", [0.5, 2.0] if LONG else [2.0])
def test_clocks_that_run_wrong_delay_things_and_change_no_result(lab: Lab, rate: float, kind: str):
    """Both of them: commits and idle partitions go by the one, windows that the clock closes by the other."""
    trial = Trial(lab, kind, max_future="10000d").create()
    shim = Shim(lab.folder)
    trial.feed()
    trial.run(**shim.environment)
    trial.await_progress("the start", 20)
    trial.watch()
    calls = shim.moved_calls
    shim.set_rate(rate)
    for _ in range(3):
        trial.await_progress(f"clocks at {rate}", WORKER_KILL_S)
        if trial.kind.awaited:
            trial.await_results()
    assert shim.moved_calls > calls
    trial.count(f"clocks at {rate}", shim.moved_calls - calls)
    trial.verdict()


@long_only
@pytest.mark.parametrize("number, what", [(errno.EIO, EVERYTHING), (errno.ENOSPC, EVERYTHING), (errno.EIO, SYNCS)],
                         ids=["EIO", "ENOSPC", "EIO-of-fsync"])
def test_writes_to_the_state_directory_that_fail(lab: Lab, number: int, what: int):
    """At the end, when state is written: it is said, and the next start restores what is missing."""
    trial = Trial(lab).create()
    shim = Shim(lab.folder, failing=lab.state_dir)
    trial.feed()
    process = trial.run(**shim.environment)
    trial.await_progress("the start", 20)
    shim.fail_writes(number, what)
    trial.feed(15_000)
    trial.await_read()
    process.millrace.process.terminate()
    code = process.millrace.wait_exit()
    process.expected = "stopped" if code == 0 else "failed"
    assert shim.failed_calls > 0
    trial.count(errno.errorcode[number], shim.failed_calls)
    assert "state was not flushed" in process.millrace.log() or code == 1, process.millrace.tail()
    shim.fail_writes(0)
    trial.run()
    trial.await_progress("failing writes", WORKER_KILL_S)
    trial.verdict()


@long_only
def test_writes_that_take_only_half_of_what_they_are_given(lab: Lab):
    trial = Trial(lab).create()
    shim = Shim(lab.folder, failing=lab.state_dir)
    shim.fail_writes(errno.EIO, HALVES)
    trial.feed(15_000)
    trial.run(**shim.environment)
    trial.await_progress("short writes", 20)
    trial.pause()
    assert shim.failed_calls > 0
    trial.count("short writes", shim.failed_calls)
    trial.judge_restarts()
    trial.run()
    trial.verdict()
