"""What a pipeline must give, row at a time, from the definitions (R2-R6, T1-T5, W1-W9, K1, K2).

Nothing here is shared with the engine, and nothing is fast. A case is what generate.py makes.
"""
import json

from aggregates import aggregated, arguments_of
from expressions import INT_MAX, INT_MIN, Failures, evaluate

NEVER = float("-inf")
COLUMNS = {"k": str, "t": int, "v": int, "x": float, "s": str}
MAX_FUTURE_MS = 24 * 3600 * 1000
CLOCK_MS = 1_000_000_000


class Result:
    """Rows by topic as (key column values or None, JSON value or None), dead letters, and counts."""

    def __init__(self):
        self.topics = {"out": [], "out2": [], "late": []}
        self.dead = []  # (partition, offset, classes or None when the class is of no interest)
        self.filtered = 0
        self.late = 0  # rows late for a step that has no late output


class Row:
    """One row under way: its columns in order, event time, the watermark before it, and where it came from."""

    def __init__(self, values, time, before, source, tombstone=False, key=None):
        self.values = values
        self.time = time
        self.before = before
        self.source = source  # (partition, offset)
        self.tombstone = tombstone
        self.key = key  # what orders rows: those of one key stay in order

    def with_values(self, values):
        return Row(values, self.time, self.before, self.source, self.tombstone, self.key)


def versions(case):
    """The case as it begins, and as it goes on behind "edit" in its input: other steps behind those that keep a state,
    and other conditions of sinks."""
    if "edit" not in case:
        return case, case
    edit = case["edit"]
    more = case | {"steps": case["steps"] + edit["steps"]}
    first, then = (more, case) if edit["undoes"] else (case, more)
    return first, then | {"sinks": edit["sinks"]}


def run(case):
    """The Result of a case."""
    result = Result()
    repartitions = case["partitions"] > 1 and moves_rows(case)
    first, then = versions(case)
    tasks = [Task(first, result) for _ in range(1 if repartitions else case["partitions"])]
    clocks = [Clock(case["out_of_orderness"]) for _ in range(case["partitions"])]
    offsets = [0] * case["partitions"]
    for record in case["input"]:
        if record == "edit":
            for task in tasks:
                task.edit(then, kept=len(case["steps"]))
        if record in ("run", "edit"):
            continue
        partition = record["partition"]
        offset = offsets[partition]
        offsets[partition] += 1
        row = decode(case, record, (partition, offset), result)
        if row is None:
            continue
        row.before = clocks[partition].watermark
        if not row.tombstone:  # it has no event time: that is a column
            clocks[partition].see(row.time)
        if repartitions:
            # Rows are generated so that none can be late: when its partition's report comes does not matter.
            row.before = NEVER
            tasks[0].process(row)
        else:
            tasks[partition].process(row)
            tasks[partition].advance(clocks[partition].watermark)
    if repartitions:
        tasks[0].advance(min(clock.watermark for clock in clocks))
    return result


def moves_rows(case):
    """True when rows of one group may be in several partitions (K2): the declared key is not among its columns, or null
    is a group, for records without a message key lie in any partition."""
    import keyed  # which needs Row

    lie_anywhere = True  # rows in which the declared key is null
    for step in case["steps"]:
        options = next((step[kind] for kind in ["window", *keyed.KINDS] if kind in step), None)
        if options is None:
            continue
        # A table keeps a row for null in each partition: deletions would not move along.
        nulls_move = options["null_key"] == "group" and lie_anywhere and "latest" not in step
        if case["source_key"] not in options["by"] or nulls_move:
            return True
        lie_anywhere = False  # it lets none of them pass
    return False


class Clock:
    def __init__(self, out_of_orderness):
        self.watermark = NEVER
        self.out_of_orderness = out_of_orderness

    def see(self, time):
        self.watermark = max(self.watermark, time - self.out_of_orderness)


def decode(case, record, source, result):
    if record["value"] is None:
        values = dict.fromkeys(COLUMNS)
        if case["source_key"]:
            values[case["source_key"]] = record["key"]  # the declared column is the message key (K2)
        return Row(values, record["time"], None, source, tombstone=True, key=record["key"])
    values = typed_values(record["value"])
    if values is None:
        result.dead.append((*source, {"decode"}))
        return None
    if case["source_key"] and values["k"] != record["key"]:
        result.dead.append((*source, None))
        return None
    if values["t"] is None or values["t"] > CLOCK_MS + MAX_FUTURE_MS:
        result.dead.append((*source, None))
        return None
    return Row(values, values["t"], None, source, key=record["key"])


def typed_values(value):
    """The columns of a JSON object, or None when a field does not fit its type (R5, R6)."""
    try:
        fields = json.loads(value)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    values = {}
    for name, wanted in COLUMNS.items():
        field = fields.get(name)
        if field is None:
            values[name] = None
        elif isinstance(field, bool) or isinstance(field, (list, dict)):
            return None
        elif wanted is int:
            if not isinstance(field, int) or not INT_MIN <= field <= INT_MAX:
                return None
            values[name] = field
        elif wanted is float:
            if isinstance(field, str):
                return None
            values[name] = float(field)
        else:
            values[name] = field if isinstance(field, str) else json.dumps(field)
    return values


class Task:
    """The steps of a case for the rows of one partition."""

    def __init__(self, case, result):
        self.case = case
        self.result = result
        self.steps = [step_of(step, result) for step in case["steps"]]

    def edit(self, case, kept):
        self.case = case
        self.steps = self.steps[:kept] + case["steps"][kept:]

    def process(self, row, first=0):
        for at in range(first, len(self.steps)):
            step = self.steps[at]
            if not isinstance(step, dict):
                for changed in step.add(row):
                    self.process(changed, at + 1)
                return
            row = self.stateless(step, row)
            if row is None:
                return
        for sink in self.case["sinks"]:
            self.sink(sink, row)

    def advance(self, watermark, first=0):
        for at in range(first, len(self.steps)):
            step = self.steps[at]
            if not hasattr(step, "close"):
                continue
            for closed in step.close(watermark):
                self.process(closed, at + 1)
            # What comes later is at least as new as the oldest window that can still close.
            watermark -= step.grace

    def stateless(self, step, row):
        if "filter" in step:
            failures = Failures()
            keep = evaluate(step["filter"], row.values, failures)
            if failures and not row.tombstone:
                return self.dead_letter(row, failures)
            if failures or keep is not True:
                self.result.filtered += 1
                return None
            return row
        if "with" in step:
            if row.tombstone:
                return row.with_values({**row.values, **dict.fromkeys(name for name, _ in step["with"])})
            failures = Failures()
            added = {name: evaluate(e, row.values, failures) for name, e in step["with"]}
            if failures:
                return self.dead_letter(row, failures)
            return row.with_values({**row.values, **added})
        if "drop" in step:
            return row.with_values({n: v for n, v in row.values.items() if n not in step["drop"]})
        names = dict(step["rename"])
        return row.with_values({names.get(n, n): v for n, v in row.values.items()})

    def sink(self, sink, row):
        if sink.get("where") is not None:
            failures = Failures()
            keep = evaluate(sink["where"], row.values, failures)
            if failures:
                self.dead_letter(row, failures)
                return
            if keep is not True:
                return
        self.result.topics[sink["topic"]].append((row.key, None if row.tombstone else dict(row.values)))

    def dead_letter(self, row, classes):
        self.result.dead.append((*row.source, classes))


def step_of(step, result):
    """What keeps a state, or the step itself."""
    import keyed  # which needs Row

    if "window" in step:
        return window_of(step["window"], result)
    return next((keyed.keyed_of(kind, step[kind], result) for kind in keyed.KINDS if kind in step), step)


def window_of(options, result):
    if "trigger" in options:
        from triggered import triggered_of  # which needs Window

        return triggered_of(options, result)
    if options["closing"] == "key":
        from key_closing import closed_by_key_of  # which needs Window

        return closed_by_key_of(options, result)
    return {"session": Sessions, "count": Counted}.get(options["kind"], Window)(options, result)


def key_of(row, options, result):
    """The row's key in a keyed step; None when it leaves: a tombstone (R2), or for a null (K2), which `result` notes."""
    if row.tombstone:
        return None
    key = tuple(row.values[name] for name in options["by"])
    if None not in key or options["null_key"] == "group":
        return key
    if options["null_key"] == "drop":
        result.filtered += 1
    else:
        result.dead.append((*row.source, {"null_key"}))
    return None


class Window:
    """A window step (W1-W9). Keeps every row it took, and counts anew whenever it is asked."""

    def __init__(self, options, result):
        self.options = options
        self.result = result
        self.grace = options["grace"]
        self.rows = []  # (key, row, argument values by aggregate)
        self.closed = NEVER

    # --- Which windows ---

    def windows_of(self, time):
        """(start, end) of every window that may hold an event at `time`, oldest first."""
        o = self.options
        if o["kind"] == "sliding":
            return [(end - o["size"], end) for end in range(time + 1, time + o["size"] + 1)]
        step = o["size"] if o["kind"] == "tumbling" else o["step"]
        newest = time - (time - o["offset"]) % step
        starts = range(newest, time - o["size"], -step)
        return [(start, start + o["size"]) for start in reversed(starts)]

    def is_open(self, end, watermark):
        return watermark < end + self.grace

    # --- Rows ---

    def add(self, row):
        """Takes a row; yields the running results that changed when the step emits them."""
        key = key_of(row, self.options, self.result)
        if key is None:
            return []
        last_end = self.last_end(key, row)
        if not self.is_open(last_end, row.before):
            late_by = row.before - (last_end + self.grace)
            self.result.topics["late"].append((row.key, {**row.values, "late_by": late_by}))
            return []
        return self.take(key, row)

    def take(self, key, row):
        """Adds a row that is not late; yields the running results that changed."""
        arguments, failures = arguments_of(self.options["aggregates"], row)
        if failures or self.overflows(key, row, arguments):
            self.result.dead.append((*row.source, failures or {"overflow"}))
            return []
        self.rows.append((key, row, arguments))
        if self.options["emit"] != "current":
            return []
        changed = [window for _, k, window in self.existing()
                   if k == key and window[0] <= row.time < window[1] and self.is_open(window[1], row.before)]
        return [self.result_row(key, window, final=False) for window in changed]

    def last_end(self, key, row):
        """End of the last window that may hold the row: when that is closed, the row is late."""
        return self.windows_of(row.time)[-1][1]

    def overflows(self, key, row, arguments):
        """Whether a sum of integers would leave int64 in a window of the row (W8)."""
        sums = [i for i, a in enumerate(self.options["aggregates"])
                if a["function"] == "sum" and isinstance(arguments[i], int)]
        if not sums:
            return False
        for window in self.windows_of(row.time):
            if not self.is_open(window[1], row.before):
                continue
            held = self.held(key, window)
            for i in sums:
                values = [arguments[i], *(h[1][i] for h in held)]
                if not INT_MIN <= sum(v for v in values if v is not None) <= INT_MAX:
                    return True
        return False

    # --- Results ---

    def held(self, key, window):
        return [(row, arguments) for k, row, arguments in self.rows
                if k == key and window[0] <= row.time < window[1] and self.is_open(window[1], row.before)]

    def existing(self):
        """(end, key, window) of every window that has a result, by end and key."""
        found = {}
        for key, row, _ in self.rows:
            for window in self.windows_of(row.time):
                if self.options["kind"] == "sliding" and window[1] != row.time + 1:
                    continue  # a sliding window exists for the times at which there are rows
                if self.is_open(window[1], row.before):
                    found[(window[1], order_of(key))] = (key, window)
        return [(end, *found[(end, order)]) for end, order in sorted(found)]

    def close(self, watermark):
        """Results of the windows that close when the watermark reaches `watermark`, in order of end and key."""
        closing = [(key, window) for end, key, window in self.existing()
                   if self.is_open(end, self.closed) and not self.is_open(end, watermark)]
        results = [self.result_row(key, window, final=True) for key, window in closing]
        self.closed = max(self.closed, watermark)
        return results

    def result_row(self, key, window, final):
        row = self.row_of(key, window, self.held(key, window))
        if self.options["emit"] == "current":
            row.values["final"] = final
        return row

    def row_of(self, key, window, held):
        values = dict(zip(self.options["by"], key))
        values["window_start"], values["window_end"] = window
        for i, aggregate in enumerate(self.options["aggregates"]):
            values[aggregate["name"]] = aggregated(aggregate, i, held)
        return Row(values, window[1] - 1, NEVER, None, key=key)


def order_of(key):
    """Null comes before every value."""
    return tuple((False, 0) if value is None else (True, value) for value in key)


class Sessions(Window):
    """Rows of a key that are less than the gap apart share a window: [first, last + gap)."""

    def add(self, row):
        self.rows = [r for r in self.rows if not self.is_over(r)]
        return super().add(row)

    def sessions(self, key):
        """(start, end) of the sessions of a key, oldest first."""
        gap = self.options["size"]
        found = []
        for time in sorted(row.time for k, row, _ in self.rows if k == key):
            if found and time < found[-1][1]:
                found[-1] = (found[-1][0], time + gap)
            else:
                found.append((time, time + gap))
        return found

    def is_over(self, entry):
        """True for a row of a session that is closed: it cannot be reached again."""
        key, row, _ = entry
        end = next(end for start, end in self.sessions(key) if start <= row.time < end)
        return not self.is_open(end, self.closed)

    def last_end(self, key, row):
        gap = self.options["size"]
        reached = [end for start, end in self.sessions(key)
                   if start - gap < row.time < end and self.is_open(end, row.before)]
        return max([row.time + gap, *reached])

    def windows_of(self, time):
        return []  # sums of sessions are generated so that they stay within int64

    def held(self, key, window):
        return [(row, arguments) for k, row, arguments in self.rows if k == key and window[0] <= row.time < window[1]]

    def existing(self):
        found = [(end, key, (start, end)) for key in {key for key, _, _ in self.rows} for start, end in self.sessions(key)]
        return sorted(found, key=lambda entry: (entry[0], order_of(entry[1])))


class Counted(Window):
    """Windows of `size` rows of a key as they come, one beginning every `step` rows; no row is late."""

    def windows_of(self, time):
        return []

    def last_end(self, key, row):
        return float("inf")

    def take(self, key, row):
        super().take(key, row)
        of_key = [(r, arguments) for k, r, arguments in self.rows if k == key]
        if not of_key or of_key[-1][0] is not row:
            return []  # it failed
        size = self.options["size"]
        begins = [begin for begin in range(0, len(of_key), self.options["step"]) if begin + size >= len(of_key)]
        full = [begin for begin in begins if begin + size == len(of_key)]
        growing = [begin for begin in begins if begin not in full] if self.options["emit"] == "current" else []
        return [self.numbered(key, of_key[begin:], begin in full) for begin in growing + full]

    def numbered(self, key, held, final):
        times = [row.time for row, _ in held]
        result = self.row_of(key, (min(times), max(times) + 1), held)
        if self.options["emit"] == "current":
            result.values["final"] = final
        return result

    def close(self, watermark):
        return []
