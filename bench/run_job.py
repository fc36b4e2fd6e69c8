"""Measures the job of docs/performance.md: millrace against the reference loop, in turn, on one Apache Kafka.

The job: a topic (lz4, two partitions) of JSON bids -> all fields decoded -> count, sum, min and max per auction and
minute -> results to Kafka, under exactly_once. What counts is CPU seconds of the measured process (user + system of
the whole process, start included), never wall time. One line per run: name, records, CPU seconds, records per CPU
second, peak resident memory, page faults; then the median of each case and the ratio. Results of every run are compared with the
same aggregates computed apart. Needs only Python's standard library and the programs of build/release.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXTRA_COLUMNS = (", channel: string, country: string, session: string, first: bool, position: int64, url: string,"
                 " agent: string, score: double")
PIPELINE = """\
name: {name}
kafka:
  bootstrap.servers: {bootstrap}
guarantee: {guarantee}
{commit_interval}workers: {workers}
memory: {memory}
source:
  topic: {topic}
  format: json
{key}  timestamp: ts
  schema: {{ts: timestamp[ms], auction: int64, bidder: int64, price: double{extra}}}
steps:
  - window:
      by: [auction]
      {window}
      aggregate: {aggregate}
sinks:
  - topic: {name}-results
    format: json
    key: auction
"""


AGGREGATE = "{bids: count(), total: sum(price), low: min(price), high: max(price)}"


@dataclasses.dataclass
class Measure:
    """What one run of one process cost."""
    case: str
    records: int
    cpu_s: float
    wall_s: float
    rss_mib: float
    faults: int

    @property
    def rate(self) -> float:
        return self.records / self.cpu_s

    def line(self) -> str:
        return (f"{self.case:<24} {self.records:>11,} records {self.cpu_s:>8.2f} CPU-s {self.rate:>12,.0f} /CPU-s "
                f"{self.rss_mib:>7.0f} MiB peak {self.faults:>7,} page faults {self.wall_s:>7.1f} s wall")


class Job:
    def __init__(self, options: argparse.Namespace, bootstrap: str):
        self.options = options
        self.bootstrap = bootstrap
        self.programs = options.build / "bench" / "job"
        self.folder = ROOT / "build" / "bench-job"
        self.run_number = 0
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def tool(self, *words: object) -> str:
        done = subprocess.run([self.programs / "job_topic", *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"job_topic {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout.strip()

    def topic(self, size: int, records: int) -> str:
        name = f"bids-{size}-{records}"
        self.tool("fill", self.bootstrap, name, size, records)
        return name

    def open_topic(self, records: int, keys: int) -> str:
        """Nothing closes its last windows: 60 of them for each key would be most of what a short run of a window of an hour costs."""
        name = f"bids-open-{keys}-{records}"
        self.tool("fill", self.bootstrap, name, 86, records, keys)
        return name

    def finish(self, process: subprocess.Popen, case: str, records: int, begin: float) -> Measure:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{case} ended with {process.returncode}; {self.log_end(case)}")
        return Measure(case, records, usage.ru_utime + usage.ru_stime, now() - begin, usage.ru_maxrss / 1024,
                       usage.ru_minflt)

    def log(self, case: str) -> pathlib.Path:
        return self.folder / (re.sub(r"[^a-zA-Z0-9]+", "-", case) + ".log")

    def log_end(self, case: str) -> str:
        log = self.log(case)
        return f"the end of {log}:\n{log.read_text()[-3000:]}"

    def reference(self, size: int, records: int) -> Measure:
        topic = self.topic(size, records)
        case = f"reference-{size}"
        begin = now()
        with open(self.log(case), "w") as log:
            process = subprocess.Popen([self.programs / "reference_loop", self.bootstrap, topic], stdout=log, stderr=log)
        measure = self.finish(process, case, records, begin)
        totals = json.loads(self.log(case).read_text().splitlines()[-1])
        if totals["records"] != records:
            sys.exit(f"the reference loop saw {totals['records']} of {records} records")
        return measure

    def engine(self, size: int, records: int, guarantee: str = "exactly_once") -> Measure:
        case = f"millrace-{size}" if guarantee == "exactly_once" else f"millrace-{size}-{guarantee}"
        running = Running(self, case, self.topic(size, records), guarantee=guarantee,
                          extra=EXTRA_COLUMNS if size == 363 else "")
        running.await_end()
        measure = running.stop(records)
        self.tool("check", self.bootstrap, f"{running.name}-results", size, records)
        return measure


class Running:
    """The engine at work on a topic, with settings of the job that differ."""

    def __init__(self, job: Job, case: str, topic: str, guarantee: str = "exactly_once", window: str = "tumbling: 1m",
                 memory: str = "1GiB", extra: str = "", http: bool = False, moves: bool = False, aggregate: str = AGGREGATE,
                 commit_interval: str = ""):
        job.run_number += 1
        self.job, self.case, self.topic = job, case, topic
        self.name = f"job-{job.run_number}"
        file, self.state = job.folder / f"{self.name}.yaml", job.folder / f"{self.name}.state"
        file.write_text(PIPELINE.format(name=self.name, bootstrap=job.bootstrap, guarantee=guarantee, topic=topic,
                                        workers=job.options.workers, window=window, memory=memory, extra=extra,
                                        key="" if moves else "  key: auction\n", aggregate=aggregate,
                                        commit_interval=f"commit_interval: {commit_interval}\n" if commit_interval else ""))
        self.port = free_port() if http else 0
        words = ["--http", f"127.0.0.1:{self.port}"] if http else []
        self.command = [job.options.build / "millrace", "run", file, "--state-dir", self.state, *words]
        self.start()

    def start(self) -> None:
        """Also again, after `stop`: with what Kafka has, and no state on disk."""
        self.begin = now()
        with open(self.job.log(self.case), "w") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def await_end(self) -> None:
        """Until everything that is in the topic now is committed."""
        try:
            self.job.tool("await", self.job.bootstrap, self.topic, self.name, self.job.options.timeout)
        except SystemExit:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            sys.exit(f"{self.case} did not reach the end of its input; {self.job.log_end(self.case)}")

    def await_ready(self) -> None:
        """Until all of its tasks are restored and run."""
        deadline = now() + self.job.options.timeout
        while now() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10):
                    return
            except OSError:
                time.sleep(0.02)
        sys.exit(f"{self.case} was never ready; {self.job.log_end(self.case)}")

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def stop(self, records: int) -> Measure:
        self.process.send_signal(signal.SIGTERM)
        measure = self.job.finish(self.process, self.case, records, self.begin)
        shutil.rmtree(self.state, ignore_errors=True)
        return measure


def free_port() -> int:
    find = [sys.executable, ROOT / "tools" / "dev" / "free_port.py", ROOT / "build" / "last-port"]
    return int(subprocess.run(find, check=True, stdout=subprocess.PIPE, text=True).stdout)


def metric(metrics: str, name: str) -> float:
    """The sum over all labels."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", metrics, re.MULTILINE))


def now() -> float:
    return os.times().elapsed


def compare(job: Job, size: int) -> float:
    """Both in turn, so that what the machine does besides falls on both; prints the ratio of the medians."""
    options = job.options
    runs: dict[str, list[Measure]] = {}
    for _ in range(options.rounds):
        for measure in (job.reference(size, options.records), job.engine(size, options.records)):
            print(measure.line(), flush=True)
            runs.setdefault(measure.case, []).append(measure)
    rates = {case: statistics.median(m.rate for m in measures) for case, measures in runs.items()}
    ratio = rates[f"millrace-{size}"] / rates[f"reference-{size}"]
    for case, rate in rates.items():
        print(f"{case + ' median':<24} {rate:>12,.0f} /CPU-s")
    print(f"{f'ratio-{size}':<24} {ratio:>12.2f} x the reference loop", flush=True)
    return ratio


def start_up(job: Job) -> None:
    """What a run costs before the first record, so that the other figures can be read with it in mind."""
    measure = job.engine(86, 1_000)
    print(f"{'start and stop':<24} {measure.cpu_s:>12.2f} CPU-s with 1,000 records, included in every run", flush=True)


def memory(job: Job) -> bool:
    """Ten times the records must not need more memory."""
    measures = [job.engine(86, records) for records in (job.options.records_long // 10, job.options.records_long)]
    for measure in measures:
        print(measure.line(), flush=True)
    growth = measures[1].rss_mib / measures[0].rss_mib
    print(f"{'memory growth':<24} {growth:>12.2f} x with 10 x the records", flush=True)
    return growth <= 1.2


@dataclasses.dataclass(frozen=True)
class WindowCase:
    window: str
    keys: int = 10_000
    of: str = "tumbling"  # the case whose CPU this one's may be so many times
    most: float | None = None
    records_per_key: int | None = 60  # in a window, where every key comes in each


# A session of 4 s has about as many bids as a tumbling window of a minute (60), so that there are as many results.
WINDOWS = {
    "tumbling": WindowCase("tumbling: 1m"),
    "hopping 1h/1m": WindowCase("hopping: {size: 1h, step: 1m}", most=1.5),
    "session 4s": WindowCase("session: 4s", most=1 / 0.6, records_per_key=None),
    "1 M keys": WindowCase("tumbling: 1m", keys=1_000_000, most=3),
    "tumbling 10s": WindowCase("tumbling: 10s", records_per_key=None),
    "tumbling 10s, 1 M keys": WindowCase("tumbling: 10s", keys=1_000_000, of="tumbling 10s", most=3, records_per_key=None),
}


def windows(job: Job) -> bool:
    """Kinds of windows, and many keys, by the CPU of tumbling ones. How many results there are is checked, not what is in them."""
    options = job.options
    wanted = {case: WINDOWS[case] for case in options.cases or WINDOWS}
    runs: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name, case in wanted.items():
            running = Running(job, name, job.open_topic(options.records, case.keys), window=case.window, http=True)
            running.await_end()
            results = metric(running.metrics(), "millrace_sink_rows_total")
            measure = running.stop(options.records)
            print(f"{measure.line()} {results:,.0f} results", flush=True)
            if case.records_per_key is not None:
                closed = (options.records - 1) // (case.records_per_key * case.keys) * case.keys
                if results != closed:
                    sys.exit(f"{name}: {results:.0f} results instead of {closed}")
            runs.setdefault(name, []).append(measure.cpu_s)
    seconds = {name: statistics.median(all_runs) for name, all_runs in runs.items()}
    good = True
    for name, case in wanted.items():
        if case.of not in seconds:
            continue
        ratio = seconds[name] / seconds[case.of]
        good = good and (case.most is None or ratio <= case.most)
        print(f"{name + ' median':<24} {ratio:>12.2f} x the CPU of {case.of}, 10,000 keys" +
              ("" if case.most is None else f", at most {case.most:.2f}"), flush=True)
    return good


# The same windows behind a repartition topic, with what keeps partial aggregates from travelling in place of rows, and without.
PARTIALS = {"rows move": "tumbling: 1m\n      late: {topic: late-rows}", "partial aggregates move": "tumbling: 1m"}
SMALL_AGGREGATE = "{bids: count(), low: min(price), high: max(price)}"


def partials(job: Job) -> bool:
    """What it costs to move rows by a column that is not their key, with and without partial aggregates (K2a)."""
    options = job.options
    runs: dict[str, list[Measure]] = {}
    for _ in range(options.rounds):
        for case, window in PARTIALS.items():
            topic = job.open_topic(options.records, 10_000)
            running = Running(job, case, topic, window=window, http=True, moves=True, aggregate=SMALL_AGGREGATE)
            running.await_end()
            moved = metric(running.metrics(), 'millrace_bytes_out_total{step="window-1-repartition"}')
            measure = running.stop(options.records)
            print(f"{measure.line()} {moved / options.records:.1f} bytes moved per record", flush=True)
            runs.setdefault(case, []).append(measure)
    rates = {case: statistics.median(m.rate for m in measures) for case, measures in runs.items()}
    for case, rate in rates.items():
        print(f"{case + ' median':<24} {rate:>12,.0f} /CPU-s")
    ratio = rates["partial aggregates move"] / rates["rows move"]
    print(f"{'partials':<24} {ratio:>12.2f} x the rate of rows", flush=True)
    return ratio >= 1


# Memory of the pipeline, of which a half is for state; the order of the records that count; the least rate in CPU seconds, or share
# of the rate with everything in memory.
MANY_KEYS = {
    "20 M keys, in memory, 1 % of them hot": ("12GiB", "skewed", None),
    "20 M keys, 1 % of them hot": ("512MiB", "skewed", 0.8),
    "20 M keys, uniform": ("512MiB", "uniform", 60_000),
}


def many_keys(job: Job) -> bool:
    """State that does not fit: each of 20 M keys comes once, then the records that count come."""
    options = job.options
    keys, records = 20_000_000, options.records
    good, rates = True, []
    for number, (case, (memory_size, order, least)) in enumerate(MANY_KEYS.items()):
        topic = f"many-keys-{number}"
        job.tool("add", job.bootstrap, topic, 86, keys, keys, "each_once")
        running = Running(job, f"many-keys-{number}", topic, window="tumbling: 1d", memory=memory_size, http=True)
        running.await_end()
        before = metric(running.metrics(), "process_cpu_seconds_total")
        print(f"{case}: {keys / before:,.0f} /CPU-s while the keys came", flush=True)
        job.tool("add", job.bootstrap, topic, 86, records, keys, order)
        running.await_end()
        metrics = running.metrics()
        rows = metric(metrics, "millrace_state_rows")
        rates.append(records / (metric(metrics, "process_cpu_seconds_total") - before))
        measure = running.stop(records)
        if rows != keys:
            sys.exit(f"{case}: {rows:.0f} rows of state")
        floor = None if least is None else least if least > 1 else least * rates[0]
        good = good and (floor is None or rates[-1] >= floor)
        print(f"{case}: {rates[-1]:,.0f} /CPU-s" + ("" if floor is None else f", at least {floor:,.0f}") +
              f"; {measure.rss_mib:,.0f} MiB peak", flush=True)
    return good


RESTORED_ENTRIES_PER_CPU_S = 500_000


def restore(job: Job) -> bool:
    """From an empty state directory until the tasks run: the changelog is read from Kafka and made durable."""
    keys = job.options.records
    job.tool("add", job.bootstrap, "restored", 86, keys, keys, "each_once")
    running = Running(job, "restore", "restored", window="tumbling: 1d", memory="4GiB", http=True)
    running.await_end()
    running.stop(keys)
    rates = []
    for _ in range(job.options.rounds):
        running.start()
        running.await_ready()
        metrics = running.metrics()
        cpu_s, entries = (metric(metrics, name) for name in ("process_cpu_seconds_total", "millrace_restore_records_total"))
        wall_s = now() - running.begin
        running.stop(keys)
        if entries < keys:
            sys.exit(f"restore: {entries:.0f} entries instead of {keys}")
        rates.append(entries / cpu_s)
        print(f"restore: {entries:,.0f} entries in {cpu_s:.2f} CPU-s, {wall_s:.2f} s; {rates[-1]:,.0f} /CPU-s", flush=True)
    print(f"restore median: {statistics.median(rates):,.0f} /CPU-s, at least {RESTORED_ENTRIES_PER_CPU_S:,}")
    return statistics.median(rates) >= RESTORED_ENTRIES_PER_CPU_S


# Window of the job, and within how many ms the engine's own share of 99 % of the checkpoints has to be.
CHECKPOINTS = {
    "10,000 changed": ("tumbling: 1h", 10),
    "10,000 closed, 10,000 new": ("tumbling: 1m", None),
}


def checkpoints(job: Job) -> bool:
    """What a checkpoint costs the engine itself, and how long it waits for Kafka. Every key is dirty in each."""
    good = True
    for case, (window, most_ms) in CHECKPOINTS.items():
        topic = job.open_topic(job.options.records, 10_000)
        running = Running(job, case, topic, window=window, http=True, commit_interval="50ms")
        running.await_end()
        metrics = running.metrics()
        print(running.stop(job.options.records).line(), flush=True)
        for share in ("engine", "kafka"):
            counts = histogram(metrics, f"millrace_commit_{share}_seconds")
            half_ms, nearly_all_ms = (quantile_bound(counts, q) * 1000 for q in (0.5, 0.99))
            bar = f", at most {most_ms}" if share == "engine" and most_ms is not None else ""
            print(f"{case + ', ' + share:<34} {counts[-1][1]:>5,} checkpoints, half within {half_ms:g} ms, "
                  f"99 % within {nearly_all_ms:g} ms{bar}; " +
                  ", ".join(f"{count} within {bound * 1000:g} ms" for bound, count in shown(counts)), flush=True)
            good = good and (not bar or nearly_all_ms <= most_ms)
    return good


def shown(counts: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """The bounds that say something: from the first with any up to the first with all."""
    some = [(bound, count) for bound, count in counts if count > 0]
    return [entry for at, entry in enumerate(some) if at == 0 or some[at - 1][1] < counts[-1][1]]


def histogram(metrics: str, name: str) -> list[tuple[float, int]]:
    """Upper bound and how many were within it, ascending."""
    found = re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\d+)$', metrics, re.MULTILINE)
    return [(float(bound), int(count)) for bound, count in found]


def quantile_bound(counts: list[tuple[float, int]], share: float) -> float:
    return next(bound for bound, count in counts if count >= share * counts[-1][1])


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench exactly_once --", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, help="3 million, with --windows 12 million, where what is made once weighs little")
    parser.add_argument("--records-long", type=int, default=20_000_000, help="for --memory")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=[86, 363], choices=[86, 363])
    parser.add_argument("--memory", action="store_true", help="compare peak memory of 2 M and 20 M records")
    parser.add_argument("--checkpoint", action="store_true", help="measure the two shares of checkpoints")
    parser.add_argument("--windows", action="store_true", help="compare kinds of windows, and 1 M keys, with the job's windows")
    parser.add_argument("--many-keys", action="store_true", help="state of 20 M keys, which does not fit into memory")
    parser.add_argument("--restore", action="store_true", help="restore the state of as many keys as there are records")
    parser.add_argument("--cases", nargs="+", choices=WINDOWS, help="only these, with --windows")
    parser.add_argument("--partials", action="store_true", help="compare partial aggregates with rows in a repartition topic")
    parser.add_argument("--at-least-once", action="store_true", help="one more run per size with that guarantee")
    parser.add_argument("--bar", type=float, help="fail when a ratio is below this")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for one run of the engine")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--keep", action="store_true", help="leave the broker and its topics running")
    options = parser.parse_args(arguments)
    if options.records is None:
        options.records = 12_000_000 if options.windows else 3_000_000
    return options


def main() -> int:
    options = parse(sys.argv[1:])
    options.build = options.build.resolve()
    dev = str(ROOT / "dev")
    if not options.keep:
        subprocess.run([dev, "kafka", "down", "--name", "bench"], check=True)
    up = subprocess.run([dev, "kafka", "up", "--name", "bench"], check=True, stdout=subprocess.PIPE, text=True)
    job = Job(options, up.stdout.split()[-1])
    good = True
    try:
        start_up(job)
        if options.memory:
            good = memory(job)
        elif options.windows:
            good = windows(job)
        elif options.many_keys:
            good = many_keys(job)
        elif options.restore:
            good = restore(job)
        elif options.partials:
            good = partials(job)
        elif options.checkpoint:
            good = checkpoints(job)
        else:
            for size in options.sizes:
                ratio = compare(job, size)
                good = good and (options.bar is None or ratio >= options.bar)
                if options.at_least_once:
                    print(job.engine(size, options.records, "at_least_once").line(), flush=True)
    finally:
        if not options.keep:
            subprocess.run([dev, "kafka", "down", "--name", "bench"], check=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
