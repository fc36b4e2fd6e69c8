"""A stand-in for Snap's Marketing API on loopback: the tree, its statistics with the rules of their queries, tokens that end, storms."""
import datetime
import time
import urllib.parse
import zoneinfo

from .loopback import Loopback

HOUR = datetime.timedelta(hours=1)


class Campaign:
    def __init__(self, name: str, version: int):
        self.name, self.version = name, version


class SnapMarketing(Loopback):
    """`wrong`: queries that Snap would not have answered."""
    failures = (429, 500, 503)

    def __init__(self, zones: dict[str, str], refresh_token: str = "refresh-canary", seed: int = 1, page: int = 2):
        super().__init__(seed)
        self.zones = {account: zoneinfo.ZoneInfo(zone) for account, zone in zones.items()}
        self.campaigns = {account: {f"{account}-c{i}": Campaign(f"campaign {i}", 0) for i in range(3)} for account in zones}
        self.refresh_token, self.page = refresh_token, page
        self.forbidden, self.restated = set(), 0
        self.wrong: list[str] = []
        self.slices: list[tuple[str, str, str]] = []
        self.tokens: list[str] = []

    def end_tokens(self) -> None:
        """Those given so far are not taken any more."""
        with self._lock:
            self.tokens = []

    def restate(self) -> None:
        """What is said of open hours is another thing from now on."""
        with self._lock:
            self.restated += 1

    def stats(self, campaign: str, start: datetime.datetime) -> dict:
        """Of an hour: it changes while its day may."""
        hour = int(start.timestamp()) // 3600
        is_open = start > datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=48)
        base = sum(campaign.encode()) * 31 + hour % 97
        return {"impressions": base + (self.restated if is_open else 0), "spend": base * 1000 + 7}

    # --- Requests ---

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, dict]:
        if method == "POST":
            return self._grant(body)
        url = urllib.parse.urlsplit(target)
        path, query = url.path, {key: values[0] for key, values in urllib.parse.parse_qs(url.query).items()}
        if token not in self.tokens:
            return 401, {"request_status": "ERROR", "error_code": "E1001", "debug_message": "The access token expired"}
        if path == "/v1/me/organizations":
            return self._list(path, query, "organizations", "organization", [{"id": "o1", "name": "all"}])
        if path == "/v1/organizations/o1/adaccounts":
            accounts = [{"id": a, "name": a, "timezone": str(z), "currency": "EUR", "updated_at": "2026-01-01T00:00:00.000Z"}
                        for a, z in self.zones.items()]
            return self._list(path, query, "adaccounts", "adaccount", accounts)
        parts = path.split("/")
        if len(parts) != 5 or parts[2] != "adaccounts" or parts[3] not in self.zones:
            return 404, {"request_status": "ERROR", "error_code": "E2002"}
        if parts[3] in self.forbidden:
            return 403, {"request_status": "ERROR", "error_code": "E3002", "debug_message": "no access"}
        if parts[4] == "stats":
            return self._stats(parts[3], query)
        # Every other change has no date of its own.
        campaigns = [{"id": key, "name": c.name, "daily_budget_micro": 1_500_000 + c.version,
                      "updated_at": f"2026-01-01T00:00:{c.version // 2:02}.000Z"} for key, c in self.campaigns[parts[3]].items()]
        return self._list(path, query, "campaigns", "campaign", campaigns)

    def _grant(self, body: bytes) -> tuple[int, dict]:
        form = urllib.parse.parse_qs(body.decode())
        if form.get("refresh_token") != [self.refresh_token]:
            return 400, {"error": "invalid_grant"}
        self.tokens.append(f"access-canary-{len(self.tokens)}-{self._chance.randrange(1 << 30)}")
        return 200, {"access_token": self.tokens[-1], "expires_in": 1800}

    def _list(self, path: str, query: dict[str, str], name: str, item: str, entities: list[dict]) -> tuple[int, dict]:
        first = int(query.get("cursor", "0"))
        paging = {}
        if first + self.page < len(entities):
            paging = {"next_link": f"{self.url}{path}?cursor={first + self.page}"}
        return 200, {"request_status": "SUCCESS", "paging": paging,
                     name: [{"sub_request_status": "success", item: e} for e in entities[first:first + self.page]]}

    def _stats(self, account: str, query: dict[str, str]) -> tuple[int, dict]:
        time.sleep(0.01)
        start, end = (datetime.datetime.fromisoformat(query[key]) for key in ("start_time", "end_time"))
        self.slices.append((account, query["start_time"], query["end_time"]))
        local = [at.astimezone(self.zones[account]) for at in (start, end)]
        full = all(at.minute == at.second == at.microsecond == 0 for at in local)
        offsets = start.utcoffset() == local[0].utcoffset() and end.utcoffset() == local[1].utcoffset()
        if not full or not offsets or end <= start or end - start > 168 * HOUR or query["granularity"] != "HOUR":
            self.wrong.append(f"{account} {query}")
            return 400, {"request_status": "ERROR", "error_code": "E1008", "debug_message": "Unsupported Stats Query"}
        series = {}
        for campaign in self.campaigns[account]:
            at, rows = start.astimezone(datetime.timezone.utc), []
            while at < end:
                rows.append({"start_time": at.astimezone(self.zones[account]).isoformat(timespec="milliseconds"),
                             "end_time": (at + HOUR).astimezone(self.zones[account]).isoformat(timespec="milliseconds"),
                             "stats": self.stats(campaign, at)})
                at += HOUR
            series[campaign] = rows
        parts = [{"id": key, "type": "CAMPAIGN", "granularity": "HOUR", "timeseries": rows} for key, rows in series.items()]
        return 200, {"request_status": "success", "timeseries_stats": [
            {"sub_request_status": "SUCCESS", "timeseries_stat": {"id": account, "breakdown_stats": {"campaign": parts}}}]}
