"""Windows of which results leave before they close (W10), from docs/concepts.md."""
from expressions import Failures, evaluate
from reference import Window


class Triggered(Window):
    """Tumbling windows of which a result leaves when an expression on it is true (W10)."""

    def take(self, key, row):
        window = self.windows_of(row.time)[0]
        if self.options["trigger"]["when_asked"] == "before":
            return self.take_asked_before(key, row, window)
        rows = len(self.rows)
        running = super().take(key, row)
        if len(self.rows) == rows:
            return []
        fires, failures = self.asked(key, window)
        if failures:
            self.rows.pop()
            self.result.dead.append((*row.source, failures))
            return []
        return [self.released(key, window)] if fires else running

    def take_asked_before(self, key, row, window):
        failures = Failures()
        for aggregate in self.options["aggregates"]:
            if aggregate["argument"] is not None:
                evaluate(aggregate["argument"], row.values, failures)
        if failures or not self.held(key, window):
            return super().take(key, row)
        fires, failures = self.asked(key, window)
        if failures:
            self.result.dead.append((*row.source, failures))
            return []
        given = [self.released(key, window)] if fires else []
        return given + super().take(key, row)

    def asked(self, key, window):
        failures = Failures()
        held = self.row_of(key, window, self.held(key, window)).values
        return evaluate(self.options["trigger"]["when"], held, failures) is True, failures

    def released(self, key, window):
        result = self.result_row(key, window, final=True)
        self.rows = [r for r in self.rows if r[0] != key or not window[0] <= r[1].time < window[1]]
        return result
