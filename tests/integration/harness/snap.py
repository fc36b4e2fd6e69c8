"""A stand-in for Snap's Conversions API on loopback: takes events, refuses those it is told to, and fails on request."""
import collections
import http.server
import json
import random
import threading
from typing import Callable


class Snap:
    """`refuses(event)`: what Snap would call INVALID. `failing`: the share of requests that get 429 or 503; 1 takes nothing."""

    def __init__(self, token: str, refuses: Callable[[dict], bool] = lambda event: False, seed: int = 1):
        self.token, self.refuses, self.failing = token, refuses, 0.0
        self.taken: dict[str, list[dict]] = collections.defaultdict(list)  # by event_id, in the order of arrival
        self.requests = 0
        self.largest = 0
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Snap":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def ids(self) -> set[str]:
        with self._lock:
            return set(self.taken)

    def answer(self, path: str, body: bytes) -> tuple[int, dict]:
        with self._lock:
            self.requests += 1
            if self._chance.random() < self.failing:
                return self._chance.choice((429, 503)), {}
            if not path.endswith(f"/events?access_token={self.token}"):
                return 401, {"reason": "invalid token"}
            events = json.loads(body)["data"]
            self.largest = max(self.largest, len(events))
            if len(events) > 2_000:
                return 400, {"status": "INVALID", "reason": "too many events"}
            if any(self.refuses(event) for event in events):
                return 400, {"status": "INVALID", "event": 0, "reason": "bad event", "errors": {"codes": ["517"]}}
            for event in events:
                self.taken[event["event_id"]].append(event)
            return 200, {"status": "VALID", "reason": "Events have been processed successfully."}

    def _handler(self) -> type:
        snap = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                status, answer = snap.answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass
        return Handler
