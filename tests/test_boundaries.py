"""The house's order: who may import whom, how long a file may be, what names say.

phones.models imports no app · the models of sessions and metrics import phones only ·
sessions calls metrics.recorder · web files may look across · the session process and
the sandbox import no Django · one file imports neonize.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ROOT

APPS = ("config", "metrics", "phones", "sessions")
# Files of the web, the only ones that may look across the apps.
WEB = {
    "admin", "api", "asgi", "charts", "consumers", "dashboard", "live_page", "pages",
    "templatetags", "theme", "urls", "views", "web",
}  # fmt: skip
MAX_LINES = 300
VAGUE = {
    "common", "data", "helper", "helpers", "manager", "managers", "misc", "service",
    "services", "stuff", "util", "utils",
}  # fmt: skip


def files(*folders: str) -> list[Path]:
    """Python files under `folders`, relative to the root; migrations left out."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(
        path.relative_to(ROOT) for path in found if "migrations" not in path.parts
    )


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(dotted module, line) of every import in a file, function bodies included.

    Those under `if TYPE_CHECKING` never run and are left out.
    """
    tree = ast.parse((ROOT / path).read_text())
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for statement in node.body
        for child in ast.walk(statement)
    }
    package = path.parent.parts
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            for alias in node.names:
                yield f"{module}.{alias.name}", node.lineno


def breaches(
    paths: list[Path], *forbidden: str, but: tuple[str, ...] = ()
) -> list[str]:
    return [
        f"{path}:{line} imports {module}"
        for path in paths
        for module, line in imports(path)
        if any(_inside(module, name) for name in forbidden)
        and not any(_inside(module, name) for name in but)
    ]


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def _is_web(path: Path) -> bool:
    return bool(WEB & {*path.parts, path.stem})


def without_web(*folders: str) -> list[Path]:
    return [path for path in files(*folders) if not _is_web(path)]


def test_the_models_of_phones_import_no_app():
    assert breaches(files("phones/models"), "sessions", "metrics") == []


def test_phones_knows_nothing_of_sessions_and_metrics():
    assert breaches(without_web("phones"), "sessions", "metrics") == []


def test_the_models_of_sessions_import_phones_only():
    assert breaches(files("sessions/models"), "metrics") == []


def test_metrics_imports_phones_only():
    allowed = ("sessions.policy",)  # pure: the catalogue of causes
    assert breaches(without_web("metrics"), "sessions", but=allowed) == []


def test_sessions_reaches_metrics_by_its_recorder_and_its_words():
    allowed = ("metrics.recorder", "metrics.masking", "metrics.models.Event")
    assert breaches(without_web("sessions"), "metrics", but=allowed) == []


def test_policy_is_pure():
    """No rows, no clock, no waiting: time and chance come as arguments."""
    forbidden = (
        "django.db",
        "django.utils.timezone",
        "time",
        "asyncio",
        "phones.models",
    )
    assert breaches(files("sessions/policy"), *forbidden) == []


@pytest.mark.parametrize("folder", ["sessions/client", "sessions/sandbox"])
def test_the_session_process_and_the_sandbox_import_no_django(folder):
    django = ("django", "phones", "metrics", "config", "channels")
    ours = ("sessions.models", "sessions.host", "sessions.auth", "sessions.policy")
    paths = [*files(folder), Path("sessions/__init__.py")]
    assert breaches(paths, *django, *ours) == []


@pytest.mark.parametrize(
    "module", ["sessions.client.process", "sessions.sandbox.server"]
)
def test_no_django_is_loaded_by_them_either(module):
    code = (
        f"import sys, {module}; "
        "print(sorted(m for m in sys.modules if m.partition('.')[0] == 'django'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_the_sandbox_does_not_use_the_client_it_tests():
    assert breaches(files("sessions/sandbox"), "neonize", "sessions.client") == []


def test_one_file_imports_neonize():
    found = {breach.partition(":")[0] for breach in breaches(files(*APPS), "neonize")}
    assert found == {"sessions/client/neonize_library.py"}


@pytest.mark.parametrize("path", files(*APPS, "tests"), ids=str)
def test_a_file_is_short_and_named_by_a_noun(path):
    lines = (ROOT / path).read_text().count("\n")
    assert lines <= MAX_LINES, f"{lines} lines: split it by noun"
    assert not VAGUE & {path.stem, *path.parts}


def test_our_label_is_not_djangos():
    """`sessions.X` in a relation would silently mean Django's own app."""
    for path in files(*APPS):
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.startswith("sessions.Session"), path


def test_packages_at_the_top_are_the_given_ones():
    tops = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert tops == {*APPS, "tests"}


def test_every_folder_of_tests_is_a_package():
    """Else pytest puts `tests/` first on the path and hides the app `sessions`."""
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    assert [f for f in folders if not (f / "__init__.py").exists()] == []
