"""Pipelines whose source is Snap's Marketing API or its webhook, and what must be in their table."""
import datetime
import hashlib
import hmac
import json
import urllib.error
import urllib.request

from .lab import Lab
from .snap_marketing import SnapMarketing

ZONES = {"a1": "America/Los_Angeles", "a2": "Europe/Berlin", "a3": "Asia/Kolkata"}
UTC = datetime.timezone.utc
LEAD_SECRET = "secret-canary"


def pipeline_of(lab: Lab, snap: SnapMarketing, source: dict, **more: object) -> dict:
    kind, settings = next(iter(source.items()))
    access = {"url": snap.url, "rate": 1000,
              "oauth": {"client_id": "app", "client_secret": "secret-canary", "refresh_token": snap.refresh_token,
                        "token_url": f"{snap.url}/token"}}
    return {"name": lab.name,
            "kafka": {"bootstrap.servers": lab.broker.bootstrap, "session.timeout.ms": "6000", "heartbeat.interval.ms": "500"},
            "source": {"name": "snap", kind: settings | access},
            "sinks": [{"topic": f"{lab.name}-out"}]} | more


def stats_of(lab: Lab, snap: SnapMarketing, since: datetime.datetime) -> dict:
    return pipeline_of(lab, snap, {"snapchat.stats": {"granularity": "hour", "fields": ["impressions", "spend"], "every": "1s",
                                                      "since": since.isoformat().replace("+00:00", "Z")}})


def table_of(lab: Lab, topic: str) -> dict[str, dict]:
    """As compaction would leave it."""
    table: dict[str, dict] = {}
    for record in lab.topics.read(topic):
        if record.value is None:
            table.pop(record.key.decode(), None)
        else:
            table[record.key.decode()] = json.loads(record.value)
    return table


def first_hour(account: str, since: datetime.datetime, snap: SnapMarketing) -> datetime.datetime:
    return since.astimezone(snap.zones[account]).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def expected(snap: SnapMarketing, since: datetime.datetime, until: datetime.datetime) -> dict[str, tuple]:
    rows = {}
    for account in snap.zones:
        if account in snap.forbidden:
            continue
        for campaign in snap.campaigns[account]:
            at = first_hour(account, since, snap)
            while at <= until - datetime.timedelta(hours=1):
                stats = snap.stats(campaign, at)
                key = f"campaign/{campaign}/hour/{at.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}"
                rows[key] = (stats["impressions"], f"{stats['spend'] // 1_000_000}.{stats['spend'] % 1_000_000:06}")
                at += datetime.timedelta(hours=1)
    return rows


def mismatches(lab: Lab, snap: SnapMarketing, since: datetime.datetime, until: datetime.datetime) -> list[str]:
    table = {key: (row["impressions"], row["spend"]) for key, row in table_of(lab, f"{lab.name}-out").items()}
    return [f"{key}: {table.get(key)}, not {row}" for key, row in expected(snap, since, until).items() if table.get(key) != row]


# --- Leads ---

def leads_of(lab: Lab, port: int) -> dict:
    return {"name": lab.name, "kafka": {"bootstrap.servers": lab.broker.bootstrap, "session.timeout.ms": "6000"},
            "source": {"snapchat.leads": {"listen": f"127.0.0.1:{port}", "secret": LEAD_SECRET, "header": "X-Signature",
                                          "prefix": "sha256=", "hash": ["email"]}},
            "sinks": [{"topic": f"{lab.name}-out"}]}


def lead(number: int) -> dict:
    now = int(datetime.datetime.now(UTC).timestamp() * 1000)
    return {"lead_id": f"lead-{number}", "create_time": str(now), "email": f"Mail-Canary-{number}@example.com"}


def post(port: int, lead: dict, secret: str = LEAD_SECRET) -> int:
    """The status; 0 without an answer."""
    body = json.dumps(lead).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/leads", body, {"X-Signature": f"sha256={signature}"})
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
