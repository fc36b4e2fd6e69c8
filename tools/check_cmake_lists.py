"""Every C++ file is named in a CMakeLists.txt, so that nothing is forgotten by the build."""
import pathlib
import re

from source_tree import SourceTree

TREES = ("src/", "apps/", "bench/", "tests/", "fuzz/", "examples/", "include/", "python/")


def named_near(tree: SourceTree, path: str, lists: dict[str, str]) -> bool:
    """True when the nearest CMakeLists.txt at or above the file names it, relative to its own folder."""
    for folder in pathlib.PurePosixPath(path).parents:
        text = lists.get(str(folder / "CMakeLists.txt"))
        if text is not None:
            relative = str(pathlib.PurePosixPath(path).relative_to(folder))
            stem = relative.removesuffix(".cc")
            return bool(re.search(rf"(?<![\w./-])(?:{re.escape(relative)}|{re.escape(stem)})(?![\w./-])", text))
    return False


def check(tree: SourceTree):
    lists = {f: re.sub(r"#[^\n]*", "", tree.text(f)) for f in tree.files if f.endswith("CMakeLists.txt")}
    everything = "\n".join(text for path, text in lists.items() if path.startswith("src/"))
    for path in tree.cxx():
        if not path.startswith(TREES):
            continue
        if path.startswith("include/millrace/"):
            name = re.escape(path.removeprefix("include/millrace/"))
            if not re.search(rf"(?<![\w./-]){name}(?![\w./-])", everything):
                yield f"{path}: not named under PUBLIC_HEADERS of a module"
        elif not named_near(tree, path, lists):
            yield f"{path}: not named in the CMakeLists.txt of its folder"


PLANTED = [
    ({"src/base/CMakeLists.txt": "millrace_module(NAME base SOURCES a.cc)", "src/base/a.cc": "", "src/base/b.cc": ""},
     "src/base/b.cc: not named"),
    ({"src/base/CMakeLists.txt": "SOURCES ab.cc", "src/base/b.cc": ""}, "src/base/b.cc: not named"),
    ({"src/base/CMakeLists.txt": "SOURCES ab.cc", "src/base/ab.cc": "", "include/millrace/x.h": ""}, "PUBLIC_HEADERS"),
]
