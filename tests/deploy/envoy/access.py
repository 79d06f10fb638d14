"""RequestAuthentication and AuthorizationPolicy as Envoy's filters, as istiod translates them.

Only what our objects use is translated; anything else is a KeyError or ValueError, so that no rule is passed over.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = dict[str, Any]

JWT = "envoy.filters.http.jwt_authn"
# Claims that istiod has Envoy split at blanks.
SPACE_DELIMITED = ["permission", "scope"]


def jwt_filter(authentications: Sequence[Object]) -> list[Object]:
    """`jwks` must be in each rule: istiod fetches the keys of `jwksUri` and hands them on."""
    rules = [rule for authentication in authentications for rule in authentication["spec"]["jwtRules"]]
    if not rules:
        return []
    providers = {f"origins-{number}": _provider(rule) for number, rule in enumerate(rules)}
    # A token must be one of these, and may be missing: that is what RequestAuthentication means.
    accepted = [*({"provider_name": name} for name in providers), {"allow_missing": {}}]
    return [
        _filter(
            JWT,
            "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            providers=providers,
            rules=[{"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": accepted}}}],
            bypass_cors_preflight=True,
        )
    ]


def _provider(rule: Object) -> Object:
    if unknown := rule.keys() - {"issuer", "jwksUri", "jwks", "audiences", "forwardOriginalToken"}:
        raise ValueError(f"not translated: {unknown}")
    return {
        "issuer": rule["issuer"],
        "audiences": rule.get("audiences", []),
        "local_jwks": {"inline_string": rule["jwks"]},
        "forward": rule.get("forwardOriginalToken", False),
        "payload_in_metadata": "payload",
        "normalize_payload_in_metadata": {"space_delimited_claims": SPACE_DELIMITED},
    }


def rbac_filter(policies: Sequence[Object]) -> list[Object]:
    """Where any policy applies, what none of them allows is refused; where none does, everything is allowed."""
    if not policies:
        return []
    if any(policy["spec"].get("action", "ALLOW") != "ALLOW" for policy in policies):
        raise ValueError("only ALLOW is translated")
    translated = {
        f"{policy['metadata']['name']}[{number}]": _policy(rule)
        for policy in policies
        for number, rule in enumerate(policy["spec"].get("rules", []))
    }
    return [
        _filter(
            "envoy.filters.http.rbac",
            "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            rules={"action": "ALLOW", "policies": translated},
        )
    ]


def _policy(rule: Object) -> Object:
    conditions = [_claim(condition) for condition in rule.get("when", [])]
    sources = [source["source"] for source in rule.get("from", [{"source": {}}])]
    operations = [operation["operation"] for operation in rule.get("to", [{"operation": {}}])]
    return {
        "principals": [_all("ids", [*_each(source, PRINCIPALS), *conditions]) for source in sources],
        "permissions": [_all("rules", _each(operation, PERMISSIONS)) for operation in operations],
    }


def _account(value: str) -> Object:
    return {"authenticated": {"principal_name": _text(value, "spiffe://")}}


def _subject(value: str) -> Object:
    if value != "*":
        raise ValueError("only the request principal * is translated")
    anything = {"safe_regex": {"regex": ".+"}}
    return _all("ids", [_claim_is(["iss"], {"string_match": anything}), _claim_is(["sub"], {"string_match": anything})])


def _claim(condition: Object) -> Object:
    """A claim that is a list must have one of the values in it."""
    name = condition["key"].removeprefix("request.auth.claims[").removesuffix("]")
    if name == condition["key"] or condition.keys() != {"key", "values"}:
        raise ValueError(f"not translated: {condition}")
    has = [
        _claim_is([name], {"list_match": {"one_of": {"string_match": _text(value)}}}) for value in condition["values"]
    ]
    return _any("ids", has)


def _claim_is(claim: Sequence[str], value: Object) -> Object:
    matcher = {"filter": JWT, "path": [{"key": key} for key in ("payload", *claim)], "value": value}
    return {"sourced_metadata": {"metadata_matcher": matcher}}


def _path(value: str) -> Object:
    if "{" in value:
        # Istio writes {*} and {**} for a segment and for any number of them, Envoy * and **.
        template = value.replace("{*}", "*").replace("{**}", "**")
        config = {
            "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
            "path_template": template,
        }
        return {"uri_template": {"name": "uri-template", "typed_config": config}}
    return {"url_path": {"path": _text(value)}}


def _method(value: str) -> Object:
    return {"header": {"name": ":method", "string_match": _text(value)}}


def _port(value: str) -> Object:
    return {"destination_port": int(value)}


# What a source or an operation may say, and what each of its values means; a field's values are alternatives.
PRINCIPALS = {"principals": _account, "requestPrincipals": _subject}
PERMISSIONS = {"paths": _path, "notPaths": _path, "methods": _method, "ports": _port}


def _each(said: Mapping[str, Sequence[str]], meanings: Mapping[str, Any]) -> Iterable[Object]:
    kind = "ids" if meanings is PRINCIPALS else "rules"
    for field, values in said.items():
        alternatives = _any(kind, [meanings[field](value) for value in values])
        yield {f"not_{kind[:-1]}": alternatives} if field.startswith("not") else alternatives


def _text(value: str, prefix: str = "") -> Object:
    """A star in front or behind stands for anything."""
    if value == "*":
        return {"safe_regex": {"regex": ".+"}}
    if value.startswith("*"):
        return {"suffix": value[1:]}
    if value.endswith("*"):
        return {"prefix": prefix + value[:-1]}
    return {"exact": prefix + value}


def _all(kind: str, parts: Iterable[Object]) -> Object:
    return {f"and_{kind}": {kind: list(parts) or [{"any": True}]}}


def _any(kind: str, parts: Iterable[Object]) -> Object:
    return {f"or_{kind}": {kind: list(parts)}}


def _filter(name: str, kind: str, **config: Any) -> Object:
    return {"name": name, "typed_config": {"@type": kind, **config}}
