"""Talks to `millrace snap-server`, the stand-in of Snap's services."""
import json
import ssl
import time
import urllib.error
import urllib.request

from .process import Millrace

HASH = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"


class StandIn:
    """Talks to the stand-in at the address that it printed."""

    def __init__(self, process: Millrace):
        self.url = process.wait_log(r"https?://[\d.]+:\d+")
        process.wait_log(r"seed +\d+\n")
        self.facts = dict(line.split(None, 1) for line in process.log().replace("refresh token", "refresh_token")
                          .replace("client id", "client_id").replace("client secret", "client_secret").splitlines()
                          if len(line.split(None, 1)) == 2)
        self.context = ssl.create_default_context(cafile=self.facts["certificate"]) if "certificate" in self.facts else None

    def send(self, path: str, body: object = None, content_type: str = "application/json", **headers: str) -> tuple[int, dict]:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": content_type, **headers})
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def send_event(self, event_id: str, **changes: object) -> tuple[int, dict]:
        event = {"event_name": "SIGN_UP", "event_time": int(time.time()), "action_source": "WEB", "event_id": event_id,
                 "event_source_url": "https://shop.example/", "user_data": {"em": HASH}, **changes}
        return self.send("/v3/pixel/events?access_token=snap-token", {"data": [event]})

    def set_faults(self, **shares: float) -> None:
        """`http_429=0.5`: that share of requests fails; others stay as they are."""
        self.own("/_faults", {name.removeprefix("http_"): share for name, share in shares.items()})

    def own(self, path: str, body: object = None) -> dict:
        """One of its own pages, which have no faults."""
        status, answer = self.send(path, body)
        assert status == 200, answer
        return answer

    def accepted(self) -> int:
        return self.own("/_received?limit=0&bodies=false")["totals"]["accepted"]
