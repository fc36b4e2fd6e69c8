"""Random pipelines and random out-of-order input, as plain data: the same seed gives the same case."""
import json
import random

import expressions as ex
import keyed
import reference

KINDS = ["tumbling", "hopping", "hopping", "sliding", "session", "session", "count", "count"]
BIG = [ex.INT_MAX, ex.INT_MAX - 1, ex.INT_MIN, ex.INT_MIN + 1, 2**62]
KEYS = ["a", "b", "ab", "c"]
VALUES = ["top_k", "collect", "argmin", "argmax"]
APPROXIMATE = ["variance", "stddev", "quantile"]


def make(seed):
    return Generator(seed).case()


class Generator:
    def __init__(self, seed):
        self.seed = seed
        self.random = random.Random(seed)
        self.types = {}  # of the columns at this point of the pipeline
        self.big = False  # values near the ends of int64
        self.chained = False  # a window follows a window

    def case(self):
        r = self.random
        self.types = {"k": "str", "t": "time", "v": "int", "x": "double", "s": "str"}
        partitions = r.choice([1, 1, 1, 2, 3])
        source_key = r.choice(["", "k"])
        windows = r.choice([0, 1, 1, 1, 2])
        self.big = r.random() < 0.15 and (windows == 0 or windows == partitions == 1)
        case = {"seed": self.seed, "partitions": partitions, "source_key": source_key,
                "config": {"batch_rows": r.choice([0, 0, 1, 2, 7]), "workers": r.choice([1, 1, 2]),
                           "restart": r.choice(["never", "never", "kill", "stop"])}}
        if case["config"]["restart"] != "never":
            case["config"]["batch_rows"] = r.choice([0, 7])  # starting again after every row takes long
        case["steps"] = self.stateless(r.randrange(3))
        if r.random() < 0.3:
            windows = self.add_keyed(case, windows)
        self.chained = windows > 1
        emit = "final"
        if windows == 1 and partitions == 1 and r.random() < 0.3:
            # What is changed by a batch depends on the batch: with batches of one row it is the row's windows.
            emit = "current"
            case["config"] = {"batch_rows": 1, "workers": 1, "restart": "never"}
        for _ in range(windows):
            if not any("window" in step for step in case["steps"]):
                case["steps"].append({"window": self.first_window(case, emit)})
            else:
                case["steps"].append({"window": self.next_window(case["steps"])})
        if windows:
            case["steps"] += self.harmless(r.randrange(3))
        case["sinks"] = [{"topic": "out"}]
        if r.random() < 0.3:
            case["sinks"].append({"topic": "out2", "where": self.condition()})
        case["input"] = self.input(case)
        case["out_of_orderness"] = self.out_of_orderness(case)
        self.add_edit(case)
        return case

    def add_edit(self, case):
        """Behind what keeps a state, steps that come or go in the midst of the input. Of rows that move, what is closed by
        then is chance."""
        self.random = r = random.Random(f"edit {self.seed}")
        if r.random() > 0.15 or (case["partitions"] > 1 and reference.moves_rows(case)):
            return
        sinks = [sink | {"where": self.condition()} if "where" in sink else sink for sink in case["sinks"]]
        steps = [{"filter": self.condition()} if r.random() < 0.5 else
                 {"with": [["more", self.expression(r.choice(["int", "double", "str"]), 2, False)]]}
                 for _ in range(r.randrange(3))]
        case["edit"] = {"steps": steps, "sinks": sinks, "undoes": r.random() < 0.5}
        case["input"].insert(r.randrange(len(case["input"]) + 1), "edit")

    # --- Steps ---

    def stateless(self, count):
        steps = []
        for _ in range(count):
            kind = self.random.choice(["filter", "with", "with", "rename", "drop"])
            if kind == "filter":
                steps.append({"filter": self.condition(fails=self.random.random() < 0.3)})
            elif kind == "with":
                steps.append(self.with_step(fails=True))
            elif kind == "rename" and "s" in self.types:
                self.types = {"r" if n == "s" else n: t for n, t in self.types.items()}
                steps.append({"rename": [["s", "r"]]})
            elif kind == "drop" and "x" in self.types and len(self.types) > 4:
                del self.types["x"]
                steps.append({"drop": ["x"]})
        return steps

    def add_keyed(self, case, windows):
        """Adds a step that remembers without a window; returns how many windows may follow."""
        r = self.random
        by = [n for n, t in self.types.items() if t in ("str", "int") and n in ("k", "v", "s", "r", "e")]
        if case["partitions"] > 1:
            # The order in which rows of several partitions come is not defined.
            if "k" not in by:
                return windows
            case["source_key"], windows, by = "k", 0, ["k"]
        step = {"by": r.sample(by, min(len(by), r.choice([1, 1, 2]))), "null_key": r.choice(["error", "drop", "group"])}
        self.keep_in_place(case, step)
        kind = r.choice(keyed.KINDS)
        if kind == "deduplicate":
            step["within"] = r.choice([1, 3, 10, 40])
        elif kind == "changes":
            step["columns"] = r.sample(list(self.types), r.choice([1, 1, 2]))
        elif kind == "running":
            step["aggregates"] = self.aggregates(ordered=True)
            self.types = {n: self.types[n] for n in step["by"]} | {a["name"]: a["type"] for a in step["aggregates"]}
        if kind in ("changes", "running") and r.random() < 0.5:
            step["ttl"] = r.choice([1, 5, 20, 100])
        ttls = random.Random(f"latest {self.seed}")
        if kind == "latest" and ttls.random() < 0.5:
            step["ttl"] = ttls.choice([1, 5, 20, 100])
        case["steps"].append({kind: step})
        return windows

    def with_step(self, fails):
        added = {}
        for _ in range(self.random.randrange(1, 3)):
            # After a window the columns it groups by stay: they are the message key.
            name = self.random.choice(["v", "x", "d", "e"] if fails else ["d", "f"])
            kind = self.random.choice(["int", "int", "double", "str"])
            added[name] = (kind, self.expression(kind, 2, fails))
        self.types = {**self.types, **{name: kind for name, (kind, _) in added.items()}}
        return {"with": [[name, e] for name, (_, e) in added.items()]}

    def harmless(self, count):
        """Steps that cannot fail: a failing result row has no record to be named by."""
        steps = []
        for _ in range(count):
            if self.random.random() < 0.5:
                steps.append({"filter": self.condition()})
            else:
                steps.append(self.with_step(fails=False))
        return steps

    def first_window(self, case, emit):
        r = self.random
        candidates = [n for n, t in self.types.items() if t in ("str", "int") and n in ("k", "v", "s", "r", "e")]
        if "k" not in candidates or (case["source_key"] and r.random() < 0.6):
            by = ["k"] if "k" in candidates else [r.choice(candidates)]
        else:
            by = r.sample(candidates, r.choice([1, 1, 2]) if len(candidates) > 1 else 1)
        # A sum of several panes may be beyond int64 although every row was counted: see README.md.
        kind = "tumbling" if self.big else r.choice(KINDS)
        moves = case["partitions"] > 1 and case["source_key"] not in by
        if kind == "count" and (self.chained or moves):
            kind = "tumbling"  # rows that move have no order across partitions
        triggers = random.Random(f"trigger {self.seed}")
        triggered = not moves and triggers.random() < 0.3
        if triggered and kind == "sliding":
            kind = "hopping"
        window = self.window(by, emit, kind, r.randrange(1, 40), last_of_pair=True)
        if kind == "count" or triggered:
            self.keep_in_place(case, window)
        moves = moves or (case["partitions"] > 1 and window["null_key"] == "group")
        if triggered:
            window["trigger"] = self.trigger(triggers)
        # Of rows that moved, what closes a window of a key depends on how partitions interleave.
        if kind in ("tumbling", "hopping", "session") and not moves and random.Random(f"closing {self.seed}").random() < 0.4:
            window["closing"] = "key"
        if moves and kind in ("tumbling", "hopping") and random.Random(f"partials {self.seed}").random() < 0.6:
            self.let_partials_travel(window)
        return window

    def let_partials_travel(self, window):
        """Of rows that move: nothing that needs single rows, and windows so long that they share keys (K2a)."""
        window["late_topic"] = False
        for name in ("size", "step"):
            if name in window:
                window[name] *= 5
        for a in window["aggregates"]:
            if a["function"] in VALUES + APPROXIMATE + ["count_distinct"]:
                self.types[a["name"]] = a["type"] = "int"
                a["function"] = "count"
                for name in ("order", "parameter"):
                    a.pop(name, None)
            elif a["function"] in ("first", "last"):
                a["function"] = {"first": "min", "last": "max"}[a["function"]]
            elif a["function"] in ("sum", "mean") and a["type"] == "double" and a["argument_type"] == "double":
                a["function"] = "max"

    @staticmethod
    def keep_in_place(case, step):
        """Null as a group would move its rows, and then their order is not defined."""
        if case["partitions"] > 1 and step["null_key"] == "group":
            step["null_key"] = "drop"

    def trigger(self, triggers):
        """Of a window whose result columns are at hand; most of them fire now and then."""
        self.random, random_before = triggers, self.random
        numbers = self.columns("int") + self.columns("double")
        if numbers and triggers.random() < 0.6:
            when = [triggers.choice([">=", "=", ">"]), triggers.choice(numbers), ["lit", triggers.choice([1, 2, 3, 7])]]
        else:
            when = self.condition(fails=triggers.random() < 0.6)
        self.random = random_before
        return {"when": when, "when_asked": triggers.choice(["after", "before"])}

    def next_window(self, steps):
        before = next(step["window"] for step in reversed(steps) if "window" in step)
        window = self.window(before["by"], "final", "tumbling", before["size"] * self.random.choice([2, 3, 5]),
                             last_of_pair=False)
        window["null_key"] = "group"  # a result row has no record that a dead letter could name
        return window

    def window(self, by, emit, kind, size, last_of_pair):
        r = self.random
        window = {"by": by, "null_key": r.choice(["error", "drop", "group"]), "kind": kind, "size": size,
                  "grace": r.choice([0, 0, 3, 15]), "offset": 0, "emit": emit, "closing": "partition",
                  "aggregates": self.aggregates(ordered=last_of_pair)}
        if kind == "hopping":
            window["step"] = r.randrange(max(1, size // 5), size + 1)
        if kind == "count":
            size = r.randrange(1, 6)
            shape = r.choice(["tumbling", "hopping", "sliding"])
            step = {"tumbling": size, "sliding": 1}.get(shape, r.randrange(1, size + 1))
            window |= {"shape": shape, "size": size, "step": step, "grace": 0}
        if kind in ("tumbling", "hopping"):
            window["offset"] = r.choice([0, 0, 3, 11])
        types = {n: self.types[n] for n in by} | {"window_start": "time", "window_end": "time"}
        types |= {a["name"]: a["type"] for a in window["aggregates"]}
        self.types = types | ({"final": "bool"} if emit == "current" else {})
        return window

    def aggregates(self, ordered):
        r = self.random
        chosen = []
        for i in range(r.randrange(1, 5)):
            function = r.choice(["count", "count", "sum", "min", "max"] + (["first", "last"] if ordered else [])
                                + ([] if self.big else ["mean"]))
            if r.random() < 0.35:
                function = r.choice(["count_distinct", "top_k"] + (["collect", "argmin", "argmax"] if ordered else [])
                                    + ([] if self.big else APPROXIMATE))
            numbers = function in ["sum", "mean", *APPROXIMATE]
            kind = r.choice(["int", "double"] if numbers else ["int", "double", "str"])
            argument = self.expression(kind, 1, fails=r.random() < 0.3 and ordered)
            if function == "count" and r.random() < 0.5:
                argument = None
            # Columns of type list and approx are in no expression; the name says how a result is compared.
            result = {"count": "int", "count_distinct": "int", "mean": "double", "top_k": "list", "collect": "list"}
            aggregate = {"name": f"a{i}", "function": function, "argument": argument, "argument_type": kind,
                         "type": "approx" if function in APPROXIMATE else result.get(function, kind)}
            if function in APPROXIMATE:
                aggregate["name"] = f"approx{i}"
            if function in ("argmin", "argmax"):
                aggregate["order"] = self.expression(r.choice(["int", "double", "str"]), 1, fails=False)
            if function in ("top_k", "collect"):
                aggregate["parameter"] = r.choice([1, 2, 5, 100])
            if function == "quantile":
                aggregate["parameter"] = r.choice([0, 0.25, 0.5, 0.9, 1])
            if r.random() < 0.25:
                aggregate["where"] = self.condition(fails=r.random() < 0.3 and ordered)
            chosen.append(aggregate)
        return chosen

    # --- Expressions: each has the type asked for; those with fails=False cannot fail ---

    def columns(self, kind):
        return [["col", n] for n, t in self.types.items() if t == kind]

    def leaf(self, kind):
        r = self.random
        columns = self.columns(kind)
        if columns and r.random() < 0.75:
            return r.choice(columns)
        if kind == "int":
            return ["lit", r.choice([0, 1, 2, 3, 10, -1])]
        return ["lit", r.choice([0.5, 1.5, -2.25, 100.0]) if kind == "double" else r.choice(["a", "x", "", "it's"])]

    def expression(self, kind, depth, fails):
        r = self.random
        if depth == 0 or r.random() < 0.3:
            return self.leaf(kind)
        shape = r.random()
        if shape < 0.15:
            return ["coalesce", self.leaf(kind), self.leaf(kind)]
        if shape < 0.3:
            whens = [[self.condition(), self.expression(kind, depth - 1, fails)] for _ in range(r.randrange(1, 3))]
            return ["case", whens, self.expression(kind, depth - 1, fails)]
        if kind == "str":
            return r.choice([["upper", self.leaf("str")], ["||", self.leaf("str"), self.leaf("str")]])
        if kind == "int" and shape < 0.4:
            return ["length", self.leaf("str")]
        if kind == "int" and not fails:
            return self.leaf("int")
        operators = ["+", "-", "*", "/", "%"] if kind == "int" else ["+", "-", "*"]
        left = self.expression(kind, depth - 1, fails)
        right = self.expression(r.choice([kind, "int"]), depth - 1, fails)
        return [r.choice(operators), left, right]

    def condition(self, fails=False, depth=1):
        r = self.random
        shape = r.random()
        if depth and shape < 0.3:
            return [r.choice(["and", "or"]), self.condition(fails, 0), self.condition(fails, 0)]
        if depth and shape < 0.4:
            return ["not", self.condition(fails, 0)]
        kind = r.choice(["int", "int", "double", "str"])
        if shape < 0.55:
            return ["is null", self.leaf(kind)]
        left = self.expression(kind, 1, fails) if fails else self.leaf(kind)
        return [r.choice(list(ex.COMPARISONS)), left, self.leaf(kind)]

    # --- Input ---

    def input(self, case):
        r = self.random
        start = r.choice([-100, 0, 0, 1000, 500_000_000])
        spread = r.choice([0, 5, 30])
        rows, now = [], start
        for _ in range(r.choice([3, 10, 20, 40])):
            if r.random() < 0.1:
                rows.append("run")
            now += r.choice([0, 1, 2, 5, 17])
            time = now - r.randrange(spread + 1)
            rows.append(self.record(case, time))
        if r.random() < 0.7:
            # Far enough to close what is open, in every partition.
            for partition in range(case["partitions"]):
                time = now + 500 + partition
                rows.append(self.record(case, time, partition) | {"value": json.dumps(
                    {"k": KEYS[partition], "t": time, "v": 1, "x": 0.5, "s": "a"})})
        return rows

    def record(self, case, time, partition=None):
        r = self.random
        k = KEYS[partition] if partition is not None else r.choice(KEYS) if r.random() < 0.93 else None
        # Rows of one key are in one partition, as a producer with a key would put them.
        partition = KEYS.index(k) % case["partitions"] if k is not None else r.randrange(case["partitions"])
        record = {"partition": partition, "time": max(time, 1), "key": k}
        kind = r.random()
        if kind < 0.02:
            return record | {"value": r.choice(["", "{", "[1]", '{"v":1.5}', '{"v":"7"}', '{"t":true}', "nonsense"])}
        if kind < 0.04:
            return record | {"value": None}
        if kind < 0.05:
            time = None
        elif kind < 0.06:
            time = 1_000_000_000 + 100_000_000 + r.randrange(100)
        v = r.choice([None, 0, 1, 2, 3, 7, -5, 100])
        if self.big and r.random() < 0.3:
            v = r.choice(BIG)
        fields = {"k": k, "t": time, "v": v, "x": r.choice([None, 0.0, 0.25, 1.5, -3.75, 1000.5, 2]),
                  "s": r.choice([None, "a", "b", "x", "bb", "ä€", 'q"\\']), "more": [1]}
        for name in [n for n, value in fields.items() if value is None and r.random() < 0.5]:
            del fields[name]  # R6: missing is null
        return record | {"value": json.dumps(fields, ensure_ascii=False)}

    def out_of_orderness(self, case):
        """Any, but rows that move between partitions must not be late: that would depend on who is faster."""
        if case["partitions"] == 1 or not reference.moves_rows(case):
            return self.random.choice([0, 0, 0, 4, 30])
        newest, most = {}, 0
        for record in case["input"]:
            if record in ("run", "edit"):
                continue
            time = record["time"]  # of a tombstone
            if record["value"] is not None:
                values = reference.typed_values(record["value"])
                time = values and values["t"]
            if time is None or time > 1_000_000_000:
                continue
            before = newest.get(record["partition"], time)
            most = max(most, before - time)
            newest[record["partition"]] = max(before, time)
        return most


# --- The pipeline file ---


def yaml(case):
    lines = ["name: oracle", f"out_of_orderness: {case['out_of_orderness']}ms", "idle_after: never",
             "dead_letter: {topic: dead}", "source:", "  topic: in", "  timestamp: t"]
    if case["source_key"]:
        lines.append(f"  key: {case['source_key']}")
    lines.append('  schema: {k: string, t: "timestamp[ms]", v: int64, x: double, s: string}')
    lines += ["steps:"] if case["steps"] else []
    for step in case["steps"]:
        kind = next((kind for kind in keyed.KINDS if kind in step), None)
        lines += (keyed_yaml(kind, step[kind]) if kind else
                  window_yaml(step["window"]) if "window" in step else stateless_yaml(step))
    lines.append("sinks:")
    for sink in case["sinks"]:
        lines.append(f"  - topic: {sink['topic']}")
        if sink.get("where") is not None:
            lines.append(f"    where: {quoted(sink['where'])}")
    return "\n".join(lines) + "\n"


def quoted(e):
    return json.dumps(ex.text(e), ensure_ascii=False)


def stateless_yaml(step):
    if "filter" in step:
        return [f"  - filter: {quoted(step['filter'])}"]
    if "with" in step:
        return ["  - with:"] + [f"      {name}: {quoted(e)}" for name, e in step["with"]]
    if "drop" in step:
        return [f"  - drop: [{', '.join(step['drop'])}]"]
    return ["  - rename: {" + ", ".join(f"{old}: {new}" for old, new in step["rename"]) + "}"]


def window_yaml(window):
    lines = ["  - window:", f"      by: [{', '.join(window['by'])}]", f"      null_key: {window['null_key']}"]
    if window["kind"] == "count":
        step = f", step: {window['step']}" if window["shape"] == "hopping" else ""
        lines.append(f"      count: {{size: {window['size']}, kind: {window['shape']}{step}}}")
    elif window["kind"] == "hopping":
        lines.append(f"      hopping: {{size: {window['size']}ms, step: {window['step']}ms}}")
    else:
        lines.append(f"      {window['kind']}: {window['size']}ms")
    if window["kind"] != "count":
        lines.append(f"      grace: {window['grace']}ms")
    if window["kind"] != "count" and window.get("late_topic", True):
        lines.append("      late: {topic: late}")
    if window["offset"]:
        lines.append(f"      offset: {window['offset']}ms")
    lines.append(f"      emit: {window['emit']}")
    if window["closing"] == "key":
        lines.append("      closing: key")
    if "trigger" in window:
        trigger = window["trigger"]
        lines.append(f"      trigger: {{when: {quoted(trigger['when'])}, {trigger['when_asked']}: update}}")
    return lines + aggregates_yaml(window["aggregates"])


def keyed_yaml(kind, step):
    lines = [f"  - {kind}:", f"      by: [{', '.join(step['by'])}]", f"      null_key: {step['null_key']}"]
    if kind == "deduplicate":
        return [*lines, f"      within: {step['within']}ms"]
    if "ttl" in step:
        lines.append(f"      ttl: {step['ttl']}ms")
    if kind == "changes":
        return [*lines, f"      columns: [{', '.join(step['columns'])}]"]
    if kind == "latest":
        return lines
    return lines + aggregates_yaml(step["aggregates"])


def aggregates_yaml(aggregates):
    lines = ["      aggregate:"]
    for a in aggregates:
        arguments = [ex.text(a[name]) for name in ("argument", "order") if a.get(name) is not None]
        arguments += [str(a["parameter"])] if "parameter" in a else []
        call = f"{a['function']}({', '.join(arguments)})"
        if "where" in a:
            call += " where " + ex.text(a["where"])
        lines.append(f"        {a['name']}: {json.dumps(call, ensure_ascii=False)}")
    return lines
