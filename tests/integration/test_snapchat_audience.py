"""Members of segments from Kafka to a stand-in of Snap's Marketing API: the last action of everybody wins, and no secret is shown."""
import hashlib
import json
import pathlib
import random
import time

from harness.broker import free_port
from harness.lab import SCALE, Lab
from harness.process import command
from harness.segments import Segments
from harness.waiting import wait_until

REFRESH = "canary-refresh-token"
PARTITIONS = 3
PEOPLE = 400


def pipeline_of(lab: Lab, segments: Segments, **settings: object) -> dict:
    return {"name": lab.name,
            "kafka": {"bootstrap.servers": lab.broker.bootstrap, "session.timeout.ms": "3000", "heartbeat.interval.ms": "500",
                      "max.poll.interval.ms": "3000"},
            "dead_letter": {"topic": f"{lab.name}-dead"},
            "source": {"topic": f"{lab.name}-in", "key": "mail", "schema": {"mail": "string", "seq": "int64", "action": "string"}},
            "sinks": [{"snapchat.audience": {
                "ad_account_id": "account-1", "segment": {"name": "vip", "create": True}, "schema": "EMAIL_SHA256",
                "identifier": "mail", "action": "action",
                "oauth": {"client_id": "app-1", "client_secret": "canary-client-secret", "refresh_token": REFRESH,
                          "token_url": f"{segments.url}/token"},
                "url": segments.url, "batch": {"identifiers": 40, "linger": "100ms"}, "rate": 1000} | settings}]}


class Feed:
    """Writes actions of people and knows what has to come of them."""

    def __init__(self, lab: Lab, chance: random.Random):
        self.lab, self.chance = lab, chance
        self.seq = 0
        self.bad = 0
        self.last: dict[str, bool] = {}

    def write(self, count: int) -> None:
        feeder = self.lab.topics.producer()
        for _ in range(count):
            person = self.chance.randrange(PEOPLE)
            mail = f"canary{person}@example.com"
            kind = self.chance.choices(("add", "remove", "tombstone", "neither"), (50, 40, 8, 2))[0]
            value = None if kind == "tombstone" else json.dumps({"mail": mail, "seq": self.seq, "action": kind}).encode()
            feeder.send(f"{self.lab.name}-in", mail.encode(), value, partition=person % PARTITIONS)
            self.seq += 1
            if kind == "neither":
                self.bad += 1
            else:
                self.last[mail] = kind == "add"
        feeder.flush()

    def members(self) -> set[str]:
        return {hashlib.sha256(mail.encode()).hexdigest() for mail, added in self.last.items() if added}


def dead_letters(lab: Lab) -> int:
    """By offset of their record: a letter that was written twice is one."""
    return len({tuple(sorted((name, value) for name, value in record.headers if "errors.offset" in name or "errors.partition" in name))
                for record in lab.topics.read(f"{lab.name}-dead")})


def test_the_last_action_of_everybody_wins_over_kills_storms_and_expired_tokens(lab: Lab):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lab.create_input(PARTITIONS)
    count = 3_000 * SCALE
    with Segments(REFRESH, seed) as segments:
        segments.add_segment("another")
        segments.failing = 0.1
        segments.token_life = 3.0
        file = lab.write(pipeline_of(lab, segments))
        feed = Feed(lab, chance)
        for part in range(6):
            feed.write(count // 6)
            process = lab.run(file)
            if part == 5:
                break
            at = len(segments.uploads) + chance.randrange(1, 6)
            wait_until(lambda: len(segments.uploads) >= at or not process.running(), 60, f"{at} uploads; {process.tail()}")
            if part % 2:
                segments.expire()
            process.kill()
        granted = len(segments.tokens)
        wait_until(lambda: len(segments.tokens) > granted + 1 or feed.write(5), 60, "a token expires in mid-run", every=0.2)
        lab.await_read(f"{lab.name}-in", 120)
        process.stop()
        assert segments.members_of("vip") == feed.members()
        assert [segment["name"] for segment in segments.segments] == ["another", "vip"], "it was created once"
        assert not segments.members_of("another")
        assert dead_letters(lab) == feed.bad
        assert max(count for _, _, count in segments.uploads) <= 40


def test_two_processes_that_start_at_once_use_one_segment(lab: Lab):
    lab.create_input(PARTITIONS)
    with Segments(REFRESH) as segments:
        feed = Feed(lab, random.Random(7))
        feed.write(600)
        file = lab.write(pipeline_of(lab, segments))
        processes = [lab.run(file, state_dir=lab.folder / f"state-{i}") for i in range(2)]
        lab.await_read(f"{lab.name}-in")
        feed.write(600)
        lab.await_read(f"{lab.name}-in")
        for process in processes:
            process.stop()
        used = [name for name, members in segments.members.items() if members]
        assert len(used) == 1, segments.segments
        assert segments.members_of("vip") == feed.members()


def test_a_token_server_that_is_away_stops_nobody_from_being_a_member_of_the_group(lab: Lab):
    lab.create_input(PARTITIONS)
    with Segments(REFRESH) as segments:
        feed = Feed(lab, random.Random(11))
        feed.write(300)
        segments.failing = 1
        process = lab.run(lab.write(pipeline_of(lab, segments)))
        process.wait_log("there is no access token yet; asking again")
        begin = time.monotonic()
        wait_until(lambda: time.monotonic() - begin > 5, 10, "more than max.poll.interval.ms passes", every=0.2)
        process.assert_running()
        assert "partitions lost" not in process.log() and "partitions revoked" not in process.log(), process.tail()
        segments.failing = 0
        lab.await_read(f"{lab.name}-in", 60)
        process.stop()
        assert segments.members_of("vip") == feed.members()


def test_a_refresh_token_that_is_refused_pauses_the_sink_and_no_secret_is_shown(lab: Lab):
    lab.create_input(PARTITIONS)
    with Segments("another") as segments:
        feed = Feed(lab, random.Random(13))
        feed.write(200)
        file = lab.write(pipeline_of(lab, segments))
        process, http = lab.run_with_http(file, free_port())
        process.wait_log("a service does not let us in")
        assert "check client_id, client_secret and refresh_token" in process.log()
        wait_until(lambda: http.metric("millrace_delivery_paused") > 0, 10, "the pause is counted")
        shown = [http.get(path)[1] for path in ("/metrics", "/readyz", "/healthz", "/state")]
        process.kill()
        assert not segments.uploads
        assert dead_letters(lab) == 0, "a flood of dead letters"

        segments.refresh_token = REFRESH
        process = lab.run_to_end(file, f"{lab.name}-in")
        assert segments.members_of("vip") == feed.members()
        shown += [process.log()]
        for words in (["explain", file], ["explain", "--json", file], ["graph", file], ["graph", "--format", "json", file],
                      ["lint", file]):
            done = command(*words)
            assert done.returncode == 0, done.stderr
            shown += [done.stdout, done.stderr]
        shown += [path.read_text(errors="replace") for path in pathlib.Path(lab.folder).rglob("*") if path.is_file() and path != file]
        shown += [repr(record.headers) for record in lab.topics.read(f"{lab.name}-dead")]
        for text in shown:
            assert "canary" not in text, text[max(0, text.find("canary") - 300):][:600]


def test_a_segment_that_does_not_exist_is_said(lab: Lab):
    lab.create_input(PARTITIONS)
    with Segments(REFRESH) as segments:
        Feed(lab, random.Random(17)).write(10)
        process = lab.run(lab.write(pipeline_of(lab, segments, segment="no-such-segment")))
        process.wait_log("a service does not let us in")
        assert "check the url and the ids of the ad account and the segment" in process.log()
        process.kill()
        process = lab.run(lab.write(pipeline_of(lab, segments, segment={"name": "vpi"})))
        wait_until(lambda: not process.running(), 60, "it ends")
        assert "has no segment 'vpi'" in process.log()
