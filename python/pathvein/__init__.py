"""Find directories by their structure.

A pattern describes a directory: its name, and the files and directories that it must contain.
:func:`scan` returns every directory that matches, on a disk or in a bucket.
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
from pathvein.reporting import (
    CheckReport,
    PatternCounts,
    RequirementCounts,
    to_arrow,
    to_pandas,
    to_polars,
)
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

__all__ = [
    "CheckReport",
    "Directories",
    "FileStructurePattern",
    "Files",
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
    "get_backend_info",
    "iscan",
    "iwalk_parallel",
    "load_patterns",
    "scan",
    "shuffle",
    "shuffle_to",
    "shuffle_with",
    "to_arrow",
    "to_pandas",
    "to_polars",
    "walk_parallel",
    "walk_python",
]
