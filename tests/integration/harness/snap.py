"""A stand-in for Snap's Conversions API on loopback: takes events, refuses those it is told to, and fails on request."""
import collections
import json
from typing import Callable

from .loopback import Loopback


class Snap(Loopback):
    """`refuses(event)`: what Snap would call INVALID. `failing`: the share of requests that get 429 or 503; 1 takes nothing."""

    def __init__(self, token: str, refuses: Callable[[dict], bool] = lambda event: False, seed: int = 1):
        super().__init__(seed)
        self.token, self.refuses = token, refuses
        self.taken: dict[str, list[dict]] = collections.defaultdict(list)  # by event_id, in the order of arrival
        self.largest = 0

    def ids(self) -> set[str]:
        with self._lock:
            return set(self.taken)

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, dict]:
        if not target.endswith(f"/events?access_token={self.token}"):
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
