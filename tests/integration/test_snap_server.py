"""`millrace snap-server` as a process: what it prints, what it takes, how it ends."""
import calendar
import json
import pathlib
import re
import signal
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from harness.process import Millrace, command
from harness.stand_in import HASH, StandIn
from harness.waiting import wait_until

@pytest.fixture
def start(tmp_path: pathlib.Path):
    processes = []

    def run(*words: str) -> tuple[Millrace, StandIn]:
        process = Millrace(["snap-server", *words], tmp_path / f"{len(processes)}.log")
        processes.append(process)
        return process, StandIn(process)
    yield run
    for process in processes:
        process.__exit__()


@pytest.mark.parametrize("words", [[], ["--tls"]])
def test_events_that_are_taken_are_shown(start, words: list[str]):
    process, client = start(*words)
    assert client.url.startswith("https" if words else "http:")
    assert client.send_event("one") == (200, {"status": "VALID", "reason": "Events have been processed successfully."})
    status, refused = client.send_event("two", user_data={"em": "ada@example.com"})
    assert status == 400 and refused["event"] == 0 and "unhashed PII" in refused["reason"]
    status, received = client.send("/_received")
    assert [event["event_id"] for event in received["events"]] == ["one"]
    assert received["requests"] == {"POST /v3/{asset}/events": {"200": 1, "400": 1}}
    process.stop()
    if words:
        assert not pathlib.Path(client.facts["certificate"]).exists()


def test_the_printed_client_gets_a_token_for_the_accounts(start):
    process, client = start()
    form = urllib.parse.urlencode({"grant_type": "refresh_token", "client_id": client.facts["client_id"],
                                   "client_secret": client.facts["client_secret"],
                                   "refresh_token": client.facts["refresh_token"]}).encode()
    status, token = client.send("/login/oauth2/access_token", form, "application/x-www-form-urlencoded")
    assert status == 200 and token["expires_in"] == 1800
    status, answer = client.send("/v1/me/organizations?with_ad_accounts=true",
                                 Authorization=f"Bearer {token['access_token']}")
    assert status == 200
    for account in answer["organizations"][0]["organization"]["ad_accounts"]:
        assert account["id"] in process.log()
    process.stop(signal.SIGINT)


def test_faults_of_the_command_line_happen(start):
    _, client = start("--fault", "503:1", "--fault", "slow:0")
    with pytest.raises(json.JSONDecodeError):  # no JSON in front of the API
        client.send_event("one")
    assert client.send("/_faults", {"503": 0}) == (200, {})
    assert client.send_event("one")[0] == 200


def test_what_a_pipeline_sends_passes_and_nothing_is_lost_over_faults(start, tmp_path: pathlib.Path):
    """The two sides were written apart from each other. Limits of Snap hold: the pipeline keeps its pace by default."""
    _, snap = start("--tls", "--fault", "429:0.1", "--fault", "503:0.1", "--fault", "cut:0.1")
    names = ("orders:2", "dead:1", "to-snap-sink-1-events-changelog:2", "to-snap-sink-1-orders-changelog:2")
    topics = [word for topic in names for word in ("--topic", topic)]
    with Millrace(["broker", *topics], tmp_path / "broker.log") as broker:
        kafka = broker.wait_log(r"127\.0\.0\.1:\d+")
        rows = [{"order": f"order-{i}", "mail": f" Ada{i}@Example.com ", "phone": f"+49 30 {100_000 + i}", "total": i + 0.5,
                 "name": "PURCHASE" if i % 2 else "add_cart", "town": "Köln", "land": "DE", "agent": "Mozilla/5.0",
                 "ip": "203.0.113.9", "items": [f"sku-{i}", "sku-0"]} for i in range(200)]
        done = command("topic", "write", "orders", stdin="".join(json.dumps(row) + "\n" for row in rows), KAFKA=kafka)
        assert done.returncode == 0, done.stderr
        pipeline = {
            "name": "to-snap", "kafka": {"bootstrap.servers": kafka}, "guarantee": "at_least_once",
            "state_dir": str(tmp_path / "state"), "dead_letter": {"topic": "dead"},
            "source": {"topic": "orders", "schema": {
                "order": "string", "mail": "string", "phone": "string", "total": "double", "name": "string", "town": "string",
                "land": "string", "agent": "string", "ip": "string", "items": "list<string>"}},
            "sinks": [{"snapchat.conversions": {
                "pixel_id": "pixel", "access_token": "snap-token", "url": snap.url, "ca_file": snap.facts["certificate"],
                "map": {"event_name": "name", "event_id": "order", "event_source_url": "'https://shop.example/'", "em": "mail",
                        "ph": "phone", "ct": "town", "user_data.country": "land", "client_ip_address": "ip",
                        "client_user_agent": "agent", "value": "total", "currency": "'eur'", "order_id": "order",
                        "content_ids": "items"},
                "batch": {"events": 20, "linger": "100ms"}}}]}
        file = tmp_path / "pipeline.yaml"
        file.write_text(json.dumps(pipeline))
        with Millrace(["run", file], tmp_path / "run.log") as process:
            def received() -> dict | None:
                process.assert_running()
                found = snap.send("/_received")[1]
                return found if found["totals"]["counted"] == len(rows) else None
            found = wait_until(received, 60, f"{len(rows)} events are counted; {process.tail()}", every=0.3)
            process.stop()
        assert command("topic", "read", "dead", KAFKA=kafka).stdout == ""
    assert {event["event_id"] for event in found["events"]} == {row["order"] for row in rows}
    assert all(event["identical"] for event in found["events"])
    assert "400" not in found["requests"]["POST /v3/{asset}/events"], found["errors"]
    assert sum(found["faults"].values()) > 0


def test_statistics_along_a_dimension_add_up_to_those_of_the_whole(start, tmp_path: pathlib.Path):
    """The two sides were written apart from each other."""
    server, snap = start("--rate", "0")
    account = re.search(r"ad account +(\S+) +New York", server.log())[1]
    topics = [word for topic in ("by-country-snap-feed:1", "by-country-snap-position:1", "out:1") for word in ("--topic", topic)]
    with Millrace(["broker", *topics], tmp_path / "broker.log") as broker:
        kafka = broker.wait_log(r"127\.0\.0\.1:\d+")
        pipeline = {
            "name": "by-country", "kafka": {"bootstrap.servers": kafka}, "guarantee": "at_least_once", "state_dir": str(tmp_path / "state"),
            "source": {"name": "snap", "snapchat.stats": {
                "access_token": "snap-token", "url": snap.url, "ad_account_ids": [account], "report_dimension": ["country"],
                "fields": ["impressions", "swipes"], "every": "1h",
                "since": time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 9 * 86_400))}},
            "sinks": [{"topic": "out"}]}
        file = tmp_path / "pipeline.yaml"
        file.write_text(json.dumps(pipeline))
        with Millrace(["run", file], tmp_path / "run.log") as process:
            def rows() -> list[dict]:
                process.assert_running()
                return [json.loads(line) for line in command("topic", "read", "out", KAFKA=kafka).stdout.splitlines()]
            wait_until(lambda: len(rows()) >= 3 * 3 * 10, 30, f"three campaigns, three countries, ten days; {process.tail()}", every=0.3)
            found = {row["key"]: row for row in rows()}
            process.stop()
    first = min(row["start_time"] for row in found.values())
    one_day = [row for row in found.values() if row["start_time"] == first]
    assert {row["country"] for row in one_day} == {"us", "ca", "gb"}
    assert all(row["key"].endswith(f"/{first}/country={row['country']}") for row in one_day)
    for campaign in {row["entity_id"] for row in one_day}:
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(calendar.timegm(time.strptime(first, "%Y-%m-%dT%H:%M:%S.000Z")) + 86_400))
        status, answer = snap.send(f"/v1/campaigns/{campaign}/stats?granularity=TOTAL&fields=impressions,swipes&start_time={first}&end_time={end}",
                                   Authorization="Bearer snap-token")
        assert status == 200, answer
        whole = answer["total_stats"][0]["total_stat"]["stats"]
        assert whole == {name: sum(row[name] for row in one_day if row["entity_id"] == campaign) for name in whole}


@pytest.mark.parametrize("words, why", [
    (["--fault", "slwo:0.1"], "did you mean 'slow'?"),
    (["--fault", "429:2"], "from 0 to 1"),
    (["--listen", "nowhere"], "nowhere"),
    (["--slow", "2m"], "50s"),
    (["--signature", "X:md5"], "md5"),
])
def test_wrong_use_is_explained(words: list[str], why: str):
    done = command("snap-server", *words)
    assert done.returncode == 2 and why in done.stderr and not done.stdout, done.stderr
