#!/usr/bin/env python3
"""Runs clang-tidy 14 with the list of .clang-tidy, after proving that each check of the list reports its violation.

usage: check_tidy.py BUILD_FOLDER [PATH...]      BUILD_FOLDER holds compile_commands.json without precompiled headers

PATH is a source, a header or a folder; without one, all that is compiled without the tests is scanned.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-14"
# GCC's flags that Clang does not know must not be errors.
ARGUMENTS = ["--quiet", "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-error",
             f"--extra-arg=-include{ROOT / 'tools/tidy/source_location.h'}"]

PLANTED = {
    "bugprone-use-after-move":
        "#include <string>\n#include <utility>\nvoid T(std::string);\n"
        "int F(std::string s) { T(std::move(s)); return static_cast<int>(s.size()); }",
    "bugprone-infinite-loop": "void F() { int i = 0; int j = 0; while (i < 10) { ++j; } }",
    "bugprone-integer-division": "double F(int a, int b) { return a / b; }",
    "bugprone-sizeof-expression": "struct A { int x; };\nunsigned long F(A* a) { return sizeof(a) / sizeof(*a); }",
    "bugprone-unused-raii": "struct A { A(int); ~A(); };\nvoid F() { A(1); int x = 0; (void)x; }",
    "bugprone-unhandled-self-assignment":
        "struct A { int* p; A(const A&); ~A(); A& operator=(const A& o) { delete p; p = new int(*o.p); return *this; } };",
    "bugprone-suspicious-semicolon": "void G();\nvoid F(int a) { if (a > 1);\n  { G(); } }",
    "cppcoreguidelines-slicing": "struct A { int x; };\nstruct B : A { int y; };\nvoid F(A);\nvoid G(B b) { F(b); }",
    "google-explicit-constructor": "struct A { A(int x); };",
    "modernize-use-override": "struct A { virtual void F(); virtual ~A(); };\nstruct B : A { virtual void F(); };",
    "performance-for-range-copy":
        "#include <string>\n#include <vector>\nint F(const std::vector<std::string>& v) {\n"
        "  int n = 0; for (const std::string s : v) n += static_cast<int>(s.size()); return n; }",
    "performance-inefficient-vector-operation":
        "#include <vector>\nstd::vector<int> F(int n) { std::vector<int> v; for (int i = 0; i < n; ++i) v.push_back(i); return v; }",
    "performance-move-const-arg":
        "#include <string>\n#include <utility>\nvoid T(std::string);\nvoid F(const std::string s) { T(std::move(s)); }",
    "performance-unnecessary-copy-initialization":
        "#include <string>\nconst std::string& G();\nint F() { const std::string s = G(); return static_cast<int>(s.size()); }",
    "readability-container-size-empty": "#include <vector>\nbool F(const std::vector<int>& v) { return v.size() == 0; }",
    "readability-function-size": "int F(int a, int b, int c, int d, int e, int f, int g) { return a + b + c + d + e + f + g; }",
}


def report_of_planted(name: str, folder: pathlib.Path) -> str | None:
    """None when the check reports its planted violation, otherwise what went wrong."""
    path = folder / f"{name}.cc"
    path.write_text(PLANTED[name] + "\n")
    result = subprocess.run([TIDY, "--quiet", f"--config-file={ROOT / '.clang-tidy'}", str(path), "--", "-std=c++20"],
                            capture_output=True, text=True)
    if f"[{name}" in result.stdout and result.returncode != 0:
        return None
    return f"{name}: its planted violation was not reported\n{result.stdout}{result.stderr}"


def selftest(pool) -> list[str]:
    listed = set(re.findall(r"^  ([a-z]+-[a-z-]+),?$", (ROOT / ".clang-tidy").read_text(), re.M))
    problems = [f"{name}: in .clang-tidy, but no violation is planted for it" for name in sorted(listed - PLANTED.keys())]
    with tempfile.TemporaryDirectory() as folder:
        found = pool.map(lambda name: report_of_planted(name, pathlib.Path(folder)), sorted(listed & PLANTED.keys()))
        return problems + [problem for problem in found if problem]


def tidy(build: str, path: str) -> str | None:
    result = subprocess.run([TIDY, *ARGUMENTS, "-p", build, path], capture_output=True, text=True, cwd=ROOT)
    return (result.stdout or result.stderr) if result.returncode != 0 else None


def path_of(unit: str) -> str:
    """The path in the tree of a source, or of the header that a source made by CMake includes alone."""
    header = re.search(r"_verify_interface_header_sets/(.*)\.cxx$", unit)
    if header is None:
        return os.path.relpath(unit, ROOT)
    return next((f"{base}/{header[1]}" for base in ("src", "include") if (ROOT / base / header[1]).exists()), unit)


def selected(units: dict[str, str], wanted: list[str]) -> list[str]:
    """The paths among `units` that are wanted or lie in wanted folders; all when nothing is wanted."""
    chosen = []
    for want in wanted or ["."]:
        want = os.path.relpath(ROOT / want, ROOT)
        found = [path for path in units if want == "." or path == want or path.startswith(want + "/")]
        if not found:
            sys.exit(f"{want}: nothing of this name is compiled without the tests, so clang-tidy cannot look at it")
        chosen += found
    return sorted(set(chosen))


def main(build: str, wanted: list[str]) -> int:
    commands = json.loads((ROOT / build / "compile_commands.json").read_text())
    units = {path_of(c["file"]): c["file"] for c in commands}
    paths = selected(units, wanted)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("MILLRACE_JOBS", os.cpu_count() or 1))) as pool:
        for problem in selftest(pool):
            print(problem)
            bad += 1
        if bad:
            return 1
        for report in pool.map(lambda path: tidy(build, units[path]), paths):
            if report:
                print(report)
                bad += 1
    print(f"clang-tidy    {len(paths)} files, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
