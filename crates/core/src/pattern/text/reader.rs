//! From pattern text to patterns: a recursive descent over code points, which goes down one step
//! for each level of the pattern and so no deeper than [`MAX_LEVELS`].
//!
//! A text is lines of entries. What stands in front of a line, its *front*, says which block the
//! line belongs to. The lines inside braces have fronts that are compared with each other only.

use std::mem;
use std::ops::Range;

use super::names::{self, REGEX, Word, is_blank, is_line_end};
use super::places::{Added, places};
use super::{BYTE_ORDER_MARK, Failure, Read, advice};
use crate::pattern::regex_budget::RegexBudget;
use crate::pattern::{
    Count, DirectoryRequirement, FileRequirement, FileStructurePattern,
    FileStructurePatternBuilder, MAX_LEVELS, NameAlternative, NameTest, Parts,
};
use crate::{Error, NameGlob};

pub(super) struct Reader<'t> {
    text: &'t [u32],
    at: usize,
    /// The level of the patterns at the top.
    top: usize,
    /// Whether the last `/` of the text may be left out.
    slash_may_miss: bool,
    /// No bracket that opens before this offset is closed: see [`names::bare_end`].
    unclosed: usize,
    /// The front of the line that begins at `at`. None once an entry of it is read.
    line: Option<Range<usize>>,
    /// The fronts of the blocks around, of the innermost braces only.
    fronts: Vec<Range<usize>>,
    /// Whether the line that is read is drawn, as by `tree`.
    drawn: bool,
    /// How many braces are open.
    open: usize,
    /// Where the patterns at the top begin.
    starts: Vec<usize>,
    /// All entries, if it is asked where they are.
    added: Option<Vec<Added>>,
    /// The regular expressions so far.
    regexes: &'t mut RegexBudget,
}

/// What stands where an entry has ended.
#[derive(PartialEq)]
enum Next {
    /// A line, whose front is `Reader::line`.
    Line,
    /// A `}`.
    Close,
    End,
}

pub(super) struct Entry {
    /// Where it begins.
    pub(super) at: usize,
    pub(super) word: Option<Word>,
    /// The directories in front of the last `/` of a path.
    pub(super) path: Vec<NameTest>,
    pub(super) asks: Asks,
}

pub(super) enum Asks {
    NothingElse,
    /// Files, and where their names stand in the text.
    Files(NameTest, Vec<Range<usize>>),
    /// Directories: alternatives that differ, or just one.
    Directories(Vec<Directory>),
}

pub(super) struct Directory {
    /// Where it begins.
    pub(super) at: usize,
    name: NameTest,
    /// What is in it. None as long as no block was read.
    block: Option<Parts>,
}

impl Directory {
    fn into_pattern(self) -> Result<FileStructurePattern, Error> {
        named(self.name, self.block.unwrap_or_default())
    }
}

fn named(name: NameTest, parts: Parts) -> Result<FileStructurePattern, Error> {
    FileStructurePatternBuilder { parts }.directory_name(name).build()
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t [u32], regexes: &'t mut RegexBudget) -> Reader<'t> {
        Reader {
            text,
            at: 0,
            top: 1,
            slash_may_miss: false,
            unclosed: 0,
            line: None,
            fronts: Vec::new(),
            drawn: false,
            open: 0,
            starts: Vec::new(),
            added: None,
            regexes,
        }
    }

    /// A reader of the text of a nested pattern of a level, in whose place a string stands.
    pub(super) fn nested(
        text: &'t [u32],
        level: usize,
        regexes: &'t mut RegexBudget,
    ) -> Reader<'t> {
        Reader { top: level, slash_may_miss: true, ..Reader::new(text, regexes) }
    }

    /// Reads the whole text: patterns, at least one, and where they begin.
    pub(super) fn patterns(mut self) -> Read<Vec<(usize, FileStructurePattern)>> {
        let parts = self.whole()?;
        let patterns = parts.directories.iter().filter_map(DirectoryRequirement::as_pattern);
        Ok(self.starts.into_iter().zip(patterns.cloned()).collect())
    }

    /// Reads the whole text: of each pattern, where its parts are.
    pub(super) fn places(mut self) -> Read<Vec<Vec<(String, usize)>>> {
        self.added = Some(Vec::new());
        self.whole()?;
        Ok(places(self.added.unwrap_or_default(), self.top))
    }

    fn whole(&mut self) -> Read<Parts> {
        if self.text.first() == Some(&BYTE_ORDER_MARK) {
            self.at = 1;
        }
        let mut parts = Parts::default();
        let first = match self.begin_line() {
            Some(next) => next,
            None => self.next_line(),
        };
        if first == Next::End {
            return Err(Failure::new(0, advice::NO_PATTERN));
        }
        if first == Next::Line {
            self.lines(&mut parts, self.top)?;
        }
        if self.next_line() != Next::End {
            return Err(Failure::new(self.at, advice::NO_BRACE_OPEN));
        }
        Ok(parts)
    }

    fn peek(&self) -> Option<char> {
        names::peek(self.text, self.at)
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn skip_blanks(&mut self) {
        self.at = names::behind_blanks(self.text, self.at);
    }

    fn skip_to_line_end(&mut self) {
        let in_line = |&i: &usize| names::peek(self.text, i).is_some_and(|c| !is_line_end(c));
        self.at += (self.at..).take_while(in_line).count();
    }

    fn fail<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(Failure::new(self.at, message))
    }

    /// Whether an entry ends here: at a line's end, a comma, a comment, or with the braces.
    fn is_entry_end(&self) -> bool {
        self.peek().is_none_or(|c| match c {
            ',' | '#' => true,
            '}' => self.open > 0,
            c => is_line_end(c),
        })
    }

    /// Goes from the end of an entry to the next that begins a line, past comments and lines
    /// without one.
    fn next_line(&mut self) -> Next {
        if self.line.is_some() {
            return Next::Line;
        }
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Next::End,
                Some('}') => return Next::Close,
                Some('\r') if names::starts_with(self.text, self.at, "\r\n") => self.at += 2,
                Some(c) if is_line_end(c) => self.at += 1,
                _ => {
                    self.skip_to_line_end();
                    continue;
                }
            }
            if let Some(next) = self.begin_line() {
                return next;
            }
        }
    }

    /// Reads the front of a line. None if there is nothing else on it.
    fn begin_line(&mut self) -> Option<Next> {
        let start = self.at;
        self.at = names::behind_front(self.text, start);
        match self.peek()? {
            '}' => return Some(Next::Close),
            '#' => return None,
            c if is_line_end(c) => return None,
            _ if names::is_summary(self.text, self.at) => return None,
            _ => {}
        }
        self.line = Some(start..self.at);
        Some(Next::Line)
    }

    /// Reads the lines of one block, the first of which is at hand.
    fn lines(&mut self, parts: &mut Parts, level: usize) -> Read<()> {
        let front = self.line.clone().unwrap_or(self.at..self.at);
        self.fronts.push(front.clone());
        loop {
            self.entries(parts, level, Some(&front))?;
            if self.next_line() != Next::Line {
                break;
            }
            let line = self.line.clone().unwrap_or_default();
            if self.is_same_front(&line, &front) {
                continue;
            }
            if self.fronts.iter().any(|outer| self.is_same_front(&line, outer)) {
                break;
            }
            return self.fail(advice::wrong_front(self.text, &line, &self.fronts));
        }
        self.fronts.pop();
        Ok(())
    }

    fn is_same_front(&self, one: &Range<usize>, other: &Range<usize>) -> bool {
        one.len() == other.len() && self.begins_with(one, other)
    }

    /// Whether a front begins with the whole of another. What `tree` draws counts as blanks.
    fn begins_with(&self, front: &Range<usize>, other: &Range<usize>) -> bool {
        let blank = |&c: &u32| if c == u32::from('\t') { '\t' } else { ' ' };
        let blanks = |front: &Range<usize>| self.text[front.clone()].iter().map(blank);
        other.len() <= front.len() && blanks(front).zip(blanks(other)).all(|(a, b)| a == b)
    }

    /// Reads the entries of one line, and what is indented below it. The first line inside braces
    /// may have no front.
    fn entries(
        &mut self,
        parts: &mut Parts,
        level: usize,
        front: Option<&Range<usize>>,
    ) -> Read<()> {
        self.line = None;
        self.drawn = front.is_some_and(|front| self.is_drawn(front));
        let mut alone = true;
        loop {
            let mut entry = self.entry(level)?;
            let comma = self.at;
            if self.eat(',') {
                self.add(entry, parts, level)?;
                self.skip_blanks();
                if self.peek() == Some(',') {
                    return self.fail("an entry is missing in front of this comma: leave it out");
                }
                if !self.is_entry_end() {
                    alone = false;
                    continue;
                }
                if self.next_line() == Next::Line && self.is_below(front) {
                    return Err(Failure::new(comma, advice::COMMA_ABOVE));
                }
                return Ok(());
            }
            if !self.is_entry_end() {
                return self.fail(advice::behind_entry(self.text, self.at));
            }
            if self.next_line() == Next::Line {
                match front {
                    Some(_) if !self.is_below(front) => {}
                    Some(_) if !alone => return self.fail(advice::SEVERAL_ABOVE),
                    Some(_) => self.indented(&mut entry, level)?,
                    None if entry.is_open() => return self.fail(advice::FIRST_IN_BRACES),
                    None => {}
                }
            }
            return self.add(entry, parts, level);
        }
    }

    /// Whether there is more in a front than blanks.
    fn is_drawn(&self, front: &Range<usize>) -> bool {
        let is_drawing = |&c: &u32| !char::from_u32(c).is_some_and(is_blank);
        self.text[front.clone()].iter().any(is_drawing)
    }

    /// Whether the line at hand is indented below one with this front.
    fn is_below(&self, front: Option<&Range<usize>>) -> bool {
        let (Some(line), Some(front)) = (&self.line, front) else { return false };
        line.len() > front.len() && self.begins_with(line, front)
    }

    /// Reads the block that is indented below an entry.
    fn indented(&mut self, entry: &mut Entry, level: usize) -> Read<()> {
        let level = level + entry.path.len() + 1;
        if advice::is_alternative_below(self.text, self.at) {
            return self.fail("alternatives stand on one line: put this one behind the first");
        }
        match &mut entry.asks {
            Asks::NothingElse => self.fail(advice::NOTHING_ELSE_ALONE),
            Asks::Files(_, names) => {
                // The line at the top of a drawing is none itself.
                let drawn = self.line.as_ref().is_some_and(|front| self.is_drawn(front));
                let message = advice::indented_below(self.text, names, drawn);
                Err(Failure::new(names[0].start, message))
            }
            Asks::Directories(directories) => match &mut directories[..] {
                [Directory { block: block @ None, .. }] => {
                    let mut parts = Parts::default();
                    self.lines(&mut parts, level)?;
                    *block = Some(parts);
                    Ok(())
                }
                _ => self.fail("the directory above has its block in braces: put this into them"),
            },
        }
    }

    /// Reads one entry, as far as it goes on its line or in its braces.
    fn entry(&mut self, level: usize) -> Read<Entry> {
        let at = self.at;
        if let Some(end) = names::nothing_else(self.text, at) {
            self.at = end;
            self.skip_blanks();
            if !self.is_entry_end() {
                return Err(Failure::new(at, advice::NOTHING_ELSE_ALONE));
            }
            return Ok(Entry { at, word: None, path: Vec::new(), asks: Asks::NothingElse });
        }
        let word = self.word()?;
        let mut path = Vec::new();
        let mut directories: Vec<Directory> = Vec::new();
        // The alternatives since the last block, and where they stand in the text.
        let mut names: Vec<NameAlternative> = Vec::new();
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut are_files = None;
        loop {
            let start = self.at;
            names.push(self.name()?);
            ranges.push(start..self.at);
            self.skip_blanks();
            let is_file = !self.eat('/');
            if *are_files.get_or_insert(is_file) != is_file {
                let file = &ranges[if is_file { ranges.len() - 1 } else { 0 }];
                let message = advice::mixed(self.text, file);
                return Err(Failure::new(file.start, message));
            }
            if !is_file && level + path.len() > MAX_LEVELS {
                let message = format!("patterns nest at most {MAX_LEVELS} levels deep");
                return Err(Failure::new(start, message));
            }
            let slash_end = self.at;
            self.skip_blanks();
            match self.peek() {
                Some('{') if is_file => {
                    return Err(Failure::new(self.at, advice::brace(self.text, start, self.at)));
                }
                Some('{') => {
                    let block = Some(self.braces(level + path.len() + 1)?);
                    let name = any_of(mem::take(&mut names), start)?;
                    directories.push(Directory { at: start, name, block });
                    self.skip_blanks();
                }
                Some('/') => return self.fail(advice::NAME_MISSING_BEFORE_SLASH),
                Some(c) if !is_file && c != '|' && !self.is_entry_end() => {
                    if slash_end < self.at {
                        let message = advice::blank_in_path(self.text, start..slash_end, self.at);
                        return self.fail(message);
                    }
                    if ranges.len() > 1 {
                        let message = advice::path_and_alternatives(self.text, at, self.at);
                        return self.fail(message);
                    }
                    path.push(any_of(mem::take(&mut names), start)?);
                    ranges.clear();
                    are_files = None;
                    continue;
                }
                _ => {}
            }
            if !self.eat('|') {
                break;
            }
            if !path.is_empty() {
                let message = advice::path_and_alternatives(self.text, at, start);
                return Err(Failure::new(self.at - 1, message));
            }
            self.skip_blanks();
            if self.is_entry_end() {
                return self.fail(advice::ALTERNATIVE_MISSING);
            }
            if let Some(end) = self.word_end()? {
                return self.fail(advice::word_inside(&self.text[self.at..end]));
            }
        }
        if let (Some(_), false) = (word, path.is_empty()) {
            return Err(Failure::new(at, advice::word_and_path(self.text, at, self.at)));
        }
        let asks = if are_files == Some(true) {
            Asks::Files(any_of(names, at)?, ranges)
        } else {
            if !names.is_empty() {
                if !directories.is_empty() {
                    let last = ranges.last().cloned().unwrap_or_default();
                    let message = advice::no_block(self.text, &last);
                    return Err(Failure::new(last.start, message));
                }
                directories.push(Directory { at, name: any_of(names, at)?, block: None });
            }
            Asks::Directories(directories)
        };
        Ok(Entry { at, word, path, asks })
    }

    /// Reads the word in front of a name, if there is one.
    fn word(&mut self) -> Read<Option<Word>> {
        let Some((word, end, name)) = names::word(self.text, self.at)? else { return Ok(None) };
        let first = &self.text[self.at..end];
        self.at = name;
        match self.word_end()? {
            None => Ok(Some(word)),
            Some(end) => self.fail(advice::second_word(first, &self.text[name..end])),
        }
    }

    /// The end of the word, or of `nothing else`, where a name should begin.
    fn word_end(&self) -> Read<Option<usize>> {
        match names::nothing_else(self.text, self.at) {
            Some(end) => Ok(Some(end)),
            None => Ok(names::word(self.text, self.at)?.map(|(_, end, _)| end)),
        }
    }

    /// Reads one name: in quotes, a regular expression, or as it stands.
    fn name(&mut self) -> Read<NameAlternative> {
        let start = self.at;
        match self.peek() {
            Some('"' | '\'') => {
                let glob = self.quoted()?;
                return glob_of(glob, start);
            }
            Some('{') => {
                return self.fail(advice::brace(self.text, start, start));
            }
            Some('/') => return self.fail(advice::NAME_MISSING_BEFORE_SLASH),
            Some('|') => return self.fail(advice::ALTERNATIVE_MISSING),
            Some('}') => return self.fail(advice::NO_BRACE_OPEN),
            Some(',') => {
                return self.fail("an entry is missing in front of this comma: leave it out");
            }
            _ => {}
        }
        if !names::starts_with(self.text, start, REGEX) {
            let glob = self.bare()?;
            if names::is_dots(&glob) {
                return Err(Failure::new(start, advice::DOTS));
            }
            return glob_of(glob, start);
        }
        self.at += REGEX.len();
        let expression = match self.peek() {
            Some('"' | '\'') => self.quoted()?,
            Some(c) if is_blank(c) => return self.fail(advice::BLANK_BEHIND_REGEX),
            _ => self.bare()?,
        };
        let fail = |message: String| Err(Failure::new(start, message));
        let text: Option<String> = expression.iter().map(|&c| char::from_u32(c)).collect();
        let Some(text) = text else {
            return fail("a regular expression holds no lone surrogates: use a glob".into());
        };
        match self.regexes.compile(&text) {
            Ok(regex) => Ok(NameAlternative::Regex(regex)),
            Err(error) => fail(advice::bad_regex(self.text, start, self.at, &error)),
        }
    }

    /// Reads a name in quotes, behind which nothing of it may stand.
    fn quoted(&mut self) -> Read<Vec<u32>> {
        let (name, end) = names::quoted(self.text, self.at)?;
        self.at = end;
        let behind = names::behind_blanks(self.text, end);
        let ends = |c| is_line_end(c) || matches!(c, ',' | '|' | '{' | '}' | '/' | '#');
        if !names::peek(self.text, behind).is_none_or(ends) {
            self.at = behind;
            return self.fail("quotes hold the whole name: put this into them, or a comma between");
        }
        Ok(name)
    }

    /// Reads a name as it stands.
    fn bare(&mut self) -> Read<Vec<u32>> {
        let start = self.at;
        self.at = names::bare_end(self.text, start, &mut self.unclosed);
        if let Some(at) = names::find_control(self.text, start, self.at) {
            return Err(Failure::new(at, names::control_in_name(self.text[at])));
        }
        let end = names::trimmed_end(self.text, start, self.at);
        if end == start {
            return self.fail(advice::NAME_MISSING);
        }
        if self.drawn
            && let Some(message) = names::not_drawn(self.text, start, end)
        {
            return Err(Failure::new(start, message));
        }
        self.at = end;
        Ok(self.text[start..end].to_vec())
    }

    /// Reads a block in braces, from the opening one on.
    fn braces(&mut self, level: usize) -> Read<Parts> {
        let open = self.at;
        self.at += 1;
        self.open += 1;
        let outer = (mem::take(&mut self.fronts), self.drawn);
        let mut parts = Parts::default();
        self.skip_blanks();
        if self.peek() == Some(',') || !self.is_entry_end() {
            self.entries(&mut parts, level, None)?;
        }
        if self.next_line() == Next::Line {
            self.lines(&mut parts, level)?;
        }
        if self.next_line() != Next::Close {
            return Err(Failure::new(
                open,
                "this brace is not closed: put a \"}\" behind its entries",
            ));
        }
        self.at += 1;
        self.open -= 1;
        (self.fronts, self.drawn) = outer;
        Ok(parts)
    }

    /// Adds an entry to its block.
    fn add(&mut self, entry: Entry, parts: &mut Parts, level: usize) -> Read<()> {
        let at = entry.at;
        let entry = match level == self.top {
            true => {
                self.starts.push(at);
                self.at_the_top(entry)?
            }
            false => entry,
        };
        if let Some(added) = &mut self.added {
            added.push(Added::new(&entry, level));
        }
        let failed = |error: Error| Failure::new(at, error.message());
        let Entry { word, path, asks, .. } = entry;
        let mut here = Parts::default();
        let target = if path.is_empty() { &mut *parts } else { &mut here };
        match (asks, word) {
            (Asks::NothingElse, _) => target.closed = true,
            (Asks::Files(test, _), None) => target.files.push(test.into()),
            (Asks::Files(test, _), Some(Word::No)) => target.forbidden_files.push(test),
            (Asks::Files(test, _), Some(Word::Optional)) => target.optional_files.push(test),
            (Asks::Files(test, _), Some(Word::Count(count))) => {
                target.files.push(FileRequirement::new(test, count));
            }
            (Asks::Directories(directories), word) => {
                let patterns = directories.into_iter().map(Directory::into_pattern);
                let mut patterns = patterns.collect::<Result<Vec<_>, _>>().map_err(failed)?;
                let count = match word {
                    Some(Word::Count(count)) => count,
                    None => Count::default(),
                    Some(_) if patterns.len() > 1 => {
                        return Err(Failure::new(at, advice::WORD_AND_BLOCKS));
                    }
                    Some(Word::No) => {
                        target.forbidden_directories.append(&mut patterns);
                        return Ok(());
                    }
                    Some(Word::Optional) => {
                        target.optional_directories.append(&mut patterns);
                        return Ok(());
                    }
                };
                let required = DirectoryRequirement::new(patterns, count).map_err(failed)?;
                target.directories.push(required);
            }
        }
        let mut outer = path.into_iter().rev().peekable();
        while let Some(name) = outer.next() {
            let pattern = named(name, mem::take(&mut here)).map_err(failed)?;
            let target = if outer.peek().is_some() { &mut here } else { &mut *parts };
            target.directories.push(pattern.into());
        }
        Ok(())
    }

    /// Checks an entry at the top, where each is a pattern.
    fn at_the_top(&self, mut entry: Entry) -> Read<Entry> {
        let fail = |message: String| Err(Failure::new(entry.at, message));
        match &entry.asks {
            Asks::NothingElse => return fail(advice::NOTHING_ELSE_AT_TOP.into()),
            _ if entry.word.is_some() => {
                let word = names::word(self.text, entry.at)?;
                let end = word.map_or(entry.at, |(_, end, _)| end);
                return fail(advice::word_at_top(&self.text[entry.at..end]));
            }
            Asks::Directories(directories) if entry.path.is_empty() && directories.len() > 1 => {
                return fail(advice::ALTERNATIVES_AT_TOP.into());
            }
            Asks::Files(_, names) if entry.path.is_empty() && !self.slash_may_miss => {
                let message = advice::file_at_top(self.text, names);
                return fail(message);
            }
            _ => {}
        }
        if entry.path.is_empty() {
            entry.asks = match entry.asks {
                Asks::Files(name, _) => {
                    Asks::Directories(vec![Directory { at: entry.at, name, block: None }])
                }
                asks => asks,
            };
        }
        Ok(entry)
    }
}

impl Entry {
    /// Whether lines may still be indented below it.
    fn is_open(&self) -> bool {
        match &self.asks {
            Asks::Directories(directories) => directories.iter().any(|one| one.block.is_none()),
            _ => false,
        }
    }
}

fn glob_of(glob: Vec<u32>, at: usize) -> Read<NameAlternative> {
    match NameGlob::from_code_points(glob) {
        Ok(glob) => Ok(NameAlternative::Glob(glob)),
        Err(error) => Err(Failure::new(at, error.message())),
    }
}

fn any_of(names: Vec<NameAlternative>, at: usize) -> Read<NameTest> {
    NameTest::any_of(names).map_err(|error| Failure::new(at, error.message()))
}
