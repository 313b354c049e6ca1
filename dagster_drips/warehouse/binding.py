"""Handing values and frames to DuckDB without importing pandas or pyarrow.

Of every value that is bound DuckDB asks whether it is pandas' `NaT` or `NA`, and of a frame whether it is one of
pyarrow's, and imports them for that where they are installed: 0.7 s of CPU and 80 MB in a process that has no other use
of them, more than all of `drips status`. Where they are not installed, it looks for them at every value. What belongs
here is keeping it from both. What a statement is given is the port's matter.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType

_OTHERS = frozenset({"pandas", "pyarrow"})


class _State(threading.local):
    is_binding = False


class _NotForBinding(MetaPathFinder):
    """Finds nothing, and says at once that there is none where the engine looks for one of them: in a thread that binds
    values, or in one of its own, which no Python code has called."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in _OTHERS and (_state.is_binding or not _has_caller()):
            raise ModuleNotFoundError(f"values are bound without {fullname}", name=fullname)
        return None


def _has_caller() -> bool:
    """Whether Python code outside the import system runs in this thread."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


_state = _State()
sys.meta_path.insert(0, _NotForBinding())


@contextmanager
def without_frame_libraries() -> Generator[None]:
    """Inside it this thread imports neither; what has been imported before stays, and so it is for other threads."""
    before, _state.is_binding = _state.is_binding, True
    try:
        yield
    finally:
        _state.is_binding = before
