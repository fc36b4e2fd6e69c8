"""Files stay short: headers 300 lines, sources 500, tests 800. tools/size_exceptions.txt may only shrink."""
from source_tree import SourceTree, is_test

EXCEPTIONS = "tools/size_exceptions.txt"
MAX_BYTES = 500_000


def limit_of(path: str) -> int | None:
    if path.endswith(".h"):
        return 300
    if path.endswith(".cc"):
        return 800 if is_test(path) else 500
    if path.endswith((".py", ".sh")):
        return 500
    return None


def check(tree: SourceTree):
    exceptions = {}
    if EXCEPTIONS in tree.files:
        for line in tree.text(EXCEPTIONS).splitlines():
            if line.strip() and not line.startswith("#"):
                path, lines = line.split()
                exceptions[path] = int(lines)
    for path in exceptions:
        if path not in tree.files:
            yield f"{EXCEPTIONS}: {path} is gone; remove its line"
    for path in tree.files:
        size = (tree.root / path).stat().st_size
        if size > MAX_BYTES:
            yield f"{path}: {size:,} bytes; no file of the repository is larger than {MAX_BYTES:,}"
            continue
        limit = limit_of(path)
        if limit is None:
            continue
        lines = tree.text(path).count("\n")
        allowed = exceptions.get(path)
        if allowed is None:
            if lines > limit:
                yield f"{path}: {lines} lines, the limit is {limit}; split it by concept"
        elif lines > allowed:
            yield f"{path}: {lines} lines, its exception is {allowed} and may only shrink"
        elif lines <= limit:
            yield f"{EXCEPTIONS}: {path} is within the limit now; remove its line"
        elif lines < allowed:
            yield f"{EXCEPTIONS}: {path} has shrunk; lower its number to {lines}"


PLANTED = [
    ({"src/a.h": "\n" * 301}, "src/a.h: 301 lines"),
    ({"src/a.cc": "\n" * 501}, "src/a.cc: 501 lines"),
    ({"src/a.cc": "\n" * 520, EXCEPTIONS: "src/a.cc 510\n"}, "may only shrink"),
    ({"src/a.cc": "\n" * 505, EXCEPTIONS: "src/a.cc 510\n"}, "lower its number to 505"),
    ({"src/a.cc": "\n", EXCEPTIONS: "src/a.cc 510\n"}, "within the limit now"),
    ({"docs/picture.svg": "x" * 500_001}, "no file of the repository"),
]
