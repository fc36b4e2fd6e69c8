"""Windows that the clock of a key closes (W5)."""
from aggregates import arguments_of
from reference import NEVER, Sessions, Window, key_of


def closed_by_key_of(options, result):
    return (SessionsByKey if options["kind"] == "session" else ClosedByKey)(options, result)


class ClosedByKey(Window):
    """Windows that a key's own greatest time closes (W5), or the watermark if that is greater."""

    def __init__(self, options, result):
        super().__init__(options, result)
        self.clocks = {}

    def add(self, row):
        key = key_of(row, self.options, self.result)
        if key is None:
            return []
        _, failures = arguments_of(self.options["aggregates"], row)
        if failures:
            self.result.dead.append((*row.source, failures))  # and moves no clock
            return []
        clock = self.clocks.get(key, NEVER)
        row = row.with_values(row.values)
        row.before = max(row.before, clock)
        end = self.last_end(key, row)
        if not self.is_open(end, row.before):
            late = {**row.values, "late_by": row.before - (end + self.grace)}
            self.result.topics["late"].append((row.key, late))
            return []
        given = self.take(key, row)
        self.clocks[key] = max(clock, row.time)
        closing = [window for end, k, window in self.existing() if k == key and self.is_open(end, row.before)
                   and not self.is_open(end, self.clocks[key])]
        return given + [self.result_row(key, window, final=True) for window in closing]

    def existing(self):
        """Without those that their key has closed long ago."""
        return [(end, key, window) for end, key, window in super().existing() if self.is_open(end, self.closed)]

    def close(self, watermark):
        closing = [(key, window) for end, key, window in self.existing()
                   if not self.is_open(end, watermark) and self.is_open(end, self.clocks[key])]
        results = [self.result_row(key, window, final=True) for key, window in closing]
        self.closed = max(self.closed, watermark)
        return results


class SessionsByKey(Sessions):
    """Sessions that a key's own greatest time closes (W5), or the watermark if that is greater."""

    def __init__(self, options, result):
        super().__init__(options, result)
        self.clocks = {}

    def add(self, row):
        row = row.with_values(row.values)
        key = tuple(row.values[name] for name in self.options["by"])
        clock = self.clocks.get(key, NEVER)
        row.before = max(row.before, clock)
        given = super().add(row)
        if not self.rows or self.rows[-1][1] is not row:
            return given  # it is in no session
        self.clocks[key] = max(clock, row.time)
        closing = [window for end, k, window in self.existing()
                   if k == key and self.is_open(end, row.before) and not self.is_open(end, self.clocks[key])]
        return given + [self.result_row(key, window, final=True) for window in closing]

    def is_over(self, entry):
        key, row, _ = entry
        end = next(end for start, end in self.sessions(key) if start <= row.time < end)
        return not self.is_open(end, max(self.closed, self.clocks[key]))

    def close(self, watermark):
        closing = [(key, window) for end, key, window in self.existing()
                   if not self.is_open(end, watermark) and self.is_open(end, max(self.closed, self.clocks[key]))]
        results = [self.result_row(key, window, final=True) for key, window in closing]
        self.closed = max(self.closed, watermark)
        return results
