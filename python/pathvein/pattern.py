"""The pattern that a directory is matched against."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

import pathvein_core

from pathvein import _arguments, _types
from pathvein._types import T

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import overload

    from pathvein_core import Directories, Files, _DirectoryTest, _NameTest, _NameTestRead

    logger: logging.Logger


__all__ = ["FileStructurePattern", "Items", "PatternProblem", "load_patterns"]


class Items(tuple[T, ...]):
    """A list attribute of a pattern, read back: a tuple that equals a list of the same items.

    It is a copy. To change the pattern, use its ``add_*`` methods or assign the attribute.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(tuple(other) if isinstance(other, list) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __add__(self, other: _types.Any) -> _types.Any:
        """With a list, a list: so ``pattern.files += ["*.csv"]`` works as for a list."""
        return [*self, *other] if isinstance(other, list) else super().__add__(other)

    def __getattr__(self, name: str) -> _types.Any:
        if name in ("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"):
            raise AttributeError(
                f"a pattern's lists cannot be changed in place by {name}(): "
                "use its add_* methods, or assign a new list"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return repr(list(self))


class PatternProblem(_types.NamedTuple):
    """A finding of :meth:`FileStructurePattern.validate`."""

    #: Where in the pattern, such as ``"directories[2].files[0]"``.
    place: str
    #: What is wrong and what to do.
    message: str
    #: ``"never"``: nothing can match; ``"idle"``: it adds nothing.
    severity: str


def _items(name: str) -> property:
    """The core's attribute `name`, read back as `Items`."""
    core = getattr(pathvein_core.FileStructurePattern, name)
    return property(lambda self: Items(core.__get__(self)), core.__set__, doc=core.__doc__)


class FileStructurePattern(pathvein_core.FileStructurePattern):
    """A directory's structure: its name, and the files and directories it must hold.

    A directory matches if

    - its name passes ``directory_name``,
    - for each item of ``files`` at least one of its files passes the test, or as many as a
      :class:`Files` says,
    - for each item of ``directories`` at least one of its sub-directories matches, wholly and
      by these same rules, or as many as a :class:`Directories` says,
    - no file passes one of ``forbidden_files``, no sub-directory matches one of
      ``forbidden_directories``,
    - and, if it is ``closed``, nothing else is in it.

    Optional files and directories never decide a match: they say what belongs to it.

    A *name test* is a glob, a :class:`Regex`, or a tuple of these, of which one is enough. Globs
    have the meaning of :func:`fnmatch.fnmatchcase`: case-sensitive, ``*`` also matches leading
    dots, and there are no braces.

    Args:
        directory_name: A name test. ``None``, ``""`` and ``"*"`` mean any name, and are unequal.
        files: Name tests and :class:`Files`: what is required of the files.
        directories: Patterns, tuples of patterns of which one is enough, and
            :class:`Directories`: what is required of the sub-directories.
        optional_files: Name tests of files that may be there.
        optional_directories: Patterns of sub-directories that may be there.
        forbidden_files: Name tests of files that may not be there.
        forbidden_directories: Patterns of sub-directories that may not be there.
        closed: Whether there may be nothing else: no file that passes no test of ``files`` or
            ``optional_files``, no directory whose name passes that of no pattern in
            ``directories`` or ``optional_directories``.

    Where a pattern is expected for a sub-directory, a `str` is the text of one. Arguments are
    copied. All of them are attributes that can be assigned. Lists are read back as tuples that
    equal lists, with each item in its shortest form. Nested patterns that are read back cannot be
    changed: change a copy. Patterns sort as their JSON does.

    Raises:
        TypeError: An argument, or an item of one, is of the wrong type.
        ValueError: The pattern nests more than 128 levels deep; the root is level 1. Its regular
            expressions take more than 16 MiB together, of which even a short one counts 16 KiB.
            A tuple of alternatives is empty. A text is no pattern. The message names the place.

    Example:
        >>> data = FileStructurePattern("data", files=["*.parquet"])
        >>> run = FileStructurePattern("run_*", files=["config.json"], directories=[data])
        >>> run.files == ["config.json"]
        True
        >>> run.add_file(Files("*.csv", min=3)).files
        ['config.json', Files('*.csv', min=3)]
        >>> run.add_file(("*.nii", "*.nii.gz")).forbidden_files
        []
    """

    __slots__ = ()
    __module__ = "pathvein"

    if TYPE_CHECKING:

        @property
        def files(self) -> Items[_NameTestRead]: ...
        @files.setter
        def files(self, value: Iterable[_NameTest | Files]) -> None: ...
        @property
        def directories(self) -> Items[_types.Self | _types.Any]: ...
        @directories.setter
        def directories(self, value: Iterable[_DirectoryTest | Directories]) -> None: ...
        @property
        def optional_files(self) -> Items[_NameTestRead]: ...
        @optional_files.setter
        def optional_files(self, value: Iterable[_NameTest]) -> None: ...
        @property
        def optional_directories(self) -> Items[_types.Self]: ...
        @optional_directories.setter
        def optional_directories(
            self, value: Iterable[pathvein_core.FileStructurePattern | str]
        ) -> None: ...
        @property
        def forbidden_files(self) -> Items[_NameTestRead]: ...
        @forbidden_files.setter
        def forbidden_files(self, value: Iterable[_NameTest]) -> None: ...
        @property
        def forbidden_directories(self) -> Items[_types.Self]: ...
        @forbidden_directories.setter
        def forbidden_directories(
            self, value: Iterable[pathvein_core.FileStructurePattern | str]
        ) -> None: ...

    else:
        files = _items("files")
        directories = _items("directories")
        optional_files = _items("optional_files")
        optional_directories = _items("optional_directories")
        forbidden_files = _items("forbidden_files")
        forbidden_directories = _items("forbidden_directories")

    def __setstate__(self, state: dict[str, object]) -> None:
        """What 0.9 pickled, its five attributes; else the attributes that a subclass has."""
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __lt__(self, other: object) -> bool:
        """Patterns sort as their JSON does: so results sort by path, then by pattern."""
        if not isinstance(other, FileStructurePattern):
            return NotImplemented
        return self.to_json() < other.to_json()

    @classmethod
    def load_json(cls, json_path: str | os.PathLike[str] | _types.UPath) -> _types.Self:
        """Load a pattern from a JSON file, local or remote.

        Args:
            json_path: A path, a URL (a `str` with ``://`` or ``::``), or a UPath. The file is
                UTF-8, or UTF-16 or UTF-32 as JSON allows.

        Raises:
            FileNotFoundError: There is no such file.
            json.JSONDecodeError: The file is no JSON; the message names the file, line and column.
            ValueError: It is JSON, but no pattern; the message names the file and where in it.
        """
        from pathvein import _pattern_files

        shown, data = _pattern_files.read("json_path", json_path)
        try:
            return cls.from_json(_pattern_files.decode(data))
        except ValueError as error:
            _pattern_files.raise_named(shown, error)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | _types.UPath) -> _types.Self:
        """Load the pattern of a file, local or remote: JSON, pattern text, TOML or YAML.

        A file is what its ending says: ``.json``, ``.toml``, ``.yaml`` or ``.yml``. Any other is
        JSON if its first character is ``{``, else pattern text. TOML and YAML hold the keys of
        JSON.

        Args:
            path: A path, a URL (a `str` with ``://`` or ``::``), or a UPath. The file is
                UTF-8, or UTF-16 or UTF-32 with a byte order mark.

        Raises:
            FileNotFoundError: There is no such file.
            json.JSONDecodeError: It is no JSON, and should be.
            PatternTextError: It is no pattern text, and should be.
            ValueError: It is no TOML, no YAML or no pattern, or holds several.
            ModuleNotFoundError: It is YAML, and PyYAML is missing.

        All messages name the file, and say where in it: line and column, if the form tells them,
        and the place in the pattern.

        Example:
            >>> from pathlib import Path
            >>> _ = Path("run.toml").write_text('directory_name = "run_*"')
            >>> FileStructurePattern.load("run.toml")
            FileStructurePattern('run_*')
        """
        from pathvein import _pattern_files

        return _pattern_files.load_one(cls, path)

    @classmethod
    def learn(
        cls,
        examples: str | os.PathLike[str] | _types.UPath | Iterable[_types.Any],
        counterexamples: str | os.PathLike[str] | _types.UPath | Iterable[_types.Any] = (),
        *,
        storage_options: Mapping[str, _types.Any] | None = None,
    ) -> _types.Self:
        """Propose a pattern from directories that are right, and some that are wrong.

        Names that all the right ones have stay as they are. Where names differ in digits or in a
        part, there is a ``*``; where only the extension is the same, ``*.ext``; with the least
        number that one of them has. What only some have is optional, what only wrong ones have
        is forbidden. What systems and editors leave behind (``.DS_Store``, ``__pycache__``) is
        passed over.

        The proposal always matches all examples. It matches none of the counterexamples that
        names tell from the examples, but where only a long list of names could. It is short: of
        large directories it says what is nearest to the top.

        Args:
            examples: Directories that are to match: a path, a URL (a `str` with ``://`` or
                ``::``) or a UPath, or an iterable of these. At least one.
            counterexamples: Directories that are not to match.
            storage_options: Options for the file systems of URLs, as fsspec takes them.

        Raises:
            OSError: A directory does not exist or cannot be read, or one below that matters.
            ValueError: There is no example.

        Warns:
            UserWarning: The pattern matches some counterexamples, which are named.

        Example:
            >>> from pathlib import Path
            >>> for run in "run_1", "run_2":
            ...     (Path("lab") / run).mkdir(parents=True)
            ...     (Path("lab") / run / "config.json").touch()
            >>> (Path("lab") / "run_2" / "FAILED").touch()
            >>> (Path("lab") / "run_3").mkdir()
            >>> (Path("lab") / "run_3" / "config.json").touch()
            >>> FileStructurePattern.learn(["lab/run_1", "lab/run_3"], "lab/run_2")
            FileStructurePattern('run_*', files=['config.json'], forbidden_files=['FAILED'])
        """
        from pathvein._learning import learn

        pattern, alike = learn(cls, examples, counterexamples, storage_options)
        if alike:
            from pathvein._errors import warn

            warn(f"also matched, as names do not tell: {', '.join(map(str, alike))}", UserWarning)
        return pattern

    def _repr_html_(self) -> str:
        """What a notebook shows: a coloured tree."""
        from pathvein._drawn import html_of

        return html_of(self.to_text())

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, str]:
        """The same, and the pattern's text for what shows no HTML. IPython picks."""
        return {"text/plain": self.to_text(), "text/html": self._repr_html_()}

    def __rich_console__(self, console: _types.Any, options: _types.Any) -> Iterator[_types.Any]:
        """What Rich prints: a coloured tree."""
        from pathvein._drawn import rich_of

        yield rich_of(self.to_text(), ascii_only=options.ascii_only)

    def __rich_measure__(self, console: _types.Any, options: _types.Any) -> _types.Any:
        """How wide that is."""
        from rich.measure import Measurement

        return Measurement.get(console, options, *self.__rich_console__(console, options))

    def validate(self) -> list[PatternProblem]:  # type: ignore[override]
        """Look for parts of the pattern that can never match, or have no effect.

        Returns:
            A list of :class:`PatternProblem`, empty if there are none.

        Example:
            >>> FileStructurePattern(files=["a/b"]).validate()[0].severity
            'never'
        """
        return [PatternProblem(*problem) for problem in super().validate()]

    if TYPE_CHECKING:

        @overload
        def parents_of(
            self, file: os.PathLike[str], parent: str | os.PathLike[str] = ...
        ) -> set[_types.Path]: ...
        @overload
        def parents_of(
            self, file: str, parent: str | os.PathLike[str] = ...
        ) -> set[_types.Path | _types.UPath]: ...
        @overload
        def parents_of(
            self, file: _types.UPath, parent: str | os.PathLike[str] = ...
        ) -> set[_types.UPath]: ...

    def parents_of(
        self,
        file: str | os.PathLike[str] | _types.UPath,
        parent: str | os.PathLike[str] = "",
    ) -> set[_types.Any]:
        """The directories that a file may belong to, by the names of its path alone.

        Nothing is read. A directory is among them if the file would lie where the pattern has
        a file, required or optional: in the directory, or in directories below it that have the
        names of nested patterns. The name of the directory itself is not looked at. Whether it
        matches is what :func:`pathvein.assess` tells.

        Args:
            file: A path, a URL (a `str` with ``://`` or ``::``) or a UPath. It need not exist.
            parent: A path of globs: directories that are to lie between the returned ones and
                that of the pattern, by default none.

        Returns:
            Directories above the file, each a UPath if that is a URL or a UPath, else a `Path`.
            Those of a relative file are relative, up to ``Path(".")``. A ``..`` in its path is
            the name of no directory.

        Example:
            >>> from pathlib import Path
            >>> data = FileStructurePattern("data", files=["*.parquet"])
            >>> run = FileStructurePattern("run_*", directories=[data], optional_files=["*"])
            >>> sorted(map(str, run.parents_of(Path("lab/run_1/data/a.parquet"))))
            ['lab/run_1', 'lab/run_1/data']
            >>> [str(path) for path in data.parents_of("lab/run_1/data/a.parquet", "run_*/data")]
            ['lab']
        """
        from pathlib import PurePath

        from pathvein import _belonging

        path = _arguments.path_or_upath("file", file)
        globs = PurePath(_arguments.decoded("parent", parent, "str or os.PathLike"))
        between = [glob for glob in globs.parts if glob != globs.anchor]
        return set(_belonging.parents_of(self, path, between))

    def matches(
        self,
        walk_args: tuple[str | os.PathLike[str] | _types.UPath, Iterable[str], Iterable[str]],
        depth: int = 1,
    ) -> bool:
        """Whether one directory matches.

        Args:
            walk_args: The directory, its directories' names and its files' names, as
                `os.walk`, `Path.walk` or :func:`pathvein.walk_python` give them. The lists are
                not checked, and the directory need not exist. `Path.walk` lists a link to a
                directory among the files unless it follows links; a name is taken for what
                the list says that it is.
            depth: Has no effect. It is kept for compatibility.

        Directories below are read only if the pattern requires something inside them. No link
        is followed. Why a directory does not match is told by :func:`pathvein.explain`.

        Raises:
            OSError: A directory cannot be read, and the answer depends on it.

        Example:
            >>> pattern = FileStructurePattern("run_*", files=["*.csv"])
            >>> pattern.matches(("/lab/run_1", [], ["a.csv"]))
            True
        """
        from pathvein._matches import matches

        try:
            dirpath, dirnames, filenames = walk_args
        except (TypeError, ValueError):
            raise TypeError(
                "walk_args must be a tuple of a path, directory names and file names, "
                f"not {walk_args!r}"
            ) from None
        dirnames, filenames = _names("dirnames", dirnames), _names("filenames", filenames)
        return matches(self, dirpath, dirnames, filenames)

    def copy(
        self,
        source: str | os.PathLike[str] | _types.UPath,
        destination: str | os.PathLike[str] | _types.UPath,
        overwrite: bool = False,
        dryrun: bool = False,
    ) -> None:
        """Copy what belongs to a match, as :func:`pathvein.shuffle` does, by one worker.

        Args:
            source: The directory. Whether it matches is not looked at.
            destination: What it is copied to, and not into.
            overwrite: Copy into a destination that exists.
            dryrun: Change nothing.

        Raises:
            FileExistsError: The destination exists, and is not to be overwritten.
            OSError: It cannot be copied; a :class:`pathvein.ShuffleError` for several reasons.

        Example:
            >>> import tempfile
            >>> from pathlib import Path
            >>> with tempfile.TemporaryDirectory() as lab:
            ...     (Path(lab) / "run_1").mkdir()
            ...     _ = (Path(lab) / "run_1" / "a.csv").write_text("1,2")
            ...     pattern = FileStructurePattern(files=["*.csv"])
            ...     pattern.copy(Path(lab) / "run_1", Path(lab) / "copy")
            ...     (Path(lab) / "copy" / "a.csv").read_text()
            '1,2'
        """
        self.threaded_copy(source, destination, overwrite, dryrun, max_workers=1)

    def threaded_copy(
        self,
        source: str | os.PathLike[str] | _types.UPath,
        destination: str | os.PathLike[str] | _types.UPath,
        overwrite: bool = False,
        dryrun: bool = False,
        max_workers: int | None = 4,
    ) -> None:
        """Copy what belongs to a match as :meth:`copy` does, by several workers.

        Args:
            source: The directory. Whether it matches is not looked at.
            destination: What it is copied to, and not into.
            overwrite: Copy into a destination that exists.
            dryrun: Change nothing.
            max_workers: How many. `None`: as many as there are processors.

        Raises:
            FileExistsError: The destination exists, and is not to be overwritten.
            OSError: It cannot be copied; a :class:`pathvein.ShuffleError` for several reasons.
        """
        from pathvein.shuffling import copy_one

        copy_one(self, source, destination, overwrite, dryrun, max_workers)


def _names(argument: str, names: Iterable[str]) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"{argument} must be a list of str, not {type(names).__name__}")
    return list(names)


def load_patterns(path: str | os.PathLike[str] | _types.UPath) -> list[FileStructurePattern]:
    """Load all patterns of a file, local or remote: JSON, pattern text, TOML or YAML.

    Several patterns are: in JSON one object after another, in pattern text one tree after
    another, in TOML an array of tables ``[[pattern]]``, in YAML documents between ``---``.

    Args:
        path: As :meth:`FileStructurePattern.load` takes it.

    Returns:
        At least one pattern, in the order of the file.

    Raises:
        OSError, ValueError, ModuleNotFoundError: As :meth:`FileStructurePattern.load` does. A
            file without a pattern is an error, too.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("two.yaml").write_text("directory_name: a\\n---\\ndirectory_name: b")
        >>> load_patterns("two.yaml")
        [FileStructurePattern('a'), FileStructurePattern('b')]
    """
    from pathvein import _pattern_files

    return _pattern_files.load_all(FileStructurePattern, path)


if not TYPE_CHECKING:

    def __getattr__(name):
        if name == "logger":
            # As in 0.9. It is rarely asked for, and logging takes long to import.
            import logging

            return logging.getLogger(__name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
