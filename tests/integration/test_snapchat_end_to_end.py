"""Conversion events from Kafka to the stand-in of Snap over TLS, under exactly_once: kills, storms, and events that are refused."""
import json
import random
import time

from harness.lab import LONG, Lab
from harness.process import Millrace
from harness.stand_in import StandIn
from harness.waiting import wait_until

TOKEN = "canary-71ce02-token"
COUNT = 200_000 if LONG else 4_000
PARTITIONS = 3
KILLS = 6
DAY_MS = 86_400_000


def is_invalid(seq: int) -> bool:
    """Not sent: it has no name that Snap knows."""
    return seq % 40 == 27


def is_refused(seq: int) -> bool:
    """By Snap alone: the pipeline lets through what is 3 days ahead of the clock, Snap what is one day ahead."""
    return seq % 40 == 7


def pipeline_of(lab: Lab, snap: StandIn) -> dict:
    return {"name": lab.name,
            "kafka": {"bootstrap.servers": lab.broker.bootstrap, "session.timeout.ms": "6000"},
            "workers": 2,
            "dead_letter": {"topic": f"{lab.name}-dead"},
            "source": {"topic": f"{lab.name}-in", "schema": {"seq": "int64", "name": "string", "mail": "string", "at": "timestamp[ms]"}},
            "sinks": [{"snapchat.conversions": {
                "pixel_id": "pixel-1", "access_token": TOKEN, "url": snap.url, "ca_file": snap.facts["certificate"],
                "map": {"event_name": "name", "em": "mail", "event_time": "at", "event_source_url": "'https://shop.example/'"},
                "max_event_ahead": "3d", "batch": {"events": 500, "linger": "100ms"}, "rate": 1000}}]}


def feed(lab: Lab) -> None:
    feeder = lab.topics.producer()
    now_ms = int(time.time() * 1000)
    for seq in range(COUNT):
        value = {"seq": seq, "name": "CATCH_FISH" if is_invalid(seq) else "SIGN_UP", "mail": f"u{seq % 500}@example.com",
                 "at": now_ms - seq % 1000 * 1000 + (2 * DAY_MS if is_refused(seq) else 0)}
        feeder.send(f"{lab.name}-in", str(seq % 500).encode(), json.dumps(value).encode(), partition=seq % PARTITIONS)
    feeder.flush()


def read_input(lab: Lab) -> dict[str, int]:
    """event_id, which is where the record lies, to seq."""
    return {f"{lab.name}-in-{record.partition}-{record.offset}": json.loads(record.value)["seq"]
            for record in lab.topics.read(f"{lab.name}-in")}


def taken_ids(snap: StandIn) -> set[str]:
    return {event["event_id"] for event in snap.own(f"/_received?limit={2 * COUNT}&bodies=false")["events"]}


def assert_nothing_committed_is_missing(lab: Lab, snap: StandIn, seqs: dict[str, int]) -> None:
    taken = taken_ids(snap)
    for partition, end in lab.topics.committed(lab.name, f"{lab.name}-in").items():
        for offset in range(max(end, 0)):
            event_id = f"{lab.name}-in-{partition}-{offset}"
            seq = seqs[event_id]
            assert event_id in taken or is_invalid(seq) or is_refused(seq), f"{event_id} is committed and was not taken"


def test_conversions_over_tls(lab: Lab):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lab.create_input(PARTITIONS)
    feed(lab)
    seqs = read_input(lab)
    good = {event_id for event_id, seq in seqs.items() if not is_invalid(seq) and not is_refused(seq)}
    words = ["snap-server", "--listen", "127.0.0.1:0", "--tls", "--certificate-dir", str(lab.folder / "tls"), "--rate", "0",
             "--token", TOKEN, "--keep", str(2 * COUNT), "--seed", str(seed)]
    with Millrace(words, lab.folder / "snap.log") as server:
        snap = StandIn(server)
        file = lab.write(pipeline_of(lab, snap))
        for kill in range(KILLS):
            snap.set_faults(http_429=0.2 if kill % 2 else 0.05, http_503=0.05, cut=0.05)
            enough = snap.accepted() + chance.randrange(1, min(8_000, len(good) // (KILLS + 2)))
            process = lab.run(file)
            wait_until(lambda: snap.accepted() >= enough or not process.running(), 300, f"{enough} events are accepted")
            process.kill()
            assert_nothing_committed_is_missing(lab, snap, seqs)
        snap.set_faults(http_429=0, http_503=0, cut=0)
        process = lab.run_to_end(file, f"{lab.name}-in", seconds=600 if LONG else 60)
        received = snap.own(f"/_received?limit={2 * COUNT}&bodies=false")
        assert {event["event_id"] for event in received["events"]} == good
        assert all(event["identical"] and event["counted"] == 1 for event in received["events"])
        assert received["totals"]["repeated"] > 0, "no kill came between an answer and its commit"
        assert received["totals"]["repeated_with_another_body"] == 0
        dead = sorted(json.loads(record.value)["seq"] for record in lab.topics.read(f"{lab.name}-dead"))
        assert dead == [seq for seq in range(COUNT) if is_invalid(seq) or is_refused(seq)]
        assert not any(TOKEN in started.log() for started in lab.processes)
