#!/usr/bin/env python3
"""Runs one of these examples against a broker and a stand-in of Snap of its own, and shows what came of it.

usage: examples/snapchat/try.py conversions | audience | stats | profile | leads

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


class Place:
    """A folder, a broker and a stand-in of Snap that end with the `with` block."""

    def __init__(self, topics: list[str], snap_words: list[str]):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-snapchat-"))
        self.processes: list[subprocess.Popen] = []
        words = [word for topic in topics for word in ("-t", topic)]
        self.kafka = re.search(r"[\w.]+:\d+", self.start("broker", "broker", *words))[0]
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
    with Place(["orders:1", "shop_events_dead:1", "shop_events_late:1"], []) as place:
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


if __name__ == "__main__":
    examples = {function.__name__: function for function in (conversions, audience, stats, profile, leads)}
    if len(sys.argv) != 2 or sys.argv[1] not in examples:
        sys.exit(__doc__.strip())
    examples[sys.argv[1]]()
