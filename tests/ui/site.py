"""An organization with a person of each role, and the data that pages show in tests."""

from domain.members.events import Role
from tests.app.organizations import Api
from tests.app.people import Person, person


class Site:
    """An organization on a running server."""

    def __init__(self, api: Api, organization_id: str) -> None:
        self.api = api
        self.organization_id = organization_id
        self._people: dict[Role, Person] = {}

    def person(self, role: Role) -> Person:
        """Return a signed-in person of this role. Start a session for an existing member, or add a member."""
        if role not in self._people:
            # The first member of an organization is its owner. So each person has one session, in whatever order.
            if role != "owner":
                self.person("owner")
            members = self.api.database.rows(
                "select user_id from member_list where organization_id = %s and role = %s order by user_id limit 1",
                self.organization_id,
                role,
            )
            if members:
                ((user_id,),) = members
                self._people[role] = Person(self.api, user_id, self.organization_id, email_of(self.api, user_id))
            else:
                self._people[role] = person(self.api, self.organization_id, role)
        return self._people[role]


def email_of(api: Api, user_id: str) -> str:
    ((email,),) = api.database.rows("select email from users where user_id = %s", user_id)
    return str(email)
