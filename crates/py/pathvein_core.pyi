"""The compiled core of pathvein.

``PatternMatcher`` and ``Stats`` are public, and exported by ``pathvein``. Everything else serves
that package and may change with any version: use ``pathvein``.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Self, TypeAlias, final

from typing_extensions import Buffer, disjoint_base

__all__ = [
    "Copy",
    "Directories",
    "DividedScan",
    "ExcludeRules",
    "FileStructurePattern",
    "Files",
    "KeyScan",
    "KeySorter",
    "KeyStream",
    "KeyWalk",
    "ListingScan",
    "PatternMatcher",
    "PatternTextError",
    "Plan",
    "Regex",
    "Scan",
    "Selected",
    "Selection",
    "Staging",
    "Stats",
    "SubtreeScan",
    "Walk",
    "__version__",
    "read_list_page",
    "read_subtree",
]

#: One path component, or any other string. `bytes` go through `os.fsdecode`, and a `PathLike`
#: stands for the whole of its `os.fspath`: slashes in it are ordinary characters.
_Name: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

#: What a name has to pass: a glob, a regular expression, or a tuple or list of these, of which one
#: is enough.
_NameTest: TypeAlias = str | Regex | Sequence[str | Regex]

#: A name test that is read back: most are globs. `Any` stands for a `Regex`, or a tuple: code that
#: knows of globs only goes on to be checked as before.
_NameTestRead: TypeAlias = str | Any

#: A directory's pattern, as itself or as text, or a tuple or list of these, of which one is enough.
_DirectoryTest: TypeAlias = FileStructurePattern | str | Sequence[FileStructurePattern | str]

#: What became of a requirement: its number among those of its pattern, in the order of the keys of
#: pattern JSON; the answer (0 met, 1 missing, 2 unknown, 3 absent); the first ten names that count,
#: and how many there are; why something came closest, and its path; and what became of a
#: sub-directory: the number of the alternative that it was held against, whether it is empty, and
#: the findings.
_RawFinding: TypeAlias = tuple[
    int,
    int,
    tuple[str, ...],
    int,
    str | None,
    str | None,
    tuple[int, bool, tuple[_RawFinding, ...]] | None,
]

#: The version of the distribution, that of `pathvein` as well.
__version__: str

@final
class PatternMatcher:
    """Name globs and regular expressions compiled into one set.

    A glob means exactly what it means to `fnmatch.fnmatchcase`, and a `Regex` what it means in a
    pattern. Each name is matched whole, as its code points; a matcher is not changed after it is
    made, and can be used from any number of threads at once.

    Args:
        patterns: One glob or `Regex`, or an iterable of them. Order and duplicates are kept;
            without any, no name matches.

    Raises:
        TypeError: `patterns` is neither, or one of its items is neither `str` nor `Regex`.

    Example:
        >>> matcher = PatternMatcher(["*.csv", "run_*", Regex(r"\\d+")])
        >>> matcher.matches("run_7.csv"), matcher.matches("12"), matcher.matches("README")
        (True, True, False)
    """

    def __new__(cls, patterns: str | Regex | Iterable[str | Regex]) -> Self: ...
    def matches(self, name: _Name) -> bool:
        """Whether the name passes any."""

    def matches_all(self, name: _Name) -> bool:
        """Whether the name passes all: true if there are none."""

    def matching_patterns(self, name: _Name) -> list[str | Any]:
        """Those that the name passes, in the order given."""

    def match_many(self, names: Iterable[_Name]) -> int:
        """An int whose bit ``i`` says whether ``names[i]`` passes any.

        Example:
            >>> bin(PatternMatcher("*.csv").match_many(["a.csv", "b.txt", "c.csv"]))
            '0b101'
        """

    def matched_patterns(self, names: Iterable[_Name]) -> int:
        """An int whose bit ``j`` says whether any of the names passes the pattern ``j``.

        Example:
            >>> bin(PatternMatcher(["*.csv", "*.txt", "run_*"]).matched_patterns(["a.txt"]))
            '0b10'
        """

    def __len__(self) -> int:
        """How many there are, duplicates included."""

    def __eq__(self, other: object, /) -> bool:
        """Whether the other is a matcher of the same in the same order."""

    def __hash__(self) -> int: ...

@final
class ExcludeRules:
    """Path globs of the entries that a scan takes to be absent.

    Args:
        rules: One rule, an iterable of them, or `None` for no rules.

    Raises:
        TypeError: `rules` is none of these, or one of its items is no `str`.
        ValueError: A rule is no valid path glob, is empty or holds a lone surrogate; the
            message names it.

    Example:
        >>> rules = ExcludeRules([".git/", "/raw/*.tmp"])
        >>> rules.is_excluded("sub/.git", True), rules.is_excluded("raw/deep/a.tmp", False)
        (True, False)
    """

    def __new__(cls, rules: str | Iterable[str] = ()) -> Self: ...
    def is_excluded(self, path: str, is_directory: bool) -> bool:
        """Whether the entry at a path relative to the source is excluded itself.

        The directories that the entry is in are not looked at: an excluded directory is not
        entered.

        Args:
            path: The entry's path. The empty path is the source, which is never excluded.
            is_directory: Whether the entry is a directory, or a link to one.
        """

    def check_source(self, source: str, holds: Callable[[str], bool] | None = None) -> None:
        """Refuse rules that begin with the source's own path and so can match nothing.

        Such a rule is fine if the source holds something of that path.

        Args:
            source: The source's path.
            holds: Tells whether a source that is not on a disk holds a path relative to it.
                What it raises is raised.

        Raises:
            ValueError: There is such a rule; the message says what to write.
        """

    def __bool__(self) -> bool:
        """Whether there are any rules."""

@final
class Regex:
    """A regular expression for names, held against a whole name.

    It stands wherever a glob may stand in a pattern. Equal ones have the same text.

    Args:
        pattern: The expression, in the syntax of the Rust crate `regex`: no look-around and no
            back-references. ``.`` and classes stand for characters, and a name that is not UTF-8
            passes none. ``(?i)`` in front ignores case.

    Raises:
        TypeError: It is no `str`.
        ValueError: It is no regular expression, its text has more than 8 KiB, or it takes more
            than 1 MiB when it is compiled.

    Example:
        >>> run = FileStructurePattern(Regex(r"run_\\d+"), [Regex(r"v\\d\\.csv"), "README"])
        >>> run.directory_name
        Regex('run_\\\\d+')
        >>> PatternMatcher(run.all_files).matches("v1.csv")
        True
    """

    def __new__(cls, pattern: str) -> Regex: ...
    @property
    def pattern(self) -> str:
        """The expression's text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Regex: ...
    def __deepcopy__(self, _memo: Any) -> Regex: ...

@final
class Files:
    """An item of a pattern's ``files``: how many files must pass a name test.

    It is read back as its name test where the numbers say nothing, which is at least one.

    Args:
        name: A glob, a `Regex`, or a tuple or list of these, of which one is enough.
        min: How many files must pass it at least; 0 asks for none.
        max: How many may pass it. `None`: any number.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A number is negative or above 4,294,967,295, `min` is above `max`, or there
            are no alternatives.

    Example:
        >>> tables = Files(("*.csv", "*.tsv"), min=3)
        >>> tables
        Files(('*.csv', '*.tsv'), min=3)
        >>> FileStructurePattern(files=[tables, Files("README*", max=1), Files("a")]).files
        (Files(('*.csv', '*.tsv'), min=3), Files('README*', max=1), 'a')
    """

    def __new__(cls, name: _NameTest, min: int = 1, max: int | None = None) -> Files: ...  # noqa: A002
    @property
    def name(self) -> _NameTestRead:
        """The test of the files' names."""

    @property
    def min(self) -> int:
        """How many files must pass it at least."""

    @property
    def max(self) -> int | None:
        """How many may pass it; None if there is no limit."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Files: ...
    def __deepcopy__(self, _memo: Any) -> Files: ...

@final
class Directories:
    """An item of a pattern's ``directories``: how many sub-directories must match.

    It is read back as its pattern, or as a tuple of its patterns, where the numbers say nothing,
    which is at least one.

    Args:
        directory: A pattern, pattern text, or a tuple or list of these, of which one is enough.
            Patterns are copied.
        min: How many sub-directories must match at least; 0 asks for none.
        max: How many may match. `None`: any number.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A number is negative or above 4,294,967,295, `min` is above `max`, there are
            no alternatives, or a text is no pattern.

    Example:
        >>> scan = FileStructurePattern("scan_*", ["*.nii"])
        >>> Directories(scan, min=2)
        Directories(FileStructurePattern('scan_*', files=['*.nii']), min=2)
        >>> FileStructurePattern(directories=[Directories(scan)]).directories == (scan,)
        True
    """

    def __new__(
        cls,
        directory: _DirectoryTest,
        min: int = 1,  # noqa: A002
        max: int | None = None,  # noqa: A002
    ) -> Directories: ...
    @property
    def directory(self) -> FileStructurePattern | Any:
        """The pattern, or a tuple of several of which one is enough."""

    @property
    def min(self) -> int:
        """How many sub-directories must match at least."""

    @property
    def max(self) -> int | None:
        """How many may match; None if there is no limit."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Directories: ...
    def __deepcopy__(self, _memo: Any) -> Directories: ...

@disjoint_base
class FileStructurePattern:
    """A directory's structure: its name, and the files and directories it holds.

    The base of :class:`pathvein.FileStructurePattern`, which is the one to use and has the full
    documentation. Data, JSON, equality and hash are here; methods that do I/O are there.

    Args:
        directory_name: A name test. ``None``, ``""`` and ``"*"`` mean any name, and are unequal.
        files: What is required of the files.
        directories: What is required of the sub-directories.
        optional_files: Name tests of files that may be there.
        optional_directories: Patterns of sub-directories that may be there.
        forbidden_files: Name tests of files that may not be there.
        forbidden_directories: Patterns of sub-directories that may not be there.
        closed: Whether nothing else may be there.

    Raises:
        TypeError: An argument, or an item of one, is of the wrong type.
        ValueError: The pattern nests more than 128 levels deep; the root is level 1. Or its
            regular expressions take more than 16 MiB together. Or there are no alternatives in a
            tuple. The message names the place.
    """

    def __new__(
        cls,
        directory_name: _NameTest | None = "*",
        files: Iterable[_NameTest | Files] = (),
        directories: Iterable[_DirectoryTest | Directories] = (),
        optional_files: Iterable[_NameTest] = (),
        optional_directories: Iterable[FileStructurePattern | str] = (),
        forbidden_files: Iterable[_NameTest] = (),
        forbidden_directories: Iterable[FileStructurePattern | str] = (),
        closed: bool = False,
    ) -> Self: ...
    @property
    def directory_name(self) -> _NameTestRead | None:
        """The test of the directory's name; None, "" and "*" mean any name."""

    @directory_name.setter
    def directory_name(self, value: _NameTest | None) -> None: ...
    @property
    def files(self) -> tuple[_NameTestRead, ...]:
        """What is required of the files: name tests, and `Files`."""

    @files.setter
    def files(self, value: Iterable[_NameTest | Files]) -> None: ...
    @property
    def directories(self) -> tuple[Self | Any, ...]:
        """What is required of the sub-directories: patterns, tuples of these, `Directories`."""

    @directories.setter
    def directories(self, value: Iterable[_DirectoryTest | Directories]) -> None: ...
    @property
    def optional_files(self) -> tuple[_NameTestRead, ...]:
        """The tests of further files that belong to the directory."""

    @optional_files.setter
    def optional_files(self, value: Iterable[_NameTest]) -> None: ...
    @property
    def optional_directories(self) -> tuple[Self, ...]:
        """The patterns of further directories that belong to the directory."""

    @optional_directories.setter
    def optional_directories(self, value: Iterable[FileStructurePattern | str]) -> None: ...
    @property
    def forbidden_files(self) -> tuple[_NameTestRead, ...]:
        """The tests of files that may not be there."""

    @forbidden_files.setter
    def forbidden_files(self, value: Iterable[_NameTest]) -> None: ...
    @property
    def forbidden_directories(self) -> tuple[Self, ...]:
        """The patterns of directories that may not be there."""

    @forbidden_directories.setter
    def forbidden_directories(self, value: Iterable[FileStructurePattern | str]) -> None: ...
    @property
    def closed(self) -> bool:
        """Whether nothing else may be there."""

    @closed.setter
    def closed(self, value: bool) -> None: ...
    @property
    def all_files(self) -> list[str | Any]:
        """The globs and regular expressions of required and optional files, each once."""

    @property
    def all_directories(self) -> list[Self]:
        """The required and optional directories' patterns, each once."""

    def set_directory_name(self, name: _NameTest | None) -> Self:
        """Sets the directory name and returns the pattern."""

    def add_file(self, file: _NameTest | Files, is_optional: bool = False) -> Self:
        """Adds a requirement of files and returns the pattern.

        With `is_optional`, adds a name test of optional files; a `Files` is a `ValueError`.
        """

    def add_files(self, files: Iterable[_NameTest | Files], is_optional: bool = False) -> Self:
        """Adds requirements of files, as `add_file` does, and returns the pattern."""

    def add_directory(
        self, directory: _DirectoryTest | Directories, is_optional: bool = False
    ) -> Self:
        """Adds a requirement of directories, with copies of its patterns; returns the pattern.

        With `is_optional`, adds a pattern of optional directories; a `Directories` is a
        `ValueError`.
        """

    def add_directories(
        self, directories: Iterable[_DirectoryTest | Directories], is_optional: bool = False
    ) -> Self:
        """Adds requirements of directories, as `add_directory` does; returns the pattern."""

    def to_json(self) -> str:
        """The pattern as JSON: one line of ASCII, as `json.dumps` would write it."""

    @classmethod
    def from_json(cls, spec_str: str) -> Self:
        """A pattern from its JSON.

        Raises:
            json.JSONDecodeError: The text is no JSON.
            ValueError: It is JSON, but no pattern; the message names the place.
        """

    def to_text(self, *, one_line: bool = False) -> str:
        """The pattern as text, without a line break at its end; `str(pattern)` is the same.

        Names are quoted only where they have to be. `from_text` reads an equal pattern back, but
        that a directory name of `None` or ``""`` becomes ``"*"``.

        Args:
            one_line: Whether it is to be on one line, if it fits in 80 columns.

        Example:
            >>> run = FileStructurePattern.from_text("run_*/{no FAILED, data/*.csv}")
            >>> print(run.to_text())
            run_*/
                no FAILED
                data/
                    *.csv
            >>> run.to_text(one_line=True)
            'run_*/{no FAILED, data/{*.csv}}'
        """

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A pattern from its text: one line an entry, a ``/`` behind directories.

        What is in a directory is indented below it, or follows in braces. ``no``, ``optional``,
        ``3``, ``3+`` and ``2-4`` stand in front of a name, ``|`` between alternatives, and
        ``nothing else`` by itself. docs/semantics.md has all of it.

        Raises:
            PatternTextError: The text is no pattern text, or has no pattern or several.

        Example:
            >>> drawn = FileStructurePattern.from_text('''
            ... run_*/
            ...     config.json
            ...     3+ *.csv       # at least three
            ...     data/
            ...         *.parquet
            ... ''')
            >>> line = "run_*/{config.json, 3+ *.csv, data/*.parquet}"
            >>> drawn == FileStructurePattern.from_text(line)
            True
        """

    @classmethod
    def _all_from_text(cls, text: str) -> list[Self]:
        """The patterns of a text that holds one or several, in their order.

        Raises:
            PatternTextError: The text is no pattern text, or has no pattern.
        """

    @staticmethod
    def _places_in_text(text: str) -> list[list[tuple[str, int]]]:
        """Where the parts of the patterns of a text stand: of each pattern places, with offsets.

        Raises:
            PatternTextError: The text is no pattern text, or has no pattern.
        """

    def __str__(self) -> str:
        """The pattern as text."""

    def validate(self) -> list[tuple[str, str, str]]:
        """What can never match or adds nothing: place, message, severity."""

    def __eq__(self, other: object, /) -> bool:
        """Whether the other says the same in the same order, whatever its class."""

    def __hash__(self) -> int:
        """A hash of the contents: it changes with them."""

    def __copy__(self) -> Self:
        """A copy that can be changed."""

    def __deepcopy__(self, memo: Any) -> Self:
        """A copy that can be changed."""

class PatternTextError(ValueError):
    """Text that is no pattern text.

    The message says what would be right, and shows the line with a caret below the place.

    Example:
        >>> try:
        ...     FileStructurePattern.from_text("run_*/\\n    data\\n        *.csv")
        ... except PatternTextError as error:
        ...     print(error)
        this "data" has something indented below it: write "data/": line 2 column 5
            data
            ^
    """

    #: The line, from 1.
    line: int
    #: The column, in code points from 1.
    column: int
    #: The offset in the text, in code points from 0.
    offset: int

@final
class Plan:
    """What is copied of a match on this machine, for copies whose data goes through Python.

    It is made at once, and holds the match's directory open. On Unix only.

    Args:
        source: The match, followed if it is a link. That the pattern takes it is not asked.
        pattern: What belongs.
        links: ``"follow"``: the content of links to files is copied. ``"keep"``: links are kept
            that are relative and lead to a file that is copied, too.
        exclude: What to leave out. `None`: nothing.
        exclude_base: The directory that the rules are relative to, at or above the source.
            `None`: the source.
        one_file_system: Whether mount points in it are skipped.

    Raises:
        OSError: The source is no directory or cannot be read, or something in it that may belong
            cannot be looked at: a plan is never silently smaller.
        ValueError: `links` is neither.

    Example:
        >>> import os, tempfile
        >>> run = tempfile.mkdtemp()
        >>> with open(f"{run}/a.csv", "w") as file:
        ...     _ = file.write("1,2")
        >>> os.symlink("nowhere", f"{run}/b.csv")
        >>> plan = Plan(run, FileStructurePattern("*", ["*.csv"]))
        >>> plan.directories, plan.files(), plan.skipped
        ([''], [('a.csv', 3)], [('b.csv', 'broken link')])
        >>> with os.fdopen(plan.open("a.csv")) as file:
        ...     file.read()
        '1,2'
    """

    def __new__(
        cls,
        source: str | os.PathLike[str],
        pattern: FileStructurePattern,
        *,
        links: str = "follow",
        exclude: ExcludeRules | None = None,
        exclude_base: str | os.PathLike[str] | None = None,
        one_file_system: bool = False,
    ) -> Self: ...
    @property
    def directories(self) -> list[str]:
        """The relative paths of the directories, each after its parent.

        The first is that of the match itself, ``""``.
        """

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """What would belong by its name and is not copied, each as relative path and reason."""

    def files(self) -> list[tuple[str, int]]:
        """The files, each as relative path and size. The size of a link that is kept is 0."""

    def open(self, path: str | os.PathLike[str]) -> int:
        """Opens a file for reading, and returns its descriptor, which is the caller's to close.

        Each component of the path is opened by itself, relative to the one before it and not
        through links, so that nothing outside of the match is opened whatever was exchanged
        meanwhile. Links that are files of the plan are followed, to a regular file. Anything
        else, such as a fifo, is refused and not waited for.

        Raises:
            OSError: It cannot be opened, or is no regular file.
        """

@final
class Selection:
    """What belongs to one match, asked of a tree whose listings come from the caller.

    The match itself is directory 0. The caller lists it, then each directory that `listed`
    names, in any order, and then asks what was selected. Whether the match itself matches the
    pattern is not asked. A number that was given to no directory, or whose listing was given
    already, is ignored.

    Args:
        pattern: The pattern that is matched. It is compiled once for many selections.

    Example:
        >>> data = FileStructurePattern("data", ["*.parquet"])
        >>> run = FileStructurePattern("run_*", ["config.json"], optional_directories=[data])
        >>> selection = Selection(run)
        >>> selection.listed(0, [("data", True), ("cache", True)], ["config.json"])
        [(0, 1)]
        >>> selection.listed(1, [], ["a.parquet", "b.tmp"])
        []
        >>> selected = selection.finish()
        >>> selected.has_directory(1), selected.files(1, ["a.parquet", "b.tmp"])
        (True, [0])
    """

    def __new__(cls, pattern: FileStructurePattern) -> Self: ...
    def listed(
        self,
        directory: int,
        directories: Sequence[tuple[_Name, bool]],
        files: Sequence[_Name],
    ) -> list[tuple[int, int]]:
        """Gives the listing of a directory.

        Args:
            directory: The directory, by its number.
            directories: Its sub-directories, each with whether it may be entered. One that may
                not, such as a link to a directory, counts by its name and never belongs.
            files: Its other entries.

        Returns:
            The sub-directories that may belong and are to be listed next, each as index in
            `directories` and number.

        Raises:
            RuntimeError: It is finished.
        """

    def not_listed(self, directory: int) -> None:
        """Tells that a directory exists and cannot be listed: it does not belong.

        Raises:
            RuntimeError: It is finished.
        """

    def absent(self, directory: int) -> None:
        """Tells that a directory does not exist any more.

        Raises:
            RuntimeError: It is finished.
        """

    def finish(self) -> Selected:
        """What belongs, once all directories are listed. This ends the selection.

        A directory that is not listed yet does not belong, nor does what depends on it.

        Raises:
            RuntimeError: It is finished already.
        """

@final
class Selected:
    """What belongs to a match: the answer of a `Selection`."""

    def has_directory(self, directory: int) -> bool:
        """Whether a directory belongs, by its number. The match itself, 0, does."""

    def files(self, directory: int, names: Sequence[_Name]) -> list[int]:
        """The indices of those names whose files, in this directory, belong."""

    def names_directory(self, directory: int, name: _Name) -> bool:
        """Whether a sub-directory of this name would belong if it matched.

        This is what is told of links to directories: they are named as skipped where they would
        belong.
        """

@final
class Stats:
    """How far a scan or a walk has come. The counts are exact once it has ended."""

    def __new__(
        cls,
        directories: int = 0,
        entries: int = 0,
        matches: int = 0,
        errors: int = 0,
        links_not_followed: int = 0,
        requests: int = 0,
        keys: int = 0,
        retries: int = 0,
        hidden_by_links: int = 0,
        skipped: int = 0,
        threads: int = 0,
        inventory_date: datetime | None = None,
    ) -> Self: ...
    @property
    def directories(self) -> int:
        """Directories listed. Those that were `skipped` are not among them."""

    @property
    def entries(self) -> int:
        """Entries listed. Directories are included, excluded entries are left out."""

    @property
    def matches(self) -> int:
        """Matches found; 0 for a walk."""

    @property
    def errors(self) -> int:
        """Things that went wrong."""

    @property
    def links_not_followed(self) -> int:
        """Links to directories that were not entered because `follow_links` was not set.

        Only those that were looked at: what a link leads to is not asked for unless a pattern
        asks for its name.
        """

    @property
    def requests(self) -> int:
        """Requests sent to a remote store."""

    @property
    def keys(self) -> int:
        """Keys listed by a remote store that is listed flat, wanted or not."""

    @property
    def retries(self) -> int:
        """Requests that were sent again, as the store did not answer. They are part of the
        requests.
        """

    @property
    def hidden_by_links(self) -> int:
        """Matches that failed for nothing but links that were not followed; 0 for a walk.

        Such a directory matches its pattern in everything but required directories, at whatever
        level, that are there as links. What is behind these, nobody has looked at.
        """

    @property
    def skipped(self) -> int:
        """Local directories that were not opened: nothing asked what is in them, and their link
        count told that no directory is. What else is in them is not counted. 0 for a walk.
        """

    @property
    def threads(self) -> int:
        """The most threads that were at work at a time; 0 where nothing local is read."""

    @property
    def inventory_date(self) -> datetime | None:
        """When the provider began to list the bucket, in UTC, if an inventory is read: what came
        later is not in it. `None` for everything else.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Copy:
    """A copy of matches from local directories to others. Nothing is written before the first
    `next_batch`, or `start`. Dropping it stops the copy.

    A destination appears whole or not at all: it is built beside itself, as
    ``.NAME.pathvein-RANDOM``, and renamed. With `overwrite`, a directory that is there is merged
    into, file by file. Matches are copied side by side, and one that fails does not touch the
    others.

    Args:
        matches: For each match its source, the destination that it is copied to (not into), and
            the pattern that says what belongs to it.
        overwrite: Merge into destinations that are directories, instead of skipping them.
        dryrun: Only find out what would be copied.
        threads: How many threads. `None`: as many as there are processors.
        fsync: Flush all to the disk before it gets its final name.
        links: ``"follow"``: links to files are copied as the files that they lead to.
            ``"keep"``: as links, if they lead inside the match.
        exclude: What to leave out.
        exclude_base: The directory that `exclude` is relative to. `None`, and for matches that
            are not in it: each match itself.
        one_file_system: Whether mount points in a match are skipped.
        totals: Look at all matches before the first is copied, so that `progress` can tell how
            much there is.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `links` is neither.

    Example:
        >>> from tempfile import mkdtemp
        >>> source = mkdtemp()
        >>> copy = Copy([(source, source + ".copy", FileStructurePattern())], dryrun=True)
        >>> copy.next_batch(10)[0]
        [(0, 'copied', 0, 0, [], [], [])]
    """

    def __new__(
        cls,
        matches: Sequence[
            tuple[str | os.PathLike[str], str | os.PathLike[str], FileStructurePattern]
        ],
        *,
        overwrite: bool = False,
        dryrun: bool = False,
        threads: int | None = None,
        fsync: bool = False,
        links: str = "follow",
        exclude: ExcludeRules | None = None,
        exclude_base: str | os.PathLike[str] | None = None,
        one_file_system: bool = False,
        totals: bool = False,
    ) -> Self: ...
    def conflicts(self) -> list[tuple[int, int]]:
        """The matches that are not copied since another has the same destination: the index of
        each, and the index of the one that is copied, the first by its source.
        """

    def divide(
        self,
    ) -> tuple[
        list[list[int]],
        list[tuple[int, str, int, int, list[tuple[str, str]], list[OSError], list[str]]],
    ]:
        """Divides it into copies that can be made apart, by other processes too.

        Returns:
            Groups of indices of matches that have to do with each other, each to be copied by
            one `Copy` that has them in this order; and what became of the matches that are in
            none, as `next_batch` tells it. Both are empty once it is started or closed.
        """

    def start(self) -> None:
        """Starts to copy, unless that was done.

        Raises:
            OSError: No threads can be started.
        """

    def next_batch(
        self, seconds: float
    ) -> tuple[
        list[tuple[int, str, int, int, list[tuple[str, str]], list[OSError], list[str]]], bool
    ]:
        """Waits at most so many seconds for matches. Starts the copy, if that was not done.

        Signals are looked for while it waits, so Ctrl-C is a `KeyboardInterrupt` here.

        Returns:
            What became of some matches, in the order in which that was known; and whether that
            were all. For each, a tuple of

            - its index in `matches`;
            - ``"copied"``; ``"exists"``, if something is at the destination and was not to be
              changed; ``"conflict"``, if another match has the same destination; or
              ``"failed"``;
            - how many files and how many bytes were copied, 0 unless it was;
            - what belongs to it and cannot be copied, each with a path relative to the source
              and the reason in words;
            - what went wrong, if it failed;
            - then also the files of the destination that were replaced before that.

        Raises:
            OSError: No threads can be started.
            RuntimeError: The process is a fork of the one in which the copy was started.
        """

    def progress(self) -> tuple[int, int, int, int]:
        """Files and bytes that were copied, and files and bytes that are known to be copied in
        all. Without `totals` the third grows as matches are begun, and the fourth is 0, but for
        a dry run.
        """

    def close(self) -> None:
        """Stops the copy, and waits until what is not whole is removed. What was not taken is
        lost.
        """

@final
class Staging:
    """A directory that is built from what the caller puts into it, as `Copy` builds its own: it
    appears whole or not at all. Dropping it before `commit` removes what was built.

    Paths are relative, with ``/`` between the components. No link is followed, so nothing outside
    the destination is ever written.

    Args:
        destination: What is built. Missing directories above it are made.
        overwrite: Merge into it if it is a directory: each file is written beside its place and
            renamed over what was there.
        fsync: Flush all to the disk before it gets its final name.

    Raises:
        FileExistsError: Something is there, and `overwrite` is false.
        OSError: Nothing can be made there.

    Example:
        >>> import os, tempfile
        >>> destination = os.path.join(tempfile.mkdtemp(), "run_1")
        >>> staging = Staging(destination)
        >>> with open(staging.create("data/a.csv"), "wb") as file:
        ...     file.write(b"1,2")
        3
        >>> staging.finish("data/a.csv", None)
        >>> os.path.exists(destination)
        False
        >>> staging.commit()
        >>> os.listdir(destination)
        ['data']
    """

    def __new__(
        cls,
        destination: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        fsync: bool = False,
    ) -> Self: ...
    def make_directory(self, path: str) -> None:
        """Makes a directory, and those above it. One that is there is left as it is.

        Raises:
            OSError: It cannot be made; `EINVAL` for a path with a component that is empty, ``.``
                or ``..``, or with a NUL.
        """

    def create(self, path: str) -> int:
        """Makes a file, and directories above it that are missing.

        Returns:
            A descriptor that is open for writing, for the caller to close.

        Raises:
            OSError: As for `make_directory`, and `FileExistsError` if it was made already.
        """

    def finish(self, path: str, mtime_ns: int | None) -> None:
        """Tells that a file is written. With `overwrite`, it then takes its place.

        Args:
            path: As it was given to `create`.
            mtime_ns: The modification time in nanoseconds since 1970. `None`: now.

        Raises:
            OSError: It failed, and the file is removed; or no such file is being written
                (`EINVAL`).
        """

    def commit(self) -> None:
        """Gives the directory its final name.

        Raises:
            FileExistsError: Something came to the destination meanwhile.
            OSError: It failed, or a file is not finished (`EINVAL`). What was built is removed.
        """

    def abandon(self) -> None:
        """Removes what was built so far. What was replaced stays."""

    @property
    def replaced(self) -> list[str]:
        """The files of the destination that were replaced so far."""

@final
class Scan:
    """A running scan of a local tree. Dropping it stops the workers.

    Args:
        source: The top of the tree.
        patterns: What to look for. Of equal patterns, the first stands for all.
        exclude: What to leave out.
        max_depth: How deep a match may start; 0 is the source alone. `None`: no limit.
        follow_links: Enter links to directories.
        one_file_system: Stay on the source's file system.
        outermost: Find only matches above which, up to the source, nothing matches.
        check: Tell of each candidate what it lacks.
        explain: Tell of the source alone what became of each requirement of the one pattern.
        threads: How many threads. `None`: found while it runs.
        leaf_skip: Whether a directory that nothing asks to look into is left unopened where its
            link count tells that there is no directory in it. Matches are the same either way.
            Without effect if links are followed, and if `explain` is set.
        trust_link_counts: Whether link counts are trusted on all file systems, also on those of
            which it is not known that they keep them.

    Raises:
        OSError: The source does not exist, is no directory or cannot be read, or no threads
            can be started.
    """

    def __new__(
        cls,
        source: str | os.PathLike[str],
        patterns: Sequence[FileStructurePattern],
        *,
        exclude: ExcludeRules | None = None,
        max_depth: int | None = None,
        follow_links: bool = False,
        one_file_system: bool = False,
        outermost: bool = False,
        check: bool = False,
        explain: bool = False,
        threads: int | None = None,
        leaf_skip: bool = True,
        trust_link_counts: bool = False,
    ) -> Self: ...
    def next_batch(self, seconds: float) -> tuple[list[Any], list[OSError], bool]:
        """Waits at most so many seconds for results.

        Signals are looked for while it waits, so Ctrl-C is a `KeyboardInterrupt` here.

        Returns:
            The matches, each as path and position of the pattern, with `check` and `explain` also
            the findings; the errors; and whether the scan has ended. Both lists are empty if
            nothing came in time. A check has findings of what does not hold.
        """

    def stats(self) -> Stats:
        """How far it has come."""

    def close(self) -> None:
        """Stops the workers and waits for them. Results that were not taken are lost."""

@final
class Walk:
    """A running walk of a local tree. Dropping it stops the workers.

    Args:
        source: The top of the tree. All paths begin with it as it was given.
        exclude: What to leave out.
        max_depth: The depth of the deepest directories to list; 0 is the source alone. `None`:
            no limit.
        follow_links: Enter links to directories.
        one_file_system: Stay on the source's file system.
        threads: How many threads. `None`: found while it runs.

    Raises:
        OSError: The source does not exist, is no directory or cannot be read, or no threads
            can be started.
    """

    def __new__(
        cls,
        source: str | os.PathLike[str],
        *,
        exclude: ExcludeRules | None = None,
        max_depth: int | None = None,
        follow_links: bool = False,
        one_file_system: bool = False,
        threads: int | None = None,
    ) -> Self: ...
    def next_batch(
        self, seconds: float
    ) -> tuple[list[tuple[str, list[str], list[str]]], list[OSError], bool]:
        """Waits at most so many seconds for listings.

        Returns:
            The listings, each as path, directory names and file names; the errors; and whether
            the walk has ended. Both lists are empty if nothing came in time.
        """

    def stats(self) -> Stats:
        """How far it has come."""

    def close(self) -> None:
        """Stops the workers and waits for them. Results that were not taken are lost."""

class _Keyed:
    """The methods that KeyScan and KeyWalk share."""

    def whole(self) -> int:
        """The range of all keys."""

    def split(self, range_id: int, at: str) -> int:
        """Splits a range at a key. The range keeps the keys before `at`.

        Args:
            range_id: A range that has not ended.
            at: Any text that comes after all keys that the range was given, and before its end.
                It may be the last prefix that the range was given.

        Returns:
            The range of the rest, `at` included.

        Raises:
            ValueError: `at` does not lie in what is left of the range, or the range has ended.
        """

    def keys(self, range_id: int, keys: Sequence[str]) -> None:
        """Takes the next keys of a range.

        Args:
            range_id: A range that has not ended.
            keys: Keys relative to the source, sorted by code points, each once. A key that ends
                in a slash is a directory's marker.

        Raises:
            ValueError: A key is out of order, or outside its range, or no Unicode text; or the
                range has ended. None of the keys has been taken then.
        """

    def prefix(self, range_id: int, prefix: str) -> bool:
        """Takes a directory that a listing has in the place of the keys in it. It exists.

        Args:
            range_id: A range that has not ended.
            prefix: The prefix of all keys of the directory, which ends in a slash.

        Returns:
            Whether anything inside is wanted. If so its keys must follow, in this range or in
            one that is split off at the prefix; if not, they may be left out.

        Raises:
            ValueError: As for `keys`.
        """

    def skip(self, range_id: int) -> str | None:
        """The prefix of the keys that may be left out next.

        It is that of the topmost directory, at the position of the range, inside which nothing
        more is wanted: it is excluded, or too deep. `None`: no keys may be left out.
        """

    def end(self, range_id: int) -> None:
        """Tells that a range was read to its end. A range that has ended is ignored."""

    def break_off(self, range_id: int) -> None:
        """Tells that the keys that are left of a range could not be read.

        Those that it was given count. But of the directories that lead to its position or to its
        end, nothing is certain that is asked not to be there. A range that has ended is ignored.
        """

    def distrust(self) -> None:
        """Tells that keys may be missing anywhere, as where they do not come in order.

        From now on nothing is certain that is asked not to be there.
        """

    def counts(self) -> tuple[int, int, int]:
        """Directories inside which something was wanted, entries of these, and keys, so far."""

@final
class KeyScan(_Keyed):
    """A scan of keys that come in sorted order, as from an object store.

    The keys may be split into ranges, each in order within itself, which come side by side. A
    match is found as soon as no range can have more keys of its directory. Only the directories
    that lead to the positions of the ranges are kept. A key with a component that is empty,
    ``.`` or ``..`` is no path: the components before that one exist.

    Args:
        patterns: What to look for. Equal patterns are each reported.
        source_name: The source's name, empty for the root of a store.
        max_depth: How deep a match may start; 0 is the source alone. `None`: no limit.
        exclude: What to leave out. `None`: nothing.
        outermost: Find only matches above which, up to the source, nothing matches. Then the keys
            of a directory that matches cease to be wanted, which `skip` tells.
        check: Tell of each candidate what it lacks.

    Example:
        >>> scan = KeyScan([FileStructurePattern("run_*", ["*.csv"])], "lab")
        >>> everything = scan.whole()
        >>> rest = scan.split(everything, "run_2/")
        >>> scan.keys(rest, ["run_2/b.txt"])
        >>> scan.keys(everything, ["notes.txt", "run_1/a.csv"])
        >>> scan.end(everything)
        >>> scan.take()
        ([('run_1', 0)], [])
    """

    def __new__(
        cls,
        patterns: Sequence[FileStructurePattern],
        source_name: str,
        max_depth: int | None = None,
        exclude: ExcludeRules | None = None,
        *,
        outermost: bool = False,
        check: bool = False,
    ) -> Self: ...
    @staticmethod
    def part(
        patterns: Sequence[FileStructurePattern],
        source_name: str,
        max_depth: int | None,
        exclude: ExcludeRules | None,
        start: bytes,
        end: bytes | None,
        *,
        outermost: bool = False,
        check: bool = False,
    ) -> KeyScan:
        """A scan of a part of the keys, which another `KeyScan` of these arguments takes.

        Args:
            start: The first key that may come.
            end: The first key beyond; `None`: there is no end.

        Returns:
            The scan. The range that it begins with is `whole`.
        """

    def left(self, range_id: int) -> tuple[bytes, bytes | None] | None:
        """What a range has left: `start` and `end` of `part`. `None` if it has ended."""

    def hand_back(self) -> bytes:
        """End a part. Returns what became of it, ranges that have not ended included."""

    def take_part(self, range_id: int, outcome: bytes) -> list[int]:
        """Take what became of a part in place of the keys that a range has left.

        Returns:
            The ranges that had not ended, in order. None if the range had.

        Raises:
            ValueError: The outcome is none, or is not of these keys, patterns and options.
        """

    def take(self) -> tuple[list[Any], list[str]]:
        """The results since the last call.

        Returns:
            The matches, each as path relative to the source, empty for the source, and position
            of the pattern, with `check` also the findings; and the keys that are no path, one for
            each directory and kind of bad component.
        """

@final
class KeyStream:
    """A scan of keys that come in sorted order, one after another.

    The keys are as for a :class:`KeyScan`, but they may be any bytes, and one that comes again is
    the same.

    Args:
        patterns, source_name, max_depth, exclude, outermost, check: As :class:`KeyScan` takes them.
        front: What may stand in front of keys and is taken off: ``"./"``, as often as it stands
            there; ``"/"``: that, or one slash, which says that the source is the root.
        implied: A key that others lie below is a directory and no file.

    Example:
        >>> stream = KeyStream([FileStructurePattern("run_*", ["*.csv"])], "", front="/")
        >>> stream.keys(["./run_1", b"./run_1/a.csv"])
        >>> stream.end()
        >>> stream.take()
        ([('run_1', 0)], [])
        >>> stream.source()
        '.'
    """

    def __new__(
        cls,
        patterns: Sequence[FileStructurePattern],
        source_name: str,
        max_depth: int | None = None,
        exclude: ExcludeRules | None = None,
        *,
        front: str = "",
        implied: bool = False,
        outermost: bool = False,
        check: bool = False,
    ) -> Self: ...
    def keys(self, keys: Sequence[str | bytes]) -> None:
        """Take the next keys.

        Text is encoded as by `os.fsencode` where that is UTF-8. Raises `ValueError` for the first
        key that is out of order, or has no slash in front where others have one; those before it
        have been taken.
        """

    def arrow(self, offsets: Buffer, values: Buffer, *, wide: bool) -> None:
        """Take the next keys from Arrow's memory.

        Args:
            offsets: Where keys end, and before that where the first begins: numbers of 32 bits,
                or if `wide` of 64.
            values: The bytes of the keys, from the first of them on.
        """

    def sorted(self, sorter: KeySorter, first: int, count: int) -> None:
        """Take the keys of a sorter at some places."""

    def end(self) -> None:
        """Tell that all keys were given."""

    def source(self) -> str:
        """The source as the keys so far have it: ``"/"``, ``"."`` or nothing."""

    def counts(self) -> tuple[int, int, int]:
        """Directories, entries and keys so far."""

    def take(self) -> tuple[list[Any], list[str]]:
        """The results since the last call, as :meth:`KeyScan.take` has them."""

@final
class KeySorter:
    """Sorts keys in memory for a :class:`KeyStream`.

    Args:
        front: What is taken off the front of keys, as a `KeyStream` takes it.
    """

    def __new__(cls, front: str = "") -> Self: ...
    def keys(self, keys: Sequence[str | bytes]) -> None:
        """Add keys, as :meth:`KeyStream.keys` takes them, in any order."""

    def arrow(self, offsets: Buffer, values: Buffer, *, wide: bool) -> None:
        """Add keys from Arrow's memory, as :meth:`KeyStream.arrow` takes them."""

    def __len__(self) -> int: ...
    def size(self) -> int:
        """How many bytes the keys take."""

    def sort(self) -> None:
        """Put the keys in the order of their bytes."""

    def copy(self, first: int, count: int) -> tuple[bytes, bytes]:
        """The keys at some places as Arrow's ``large_binary`` has them: offsets and values."""

    def clear(self) -> None:
        """Remove all keys. What stood in front of them is known still."""

    def source(self) -> str:
        """The source as the keys have it, as :meth:`KeyStream.source` tells."""

@final
class KeyWalk(_Keyed):
    """A walk of keys that come in sorted order, as for a :class:`KeyScan`.

    Args:
        max_depth: The depth of the deepest directories to list; 0 is the source alone. `None`: no
            limit.
        exclude: What to leave out. `None`: nothing.

    Example:
        >>> walk = KeyWalk()
        >>> everything = walk.whole()
        >>> walk.keys(everything, ["notes.txt", "run_1/a.csv"])
        >>> walk.end(everything)
        >>> walk.take()
        ([('run_1', [], ['a.csv']), ('', ['run_1'], ['notes.txt'])], [])
    """

    def __new__(cls, max_depth: int | None = None, exclude: ExcludeRules | None = None) -> Self: ...
    def take(self) -> tuple[list[tuple[str, list[str], list[str]]], list[str]]:
        """The results since the last call.

        Returns:
            The directories whose keys were all given, in no particular order, each as path
            relative to the source, empty for the source, directory names and file names; and the
            keys that are no path, one for each directory and kind of bad component.
        """

def read_list_page(body: bytes, /) -> tuple[list[str], list[str], str | None] | None:
    """Reads a page of keys as S3 sends it: an answer to ``ListObjectsV2``.

    Args:
        body: The body of a response with status 200.

    Returns:
        The keys, the common prefixes and the continuation token of the next page (`None`: this is
        the last). `None` if it is no whole listing, or not written as stores usually do: then an
        XML reader must tell. In names that are not UTF-8 each such byte is a lone surrogate.

    Example:
        >>> read_list_page(
        ...     b"<ListBucketResult><IsTruncated>false</IsTruncated>"
        ...     b"<Contents><Key>run_1/a.csv</Key></Contents></ListBucketResult>"
        ... )
        (['run_1/a.csv'], [], None)
    """

@final
class ListingScan:
    """A scan whose listings come from the caller.

    The scan names the directories whose listings it wants, by id. The caller gives each listing
    once, in any order (`listed`), or says why it cannot (`not_listed`, `not_entered`, `absent`).
    An id that is not, or not any more, that of a wanted directory is ignored.

    Args:
        patterns: What to look for. Of equal patterns the first is reported.
        max_depth: How deep a match may start; 0 is the source alone. `None`: no limit.
        telling_unknown: Whether `take_unknown` tells what cannot be told.
        outermost: Find only matches above which, up to the source, nothing matches. Then a
            directory may cease to be wanted, which `is_wanted` tells.
        check: Whether `take_checked` tells of each candidate what it lacks.
        explain: Whether it tells of the source alone what became of each requirement of the one
            pattern.

    Example:
        >>> scan = ListingScan([FileStructurePattern("run_*", ["*.csv"])])
        >>> source = scan.source("lab")
        >>> [(index, run_1)] = scan.listed(source, "lab", [("run_1", True)], ["notes.txt"])
        >>> scan.listed(run_1, "lab/run_1", [], ["a.csv"])
        []
        >>> scan.take_matches()
        [('lab/run_1', 0)]
    """

    def __new__(
        cls,
        patterns: Sequence[FileStructurePattern],
        max_depth: int | None = None,
        *,
        telling_unknown: bool = False,
        outermost: bool = False,
        check: bool = False,
        explain: bool = False,
    ) -> Self: ...
    def is_wanted(self, directory: int) -> bool:
        """Whether a directory is wanted still. If not, it must not be listed any more."""

    def feeds_another(self, directory: int) -> bool:
        """Whether the answer of a directory above depends on this one.

        Of the outermost matches, those are best listed first.
        """

    def source(self, name: _Name) -> int:
        """Adds a source of this name, and returns its id.

        The name is the last component of the source's path, empty for the root of a store.
        """

    def at(self, subtree: bytes, name: _Name, tag: Any) -> list[tuple[int, int]]:
        """Begins with a sub-tree in place of a source.

        Nothing is taken of what is found then: it is handed back.

        Args:
            subtree: What `DividedScan.subtree` gave, of the same patterns and options.
            name: The name of the source.
            tag: The tag of the directory in which the roots are. It lists nothing here.

        Returns:
            The roots that are wanted, each as index among the names that `read_subtree` gives, and
            id. Of the source, the index is 0.

        Raises:
            ValueError: It is no sub-tree of these patterns, or the scan has begun already.
        """

    def hand_back(self) -> bytes:
        """Ends a scan that began with a sub-tree, and returns what became of it.

        What is wanted still is left. Tags are names: paths relative to the directory in which the
        roots are (of the source, to that), with `/` between components.
        """

    def listed(
        self,
        directory: int,
        tag: Any,
        directories: Sequence[tuple[_Name, bool]],
        files: Sequence[_Name],
        *,
        whole: bool = True,
    ) -> list[tuple[int, int]]:
        """Gives the listing of a wanted directory.

        A name that stands twice in one of the lists counts once.

        Args:
            directory: The directory, by its id.
            tag: An object that comes back with a match of the directory, such as its path.
            directories: Its sub-directories, each with whether it may be entered. A link that
                is not followed may not.
            files: Its other entries. One whose kind could not be told is among them.
            whole: Whether the listing was read to its end, and the kind of each entry could be
                told. If not, nothing is certain that is asked not to be there.

        Returns:
            The sub-directories that are wanted, each as index in `directories` and id.
        """

    def not_listed(self, directory: int) -> None:
        """Tells that a wanted directory exists and could not be listed.

        It is present by its name, and what is inside cannot be told.
        """

    def not_entered(self, directory: int) -> None:
        """Tells that a wanted directory exists and may not be entered: it counts as empty."""

    def absent(self, directory: int) -> None:
        """Tells that a wanted directory does not exist any more."""

    def hidden_by_links(self) -> int:
        """How many matches failed so far for nothing but directories that may not be entered."""

    def take_matches(self) -> list[tuple[Any, int]]:
        """The matches since the last call, each as tag and position of the pattern."""

    def take_checked(self) -> list[tuple[Any, int, tuple[_RawFinding, ...]]]:
        """What was checked since the last call, each as tag, position of the pattern and findings.

        A check has findings of what does not hold: none of what is complete, which is not among
        the matches. Empty without `check` and `explain`.
        """

    def take_unknown(self) -> list[tuple[Any, int]]:
        """What cannot be told since the last call, since something could not be listed.

        Each is a listed directory, by its tag, and the position of a pattern. Empty without
        `telling_unknown`.
        """

@final
class DividedScan:
    """A scan whose sub-trees others scan: it holds what of the tree is known, and what is left.

    Numbers stand for what is left: for the source, or for sub-directories of one directory.

    Args:
        patterns: What to look for. Of equal patterns the first is reported.
        name: The name of the source.
        max_depth: How deep a match may start; 0 is the source alone. `None`: no limit.
        base: The absolute path of a local source, with which the paths of results begin. `None`:
            they are relative to the source, and empty for the source itself.
        outermost: Find only matches above which, up to the source, nothing matches.
        check: Whether `take_checked` tells of each candidate what it lacks.

    Example:
        >>> patterns = [FileStructurePattern("*", ["*.csv"])]
        >>> whole = DividedScan(patterns, "lab")
        >>> part = ListingScan(patterns)
        >>> [(_, source)] = part.at(whole.subtree(whole.source()), "lab", "")
        >>> [(_, run_1)] = part.listed(source, "", [("run_1", True)], ["a.csv"])
        >>> [(left, count)] = whole.scanned(whole.source(), part.hand_back())
        >>> read_subtree(whole.subtree(left))
        ('', ['run_1'])
        >>> whole.take_matches()
        [('', 0)]
    """

    def __new__(
        cls,
        patterns: Sequence[FileStructurePattern],
        name: _Name,
        max_depth: int | None = None,
        *,
        base: str | None = None,
        outermost: bool = False,
        check: bool = False,
    ) -> Self: ...
    def source(self) -> int:
        """The number of the source."""

    def is_wanted(self, number: int) -> bool:
        """Whether what a number stands for is wanted still."""

    def split(self, number: int, count: int) -> int | None:
        """Cuts off all but so many of the directories that a number stands for.

        Returns:
            The number of the others. `None` if there are no others, or none would be left.
        """

    def subtree(self, number: int) -> bytes | None:
        """What a number stands for, to be scanned elsewhere. `None` if it is not wanted."""

    def scanned(self, number: int, outcome: bytes) -> list[tuple[int, int]]:
        """Takes what came of a sub-tree. One that is not wanted any more is ignored.

        Returns:
            The numbers of what is left, each with how many directories it stands for.

        Raises:
            ValueError: It is no outcome of this sub-tree. Nothing is changed then.
        """

    def not_scanned(self, number: int) -> list[str]:
        """Tells that what a number stands for could not be scanned: what is inside cannot be told.

        Returns:
            The paths of these directories.
        """

    def hidden_by_links(self) -> int:
        """How many matches failed so far for nothing but directories that may not be entered."""

    def take_matches(self) -> list[tuple[str, int]]:
        """The matches since the last call, each as path and position of the pattern."""

    def take_checked(self) -> list[tuple[str, int, tuple[_RawFinding, ...]]]:
        """What was checked since the last call, each as path, position of the pattern and findings.

        Findings are of what does not hold. Empty without `check`.
        """

@final
class SubtreeScan:
    """Scans sub-trees of a local tree, for a process that divides the whole.

    Args:
        source, patterns, exclude, max_depth, follow_links, one_file_system, outermost, threads,
        check, leaf_skip, trust_link_counts: As those of `Scan`. With `threads=None` it begins with
            one.

    Example:
        >>> patterns = [FileStructurePattern("no")]
        >>> whole, part = DividedScan(patterns, ""), SubtreeScan(".", patterns)
        >>> outcome, errors, stats = part.run(whole.subtree(whole.source()), directories=1)
        >>> stats.directories
        1
    """

    def __new__(
        cls,
        source: str | os.PathLike[str],
        patterns: Sequence[FileStructurePattern],
        *,
        exclude: ExcludeRules | None = None,
        max_depth: int | None = None,
        follow_links: bool = False,
        one_file_system: bool = False,
        outermost: bool = False,
        threads: int | None = None,
        check: bool = False,
        leaf_skip: bool = True,
        trust_link_counts: bool = False,
    ) -> Self: ...
    def source(self) -> str:
        """Opens the source, and returns its path as results have it.

        Raises:
            OSError: As a `Scan` does.
        """

    def run(
        self, subtree: bytes, *, seconds: float | None = None, directories: int | None = None
    ) -> tuple[bytes, list[OSError], Stats]:
        """Scans a sub-tree to its end, or to that of its budget. Signals are looked for.

        Args:
            subtree: What `DividedScan.subtree` gave, of the same patterns and options.
            seconds: How long it may take. What was begun by then is ended.
            directories: How many directories it may visit. One is visited in any case.

        Returns:
            The outcome, for `DividedScan.scanned`; the errors; and what was counted.

        Raises:
            OSError: As a `Scan` does.
            ValueError: It is no sub-tree of these patterns.
        """

def read_subtree(subtree: bytes, /) -> tuple[str, list[str]]:
    """Reads what `DividedScan.subtree` gave.

    Returns:
        The path of the directory in which the roots are, relative to the source, and the names of
        the roots. Without names it is the source.
    """
