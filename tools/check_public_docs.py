"""What users see is documented: every declaration in include/millrace, every public name of the Python package."""
import ast
import re

from source_tree import SourceTree

ACCESS = re.compile(r"^\s*(public|protected|private)\s*:")
NOT_A_DECLARATION = re.compile(r"^\s*([#}{)]|//|namespace\b|using\b|extern\b|template\b.*;$|friend\b|public:|private:|protected:"
                               r"|class\s+\w+;|struct\s+\w+;|enum class \w+[^{]*;)")


def undocumented(text: str):
    """Yields (line number, line) for blocks of a header that start a declaration without `///`.

    A block is a run of lines between blank lines; the declarations that follow in the same block share its comment.
    """
    hidden = 0          # brace depth inside a private section, 0 when visible
    depth = 0
    private_at: list[int] = []
    body_at: int | None = None   # inside a function body or an initialiser: depth where it began
    start_of_block = True
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        opened = line.count("{") - line.count("}")
        if match := ACCESS.match(line):
            while private_at and private_at[-1] >= depth:
                private_at.pop()
            if match[1] != "public":
                private_at.append(depth)
            start_of_block = True
            continue
        if not stripped:
            start_of_block = True
            continue
        hidden = bool(private_at and depth >= private_at[-1])
        scope = re.match(r"^\s*((template\s*<.*>\s*)?(class|struct|union|enum)\b|namespace\b|inline namespace\b|extern \"C\")",
                         line)
        if body_at is None and not hidden and start_of_block and depth >= 1:
            if not stripped.startswith("///") and not NOT_A_DECLARATION.match(line):
                yield number, stripped
        start_of_block = stripped.endswith("{") and bool(scope)
        if body_at is None and opened > 0 and not scope:
            body_at = depth
        depth += opened
        if body_at is not None and depth <= body_at:
            body_at = None
        while private_at and depth < private_at[-1]:
            private_at.pop()


def undocumented_python(text: str):
    module = ast.parse(text)
    if not ast.get_docstring(module):
        yield 1, "the module"
    stack: list[ast.AST] = [module]
    while stack:
        for node in getattr(stack.pop(), "body", []):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                if not ast.get_docstring(node):
                    yield node.lineno, node.name
                if isinstance(node, ast.ClassDef):
                    stack.append(node)


def check(tree: SourceTree):
    for path in tree.files:
        if path.startswith("include/millrace/") and path.endswith(".h"):
            for line, text in undocumented(tree.text(path)):
                yield f"{path}:{line}: no /// comment: {text[:70]}"
        elif path.startswith("python/millrace/") and path.endswith(".py"):
            for line, name in undocumented_python(tree.text(path)):
                yield f"{path}:{line}: {name} has no docstring"


PLANTED = [
    ({"include/millrace/a.h": "namespace millrace {\n\nclass A {};\n\n}\n"}, "no /// comment: class A"),
    ({"include/millrace/a.h": "namespace millrace {\n\n/// A.\nclass A {\n public:\n  void Run();\n};\n\n}\n"},
     "no /// comment: void Run"),
    ({"python/millrace/a.py": '"""A."""\ndef f():\n    pass\n'}, "f has no docstring"),
]
