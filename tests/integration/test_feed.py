"""Sources that are not Kafka: over kills, storms and takeovers their table is what the service says, and no secret is shown."""
import datetime
import hashlib
import json
import pathlib
import random
import threading

from harness.broker import free_port
from harness.feeds import UTC, ZONES, lead, leads_of, mismatches, pipeline_of, post, stats_of, table_of
from harness.lab import SCALE, Lab
from harness.process import Http, Millrace, command
from harness.snap_marketing import SnapMarketing
from harness.waiting import wait_until

DAYS = 40


def test_statistics_are_whole_and_as_they_were_last_restated_over_kills_and_storms(lab: Lab):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    since = datetime.datetime.now(UTC) - datetime.timedelta(days=DAYS)
    with SnapMarketing(ZONES | {"a4": "Europe/Berlin"}, seed=seed) as snap:
        snap.forbidden = {"a4"}
        snap.failing = 0.1
        file = lab.write(stats_of(lab, snap, since))
        for _ in range(6 * SCALE):
            process = lab.run(file)
            at = len(snap.slices) + chance.randrange(1, 12)
            wait_until(lambda: len(snap.slices) >= at or not process.running(), 60, f"{at} slices were asked for; {process.tail()}")
            process.assert_running()
            process.kill()
            snap.restate()
            snap.end_tokens()
        process = lab.run(file)
        snap.failing = 0.0
        until = datetime.datetime.now(UTC)
        wait_until(lambda: not mismatches(lab, snap, since, until), 60, "the table is what Snap says", every=1)
        snap.restate()  # with nobody killed
        wait_until(lambda: not mismatches(lab, snap, since, until), 60, "the table follows", every=1)
        process.stop()
        assert not snap.wrong, snap.wrong[:3]
        # Nothing that is final is asked for when a round begins anew.
        snap.slices.clear()
        process = lab.run(file)
        wait_until(lambda: len(snap.slices) >= 6, 30, "two rounds")
        process.stop()
        oldest = min(datetime.datetime.fromisoformat(start) for _, start, _ in snap.slices)
        assert oldest > datetime.datetime.now(UTC) - datetime.timedelta(days=4), oldest
        shown = process.log() + repr([lab.topics.read(topic) for topic in lab.topics.names() if topic.startswith(lab.name)])
        assert "canary" not in shown


def test_leads_that_were_answered_come_once_over_kills(lab: Lab):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    port = free_port()
    file = lab.write(leads_of(lab, port))
    process = lab.run(file)
    wait_until(lambda: post(port, {}, "another") == 401, 30, "it listens", every=0.1)
    for number in range(120 * SCALE):
        value = lead(number)
        assert post(port, value, "another") == 401
        if chance.random() < 0.05:
            # Whether this one was written before the kill nobody knows, so it is sent again.
            request = threading.Thread(target=post, args=(port, value))
            request.start()
            process.kill()
            request.join()
            process = lab.run(file)
        for _ in range(chance.choice((1, 1, 1, 2))):  # some are sent again though they were answered
            wait_until(lambda: post(port, value) == 200, 60, "the lead is taken", every=0.1)
    wait_until(lambda: len(lab.topics.read(f"{lab.name}-out")) >= 120 * SCALE, 60, "all leads came out", every=0.5)
    process.stop()
    rows = [json.loads(record.value) for record in lab.topics.read(f"{lab.name}-out")]
    assert sorted(row["lead_id"] for row in rows) == sorted(f"lead-{i}" for i in range(120 * SCALE))
    assert rows[0]["email"] == hashlib.sha256(f"mail-canary-{rows[0]['lead_id'][5:]}@example.com".encode()).hexdigest()
    shown = repr([lab.topics.read(topic) for topic in lab.topics.names() if topic.startswith(lab.name)])
    for process in lab.processes:
        shown += process.log()
    assert "canary" not in shown.lower()


def node_of(lab: Lab, file: pathlib.Path, number: int) -> tuple[Millrace, Http]:
    port = free_port()
    return lab.run(file, "--http", f"127.0.0.1:{port}", state_dir=lab.folder / f"state-{number}"), Http(port)


def test_another_process_takes_the_source_over_and_a_reset_begins_anew(lab: Lab):
    since = datetime.datetime.now(UTC) - datetime.timedelta(days=3)
    with SnapMarketing(ZONES) as snap:
        file = lab.write(stats_of(lab, snap, since))
        nodes = [node_of(lab, file, 0)]
        until = datetime.datetime.now(UTC)
        wait_until(lambda: not mismatches(lab, snap, since, until), 60, "the first one brought everything", every=1)
        nodes.append(node_of(lab, file, 1))

        def running() -> list[int]:
            return [i for i, (_, http) in enumerate(nodes) if http.metric("millrace_feed_running") == 1]
        wait_until(lambda: all(http.get("/readyz")[0] == 200 for _, http in nodes), 30, "both are ready", every=0.2)
        wait_until(lambda: len(running()) == 1, 30, "one of them runs the source", every=0.2)
        runs = running()[0]
        nodes[runs][0].kill()
        snap.restate()
        wait_until(lambda: running() == [1 - runs], 60, "the other one runs it", every=0.2)
        wait_until(lambda: not mismatches(lab, snap, since, until), 60, "the other one went on", every=1)
        nodes[1 - runs][0].stop()
        done = command("reset", file, "--yes", "--state-dir", lab.folder / f"state-{1 - runs}")
        assert done.returncode == 0, done.stderr
        gone = {f"{lab.name}-snap-feed", f"{lab.name}-snap-position"}
        wait_until(lambda: not gone & lab.topics.names(), 30, f"the topics of the feed are gone: {done.stdout}")
        snap.slices.clear()
        third = lab.run(file, state_dir=lab.folder / "state-3")
        wait_until(lambda: len(snap.slices) >= 3, 30, "it is read again")
        third.stop()
        assert min(start for _, start, _ in snap.slices)[:10] <= since.isoformat()[:10]


def test_entities_are_a_table_of_what_there_is(lab: Lab):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with SnapMarketing(ZONES, seed=seed) as snap:
        snap.failing = 0.05
        file = lab.write(pipeline_of(lab, snap, {"snapchat.entities": {
            "entities": ["ad_accounts", "campaigns"], "every": "1s"}}))

        def differs() -> list[str]:
            want = {f"ad_account/{account}": account for account in snap.zones}
            for campaigns in snap.campaigns.values():
                want |= {f"campaign/{key}": f"{1_500_000 + c.version}"[:1] + f".{500_000 + c.version:06}" for key, c in campaigns.items()}
            found = {key: row["daily_budget"] or row["id"] for key, row in table_of(lab, f"{lab.name}-out").items()}
            return sorted(set(want.items()) ^ set(found.items()))
        for _ in range(4):
            process = lab.run(file)
            at = snap.requests + chance.randrange(3, 30)
            wait_until(lambda: snap.requests >= at, 60, f"{at} requests; {process.tail()}")
            process.kill()
            account = chance.choice(sorted(snap.campaigns))
            snap.campaigns[account].pop(sorted(snap.campaigns[account])[0])
            new = f"{account}-n{chance.randrange(1 << 20)}"
            snap.campaigns[account] = dict(snap.campaigns[account]) | {new: type(next(iter(snap.campaigns["a1"].values())))("new", 3)}
            for campaign in snap.campaigns["a2"].values():
                campaign.version += 1
        process = lab.run(file)
        snap.failing = 0.0
        wait_until(lambda: not differs(), 60, "the table is what there is", every=1)
        for change in ("a change", "a change, one of both without a new date,"):
            for campaign in snap.campaigns["a2"].values():
                campaign.version += 1
            wait_until(lambda: not differs(), 60, f"{change} is in the table", every=1)
        process.stop()
        keys = [record.key for record in lab.topics.read(f"{lab.name}-snap-feed")]
        assert len(keys) < 60, "what did not change came again"
