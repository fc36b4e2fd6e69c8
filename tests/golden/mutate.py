#!/usr/bin/env python3
"""Shows that the golden cases of each rule fail when the rule is broken.

    tests/golden/mutate.py BUILD_DIR [RULE...]   builds and runs the mutations in mutations.toml, all or those of RULE
    tests/golden/mutate.py --check               only: every mutation still applies

Works on a copy of the tree below BUILD_DIR, so the checkout is never changed. The first run compiles everything; each
mutation then costs one file, a link and the cases of its rule. Exit code 1 when a mutation survives.
"""
import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COPIED = ["CMakeLists.txt", "CMakePresets.json", "cmake", "include", "src", "tests/golden", "tools"]


def mutations(rules):
    listed = tomllib.loads((HERE / "mutations.toml").read_text())["mutation"]
    return [m for m in listed if not rules or m["rule"] in rules]


def check(listed):
    wrong = 0
    for m in listed:
        count = (ROOT / m["file"]).read_text().count(m["find"])
        if count != 1:
            print(f"{m['file']}: found {count} times, expected once, for {m['rule']} ({m['what']}): {m['find']!r}")
            wrong += 1
    return wrong


def cases_of(rule):
    """A GoogleTest filter of the cases that show the rule."""
    names = []
    for path in sorted(HERE.rglob("*.test")):
        first = path.read_text().split("\n", 1)[0]
        if rule in first.removeprefix("# rules: ").split():
            name = re.sub(r"[^A-Za-z0-9]", "_", str(path.relative_to(HERE))[:-len(".test")])
            names.append(f"*.{name}")
    return names


def copy_tree(copy):
    """Brings the copy up to date; files that are equal keep their times, so that little is compiled again."""
    wanted = set()
    for name in COPIED:
        files = [ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*")
        wanted.update(f.relative_to(ROOT) for f in files if f.is_file() and "__pycache__" not in f.parts)
    for old in list(copy.rglob("*")):
        if old.is_file() and old.relative_to(copy) not in wanted:
            old.unlink()
    for path in wanted:
        to = copy / path
        content = (ROOT / path).read_bytes()
        if to.exists() and to.read_bytes() == content:
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(content)
        to.chmod((ROOT / path).stat().st_mode)


def build(out):
    return subprocess.run(["ninja", "-C", out, "golden_test"], capture_output=True, text=True, check=False)


def main():
    if sys.argv[1:] == ["--check"]:
        return 1 if check(mutations([])) else 0
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    out = pathlib.Path(sys.argv[1]).resolve() / "mutations"
    listed = mutations(sys.argv[2:])
    if check(listed):
        return 1
    copy = out / "tree"
    copy.mkdir(parents=True, exist_ok=True)
    copy_tree(copy)
    subprocess.run(["cmake", "--preset", "dev", "-B", out / "build", "-DMILLRACE_WERROR=OFF"], cwd=copy, check=True,
                   stdout=subprocess.DEVNULL)
    clean = build(out / "build")
    if clean.returncode:
        print(clean.stdout[-3000:])
        return 1
    survivors = 0
    for m in listed:
        path = copy / m["file"]
        original = path.read_text()
        path.write_text(original.replace(m["find"], m["replace"]))
        built = build(out / "build")
        cases = cases_of(m["rule"])
        failed = []
        if built.returncode == 0:
            run = subprocess.run([out / "build/tests/golden_test", "--gtest_filter=" + ":".join(cases)],
                                 cwd=copy / "tests/golden", capture_output=True, text=True, errors="replace",
                                 timeout=600, check=False)
            failed = sorted(set(re.findall(r"^\[  FAILED  \] Golden_\w+\.(\w+) \(", run.stdout, re.M)))
            if run.returncode < 0:
                failed.append("(crashed)")
        path.write_text(original)
        verdict = "does not compile" if built.returncode else "caught" if failed else "SURVIVED"
        survivors += verdict != "caught"
        print(f"{m['rule']:4} {verdict:9} {m['what']}: {len(failed)} of {len(cases)} cases fail", flush=True)
    build(out / "build")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
