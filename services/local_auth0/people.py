"""The demo people, and what each may do. Anybody can sign in as any of them: the password is the name."""

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
BY_SUBJECT = {person.subject: person for person in PEOPLE.values()}
