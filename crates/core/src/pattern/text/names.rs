//! The words and names of pattern text, one at a time.
//!
//! The reader takes them apart with these functions, and the writer asks the same ones whether a
//! name would be read as it is, so the two cannot differ.

use super::{Failure, Read, shown};
use crate::Count;

/// What stands in front of a regular expression.
pub(super) const REGEX: &str = "regex:";

/// The character at an offset. `None` at the end; a lone surrogate is no character of any meaning.
pub(super) fn peek(text: &[u32], at: usize) -> Option<char> {
    text.get(at).map(|&c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// A blank; the no-break space is one, since `tree` draws with it.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}')
}

pub(super) fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

/// A character that cannot be seen, or that a terminal takes for a command.
fn is_control(c: char) -> bool {
    c.is_control() && c != '\t'
}

/// The offset of the first character from `at` on that is no blank.
pub(super) fn behind_blanks(text: &[u32], at: usize) -> usize {
    let blanks = (at..).take_while(|&i| peek(text, i).is_some_and(is_blank));
    at + blanks.count()
}

pub(super) fn starts_with(text: &[u32], at: usize, word: &str) -> bool {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().copied().take(word.len()).eq(word.chars().map(u32::from))
}

/// The offset behind what stands in front of a line: blanks, and what `tree` draws.
pub(super) fn behind_front(text: &[u32], mut at: usize) -> usize {
    loop {
        let dashes = starts_with(text, at + 1, "--");
        at += match peek(text, at) {
            Some('│' | '├' | '└' | '─') => 1,
            Some('|' | '`') if dashes => 3,
            Some('|') if peek(text, at + 1).is_none_or(|c| is_blank(c) || is_line_end(c)) => 1,
            Some(c) if is_blank(c) => 1,
            _ => return at,
        }
    }
}

/// Whether the line at `at` is the last one of `tree`, such as `3 directories, 5 files`.
pub(super) fn is_summary(text: &[u32], at: usize) -> bool {
    let counted = |at: usize, nouns: [&str; 2]| {
        let digits = (at..).take_while(|&i| peek(text, i).is_some_and(|c| c.is_ascii_digit()));
        let noun = at + digits.count();
        if noun == at {
            return None;
        }
        nouns.into_iter().find(|word| starts_with(text, noun, word)).map(|word| noun + word.len())
    };
    let Some(mut end) = counted(at, [" directories", " directory"]) else { return false };
    if starts_with(text, end, ", ") {
        let Some(files) = counted(end + 2, [" files", " file"]) else { return false };
        end = files;
    }
    (end..).map_while(|i| peek(text, i)).all(|c| is_blank(c) || is_line_end(c))
}

/// Where a name that is not quoted ends, the blanks behind it included: at the character that
/// ends it, or at the end of the text.
///
/// `unclosed` is kept for the whole text: no bracket that opens before this offset is closed.
/// To look again for each would take quadratic time.
pub(super) fn bare_end(text: &[u32], start: usize, unclosed: &mut usize) -> usize {
    let mut at = start;
    while let Some(c) = peek(text, at) {
        match c {
            ',' | '|' | '{' | '}' | '/' | '\n' | '\r' => break,
            '#' if at > start && peek(text, at - 1).is_some_and(is_blank) => break,
            '[' if at >= *unclosed => match bracket_end(text, at) {
                Ok(end) => at = end,
                Err(line_end) => *unclosed = line_end,
            },
            _ => {}
        }
        at += 1;
    }
    at
}

/// The offset of the `]` that closes the bracket at `at` on its line, as a glob is read; else the
/// end of the line.
fn bracket_end(text: &[u32], at: usize) -> Result<usize, usize> {
    let mut body = at + 1;
    body += usize::from(peek(text, body) == Some('!'));
    body += usize::from(peek(text, body) == Some(']'));
    let ends = |&i: &usize| peek(text, i).is_none_or(|c| c == ']' || is_line_end(c));
    let end = (body..).find(ends).unwrap_or(text.len());
    if peek(text, end) == Some(']') { Ok(end) } else { Err(end) }
}

/// The first character of a part of the text that may only stand in quotes.
pub(super) fn find_control(text: &[u32], start: usize, end: usize) -> Option<usize> {
    (start..end).find(|&i| peek(text, i).is_some_and(is_control))
}

/// The same names without the blanks at its end.
pub(super) fn trimmed_end(text: &[u32], start: usize, end: usize) -> usize {
    let blanks = (start..end).rev().take_while(|&i| peek(text, i).is_some_and(is_blank));
    end - blanks.count()
}

/// What stands in front of a name and says what is asked of it.
#[derive(Clone, Copy)]
pub(super) enum Word {
    No,
    Optional,
    Count(Count),
}

/// The word at an offset, if one stands there in front of a name; its end, and the name's offset.
pub(super) fn word(text: &[u32], at: usize) -> Read<Option<(Word, usize, usize)>> {
    let ends_name = |c| is_line_end(c) || matches!(c, ',' | '|' | '{' | '}' | '/');
    let goes_on = |&i: &usize| peek(text, i).is_some_and(|c| !is_blank(c) && !ends_name(c));
    let end = at + (at..).take_while(goes_on).count();
    let name = behind_blanks(text, end);
    if name == end || peek(text, name).is_none_or(|c| ends_name(c) || c == '#') {
        return Ok(None);
    }
    let word: Option<String> = text[at..end].iter().map(|&c| char::from_u32(c)).collect();
    let word = match word.as_deref() {
        Some("no") => Word::No,
        Some("optional") => Word::Optional,
        Some(word) => match count(word) {
            None => return Ok(None),
            Some(Ok(count)) => Word::Count(count),
            Some(Err(message)) => return Err(Failure::new(at, message)),
        },
        None => return Ok(None),
    };
    Ok(Some((word, end, name)))
}

/// The count that a word is: `3`, `3+` or `2-4`.
fn count(word: &str) -> Option<Result<Count, String>> {
    let (least, most) = match (word.strip_suffix('+'), word.split_once('-')) {
        (Some(least), _) => (least, None),
        (None, Some((least, most))) => (least, Some(most)),
        (None, None) => (word, Some(word)),
    };
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    if !digits(least) || !most.is_none_or(digits) {
        return None;
    }
    let (Ok(min), Ok(max)) = (least.parse(), most.map(str::parse).transpose()) else {
        return Some(Err(format!(
            "a number here is at most {}: write a smaller one, or quote the name if it belongs to it",
            u32::MAX
        )));
    };
    Some(Count::new(min, max).map_err(|_| {
        format!(
            "no number is in the range \"{word}\": quote the name if it belongs to it, or write \
             \"{}-{least}\"",
            most.unwrap_or_default()
        )
    }))
}

/// The end of `nothing else` at an offset, if it stands there and no longer name does.
pub(super) fn nothing_else(text: &[u32], at: usize) -> Option<usize> {
    let behind = at + "nothing".len();
    let second = behind_blanks(text, behind);
    if !starts_with(text, at, "nothing") || second == behind || !starts_with(text, second, "else") {
        return None;
    }
    let end = second + "else".len();
    let goes_on =
        |c: char| !is_blank(c) && !is_line_end(c) && !matches!(c, ',' | '|' | '{' | '}' | '/');
    (!peek(text, end).is_some_and(goes_on)).then_some(end)
}

/// Reads a name in quotes, from the opening one on: the name, and the offset behind the quotes.
pub(super) fn quoted(text: &[u32], start: usize) -> Read<(Vec<u32>, usize)> {
    let quote = text[start];
    let escapes = quote == u32::from('"');
    let mut name = Vec::new();
    let mut at = start + 1;
    loop {
        match peek(text, at) {
            Some(c) if u32::from(c) == quote => return Ok((name, at + 1)),
            Some('\\') if escapes => at = escape(text, at, &mut name)?,
            Some(c) if !is_line_end(c) => {
                if is_control(c) {
                    return Err(Failure::new(at, control_in_quotes(u32::from(c), escapes)));
                }
                name.push(text[at]);
                at += 1;
            }
            _ => {
                let message = format!(
                    "this {} has no partner on its line: put one behind the name",
                    if escapes { "double quote" } else { "quote" }
                );
                return Err(Failure::new(start, message));
            }
        }
    }
}

fn control_in_quotes(c: u32, escapes: bool) -> String {
    let quotes = if escapes { "" } else { " in double quotes" };
    format!("a control character: write it as \\u{c:04x}{quotes}")
}

/// Reads the escape at an offset, and returns the offset behind it.
fn escape(text: &[u32], at: usize, name: &mut Vec<u32>) -> Read<usize> {
    let unknown =
        "a backslash that begins no escape: write \\\\, or put the name into single quotes";
    let hex = |at: usize, digits: usize| {
        let mut digits = (at..at + digits).map(|i| peek(text, i).and_then(|c| c.to_digit(16)));
        digits.try_fold(0, |number, digit| Some(number * 16 + digit?))
    };
    let letter = peek(text, at + 1);
    let (code_point, end) = match letter {
        Some('"' | '\\' | '/') => (text[at + 1], at + 2),
        Some('b') => (0x08, at + 2),
        Some('t') => (0x09, at + 2),
        Some('n') => (0x0A, at + 2),
        Some('f') => (0x0C, at + 2),
        Some('r') => (0x0D, at + 2),
        Some('u') => {
            let Some(first) = hex(at + 2, 4) else {
                return Err(Failure::new(at, "four hexadecimal digits stand behind \\u"));
            };
            // Two escapes may make one character, as in JSON.
            let second = if starts_with(text, at + 6, "\\u") { hex(at + 8, 4) } else { None };
            match (first, second) {
                (0xD800..0xDC00, Some(second @ 0xDC00..0xE000)) => {
                    (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), at + 12)
                }
                _ => (first, at + 6),
            }
        }
        Some('U') => match hex(at + 2, 8) {
            Some(code_point @ ..=0x10_FFFF) => (code_point, at + 10),
            _ => {
                let message = "eight hexadecimal digits of at most 0010ffff stand behind \\U";
                return Err(Failure::new(at, message));
            }
        },
        _ => return Err(Failure::new(at, unknown)),
    };
    name.push(code_point);
    Ok(end)
}

/// Whether a glob is read as itself if it is written without quotes, whatever stands around it.
pub(super) fn reads_bare(glob: &[u32]) -> bool {
    let is_name = match peek(glob, 0) {
        None | Some('"' | '\'' | '#') => false,
        Some(_) => behind_front(glob, 0) == 0 && !starts_with(glob, 0, REGEX),
    };
    is_name
        && !is_dots(glob)
        && nothing_else(glob, 0).is_none()
        && matches!(word(glob, 0), Ok(None))
        && is_one_word_of_text(glob)
}

/// Whether an expression is read as itself if it stands without quotes behind [`REGEX`].
pub(super) fn regex_reads_bare(regex: &[u32]) -> bool {
    !matches!(peek(regex, 0), None | Some('"' | '\'')) && is_one_word_of_text(regex)
}

/// Whether nothing in a name that is not quoted would end it early or get lost.
fn is_one_word_of_text(name: &[u32]) -> bool {
    // What is at an end and looks like a blank is quoted, though some of it would be read.
    let is_space = |at: usize| peek(name, at).is_some_and(|c| c.is_whitespace() || c == '\u{feff}');
    // A tab cannot be told from blanks.
    let is_seen = |&c: &u32| char::from_u32(c).is_some_and(|c| !c.is_control() && !is_separator(c));
    let mut unclosed = 0;
    !is_space(0)
        && !is_space(name.len() - 1)
        && name.iter().all(is_seen)
        && bare_end(name, 0, &mut unclosed) == name.len()
        // What follows it on the line might close a bracket.
        && unclosed == 0
}

/// The characters that end a line for others.
pub(super) fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// The names by which a path calls a directory and the one above, and which no entry has.
pub(super) fn is_dots(name: &[u32]) -> bool {
    const DOT: u32 = '.' as u32;
    matches!(name, [DOT] | [DOT, DOT])
}

/// What to say of a control character in a name without quotes.
pub(super) fn control_in_name(c: u32) -> String {
    match c {
        0x1B => "the colours of a terminal: draw without them (tree -n, ls --color=never)".into(),
        0x0B | 0x0C | 0x85 => {
            format!("a control character: leave it out, or write it as \"\\u{c:04x}\"")
        }
        _ => format!("a control character: put the name into quotes, with \\u{c:04x} for it"),
    }
}

/// What to say of an entry of the drawing that `tree` made with more than names.
pub(super) fn not_drawn(text: &[u32], start: usize, end: usize) -> Option<String> {
    let arrow: Vec<u32> = " -> ".chars().map(u32::from).collect();
    if let Some(at) = text[start..end].windows(arrow.len()).position(|four| four == arrow) {
        let name = shown(&text[start..start + at]);
        return Some(format!(
            "a link, as tree shows it: write \"{name}\", with a \"/\" if it leads to a directory"
        ));
    }
    if peek(text, start) == Some('[') {
        let behind = bracket_end(text, start).ok()? + 1;
        let name = behind_blanks(text, behind);
        if name >= behind + 2 && name < end {
            let name = shown(&text[name..end]);
            return Some(format!("more than a name, as tree shows it: write \"{name}\""));
        }
    }
    None
}
