"""Steps that remember per key without a window: deduplicate, changes, running and latest, from docs/state-steps.md."""
from aggregates import aggregated, arguments_of
from expressions import INT_MAX, INT_MIN
from reference import Row, key_of

NOWHERE = (-1, -1)  # where a row comes from that is made of state

KINDS = ["deduplicate", "changes", "running", "latest"]


def keyed_of(kind, options, result):
    return {"deduplicate": Deduplicate, "changes": Changes, "running": Running, "latest": Latest}[kind](options, result)


class Keyed:
    """What all have in common: keys, tombstones and null keys."""

    def __init__(self, options, result):
        self.options = options
        self.result = result

    def add(self, row):
        """The rows that leave because of `row`: none or one."""
        key = key_of(row, self.options, self.result)
        if key is None:
            return []
        return [Row(values, row.time, row.before, row.source, key=key) for values in self.take(key, row)]


class Deduplicate(Keyed):
    def __init__(self, options, result):
        super().__init__(options, result)
        self.passed = []  # (key, time)

    def take(self, key, row):
        within = self.options["within"]
        if row.before >= row.time + within:
            self.result.late += 1
            return []
        if any(k == key and abs(time - row.time) < within for k, time in self.passed):
            return []
        self.passed.append((key, row.time))
        return [row.values]


class Lives:
    """Of `changes` and `running`: how long a key is remembered. All ttl are below 256 ms, so that nothing is rounded."""

    def __init__(self, options, result):
        self.ttl = options.get("ttl")
        self.result = result
        self.latest = {}  # key: time of its latest row

    def is_late(self, row):
        if self.ttl is None or row.before < row.time + self.ttl:
            return False
        self.result.late += 1
        return True

    def see(self, key, row):
        """True when the key had ended before the row."""
        before = self.latest.get(key)
        self.latest[key] = row.time if before is None else max(before, row.time)
        return self.ttl is not None and before is not None and before + self.ttl <= row.before


class Changes(Keyed):
    def __init__(self, options, result):
        super().__init__(options, result)
        self.last = {}
        self.lives = Lives(options, result)

    def take(self, key, row):
        if self.lives.is_late(row):
            return []
        if self.lives.see(key, row):
            self.last.pop(key)
        values = [row.values[name] for name in self.options["columns"]]
        if key in self.last and self.last[key] == values:
            return []
        self.last[key] = values
        return [row.values]


class Running(Keyed):
    def __init__(self, options, result):
        super().__init__(options, result)
        self.rows = {}  # key: (row, argument values by aggregate)
        self.lives = Lives(options, result)

    def take(self, key, row):
        if self.lives.is_late(row):
            return []
        aggregates = self.options["aggregates"]
        arguments, failures = arguments_of(aggregates, row)
        if not failures and self.lives.see(key, row):
            self.rows.pop(key, None)
        held = self.rows.get(key, [])
        if failures or any(a["function"] == "sum" and leaves_int64([*(h[1][i] for h in held), arguments[i]])
                           for i, a in enumerate(aggregates)):
            self.result.dead.append((*row.source, failures or {"overflow"}))
            return []
        self.rows[key] = [*held, (row, arguments)]
        values = dict(zip(self.options["by"], key))
        values |= {a["name"]: aggregated(a, i, self.rows[key]) for i, a in enumerate(aggregates)}
        return [values]


def leaves_int64(values):
    integers = [v for v in values if isinstance(v, int)]
    return not INT_MIN <= sum(integers) <= INT_MAX


class Latest(Keyed):
    """A tombstone ends the row of its message key. Of a ttl nothing is rounded, as in Lives."""

    grace = 0  # of what leaves by time

    def __init__(self, options, result):
        super().__init__(options, result)
        self.ttl = options.get("ttl")
        self.columns = []
        self.rows = {}  # key: ((time, partition, offset), whether it was deleted)

    def add(self, row):
        self.columns = list(row.values)
        return self.close(row.before) + (self.end(row) if row.tombstone else super().add(row))

    def end(self, row):
        key = tuple(row.values[name] for name in self.options["by"])
        place = (row.time, *row.source)
        if None in key or self.is_late(row):
            return []
        before, deleted = self.rows.get(key, (place, True))
        if place < before:
            return []
        self.rows[key] = (place, True)  # also where there is no row: an older one does not come any more
        return [] if deleted else [Row(row.values, row.time, row.before, row.source, tombstone=True, key=key)]

    def is_late(self, row):
        if self.ttl is None or row.before < row.time + self.ttl:
            return False
        self.result.late += 1
        return True

    def close(self, watermark):
        """Tombstones of the rows whose time is over, as an earlier watermark did not tell."""
        if self.ttl is None:
            return []
        gone = [(place[0] + self.ttl, key, deleted) for key, (place, deleted) in self.rows.items()
                if place[0] + self.ttl <= watermark]
        for _, key, _ in gone:
            del self.rows[key]
        empty = dict.fromkeys(self.columns)
        return [Row(empty | dict(zip(self.options["by"], key)), end, watermark, NOWHERE, tombstone=True, key=key)
                for end, key, deleted in gone if not deleted]

    def take(self, key, row):
        if self.is_late(row):
            return []
        place = (row.time, *row.source)
        if key in self.rows and place < self.rows[key][0]:
            return []
        self.rows[key] = (place, False)
        return [row.values]
