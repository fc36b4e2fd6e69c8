#!/usr/bin/env python3
"""Runs the checks of the project's own rules and the self-test of the checks. usage: tools/check.py [NAME...]"""
import pathlib
import sys
import time

import check_cmake_lists
import check_format
import check_layers
import check_paths
import check_public_docs
import check_selftest
import check_sizes
import check_words
from source_tree import SourceTree

CHECKS = [check_layers, check_cmake_lists, check_sizes, check_words, check_public_docs, check_paths, check_format]


def main(names: list[str]) -> int:
    known = {check.__name__.removeprefix("check_"): check for check in CHECKS}
    if unknown := [name for name in names if name not in known]:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    tree = SourceTree(pathlib.Path(__file__).resolve().parent.parent)
    wanted = {name: known[name] for name in names or known}
    bad = 0
    for name, check in wanted.items():
        begin = time.monotonic()
        problems = list(check.check(tree))
        for problem in problems:
            print(problem)
        bad += len(problems)
        verdict = f"{len(problems)} problems" if problems else "ok"
        print(f"{name:<13} {verdict:<12} {time.monotonic() - begin:5.1f} s")
    blind = list(check_selftest.failures(wanted.values()))
    for failure in blind:
        print(failure)
    planted = sum(len(check.PLANTED) for check in wanted.values())
    print(f"{'self-test':<13} {planted - len(blind)} of {planted} planted violations reported")
    return 1 if bad or blind else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
