"""Models, names and texts of every kind, and how a refusal has to read."""

from __future__ import annotations

from hypothesis import strategies as st

from tui_vae.config import ModelSpec, check_name
from tui_vae.errors import ExitCode, UsageError


def acceptable(name: str) -> bool:
    try:
        check_name(name, "a name")
    except UsageError:
        return False
    return True


any_text = st.text(st.characters(), max_size=80)  # with surrogates and control characters
# With several seeds a name has room for "@" and the longest of them.
names = st.text(min_size=1, max_size=64 - len(f"@{2**63}")).filter(acceptable)
specs = st.builds(ModelSpec, names, st.lists(st.integers(1, 1_000_000), max_size=4).map(tuple))


def assert_one_line(error: UsageError) -> None:
    assert str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 300
    assert error.exit_code == ExitCode.USAGE == 2
