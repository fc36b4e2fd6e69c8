"""Every check must report the violations planted for it, and be silent about an empty tree."""
import pathlib
import tempfile

from source_tree import SourceTree


def plant(files: dict[str, str], folder: pathlib.Path) -> SourceTree:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return SourceTree(folder)


def failures(checks):
    for check in checks:
        if not check.PLANTED:
            yield f"{check.__name__}: no violation is planted for it"
        for files, expected in check.PLANTED:
            with tempfile.TemporaryDirectory() as folder:
                found = list(check.check(plant(files, pathlib.Path(folder))))
            if not any(expected in problem for problem in found):
                yield f"{check.__name__}: planted {list(files)[-1]} was not reported as '{expected}'; found {found}"
