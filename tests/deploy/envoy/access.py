"""Translates RequestAuthentication and AuthorizationPolicy into Envoy's filters, as istiod does.

Supports only what our objects use. Anything else raises KeyError or ValueError, so that no rule is ignored.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = dict[str, Any]

JWT = "envoy.filters.http.jwt_authn"
# Claims that istiod configures Envoy to split at spaces.
SPACE_DELIMITED = ["permission", "scope"]


def jwt_filter(authentications: Sequence[Object]) -> list[Object]:
    """Each rule must contain `jwks`, the keys that istiod would fetch from `jwksUri`."""
    rules = [rule for authentication in authentications for rule in authentication["spec"]["jwtRules"]]
    if not rules:
        return []
    providers = {f"origins-{number}": _provider(rule) for number, rule in enumerate(rules)}
    # RequestAuthentication accepts tokens of these providers, and requests without a token.
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
        raise ValueError(f"not supported: {unknown}")
    return {
        "issuer": rule["issuer"],
        "audiences": rule.get("audiences", []),
        "local_jwks": {"inline_string": rule["jwks"]},
        "forward": rule.get("forwardOriginalToken", False),
        "payload_in_metadata": "payload",
        "normalize_payload_in_metadata": {"space_delimited_claims": SPACE_DELIMITED},
    }


def rbac_filter(policies: Sequence[Object]) -> list[Object]:
    """With at least one policy, only what a policy allows is allowed; without policies, everything is."""
    if not policies:
        return []
    if any(policy["spec"].get("action", "ALLOW") != "ALLOW" for policy in policies):
        raise ValueError("not supported: an action other than ALLOW")
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
        raise ValueError("not supported: a request principal other than *")
    anything = {"safe_regex": {"regex": ".+"}}
    return _all("ids", [_claim_is(["iss"], {"string_match": anything}), _claim_is(["sub"], {"string_match": anything})])


def _claim(condition: Object) -> Object:
    """A list claim must contain one of the values."""
    name = condition["key"].removeprefix("request.auth.claims[").removesuffix("]")
    if name == condition["key"] or condition.keys() != {"key", "values"}:
        raise ValueError(f"not supported: {condition}")
    matchers = [
        _claim_is([name], {"list_match": {"one_of": {"string_match": _text(value)}}}) for value in condition["values"]
    ]
    return _any("ids", matchers)


def _claim_is(claim: Sequence[str], value: Object) -> Object:
    matcher = {"filter": JWT, "path": [{"key": key} for key in ("payload", *claim)], "value": value}
    return {"sourced_metadata": {"metadata_matcher": matcher}}


def _path(value: str) -> Object:
    if "{" in value:
        # One segment is {*} in Istio and * in Envoy; any number of segments is {**} and **.
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


# The supported fields of a source and of an operation, with the translation of a value. Values are alternatives.
PRINCIPALS = {"principals": _account, "requestPrincipals": _subject}
PERMISSIONS = {"paths": _path, "notPaths": _path, "methods": _method, "ports": _port}


def _each(fields: Mapping[str, Sequence[str]], translations: Mapping[str, Any]) -> Iterable[Object]:
    kind = "ids" if translations is PRINCIPALS else "rules"
    for field, values in fields.items():
        alternatives = _any(kind, [translations[field](value) for value in values])
        yield {f"not_{kind[:-1]}": alternatives} if field.startswith("not") else alternatives


def _text(value: str, prefix: str = "") -> Object:
    """A leading or trailing * is a wildcard."""
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
