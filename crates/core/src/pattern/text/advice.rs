//! What to say of the mistakes that people make in pattern text: what is wrong, and what would be
//! right, in the words of the text itself.

use std::ops::Range;

use super::names::{self, REGEX, is_blank, is_line_end, peek, starts_with};
use super::{BYTE_ORDER_MARK, shown};
use crate::Error;
use crate::pattern::json;

pub(super) const NO_PATTERN: &str =
    "there is no pattern: write a directory, for instance \"data/\" with what it holds below";
pub(super) const SECOND_PATTERN: &str = "here begins a second pattern, and one is asked for: leave \
     it out, or indent it below the directory that holds it";
pub(super) const NO_BRACE_OPEN: &str = "no brace is open here: leave this one out";
pub(super) const COMMA_ABOVE: &str =
    "this comma ends its entry, and there is something indented below it: leave the comma out";
pub(super) const SEVERAL_ABOVE: &str = "the line above has several entries, and this could belong \
     to any of them: give each a line of its own, or put this into braces";
pub(super) const FIRST_IN_BRACES: &str = "this could belong to the directory in the line above, or \
     stand beside it: put a comma behind that one, or begin it on a line of its own";
pub(super) const NOTHING_ELSE_ALONE: &str = "\"nothing else\" stands alone: write what belongs to \
     it as entries beside it, or quote it if it is a name";
pub(super) const NOTHING_ELSE_AT_TOP: &str =
    "\"nothing else\" says something about a directory: indent it below one";
pub(super) const NAME_MISSING: &str = "a name is missing here";
pub(super) const NAME_MISSING_BEFORE_SLASH: &str = "a name is missing in front of this \"/\": a \
     pattern has no root, and one \"/\" behind each directory";
pub(super) const ALTERNATIVE_MISSING: &str =
    "an alternative is missing here: a name stands on either side of \"|\", on the same line";
pub(super) const WORD_AND_BLOCKS: &str =
    "alternatives with blocks of their own take no \"no\" or \"optional\": write a line for each";
pub(super) const ALTERNATIVES_AT_TOP: &str = "alternatives with blocks of their own are several \
     patterns: write a line for each, or give them one block behind the last";
pub(super) const DOTS: &str = "no entry has this name: at the top write the directory's own name, \
     or \"*/\" for any; in a path leave it out";
pub(super) const BLANK_BEHIND_REGEX: &str = "the expression begins directly behind \"regex:\": leave the blank out, or quote the expression";

/// Of a line whose front is that of no line it could belong to.
pub(super) fn wrong_front(text: &[u32], line: &Range<usize>, fronts: &[Range<usize>]) -> String {
    let is_tab = |at: usize| text[at] == u32::from('\t');
    let mixed = fronts
        .iter()
        .any(|front| front.clone().zip(line.clone()).any(|(a, b)| is_tab(a) != is_tab(b)));
    if mixed {
        return "tabs and blanks are mixed: put in front of this line what is in front of those \
                above"
            .to_owned();
    }
    let widths: Vec<usize> = fronts.iter().map(Range::len).filter(|&w| w != line.len()).collect();
    let (last, others) = match &widths[..] {
        [others @ .., last] => (*last, others),
        [] => (0, &[][..]),
    };
    // The nearest ones are the likeliest.
    let others: Vec<String> = others.iter().rev().take(3).rev().map(usize::to_string).collect();
    let or = if others.is_empty() { "" } else { " or " };
    format!(
        "this line belongs to no line above: begin it behind {}{or}{last} blanks, not {}",
        others.join(", "),
        line.len()
    )
}

/// Of what stands behind an entry where it should have ended.
pub(super) fn behind_entry(text: &[u32], at: usize) -> &'static str {
    match peek(text, at) {
        Some('{') => "a block stands directly behind the \"/\" of its directory, once",
        Some('/') => {
            "a block ends its directory: leave this \"/\" out; several directories with one block \
             are written \"a/ | b/{x}\""
        }
        Some('}') => NO_BRACE_OPEN,
        _ => "an entry ends with its line or with a comma: put a comma in front of this",
    }
}

/// Whether the line that begins at `at` looks like an alternative of the line above: `| *.gz`.
pub(super) fn is_alternative_below(text: &[u32], at: usize) -> bool {
    let blanks = (0..at).rev().take_while(|&i| peek(text, i).is_some_and(is_blank)).count();
    at.checked_sub(blanks + 1).is_some_and(|bar| {
        // Not the front of an entry that `tree` draws, which has dashes.
        peek(text, bar) == Some('|')
    })
}

/// The names of files, as the text has them, with a `/` behind each.
fn as_directories(text: &[u32], names: &[Range<usize>]) -> String {
    let name = |range: &Range<usize>| {
        let mut end = range.end;
        // What others put behind a directory.
        if end > range.start + 1 && matches!(peek(text, end - 1), Some(':' | '\\')) {
            end -= 1;
        }
        shown(&text[range.start..end]) + "/"
    };
    names.iter().map(name).collect::<Vec<_>>().join(" | ")
}

/// The names as the text has them.
fn as_written(text: &[u32], names: &[Range<usize>]) -> String {
    let whole = names.first().map_or(0, |n| n.start)..names.last().map_or(0, |n| n.end);
    shown(&text[whole])
}

/// Of files with something indented below them.
pub(super) fn indented_below(text: &[u32], names: &[Range<usize>], drawn: bool) -> String {
    format!(
        "this \"{}\" has something indented below it: write \"{}\"{}",
        as_written(text, names),
        as_directories(text, names),
        if drawn { " (tree -F does)" } else { "" }
    )
}

/// Of files at the top, where only directories stand.
pub(super) fn file_at_top(text: &[u32], names: &[Range<usize>]) -> String {
    let start = names.first().map_or(0, |name| name.start);
    let line_end = (start..).find(|&i| peek(text, i).is_none_or(is_line_end)).unwrap_or(start);
    let line = &text[start..line_end];
    let key_end = line.iter().position(|&c| c == u32::from(':') || c == u32::from('='));
    let is_key = key_end.is_some_and(|end| {
        let key: String = line[..end].iter().filter_map(|&c| char::from_u32(c)).collect();
        json::KEYS.contains(&key.trim())
    });
    if is_key || starts_with(line, 0, "[[") {
        return "this looks like TOML or YAML, and pattern text is expected: name the file \
                .toml or .yaml, or draw the directory"
            .to_owned();
    }
    if starts_with(line, 0, "[{") {
        return "this looks like a list in JSON, and pattern text is expected: write its objects \
                one after another, without brackets and commas, and read them as JSON"
            .to_owned();
    }
    format!(
        "only directories stand at the top: write \"{}\", or put this below one",
        as_directories(text, names)
    )
}

/// Of files and directories as alternatives. The range is that of a file.
pub(super) fn mixed(text: &[u32], file: &Range<usize>) -> String {
    format!(
        "a file and a directory are no alternatives: write \"{}\" if it is a directory, else a \
         line for each",
        as_directories(text, std::slice::from_ref(file))
    )
}

/// Of a brace that stands behind no `/`, in or behind the name that begins at `start`.
pub(super) fn brace(text: &[u32], start: usize, brace: usize) -> String {
    const BEHIND_SLASH: &str = "a brace opens the block of a directory, behind its \"/\"";
    let behind = names::behind_blanks(text, brace + 1);
    let is_first = text[..start].iter().all(|&c| {
        c == BYTE_ORDER_MARK || char::from_u32(c).is_some_and(|c| is_blank(c) || is_line_end(c))
    });
    let opens_json = peek(text, behind).is_none_or(|c| is_line_end(c) || matches!(c, '"' | '}'));
    if is_first && start == brace && opens_json {
        return "this looks like JSON, and pattern text is expected: read it as JSON, or draw the \
                directory"
            .to_owned();
    }
    if starts_with(text, start, REGEX) {
        return format!(
            "{BEHIND_SLASH}: quote an expression that holds one, as in regex:'v\\d{{2}}'"
        );
    }
    if let Some(names) = expanded(text, start, brace) {
        return format!("{BEHIND_SLASH}: for alternatives write \"{names}\"");
    }
    if start == brace && opens_json {
        return format!("{BEHIND_SLASH} on the same line; for alternatives write \"a | b\"");
    }
    if start == brace {
        return format!("{BEHIND_SLASH}: for alternatives write \"a | b\"");
    }
    let name = shown(&text[start..names::trimmed_end(text, start, brace)]);
    format!("{BEHIND_SLASH}: write \"{name}/{{\"; for alternatives write \"a | b\"")
}

/// What a shell would make of a name with `{a,b}` in it, as alternatives.
fn expanded(text: &[u32], start: usize, brace: usize) -> Option<String> {
    const MOST: usize = 6;
    let blank_before = brace > start && peek(text, brace - 1).is_some_and(is_blank);
    if blank_before {
        return None;
    }
    let in_braces = |&i: &usize| {
        peek(text, i).is_some_and(|c| !is_line_end(c) && !matches!(c, '}' | '{' | '/' | '|'))
    };
    let close = brace + 1 + (brace + 1..).take_while(in_braces).count();
    if peek(text, close) != Some('}') {
        return None;
    }
    let end = names::bare_end(text, close + 1, &mut 0);
    if peek(text, end) == Some('{') {
        return None;
    }
    let end = names::trimmed_end(text, close + 1, end);
    let is_directory = peek(text, names::behind_blanks(text, end)) == Some('/');
    let (before, behind) = (&text[start..brace], &text[close + 1..end]);
    let parts = text[brace + 1..close].split(|&c| c == u32::from(','));
    let names: Vec<String> = parts
        .map(|part| {
            let first = names::behind_blanks(part, 0);
            let part = &part[first..names::trimmed_end(part, first, part.len())];
            let slash = if is_directory { "/" } else { "" };
            shown(&[before, part, behind].concat()) + slash
        })
        .collect();
    ((2..=MOST).contains(&names.len())).then(|| names.join(" | "))
}

/// Of a blank behind a `/` and a name behind that.
pub(super) fn blank_in_path(text: &[u32], directory: Range<usize>, next: usize) -> String {
    let name = shown(&text[directory]);
    let word = (next..).take_while(|&i| {
        peek(text, i).is_some_and(|c| !is_blank(c) && !is_line_end(c) && !matches!(c, ',' | '}'))
    });
    let next = shown(&text[next..next + word.count()]);
    format!(
        "a comma or the rest of a path is missing: write \"{name}, {next}\" or \"{name}{next}\""
    )
}

/// Of a word in front of an alternative that is not the first.
pub(super) fn word_inside(word: &[u32]) -> String {
    let word = shown(word);
    match word.starts_with("nothing") {
        true => NOTHING_ELSE_ALONE.to_owned(),
        false => format!(
            "\"{word}\" stands once, in front of all alternatives: put it there, or quote the name \
             if it belongs to it"
        ),
    }
}

/// Of a second word in front of a name.
pub(super) fn second_word(first: &[u32], second: &[u32]) -> String {
    format!(
        "one word stands in front of a name, and here are two, \"{}\" and \"{}\": leave one out, \
         or quote the name if it belongs to it",
        shown(first),
        shown(second)
    )
}

/// Of a word in front of a path. The range is that of the whole entry.
pub(super) fn word_and_path(text: &[u32], start: usize, end: usize) -> String {
    let entry = &text[start..names::trimmed_end(text, start, end)];
    let word_end = entry.iter().position(|&c| char::from_u32(c).is_some_and(is_blank));
    let word = &entry[..word_end.unwrap_or_default()];
    let path = &entry[names::behind_blanks(entry, word.len())..];
    let is_slash = |&c: &u32| c == u32::from('/');
    let first = path.iter().position(is_slash).unwrap_or_default() + 1;
    let (directory, rest) = path.split_at(first.min(path.len()));
    let (word, directory, rest) = (shown(word), shown(directory), shown(rest));
    format!(
        "\"{word}\" could belong to either end of this path: write \
         \"{word} {directory}{{{rest}}}\" or \"{directory}{{{word} {rest}}}\""
    )
}

/// Of alternatives and a path in one entry. `split` is where what is below begins.
pub(super) fn path_and_alternatives(text: &[u32], start: usize, split: usize) -> String {
    let goes_on = |&i: &usize| {
        peek(text, i).is_some_and(|c| !is_line_end(c) && !matches!(c, ',' | '{' | '}' | '#'))
    };
    let end = split + (split..).take_while(goes_on).count();
    let end = names::trimmed_end(text, split, end);
    format!(
        "alternatives and a path do not mix, as it could be the path of one or of all: write \
         \"{}{{{}}}\", or a line for each",
        shown(&text[start..split]),
        shown(&text[split..end])
    )
}

/// Of the last directory among alternatives that have blocks.
pub(super) fn no_block(text: &[u32], name: &Range<usize>) -> String {
    let name = shown(&text[name.clone()]);
    format!(
        "the alternatives before it have blocks of their own: give this one a block in braces, \
         \"{name}/{{}}\" if nothing is asked inside"
    )
}

/// Of an expression that cannot be compiled.
pub(super) fn bad_regex(text: &[u32], start: usize, end: usize, error: &Error) -> String {
    let behind = start + REGEX.len();
    let is_bare = !matches!(peek(text, behind), Some('"' | '\''));
    let next = peek(text, names::behind_blanks(text, end));
    let cut = match next {
        Some(c @ (',' | '|' | '{' | '}' | '/')) if is_bare => {
            format!(
                "; it ends at the \"{c}\": if that is a part of it, quote it, as in regex:'a{c}b'"
            )
        }
        _ => String::new(),
    };
    format!("no regular expression: {}{cut}", error.message())
}

/// Of a word in front of an entry at the top.
pub(super) fn word_at_top(word: &[u32]) -> String {
    let word = shown(word);
    format!(
        "each entry at the top is a pattern, and \"{word}\" says what a directory holds: leave it \
         out, or indent this below a directory"
    )
}
