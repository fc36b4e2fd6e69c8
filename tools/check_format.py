"""C++ files are formatted with clang-format 14 (./dev fmt does it)."""
import concurrent.futures
import hashlib
import os
import shutil
import subprocess

from source_tree import SourceTree

FORMATTER = "clang-format-14"
KNOWN_GOOD = "build/check/formatted"  # hashes of files that were found formatted: only the rest is looked at


def check(tree: SourceTree):
    if ".clang-format" not in tree.files:
        return
    if not shutil.which(FORMATTER):
        yield f"{FORMATTER} is missing; ./dev setup installs it"
        return
    style = tree.text(".clang-format")
    memory = tree.root / KNOWN_GOOD
    known = set(memory.read_text().split()) if memory.exists() else set()
    digest = {p: hashlib.sha256((style + tree.text(p)).encode()).hexdigest() for p in tree.cxx()}

    def formatted(path: str) -> bool:
        return subprocess.run([FORMATTER, "--dry-run", "-Werror", str(tree.root / path)],
                              capture_output=True).returncode == 0

    wanted = [p for p, d in digest.items() if d not in known]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, good in zip(wanted, pool.map(formatted, wanted)):
            if good:
                known.add(digest[path])
            else:
                yield f"{path}: not formatted; run ./dev fmt {path}"
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text("\n".join(sorted(known & set(digest.values()))) + "\n")


PLANTED = [({".clang-format": "BasedOnStyle: Google\n", "src/a.cc": "int   x ;\n"}, "src/a.cc: not formatted")]
