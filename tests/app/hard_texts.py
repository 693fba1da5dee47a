"""Texts of people that are hard to show: markup, other scripts, and the longest that are accepted."""

from domain.fields import NAME_LENGTH_MAX

NAMES = {
    "emoji": "\U0001f511" * NAME_LENGTH_MAX,
    "script": "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">",
    "right-to-left": "\u05de\u05e4\u05ea\u05d7 \u05d4\u05e9\u05e8\u05ea (2026) <b>",
    "chinese": "客户服务机器人的密钥" * (NAME_LENGTH_MAX // 10),
    "one-word": "W" * NAME_LENGTH_MAX,
}

NOTE = "Found in a paste.\nReported by <b>Ada</b> & \u05d0\u05d1\u05d2\n" + "x" * 200
"""A note with several lines, of which one has no place to break."""
