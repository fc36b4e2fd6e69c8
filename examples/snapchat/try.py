#!/usr/bin/env python3
"""Runs one of these examples against a broker and, where it needs one, a stand-in of Snap of its own, and shows what came of it.

usage: examples/snapchat/try.py conversions | audience | stats | profile | leads | story_expiry | sessions | streaks

Nothing has to be installed but Millrace itself (./dev build), and nothing reaches Snap.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
MILLRACE = os.environ.get("MILLRACE", HERE.parent.parent / "build" / "release" / "millrace")
SECRET = "leads-secret"
DEADLINE_S = 60
DAY_S = 86_400


class Place:
    """A folder, a broker and a stand-in of Snap that end with the `with` block. `snap_words` None: without the last."""

    def __init__(self, topics: list[str], snap_words: list[str] | None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-snapchat-"))
        self.processes: list[subprocess.Popen] = []
        words = [word for topic in topics for word in ("-t", topic)]
        self.kafka = re.search(r"[\w.]+:\d+", self.start("broker", "broker", *words))[0]
        self.snap = ""
        if snap_words is not None:
            self.snap = self.start("snap", "snap-server", "--listen", "127.0.0.1:0", *snap_words)

    def start(self, name: str, *words: object, environment: dict[str, str] | None = None) -> str:
        """Starts a command and waits for its first line."""
        log = self.folder / f"{name}.log"
        with open(log, "w") as out:
            self.processes.append(subprocess.Popen([MILLRACE, *map(str, words)], stdout=out, stderr=out,
                                                   env=os.environ | (environment or {})))
        self.wait_for(lambda: log.read_text().count("\n") > 0, f"{name} starts; see {log}")
        return log.read_text().splitlines()[0].strip()

    def run(self, example: str, **settings: str) -> None:
        environment = {"KAFKA": self.kafka, "SNAP_URL": self.snap, "SNAP_TOKEN_URL": f"{self.snap}/login/oauth2/access_token",
                       "GUARANTEE": "at_least_once", **settings}
        self.start(example, "run", HERE / f"{example}.yaml", "--state-dir", self.folder / "state", environment=environment)

    def write(self, topic: str, rows: list[dict], key: str) -> None:
        lines = "".join(f"{row[key]}\t{json.dumps(row)}\n" for row in rows)
        subprocess.run([MILLRACE, "topic", "write", topic, "--broker", self.kafka, "--key-separator", "\t"], input=lines,
                       text=True, check=True, stdout=subprocess.DEVNULL)

    def read(self, topic: str) -> list[tuple[str, dict | None]]:
        """Keys and values; None where there is no value."""
        done = subprocess.run([MILLRACE, "topic", "read", topic, "--broker", self.kafka, "--json"], capture_output=True, text=True)
        records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return [(record["key"], json.loads(record["value"]) if record["value"] is not None else None) for record in records]

    def received(self) -> dict:
        with urllib.request.urlopen(f"{self.snap}/_received?limit=5") as answer:
            return json.load(answer)

    def wait_for(self, condition, what: str) -> None:
        until = time.monotonic() + DEADLINE_S
        while not condition():
            dead = [process for process in self.processes if process.poll() is not None]
            if dead or time.monotonic() > until:
                sys.exit(f"in vain waited: {what}; the logs are in {self.folder}")
            time.sleep(0.1)

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait()
        if kind is None:
            shutil.rmtree(self.folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def conversions() -> None:
    topics = ["orders:1", "shop_events_dead:1", "shop_events_late:1", "shop-events-sink-1-events-changelog:1",
              "shop-events-sink-1-orders-changelog:1"]
    with Place(topics, []) as place:
        now = int(time.time() * 1000)
        row = {"page": "https://shop.example/", "currency": "EUR", "tracking": True}
        rows = [row | {"at": now - i * 1000, "order": f"a{i}", "email": f"u{i}@example.com", "total": f"{i}.50"} for i in range(1000)]
        place.write("orders", rows, "order")
        place.run("conversions")
        place.wait_for(lambda: place.received()["totals"]["accepted"] == len(rows), "the events arrive")
        print(f"{len(rows)} orders, {place.received()['totals']['accepted']} events. The last one:")
        print(json.dumps(place.received()["events"][0]["body"], indent=2))


def audience() -> None:
    with Place(["purchases:1", "vip_members_dead:1", "vip-members-running-1-changelog:1", "vip-members-changes-1-changelog:1"], []) as place:
        account = re.search(r"ad account +(\S+)", (place.folder / "snap.log").read_text())[1]
        place.write("purchases", [{"email": f"u{i % 100}@example.com", "spent": i} for i in range(1000)], "email")
        place.run("audience", SNAP_AD_ACCOUNT=account)

        def users() -> int:
            return sum(sum(segment["counts"].values()) for segment in place.received()["segments"].values())
        place.wait_for(lambda: users() == 100, "the segment gets its users")
        print(f"100 customers, {users()} members of the segment vip")


def stats() -> None:
    since = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 10 * 86_400))
    with Place(["ad-stats-stats-feed:1", "ad-stats-stats-position:1", "ad-stats-latest-1-changelog:1"], []) as place:
        files = place.folder / "parquet"
        place.run("stats", SINCE=since, OUT=str(files), ROLL="2s")
        place.wait_for(lambda: any(files.rglob("*.parquet")), "a file is there")
        print("Parquet files with statistics since", since)
        for file in sorted(files.rglob("*.parquet"))[:5]:
            print(f"  {file.relative_to(files)}  {file.stat().st_size} bytes")


def profile() -> None:
    topics = ["shown_stories:1", "shown-stories-profiles-feed:1", "shown-stories-profiles-position:1",
              "shown-stories-expire-1-changelog:1", "shown-stories-latest-1-changelog:1"]
    with Place(topics, []) as place:
        place.run("profile")

        def read() -> list[str]:
            done = subprocess.run([MILLRACE, "topic", "read", "shown_stories", "--broker", place.kafka], capture_output=True, text=True)
            return [line for line in done.stdout.splitlines() if line.startswith("{")]
        place.wait_for(lambda: len(read()) >= 8, "the stories arrive")
        print(f"{len(read())} stories can be seen now, each for 24 hours:")
        print("\n".join(read()[:3]))


def leads() -> None:
    port = free_port()
    webhook = f"http://127.0.0.1:{port}/leads"
    words = ["--webhook", webhook, "--webhook-secret", SECRET]
    with Place(["leads-forms-feed:1", "leads-forms-once-changelog:1", "leads_of_all_forms:1"], words) as place:
        place.run("leads", LISTEN=f"127.0.0.1:{port}", LEADS_SECRET=SECRET)
        request = urllib.request.Request(f"{place.snap}/_leads?count=20", data=b"", method="POST")
        urllib.request.urlopen(request).close()

        def read() -> list[str]:
            done = subprocess.run([MILLRACE, "topic", "read", "leads_of_all_forms", "--broker", place.kafka], capture_output=True, text=True)
            return done.stdout.splitlines()
        place.wait_for(lambda: len(read()) >= 20, "the leads arrive")
        print(f"{place.received()['leads']['sent']} leads were sent, some of them twice; {len(read())} are in the topic:")
        print("\n".join(read()[:3]))


def text_of(time_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def story_expiry() -> None:
    topics = ["stories:1", "live_stories:1", "stories_too_late:1", "live-stories-expire-1-changelog:1", "live-stories-latest-1-changelog:1"]
    with Place(topics, None) as place:
        then = time.time()
        place.write("stories", [{"story": "beach", "user": "ana", "posted_at": text_of(then - DAY_S + 300)},
                                {"story": "dog", "user": "ben", "posted_at": text_of(then - 60)},
                                {"story": "snap", "user": "ana", "posted_at": text_of(then), "expires_at": text_of(then + 240)}], "story")
        place.run("story_expiry")
        place.wait_for(lambda: len(place.read("live_stories")) >= 3, "the stories arrive")
        # Six minutes later: the first is 24 hours old, the third has said when it ends, and ana posts the first anew by mistake.
        place.write("stories", [{"story": "cat", "user": "ben", "posted_at": text_of(then + 360)},
                                {"story": "beach", "user": "ana", "posted_at": text_of(then - DAY_S + 300)}], "story")
        place.wait_for(lambda: len(place.read("live_stories")) >= 6 and place.read("stories_too_late"), "two stories end")
        records = place.read("live_stories")
        for key, value in records:
            print(f"{key:6}", "is gone" if value is None else f"by {value['user']} can be seen, since {value['posted_at']}")
        live = {key for key, value in dict(records).items() if value is not None}
        print(f"{len(live)} of {len(dict(records))} stories can be seen: {', '.join(sorted(live))}")
        print(f"{len(place.read('stories_too_late'))} came when it was over, and stays gone")


def sessions() -> None:
    topics = ["app_events:1", "user_sessions:1", "app_events_too_late:1", "user-sessions-window-1-changelog:1"]
    with Place(topics, None) as place:
        then = time.time() - 4 * 3600
        what = [("ana", 0, "open"), ("ana", 40, "chat"), ("ana", 20, "snap"), ("ben", 60, "open"), ("ben", 180, "open")]
        place.write("app_events", [{"user": user, "at": text_of(then + 60 * minute), "event": event} for user, minute, event in what], "user")
        place.run("sessions")
        place.wait_for(lambda: len(place.read("user_sessions")) >= 2, "two sessions end")
        rows = [row for _, row in place.read("user_sessions")]
        for row in rows:
            print(f"{row['user']}: {row['began']} to {row['ends']}, {row['events']} events, from {row['entry']} to {row['exit']}")
        of_ana = sum(row["user"] == "ana" for row in rows)
        print(f"Two events of ana's are 40 minutes apart; the one between them came last: {of_ana} session")


def streaks() -> None:
    topics = ["snaps:1", "streaks_ended:1", "streaks-window-1-repartition:1", "streaks-window-1-changelog:1"]
    with Place(topics, None) as place:
        then = (time.time() // DAY_S - 9.5) * DAY_S
        sent = [("ana", "ben", 0), ("ben", "ana", 23.9), ("cem", "ana", 24), ("ana", "ben", 45), ("ana", "ben", 69), ("cem", "dia", 140)]
        rows = [{"snap": str(number), "sender": sender, "recipient": recipient, "sent_at": text_of(then + 3600 * hour)}
                for number, (sender, recipient, hour) in enumerate(sent)]
        place.write("snaps", rows, "snap")
        place.run("streaks")
        place.wait_for(lambda: len(place.read("streaks_ended")) >= 1, "a streak ends")
        for _, row in place.read("streaks_ended"):
            print(f"{row['friend_a']} and {row['friend_b']}: {row['snaps']} snaps on {row['days']} days, {row['began']} to {row['last_snap']}")
        print("The fourth snap of the two came 24 hours after the third: that is another streak")


if __name__ == "__main__":
    functions = (conversions, audience, stats, profile, leads, story_expiry, sessions, streaks)
    examples = {function.__name__: function for function in functions}
    if len(sys.argv) != 2 or sys.argv[1] not in examples:
        sys.exit(__doc__.strip())
    examples[sys.argv[1]]()
