"""The demo people, and what each may do. Anybody can sign in as any of them: the password is the name."""

import re
from dataclasses import dataclass

USER_PERMISSIONS = ("write:seen", "write:like", "read:suggest", "write:username", "delete:username")
ITEM_PERMISSIONS = ("write:item", "delete:item")


@dataclass(frozen=True)
class Person:
    username: str
    name: str
    may: str
    permissions: tuple[str, ...]

    @property
    def subject(self) -> str:
        return f"auth0|{self.username}"

    def check_password(self, password: str) -> bool:
        return password == self.username

    def profile(self, scope: str | None) -> dict[str, str | bool]:
        """The OpenID claims that a scope opens."""
        scopes = (scope or "").split()
        claims: dict[str, str | bool] = {"sub": self.subject}
        if "profile" in scopes:
            claims |= {"nickname": self.username, "name": self.name}
        if "email" in scopes:
            claims |= {"email": f"{self.username}@seen.example", "email_verified": True}
        return claims


PEOPLE = {
    person.username: person
    for person in (
        Person("ana", "Ana", "marks, likes and gets suggestions", USER_PERMISSIONS),
        Person("rui", "Rui", "marks, likes and gets suggestions", USER_PERMISSIONS),
        Person("admin", "Admin", "also adds and removes items", USER_PERMISSIONS + ITEM_PERMISSIONS),
    )
}

_VISITOR = re.compile("visitor-[1-9][0-9]{0,5}")


def find(username: str) -> Person | None:
    """A demo person, or one of the visitors visitor-1 to visitor-999999, whom load tests sign in by their hundreds."""
    if _VISITOR.fullmatch(username):
        return Person(username, username.capitalize(), "marks, likes and gets suggestions", USER_PERMISSIONS)
    return PEOPLE.get(username)


def of_subject(subject: str) -> Person | None:
    return find(subject.removeprefix("auth0|"))
