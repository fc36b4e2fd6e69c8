"""Judges the evidence of a fault run by the invariants that must hold after any failure.

Each invariant has a name (I1 to I18) and one function, which gives a sentence per violation. They are told apart: one
planted violation is reported under one name (`test_checker.py`).
"""
import collections
import dataclasses
import json
import statistics
from typing import Callable, Iterator

from changelog import fold
from evidence import Evidence, Exit, ProcessSample
from expectation import NEVER, Job, decodes
from harness.topics import Record
from log_batches import spans

RSS_MARGIN = 1.2
FILES_MARGIN = 8     # sockets and log files that happen to be open
THREADS_MARGIN = 4   # RocksDB and librdkafka start some when first needed
FEWEST_SAMPLES = 40  # of which a quarter is for warming up
FAILED_CODES = {1, 3}
REBUILT = {"left": "left behind before", "cold": "rebuilt"}


@dataclasses.dataclass(frozen=True)
class Violation:
    invariant: str
    what: str


Rule = Callable[[Evidence, Job], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    def add(function: Rule) -> Rule:
        RULES[name] = function
        return function
    return add


def violations(evidence: Evidence, job: Job) -> list[Violation]:
    return [Violation(name, what) for name, check in RULES.items() for what in check(evidence, job)]


def assert_holds(evidence: Evidence, job: Job) -> None:
    found = violations(evidence, job)
    assert not found, f"seed {evidence.seed}: {len(found)} violations:\n" + "\n".join(
        f"{violation.invariant}: {violation.what}" for violation in found[:20])


@rule("I1")
def each_result_once(evidence: Evidence, job: Job) -> Iterator[str]:
    """Exactly once: the results are those of the oracle, each one time, with its values."""
    expected = job.results(evidence.inputs)
    seen = collections.Counter()
    for record in evidence.output:
        row = job.row(record)
        found = job.identify(row)
        seen[found] += 1
        if found in expected and row != expected[found]:
            yield f"result {found} is {row} instead of {expected[found]}"
    for found, count in seen.items():
        if found not in expected:
            yield f"result {found} was not expected"
        elif count > 1:
            yield f"result {found} is there {count} times"
    lost = expected.keys() - seen.keys()
    if lost:
        yield f"{len(lost)} of {len(expected)} results are lost, e.g. {sorted(lost, key=repr)[:3]}"


@rule("I2")
def no_aborted_read(evidence: Evidence, _job: Job) -> Iterator[str]:
    """What a reader at read_committed sees during the run is what is there afterwards."""
    final = {(record.partition, record.offset): record for record in evidence.output}
    for seen in evidence.watched:
        if final.get((seen.record.partition, seen.record.offset)) != seen.record:
            yield f"a reader saw {seen.record.value!r} at {_place(seen.record)}, which is not committed"
    everything = {(record.partition, record.offset) for record in evidence.uncommitted}
    if everything and not final.keys() <= everything:
        yield f"{len(final.keys() - everything)} committed records are missing at read_uncommitted"


@rule("I3")
def order_of_each_key(evidence: Evidence, job: Job) -> Iterator[str]:
    results = job.results(evidence.inputs)
    wanted: dict[bytes, list] = collections.defaultdict(list)
    for found in results:
        wanted[job.key(results[found])].append(found)
    came: dict[bytes, dict] = collections.defaultdict(dict)  # dict: the first of each, in order
    for record in evidence.output:
        found = job.identify(job.row(record))
        if found in results:
            came[record.key].setdefault(found)
    for key, ids in came.items():
        order = [found for found in job.in_order({found: results[found] for found in wanted[key]}) if found in ids]
        among = set(order)
        actual = [found for found in ids if found in among]
        if actual != order:
            at = next(i for i, pair in enumerate(zip(actual, order)) if pair[0] != pair[1])
            yield f"key {key!r}: {actual[at]} came where {order[at]} had to come"


@rule("I4")
def state_equals_changelog_equals_oracle(evidence: Evidence, job: Job) -> Iterator[str]:
    """RocksDB dump = fold of the committed changelog = what the oracle keeps."""
    if evidence.changelog is not None and (left := evidence.dumps.get("left")) is not None:
        if different := _differences(left, fold(evidence.changelog)):
            yield f"{len(different)} rows of the state are not what the changelog says, e.g. {different[0]!r}"
    wanted = job.open(evidence.inputs)
    if evidence.state is None or wanted is None:
        return
    rows = dict(job.state(row) for row in evidence.state)
    if different := _differences(rows, wanted):
        first = different[0]
        yield (f"the state has {len(rows)} rows, the oracle {len(wanted)}; {len(different)} differ, e.g. {first} is "
               f"{rows.get(first)} instead of {wanted.get(first)}")
    if len(rows) != len(evidence.state):
        yield f"{len(evidence.state) - len(rows)} rows of the state are there twice"


@rule("I5")
def committed_offsets(evidence: Evidence, job: Job) -> Iterator[str]:
    """The committed offset never goes back, never runs ahead of the results, and ends behind the last record."""
    high: dict[int, int] = {}
    for sample in evidence.commits:
        for partition, offset in sample.committed.items():
            if 0 <= offset < high.get(partition, -1):
                yield f"partition {partition} went back from {high[partition]} to {offset}"
            high[partition] = max(high.get(partition, -1), offset)
    ends: dict[int, int] = {}
    for record in evidence.inputs:
        ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)
    if evidence.commits:
        for partition, end in ends.items():
            last = evidence.commits[-1].committed.get(partition, -1)
            if last != end:
                yield f"partition {partition} is committed to {last}, its last record is {end - 1}"
    final = {job.identify(job.row(record)) for record in evidence.output}
    for number, sample in enumerate(evidence.commits):
        if sample.stable is None:
            continue
        read = [record for record in evidence.inputs if record.offset < sample.committed.get(record.partition, -1)]
        visible = {job.identify(job.row(record)) for record in evidence.output
                   if record.offset < sample.stable.get(record.partition, 0)}
        missing = (job.settled(read) & final) - visible  # what never comes is lost, not late
        if missing:
            yield f"sample {number}: committed to {sample.committed} without {len(missing)} results, e.g. {sorted(missing, key=repr)[:2]}"


@rule("I6")
def no_hanging_transaction(evidence: Evidence, _job: Job) -> Iterator[str]:
    for topic, partitions in evidence.bounds.items():
        for partition, (stable, end) in partitions.items():
            if stable != end:
                yield f"{topic}[{partition}]: the last stable offset is {stable}, the end {end}"


@rule("I7")
def one_writer_at_a_time(evidence: Evidence, _job: Job) -> Iterator[str]:
    """In a changelog partition the committed transactions of two workers do not overlap."""
    for partition, batches in evidence.changelog_log.items():
        done = sorted((span for span in spans(batches) if span.committed), key=lambda span: span.first)
        for before, after in zip(done, done[1:]):
            if after.first < before.marker and after.producer != before.producer:
                yield (f"changelog partition {partition}: producer {after.producer} wrote at {after.first}, inside the "
                       f"transaction of {before.producer} from {before.first} to {before.marker}")


@rule("I8")
def nothing_of_a_zombie(evidence: Evidence, _job: Job) -> Iterator[str]:
    """No transaction of an older epoch commits behind one of a newer epoch of the same producer."""
    for log in (evidence.changelog_log, evidence.output_log):
        for partition, batches in log.items():
            newest: dict[int, int] = {}
            for span in (span for span in spans(batches) if span.committed):
                if span.epoch < newest.get(span.producer, -1):
                    yield (f"partition {partition}: producer {span.producer} committed with epoch {span.epoch} at {span.marker}, "
                           f"behind epoch {newest[span.producer]}")
                newest[span.producer] = max(newest.get(span.producer, -1), span.epoch)


@rule("I9")
def warm_restart_equals_cold(evidence: Evidence, _job: Job) -> Iterator[str]:
    for name in ("left", "cold"):
        if name in evidence.dumps and "warm" in evidence.dumps:
            if different := _differences(evidence.dumps[name], evidence.dumps["warm"]):
                yield f"{len(different)} rows differ between the state that was found at a start and the one that was {REBUILT[name]}"


@rule("I10")
def same_input_same_bytes(evidence: Evidence, _job: Job) -> Iterator[str]:
    if evidence.again is None:
        return
    first, second = _by_key(evidence.output), _by_key(evidence.again)
    for key in first.keys() | second.keys():
        if first.get(key) != second.get(key):
            yield f"key {key!r} has other bytes in the second run"


@rule("I11")
def conservation(evidence: Evidence, _job: Job) -> Iterator[str]:
    """The sum of a column is zero in every committed prefix of the output's one partition."""
    if evidence.sum_column is None:
        return
    for partition, batches in evidence.output_log.items():
        records = sorted((record for record in evidence.output if record.partition == partition), key=lambda r: r.offset)
        total, at = 0, 0
        for span in (span for span in spans(batches) if span.committed):
            while at < len(records) and records[at].offset < span.marker:
                total += json.loads(records[at].value)[evidence.sum_column]
                at += 1
            if total != 0:
                yield f"partition {partition}: the prefix up to {span.marker} adds up to {total}"
                break


@rule("I12")
def no_result_before_its_watermark(evidence: Evidence, job: Job) -> Iterator[str]:
    if not evidence.watched:
        return
    homes, reached = {}, collections.defaultdict(list)
    for record in evidence.inputs:
        if decodes(record):
            homes[record.key] = record.partition
            before = reached[record.partition][-1][1] if reached[record.partition] else NEVER
            reached[record.partition].append((record.offset, max(before, json.loads(record.value)["ts"])))
    for seen in evidence.watched:
        row = job.row(seen.record)
        home, due = homes.get(seen.record.key), job.due(row)
        if home is None or due is None:
            continue  # without a home it is reported as a result that was not expected
        watermark = _last_before(reached[home], seen.input_ends.get(home, 0))
        if watermark < due:
            yield f"{job.identify(row)} was seen when the watermark could not be above {watermark}; it is due at {due}"


@rule("I13")
def nothing_vanishes(evidence: Evidence, _job: Job) -> Iterator[str]:
    """Each record that cannot be processed is one dead letter with its origin, its bytes and a reason."""
    if evidence.dead is None:
        return
    bad = {(record.partition, record.offset): record for record in evidence.inputs if not decodes(record)}
    seen = collections.Counter()
    for letter in evidence.dead:
        origin = (int(letter.header("__connect.errors.partition") or -1), int(letter.header("__connect.errors.offset") or -1))
        seen[origin] += 1
        if origin not in bad:
            yield f"the dead letter at {_place(letter)} names {origin}, where nothing is wrong"
            continue
        if (letter.key, letter.value) != (bad[origin].key, bad[origin].value):
            yield f"the dead letter of {origin} has other bytes"
        for name in ("topic", "stage", "class.name", "exception.message"):
            if not letter.header(f"__connect.errors.{name}"):
                yield f"the dead letter of {origin} has no {name}"
    for origin, count in seen.items():
        if count > 1:
            yield f"{origin} has {count} dead letters"
    if bad.keys() - seen.keys():
        yield f"{len(bad.keys() - seen.keys())} records vanished, e.g. {sorted(bad.keys() - seen.keys())[:3]}"


@rule("I15")
def progress_after_faults(evidence: Evidence, _job: Job) -> Iterator[str]:
    for recovery in evidence.recoveries:
        if recovery.seconds > recovery.bound:
            yield f"after {recovery.fault} nothing was committed for {recovery.seconds:.1f} s; the bound is {recovery.bound:g} s"


@rule("I16")
def bounded_resources(evidence: Evidence, _job: Job) -> Iterator[str]:
    """Memory stays within the budget; files and threads come back to where they were. A budget that nobody was held to is void."""
    if evidence.memory_budget is not None and not evidence.samples:
        yield "there is a budget of memory, and no process was measured"
    for label, samples in evidence.samples.items():
        most = max((sample.rss for sample in samples), default=0)
        if evidence.memory_budget is not None and most == 0:
            yield f"there is a budget of memory, and that of {label} was not measured"
        if evidence.memory_budget is not None and most > evidence.memory_budget * RSS_MARGIN:
            yield f"{label} used {most >> 20} MiB with a budget of {evidence.memory_budget >> 20} MiB"
        if len(samples) < FEWEST_SAMPLES:
            continue
        for what, margin in (("files", FILES_MARGIN), ("threads", THREADS_MARGIN)):
            before, after = _ends_of(samples, what)
            if after > before + margin:
                yield f"{label} had {before:g} {what} and has {after:g}"


@rule("I17")
def clear_ends(evidence: Evidence, _job: Job) -> Iterator[str]:
    for ended in evidence.exits:
        if not _ended_well(ended):
            yield f"{ended.label} should have {ended.expected}; it ended with {ended.code}, and its log with: {ended.log[-300:]}"


@rule("I18")
def replayable_and_not_void(evidence: Evidence, _job: Job) -> Iterator[str]:
    if evidence.seed is None:
        yield "the run has no seed"
    for fault, count in evidence.fired.items():
        if count <= 0:
            yield f"{fault} never fired: the run is void"


def _differences(one: dict, other: dict) -> list:
    """Keys whose values differ, or that only one has."""
    return sorted((key for key in one.keys() | other.keys() if one.get(key) != other.get(key)), key=repr)


def _ended_well(ended: Exit) -> bool:
    if ended.expected == "stopped":
        return ended.code == 0
    if ended.expected == "killed":
        return ended.code == -9
    return ended.code in FAILED_CODES and bool(ended.cause())


def _ends_of(samples: list[ProcessSample], what: str) -> tuple[float, float]:
    """Median of the second quarter (the first warms up) and of the last."""
    values = [getattr(sample, what) for sample in samples]
    quarter = max(1, len(values) // 4)
    return statistics.median(values[quarter:2 * quarter] or values), statistics.median(values[-quarter:])


def _by_key(records: list[Record]) -> dict[bytes | None, list[bytes | None]]:
    found: dict[bytes | None, list[bytes | None]] = collections.defaultdict(list)
    for record in records:
        found[record.key].append(record.value)
    return found


def _last_before(reached: list[tuple[int, int]], end: int) -> int:
    """The watermark of the records below offset `end`."""
    low, high = 0, len(reached)
    while low < high:
        middle = (low + high) // 2
        if reached[middle][0] < end:
            low = middle + 1
        else:
            high = middle
    return reached[low - 1][1] if low else NEVER


def _place(record: Record) -> str:
    return f"{record.partition}/{record.offset}"
