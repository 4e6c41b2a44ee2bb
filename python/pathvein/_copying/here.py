"""What copies on this machine: the core, and where it has no copier `portable`."""

from __future__ import annotations

import pathvein_core

TYPE_CHECKING = False
if TYPE_CHECKING or hasattr(pathvein_core, "Copy"):
    from pathvein_core import Copy as Copy
    from pathvein_core import Plan as Plan
    from pathvein_core import Staging as Staging
else:
    # On Windows: the core holds directories open and works below them, for which it has no calls.
    from pathvein._copying.portable import Copy, Plan, Staging  # noqa: F401
