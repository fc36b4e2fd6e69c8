"""The files that the checks read: tracked and new ones, without what git ignores."""
import functools
import pathlib
import re
import subprocess

COMMENT_OR_STRING = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^\s()\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)


def blank(match: re.Match) -> str:
    """Keeps line breaks, so that line numbers stay right."""
    return re.sub(r"[^\n]", " ", match[0])


class SourceTree:
    """A folder with sources; paths are text relative to its root, with forward slashes."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        if (root / ".git").exists():
            listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=root,
                                    check=True, capture_output=True, text=True).stdout.split("\0")
            self.files = sorted(f for f in set(listed) if f and (root / f).is_file() and not (root / f).is_symlink())
        else:
            self.files = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())

    @functools.cache
    def text(self, path: str) -> str:
        return (self.root / path).read_text(errors="replace")

    @functools.cache
    def code(self, path: str) -> str:
        """The text of a C++ file with comments and literals blanked out."""
        return COMMENT_OR_STRING.sub(blank, self.text(path))

    def cxx(self) -> list[str]:
        return [f for f in self.files if f.endswith((".h", ".cc"))]


def is_test(path: str) -> bool:
    return path.endswith(("_test.cc", "_bench.cc", "_harness.cc", "_harness.h")) or path.startswith("tests/")
