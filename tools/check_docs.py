#!/usr/bin/env python3
"""Fails when the documentation names a command, option or pipeline that the program does not take.

Checked are the commands in code of all Markdown files (`millrace ...`, `./dev ...`) against their --help, whole
pipelines in YAML blocks against lint, README's pipeline against examples/bids.yaml, the tests of examples/*.yaml, and
the messages and metrics of docs/operations.md against the text of the sources.

usage: check_docs.py MILLRACE
"""
import functools
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Callable, Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?<![\w/.-])(?:build/release/)?(millrace|\./dev) ([a-z][^\n#|>;`]*)")

Help = Callable[[str, tuple[str, ...]], str]  # of a program's command; "" when there is none


def commands(markdown: str) -> Iterator[tuple[str, list[str]]]:
    """(program, words) of each command in code."""
    code = "\n".join(match[2] for match in CODE.finditer(markdown) if match[1] in ("", "sh", "bash"))
    for text in [code, *INLINE.findall(CODE.sub("", markdown))]:
        # A line that ends in an open bracket goes on in the next one.
        for match in COMMAND.finditer(re.sub(r"\n +\[", " [", text)):
            yield match[1], re.sub(r"[\[\]()]", " ", match[2]).split()


def wrong_commands(markdown: str, help_of: Help) -> Iterator[str]:
    for program, words in commands(markdown):
        if "--" in words:
            words = words[:words.index("--")]  # what follows is for another program
        path: tuple[str, ...] = ()
        for word in words:
            if not re.fullmatch(r"[a-z]+(-[a-z]+)*", word) or not help_of(program, (*path, word)):
                break
            path = (*path, word)
        if not path:
            yield f"there is no command '{program} {words[0]}'"
            continue
        for word in words[len(path):]:
            option = word.split("=")[0]
            if re.fullmatch(r"--?[a-zA-Z][\w-]*", option) and not re.search(rf"(?<![\w-]){option}(?![\w-])", help_of(program, path)):
                yield f"'{program} {' '.join(path)}' has no option {option}"


def pipelines(markdown: str) -> Iterator[str]:
    """YAML blocks that are a pipeline of their own."""
    for match in CODE.finditer(markdown):
        if match[1] == "yaml" and all(re.search(rf"^{key}:", match[2], re.M) for key in ("name", "kafka", "sinks")):
            yield match[2]


def run(*words: str | pathlib.Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=120, env=os.environ | environment)


def check_files(millrace: str, files: list[pathlib.Path]) -> Iterator[str]:
    @functools.cache
    def help_of(program: str, path: tuple[str, ...]) -> str:
        if program == "./dev":  # `./dev build TARGET`: words after the command are its arguments
            if len(path) > 1 or not (ROOT / f"tools/dev/{path[0]}.sh").exists():
                return ""
            return run("./dev", *path, "--help").stdout + (help_of("millrace", path) if path == ("demo",) else "")
        done = run(millrace, *path, "--help")
        usage = f"{' '.join(path)} [OPTIONS]"
        return done.stdout + run(millrace, "--help").stdout if done.returncode == 0 and usage in done.stdout else ""

    for file in files:
        text = file.read_text()
        name = file.relative_to(ROOT)
        for problem in wrong_commands(text, help_of):
            yield f"{name}: {problem}"
        for pipeline in pipelines(text):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as copy:
                copy.write(pipeline)
                copy.flush()
                settings = {name: "x" for name in re.findall(r"\$\{([A-Z_]+)\}", pipeline)}
                if (done := run(millrace, "lint", copy.name, **settings)).returncode != 0:
                    yield f"{name}: {done.stderr}"


def check_examples(millrace: str) -> Iterator[str]:
    for example in sorted((ROOT / "examples").rglob("*.yaml")):
        for verb in ("lint", "test"):
            if (done := run(millrace, verb, example)).returncode != 0:
                yield f"millrace {verb} {example.name}: {done.stdout}{done.stderr}"
    shown = next(pipelines((ROOT / "README.md").read_text()))
    if shown not in (ROOT / "examples/bids.yaml").read_text():
        yield "README.md: its pipeline is not that of examples/bids.yaml"


def section(markdown: str, title: str) -> list[str]:
    """What is in code in the first column of the table under a title."""
    lines = markdown.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    return [code for line in lines if line.startswith("| `") for code in INLINE.findall(line.split(" | ")[0])]


def missing_messages(messages: list[str], source: str) -> Iterator[str]:
    """`...`, 'x', n, a and b stand for what a message fills in."""
    for message in messages:
        parts = [part for part in re.split(r"\.\.\.|(?<=')x(?=')|\b[nab]\b", message) if "[" not in part]
        if any(part not in source for part in parts):
            yield f"docs/operations.md: no source says '{message}'"


def missing_metrics(names: list[str], source: str) -> Iterator[str]:
    for name in names:
        choices = [part.split(",") for part in re.split(r"[{}]", re.sub(r"\{[a-z,_]+\}$", "", name))]
        for metric in map("".join, itertools.product(*choices)):
            if not re.search(rf"\b{metric}\b", source):
                yield f"docs/operations.md: no source has a metric {metric}"


def check_operations() -> Iterator[str]:
    markdown = (ROOT / "docs/operations.md").read_text()
    source = "\n".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.cc")) if not path.stem.endswith("_test"))
    source = re.sub(r'"\s*\n\s*"', "", source)  # literals that continue in the next line
    yield from missing_messages(section(markdown, "When something is wrong"), source)
    yield from missing_metrics(section(markdown, "Metrics"), source)


def selftest() -> Iterator[str]:
    def help_of(program: str, path: tuple[str, ...]) -> str:
        return {("millrace", ("topic",)): "topic", ("millrace", ("topic", "read")): "--limit N", ("./dev", ("build",)): "build"}.get(
            (program, path), "")
    planted = {"`millrace tpic list`": "no command 'millrace tpic'", "```\nmillrace topic read x --limt 3\n```\n": "no option --limt",
               "`./dev built`": "no command './dev built'"}
    for text, message in planted.items():
        if not any(message in problem for problem in wrong_commands(text, help_of)):
            yield f"self-test: nothing was said of {text!r}"
    for text in ("`millrace topic read x --limit 3`", "```cpp\nmillrace tpic\n```\n", "the file millrace tpic"):
        yield from (f"self-test: {problem}" for problem in wrong_commands(text, help_of))
    source = 'Log("slot " + n + " of pipeline is taken"); Metric("rows_in_total");'
    if list(missing_messages(["slot n of pipeline is taken"], source)) or not list(missing_messages(["slot n is free"], source)):
        yield "self-test: messages are not told apart"
    if [*missing_metrics(["rows_{in,out}_total{step}"], source)] != ["docs/operations.md: no source has a metric rows_out_total"]:
        yield "self-test: metrics are not told apart"


def main(millrace: str) -> int:
    listed = run("git", "ls-files", "*.md").stdout.split()
    files = [ROOT / name for name in listed] or sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    program = str(pathlib.Path(millrace).resolve())
    problems = [*selftest(), *check_files(program, files), *check_examples(program), *check_operations()]
    print("\n".join([*problems, f"{len(files)} files, {len(problems)} problems"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
