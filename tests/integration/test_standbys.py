"""`standbys: 1`: each machine follows the changelogs of the other's tasks, and takes them over with little to read."""
import pytest
from harness.bids import window_pipeline, with_protocol
from harness.group import Load, Member, verdict
from harness.lab import Lab
from harness.waiting import wait_until

PARTITIONS = 6
AUCTIONS = 20_000


def restored(member: Member) -> float:
    return member.http.metric("millrace_restore_records_total")


def warm(member: Member) -> float:
    return member.http.metric("millrace_standby_tasks_warm")


def await_settled(members: list[Member]) -> None:
    """Each has its share of the tasks and, where it is not alone, warm copies of the others."""
    tasks = PARTITIONS / len(members)
    copies = 0 if len(members) == 1 else tasks
    wait_until(lambda: all(member.running() == tasks and warm(member) == copies for member in members), 60,
               f"each of {len(members)} processes runs {tasks} tasks and has {copies} warm copies: "
               f"{[(member.running(), warm(member)) for member in members]}")


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_whoever_takes_over_has_little_to_read(lab: Lab, protocol: str):
    """A machine dies and comes back, then the other one leaves: what is restored is a fraction of what there is."""
    topic = lab.create_input(PARTITIONS)
    load = Load(lab, topic, PARTITIONS, seed=71, auctions=AUCTIONS)
    load.start()
    pipeline = window_pipeline(lab.name, lab.broker.bootstrap, topic, commit_interval="100ms", standbys=1)
    pipeline = with_protocol(pipeline, protocol)
    first = Member(lab, pipeline, lab.folder / "first")
    second = Member(lab, pipeline, lab.folder / "second")
    try:
        wait_until(lambda: load.sent > 60_000, 60, "there is some state")
        await_settled([first, second])
        before = restored(second)
        first.process.kill()
        await_settled([second])
        taken_over = restored(second) - before
        first = Member(lab, pipeline, lab.folder / "first")
        await_settled([first, second])
        back = restored(first)
        second.process.stop()
        await_settled([first])
        left = restored(first) - back
        written = len(lab.topics.read(f"{lab.name}-window-1-changelog"))
        print(f"restored {taken_over:.0f} records after a death and {left:.0f} after a stop; the changelog has {written}")
        assert written > 60_000
        # Half of all state moved each time.
        assert taken_over < written / 2 / 5 and left < written / 2 / 5
        for member in (first, second):
            assert "a standby is warm" in member.process.log()
            assert "given up" not in member.process.log() and "no standby" not in member.process.log(), member.process.tail()
    finally:
        load.ends.set()
    verdict(lab, load, [first])


def test_without_anybody_else_there_is_no_copy_and_nothing_is_said(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    load = Load(lab, topic, PARTITIONS, seed=72)
    load.start()
    alone = Member(lab, window_pipeline(lab.name, lab.broker.bootstrap, topic, standbys=1))
    wait_until(lambda: load.sent > 10_000, 60, "it has worked for a while")
    await_settled([alone])
    assert "standby" not in alone.process.log()
    verdict(lab, load, [alone])
