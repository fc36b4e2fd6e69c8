"""One fault run: a job under load, the faults a test makes, and the evidence for `checker.py` at the end."""
import copy
import dataclasses
import os
import pathlib
import random
import signal
import threading
import time

import checker
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from evidence import CommitSample, Evidence, Exit, ProcessSample, Recovery, Seen
from expectation import Job
from harness.broker import ROOT, free_port
from harness.lab import LONG, Lab
from harness.process import Http, Millrace
from harness.topics import Record, Topics
from harness.waiting import wait_until
from kinds import KINDS
from log_batches import read_log
from memory_budget import is_sanitized
from stored_state import has_state, raw, tasks

long_only = pytest.mark.skipif(not LONG, reason="only with --long")
PART = 3_000
WORKER_KILL_S, COORDINATOR_S, BROKER_KILL_S = 15, 45, 30


@dataclasses.dataclass
class Process:
    label: str
    millrace: Millrace
    http: Http
    expected: str = "stopped"
    sanitized: bool = False


class Trial:
    """Everything a fault test needs beside the fault. Owned by one test; `verdict` ends it. `kind`: of KINDS.

    Records come in parts; `feed` may be called from one thread at a time.
    """

    def __init__(self, lab: Lab, kind: str = "windows", partitions: int = 2, bootstrap: str = "", **pipeline: object):
        self.lab, self.kind = lab, KINDS[kind]
        self.partitions = self.kind.partitions or partitions
        self.seed = int(os.environ.get("MILLRACE_TEST_SEED") or random.randrange(1 << 30))
        print(f"seed {self.seed}: MILLRACE_TEST_SEED={self.seed} repeats it")
        self.chance = random.Random(self.seed)
        self.fired: dict[str, int] = {}
        self.sent = self._portions = 0
        self.topic = f"{lab.name}-in"
        self.job: Job = self.kind.job()
        self.pipeline = self.kind.pipeline(lab.name, bootstrap or lab.broker.bootstrap, self.topic,
                                           **{"commit_interval": "100ms", "batch": {"rows": 500, "delay": "5ms"}, **pipeline})
        self._state_dirs: dict[pathlib.Path, None] = {}
        self.processes: list[Process] = []
        self.recoveries: list[Recovery] = []
        self.commits: list[CommitSample] = []
        self._known: dict[int, int] = {}
        self._feeder = lab.topics.producer(**{"acks": "all"})
        self._watcher: Watcher | None = None
        self._monitor: Monitor | None = None

    def create(self, **settings: str) -> "Trial":
        self.lab.create_input(self.partitions, **settings)
        return self

    # --- Load and processes

    def feed(self, count: int = PART) -> None:
        self._feeder.send_all(self.topic, self.kind.load(count, self.seed, self.sent, self._portions))
        self.sent += count
        self._portions += 1

    def renew_feeder(self, **properties: str) -> None:
        """A producer that knows the topic's partitions of today."""
        self._feeder = self.lab.topics.producer(**{"acks": "all", **properties})

    def close_windows(self) -> None:
        for partition in range(self.partitions):
            for key, value in self.kind.at_the_end(partition, self.sent):
                self._feeder.send(self.topic, key, value, partition=partition)
        self._feeder.flush()

    def run(self, *words: str, state_dir: pathlib.Path | None = None, **environment: str) -> Process:
        """Starts a process; with the endpoints at `http` of it."""
        self._state_dirs[state_dir or self.lab.state_dir] = None
        return self._run(self.pipeline, *words, state_dir=state_dir, **environment)

    def _run(self, pipeline: dict, *words: str, state_dir: pathlib.Path | None, **environment: str) -> Process:
        file = self.lab.write(pipeline)
        port = free_port()
        words = ("--http", f"127.0.0.1:{port}", *words)
        process = Process(f"process {len(self.processes)}", self.lab.run(file, *words, state_dir=state_dir, **environment),
                          Http(port), sanitized=is_sanitized(environment.get("MILLRACE_BINARY") or os.environ["MILLRACE_BINARY"]))
        self.processes.append(process)
        if self._monitor:
            self._monitor.add(process)
        return process

    def start(self, seconds: float = 20, **environment: str) -> Process:
        """A process at work: some input is there and something of it is committed."""
        self.feed()
        process = self.run(**environment)
        self.await_progress("the start", seconds)
        return process

    def run_part(self, count: int = PART, **environment: str) -> Process:
        """One process from start to a clean stop, with so much more input; windows stay open."""
        self.feed(count)
        process = self.run(**environment)
        self.await_read()
        if self.kind.awaited:
            self.await_results()
        self.stop(process)
        return process

    def state_dirs(self) -> list[pathlib.Path]:
        """Of the tasks, by partition."""
        return sorted(folder for folder in (self.lab.state_dir / self.lab.name).iterdir() if (folder / "CURRENT").exists())

    def kill(self, process: Process) -> None:
        process.millrace.assert_running()
        process.millrace.kill()
        process.expected = "killed"
        self.count("SIGKILL")

    def await_killed(self, process: Process, point: str) -> None:
        """The crash point has fired: nothing else ends a process with SIGKILL here."""
        process.millrace.wait_killed()
        process.expected = "killed"
        self.count(point)

    def freeze(self, process: Process) -> None:
        process.millrace.process.send_signal(signal.SIGSTOP)
        stat = pathlib.Path(f"/proc/{process.millrace.process.pid}/stat")
        wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", 5, "the process is frozen")

    def thaw(self, process: Process) -> None:
        process.millrace.process.send_signal(signal.SIGCONT)

    def stop(self, process: Process, seconds: float = 30) -> None:
        process.millrace.stop(seconds=seconds)

    def wait_failed(self, process: Process, seconds: float = 30) -> str:
        """Waits until the process gives up; its log must say why."""
        process.expected = "failed"
        process.millrace.wait_exit(seconds)
        return process.millrace.log()

    def count(self, fault: str, times: int = 1) -> None:
        """The fault fired."""
        self.fired[fault] = self.fired.get(fault, 0) + times

    # --- Progress

    def committed(self) -> dict[int, int]:
        """What is known: a coordinator that is away does not take it back."""
        for partition, offset in self.lab.topics.committed(self.lab.name, self.topic).items():
            self._known[partition] = max(offset, self._known.get(partition, -1))
        return dict(self._known)

    def sample_commit(self) -> None:
        """Remembers what is committed and what of the output can be seen by then."""
        topics, output = self.lab.topics, self.lab.output()
        committed = topics.committed(self.lab.name, self.topic)
        ends = topics.ends(output) if output in topics.names() else None
        try:
            stable = ends and wait_until(lambda: _reaches(topics.ends(output, "read_committed"), ends), 3, "")
        except AssertionError:
            stable = None
        self.commits.append(CommitSample(committed, stable or None))

    def await_read(self, seconds: float = 60) -> None:
        self.lab.await_read(self.topic, seconds)

    def await_progress(self, fault: str, bound: float) -> None:
        """Feeds until more is committed than at the call; at once after the end of a fault."""
        begin = time.monotonic()
        before = self.committed()

        def moved() -> bool:
            for process in self.processes:
                if process.expected == "stopped" and process.millrace.process.poll() not in (None, 0):
                    process.millrace.assert_running()
            self.feed(500)
            now = self.committed()
            return sum(now.values()) > sum(before.values()) and min(now.values()) >= 0
        wait_until(moved, 2 * bound + 10, f"anything is committed after {fault}; {self._tails()}", every=0.1)
        self.recoveries.append(Recovery(fault, time.monotonic() - begin, bound))

    def _tails(self) -> str:
        return "\n".join(f"--- {process.label}\n{process.millrace.tail(1_500)}" for process in self.processes)

    # --- Evidence

    def watch(self) -> None:
        """Reads the output at read_committed from now on, while the run goes on."""
        wait_until(lambda: self.lab.output() in self.lab.topics.names(), 30, "the output topic exists")
        self._watcher = Watcher(self.lab.topics, self.lab.output(), self.topic)

    def monitor(self, memory_budget: int | None = None) -> None:
        """Samples memory, files and threads of each process from now on; a budget is what they are judged by at the end."""
        self._monitor = Monitor(memory_budget=memory_budget)
        for process in self.processes:
            self._monitor.add(process)

    def stop_monitor(self) -> dict[str, list[ProcessSample]]:
        found = self._monitor.stop() if self._monitor else {}
        if self.kind.large:  # a state that grows has ever more files open
            found = {label: [dataclasses.replace(sample, files=0) for sample in samples] for label, samples in found.items()}
        return found

    def changelog(self) -> str | None:
        names = [name for name in self.lab.topics.names() if name.startswith(self.lab.name) and name.endswith("-changelog")]
        assert len(names) <= 1, names
        return names[0] if names else None

    def finish(self, seconds: float = 60) -> None:
        """Every window is closed and everything processed, then every process that runs is stopped."""
        self.feed(1_000)
        self.close_windows()
        self.pause(seconds)

    def pause(self, seconds: float = 60) -> None:
        """Everything fed is processed, then every process that runs is stopped; windows stay open."""
        self.await_read(seconds)
        if self.kind.awaited:
            self.await_results(seconds)
        self.sample_commit()
        for process in self.processes:
            if process.expected == "stopped" and process.millrace.running():
                self.stop(process)

    def await_results(self, seconds: float = 60, output: str = "") -> None:
        """Those that the input is to give in the end."""
        output = output or self.lab.output()
        wanted = len(self.job.results(self.lab.topics.read(self.topic)))
        wait_until(lambda: len(self.lab.topics.read(output)) >= wanted, seconds, f"{wanted} results are there", every=0.3)

    def restarts(self) -> dict[str, dict[tuple[int, bytes], bytes]]:
        """`dumps` of the evidence: of the state as it was left, after a start that finds it and after one that finds nothing.
        Precondition: `pause`."""
        cold = self.lab.folder / "cold"
        dumps = {"left": raw(*self._state_dirs)}
        for name, state_dir in (("warm", None), ("cold", cold)):
            process = self._run(self.pipeline, state_dir=state_dir)
            process.http.wait_ready(process.millrace)
            assert process.http.metric("millrace_tasks_running") == self.partitions * self.kind.stages
            self.stop(process)
            dumps[name] = raw(cold) if name == "cold" else raw(*self._state_dirs)
        return dumps

    def again(self, seconds: float = 60) -> list[Record]:
        """The output of a second pipeline that does the same to the same input, in batches of another size. Precondition: `pause`."""
        name = f"again-{self.lab.name}"
        second = copy.deepcopy(self.pipeline) | {"name": name}
        second["sinks"][0]["topic"] = output = f"{name}-out"
        del second["batch"]
        process = self._run(second, state_dir=self.lab.folder / "again")
        self.lab.topics.wait_read(name, self.topic, seconds)
        if self.kind.awaited:
            self.await_results(seconds, output)
        self.stop(process)
        return self.lab.topics.read(output)

    def evidence(self, **more: object) -> Evidence:
        """Precondition: `finish` or `pause`."""
        topics, output = self.lab.topics, self.lab.output()
        watched = self._watcher.stop() if self._watcher else []
        samples = self.stop_monitor()
        changelog = None if self.kind.large else self.changelog()
        named = [name for name in (output, changelog, self.topic) if name]
        self._settle(named)
        kept = tasks(*self._state_dirs) if changelog and all(map(has_state, self._state_dirs)) else []
        dumps = more.pop("dumps", None) or ({"left": {key: row for state in kept for key, row in state.raw().items()}} if kept else {})
        found = Evidence(
            seed=self.seed, fired=self.fired, inputs=topics.read(self.topic), output=topics.read(output),
            uncommitted=topics.read(output, "read_uncommitted"), watched=watched, commits=self.commits,
            bounds={name: self._bounds(name) for name in named},
            changelog=topics.read(changelog) if changelog else None, samples=samples,
            memory_budget=self._monitor.memory_budget if self._monitor else None, recoveries=self.recoveries, dumps=dumps,
            state=[row for state in kept for row in state.rows()] if kept else None, sum_column=self.kind.sum_column,
            exits=[Exit(process.label, process.expected, self._code(process), process.millrace.tail(1_500))
                   for process in self.processes])
        if folder := data_dir(self.lab.broker.bootstrap):
            found.output_log = {p: read_log(folder, output, p) for p in range(topics.partitions(output))}
            if changelog:
                found.changelog_log = {p: read_log(folder, changelog, p) for p in range(topics.partitions(changelog))}
        return dataclasses.replace(found, **more)

    def verdict(self, seconds: float = 60, **more: object) -> Evidence:
        """Ends the run and judges it."""
        self.finish(seconds)
        return self.judge(self.evidence(**more))

    def judge_restarts(self) -> Evidence:
        """Judges the run so far while windows are open, over two restarts: one that finds the state and one that rebuilds it. The run
        may go on."""
        self.pause()
        return self.judge(self.evidence(**({"dumps": self.restarts()} if self.changelog() else {})))

    def verdict_again(self, seconds: float = 60) -> Evidence:
        """Ends the run and judges it together with a second one over the same input."""
        self.finish(seconds)
        return self.judge(self.evidence(again=self.again()))

    def judge(self, found: Evidence) -> Evidence:
        assert self.fired, "a fault run without a fault"
        checker.assert_holds(found, self.job)
        return found

    def _bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        stable, ends = self.lab.topics.ends(topic, "read_committed"), self.lab.topics.ends(topic)
        return {partition: (stable[partition], end) for partition, end in ends.items()}

    def _settle(self, names: list[str]) -> None:
        """Waits as long as an open transaction may take to time out; what still hangs then is evidence."""
        try:
            self.lab.topics.assert_nothing_pending(*names)
        except AssertionError:
            pass

    @staticmethod
    def _code(process: Process) -> int:
        code = process.millrace.process.poll()
        return 999 if code is None else code  # it runs although it should have ended


def _reaches(stable: dict[int, int], ends: dict[int, int]) -> dict[int, int] | None:
    return stable if all(stable.get(partition, 0) >= end for partition, end in ends.items()) else None


def data_dir(bootstrap: str) -> pathlib.Path | None:
    """Where the broker of this repository with that address keeps its logs."""
    for home in (ROOT / "build" / "kafka").glob("*/bootstrap"):
        if home.read_text().strip() == bootstrap:
            return home.parent / "data"
    return None


class Watcher:
    """A reader of the output at read_committed beside the run, in a thread of its own."""

    def __init__(self, topics: Topics, output: str, source: str):
        self._topics, self._output, self._source = topics, output, source
        self._seen: list[Seen] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        consumer = Consumer({**self._topics.properties, "group.id": "watcher", "enable.auto.commit": False,
                             "isolation.level": "read_committed", "fetch.wait.max.ms": 50})
        consumer.assign([TopicPartition(self._output, p, OFFSET_BEGINNING) for p in range(self._topics.partitions(self._output))])
        while not self._ended.is_set():
            records = [Record(m.partition(), m.offset(), m.key(), m.value(), m.timestamp()[1], tuple(m.headers() or ()))
                       for m in consumer.consume(5_000, 0.2) if m.error() is None]
            if records:
                try:
                    ends = self._topics.ends(self._source)
                except Exception:  # the broker is away: these records cannot be dated
                    continue
                self._seen += [Seen(record, ends) for record in records]
        consumer.close()

    def stop(self) -> list[Seen]:
        self._ended.set()
        self._thread.join(30)
        return self._seen


class Monitor:
    """Samples /proc of processes five times a second. With a budget of memory it takes none of a build whose memory says nothing."""

    def __init__(self, every: float = 0.2, memory_budget: int | None = None):
        self._every = every
        self.memory_budget = memory_budget
        self._lock = threading.Lock()
        self._processes: list[Process] = []
        self._samples: dict[str, list[ProcessSample]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, process: Process) -> None:
        assert self.memory_budget is None or not process.sanitized, f"{process.label} is sanitized: run the release build instead"
        with self._lock:
            self._processes.append(process)

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            with self._lock:
                for process in self._processes:
                    if (sample := sample_process(process.millrace.process.pid)) is not None:
                        found = dataclasses.replace(sample, rss=0) if process.sanitized else sample
                        self._samples.setdefault(process.label, []).append(found)

    def stop(self) -> dict[str, list[ProcessSample]]:
        self._ended.set()
        self._thread.join(10)
        return self._samples


def sample_process(pid: int) -> ProcessSample | None:
    folder = pathlib.Path(f"/proc/{pid}")
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
        if "VmRSS" not in status:
            return None
        return ProcessSample(time.monotonic(), int(status["VmRSS"].split()[0]) << 10, len(list((folder / "fd").iterdir())),
                             int(status["Threads"]))
    except (OSError, KeyError):
        return None

