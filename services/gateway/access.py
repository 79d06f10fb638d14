"""Who may call an operation, as its `security` in the specification says."""

from collections.abc import Mapping, Sequence

from starlette.types import Scope

from services.gateway import auth
from services.gateway.auth import Token, Tokens

Requirement = Mapping[str, Sequence[str]]


class Access:
    """`security` absent: anyone. [{auth0: [permission]}]: with a token that has it. The same and {}: so, or with none.

    Where a token is looked at, one that cannot be accepted is an error, and never taken for none.
    """

    def __init__(self, security: Sequence[Requirement] | None, tokens: Tokens) -> None:
        self._tokens = tokens
        self._open = not security
        self._optional = any(not requirement for requirement in security or ())
        self._needed = frozenset(
            scope for requirement in security or () for scopes in requirement.values() for scope in scopes
        )

    async def check(self, scope: Scope) -> Token | None:
        """Whose request it is; None where it is nobody's and need not be anybody's."""
        if self._open:
            return None
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        if not sent:
            if self._optional:
                return None
            raise auth.missing()
        token = await self._tokens.verify(_bearer(sent))
        if not self._needed <= token.permissions:
            raise auth.forbidden(self._needed)
        return token


def _bearer(sent: Sequence[bytes]) -> str:
    if len(sent) > 1:
        raise auth.rejected("there is more than one Authorization header")
    kind, _, text = sent[0].decode("latin-1").partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        raise auth.rejected("the Authorization header must read Bearer and a token")
    return text.strip()
