"""Documentation comments in TypeScript, from texts of the OpenAPI document."""

import re
from textwrap import wrap

LINE_LENGTH_MAX = 120


def comment(text: str | None, indent: str = "") -> str:
    """Return a comment of one or more lines, which ends with a line break. Without a text, return an empty string."""
    paragraphs = [re.sub(r"\s+", " ", part).strip() for part in (text or "").split("\n\n")]
    one = f"{indent}/** {paragraphs[0]} */\n"
    if not paragraphs[0]:
        return ""
    if len(paragraphs) == 1 and len(one.rstrip()) <= LINE_LENGTH_MAX:
        return one
    width = LINE_LENGTH_MAX - len(f"{indent} * ")
    blocks = [wrap(part, width, break_long_words=False, break_on_hyphens=False) for part in paragraphs]
    lines = [line for number, block in enumerate(blocks) for line in (["", *block] if number else block)]
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"
