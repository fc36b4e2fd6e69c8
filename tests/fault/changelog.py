"""A changelog topic as what it means: the last value of each key."""
from harness.topics import Record, Topics


def fold(records: list[Record], before: dict[int, int] | None = None) -> dict[tuple[int, bytes], bytes]:
    """(partition, key) to value of what has no tombstone behind it, as a restore at read_committed sees it.

    `before`: per partition the offset that ends the part that counts; a partition that is not named is left out.
    """
    live: dict[tuple[int, bytes], bytes] = {}
    for record in records:
        if record.key is None:
            raise AssertionError(f"a changelog record without a key at {record.partition}/{record.offset}")
        if before is not None and record.offset >= before.get(record.partition, 0):
            continue
        if record.value is None:
            live.pop((record.partition, record.key), None)
        else:
            live[record.partition, record.key] = record.value
    return live


def live_entries(topics: Topics, changelog: str) -> dict[tuple[int, bytes], bytes]:
    return fold(topics.read(changelog))
