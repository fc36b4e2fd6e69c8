"""Conversion events from Kafka to a stand-in of Snap's API: nothing lost, nothing repeated in another form, no token shown."""
import json
import pathlib
import random
import time

from harness.broker import free_port
from harness.lab import SCALE, Lab
from harness.process import Millrace, command
from harness.snap import Snap
from harness.stand_in import StandIn
from harness.waiting import wait_until

TOKEN = "canary-5f1d9c-token"
PARTITIONS = 3


def pipeline_of(lab: Lab, snap: Snap, **more: object) -> dict:
    return {"name": lab.name,
            "kafka": {"bootstrap.servers": lab.broker.bootstrap, "session.timeout.ms": "3000", "heartbeat.interval.ms": "500",
                      "max.poll.interval.ms": "3000"},
            "dead_letter": {"topic": f"{lab.name}-dead"},
            "source": {"topic": f"{lab.name}-in", "schema": {"seq": "int64", "mail": "string", "url": "string"}},
            "sinks": [{"snapchat.conversions": {
                "pixel_id": "pixel-1", "access_token": TOKEN, "url": snap.url,
                "map": {"event_name": "'PAGE_VIEW'", "em": "mail", "event_source_url": "url"},
                "batch": {"events": 500, "linger": "100ms"}, "rate": 1000}}]} | more


def is_bad(seq: int) -> bool:
    return seq % 100 == 57


def feed(lab: Lab, count: int, first: int = 0) -> None:
    feeder = lab.topics.producer()
    for seq in range(first, first + count):
        url = f"https://shop/{'bad' if is_bad(seq) else 'good'}/{seq}"
        value = {"seq": seq, "mail": f"u{seq % 50}@example.com", "url": url}
        feeder.send(f"{lab.name}-in", str(seq % 50).encode(), json.dumps(value).encode(), partition=seq % PARTITIONS)
    feeder.flush()


def refuses(event: dict) -> bool:
    return "/bad/" in event["event_source_url"]


def dead_urls(lab: Lab) -> list[str]:
    return sorted(json.loads(record.value)["url"] for record in lab.topics.read(f"{lab.name}-dead"))


def test_events_arrive_over_kills_and_storms_and_repeats_are_the_same(lab: Lab):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lab.create_input(PARTITIONS)
    count = 3_000 * SCALE
    with Snap(TOKEN, refuses, seed) as snap:
        snap.failing = 0.1
        file = lab.write(pipeline_of(lab, snap))
        for part in range(6):
            feed(lab, count // 6, first=part * (count // 6))
            process = lab.run(file)
            if part == 5:
                break
            at = len(snap.ids()) + chance.randrange(1, count // 12)
            wait_until(lambda: len(snap.ids()) >= at or not process.running(), 60, f"{at} events arrived; {process.tail()}")
            process.kill()
        lab.await_read(f"{lab.name}-in", 120)
        process.stop()
        good = {f"https://shop/good/{seq}" for seq in range(count) if not is_bad(seq)}
        assert {event["event_source_url"] for events in snap.taken.values() for event in events} == good
        assert len(snap.taken) == len(good), "an event has two ids, or two events have one"
        # Without event_time in the map it is that of the record: nothing of an event changes when it is sent again.
        assert all(event == events[0] for events in snap.taken.values() for event in events)
        assert dead_urls(lab) == sorted(f"https://shop/bad/{seq}" for seq in range(count) if is_bad(seq))
        assert snap.largest <= 500


def test_a_service_that_is_away_for_longer_than_a_member_may_is_waited_for_in_the_group(lab: Lab):
    lab.create_input(PARTITIONS)
    with Snap(TOKEN, refuses) as snap:
        feed(lab, 1_000)
        process = lab.run(lab.write(pipeline_of(lab, snap)))
        lab.await_read(f"{lab.name}-in")
        snap.failing = 1
        before = lab.topics.committed(lab.name, f"{lab.name}-in")
        feed(lab, 1_000, first=1_000)
        begin = time.monotonic()
        wait_until(lambda: time.monotonic() - begin > 7, 10, "more than max.poll.interval.ms passes", every=0.2)
        process.assert_running()
        assert lab.topics.committed(lab.name, f"{lab.name}-in") == before, "committed what nobody took"
        assert "partitions lost" not in process.log() and "partitions revoked" not in process.log(), process.tail()
        snap.failing = 0
        lab.await_read(f"{lab.name}-in", 60)
        process.stop()
        assert "partitions lost" not in process.log()
        assert len(snap.taken) == 1_980


def resident(process: Millrace) -> int:
    """Bytes."""
    status = pathlib.Path(f"/proc/{process.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) << 10


def test_what_comes_while_a_service_is_away_stays_in_kafka(lab: Lab):
    """F98. The budget bounds what is fetched and what lies in tasks; clients, stacks and what the allocator keeps come on top. What follows
    the input would be several times the bound."""
    lab.create_input(PARTITIONS)
    count, fill, budget = 60_000, "x" * 8_000, 64 << 20
    most = 2 * budget
    with Snap(TOKEN, refuses) as snap:
        feed(lab, 300)
        process = lab.run(lab.write(pipeline_of(lab, snap, memory=f"{budget >> 20}MiB")))
        lab.await_read(f"{lab.name}-in")
        snap.failing, before = 1, resident(process)
        feeder = lab.topics.producer()
        for seq in range(count):
            value = {"seq": seq, "mail": "a@example.com", "url": f"https://shop/good/{1_000 + seq}", "more": fill}
            feeder.send(f"{lab.name}-in", None, json.dumps(value).encode(), partition=seq % PARTITIONS)
        feeder.flush()
        begin = time.monotonic()
        wait_until(lambda: time.monotonic() - begin > 7, 10, "more than max.poll.interval.ms passes", every=0.2)
        grown = resident(process) - before
        print(f"{count * len(fill) >> 20} MiB came, the process grew by {grown >> 20} MiB")
        assert grown < most < count * len(fill) / 3, "memory follows the input"
        snap.failing = 0
        lab.await_read(f"{lab.name}-in", 120)
        process.stop()
        assert "partitions lost" not in process.log() and "partitions revoked" not in process.log().split("stopping")[0]
        assert len(snap.taken) == count + 297


def test_a_token_that_is_refused_pauses_the_sink_and_is_shown_nowhere(lab: Lab):
    lab.create_input(PARTITIONS)
    with Snap("another", refuses) as snap:
        feed(lab, 300)
        file = lab.write(pipeline_of(lab, snap))
        port = free_port()
        process, http = lab.run_with_http(file, port)
        process.wait_log("a service does not let us in")
        assert "renew the access token" in process.log()
        wait_until(lambda: http.metric("millrace_delivery_paused") > 0, 10, "the pause is counted")
        shown = [http.get(path)[1] for path in ("/metrics", "/readyz", "/healthz", "/state")]
        assert 'millrace_delivery_paused_by{step="sink-1",cause="token"}' in shown[0]
        assert http.get("/healthz")[0] == 200, "a restart would gain nothing"
        process.kill()
        assert not snap.taken
        assert lab.topics.ends(f"{lab.name}-dead") == {0: 0} or not dead_urls(lab), "a flood of dead letters"

        snap.token = TOKEN
        process = lab.run_to_end(file, f"{lab.name}-in")
        assert len(snap.taken) == 297
        shown += [process.log()]
        for words in (["explain", file], ["explain", "--json", file], ["graph", file], ["graph", "--format", "json", file],
                      ["lint", file]):
            done = command(*words)
            assert done.returncode == 0, done.stderr
            shown += [done.stdout, done.stderr]
        shown += [path.read_text(errors="replace") for path in pathlib.Path(lab.folder).rglob("*") if path.is_file() and path != file]
        shown += [repr(lab.topics.read(topic)) for topic in lab.topics.names() if topic.startswith(lab.name)]
        for text in shown:
            assert TOKEN not in text, text[max(0, text.find(TOKEN) - 300):][:600]


def test_what_is_only_validated_is_taken_by_nobody_and_what_is_invalid_is_a_dead_letter(lab: Lab):
    lab.create_input(PARTITIONS)
    feeder, day_ms, now_ms = lab.topics.producer(), 86_400_000, int(time.time() * 1000)
    ahead = [seq for seq in range(300) if is_bad(seq)]  # what the pipeline lets through, and Snap does not
    for seq in range(300):
        value = {"seq": seq, "at": now_ms + (2 * day_ms if seq in ahead else 0)}
        feeder.send(f"{lab.name}-in", None, json.dumps(value).encode(), partition=seq % PARTITIONS)
    feeder.flush()
    with Millrace(["snap-server", "--listen", "127.0.0.1:0", "--rate", "0", "--token", TOKEN], lab.folder / "snap.log") as server:
        snap = StandIn(server)
        sink = {"pixel_id": "pixel-1", "access_token": TOKEN, "url": snap.url, "mode": "validate", "max_event_ahead": "3d",
                "map": {"event_name": "'SIGN_UP'", "em": "'ada@example.com'", "event_time": "at", "event_source_url": "'https://shop.example/'"},
                "batch": {"linger": "100ms"}, "rate": 1000}
        source = {"topic": f"{lab.name}-in", "schema": {"seq": "int64", "at": "timestamp[ms]"}}
        file = lab.write(pipeline_of(lab, snap, source=source, sinks=[{"snapchat.conversions": sink}]))
        process = lab.run_to_end(file, f"{lab.name}-in")
        assert TOKEN not in process.log()
        received = snap.own("/_received")
        assert received["totals"]["accepted"] == 0 and received["events"] == []
        assert list(received["requests"]) == ["POST /v3/{asset}/events/validate"], "something was sent to count"
        stats = snap.own(f"/v3/pixel-1/events/validate/stats?access_token={TOKEN}")["stats"]
        assert stats["test"]["event_count_past_hour"] == 300 and stats["live"]["event_count_past_hour"] == 0
    dead = lab.topics.read(f"{lab.name}-dead")
    assert sorted(json.loads(record.value)["seq"] for record in dead) == ahead
    assert all("HTTP 400, INVALID: 517" in repr(record.headers) for record in dead)
    committed = lab.topics.committed(lab.name, f"{lab.name}-in")
    assert committed == lab.topics.ends(f"{lab.name}-in"), "what was validated is read again"
