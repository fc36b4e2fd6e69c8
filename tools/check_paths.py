"""Nothing in the repository names one person's machine."""
import re

from source_tree import SourceTree

MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:home|Users|root|work|mnt)/[\w.-]+")
# Words of the path above that are part of a format or an example are written as $HOME, ~ or /path/to.
TEXT = (".h", ".cc", ".py", ".sh", ".md", ".txt", ".cmake", ".json", ".toml", ".yaml", ".yml", ".xml", ".in", ".test")


def check(tree: SourceTree):
    for path in tree.files:
        if path.startswith("tools/check_paths.py") or not (path.endswith(TEXT) or "." not in path.rsplit("/")[-1]):
            continue
        text = tree.text(path)
        for match in MACHINE_PATH.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: machine path {match[0]}"


PLANTED = [({"docs/a.md": "see /home/ada/millrace\n"}, "machine path /home/ada")]
