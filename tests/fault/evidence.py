"""What a fault run leaves behind, as seen from outside the engine. `checker.py` judges it."""
import dataclasses
import re

from harness.topics import Record
from log_batches import LogBatch


@dataclasses.dataclass(frozen=True)
class CommitSample:
    """Committed input offsets, and how much of the output a reader could see once every transaction of that moment had ended."""
    committed: dict[int, int]
    stable: dict[int, int] | None = None  # by output partition; None: some transaction stayed open too long to tell


@dataclasses.dataclass(frozen=True)
class Seen:
    """A record that a reader at read_committed got during the run, and how far the input went just after."""
    record: Record
    input_ends: dict[int, int]


@dataclasses.dataclass(frozen=True)
class ProcessSample:
    """One process at one moment."""
    at: float
    rss: int  # 0: of a build with AddressSanitizer, which takes several times the memory
    files: int
    threads: int


@dataclasses.dataclass(frozen=True)
class Exit:
    """How a process ended. `expected`: stopped (with 0), killed (by the test) or failed (with a cause in the log)."""
    label: str
    expected: str
    code: int
    log: str = ""

    def cause(self) -> str:
        """The last line of the log when it says what went wrong: that is how the program ends."""
        lines = [line for line in self.log.splitlines() if line.strip()]
        return lines[-1] if lines and re.match(r"millrace: |\S+ error ", lines[-1]) else ""


@dataclasses.dataclass(frozen=True)
class Recovery:
    """Time from the end of a fault to the next committed progress."""
    fault: str
    seconds: float
    bound: float


@dataclasses.dataclass
class Evidence:
    """All of one run. What a run has not recorded is empty or None, and its invariant is then not judged."""
    seed: int | None
    fired: dict[str, int]
    inputs: list[Record]
    output: list[Record]
    uncommitted: list[Record] = dataclasses.field(default_factory=list)  # the output at read_uncommitted
    watched: list[Seen] = dataclasses.field(default_factory=list)
    commits: list[CommitSample] = dataclasses.field(default_factory=list)
    bounds: dict[str, dict[int, tuple[int, int]]] = dataclasses.field(default_factory=dict)  # last stable offset, end
    changelog: list[Record] | None = None
    # Rows of the state by (partition, changelog key): "left" at the end of the run, "warm" after one more start and stop, "cold" after
    # one that found nothing on its disk.
    dumps: dict[str, dict[tuple[int, bytes], bytes]] = dataclasses.field(default_factory=dict)
    state: list[dict] | None = None    # those that are left, decoded
    changelog_log: dict[int, list[LogBatch]] = dataclasses.field(default_factory=dict)
    output_log: dict[int, list[LogBatch]] = dataclasses.field(default_factory=dict)
    again: list[Record] | None = None  # the output of a second run over the same input
    dead: list[Record] | None = None
    sum_column: str | None = None      # adds up to zero in each committed prefix of the output
    samples: dict[str, list[ProcessSample]] = dataclasses.field(default_factory=dict)
    memory_budget: int | None = None
    exits: list[Exit] = dataclasses.field(default_factory=list)
    recoveries: list[Recovery] = dataclasses.field(default_factory=list)
