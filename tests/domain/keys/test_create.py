from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Literal

import pytest
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from domain.fields import CONTAINS_API_KEY, DESCRIPTION_LENGTH_MAX, NAME_LENGTH_MAX
from domain.keys.decider import KEY
from domain.keys.errors import KeyLimitReached
from domain.keys.events import PER_SECOND_MAX, RateLimit
from domain.keys.fields import (
    ALLOWED_IPS_MAX,
    CONTAINS_IMPORTED,
    CONTAINS_ITSELF,
    IMPORTED_CANNOT_MANAGE,
    METADATA_KEY_LENGTH_MAX,
    METADATA_PAIRS_MAX,
    METADATA_VALUE_LENGTH_MAX,
)
from domain.keys.permissions import Permissions
from domain.keys.state import Active, Key, SecretVersion
from domain.plans.plan import KeyCounts
from domain.refusal import Conflict, Invalid
from domain.secret import SecretRecord
from tests.domain.sample import CREATE, CREATED, KEY_ID, NOW, ORGANIZATION_ID, OWNER, REVOKED, a_record, a_secret, at
from tests.given import given

INVISIBLE = "Must not be empty"
CONTROL = "Must not contain control characters"


def test_a_new_key_has_every_requested_attribute() -> None:
    request = {
        "description": "For the pipeline",
        "expires_at": at(3600),
        "rate_limit": RateLimit(per_second=5),
        "allowed_ips": ("10.0.0.0/8",),
        "metadata": {"team": "platform"},
    }
    given(KEY).when(replace(CREATE, **request)).then(replace(CREATED, **request))


def test_a_new_key_has_one_secret_and_is_at_revision_1() -> None:
    first = a_record(1)
    assert KEY.fold([CREATED]) == Active(
        Key(
            id=KEY_ID,
            organization_id=ORGANIZATION_ID,
            name="Deploy",
            description="",
            environment="live",
            permissions=Permissions(mcps="*"),
            rate_limit=None,
            allowed_ips=(),
            metadata={},
            expires_at=None,
            created_at=NOW,
            created_by=OWNER,
            secrets=(SecretVersion(1, first.digest, first.prefix, first.last4, NOW),),
            revision=1,
        )
    )


def test_an_imported_secret_gets_no_management_grants() -> None:
    managing = replace(CREATE, permissions=Permissions(manage=("keys:read",)))
    given(KEY).when(managing).then(replace(CREATED, permissions=managing.permissions))
    given(KEY).when(replace(managing, imported=True)).then_refused(
        Invalid, **{"permissions.manage": IMPORTED_CANNOT_MANAGE}
    )


@pytest.mark.parametrize(
    ("prefix", "last4", "details"),
    [
        ("acme_", "z789", {}),
        ("", "", {}),
        ("x" * 12, "x" * 4, {}),
        ("x" * 13, "", {"prefix": "Must have at most 12 characters"}),
        ("", "x" * 5, {"last4": "Must have at most 4 characters"}),
        ("acme key", "", {"prefix": "Must consist of printable ASCII characters without spaces"}),
        ("", "äbcd", {"last4": "Must consist of printable ASCII characters without spaces"}),
        ("acme_012345", "z789", {"prefix": "Must not contain the whole secret together with last4: both are shown"}),
    ],
)
def test_the_shown_parts_of_an_imported_secret_are_checked(prefix: str, last4: str, details: dict[str, str]) -> None:
    digest = sha256(b"acme_012345z789").hexdigest()
    imported = given(KEY).when(replace(CREATE, secret=SecretRecord(digest, prefix, last4), imported=True))
    assert (imported.refusal.details if imported.refusal else {}) == details


@pytest.mark.parametrize("text", ["{}", " {}\t", "Token {} of the gateway"])
def test_an_import_does_not_record_the_secret(text: str) -> None:
    secret = f"acme_{'0123456789' * 2}"
    record = SecretRecord(sha256(secret.encode()).hexdigest(), "acme_", "")
    command, written = replace(CREATE, secret=record, imported=True), text.format(secret)
    for fields, path in (
        ({"name": written}, "name"),
        ({"description": written}, "description"),
        ({"metadata": {"token": written}}, "metadata.token"),
        ({"metadata": {written.replace("\t", ""): "x"}}, "metadata"),
        ({"metadata": {secret: secret}}, "metadata"),
    ):
        refused = given(KEY).when(replace(command, **fields)).refusal
        assert refused is not None
        assert refused.details[path] == CONTAINS_ITSELF
        assert secret not in str(refused.details)


@pytest.mark.parametrize("imported", [UNSET, True])
def test_a_new_key_does_not_record_the_secret_of_another_key(imported: Literal[True] | UnsetType) -> None:
    secret = f"acme_{'0123456789' * 2}"
    command = replace(CREATE, imported=imported, known_secrets=frozenset({sha256(secret.encode()).digest()}))
    for fields, path in (
        ({"name": secret}, "name"),
        ({"description": f"Token {secret}"}, "description"),
        ({"metadata": {"token": f" {secret}"}}, "metadata.token"),
        ({"metadata": {secret: secret}}, "metadata"),
    ):
        refused = given(KEY).when(replace(command, **fields)).refusal
        assert refused is not None
        assert refused.details[path] == CONTAINS_IMPORTED
        assert secret not in str(refused.details)


def test_a_key_id_cannot_be_reused() -> None:
    given(KEY, CREATED).when(CREATE).then_refused(Conflict)
    given(KEY, CREATED, REVOKED).when(CREATE).then_refused(Conflict)


@pytest.mark.parametrize("name", ["x", "x" * NAME_LENGTH_MAX, "Ключ 鍵 🔑", "👩\u200d💻", "a\u00a0b"])
def test_a_name_of_1_to_100_characters_is_accepted(name: str) -> None:
    given(KEY).when(replace(CREATE, name=name)).then(replace(CREATED, name=name))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", INVISIBLE),
        (" \u00a0\u3000", INVISIBLE),
        ("\u200b\u200d\ufeff", INVISIBLE),
        ("x" * (NAME_LENGTH_MAX + 1), "Must have at most 100 characters"),
        (" " * (NAME_LENGTH_MAX + 1), "Must have at most 100 characters"),
        ("a\nb", CONTROL),
        ("a\x7fb", CONTROL),
        ("a\x85b", CONTROL),
        ("a\u2028b", CONTROL),
        ("a\u202eb", CONTROL),
        ("a\u2066b", CONTROL),
        ("a\0b", "Must not contain the character U+0000"),
        (f"Agent {a_secret().reveal()}", CONTAINS_API_KEY),
        ("a\ud800b", "Must not contain lone surrogates"),
    ],
)
def test_an_unreadable_name_is_refused(name: str, message: str) -> None:
    given(KEY).when(replace(CREATE, name=name)).then_refused(Invalid, name=message)


def test_a_description_may_have_line_breaks_and_at_most_500_characters() -> None:
    fits = "a\n" * (DESCRIPTION_LENGTH_MAX // 2)
    given(KEY).when(replace(CREATE, description=fits)).then(replace(CREATED, description=fits))
    given(KEY).when(replace(CREATE, description=fits + "x")).then_refused(
        Invalid, description="Must have at most 500 characters"
    )


@pytest.mark.parametrize("expires_at", [at(0), at(-1), datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))])
def test_a_key_cannot_be_created_expired(expires_at: datetime) -> None:
    given(KEY).when(replace(CREATE, expires_at=expires_at)).then_refused(Invalid, expires_at="Must be a future date")


def test_an_expiry_without_a_time_zone_is_refused() -> None:
    request = replace(CREATE, expires_at=datetime(2030, 1, 1))  # noqa: DTZ001 -- a request can contain one
    given(KEY).when(request).then_refused(
        Invalid, expires_at="Must have a time zone, such as the Z in 2030-01-31T00:00:00Z"
    )


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_an_expiry_at_the_end_of_the_calendar_is_refused(hours: int) -> None:
    last = datetime.max.replace(tzinfo=timezone(timedelta(hours=hours)))
    given(KEY).when(replace(CREATE, expires_at=last)).then_refused(Invalid, expires_at="Must be before the year 9999")


def test_an_expiry_is_stored_in_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    outcome = given(KEY).when(replace(CREATE, expires_at=at(60).astimezone(east)))
    outcome.then(replace(CREATED, expires_at=at(60)))
    (event,) = outcome.events
    assert repr(event) == repr(replace(CREATED, expires_at=at(60)))
    assert at(60).tzinfo is UTC


@pytest.mark.parametrize("per_second", [1, PER_SECOND_MAX])
def test_a_rate_limit_is_at_least_one_a_second(per_second: int) -> None:
    rate_limit = RateLimit(per_second)
    given(KEY).when(replace(CREATE, rate_limit=rate_limit)).then(replace(CREATED, rate_limit=rate_limit))


@pytest.mark.parametrize("per_second", [0, -1, PER_SECOND_MAX + 1])
def test_a_rate_limit_out_of_range_is_refused(per_second: int) -> None:
    given(KEY).when(replace(CREATE, rate_limit=RateLimit(per_second))).then_refused(
        Invalid, **{"rate_limit.per_second": "Must be between 1 and 1000000"}
    )


def test_metadata_has_at_most_16_pairs() -> None:
    pairs = {f"k{n}": "v" for n in range(METADATA_PAIRS_MAX)}
    given(KEY).when(replace(CREATE, metadata=pairs)).then(replace(CREATED, metadata=pairs))
    given(KEY).when(replace(CREATE, metadata={**pairs, "one": "more"})).then_refused(
        Invalid, metadata="Must have at most 16 pairs"
    )


@pytest.mark.parametrize(
    ("metadata", "field", "message"),
    [
        ({"": "v"}, "metadata", "A name must not be empty or contain control characters"),
        ({"a\tb": "v"}, "metadata", "A name must not be empty or contain control characters"),
        ({"k" * (METADATA_KEY_LENGTH_MAX + 1): "v"}, "metadata", "A name must have at most 64 characters"),
        ({a_secret().reveal(): "v"}, "metadata", CONTAINS_API_KEY),
        ({"fine": "v", "k": a_secret().reveal()}, "metadata.k", CONTAINS_API_KEY),
        ({"k": "v" * (METADATA_VALUE_LENGTH_MAX + 1)}, "metadata.k", "Must have at most 500 characters"),
        ({"k": "\0"}, "metadata.k", "Must not contain the character U+0000"),
        ({"k": "\udfff"}, "metadata.k", "Must not contain lone surrogates"),
    ],
    ids=range(8),
)
def test_invalid_metadata_is_refused(metadata: dict[str, str], field: str, message: str) -> None:
    given(KEY).when(replace(CREATE, metadata=metadata)).then_refused(Invalid, **{field: message})


@pytest.mark.parametrize(
    "network", ["10.0.0.0/8", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32", "::1", "::/0", "::ffff:10.0.0.0/104"]
)
def test_an_allowed_address_is_an_ipv4_or_ipv6_network(network: str) -> None:
    given(KEY).when(replace(CREATE, allowed_ips=(network,))).then(replace(CREATED, allowed_ips=(network,)))


@pytest.mark.parametrize("text", ["", "everyone", "10.0.0.0/33", "10.0.0", "010.0.0.1", " 10.0.0.1", "fe80::1%eth0"])
def test_an_invalid_network_is_refused(text: str) -> None:
    given(KEY).when(replace(CREATE, allowed_ips=("10.0.0.0/8", text))).then_refused(
        Invalid, **{"allowed_ips[1]": "Must be an IPv4 or IPv6 network such as 10.0.0.0/8 or 2001:db8::/32"}
    )


@pytest.mark.parametrize("mask", ["0.255.255.255", "255.0.0.0", "0.0.0.255", "08"])
def test_a_network_mask_is_refused_because_it_is_ambiguous(mask: str) -> None:
    given(KEY).when(replace(CREATE, allowed_ips=(f"10.0.0.0/{mask}",))).then_refused(
        Invalid,
        **{"allowed_ips[0]": "Must have a prefix length after the slash instead of a mask, such as 10.0.0.0/8"},
    )


@pytest.mark.parametrize(("text", "meant"), [("10.0.0.1/8", "10.0.0.0/8"), ("2001:db8::1/32", "2001:db8::/32")])
def test_a_network_with_host_bits_is_refused_with_a_suggestion(text: str, meant: str) -> None:
    given(KEY).when(replace(CREATE, allowed_ips=(text,))).then_refused(
        Invalid, **{"allowed_ips[0]": f"Has host bits set; did you mean {meant}?"}
    )


def test_an_address_list_beyond_the_limit_is_refused_without_reading_it() -> None:
    most = ("10.0.0.0/8",) * ALLOWED_IPS_MAX
    given(KEY).when(replace(CREATE, allowed_ips=most)).then(replace(CREATED, allowed_ips=most))
    given(KEY).when(replace(CREATE, allowed_ips=("nonsense",) * 100_000)).then_refused(
        Invalid, allowed_ips="Must have at most 100 networks"
    )


def test_all_invalid_fields_are_reported_together() -> None:
    request = replace(CREATE, name="", expires_at=NOW, rate_limit=RateLimit(0))
    given(KEY).when(request).then_refused(
        Invalid,
        **{
            "name": "Must not be empty",
            "expires_at": "Must be a future date",
            "rate_limit.per_second": "Must be between 1 and 1000000",
        },
    )


def test_keys_can_be_created_up_to_the_plan_limit() -> None:
    one_left = KeyCounts(active=1, disabled=8, limit=10, plan="pro")
    given(KEY).when(replace(CREATE, counts=one_left)).then(CREATED)


@pytest.mark.parametrize(("active", "disabled"), [(10, 0), (0, 10), (4, 6), (11, 0)])
def test_the_plan_counts_active_and_disabled_keys(active: int, disabled: int) -> None:
    full = KeyCounts(active=active, disabled=disabled, limit=10, plan="pro")
    given(KEY).when(replace(CREATE, counts=full)).then_refused(
        KeyLimitReached, limit=10, used=active + disabled, plan="pro"
    )


@pytest.mark.parametrize(("keys", "fits"), [(1, True), (3, True), (4, False)])
def test_the_plan_must_have_room_for_all_keys_of_a_request(keys: int, fits: bool) -> None:  # noqa: FBT001
    three_left = KeyCounts(active=1, disabled=6, limit=10, plan="pro")
    creation = given(KEY).when(replace(CREATE, counts=three_left, keys=keys))
    if fits:
        creation.then(CREATED)
    else:
        creation.then_refused(KeyLimitReached, limit=10, used=7, plan="pro")
