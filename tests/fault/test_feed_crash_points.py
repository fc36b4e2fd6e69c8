"""SIGKILL at each point of the commit of a source outside Kafka: its records and its position always agree, and each record comes once."""
import collections
import datetime
import json
import os
import random

import checker
from evidence import Evidence, Exit
from expectation import Passed
from harness.broker import free_port
from harness.feeds import UTC, ZONES, first_hour, lead, leads_of, mismatches, post, stats_of
from harness.lab import LONG, Lab
from harness.snap_marketing import SnapMarketing
from harness.waiting import wait_until
from log_batches import read_log
from trial import data_dir

ROUNDS = 4 if LONG else 1
DAYS = 100 * ROUNDS  # more commits than the kills let pass: all of them hit the first reading
HOUR_MS = 3_600_000
POINTS = ["feed_positions_read", "feed_records_sent", "feed_positions_sent", "feed_offsets_sent", "feed_committed"]
LEADS = 20 * ROUNDS


def soon_taken_over(pipeline: dict) -> dict:
    pipeline["kafka"]["session.timeout.ms"] = "2000"
    return pipeline


class FeedRun:
    """A pipeline that reads statistics, and its kills."""

    def __init__(self, lab: Lab, snap: SnapMarketing, seed: int):
        self.lab, self.snap, self.seed = lab, snap, seed
        self.since = datetime.datetime.now(UTC) - datetime.timedelta(days=DAYS)
        self.file = lab.write(soon_taken_over(stats_of(lab, snap, self.since)))
        self.feed, self.position = f"{lab.name}-snap-feed", f"{lab.name}-snap-position"
        self.fired: collections.Counter[str] = collections.Counter()

    def kill_at(self, point: str, nth: int) -> None:
        self.lab.run(self.file, CRASH_AT=f"{point}:{nth}").wait_killed(60)
        self.fired[point] += 1

    def disagreements(self) -> list[str]:
        """Of each account, the hours in the feed are those that its position has behind it, while the first reading lasts."""
        hours: dict[str, set[int]] = collections.defaultdict(set)
        for record in self.lab.topics.read(self.feed):
            _, campaign, _, start = record.key.decode().split("/")
            hours[campaign].add(int(datetime.datetime.fromisoformat(start).timestamp() * 1000))
        positions = {record.key: json.loads(record.value) for record in self.lab.topics.read(self.position)}
        found = []
        for account in ZONES:
            [position] = [value for key, value in positions.items() if account.encode() in key] or [None]
            assert position is None or "next" in position, "the first reading is over: too few days"
            first = int(first_hour(account, self.since, self.snap).timestamp() * 1000)
            wanted = set(range(first, position["next"] if position else first, HOUR_MS))
            found += [f"{campaign} has {len(hours[campaign])} hours, the position says {len(wanted)}"
                      for campaign in self.snap.campaigns[account] if hours[campaign] != wanted]
        return found

    def judge(self) -> None:
        topics = self.lab.topics
        names = (self.feed, self.position)
        topics.assert_nothing_pending(*names, seconds=70)  # as long as a transaction lasts that nobody ends
        found = Evidence(
            seed=self.seed, fired=dict(self.fired), inputs=[], output=[],
            bounds={name: {p: (topics.ends(name, "read_committed")[p], end) for p, end in topics.ends(name).items()} for name in names},
            exits=[Exit(f"process {i}", "killed" if process.process.returncode == -9 else "stopped", process.process.returncode)
                   for i, process in enumerate(self.lab.processes)])
        if folder := data_dir(self.lab.broker.bootstrap):
            found.changelog_log = {0: read_log(folder, self.position, 0)}
            found.output_log = {p: read_log(folder, self.feed, p) for p in range(topics.partitions(self.feed))}
        checker.assert_holds(found, Passed())


def test_killed_in_the_commit_of_a_feed(lab: Lab):
    seed = int(os.environ.get("MILLRACE_TEST_SEED") or random.randrange(1 << 30))
    print(f"seed {seed}")
    chance = random.Random(seed)
    with SnapMarketing(ZONES, seed=seed) as snap:
        run = FeedRun(lab, snap, seed)
        for point in chance.sample(POINTS * ROUNDS, len(POINTS) * ROUNDS):
            run.kill_at(point, 1 if point == "feed_positions_read" else chance.randrange(1, 5))
            wait_until(lambda: not run.disagreements(), 10, f"after a kill at {point} (seed {seed}) records and position agree: "
                       f"{run.disagreements()[:3]}", every=0.5)
        assert len(lab.topics.read(run.feed)) > 400, "hardly anything was committed between the kills"
        process = lab.run(run.file)
        until = datetime.datetime.now(UTC)
        wait_until(lambda: not mismatches(lab, snap, run.since, until), 60, "the table is what Snap says", every=0.5)
        process.stop()
        times = collections.Counter(record.key for record in lab.topics.read(run.feed))
        twice = [key for key, count in times.items() if count > 1]
        assert not twice, f"seed {seed}: {len(twice)} records came twice, e.g. {twice[:3]}"
        assert not snap.wrong, snap.wrong[:3]
        run.judge()


def test_killed_between_the_record_of_a_lead_and_its_answer(lab: Lab):
    """Kafka has the lead and its sender does not know: it is sent again, and comes out once."""
    port = free_port()
    file = lab.write(soon_taken_over(leads_of(lab, port)))
    process = lab.run(file, CRASH_AT="feed_records_written:3")
    kills = 0
    for number in range(LEADS):
        def taken() -> bool:
            nonlocal process, kills
            if not process.running():
                process.wait_killed()
                kills += 1
                process = lab.run(file, CRASH_AT=f"feed_records_written:{3 + kills % 4}")
            return post(port, lead(number)) == 200
        wait_until(taken, 60, f"lead {number} is taken")
    if process.running():
        process.kill()
    process = lab.run(file)
    wait_until(lambda: len(lab.topics.read(lab.output())) >= LEADS, 60, "all leads came out", every=0.3)
    process.stop()
    assert kills >= 3, "hardly anything was killed"
    rows = [json.loads(record.value)["lead_id"] for record in lab.topics.read(lab.output())]
    assert sorted(rows) == sorted(f"lead-{number}" for number in range(LEADS))
    written = lab.topics.read(f"{lab.name}-source-1-feed")
    assert len(written) > LEADS, "no lead was sent again that Kafka had"
