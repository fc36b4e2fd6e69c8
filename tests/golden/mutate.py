#!/usr/bin/env python3
"""Shows that the golden cases of each rule fail when the rule is broken, or the unit tests that a mutation names.

    tests/golden/mutate.py BUILD_DIR [RULE...]   builds and runs the mutations in mutations.toml, all or those of RULE
    tests/golden/mutate.py --check               only: every mutation still applies, every rule with cases has one

Works on a copy of the tree below BUILD_DIR, so the checkout is never changed. The first run compiles everything; each
mutation then costs one file, a link and the cases of its rule. Only the test programs of those mutations are built. The last line says how many were killed; exit code 1
when one survives or cannot be tried.
"""
import os
import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CASES_TIMEOUT_S = 180      # of the cases of a rule, one of which may not end
ALL_CASES_TIMEOUT_S = 900  # of all that there are, on a busy machine
PRESET = "release"
GOLDEN = "tests/golden"
# A mutation may leave something unused; that must not stop the build.
LENIENT = "".join(f'#pragma GCC diagnostic ignored "-W{w}"\n' for w in (
    "unused-parameter", "unused-variable", "unused-but-set-variable", "unused-function", "unused-value"))
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
        if tests_of(m) != GOLDEN and not m.get("cases"):
            print(f"mutations.toml: {m['rule']} ({m['what']}) names no cases of {tests_of(m)}")
            wrong += 1
    for rule in sorted(rules_with_cases() - {m["rule"] for m in mutations([])}):
        print(f"mutations.toml: rule {rule} has cases but no mutation")
        wrong += 1
    return wrong


def rules_of(path):
    return path.read_text().split("\n", 1)[0].removeprefix("# rules: ").split()


def rules_with_cases():
    return {rule for path in HERE.rglob("*.test") for rule in rules_of(path)} - {"-"}


def tests_of(mutation):
    """The folder of the tests that show the rule: that of a module where no golden pipeline can."""
    return mutation.get("tests", GOLDEN)


def target_of(folder):
    return folder.removeprefix("src/").removeprefix("tests/").replace("/", "_") + "_test"


def cases_of(mutation):
    """A GoogleTest filter of the cases that show its rule."""
    if tests_of(mutation) != GOLDEN:
        return mutation["cases"]
    names, rule = [], mutation["rule"]
    for path in sorted(HERE.rglob("*.test")):
        if rule in rules_of(path):
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
        path = old.relative_to(copy)
        if path.parts[0] != "build" and old.is_file() and path not in wanted:
            old.unlink()
    for path in wanted:
        to = copy / path
        content = (ROOT / path).read_bytes()
        if to.exists() and to.read_bytes() == content:
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(content)
        to.chmod((ROOT / path).stat().st_mode)


def build(copy, folders):
    jobs = os.environ.get("MILLRACE_JOBS")
    return subprocess.run(["ninja", "-C", build_dir(copy), *(["-j", jobs] if jobs else []), *map(target_of, folders)],
                          capture_output=True, text=True, check=False)


def build_dir(copy):
    """Where the preset puts it: then the compiler cache knows what the checkout has compiled."""
    return copy / "build" / PRESET


def failing_cases(copy, folder, cases, seconds=CASES_TIMEOUT_S):
    """Names of the cases that fail; a crash or an endless loop is a failure too."""
    command = [build_dir(copy) / "tests" / target_of(folder), "--gtest_filter=" + ":".join(cases)]
    try:
        run = subprocess.run(command, cwd=copy / folder, capture_output=True, text=True, errors="replace",
                             timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return ["(does not end)"]
    failed = sorted(set(re.findall(r"^\[  FAILED  \] [\w/]+\.([\w/]+)(?:, where| \()", run.stdout, re.M)))
    if run.returncode < 0:
        failed.append("(crashed)")
    elif run.returncode > 0 and not failed:
        failed.append(f"(ends with {run.returncode})")
    return failed


def kills(mutation, copy):
    """Plants the mutation, runs the cases of its rule, prints what came of it, and takes it out again."""
    path = copy / mutation["file"]
    original = path.read_text()
    folder, cases = tests_of(mutation), cases_of(mutation)
    try:
        path.write_text(LENIENT + original.replace(mutation["find"], mutation["replace"]))
        compiles = build(copy, [folder]).returncode == 0
        failed = failing_cases(copy, folder, cases) if compiles else []
    finally:
        path.write_text(original)
    of_all = f" of {len(cases)}" if folder == GOLDEN else ""
    verdict = "does not compile" if not compiles else "killed" if failed else "SURVIVED"
    print(f"{mutation['rule']:4} {verdict:9} {mutation['what']}: {len(failed)}{of_all} cases fail", flush=True)
    return verdict == "killed"


def main():
    if sys.argv[1:] == ["--check"]:
        return 1 if check(mutations([])) else 0
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    listed = mutations(sys.argv[2:])
    if check(listed):
        return 1
    if not listed:
        print(f"no mutation of {' '.join(sys.argv[2:])} in mutations.toml")
        return 2
    copy = pathlib.Path(sys.argv[1]).resolve() / "mutations"
    copy.mkdir(parents=True, exist_ok=True)
    copy_tree(copy)
    subprocess.run(["cmake", "--preset", PRESET], cwd=copy, check=True, stdout=subprocess.DEVNULL)
    folders = sorted({tests_of(m) for m in listed})
    clean = build(copy, folders)
    if clean.returncode:
        print(clean.stdout[-3000:])
        return 1
    # Without a mutation nothing fails: else a kill would say nothing.
    failed = [case for folder in folders for case in failing_cases(copy, folder, ["*"], ALL_CASES_TIMEOUT_S)]
    if failed:
        print("without any mutation these cases fail: " + " ".join(failed))
        return 1
    killed = sum(kills(m, copy) for m in listed)
    print(f"{killed} of {len(listed)} mutations killed")
    return 0 if killed == len(listed) else 1


if __name__ == "__main__":
    sys.exit(main())
