"""The Kafka of the tests: its jars are those of the lock file or none. Maven and Java are fakes here."""
import unittest

from dev_tree import DevTree
from registries import sha256

JAR, OTHER = b"the jar that is pinned", b"another jar of that name"
# Like the goal copy-dependencies: brings $FAKES/jars, and leaves what it fetched in its repository.
MVN = r"""
for word in "$@"; do case $word in
  -DoutputDirectory=*) folder=${word#*=} ;;
  -Dmaven.repo.local=*) repository=${word#*=} ;;
esac; done
[ -d "$FAKES/jars" ] || { echo "[ERROR] Could not transfer artifact: Connection refused"; exit 1; }
mkdir -p "$folder" "$repository" && cp "$FAKES"/jars/* "$repository" && cp "$FAKES"/jars/* "$folder"
"""
# A broker as far as ./dev kafka looks: it says that it has started, and ends when it is told to.
JAVA = r"""
case $* in *kafka.Kafka*) trap 'exit 0' TERM; echo "Kafka Server started"; while :; do sleep 0.02; done ;; esac
"""


class KafkaLibrariesTest(unittest.TestCase):
    def setUp(self):
        self.tree = DevTree()
        self.addCleanup(self.tree.remove)
        self.addCleanup(self.tree.dev, "kafka down --all")
        self.tree.fake("mvn", MVN)
        self.tree.fake("java", JAVA)
        (self.tree.root / "tools/deps.lock").write_text(f"jar {sha256(JAR)} kafka a.jar\n")

    def serve(self, **jars: bytes) -> None:
        folder = self.tree.fakes / "jars"
        folder.mkdir(exist_ok=True)
        for name, content in jars.items():
            (folder / f"{name}.jar").write_bytes(content)

    def assert_nothing_kept(self) -> None:
        self.assertEqual([path for place in (self.tree.cache, self.tree.home) for path in place.glob("[!.]*")], [])

    def test_a_jar_with_another_checksum_is_refused_and_the_right_one_works_after_it(self):
        self.serve(a=OTHER)
        done = self.tree.dev("kafka up")
        self.assertEqual(done.returncode, 1)
        for words in ("a.jar is not the file that tools/deps.lock names", f"expected sha256 {sha256(JAR)}", f"found {sha256(OTHER)}",
                      "Run this again"):
            self.assertIn(words, done.stderr)
        self.assert_nothing_kept()
        self.serve(a=JAR)
        done = self.tree.dev("kafka up")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^127\.0\.0\.1:\d+\n$")
        self.assertEqual([path.name for path in (self.tree.cache / "kafka").rglob("*.jar")], ["a.jar"])
        # Only now nothing is fetched: Maven would not even be there.
        (self.tree.fakes / "mvn").unlink()
        self.assertEqual(self.tree.dev("kafka up --name second").returncode, 0)

    def test_jars_that_are_missing_or_too_many_are_refused(self):
        for jars, message in (({"b": JAR}, "a.jar is not the file that tools/deps.lock names"),
                              ({"a": JAR, "b": OTHER}, "jars that tools/deps.lock does not name")):
            with self.subTest(message):
                self.serve(**jars)
                done = self.tree.dev("kafka up")
                self.assertEqual(done.returncode, 1)
                self.assertIn(message, done.stderr)
                self.assert_nothing_kept()

    def test_without_network_it_says_what_is_missing_and_how_to_go_on(self):
        done = self.tree.dev("kafka up")
        self.assertEqual(done.returncode, 1)
        for words in ("Connection refused", "Maven could not fetch Apache Kafka", "run this again", str(self.tree.cache)):
            self.assertIn(words, done.stderr)
        self.assert_nothing_kept()


if __name__ == "__main__":
    unittest.main()
