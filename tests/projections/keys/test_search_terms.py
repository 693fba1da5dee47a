"""Search terms of keys: word beginnings, in every script and Unicode form."""

from typing import Literal, get_args
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fields import NAME_LENGTH_MAX
from projections.read_models.keys.list.search_terms import folded, term_range, terms_of, word_marked

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

names = st.text(min_size=1, max_size=NAME_LENGTH_MAX)
INDEX_ENTRY_BYTES_MAX = 2_600
"""PostgreSQL accepts 2,704 bytes (a third of a page), including ids."""


def finds(q: str, name: str) -> bool:
    """Evaluate both conditions of the list: the range of terms, and the part of `name_key`."""
    first, last = term_range(q)
    by_term = any(first <= term < last for term in terms_of(name, "pk_live_0000"))
    assert by_term == (word_marked(q) in word_marked(name) or "pk_live_0000".startswith(folded(q)))
    return by_term


@given(names, st.sampled_from(get_args(Form)))
def test_a_name_is_found_in_any_unicode_form_and_case(name: str, form: Form) -> None:
    if folded(name):
        for spelled in (normalize(form, name), name.upper(), name.casefold(), f"  {name}\t"):
            if folded(spelled) == folded(name):
                assert finds(spelled, name)
    assert folded(normalize(form, name).replace(" ", "  ")) == folded(normalize(form, name))


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd", "Zs"]), min_size=1, max_size=60))
def test_composed_and_decomposed_letters_fold_to_the_same_text(text: str) -> None:
    assert folded(normalize("NFD", text)) == folded(normalize("NFC", text)) == folded(folded(text))


@given(names)
def test_every_entry_fits_into_an_index(name: str) -> None:
    assert len(word_marked(name).encode("utf-8", "surrogatepass")) <= INDEX_ENTRY_BYTES_MAX
    terms = terms_of(name, "pk_live_0000")
    assert len(terms) <= 301
    assert all(len(term.encode("utf-8", "surrogatepass")) <= INDEX_ENTRY_BYTES_MAX for term in terms)


@pytest.mark.parametrize("name", ["\ufdfa" * 100, "\U00020000" * 100, "\ud7a3" * 100, "\u1e9e" * 100, "a " * 50])
def test_the_largest_names_fit_into_an_index(name: str) -> None:
    test_every_entry_fits_into_an_index.hypothesis.inner_test(name)  # pyright: ignore[reportFunctionMemberAccess]


@given(st.text(st.sampled_from("東京支店のキー密钥กุญแจ한국"), min_size=1, max_size=30), st.data())
def test_any_part_of_a_name_is_found_in_scripts_without_spaces(name: str, data: st.DataObject) -> None:
    text = folded(name)
    starts = [at for at in range(len(text)) if text[at].isalnum()]
    start = data.draw(st.sampled_from(starts or [0]))
    length = data.draw(st.integers(1, len(text)))
    assert finds(text[start : start + length], name)


@pytest.mark.parametrize(
    ("q", "name", "found"),
    [
        ("api", "日本api", True),
        ("本", "api日本", True),
        ("pi", "api日本", False),
        ("ss", "ß", True),
        ("SS", "straße", False),
        ("office", "oﬃce", True),
        ("1", "①", True),
        ("々", "佐々木", True),
        ("ー", "キー", True),
        ("ία", "ΜΊΑ", False),
        ("ςας", "ΣΑΣ", True),
        ("istanbul", "İSTANBUL", True),
        ("İstanbul", "istanbul", True),
        ("i\u0307stanbul", "Istanbul", True),
        ("tanbul", "İstanbul", False),
    ],
)
def test_words_start_at_a_change_of_script(q: str, name: str, found: bool) -> None:  # noqa: FBT001
    assert finds(q, name) is found
