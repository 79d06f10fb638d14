"""Who may call an operation, according to its `security` in the specification."""

from collections.abc import Mapping, Sequence

from starlette.datastructures import Headers

from services.gateway.http.problems import CHALLENGE, Problem
from services.gateway.http.tokens import Token, Verifier, invalid_token

Requirement = Mapping[str, Sequence[str]]


class Access:
    """No `security`: public. `[{auth0: [p]}]`: token with permission p required. With `{}` added: token optional.

    Where a token is optional, an invalid one is still an error. Public operations ignore tokens.
    """

    def __init__(self, security: Sequence[Requirement] | None, verifier: Verifier) -> None:
        self._verifier = verifier
        self._public = not security
        self._optional = any(not requirement for requirement in security or ())
        self._permissions = frozenset(
            permission for requirement in security or () for scopes in requirement.values() for permission in scopes
        )

    async def authenticate(self, headers: Headers) -> Token | None:
        """The request's token; None if it has none and needs none. Raises a 401 or 403 problem."""
        if self._public:
            return None
        credentials = headers.getlist("authorization")
        if not credentials:
            if self._optional:
                return None
            raise Problem(401, "an access token is required", headers={"WWW-Authenticate": CHALLENGE})
        token = await self._verifier.verify(_bearer_token(credentials))
        if not self._permissions <= token.permissions:
            raise _forbidden(" ".join(sorted(self._permissions)))
        return token


def _bearer_token(credentials: Sequence[str]) -> str:
    if len(credentials) > 1:
        raise invalid_token("there is more than one Authorization header")
    scheme, _, token = credentials[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise invalid_token("the Authorization header must have the form: Bearer TOKEN")
    return token.strip()


def _forbidden(scope: str) -> Problem:
    challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'
    return Problem(403, f"the permission {scope} is required", headers={"WWW-Authenticate": challenge})
