"""What lies in a state directory, read by `millrace state`."""
import dataclasses
import json
import pathlib

from harness.process import command


@dataclasses.dataclass(frozen=True)
class TaskState:
    """The state of one step on one partition."""
    partition: int
    changelog_offset: int
    directory: str

    def raw(self) -> dict[tuple[int, bytes], bytes]:
        """(partition, changelog key) to changelog value."""
        return {(row["partition"], bytes.fromhex(row["key"])): bytes.fromhex(row["row"])
                for row in _lines("dump", self.directory, "--raw")}

    def rows(self) -> list[dict]:
        return _lines("dump", self.directory, "--json")


def tasks(*state_dirs: pathlib.Path) -> list[TaskState]:
    """One per partition: where several directories hold it, the one that knows most of the changelog."""
    newest: dict[int, TaskState] = {}
    for state_dir in state_dirs:
        for line in _lines("stats", state_dir, "--json"):
            state = TaskState(line["partition"], line["changelog_offset"] or 0, line["directory"])
            if state.partition not in newest or newest[state.partition].changelog_offset < state.changelog_offset:
                newest[state.partition] = state
    return list(newest.values())


def raw(*state_dirs: pathlib.Path) -> dict[tuple[int, bytes], bytes]:
    """Of all partitions, as TaskState.raw."""
    return {key: row for state in tasks(*state_dirs) for key, row in state.raw().items()}


def has_state(state_dir: pathlib.Path) -> bool:
    return any(state_dir.rglob("CURRENT"))


def _lines(verb: str, *words: str | pathlib.Path) -> list[dict]:
    done = command("state", verb, *words)
    if done.returncode != 0:
        raise AssertionError(f"millrace state {verb} ended with {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]
