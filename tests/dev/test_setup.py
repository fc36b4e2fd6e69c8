"""What ./dev setup promises: what it installs, says, refuses, and does when there is nothing to do."""
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import unittest

from dev_tree import DevTree
from registries import TARBALL, WHEEL, Registry, arrow_wheel, librdkafka_tarball, pin, sha256, use_registry

NOTHING_MISSING_CPU_S = 1  # the promise is of a second on a machine that has one to give
LATER = "-----BEGIN something else-----"
# dpkg-query that knows every package of the list but those in $FAKES/absent; apt-get that brings all it is asked for.
DPKG = r"""
bash -c '. tools/dev/setup.sh; printf "%s\n" "${SETUP_PACKAGES[@]%%|*}" npm' | grep -vxF -f "$FAKES/absent" | sed 's/$/ ii /'
"""
APT_GET = r"""
echo "$*" >>"$FAKES/apt-get.calls"
[ ! -f "$FAKES/apt-get.fails" ] || { echo "E: Unable to locate package" >&2; [ "$1" = update ] || exit 100; }
[ "$1" != install ] || : >"$FAKES/absent"
"""


def cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class SetupTest(unittest.TestCase):
    def setUp(self):
        self.tree = DevTree()
        self.addCleanup(self.tree.remove)
        (self.tree.fakes / "absent").write_text("(none)\n")
        self.tree.fake("dpkg-query", DPKG)
        self.tree.fake("apt-get", APT_GET)
        self.tree.fake("sudo", '"$@"')

    def without_packages(self, *names: str) -> None:
        (self.tree.fakes / "absent").write_text("".join(f"{name}\n" for name in names))

    def without_programs(self, *names: str) -> None:
        """PATH has everything of this machine but these."""
        programs = self.tree.top / "programs"
        programs.mkdir()
        for folder in reversed(os.environ["PATH"].split(":")):
            for program in pathlib.Path(folder).glob("*"):
                link = programs / program.name
                if program.name not in names:
                    link.unlink(missing_ok=True)
                    link.symlink_to(program)
        for name in names:
            (self.tree.fakes / name).unlink(missing_ok=True)
        self.tree.environment["PATH"] = f"{self.tree.fakes}:{programs}"

    def assert_words(self, text: str, *words: str) -> None:
        for word in words:
            self.assertIn(word, text)

    def setup_on(self, distribution: str) -> subprocess.CompletedProcess[str]:
        return self.tree.bash(f"""set -euo pipefail; ROOT=$PWD
            . tools/dev/say.sh; . tools/dev/setup.sh; distribution() {{ printf '{distribution}'; }}; setup_main""")


class DownloadsTest(SetupTest):
    """With real pip and npm, and registries on this machine."""

    @classmethod
    def setUpClass(cls):
        place = DevTree()
        cls.wheel, cls.tarball = arrow_wheel(place.top), librdkafka_tarball()
        place.remove()

    def setUp(self):
        if not shutil.which("npm"):
            self.skipTest("there is no npm; ./dev setup installs it when it fetches librdkafka")
        super().setUp()
        self.registry = Registry()
        self.addCleanup(self.registry.close)
        self.registry.serve_wheel(self.wheel)
        self.registry.serve_tarball(self.tarball)
        pin(self.tree, self.wheel, self.tarball)
        use_registry(self.tree, self.registry.url)

    def in_cache(self) -> list[str]:
        return sorted(path.name for path in self.tree.cache.glob("[!.]*"))

    def assert_nothing_of(self, content: bytes) -> None:
        """Neither the cache nor the home holds these bytes, under whatever name."""
        for place in (self.tree.cache, self.tree.home):
            for path in place.rglob("*"):
                if path.is_file():
                    self.assertNotIn(content, path.read_bytes(), path)

    def assert_installed(self) -> None:
        self.assertEqual(self.in_cache(), ["arrow", "librdkafka"])
        cache = self.tree.cache
        self.assertEqual((cache / "librdkafka/lib/librdkafka.a").read_text(), "patched\n")
        self.assertTrue((cache / "librdkafka/include/librdkafka/rdkafka_mock.h").exists())
        self.assertTrue((cache / "arrow/include/arrow/api.h").exists())
        names = {path.name for path in (cache / "arrow/lib").iterdir()}
        self.assertIn("libparquet.so.2600", names)
        self.assertEqual(len(names), 8)
        self.assertNotEqual((cache / "arrow/lib/libparquet.so.2600").read_bytes(), (cache / "arrow/lib/libarrow.so.2600").read_bytes())

    def test_installs_what_is_missing_and_says_so_and_then_does_nothing(self):
        self.without_packages("mold", "librocksdb-dev")
        first = self.tree.dev("setup")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assert_words(first.stdout, "installing packages: mold librocksdb-dev\n", "fetching pyarrow==26.0.1",
                          "fetching @confluentinc/kafka-javascript@1.10.1 for its librdkafka, and building that",
                          f"Everything is in place ({self.tree.cache})")
        calls = self.tree.left("apt-get.calls").splitlines()
        self.assertEqual(calls[0].split()[0], "update")
        self.assertRegex(calls[1], r"^install -y .* mold librocksdb-dev$")
        self.assert_installed()

        files = {path: path.stat().st_mtime_ns for path in self.tree.cache.rglob("[!.]*") if path.is_file()}
        self.registry.asked.clear()
        begin = cpu_seconds_of_children()
        second = self.tree.dev("setup")
        self.assertLess(cpu_seconds_of_children() - begin, NOTHING_MISSING_CPU_S)
        self.assertEqual((second.returncode, second.stderr), (0, ""))
        self.assertEqual(second.stdout, f"Everything is in place ({self.tree.cache}).\n")
        self.assertEqual(self.registry.asked, [])
        self.assertEqual(self.tree.left("apt-get.calls").splitlines(), calls)
        self.assertEqual({path: path.stat().st_mtime_ns for path in files}, files)

        # Another version is wanted, and what comes is not it: what is there stays.
        lock = self.tree.root / "tools/deps.lock"
        lock.write_text(lock.read_text().replace(sha256(self.wheel), sha256(b"a later version")))
        self.assert_refused(WHEEL, b"a later version", self.wheel)
        self.assertEqual({path: path.stat().st_mtime_ns for path in files}, files)

    def assert_refused(self, file: str, expected: bytes, found: bytes) -> None:
        done = self.tree.dev("setup")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assert_words(done.stderr, f"{file} is not the file that tools/deps.lock names", f"expected sha256 {sha256(expected)}",
                          f"found {sha256(found)}", "Run this again", "do not use it")
        self.assertNotIn("Everything is in place", done.stdout)
        self.assert_nothing_of(found)

    def test_a_wheel_with_another_checksum_is_refused_and_the_right_one_works_after_it(self):
        wrong = self.wheel + LATER.encode()
        self.registry.serve_wheel(wrong)
        self.assert_refused(WHEEL, self.wheel, wrong)
        self.assertEqual(self.in_cache(), [])
        self.registry.serve_wheel(self.wheel)
        done = self.tree.dev("setup")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_installed()

    def test_an_npm_package_with_another_checksum_is_refused_and_what_was_there_is_kept(self):
        wrong = self.tarball + b"\0" * 512
        self.registry.serve_tarball(wrong)
        self.assert_refused(TARBALL, self.tarball, wrong)
        self.assertEqual(self.in_cache(), ["arrow"])
        self.registry.serve_tarball(self.tarball)
        self.registry.asked.clear()
        done = self.tree.dev("setup")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(f"/{WHEEL}", self.registry.asked)
        self.assert_installed()

    def test_without_network_it_says_what_is_missing_and_how_to_go_on(self):
        with socket.socket() as closed:  # bound and not listening: every connection is refused
            closed.bind(("127.0.0.1", 0))
            nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
            for tool, what, setting, kept in (("pip", "pyarrow==26.0.1", {"PIP_INDEX_URL": nowhere}, []),
                                              ("npm", "@confluentinc/kafka-javascript@1.10.1", {"npm_config_registry": nowhere}, ["arrow"])):
                with self.subTest(tool):
                    done = self.tree.dev("setup", **setting)
                    self.assertEqual(done.returncode, 1, done.stdout)
                    self.assert_words(done.stderr, f"{tool} could not fetch {what}", "Check the network", "HTTPS_PROXY",
                                      "what is there already is kept", f"copy {self.tree.cache} from a machine")
                    self.assertRegex(done.stderr, "(?i)connection refused|ECONNREFUSED")  # the tool's own reason
                    self.assertEqual(self.in_cache(), kept)
        self.assertEqual(self.tree.dev("setup").returncode, 0)
        self.assert_installed()


class PackagesTest(SetupTest):
    """Fails before anything is fetched, or has nothing to fetch."""

    def test_only_missing_packages_are_asked_for_and_of_two_names_the_one_that_exists(self):
        self.without_packages("libboost1.81-dev", "libfmt-dev")
        self.tree.fake("apt-cache", '[ "$2" != libboost1.81-dev ]')
        done = self.tree.bash("""set -euo pipefail; ROOT=$PWD
            . tools/dev/say.sh; . tools/dev/setup.sh; install_packages "${SETUP_PACKAGES[@]}" """)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(self.tree.left("apt-get.calls"), r"^update .*\ninstall \S+ \S+ --no-install-recommends libfmt-dev libboost-dev\n$")

    def test_without_root_it_uses_sudo_or_names_the_command(self):
        self.without_programs("sudo")
        self.without_packages("mold")
        self.tree.fake("id", "echo 1000")
        done = self.tree.dev("setup")
        self.assertEqual(done.returncode, 1)
        self.assert_words(done.stderr, "this needs root, and there is no sudo. Run as root: apt-get update && apt-get install mold")
        self.tree.fake("sudo", 'echo "$*" >>"$FAKES/sudo.calls"; "$@"')
        (self.tree.fakes / "apt-get.fails").touch()  # it need not go on to the downloads
        self.tree.dev("setup")
        self.assertRegex(self.tree.left("sudo.calls"), r"^apt-get update .*\nenv .* apt-get install -y .* mold\n$")

    def test_a_package_that_cannot_be_had_is_named_with_what_to_do(self):
        self.without_packages("mold")
        (self.tree.fakes / "apt-get.fails").touch()
        for distribution, advice in (
                ("Debian GNU/Linux 12 (bookworm)", ["check the network", "/etc/apt/sources.list"]),
                ("Ubuntu 26.04 LTS", ["this is Ubuntu 26.04 LTS", "Debian 12's", "by hand", "MILLRACE_PACKAGES=by-hand ./dev setup"])):
            with self.subTest(distribution):
                done = self.setup_on(distribution)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assert_words(done.stderr, "Unable to locate package", "apt-get could not install: mold", *advice)

    def test_packages_installed_by_hand_are_not_asked_for(self):
        self.without_packages("mold")
        done = self.tree.bash("""set -euo pipefail; ROOT=$PWD
            . tools/dev/say.sh; . tools/dev/setup.sh; install_packages "${SETUP_PACKAGES[@]}" """, MILLRACE_PACKAGES="by-hand")
        self.assertEqual((done.returncode, done.stdout + done.stderr, self.tree.left("apt-get.calls")), (0, "", ""))

    def test_without_apt_get_it_names_the_distribution_and_what_to_install(self):
        self.without_programs("apt-get", "dpkg-query", "ninja", "cmake")
        done = self.setup_on("Fedora Linux 44")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assert_words(done.stderr, "this is Fedora Linux 44, without apt-get", "cmake ninja", "Install by hand", "packages of Debian 12",
                          "librocksdb-dev", "run this again")

    def test_the_distribution_is_what_os_release_says(self):
        own = self.tree.bash(". /etc/os-release; printf '%s' \"$PRETTY_NAME\"").stdout
        self.assertEqual(self.tree.bash(". tools/dev/say.sh; distribution").stdout, own)

    def test_another_processor_is_refused_with_the_way_out(self):
        self.tree.fake("uname", '[ "$1" = -s ] && echo Linux || echo aarch64')
        done = self.tree.dev("setup")
        self.assertEqual(done.returncode, 1)
        self.assert_words(done.stderr, "Linux on x86-64", "-DMILLRACE_ARROW=system")
        self.assertEqual(self.tree.left("apt-get.calls"), "")


if __name__ == "__main__":
    unittest.main()
