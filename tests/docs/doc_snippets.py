"""Writes the C++ blocks of Markdown pages into one source file of tests.

A block with main() becomes a function that gives its `app` to a test, in place of running it; a block of statements
becomes a test of the `app` of the first such block; a block of declarations stands as it is. Blocks with (...) are left
out: what they leave to the reader cannot be compiled.

usage: doc_snippets.py OUTPUT PAGE...
"""
import pathlib
import re
import sys

BLOCK = re.compile(r"^```cpp\n(.*?)^```$", re.M | re.S)
RUN = "return app.Run().ExitCode();"
DECLARATION = re.compile(r"\s*(///|//|struct|class|template|enum)\b|\s*///")


def source_of(pages: list[pathlib.Path]) -> str:
    includes = {"#include <gtest/gtest.h>", "#include <millrace/millrace.h>"}
    parts: list[str] = []
    whole = ""
    for page in pages:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            block = match[1]
            if "(...)" in block:
                continue
            line = text[:match.start()].count("\n") + 2
            includes.update(re.findall(r"^#include .*$", block, re.M))
            block = re.sub(r"^(#include|using namespace) .*$", "", block, flags=re.M)
            place = f'#line {line} "{page.name}"\n'
            name = f"{re.sub(r'[^a-z]', '_', page.stem.lower())}_{line}"
            if "int main() {" in block:
                assert RUN in block, f"{page}:{line}: a main() must end in: {RUN}"
                body = block.replace("int main() {", f"void {name}(const std::function<void(App&)>& use) {{").replace(RUN, "use(app);")
                parts.append(place + body)
                whole = whole or name
                parts.append(f"TEST(DocSnippets, {name}_makes_a_pipeline) {{ {name}([](App& app) {{ EXPECT_TRUE(AppTest::Make(app).ok()); }}); }}\n")
            elif DECLARATION.match(block):
                parts.append(place + block)
            else:
                assert whole, f"{page}:{line}: statements need a block with main() in a page before"
                parts.append(f"void {name}(App& app) {{\n{place}{block}}}\nTEST(DocSnippets, {name}) {{ {whole}({name}); }}\n")
    includes.update(["#include <millrace/test_driver.h>", *(f"#include <{header}>" for header in
                                                            ("algorithm", "functional", "limits", "optional", "span"))])
    return "\n".join([*sorted(includes), "", "namespace {", "using namespace millrace;", *parts, "}  // namespace", ""])


def main(output: pathlib.Path, pages: list[pathlib.Path]) -> None:
    pages.sort(key=lambda page: (page.name != "README.md", page.name))  # README has the pipeline that docs refer to
    source = source_of(pages)
    if not output.exists() or output.read_text() != source:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(source)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), [pathlib.Path(name) for name in sys.argv[2:]])
