"""Modules include, and link, only what layers.toml allows; third-party headers stay behind their fence."""
import pathlib
import re
import tomllib

from source_tree import SourceTree, is_test

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^">\n]+)[">]', re.M)
MODULE_CALL = re.compile(r"millrace_module\s*\((.*?)\)", re.S)
KEYWORDS = {"NAME", "SOURCES", "HEADERS", "PUBLIC_HEADERS", "DEPS", "THIRD_PARTY", "THIRD_PARTY_PRIVATE", "TESTS",
            "TEST_SUPPORT", "TEST_DEPS", "TEST_TIMEOUT", "PCH"}


def covers(prefix: str, path: str) -> bool:
    return prefix == "*" or path == prefix or path.startswith(prefix + "/")


def longest(path: str, names) -> str | None:
    return max((n for n in names if covers(n, path)), key=len, default=None)


def cycle(modules: dict[str, list[str]]) -> list[str]:
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return trail[trail.index(name):] + [name]
        if name in done:
            return []
        for dep in modules[name]:
            for target in [m for m in modules if covers(dep, m) and m != name]:
                if found := visit(target, trail + [name]):
                    return found
        done.add(name)
        return []

    return next((c for m in modules if (c := visit(m, []))), [])


def check_file(tree: SourceTree, path: str, rules: dict):
    modules, trees = rules["modules"], rules.get("trees", {})
    folder = str(pathlib.PurePosixPath(path).parent)
    place = folder.removeprefix("src/")
    if path.startswith("src/"):
        own = longest(place, modules)
        allowed = list(modules.get(own, []))
    else:
        own = longest(folder, trees)
        allowed = list(trees.get(own, []))
    if own is None:
        yield f"{path}: its folder is not declared in layers.toml"
        return
    if is_test(path):
        allowed += rules.get("tests", {}).get(own, [])
    text = tree.text(path)
    for match in INCLUDE.finditer(text):
        where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        included = match[2]
        target = None
        if not included.startswith("millrace/"):
            target = longest(str(pathlib.PurePosixPath(included).parent), modules)
        if match[1] == '"' and target is None and not included.startswith("millrace/") and path.startswith("src/"):
            if "/" not in included and own not in modules:
                continue
            if (tree.root / pathlib.PurePosixPath(path).parent / included).is_file():
                yield f'{where}: write "{place}/{included}": src/ is the only include root'
        if target and target != own:
            if not any(covers(dep, target) for dep in allowed):
                yield f"{where}: {own} may not depend on {target}"
            elif included.endswith("_internal.h") and not is_test(path):
                yield f"{where}: {included} is private to {target}"
        if included in rules.get("apart", {}).get(own, []) and not is_test(path):
            yield f"{where}: {own} has its own of what {included} has"
        fences = rules.get("foreign", {})
        prefix = max((p for p in fences if included.startswith(p)), key=len, default="")
        if prefix and not any(covers(o, own) or covers(o, place) for o in fences[prefix]):
            yield f"{where}: only {', '.join(fences[prefix])} may include {prefix}"


def check_links(tree: SourceTree, path: str, rules: dict):
    text = re.sub(r"#[^\n]*", "", tree.text(path))
    for call in MODULE_CALL.finditer(text):
        arguments: dict[str, list[str]] = {}
        key = ""
        for word in call[1].split():
            if word in KEYWORDS:
                key = word
            else:
                arguments.setdefault(key, []).append(word)
        name = arguments.get("NAME", [""])[0]
        own = longest(name, rules["modules"])
        if own is None:
            yield f"{path}: module {name} is not declared in layers.toml"
            continue
        for dep in arguments.get("DEPS", []):
            if dep != own and not covers(own, dep) and not any(covers(a, dep) for a in rules["modules"][own]):
                yield f"{path}: {name} may not link {dep}"


def check(tree: SourceTree):
    rules = tomllib.loads(tree.text("layers.toml"))
    if found := cycle(rules["modules"]):
        yield "layers.toml: cycle " + " -> ".join(found)
    for path in tree.cxx():
        if path.startswith(("src/", *(t + "/" for t in rules.get("trees", {})))):
            yield from check_file(tree, path, rules)
    for path in tree.files:
        if path.startswith("src/") and path.endswith("CMakeLists.txt"):
            yield from check_links(tree, path, rules)


RULES = """
[modules]
base = []
state = ["base"]
ops = ["base", "state"]
[trees]
bench = ["*"]
[apart]
ops = ["state/table.h"]
[foreign]
"rocksdb/" = ["state"]
"boost/" = ["state"]
"boost/json" = ["ops"]
"""
PLANTED = [
    ({"layers.toml": RULES, "src/base/a.h": '#include "state/table.h"\n'}, "base may not depend on state"),
    ({"layers.toml": RULES, "src/ops/a.cc": "#include <rocksdb/db.h>\n"}, "only state may include rocksdb/"),
    ({"layers.toml": RULES, "src/state/a.cc": "#include <boost/json.hpp>\n"}, "only ops may include boost/json"),
    ({"layers.toml": RULES, "src/ops/a.cc": "#include <boost/asio.hpp>\n"}, "only state may include boost/"),
    ({"layers.toml": RULES, "src/ops/a.cc": '#include "state/table_internal.h"\n'}, "private to state"),
    ({"layers.toml": RULES, "src/ops/a.cc": '#include "state/table.h"\n'}, "ops has its own of what state/table.h has"),
    ({"layers.toml": RULES, "src/other/a.cc": "\n"}, "not declared in layers.toml"),
    ({"layers.toml": RULES, "src/ops/a.cc": '#include "b.h"\n', "src/ops/b.h": ""}, 'write "ops/b.h"'),
    ({"layers.toml": RULES.replace("base = []", 'base = ["ops"]')}, "cycle base -> ops"),
    ({"layers.toml": RULES, "src/base/CMakeLists.txt": "millrace_module(NAME base DEPS ops)"}, "may not link ops"),
]
