"""Public profiles from the stand-in of Snap: over kills and storms the table is what Snap shows, and a missing right is said."""
import json
import random
import time

from harness.broker import free_port
from harness.lab import SCALE, Lab
from harness.process import Millrace
from harness.stand_in import StandIn
from harness.waiting import wait_until

TOKEN = "canary-19ab04-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LISTS = {"stories": "story", "saved_stories": "saved_story", "spotlights": "spotlight"}


def server_of(lab: Lab, *words: str) -> Millrace:
    return Millrace(["snap-server", "--listen", "127.0.0.1:0", "--rate", "0", "--token", TOKEN, *words], lab.folder / "snap.log")


def pipeline_of(lab: Lab, snap: StandIn, **settings: object) -> dict:
    return {"name": lab.name,
            "kafka": {"bootstrap.servers": lab.broker.bootstrap, "session.timeout.ms": "6000", "heartbeat.interval.ms": "500"},
            "source": {"name": "shown", "snapchat.profile": {
                "access_token": TOKEN, "url": snap.url, "every": "1s", "rate": 30, "fields": {"views": "int64"}, **settings}},
            "sinks": [{"topic": f"{lab.name}-out"}]}


def listed(snap: StandIn, path: str, plural: str, singular: str) -> list[dict]:
    """All pages of a list."""
    found, link = [], f"{path}?limit=100"
    while link:
        status, page = snap.send(link, **BEARER)
        assert status == 200, page
        found += [element[singular] for element in page[plural]]
        link = page.get("paging", {}).get("next_link", "").removeprefix(snap.url)
    return found


def shown(snap: StandIn) -> dict[str, str | None]:
    """What Snap shows: keys of rows, and when stories were made."""
    found: dict[str, str | None] = {}
    for profile in listed(snap, "/v1/me/public_profiles", "public_profiles", "public_profile"):
        found[f"profile/{profile['id']}"] = None
        for plural, singular in LISTS.items():
            path = f"/v1/public_profiles/{profile['id']}/{plural}"
            if snap.send(path, **BEARER)[0] == 403:
                continue
            found |= {f"{singular}/{item['id']}": item["created_at"] for item in listed(snap, path, plural, singular)}
    return found


def table_of(lab: Lab) -> dict[str, dict]:
    table: dict[str, dict] = {}
    for record in lab.topics.read(f"{lab.name}-out"):
        if record.value is None:
            table.pop(record.key.decode(), None)
        else:
            table[record.key.decode()] = json.loads(record.value)
    return table


def differs(lab: Lab, snap: StandIn) -> set:
    rows = {key: row["created_at"] for key, row in table_of(lab).items() if row["kind"] != "stats"}
    return set(rows.items()) ^ set(shown(snap).items())


def requests_of(snap: StandIn) -> int:
    return sum(sum(by.values()) for route, by in snap.own("/_received?limit=0&bodies=false")["requests"].items() if "profile" in route)


def test_profiles_are_whole_over_kills_and_storms_and_a_forbidden_one_stops_no_other(lab: Lab):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with server_of(lab, "--seed", str(seed)) as server:
        snap = StandIn(server)
        file = lab.write(pipeline_of(lab, snap))
        for _ in range(5 * SCALE):
            snap.set_faults(http_429=0.1, http_503=0.1, cut=0.1)
            process = lab.run(file)
            enough = requests_of(snap) + chance.randrange(1, 15)
            wait_until(lambda: requests_of(snap) >= enough or not process.running(), 60, f"{enough} requests; {process.tail()}")
            process.assert_running()
            process.kill()
        snap.set_faults(http_429=0, http_503=0, cut=0)
        process = lab.run(file)
        wait_until(lambda: not differs(lab, snap), 60, "the table is what Snap shows", every=0.5)
        wait_until(lambda: sum(row["kind"] == "stats" for row in table_of(lab).values()) == 60, 60, "30 days of two profiles", every=0.5)
        process.wait_log("a part of a public profile is left as it was")  # the third one is forbidden
        process.stop()
        rows = table_of(lab)
        stories = [row for row in rows.values() if row["kind"] == "story"]
        assert len(stories) >= 8
        for row in stories:
            ends = time.strptime(row["expires_at"], "%Y-%m-%dT%H:%M:%S.000Z")
            made = time.strptime(row["created_at"], "%Y-%m-%dT%H:%M:%S.000Z")
            assert time.mktime(ends) - time.mktime(made) == 86_400
        assert all(row["expires_at"] is None for row in rows.values() if row["kind"] != "story")
        assert all(row["views"] is not None for row in rows.values() if row["kind"] == "stats")
        # Neither skipped, as the table showed, nor repeated: what did not change is in the feed once.
        keys = [record.key.decode() for record in lab.topics.read(f"{lab.name}-shown-feed") if not record.key.startswith(b"stats/")]
        assert len(keys) == len(set(keys)), sorted(key for key in keys if keys.count(key) > 1)[:5]
        text = "".join(started.log() for started in lab.processes) + repr([lab.topics.read(topic) for topic in lab.topics.names() if topic.startswith(lab.name)])
        assert "canary" not in text


def test_an_app_that_snap_did_not_allow_is_said_and_ends_nothing(lab: Lab):
    port = free_port()
    with server_of(lab, "--forbid", "profiles") as server:
        process, http = lab.run_with_http(lab.write(pipeline_of(lab, StandIn(server))), port)
        process.wait_log("Snap opens its Public Profile API only to apps that it has allowed")
        wait_until(lambda: http.metric("millrace_feed_paused") == 1, 30, "the pause is shown")
        process.assert_running()
        assert "HTTP 403" in process.log() and "canary" not in process.log()
        process.stop()
