"""Words that have a better one in this project, and file names that say nothing."""
import pathlib
import re
from typing import NamedTuple

from source_tree import SourceTree, is_test


class Word(NamedTuple):
    pattern: re.Pattern
    instead: str
    allowed: tuple[str, ...] = ()  # path prefixes
    in_tests: bool = False         # tests may use it
    headers_only: bool = False


def word(pattern: str, instead: str, allowed: tuple[str, ...] = (), in_tests: bool = False,
         headers_only: bool = False) -> Word:
    return Word(re.compile(pattern), instead, allowed, in_tests, headers_only)


PROGRAMS = ("apps/", "bench/", "examples/", "fuzz/")
WORDS = [
    word(r"std::(recursive_|shared_|timed_)?mutex\b|std::condition_variable|#include <(mutex|condition_variable)>",
         "Mutex, MutexLock, ConditionVariable of base/mutex.h", ("src/base/",), in_tests=True),
    word(r"std::(lock_guard|scoped_lock)\b", "MutexLock of base/mutex.h", ("src/base/",), in_tests=True),
    word(r"\b(system|steady|high_resolution)_clock::now\b|\bgettimeofday\b|\bclock_gettime\b",
         "the Clock of env/clock.h", ("src/env/", "bench/", "examples/", "fuzz/"), in_tests=True),
    word(r"\b(secure_)?getenv\b|\bsetenv\b", "the environment access of env/", ("src/env/", "examples/"), in_tests=True),
    word(r"std::j?thread\b|std::async\b|\bpthread_create\b", "the threads of env/", ("src/env/", "bench/", "examples/"),
         in_tests=True),
    word(r"\batomic_(thread|signal)_fence\b", "a memory order on the atomic operation: ThreadSanitizer sees no fences",
         in_tests=True),
    word(r"\bsleep_(for|until)\b|\bu?sleep\s*\(|\bnanosleep\b", "waiting for a condition with a deadline (env/)",
         ("src/env/",)),
    word(r"\bs?rand\s*\(|std::random_device", "the Random of env/", ("src/env/",)),
    word(r"std::mt19937", "the Random of env/", ("src/env/", "bench/", "fuzz/"), in_tests=True),
    word(r"std::(cout|cerr|clog)\b|#include <iostream>", "the log of base/log.h",
         ("src/connectors/console/", "src/base/", *PROGRAMS), in_tests=True),
    word(r"(?<![\w:.>])(std::)?f?printf\s*\(|(?<![\w:.>])(std::)?f?puts\s*\(", "the log of base/log.h",
         ("src/connectors/console/", "src/base/", *PROGRAMS), in_tests=True),
    word(r"(?<![\w:.])assert\s*\(", "CHECK or DCHECK of base/check.h"),
    word(r"\bstd::[io]?fstream\b|(?<![\w:.>])(std::)?fopen\s*\(", "the files of env/", ("src/env/", *PROGRAMS),
         in_tests=True),
    word(r"\busing namespace\b", "qualified names: a header must not change its reader", headers_only=True),
]
EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?)$")


def check(tree: SourceTree):
    for path in tree.files:
        if EMPTY_NAMES.search(pathlib.PurePosixPath(path).name.split(".")[0].removesuffix("_test")):
            yield f"{path}: name the file after the concept it holds"
    for path in tree.cxx():
        code = tree.code(path)
        for banned in WORDS:
            if path.startswith(banned.allowed) if banned.allowed else False:
                continue
            if (banned.in_tests and is_test(path)) or (banned.headers_only and not path.endswith(".h")):
                continue
            for match in banned.pattern.finditer(code):
                line = code.count("\n", 0, match.start()) + 1
                yield f"{path}:{line}: {match[0].strip()}: use {banned.instead}"


PLANTED = [
    ({"src/ops/a.cc": "std::mutex m;\n"}, "base/mutex.h"),
    ({"src/ops/a.cc": "std::scoped_lock lock(m);\n"}, "base/mutex.h"),
    ({"src/ops/a.cc": "auto t = std::chrono::system_clock::now();\n"}, "env/clock.h"),
    ({"src/ops/a.cc": "std::atomic_thread_fence(std::memory_order_acquire);\n"}, "sees no fences"),
    ({"src/ops/a.cc": 'auto v = getenv("X");\n'}, "getenv"),
    ({"src/ops/a.cc": "std::thread t;\n"}, "std::thread"),
    ({"src/ops/a_test.cc": "std::this_thread::sleep_for(1ms);\n"}, "deadline"),
    ({"src/ops/a.cc": "int x = rand();\n"}, "rand"),
    ({"src/ops/a.cc": "std::mt19937 g;\n"}, "mt19937"),
    ({"src/ops/a.cc": 'std::cout << "x";\n'}, "std::cout"),
    ({"src/ops/a.cc": 'printf("x");\n'}, "printf"),
    ({"src/ops/a.cc": "assert(x);\n"}, "CHECK"),
    ({"src/ops/a.cc": "std::ifstream f;\n"}, "files of env"),
    ({"src/ops/a.h": "using namespace std;\n"}, "using namespace"),
    ({"src/ops/string_utils.h": "\n"}, "name the file after"),
]
