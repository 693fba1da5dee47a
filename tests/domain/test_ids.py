from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import COUNTED_MAX, ENTROPY_BYTES, KINDS, Kind, counted_ids, is_id, new_id, new_ids, unix_ms_of

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ALL_KINDS: tuple[Kind, ...] = get_args(Kind)

kinds: st.SearchStrategy[Kind] = st.sampled_from(ALL_KINDS)
instants = st.integers(0, 2**48 - 1)
entropies = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)


def uuid_in(text: str) -> UUID:
    value = 0
    for character in text.rpartition("_")[2]:
        value = value * 32 + ALPHABET.index(character)
    return UUID(int=value)


@given(kinds, instants, entropies)
def test_an_id_is_a_uuid_of_version_7_with_its_time(kind: Kind, unix_ms: int, entropy: bytes) -> None:
    text = new_id(kind, unix_ms=unix_ms, entropy=entropy)
    assert is_id(kind, text)
    uuid = uuid_in(text)
    assert uuid.version == 7
    assert uuid.variant == "specified in RFC 4122"
    assert uuid.int >> 80 == unix_ms
    assert unix_ms_of(text) == unix_ms


@given(instants, instants, entropies, entropies)
def test_ids_sort_by_time(earlier: int, later: int, one: bytes, other: bytes) -> None:
    first = new_id("key", unix_ms=min(earlier, later), entropy=one)
    second = new_id("key", unix_ms=max(earlier, later), entropy=other)
    assert earlier == later or first < second


@given(entropies, entropies)
def test_ids_differ_if_74_bits_of_their_entropy_differ(one: bytes, other: bytes) -> None:
    used = (1 << 74) - 1
    same = int.from_bytes(one) & used == int.from_bytes(other) & used
    ids = {new_id("key", unix_ms=1, entropy=entropy) for entropy in (one, other)}
    assert len(ids) == (1 if same else 2)


def test_an_id_has_the_layout_of_a_typeid() -> None:
    """The example of the TypeID specification, for UUID 01890a5d-ac96-774b-bcce-b302099a8057."""
    uuid = UUID("01890a5d-ac96-774b-bcce-b302099a8057").int
    random = (uuid >> 64 & 0xFFF) << 62 | uuid & (1 << 62) - 1
    text = new_id("user", unix_ms=uuid >> 80, entropy=random.to_bytes(ENTROPY_BYTES))
    assert text == "user_01h455vb4pex5vsknk084sn02q"


def test_too_little_entropy_is_refused() -> None:
    with pytest.raises(ValueError, match="10 random bytes are needed"):
        new_id("key", unix_ms=1, entropy=bytes(9))


def test_the_kinds_are_those_of_the_contract_and_four_internal_ones() -> None:
    assert KINDS == ("key", "org", "mcp", "user", "evt", "alert", "hook", "invite", "ses", "mail", "msg", "ident")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "key",
        "key_",
        "_",
        "key_01h455vb4pex5vsknk084sn02",
        "key_01h455vb4pex5vsknk084sn02qq",
        "key_81h455vb4pex5vsknk084sn02q",
        "key_01H455VB4PEX5VSKNK084SN02Q",
        "key_01h455vb4pex5vsknk084sn02l",
        "key_01h455vb4pex5vsknk084sn02\u0661",
        "key_01h455vb4pex5vsknk084sn02q\n",
        "key__01h455vb4pex5vsknk084sn02q",
        "org_01h455vb4pex5vsknk084sn02q",
        "KEY_01h455vb4pex5vsknk084sn02q",
    ],
)
def test_a_malformed_id_is_not_a_key_id(text: str) -> None:
    assert not is_id("key", text)


def test_the_highest_id_is_valid() -> None:
    assert is_id("key", "key_" + "7" + "z" * 25)


@given(kinds, instants, st.lists(entropies, max_size=5))
def test_new_ids_equals_repeated_new_id(kind: Kind, unix_ms: int, several: list[bytes]) -> None:
    one_by_one = [new_id(kind, unix_ms=unix_ms, entropy=entropy) for entropy in several]
    assert new_ids(kind, unix_ms=unix_ms, entropies=several) == one_by_one


@given(st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
def test_new_ids_sort_by_the_74_bits_of_their_entropy(one: int, other: int) -> None:
    several = [number.to_bytes(ENTROPY_BYTES) for number in sorted([one, other])]
    ids = new_ids("evt", unix_ms=1, entropies=several)
    assert ids == sorted(ids)


@given(kinds, instants, entropies, st.integers(0, COUNTED_MAX))
def test_counted_ids_are_different_ids_that_sort_in_the_order_returned(
    kind: Kind, unix_ms: int, entropy: bytes, count: int
) -> None:
    ids = counted_ids(kind, unix_ms=unix_ms, entropy=entropy, count=count)
    assert len(set(ids)) == count
    assert ids == sorted(ids)
    assert all(is_id(kind, each) and unix_ms_of(each) == unix_ms for each in ids)
    for number, each in enumerate(ids):
        # The version and the variant are those of UUIDv7; the last 10 bits are the counter.
        uuid = uuid_in(each)
        assert (uuid.version, uuid.variant) == (7, "specified in RFC 4122")
        assert uuid.int & (COUNTED_MAX - 1) == number


@given(entropies, entropies)
def test_counted_ids_of_different_entropy_have_nothing_in_common(one: bytes, other: bytes) -> None:
    """All 64 random bits outside the counter are kept, so a caller that knows none of the ids cannot guess any."""
    of_one, of_other = (set(counted_ids("evt", unix_ms=1, entropy=each, count=COUNTED_MAX)) for each in (one, other))
    shared = [int.from_bytes(each) >> 10 & (1 << 64) - 1 for each in (one, other)]
    assert (of_one == of_other) == (shared[0] == shared[1])
    assert of_one == of_other or of_one.isdisjoint(of_other)


def test_more_ids_than_the_counter_has_values_are_refused() -> None:
    with pytest.raises(ValueError, match="At most 1024"):
        counted_ids("evt", unix_ms=1, entropy=bytes(ENTROPY_BYTES), count=COUNTED_MAX + 1)
