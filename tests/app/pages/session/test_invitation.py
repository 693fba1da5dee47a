"""The page that accepts an invitation."""

from tests.app.browser import Browser
from tests.app.organizations import Api
from tests.app.people import person
from tests.random_input import random_email


def test_a_person_who_accepts_becomes_a_member_and_is_signed_in(proxied_api: Api, screen: Browser) -> None:
    admin = person(proxied_api, proxied_api.organization().id, "admin")
    email = random_email()
    invited = admin.client.post("/v1/organization/members/invite", {"email": email, "role": "auditor"}).data
    screen.go(invited["invite_url"])
    assert "auditor" in screen.page.text
    screen.go(invited["invite_url"])
    screen.send(screen.forms[0])
    assert screen.path == "/"
    assert email in screen.page.text
    used = screen.go(invited["invite_url"])
    assert 400 <= used.status_code < 500
    ((method,),) = proxied_api.database.rows(
        "select method from sessions s join users u using (user_id) where u.email = %s", email
    )
    assert method == "invitation"


def test_an_unknown_invitation_is_not_found(screen: Browser) -> None:
    assert screen.go("/invitations/accept?token=ki_guess").status_code == 404
    assert screen.post("/invitations/accept", {"token": "ki_guess"}).status_code == 404
