"""The commands of ./dev that touch the tree: what they change and leave, and what they say to a wrong command line."""
import itertools
import shutil
import unittest

from dev_tree import DevTree

COMMANDS = ["setup", "build", "demo", "test", "check", "bench", "fmt", "kafka", "clean"]
UGLY, NEAT = "int   x ;\n", "int x;\n"
# Would a command get past its command line, one of these would run: none must.
HEAVY = ["apt-get", "pip", "npm", "mvn", "cmake", "ninja", "ctest", "java", "debootstrap"]


class CommandsTest(unittest.TestCase):
    def setUp(self):
        self.tree = DevTree()
        self.addCleanup(self.tree.remove)

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.tree.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def files(self) -> dict[str, bytes]:
        """Everything below the folder of this test, by path from there."""
        return {str(path.relative_to(self.tree.top)): path.read_bytes() for path in self.tree.top.rglob("*") if path.is_file()}


class HelpTest(CommandsTest):
    def test_help_names_every_command_in_three_spellings(self):
        for words in ("--help", "-h", "help", ""):
            done = self.tree.dev(words)
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)
            self.assertRegex(done.stdout, r"^usage: \./dev COMMAND")
            listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
            self.assertEqual(sorted(listed), sorted(COMMANDS))

    def test_help_of_each_command_says_how_to_call_it_and_does_nothing(self):
        before = self.files()
        for command, words in itertools.product(COMMANDS, ("--help", "-h")):
            done = self.tree.dev(f"{command} {words}")
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
            self.assertRegex(done.stdout, rf"^usage: \./dev {command}\b")
            self.assertGreater(len(done.stdout.splitlines()), 2, command)
            self.assertNotIn("_main", done.stdout)
        self.assertEqual(self.files(), before)

    def test_what_the_short_help_offers_is_in_the_long_one(self):
        for line in self.tree.dev("--help").stdout.splitlines():
            if "./dev " not in line or not line.startswith("  "):
                continue
            command = line.split()[0]
            words = line.split(f"./dev {command}")[1].strip().strip("[]").replace("|", " ").replace("] [", " ").split()
            long = self.tree.dev(f"{command} --help").stdout
            for word in words:
                self.assertIn(word.removesuffix("..."), long, line)


class WrongCommandLineTest(CommandsTest):
    WRONG = {
        "nonsense": "there is no command 'nonsense'", "--nonsense": "there is no command '--nonsense'",
        "setup --nonsense": "setup takes no arguments", "setup now": "setup takes no arguments",
        "build --nonsense": "build knows no option --nonsense",
        "test --nonsense": "test knows no option --nonsense", "test ops state": "test does not take state after ops",
        "test --quick --nonsense": "test does not take --nonsense after --quick",
        "test --long --kafka": "test does not take --kafka after --long",
        "check --nonsense": "check knows no option --nonsense",
        "bench --nonsense": "bench knows no option --nonsense", "bench memory twice": "bench takes one NAME",
        "fmt --nonsense": "fmt knows no option --nonsense", "fmt nowhere.cc": "there is no file nowhere.cc",
        "fmt dev": "dev is no C++ file", "fmt --all a.cc": "not both",
        "kafka --nonsense": "kafka knows no action '--nonsense'", "kafka start": "kafka knows no action 'start'",
        "kafka up --nonsense": "kafka knows no option --nonsense", "kafka up --name": "--name needs a value",
        "kafka down --name ../../..": "'../../..' is no name", "kafka down --name .": "'.' is no name",
        "clean --nonsense": "clean takes --deps or nothing", "clean --deps arrow": "clean takes --deps or nothing"}

    def test_ends_with_2_says_why_on_stderr_and_does_nothing(self):
        self.write({"tree/build/release/millrace": "", "cache/arrow/lib/x": "", "tree/src/a.cc": UGLY})
        for program in HEAVY:
            self.tree.fake(program, f'echo {program} >>"$FAKES/called"')
        before = self.files()
        for words, message in self.WRONG.items():
            with self.subTest(words):
                done = self.tree.dev(words)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(message, done.stderr)
                self.assertIn("--help", done.stderr)
        self.assertEqual(self.files(), before)


class FmtTest(CommandsTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("clang-format-14"):
            self.skipTest("there is no clang-format-14")
        self.write({f"tree/src/{name}": UGLY for name in ("committed.cc", "changed.cc", "staged.h", "deleted.cc", "moved.h")})
        self.write({"tree/.gitignore": "build/\n"})
        self.git("init -q", "add -A", "-c user.name=a -c user.email=a@b.c commit -q -m first")

    def git(self, *commands: str) -> None:
        for words in commands:
            done = self.tree.bash(f"git {words}")
            self.assertEqual(done.returncode, 0, done.stderr)

    def text(self, name: str) -> str:
        return (self.tree.root / name).read_text()

    def test_formats_what_differs_from_the_last_commit_and_leaves_the_rest(self):
        self.write({"tree/src/changed.cc": UGLY * 2, "tree/src/staged.h": UGLY * 2, "tree/src/new file.cc": UGLY,
                    "tree/src/new.py": "x  =  1\n", "tree/build/generated.cc": UGLY})
        self.git("add src/staged.h", "mv src/moved.h src/there.h")
        (self.tree.root / "src/deleted.cc").unlink()
        done = self.tree.dev("fmt")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for name in ("src/changed.cc", "src/staged.h"):
            self.assertEqual(self.text(name), NEAT * 2, name)
        for name in ("src/new file.cc", "src/there.h"):
            self.assertEqual(self.text(name), NEAT, name)
        for name in ("src/committed.cc", "build/generated.cc"):
            self.assertEqual(self.text(name), UGLY, name)
        self.assertEqual(self.text("src/new.py"), "x  =  1\n")
        self.assertIn("formatted (4): ", done.stdout)
        self.assertIn("src/changed.cc", done.stdout)

    def test_says_so_when_nothing_has_changed(self):
        done = self.tree.dev("fmt")
        self.assertEqual((done.returncode, done.stdout), (0, "no C++ file has changed since the last commit\n"))
        self.assertEqual(self.text("src/committed.cc"), UGLY)

    def test_formats_the_files_it_is_given_and_only_those(self):
        self.write({"tree/src/changed.cc": UGLY * 2})
        self.assertEqual(self.tree.dev("fmt src/committed.cc").returncode, 0)
        self.assertEqual((self.text("src/committed.cc"), self.text("src/changed.cc")), (NEAT, UGLY * 2))

    def test_all_formats_also_what_is_committed(self):
        (self.tree.root / "src/deleted.cc").unlink()
        self.write({"tree/src/new.cc": UGLY, "tree/build/generated.cc": UGLY})
        done = self.tree.dev("fmt --all")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([self.text(f"src/{name}") for name in ("committed.cc", "staged.h", "new.cc")], [NEAT] * 3)
        self.assertEqual(self.text("build/generated.cc"), UGLY)


class CleanTest(CommandsTest):
    OURS = ["arrow/lib/x", "arrow.new/x", "librdkafka/x", "librdkafka.new/build.log", "librdkafka-tsan/x", "kafka/a.jar", "kafka.new/a.jar",
            "venv/x", "tests-venv/x", ".setup.lock", ".kafka.lock"]

    def setUp(self):
        super().setUp()
        self.write({"tree/build/release/millrace": "", "tree/build/kafka/default/data/x": "", "tree/src/a.cc": "", "outside/x": "",
                    "home/x": "", "cache/of-another/x": ""})
        self.write({f"cache/{name}": "" for name in self.OURS})
        (self.tree.root / "build/link").symlink_to(self.tree.top / "outside")
        (self.tree.cache / "arrow/link").symlink_to(self.tree.top / "outside")

    def test_removes_build_and_nothing_else(self):
        before = self.files()
        done = self.tree.dev("clean")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.files(), {name: text for name, text in before.items() if not name.startswith("tree/build/")})
        self.assertFalse((self.tree.root / "build").exists())
        self.assertEqual(self.tree.dev("clean").returncode, 0, "when there is nothing to remove too")

    def test_deps_also_removes_what_setup_made_and_leaves_what_it_did_not(self):
        before = self.files()
        done = self.tree.dev("clean --deps")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        gone = {f"cache/{name}" for name in self.OURS}
        self.assertEqual(self.files(), {name: text for name, text in before.items()
                                        if not name.startswith("tree/build/") and name not in gone})
        self.assertEqual(sorted(path.name for path in self.tree.cache.iterdir()), ["of-another"])


if __name__ == "__main__":
    unittest.main()
