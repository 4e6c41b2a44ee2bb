"""Copying within this machine with nothing but Python's standard library: for Windows.

`Copy`, `Plan` and `Staging` are what the core's classes of these names are elsewhere, and stand in
for them (`pathvein._copying.here`). What belongs to a match is decided by the core's `Selection`.

* `system`: the system calls, patient with files that others have open;
* `planning`: what belongs to a match; `order`: which match comes after which;
* `staging`: where a match is built; `copying`: all matches, side by side.

What the core does and this cannot: it does not hold directories open, so somebody who exchanges
a directory for a link while it is copied may lead it elsewhere; and of what is not the content
of a file it copies the times, and whether it may be written to.
"""

from __future__ import annotations

from pathvein._copying.portable.copying import Copy as Copy
from pathvein._copying.portable.planning import Plan as Plan
from pathvein._copying.portable.staging import Staging as Staging
