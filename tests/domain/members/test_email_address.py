import pytest

from domain.fields import FieldErrors
from domain.members.email_address import check_email, normalized
from domain.refusal import Invalid
from tests.domain.sample import a_secret

LONGEST = "a" * 64 + "@" + ("b" * 61 + ".") * 3 + "cde"


@pytest.mark.parametrize(
    "email",
    ["ada@example.com", "Ada.Lovelace+keys@mail.example.co.uk", "поштар@почта.рф", "o'hara@a-b.example", LONGEST],
)
def test_a_valid_address_is_accepted(email: str) -> None:
    problems = FieldErrors()
    check_email(problems, email)
    problems.raise_if_any()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@example..com",
        "ada@example.com.",
        "ada@-example.com",
        "ada@example-.com",
        "ada@xn--.com",
        "ada @example.com",
        " ada@example.com",
        "ada@example.com\n",
        "ada@example.com\r\nBcc: eve@example.com",
        "a\x00da@example.com",
        "a\u202eda@example.com",
        "ada@@example.com",
        "Ada <ada@example.com>",
        "ada,eve@example.com",
        '"ada"@example.com',
        "a" * 65 + "@example.com",
        LONGEST + "f",
    ],
)
def test_an_invalid_address_is_refused(email: str) -> None:
    problems = FieldErrors()
    check_email(problems, email)
    with pytest.raises(Invalid) as refused:
        problems.raise_if_any()
    assert refused.value.details == {"email": "Must be an address such as ada@example.com, of at most 254 characters"}


@pytest.mark.parametrize(
    ("one", "other"), [("Ada@Example.COM", "ada@example.com"), ("straße@example.com", "STRASSE@example.com")]
)
def test_spellings_that_differ_in_case_are_one_address(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)
    assert normalized(normalized(one)) == normalized(one)


def test_an_address_that_contains_a_secret_is_refused_without_quoting_it() -> None:
    problems = FieldErrors()
    check_email(problems, f"{a_secret().reveal()}@x.example")
    with pytest.raises(Invalid) as refused:
        problems.raise_if_any()
    assert list(refused.value.details) == ["email"]
    assert a_secret().reveal() not in str(refused.value.details)
