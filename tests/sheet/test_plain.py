from loopline.sheet.document import Answer, Document, Part
from loopline.sheet.plain import markdown

NAME = "a|b <i>[c](d)</i> **e**"
ESCAPED = r"a\|b \<i>\[c\](d)\</i> \*\*e\*\*"


def test_names_in_headings_are_text():
    made = Document(
        title="",
        project=NAME,
        kind="review",
        made="2026-11-26",
        label="",
        verdict=NAME,
        says="",
        tone="yes",
        next="loopline run",
        answers=(Answer(NAME, ("yes",)),),
        parts=(Part(name=NAME, says=("so",)),),
    )
    lines = markdown(made).splitlines()
    assert lines[0] == f"# {ESCAPED}: {ESCAPED}"
    assert f"**{ESCAPED}.** yes" in lines
    assert f"## {ESCAPED}" in lines
