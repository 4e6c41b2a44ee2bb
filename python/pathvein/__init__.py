"""Find directories by their structure.

A pattern describes a directory: its name, and the files and directories that it must contain.
:func:`scan` returns every directory that matches, on a disk or in a bucket, and :func:`check`
tells what the others lack.
"""

from pathvein_core import (
    Directories,
    Files,
    PatternMatcher,
    PatternTextError,
    Regex,
    __version__,
)

from pathvein.backend import get_backend_info
from pathvein.lib import ScanIterator, ScanResult, ScanWarning, Stats, assess, iscan, scan
from pathvein.pattern import FileStructurePattern, PatternProblem, load_patterns
from pathvein.shuffling import (
    ShuffleError,
    ShuffleInput,
    ShuffleProgress,
    ShuffleResult,
    ShuffleWarning,
    shuffle,
    shuffle_to,
    shuffle_with,
)
from pathvein.walking import WalkIterator, iwalk_parallel, walk_parallel, walk_python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein.checking import (
        CheckIterator,
        CheckResult,
        Closest,
        Explanation,
        Finding,
        Missing,
        check,
        explain,
        icheck,
    )
    from pathvein.inventories import (
        check_inventory,
        icheck_inventory,
        iscan_inventory,
        scan_inventory,
    )
    from pathvein.keys import check_keys, icheck_keys, iscan_keys, scan_keys
    from pathvein.reporting import (
        CheckReport,
        PatternCounts,
        RequirementCounts,
        to_arrow,
        to_pandas,
        to_polars,
    )

__all__ = [
    "CheckIterator",
    "CheckReport",
    "CheckResult",
    "Closest",
    "Directories",
    "Explanation",
    "FileStructurePattern",
    "Files",
    "Finding",
    "Missing",
    "PatternCounts",
    "PatternMatcher",
    "PatternProblem",
    "PatternTextError",
    "Regex",
    "RequirementCounts",
    "ScanIterator",
    "ScanResult",
    "ScanWarning",
    "ShuffleError",
    "ShuffleInput",
    "ShuffleProgress",
    "ShuffleResult",
    "ShuffleWarning",
    "Stats",
    "WalkIterator",
    "__version__",
    "assess",
    "check",
    "check_inventory",
    "check_keys",
    "explain",
    "get_backend_info",
    "icheck",
    "icheck_inventory",
    "icheck_keys",
    "iscan",
    "iscan_inventory",
    "iscan_keys",
    "iwalk_parallel",
    "load_patterns",
    "scan",
    "scan_inventory",
    "scan_keys",
    "shuffle",
    "shuffle_to",
    "shuffle_with",
    "to_arrow",
    "to_pandas",
    "to_polars",
    "walk_parallel",
    "walk_python",
]

if not TYPE_CHECKING:
    #: What is imported when it is first asked for: who only scans is not kept waiting for it.
    _LATER = {
        "pathvein.checking": (
            "CheckIterator",
            "CheckResult",
            "Closest",
            "Explanation",
            "Finding",
            "Missing",
            "check",
            "explain",
            "icheck",
        ),
        "pathvein.inventories": (
            "check_inventory",
            "icheck_inventory",
            "iscan_inventory",
            "scan_inventory",
        ),
        "pathvein.keys": ("check_keys", "icheck_keys", "iscan_keys", "scan_keys"),
        "pathvein.reporting": (
            "CheckReport",
            "PatternCounts",
            "RequirementCounts",
            "to_arrow",
            "to_pandas",
            "to_polars",
        ),
    }

    def __getattr__(name):
        for module, names in _LATER.items():
            if name in names:
                from importlib import import_module

                found = globals()[name] = getattr(import_module(module), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})
