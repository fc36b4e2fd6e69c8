"""Repeats of conversion events in the input: each event is sent once, over kills, restarts and lost state, and none is lost."""
import json
import random
import shutil
import time

import pytest
from harness.broker import free_port
from harness.lab import SCALE, Lab
from harness.process import command
from harness.savepoints import create, restore
from harness.snap import Snap
from harness.waiting import wait_until

TOKEN = "canary-c41a70-token"
PARTITIONS = 3
PARTS = 6
DAY_MS = 86_400_000


def pipeline_of(lab: Lab, snap: Snap, name: str = "", topic: str = "", **more: object) -> dict:
    """Of the event only the address says which record it was made of."""
    return {"name": name or lab.name,
            "kafka": {"bootstrap.servers": lab.broker.bootstrap, "session.timeout.ms": "6000"},
            "dead_letter": {"topic": f"{lab.name}-dead"},
            "source": {"topic": topic or f"{lab.name}-in", "timestamp": "at",
                       "schema": {"id": "string", "order": "string", "mail": "string", "url": "string", "at": "timestamp[ms]"}},
            "sinks": [{"snapchat.conversions": {
                "pixel_id": "pixel-1", "access_token": TOKEN, "url": snap.url, "event_id": "id",
                "map": {"event_name": "'PURCHASE'", "em": "mail", "event_source_url": "url", "order_id": "order", "value": "'1'",
                        "currency": "'EUR'"},
                "late": {"topic": f"{lab.name}-late"}, "batch": {"events": 200, "linger": "100ms"}, "rate": 1000}}]} | more


class Shop:
    """Its events: `copies` says of which ids and orders they were. An id and an order are always in the same partition."""

    def __init__(self, lab: Lab, topic: str = "", partitions: int = PARTITIONS):
        self.topic, self.partitions = topic or f"{lab.name}-in", partitions
        self.feeder = lab.topics.producer()
        self.begin_ms = int(time.time() * 1000) - 3_600_000
        self.sent = 0

    def send(self, number: int, order: int | None = None, kind: str = "good", age_ms: int = 0) -> str:
        """Returns its address, which is another each time."""
        url = f"https://shop/{kind}/{self.sent}"
        value = {"id": f"e{number}", "order": None if order is None else f"o{order}", "mail": f"u{number % 50}@example.com",
                 "url": url, "at": self.begin_ms + self.sent - age_ms}
        self.feeder.send(self.topic, f"e{number}".encode(), json.dumps(value).encode(), partition=number % self.partitions)
        self.sent += 1
        return url


def refuses(event: dict) -> bool:
    return "/bad/" in event["event_source_url"]


def taken_urls(snap: Snap) -> set[str]:
    return {event["event_source_url"] for events in dict(snap.taken).values() for event in events}


def read_to_end(lab: Lab, file) -> None:
    lab.run_to_end(file, f"{lab.name}-in", seconds=120)


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
def test_each_event_is_sent_once_over_kills_and_lost_state(lab: Lab, guarantee: str):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lab.create_input(PARTITIONS)
    shop, firsts, refused = Shop(lab), set(), []
    count = 200 * SCALE
    with Snap(TOKEN, refuses, seed) as snap:
        snap.failing = 0.1
        file = lab.write(pipeline_of(lab, snap, guarantee=guarantee))
        for part in range(PARTS):
            known = range(part * count, (part + 1) * count)
            for number in known:
                if number % 20 == 7:
                    shop.send(number, kind="bad")
                    refused.append(number)
                    continue
                firsts.add(shop.send(number, order=number))
                again = chance.randrange(number + 1)
                if again % 20 == 7:
                    continue
                if chance.random() < 0.5:
                    shop.send(again, order=chance.choice([None, again]))
                else:  # the same order under another id, in the same partition
                    shop.send(30_000_000 + PARTITIONS * shop.sent + again % PARTITIONS, order=again)
            shop.feeder.flush()
            if part == PARTS - 1:
                break
            process = lab.run(file)
            enough = len(taken_urls(snap)) + chance.randrange(1, count // 2)
            wait_until(lambda: len(taken_urls(snap)) >= enough or not process.running(), 60, f"{enough} were taken; {process.tail()}")
            process.kill()
            if part % 2:
                shutil.rmtree(lab.state_dir)
        read_to_end(lab, file)
        assert taken_urls(snap) == firsts
        for events in snap.taken.values():
            assert all(event == events[0] for event in events), "an event was sent again in another form"
        times = {event_id: len(events) for event_id, events in snap.taken.items()}
        assert sorted(json.loads(r.value)["id"] for r in lab.topics.read(f"{lab.name}-dead")) == sorted(f"e{n}" for n in refused)

        # All of it again, from the changelog alone; what was refused is right now.
        shutil.rmtree(lab.state_dir)
        good = [number for number in range(PARTS * count) if number not in refused]
        for number in good:
            shop.send(number, order=number)
        right = {shop.send(number, order=number) for number in refused}
        firsts.add(shop.send(90_000_000))
        shop.feeder.flush()
        process, http = lab.run_with_http(file, free_port())
        lab.await_read(f"{lab.name}-in", 120)
        wait_until(lambda: taken_urls(snap) >= firsts, 30, "the last one is taken")
        assert http.metric("millrace_step_rows_absorbed_total", step="sink-1-repeats") == len(good)
        assert http.metric("millrace_step_rows_in_total", step="sink-1") == len(right) + 1
        process.stop()
        assert taken_urls(snap) == firsts | right
        assert {event_id: len(snap.taken[event_id]) for event_id in times} == times


def test_late_events_say_which_they_are_and_why(lab: Lab):
    lab.create_input(1)
    shop = Shop(lab, partitions=1)
    with Snap(TOKEN, refuses) as snap:
        file = lab.write(pipeline_of(lab, snap))
        shop.send(1, age_ms=8 * DAY_MS)
        taken = shop.send(2)
        shop.send(3, age_ms=-3 * 3_600_000)
        taken_again = shop.send(1)
        shop.feeder.flush()
        read_to_end(lab, file)
        assert taken_urls(snap) == {taken, taken_again}, "what was late was not sent, so it is no repeat"
        late = [json.loads(record.value) for record in lab.topics.read(f"{lab.name}-late")]
        assert [(row["event_id"], row["reason"], row["late_by"] < 0) for row in late] == [("e1", "too_old", False), ("e3", "too_far_ahead", True)]
        assert [row["event_time"] for row in late] == [shop.begin_ms - 8 * DAY_MS, shop.begin_ms + 2 + 3 * 3_600_000]
        assert all("example.com" not in str(row["user_data.em"]) for row in late)


def test_a_savepoint_carries_them_only_to_as_many_partitions(lab: Lab):
    topic = lab.create_input(PARTITIONS)
    shop = Shop(lab)
    with Snap(TOKEN, refuses) as snap:
        file = lab.write(pipeline_of(lab, snap))
        firsts = {shop.send(number, order=number) for number in range(60)}
        shop.feeder.flush()
        read_to_end(lab, file)
        folder = create(lab, file)
        told = restore(lab.write(pipeline_of(lab, snap, f"{lab.name}-b")), folder)
        assert "sink-1-events" in told and "sink-1-orders" in told, told
        for number in range(60):
            shop.send(number, order=number)
        firsts.add(shop.send(60))
        shop.feeder.flush()
        process = lab.run(lab.write(pipeline_of(lab, snap, f"{lab.name}-b")), state_dir=lab.folder / "b")
        lab.topics.wait_read(f"{lab.name}-b", topic)
        process.stop()
        assert taken_urls(snap) == firsts

        other = lab.topics.create(f"{lab.name}-other", 5)
        moved = lab.write(pipeline_of(lab, snap, f"{lab.name}-c", other))
        words = ("savepoint", "restore", moved, "--from", folder, "--map", f"{topic}={other}")
        done = command(*words)
        assert done.returncode != 0
        assert "lies in the partitions of its records (3 then, 5 now)" in done.stderr and "--allow-drop" in done.stderr, done.stderr
        done = command(*words, "--allow-drop")
        assert done.returncode == 0, done.stderr
        assert "sink-1-events" in done.stdout and "sink-1-orders" in done.stdout, done.stdout


def test_reset_forgets_them(lab: Lab):
    lab.create_input(PARTITIONS)
    shop = Shop(lab)
    with Snap(TOKEN, refuses) as snap:
        file = lab.write(pipeline_of(lab, snap))
        firsts = {shop.send(number, order=number) for number in range(30)}
        shop.feeder.flush()
        read_to_end(lab, file)
        changelogs = {f"{lab.name}-sink-1-events-changelog", f"{lab.name}-sink-1-orders-changelog"}
        assert changelogs <= lab.topics.names()
        done = command("reset", file, "--yes", "--state-dir", lab.state_dir)
        assert done.returncode == 0, done.stderr
        assert all(name in done.stdout for name in changelogs), done.stdout
        wait_until(lambda: not changelogs & lab.topics.names(), 30, "the changelogs are gone")
        read_to_end(lab, file)
        assert taken_urls(snap) == firsts
        assert all(len(events) == 2 for events in snap.taken.values())


def switch(lab: Lab, pipeline: dict, to: str):
    pipeline["sinks"][0]["snapchat.conversions"]["deduplicate"] = {"off": "off", "on": {"event_id": "48h"}}[to]
    return lab.write(pipeline)


def send_all(shop: Shop, count: int) -> set[str]:
    urls = {shop.send(number, order=number) for number in range(count)}
    shop.feeder.flush()
    return urls


def test_switching_it_off_beside_other_state_needs_a_reset_of_its_steps(lab: Lab):
    lab.create_input(1)
    shop = Shop(lab, partitions=1)
    with Snap(TOKEN, refuses) as snap:
        pipeline = pipeline_of(lab, snap, steps=[{"deduplicate": {"by": ["url"], "within": "1h"}}])
        sent = send_all(shop, 30)
        read_to_end(lab, switch(lab, pipeline, "on"))
        changelogs = {f"{lab.name}-sink-1-events-changelog", f"{lab.name}-sink-1-orders-changelog"}
        assert changelogs <= lab.topics.names()

        off = switch(lab, pipeline, "off")
        refused = lab.run(off)
        assert refused.wait_exit(60) != 0
        assert "step 'sink-1-events' has state but is not in the pipeline any more" in refused.log(), refused.tail()
        for step in ("sink-1-events", "sink-1-orders"):
            done = command("reset", off, "--step", step, "--yes", "--state-dir", lab.state_dir)
            assert done.returncode == 0, done.stderr
        wait_until(lambda: not changelogs & lab.topics.names(), 30, "the changelogs are gone")
        sent |= send_all(shop, 30)
        read_to_end(lab, off)
        assert taken_urls(snap) == sent, "what was read is not read again, and what repeats it is sent"

        sent |= send_all(shop, 30)
        read_to_end(lab, switch(lab, pipeline, "on"))
        assert taken_urls(snap) == sent, "nothing is remembered of what was sent before"
        send_all(shop, 30)
        read_to_end(lab, lab.write(pipeline))
        assert taken_urls(snap) == sent
        assert changelogs <= lab.topics.names()


def test_what_is_remembered_waits_while_it_is_off_where_no_other_step_has_state(lab: Lab):
    lab.create_input(1)
    shop = Shop(lab, partitions=1)
    with Snap(TOKEN, refuses) as snap:
        pipeline = pipeline_of(lab, snap)
        sent = send_all(shop, 30)
        read_to_end(lab, switch(lab, pipeline, "on"))
        sent |= send_all(shop, 40)
        read_to_end(lab, switch(lab, pipeline, "off"))
        assert taken_urls(snap) == sent
        for number in range(40):
            url = shop.send(number, order=number)
            if number >= 30:  # was sent while it was off
                sent.add(url)
        shop.feeder.flush()
        read_to_end(lab, switch(lab, pipeline, "on"))
        assert taken_urls(snap) == sent
