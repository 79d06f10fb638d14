"""Writes the table of settings into each service's README, between the lines <!-- settings --> and <!-- /settings -->.

The source is the declarations in services/NAME/settings.py. tests/unit/test_documents.py compares the two.
"""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

from pydantic.fields import FieldInfo

from services.common.settings import ENV_PREFIX, ProgramSettings

ROOT = Path(__file__).resolve().parents[1]
TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)


def readmes() -> list[Path]:
    """The services' READMEs that have a table."""
    return [path for path in sorted(ROOT.glob("services/*/README.md")) if TABLE.search(path.read_text("utf-8"))]


def with_current_table(readme: Path) -> str:
    """The README's text with its table of settings as it should be."""
    settings = _settings_class(importlib.import_module(f"services.{readme.parent.name}.settings"))
    rows = [
        f"| `{ENV_PREFIX}{name.upper()}` | {_default(field)} | {_escape(field.description or '')} |"
        for name, field in sorted(settings.model_fields.items(), key=lambda entry: not entry[1].is_required())
    ]
    table = "\n".join(["", "| variable | default | meaning |", "|---|---|---|", *rows, "", ""])
    return TABLE.sub(lambda _: table, readme.read_text("utf-8"))


def _settings_class(module: ModuleType) -> type[ProgramSettings]:
    """The module's own settings class that no other one there derives from."""
    own = [
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if value.__module__ == module.__name__ and issubclass(value, ProgramSettings)
    ]
    (leaf,) = (
        settings for settings in own if not any(other is not settings and issubclass(other, settings) for other in own)
    )
    return leaf


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default in (None, "", [], ()):
        return ""
    if isinstance(default, Path):
        default = default.relative_to(ROOT) if default.is_relative_to(ROOT) else default
    if isinstance(default, list):
        default = ",".join(map(str, default))
    return f"`{default}`"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for path in readmes():
        path.write_text(with_current_table(path), "utf-8")
        print(path.relative_to(ROOT))
