"""Windows of which results leave before they close (W10), from docs/concepts.md.

Each window of a row is asked for itself: a row is `gone` from the windows that it left with a result, or that it failed
in.
"""
from aggregates import arguments_of
from expressions import INT_MAX, INT_MIN, Failures, evaluate
from key_closing import ClosedByKey, SessionsByKey
from reference import Counted, Sessions, Window


def triggered_of(options, result):
    if options["closing"] == "key":
        return (TriggeredSessionsByKey if options["kind"] == "session" else TriggeredByKey)(options, result)
    return {"session": TriggeredSessions, "count": TriggeredCounted}.get(options["kind"], Triggered)(options, result)


class Asking:
    """What all kinds of windows with a trigger have in common."""

    def arguments_of(self, row):
        """The values of the aggregates' arguments; None when one fails, which is noted."""
        arguments, failures = arguments_of(self.options["aggregates"], row)
        if failures:
            self.result.dead.append((*row.source, failures))
            return None
        return arguments

    def asks_before(self):
        return self.options["trigger"]["when_asked"] == "before"

    def final(self, key, window, held):
        row = self.row_of(key, window, held)
        if self.options["emit"] == "current":
            row.values["final"] = True
        return row

    def fired(self, key, window, held):
        """(the result when it fires, why asking failed)."""
        failures = Failures()
        values = self.row_of(key, window, held).values
        fires = evaluate(self.options["trigger"]["when"], values, failures) is True
        return [self.final(key, window, held)] if fires and not failures else [], failures

    def overflow_of(self, held, arguments):
        """Whether a sum of integers would leave int64 with these rows and one more (W8)."""
        for i, a in enumerate(self.options["aggregates"]):
            if a["function"] == "sum" and isinstance(arguments[i], int):
                values = [arguments[i], *(h[1][i] for h in held)]
                if not INT_MIN <= sum(v for v in values if v is not None) <= INT_MAX:
                    return True
        return False


class AskingEach(Asking):
    """Each window of a row is asked for itself; `gone` of a row are those that it left, or that did not take it."""

    def times_of(self, window, held):
        """(start, end)."""
        return window

    def fired_of(self, key, window):
        """As fired; the rows leave with the result."""
        held = self.held(key, window)
        results, failures = self.fired(key, self.times_of(window, held), held)
        if results:
            self.leave(window, held)
        return results, failures

    def leave(self, window, held):
        for row, _ in held:
            row.gone.add(window)

    def take_in(self, key, row, arguments, window):
        """Adds the row to one window: (results that leave, why it was not added)."""
        given, failures = [], None
        if self.asks_before() and self.held(key, window):
            given, failures = self.fired_of(key, window)
            if failures:
                return [], failures
        if self.overflow_of(self.held(key, window), arguments):
            return given, {"overflow"}
        row.gone.discard(window)
        if not self.asks_before():
            given, failures = self.fired_of(key, window)
            if failures:
                row.gone.add(window)
                return [], failures
        return given, None


class Triggered(AskingEach, Window):
    """Tumbling and hopping windows."""

    def held(self, key, window):
        return [(row, arguments) for row, arguments in super().held(key, window) if window not in row.gone]

    def existing(self):
        return [entry for entry in super().existing() if self.held(entry[1], entry[2])]

    def take(self, key, row):
        arguments = self.arguments_of(row)
        if arguments is None:
            return []
        windows = [w for w in self.windows_of(row.time) if self.is_open(w[1], row.before)]
        row.gone = set(windows)  # until it is added
        self.rows.append((key, row, arguments))
        given, changed, errors = [], [], []
        for window in windows:
            fired, failures = self.take_in(key, row, arguments, window)
            given += fired
            if failures:
                errors.append(failures)
            elif window not in row.gone:
                changed.append(window)
        if errors:
            self.result.dead.append((*row.source, errors[0]))
        if self.options["emit"] != "current":
            return given
        return given + [self.result_row(key, window, final=False) for window in changed]


class TriggeredByKey(Triggered, ClosedByKey):
    """Tumbling and hopping windows that a key's own time closes."""


class TriggeredSessions(Asking, Sessions):
    """Sessions: one goes on when its result leaves, from where it began, and counts its rows anew."""

    def held(self, key, window):
        return [(row, arguments) for row, arguments in super().held(key, window) if not row.gone]

    def existing(self):
        return [entry for entry in super().existing() if self.held(entry[1], entry[2])]

    def take(self, key, row):
        arguments = self.arguments_of(row)
        if arguments is None:
            return []
        given, failures = [], None
        before = self.sessions(key)
        if self.asks_before():
            given, failures = self.released_before(key, row)
        row.gone = bool(failures)
        self.rows.append((key, row, arguments))  # a session grows by a row that is a dead letter too
        window = next(w for w in self.sessions(key) if w[0] <= row.time < w[1])
        if not self.asks_before():
            given, failures = self.released_if(key, window, self.held(key, window))
            row.gone = row.gone or bool(failures)
        if failures:
            self.result.dead.append((*row.source, failures))
        if self.options["emit"] != "current" or not self.held(key, window) or (failures and window in before):
            return given
        return given + [self.result_row(key, window, final=False)]

    def released_before(self, key, row):
        """Of the sessions that the row reaches, as one."""
        gap = self.options["size"]
        reached = [w for w in self.sessions(key)
                   if w[0] - gap < row.time < w[1] and self.is_open(w[1], row.before)]
        held = [h for h in [(r, a) for k, r, a in self.rows if k == key]
                if not h[0].gone and any(w[0] <= h[0].time < w[1] for w in reached)]
        if not held:
            return [], None
        return self.released_if(key, (min(w[0] for w in reached), max(w[1] for w in reached)), held)

    def released_if(self, key, window, held):
        results, failures = self.fired(key, window, held)
        for row, _ in held:
            row.gone = row.gone or bool(results)
        return results, failures


class TriggeredSessionsByKey(TriggeredSessions, SessionsByKey):
    """Sessions that a key's own time closes."""


class TriggeredCounted(AskingEach, Counted):
    """Windows of `size` rows of a key: which rows these are does not depend on what fires."""

    def take(self, key, row):
        arguments = self.arguments_of(row)
        if arguments is None:
            return []
        size, step = self.options["size"], self.options["step"]
        number = sum(k == key for k, _, _ in self.rows)
        begins = [b for b in range(0, number + 1, step) if b + size > number]
        row.gone = set(begins)
        self.rows.append((key, row, arguments))
        finals, growing, errors = [], [], []
        for begin in begins:
            fired, failures = self.take_in(key, row, arguments, begin)
            finals += fired
            if failures:
                errors.append(failures)
            left = self.held(key, begin)
            if left and begin + size == number + 1:
                finals.append(self.final(key, self.times_of(begin, left), left))
                self.leave(begin, left)
            elif left and not failures:
                growing.append(self.numbered(key, left, False))
        if errors:
            self.result.dead.append((*row.source, errors[0]))
        return (growing if self.options["emit"] == "current" else []) + finals

    def held(self, key, begin):
        of_key = [(row, arguments) for k, row, arguments in self.rows if k == key]
        return [h for h in of_key[begin:begin + self.options["size"]] if begin not in h[0].gone]

    def times_of(self, begin, held):
        times = [row.time for row, _ in held]
        return min(times), max(times) + 1
