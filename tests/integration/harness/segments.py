"""A stand-in for the segments of Snap's Marketing API and its token endpoint on loopback: keeps members, and fails on request."""
import json
import re
import time
import urllib.parse

from .loopback import Loopback


class Segments(Loopback):
    """`failing`: the share of requests that get 429 or 503; 1 takes nothing. `refresh_token`: the one that tokens are granted for."""

    def __init__(self, refresh_token: str, seed: int = 1):
        super().__init__(seed)
        self.refresh_token = refresh_token
        self.token_life = 3_600.0  # seconds
        self.tokens: dict[str, float] = {}  # when each ends
        self.segments: list[dict] = []
        self.members: dict[str, set[str]] = {}
        self.uploads: list[tuple[str, str, int]] = []  # segment, action, identifiers
        self.shown: list[str] = []  # of the status of segments

    def members_of(self, name: str) -> set[str]:
        """Of all segments of that name."""
        with self._lock:
            return set().union(*(self.members[segment["id"]] for segment in self.segments if segment["name"] == name))

    def expire(self) -> None:
        """Of all tokens that were granted none works any more."""
        with self._lock:
            self.tokens = dict.fromkeys(self.tokens, 0.0)

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, dict]:
        if target == "/token":
            return self._grant(dict(urllib.parse.parse_qsl(body.decode())))
        if time.monotonic() > self.tokens.get(token, 0.0):
            return 401, {"request_status": "ERROR", "debug_message": f"unauthorized: {token}"}
        if re.fullmatch(r"/v1/adaccounts/account-1/segments(\?.*)?", target):
            return self._list(target) if method == "GET" else self._create(json.loads(body)["segments"][0])
        if match := re.fullmatch(r"/v1/segments/([\w-]+)(/users)?", target):
            return self._segment(match[1]) if not match[2] else self._change(method, match[1], json.loads(body))
        return 404, {}

    def _grant(self, form: dict) -> tuple[int, dict]:
        if form != {"grant_type": "refresh_token", "refresh_token": self.refresh_token, "client_id": "app-1",
                    "client_secret": "canary-client-secret"}:
            return 400, {"error": "invalid_grant", "error_description": f"not {form.get('refresh_token')}"}
        token = f"canary-access-{len(self.tokens)}"
        self.tokens[token] = time.monotonic() + self.token_life
        return 200, {"access_token": token, "expires_in": self.token_life, "token_type": "Bearer"}

    @staticmethod
    def _found(segments: list[dict], **more: object) -> tuple[int, dict]:
        return 200, {"request_status": "SUCCESS", "request_id": "r",
                     "segments": [{"sub_request_status": "SUCCESS", "segment": segment} for segment in segments]} | more

    def _list(self, path: str) -> tuple[int, dict]:
        begin = int(match[1]) if (match := re.search(r"cursor=(\d+)", path)) else 0
        page = self.segments[begin:begin + 2]
        if begin + 2 >= len(self.segments):
            return self._found(page)
        link = f"{self.url}{path.split('?')[0]}?cursor={begin + 2}"
        return self._found(page, paging={"next_link": link})

    def _create(self, wanted: dict) -> tuple[int, dict]:
        assert wanted["source_type"] == "FIRST_PARTY" and wanted["ad_account_id"] == "account-1", wanted
        self.add_segment(wanted["name"])
        return self._found(self.segments[-1:])

    def add_segment(self, name: str) -> str:
        number = len(self.segments)
        self.segments.append({"id": f"segment-{number}", "name": name, "created_at": f"2026-01-01T00:00:00.{number:03}Z",
                              "source_type": "FIRST_PARTY", "upload_status": "NO_UPLOAD", "targetable_status": "NOT_READY",
                              "approximate_number_users": 0})
        self.members[f"segment-{number}"] = set()
        return f"segment-{number}"

    def _segment(self, name: str) -> tuple[int, dict]:
        found = [segment for segment in self.segments if segment["id"] == name]
        self.shown += [segment["id"] for segment in found]
        return self._found(found) if found else (404, {})

    def _change(self, method: str, segment: str, body: dict) -> tuple[int, dict]:
        if segment not in self.members:
            return 404, {}
        [users] = body["users"]
        identifiers = [identifier for [identifier] in users["data"]]
        assert users["schema"] == ["EMAIL_SHA256"] and 0 < len(identifiers) <= 100_000
        assert all(re.fullmatch(r"[0-9a-f]{64}", identifier) for identifier in identifiers)
        assert len(set(identifiers)) == len(identifiers)
        if method == "POST":
            self.members[segment].update(identifiers)
        else:
            self.members[segment].difference_update(identifiers)
        self.uploads.append((segment, method, len(identifiers)))
        return 200, {"request_status": "SUCCESS", "request_id": "r",
                     "users": [{"sub_request_status": "SUCCESS", "user": {"number_uploaded_users": len(identifiers)}}]}
