import copy
import pickle
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from string import ascii_letters, digits
from urllib.parse import quote
from zlib import crc32

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.environment import Environment
from domain.secret import (
    ENTROPY_BYTES,
    Secret,
    SecretRecord,
    contains_secret,
    digest,
    digests_of_words,
    fingerprint,
    flaw_of,
    generate,
    looks_like_key,
    parse,
    parse_digest,
    parse_foreign,
    pasted,
    redact,
    redacted,
)
from tests.domain.sample import a_secret

BASE62 = digits + ascii_letters
LABEL_LENGTH, CHECKSUM_LENGTH = 8, 6

environments: st.SearchStrategy[Environment] = st.sampled_from(["live", "test"])
entropies = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
generated = st.builds(generate, environments, entropies)


@given(environments, entropies)
def test_a_generated_secret_can_be_parsed(environment: Environment, entropy: bytes) -> None:
    text = generate(environment, entropy).reveal()
    assert text.startswith(f"pk_{environment}_")
    assert len(text) == 40
    parsed = parse(text)
    assert parsed is not None
    assert parsed.reveal() == text


@given(generated, st.integers(LABEL_LENGTH, 39), st.text(BASE62, min_size=1, max_size=50))
def test_the_flaw_of_an_incomplete_a_long_and_a_mistyped_secret_is_named(secret: Secret, kept: int, more: str) -> None:
    text = secret.reveal()
    assert flaw_of(text) is None
    assert flaw_of(text[:kept]) == "incomplete"
    assert flaw_of(text + more) == "long"
    assert flaw_of(text[:kept] + ("é" if more[0] == text[kept] else more[0]) + text[kept + 1 :]) == "mistyped"


@pytest.mark.parametrize("text", ["", "hello", "pk_live", "k_live_", "pk_prod_" + "0" * 32, "ks_" + "0" * 40])
def test_a_text_that_does_not_begin_as_a_key_is_none(text: str) -> None:
    assert flaw_of(text) == "other"


def test_every_substitution_of_one_character_is_refused() -> None:
    for environment in ("live", "test"):
        text = a_secret(7, environment).reveal()
        for place in range(len(text)):
            for character in BASE62 + "_-é\0":
                if character != text[place]:
                    assert parse(text[:place] + character + text[place + 1 :]) is None


@given(generated, st.integers(0, 39), st.characters())
def test_a_substitution_of_one_character_is_refused(secret: Secret, place: int, character: str) -> None:
    text = secret.reveal()
    assume(character != text[place])
    assert parse(text[:place] + character + text[place + 1 :]) is None


def test_the_checksum_detects_every_burst_of_two_characters() -> None:
    """Try every burst: CRC32 is linear, so whether an error is detected does not depend on the text."""
    length = LABEL_LENGTH + 26
    unchanged = crc32(bytes(length))
    bursts = {ord(a) ^ ord(b) for a in BASE62 for b in BASE62 if a != b}
    for place in range(length - 1):
        for flip in bursts:
            for next_flip in (0, flip):
                error = bytes(place) + bytes([flip, next_flip]) + bytes(length - place - 2)
                assert crc32(error) != unchanged


@given(generated, st.integers(LABEL_LENGTH, 38))
def test_swapped_neighbours_are_refused(secret: Secret, place: int) -> None:
    text = secret.reveal()
    assume(text[place] != text[place + 1])
    # One pair spans the body and the checksum; one in 2^32 of those swaps is not detected.
    assert parse(text[:place] + text[place + 1] + text[place] + text[place + 2 :]) is None


@given(generated, st.integers(0, 39))
def test_a_missing_or_doubled_character_is_refused(secret: Secret, place: int) -> None:
    text = secret.reveal()
    assert parse(text[:place] + text[place + 1 :]) is None
    assert parse(text[:place] + text[place] + text[place:]) is None


@given(st.text(max_size=60))
def test_other_text_is_not_parsed_as_a_secret(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("wrap", ["{} ", " {}", "{}\n", "Bearer {}", "'{}'"])
def test_a_secret_within_other_text_is_not_parsed(wrap: str) -> None:
    assert parse(wrap.format(a_secret().reveal())) is None


def test_the_checksum_covers_the_label() -> None:
    live = a_secret(1, "live").reveal()
    assert parse("pk_test_" + live[LABEL_LENGTH:]) is None
    assert parse("pk_prod_" + live[LABEL_LENGTH:]) is None
    assert parse(live.swapcase()) is None


def test_digits_of_other_scripts_are_refused() -> None:
    text = a_secret().reveal()
    assert parse(text[:-1] + "\u0661") is None
    assert parse(text[:-1] + "\uff11") is None


def test_the_checksum_is_the_base62_crc32_of_the_preceding_text() -> None:
    text = a_secret().reveal()
    value = 0
    for character in text[-CHECKSUM_LENGTH:]:
        value = value * 62 + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(character)
    assert value == crc32(text[:-CHECKSUM_LENGTH].encode())


@given(entropies, entropies)
def test_different_entropy_gives_a_different_secret(one: bytes, other: bytes) -> None:
    # All of the entropy counts except multiples of 62^26, which two draws do not hit.
    assume(int.from_bytes(one) % 62**26 != int.from_bytes(other) % 62**26)
    assert generate("live", one).reveal() != generate("live", other).reveal()


@pytest.mark.parametrize("size", [0, 16, ENTROPY_BYTES - 1, ENTROPY_BYTES + 1])
def test_a_wrong_amount_of_entropy_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 random bytes are needed"):
        generate("live", bytes(size))


def test_a_record_contains_only_the_digest_and_a_few_characters() -> None:
    secret = a_secret()
    text = secret.reveal()
    kept = fingerprint(secret)
    assert kept == SecretRecord(sha256(text.encode()).hexdigest(), text[:12], text[-4:])
    assert digest(secret).hex() == kept.digest
    assert text[12:-4] not in msgspec.json.encode(kept).decode()


def test_a_secret_is_masked_in_every_text_form() -> None:
    secret = a_secret()
    hidden = secret.reveal()[LABEL_LENGTH:]
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>50}", repr([secret]), repr({"key": secret})):
        assert hidden not in shown
        assert "…" in shown


def test_a_secret_cannot_be_serialized() -> None:
    secret = a_secret()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not stored"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError, match="not stored"):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    assert not hasattr(secret, "__dict__")


def test_a_secret_within_any_text_is_found_and_redacted() -> None:
    text = a_secret().reveal()
    for before, after in (("", ""), ("x", "x"), ("https://a.example/?key=", "&b=c"), ("pk_", "\n"), (text, "")):
        assert contains_secret(before + text + after)
        assert text[:-4] not in redact(before + text + after)
    assert redact(f"({text})") == f"({text[:12]}…)"


@given(st.lists(st.integers(0, 2), min_size=40, max_size=40))
def test_a_percent_encoded_secret_is_found(times: list[int]) -> None:
    """Encode any characters, once or twice, in lower or upper case, as in a URL."""
    text = a_secret().reveal()
    parts: list[str] = []
    for letter, encodings in zip(text, times, strict=True):
        code = f"%{ord(letter):02x}" if ord(letter) % 2 else f"%{ord(letter):02X}"
        parts.append((letter, code, code.replace("%", "%25"))[encodings])
    spelled = f"a{''.join(parts)}.b"
    assert contains_secret(spelled)
    assert redact(spelled) == f"a{''.join(parts[:12])}….b"


def test_quoted_details_contain_no_secret_of_any_kind() -> None:
    key = a_secret().reveal()
    tokens = [f"{kind}_{'aB3-_' * 8}xyz" for kind in ("ks", "kl", "ki")] + [f"whsec_{'aB3+/' * 8}xyz="]
    quoted = {f"a.{key}": [key, {"b": key}], "tokens": tuple(tokens), "limit": 3}
    assert redacted(quoted) == {
        f"a.{key[:12]}…": [f"{key[:12]}…", {"b": f"{key[:12]}…"}],
        "tokens": ["ks_…", "kl_…", "ki_…", "whsec_…"],
        "limit": 3,
    }


@pytest.mark.parametrize("prefix", ["ks_", "kl_", "ki_", "whsec_"])
@pytest.mark.parametrize("before", ["", "session_", "a-", "token%3D", "token%253d", "ключ", "/"])
@pytest.mark.parametrize("encodings", [0, 1, 2])
def test_quoted_text_contains_no_secret_in_any_context_or_encoding(prefix: str, before: str, encodings: int) -> None:
    prefix = prefix.replace("_", ("_", "%5f", "%255F")[encodings])
    body = f"{'aB3+/' * 8}xyz"
    for _ in range(encodings):
        body = quote(body, safe="")
    assert redacted(f"{before}{prefix}{body}=.b") == f"{before}{prefix}….b"


@pytest.mark.parametrize(
    "text",
    [
        "%",
        "100%",
        "%70%6b%5f",
        "pk%5Flive%5Fshort",
        "",
        "pk_",
        "pk_live_",
        "pk_live_AbCd…",
        "the pk_live_ keys of pk_test_0123",
    ],
)
def test_an_incomplete_secret_is_not_redacted(text: str) -> None:
    assert not contains_secret(text)
    assert redact(text) == text


def test_text_meant_as_a_key_looks_like_a_key() -> None:
    text = a_secret().reveal()
    for meant in (text, text[:-1], "pk_live_", f"OLD_{text}"):
        assert looks_like_key(meant)
    for other in ("", "sk-123", "a token", "pkg"):
        assert not looks_like_key(other)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Authorization: Bearer pk_live_abc\n", "pk_live_abc"),
        ("KEYLEDGER_KEY=pk_test_abc", "pk_test_abc"),
        ("\"pk_live_abc\", 'pk_live_def'", "pk_live_abc"),
        ("pk_live_abcé", "pk_live_abc"),
        (" pk_live_ ", "pk_live_"),
        ("pk_live_é", "pk_live_"),
        (" hello ", ""),
    ],
)
def test_a_key_is_taken_from_the_text_around_it(text: str, found: str) -> None:
    assert pasted(text) == found


@pytest.mark.parametrize(
    "text",
    ["x" * 16, "~" * 255, "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "pk_live_4eC39HqLyjWDarjt", "!\"#$%&'()*+-./:;<=>?@"],
)
def test_a_foreign_secret_has_16_to_255_printable_characters(text: str) -> None:
    found = parse_foreign(text)
    assert found is not None
    assert digest(found) == sha256(text.encode()).digest()
    assert text not in repr(found)


@pytest.mark.parametrize("text", ["", "x" * 15, "x" * 256, "x" * 15 + " y", "x" * 15 + ",y", "x" * 16 + "\n", "é" * 20])
def test_other_texts_are_no_foreign_secrets(text: str) -> None:
    assert parse_foreign(text) is None


@given(generated)
def test_a_secret_in_the_own_format_is_not_foreign_whatever_its_checksum(secret: Secret) -> None:
    text = secret.reveal()
    assert parse_foreign(text) is None
    assert parse_foreign(text[:-1] + ("0" if text[-1] != "0" else "1")) is None
    assert parse_foreign(text[:-1]) is not None


@given(st.binary(min_size=32, max_size=32))
def test_a_digest_is_read_in_every_common_spelling(given_bytes: bytes) -> None:
    padded, for_urls = b64encode(given_bytes).decode(), urlsafe_b64encode(given_bytes).decode()
    for spelled in (given_bytes.hex(), given_bytes.hex().upper(), padded, for_urls, padded[:-1], for_urls[:-1]):
        assert parse_digest(spelled) == given_bytes


@pytest.mark.parametrize(
    "text",
    ["", "0" * 63, "0" * 65, "g" * 64, "A" * 42, "A" * 42 + "B", "A" * 43 + "==", "A" * 42 + "\n", "$2b$" + "A" * 56],
)
def test_other_texts_are_no_digests(text: str) -> None:
    """The last character of a digest in base64 has two unused bits, which are zero."""
    assert parse_digest(text) is None


def test_the_words_of_texts_that_can_be_imported_secrets_have_digests() -> None:
    first, second = "acme_0123456789ab", "x" * 255
    own = generate("live", bytes(ENTROPY_BYTES)).reveal()
    texts = [f"Token {first}\n", f"\u00a0{second}\t{first}", f"{own} short {'x' * 256} a,comma_of_20_characters"]
    assert digests_of_words(texts) == {sha256(word.encode()).digest() for word in (first, second)}
    assert digests_of_words([]) == frozenset()
