import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infrastructure.cursors import CursorInvalid, CursorSigner
from infrastructure.encryption import DecryptionFailed, Sealer
from tests.random_input import random_bytes

OLD, NEW = random_bytes(32), random_bytes(32)
PURPOSE = "mcp credential"
OWNER = "org_1/mcp_1"


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    created_at: str
    key_id: str


@given(st.binary(max_size=2000), st.text(), st.text())
def test_a_sealed_text_can_be_opened(plaintext: bytes, purpose: str, bound_to: str) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(plaintext, purpose=purpose, bound_to=bound_to)
    assert sealer.open(sealed, purpose=purpose, bound_to=bound_to) == plaintext


@given(st.data())
def test_every_changed_bit_is_detected(data: st.DataObject) -> None:
    sealer = Sealer([NEW])
    sealed = bytearray(sealer.seal(b"a token", purpose=PURPOSE, bound_to=OWNER))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecryptionFailed):
        sealer.open(bytes(sealed), purpose=PURPOSE, bound_to=OWNER)


@given(st.integers(0, 40))
def test_every_truncation_is_detected(length: int) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(b"a token here", purpose=PURPOSE, bound_to=OWNER)
    with pytest.raises(DecryptionFailed):
        sealer.open(sealed[:length], purpose=PURPOSE, bound_to=OWNER)


@pytest.mark.parametrize(("purpose", "bound_to"), [(PURPOSE, "org_2/mcp_1"), ("webhook", OWNER), (PURPOSE + OWNER, "")])
def test_a_sealed_text_opens_only_for_its_purpose_and_binding(purpose: str, bound_to: str) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(b"a token", purpose=PURPOSE, bound_to=OWNER)
    with pytest.raises(DecryptionFailed):
        sealer.open(sealed, purpose=purpose, bound_to=bound_to)


def test_a_replaced_master_key_still_opens_old_texts() -> None:
    sealed = Sealer([OLD]).seal(b"a token", purpose=PURPOSE, bound_to=OWNER)
    rotated = Sealer([NEW, OLD])
    assert rotated.open(sealed, purpose=PURPOSE, bound_to=OWNER) == b"a token"
    resealed = rotated.seal(b"a token", purpose=PURPOSE, bound_to=OWNER)
    assert Sealer([NEW]).open(resealed, purpose=PURPOSE, bound_to=OWNER) == b"a token"
    with pytest.raises(DecryptionFailed):
        Sealer([NEW]).open(sealed, purpose=PURPOSE, bound_to=OWNER)


def test_sealing_the_same_secret_twice_gives_different_results() -> None:
    sealer = Sealer([NEW])
    assert len({sealer.seal(b"a token", purpose=PURPOSE, bound_to=OWNER) for _ in range(100)}) == 100


def test_neither_keys_nor_plaintext_are_shown() -> None:
    sealed = Sealer([NEW]).seal(b"a token", purpose=PURPOSE, bound_to=OWNER)
    assert b"token" not in sealed
    assert NEW.hex() not in repr(Sealer([NEW])) + repr(vars(CursorSigner([NEW])))
    assert "master key" in str(DecryptionFailed())


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b""]])
def test_master_keys_have_32_bytes(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys)
    with pytest.raises(ValueError, match="32 bytes"):
        CursorSigner(keys)


@given(st.text(), st.text())
def test_a_cursor_is_decoded_unchanged(created_at: str, key_id: str) -> None:
    signer = CursorSigner([NEW])
    position = Position(created_at, key_id)
    assert signer.decode(signer.encode(position, purpose="keys"), Position, purpose="keys") == position


@given(st.data())
def test_a_changed_cursor_is_refused(data: st.DataObject) -> None:
    signer = CursorSigner([NEW])
    cursor = signer.encode(Position("2026-01-01T00:00:00Z", "key_1"), purpose="keys")
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.one_of(st.sampled_from("+/-_=\n"), st.characters(codec="utf-8")))
    assume(other != cursor[at])
    with pytest.raises(CursorInvalid):
        signer.decode(cursor[:at] + other + cursor[at + 1 :], Position, purpose="keys")


@pytest.mark.parametrize("written", ["{}=", "{}\n", " {}", "+{}"])
def test_a_cursor_has_one_spelling(written: str) -> None:
    signer = CursorSigner([NEW])
    cursor = signer.encode(Position("2026-01-01T00:00:00Z", "key_1"), purpose="keys")
    with pytest.raises(CursorInvalid):
        signer.decode(written.format(cursor), Position, purpose="keys")


@given(st.text(max_size=100))
def test_text_that_is_not_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        CursorSigner([NEW]).decode(text, Position, purpose="keys")


def test_a_cursor_is_valid_only_for_its_list() -> None:
    cursor = CursorSigner([OLD]).encode(Position("2026-01-01T00:00:00Z", "key_1"), purpose="keys")
    assert CursorSigner([NEW, OLD]).decode(cursor, Position, purpose="keys").key_id == "key_1"
    for signer, purpose in ((CursorSigner([OLD]), "events"), (CursorSigner([NEW]), "keys")):
        with pytest.raises(CursorInvalid):
            signer.decode(cursor, Position, purpose=purpose)


def test_a_cursor_of_another_shape_is_refused() -> None:
    class Other(msgspec.Struct):
        position: int

    signer = CursorSigner([NEW])
    with pytest.raises(CursorInvalid):
        signer.decode(signer.encode(Other(7), purpose="keys"), Position, purpose="keys")
    with pytest.raises(CursorInvalid):
        signer.decode("A" * 5000, Position, purpose="keys")
