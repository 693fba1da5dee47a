"""The style sheet and the scripts of the pages."""

import gzip
import re
import tomllib
from hashlib import sha512
from pathlib import Path

import httpx2
import pytest

from app.pages.static_files import HTMX_URL, IDENTIFY_URL, REFERENCE_STYLE_URL, SCRIPT_URL, STYLE_URL
from tests.app.organizations import Api

FOLDER = Path("app/pages/static")
URLS = [STYLE_URL, SCRIPT_URL, IDENTIFY_URL, REFERENCE_STYLE_URL, HTMX_URL]


def fetch(api: Api, path: str, encoding: str) -> httpx2.Response:
    return httpx2.get(api.url + path, headers={"Accept-Encoding": encoding})


@pytest.mark.parametrize("path", URLS)
def test_a_file_may_be_kept_because_its_name_changes_with_its_content(api: Api, path: str) -> None:
    answer = fetch(api, path, "identity")
    assert answer.headers.get_list("cache-control") == ["public, max-age=31536000, immutable"]
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
    assert httpx2.get(f"{api.url}/static/app.000000000000.css").status_code == 404


@pytest.mark.parametrize("path", URLS)
def test_a_file_is_compressed_for_clients_that_accept_it(api: Api, path: str) -> None:
    plain = fetch(api, path, "identity").content
    for encoding in ("gzip", "br;q=1.0, gzip;q=0.8"):
        answer = fetch(api, path, encoding)
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.content == plain
    assert "content-encoding" not in fetch(api, path, "gzip;q=0, br").headers


def test_the_files_are_within_their_budgets(api: Api) -> None:
    """The sizes of dashboard pages on a slow network, compressed: 8 kB of styles, 23 kB of scripts in total."""
    sizes = {path: len(gzip.compress(fetch(api, path, "identity").content)) for path in URLS}
    assert sizes[STYLE_URL] <= 8_000
    assert sizes[SCRIPT_URL] + sizes[IDENTIFY_URL] + sizes[HTMX_URL] <= 23_000


def test_scripts_are_served_without_comments_and_indentation(api: Api) -> None:
    served = fetch(api, SCRIPT_URL, "identity").text
    assert not re.search(r"^(?:\s|/[/*])", served.removeprefix("\n"), re.MULTILINE)


def test_no_text_in_a_script_spans_lines() -> None:
    """The white space at the start of its lines would be removed."""
    for path in set(FOLDER.glob("*.js")) - set(FOLDER.glob("*.min.js")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert line.count("`") % 2 == 0, f"{path}:{number}"


def test_styles_are_served_without_quotes_around_names(api: Api) -> None:
    served = fetch(api, STYLE_URL, "identity").text
    assert "[value=all]" in served
    assert '="' not in served.replace('="/"', "")


def test_the_stylesheet_loads_nothing_else(api: Api) -> None:
    content = fetch(api, STYLE_URL, "identity").text
    assert "url(" not in content
    assert "@import" not in content


def test_files_of_other_projects_are_unchanged() -> None:
    vendored = tomllib.loads((FOLDER / "vendor.toml").read_text())
    assert set(vendored) == {path.name for path in FOLDER.glob("*.min.js")}
    for name, declared in vendored.items():
        assert sha512((FOLDER / name).read_bytes()).hexdigest() == declared["sha512"]
