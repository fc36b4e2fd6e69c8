#!/usr/bin/env python3
"""Random pipelines on random input: what the engine gives must be what reference.py gives.

    tests/oracle/oracle.py DRIVER                 the 2,000 cases of seed 1; with MILLRACE_TEST_LONG=1 20,000 of a seed
                                                  from the clock
    tests/oracle/oracle.py DRIVER --seed N        the cases of seed N
    tests/oracle/oracle.py DRIVER --cases N       so many cases
    tests/oracle/oracle.py DRIVER --case SEED     one case, by the number that a failure names, with what came out

DRIVER is build/release/tests/oracle_driver. A failing case is made as small as it gets and printed with its pipeline
and the command that repeats it. Exit code 1 when there is one.
"""
import argparse
import concurrent.futures
import copy
import json
import os
import pathlib
import subprocess
import sys
import time

import generate
import reference

LONG = os.environ.get("MILLRACE_TEST_LONG") == "1"
CASES = 20_000 if LONG else 2_000
SEED = int(time.time()) if LONG else 1
MOST_SHOWN = 3  # failures that are made small and printed
MOST_SHRINK_ROUNDS = 60
CASE_TIMEOUT_S = 120


class Outcome:
    """What the driver printed for a case."""

    def __init__(self):
        self.error = None
        self.topics = {"out": [], "out2": [], "late": []}  # (key, value as an ordered list of pairs or None)
        self.dead = []
        self.counters = None


# --- Running the engine ---


def script(case, number):
    config = case["config"]
    lines = ["\t".join(["case", str(number), str(case["partitions"]), str(config["batch_rows"]),
                        str(config["workers"]), config["restart"]])]
    first, then = reference.versions(case)
    lines += ["yaml\t" + line for line in generate.yaml(first).splitlines()]
    lines += ["edited\t" + line for line in generate.yaml(then).splitlines()]
    for record in case["input"]:
        if record in ("run", "edit"):
            lines.append(record)
            continue
        fields = [str(record["partition"]), str(record["time"]), nullable(record["key"]), nullable(record["value"])]
        lines.append("\t".join(["row", *fields]))
    return "\n".join([*lines, "end"]) + "\n"


def nullable(text):
    return "\\N" if text is None else text


def run_engine(driver, cases):
    """Outcomes by position; a case on which the driver ends or hangs gets an error."""
    outcomes = [None] * len(cases)
    begin = 0
    while begin < len(cases):
        text = "".join(script(cases[i], i) for i in range(begin, len(cases)))
        environment = {**os.environ, "TMPDIR": scratch()}
        limit = CASE_TIMEOUT_S + 0.2 * (len(cases) - begin)
        process = subprocess.Popen([driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment)
        try:
            out, log = process.communicate(text.encode(), timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            out, log = process.communicate()
        last = read_outcomes(out.decode(errors="replace"), outcomes)
        if last + 1 == len(cases):
            break
        stopped = max(last + 1, begin)
        outcomes[stopped] = Outcome()
        outcomes[stopped].error = f"the driver ended with {process.returncode}: {log.decode(errors='replace')[-2000:]}"
        begin = stopped + 1
    return outcomes


def scratch():
    """State directories are made and removed thousands of times: in memory where there is such a place."""
    shared = pathlib.Path("/dev/shm")
    return str(shared) if os.access(shared, os.W_OK) else os.environ.get("TMPDIR", "/tmp")


def read_outcomes(text, outcomes):
    last, number, outcome = -1, None, None
    for line in text.split("\n")[:-1]:  # what a driver that died wrote of a line is no line
        kind, *fields = line.split("\t")
        if kind == "case":
            number, outcome = int(fields[0]), Outcome()
        elif kind == "error":
            outcome.error = fields[0]
        elif kind == "out":
            key, value = (None if f == "\\N" else f for f in fields[1:])
            outcome.topics[fields[0]].append((key, None if value is None else json.loads(value, object_pairs_hook=list)))
        elif kind == "dead":
            outcome.dead.append((int(fields[0] or -1), int(fields[1] or -1), fields[2]))
        elif kind == "counters":
            outcome.counters = [int(f) for f in fields]
        elif kind == "end":
            outcomes[number] = outcome
            last = number
    return last


# --- Comparing ---


def difference(case, outcome):
    """Why the outcome is wrong, or None."""
    expected = reference.run(case)
    if outcome.error is not None:
        return "the engine failed: " + outcome.error
    for topic, rows in expected.topics.items():
        wanted = [(key, None if values is None else [list(pair) for pair in values.items()]) for key, values in rows]
        problem = rows_differ(case, wanted, outcome.topics[topic])
        if problem:
            return f"topic {topic}: {problem}"
    dead = sorted((p, o) for p, o, _ in expected.dead)
    if dead != sorted((p, o) for p, o, _ in outcome.dead):
        return f"dead letters (partition, offset): expected {dead}, found {sorted(outcome.dead)}"
    classes = {(p, o): c for p, o, c in expected.dead}
    for p, o, found in outcome.dead:
        if classes[p, o] is not None and found not in classes[p, o]:
            return f"dead letter {p}/{o}: expected class {sorted(classes[p, o])}, found {found}"
    return counters_differ(case, expected, outcome)


def counters_differ(case, expected, outcome):
    """R4, where no input is read twice."""
    if case["config"]["restart"] == "kill":
        return None
    records = sum(record not in ("run", "edit") for record in case["input"])
    wanted = {"late": len(expected.topics["late"]) + expected.late, "dead_letters": len(expected.dead)}
    found = {"late": outcome.counters[3], "dead_letters": outcome.counters[4]}
    # A repartition topic is read too.
    if not reference.moves_rows(case) or case["partitions"] == 1:
        wanted["in"], found["in"] = records, outcome.counters[0]
    return None if wanted == found else f"counters: expected {wanted}, found {found}"


def rows_differ(case, wanted, found):
    wanted_rows = [comparable(values) for _, values in wanted]
    found_rows = [comparable(values) for _, values in found]
    if case["partitions"] == 1:
        same = wanted_rows == found_rows
    else:
        # Partitions have no common order: the same rows, and those of one key in the same order.
        same = sorted(wanted_rows) == sorted(found_rows) and by_key(wanted) == by_key(found)
    if same:
        return None
    return "\n  expected " + "\n           ".join(wanted_rows or ["nothing"]) + \
           "\n  found    " + "\n           ".join(found_rows or ["nothing"])


def comparable(values):
    """A row as text; a double without a fraction is written as an integer is. What is no exact result agrees to nine
    digits."""
    if values is None:
        return "tombstone"
    return " ".join(f"{name}={plain(rounded(value) if name.startswith('approx') else value)}" for name, value in values)


def rounded(value):
    if value is None:
        return None
    return 0 if abs(value) < 1e-9 else float(f"{value:.9g}")


def plain(value):
    if isinstance(value, list):
        return "[" + ",".join(plain(v) for v in value) + "]"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def by_key(rows):
    """Rows by message key, where the reference knows it: a text, or one column."""
    groups = {}
    for key, values in rows:
        if isinstance(key, tuple):
            key = str(key[0]) if len(key) == 1 and key[0] is not None else None
        if key is not None and not key.startswith("["):
            groups.setdefault(key, []).append(comparable(values))
    return groups


# --- Making a failure small ---


def smaller(case):
    """Cases with something less."""
    def changed(change):
        candidate = copy.deepcopy(case)
        change(candidate)
        return candidate

    size = max(1, len(case["input"]) // 2)
    while size:
        for at in range(0, len(case["input"]), size):
            yield changed(lambda c, at=at, size=size: c["input"].__delitem__(slice(at, at + size)))
        size //= 2
    for i in range(len(case["steps"])):
        yield changed(lambda c, i=i: c["steps"].pop(i))
    for i, step in enumerate(case["steps"]):
        if "window" in step:
            for j in range(len(step["window"]["aggregates"])):
                if len(step["window"]["aggregates"]) > 1:
                    yield changed(lambda c, i=i, j=j: c["steps"][i]["window"]["aggregates"].pop(j))
    if len(case["sinks"]) > 1:
        yield changed(lambda c: c["sinks"].pop())
    plain = {"batch_rows": 0, "workers": 1, "restart": "never"}
    if not any(step.get("window", {}).get("emit") == "current" for step in case["steps"]):
        for name, value in plain.items():
            if case["config"][name] != value:
                yield changed(lambda c, name=name, value=value: c["config"].update({name: value}))


def usable(case):
    """False when a step lost a column that it needs: then the reference cannot say anything."""
    try:
        reference.run(case)
    except KeyError:
        return False
    return True


def shrink(driver, case):
    for _ in range(MOST_SHRINK_ROUNDS):
        candidates = [c for c in smaller(case) if usable(c)]
        outcomes = run_engine(driver, candidates)
        failing = [c for c, o in zip(candidates, outcomes) if refuted(c, o)]
        if not failing:
            break
        case = min(failing, key=lambda c: len(json.dumps(c)))
    return case


def refuted(case, outcome):
    """A pipeline that is refused because a step is gone is no smaller failure."""
    if outcome.error is not None and "case.yaml" in outcome.error:
        return False
    return difference(case, outcome) is not None


# --- Main ---


def show(case, outcome):
    first, then = reference.versions(case)
    print(generate.yaml(first), end="")
    if "edit" in case["input"]:
        print("# after the edit:")
        print(generate.yaml(then), end="")
    print(f"# {case['config']}, {case['partitions']} partitions")
    for record in case["input"]:
        print(f"# {record}" if record in ("run", "edit") else
              f"# in[{record['partition']}] time={record['time']} key={record['key']} {record['value']}")
    print(difference(case, outcome) or "as expected")


def one(driver, seed):
    case = generate.make(seed)
    outcome = run_engine(driver, [case])[0]
    show(case, outcome)
    if difference(case, outcome) is None:
        return 0
    small = shrink(driver, case)
    print("\nmade small:")
    show(small, run_engine(driver, [small])[0])
    return 1


def failures_of(driver, seeds):
    cases = [generate.make(seed) for seed in seeds]
    outcomes = run_engine(driver, cases)
    return [case["seed"] for case, outcome in zip(cases, outcomes) if difference(case, outcome) is not None]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("driver")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--case", type=int)
    options = parser.parse_args()
    driver = os.path.abspath(options.driver)
    if options.case is not None:
        return one(driver, options.case)
    print(f"seed {options.seed}, {options.cases} cases", flush=True)
    began = time.monotonic()
    first = options.seed * 1_000_000
    jobs = max(1, min(4, os.cpu_count() or 1))
    parts = [list(range(first + j, first + options.cases, jobs)) for j in range(jobs)]
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        failed = sorted(seed for part in pool.map(failures_of, [driver] * jobs, parts) for seed in part)
    print(f"{options.cases - len(failed)} of {options.cases} cases as expected in {time.monotonic() - began:.0f} s")
    for seed in failed[:MOST_SHOWN]:
        print(f"\n--- case {seed}; repeat it: tests/oracle/oracle.py {options.driver} --case {seed}")
        one(driver, seed)
    if len(failed) > MOST_SHOWN:
        print(f"\nand {len(failed) - MOST_SHOWN} more: {failed[MOST_SHOWN:MOST_SHOWN + 20]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
