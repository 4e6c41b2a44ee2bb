//! What can be told of a name test by itself.

use regex_syntax::hir::{Hir, HirKind, Look};

use crate::glob::Token;
use crate::pattern::NameRegex;
use crate::{NameAlternative, NameGlob};

/// Whose name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// Its empty glob matches every name.
    Directory,
}

const NOTHING: &str = "it matches nothing";
const SLASH: &str =
    "no name holds a '/': use a nested pattern in directories for what is inside a directory";
const NUL: &str = "no name holds a NUL character: remove it";
const DOTS: &str =
    "no directory's listing holds this name: use the name that the directory really has";

/// Why no entry can have a name that passes, and what to do about it.
pub(super) fn never(alternative: &NameAlternative, kind: Kind) -> Option<String> {
    match alternative {
        NameAlternative::Glob(glob) if glob.code_points().next().is_none() => (kind == Kind::File)
            .then(|| "no file has an empty name: name one, or use \"*\" for any file".into()),
        NameAlternative::Glob(glob) => never_a_name(glob).map(Into::into),
        NameAlternative::Regex(regex) => never_passed(&regex.hir()?, kind).map(Into::into),
    }
}

fn never_a_name(glob: &NameGlob) -> Option<&'static str> {
    const DOT: Token = Token::Char(b'.' as u32);
    let tokens = &glob.compiled().tokens[..];
    if glob.never_matches() {
        Some("it holds a class of no characters: write the ends of its range in ascending order")
    } else if glob.needs_slash() {
        Some(SLASH)
    } else if tokens.contains(&Token::Char(0)) {
        Some(NUL)
    } else if matches!(tokens, [DOT] | [DOT, DOT]) {
        Some(DOTS)
    } else {
        None
    }
}

fn never_passed(regex: &Hir, kind: Kind) -> Option<&'static str> {
    if matches_nothing(regex) {
        Some(NOTHING)
    } else if needs(regex, b'/') {
        Some(SLASH)
    } else if needs(regex, 0) {
        Some(NUL)
    } else if kind == Kind::File && regex.properties().maximum_len() == Some(0) {
        Some("no file has an empty name: write what is in it")
    } else if matches!(regex.kind(), HirKind::Literal(text) if matches!(&*text.0, b"." | b"..")) {
        Some(DOTS)
    } else {
        None
    }
}

/// Whether nothing at all matches, for a reason that is plain: an empty class, or something in
/// front of the beginning, or behind the end.
fn matches_nothing(regex: &Hir) -> bool {
    let takes = |part: &Hir| part.properties().minimum_len().unwrap_or(0) > 0;
    let is = |part: &Hir, look| matches!(part.kind(), HirKind::Look(found) if *found == look);
    regex.properties().minimum_len().is_none()
        || match regex.kind() {
            HirKind::Capture(capture) => matches_nothing(&capture.sub),
            HirKind::Repetition(repetition) => {
                repetition.min > 0 && matches_nothing(&repetition.sub)
            }
            HirKind::Alternation(parts) => parts.iter().all(matches_nothing),
            HirKind::Concat(parts) => {
                let first = parts.iter().position(takes).unwrap_or(parts.len());
                let last = parts.iter().rposition(takes).unwrap_or(0);
                parts.iter().any(matches_nothing)
                    || parts[first..].iter().any(|part| is(part, Look::Start))
                    || parts[..last].iter().any(|part| is(part, Look::End))
            }
            _ => false,
        }
}

/// Whether every match holds this byte.
fn needs(regex: &Hir, byte: u8) -> bool {
    match regex.kind() {
        HirKind::Literal(text) => text.0.contains(&byte),
        HirKind::Capture(capture) => needs(&capture.sub, byte),
        HirKind::Repetition(repetition) => repetition.min > 0 && needs(&repetition.sub, byte),
        HirKind::Alternation(parts) => parts.iter().all(|part| needs(part, byte)),
        HirKind::Concat(parts) => parts.iter().any(|part| needs(part, byte)),
        _ => false,
    }
}

/// The only name that passes, if there is one.
pub(super) fn only_name(alternative: &NameAlternative) -> Option<Vec<u32>> {
    match alternative {
        NameAlternative::Glob(glob) => {
            let character = |token: &Token| match token {
                Token::Char(c) => Some(*c),
                _ => None,
            };
            glob.compiled().tokens.iter().map(character).collect()
        }
        NameAlternative::Regex(regex) => {
            literal(regex).map(|text| text.chars().map(u32::from).collect())
        }
    }
}

fn literal(regex: &NameRegex) -> Option<String> {
    match regex.hir()?.kind() {
        HirKind::Literal(text) => String::from_utf8(text.0.to_vec()).ok(),
        _ => None,
    }
}

/// What is said to no purpose in a test that can match.
pub(super) fn idle(alternative: &NameAlternative) -> Option<String> {
    match alternative {
        NameAlternative::Glob(glob) => braces(glob),
        NameAlternative::Regex(regex) => {
            if literal(regex).is_some_and(|text| text == regex.as_str()) {
                return Some("the expression is a plain name: write it without \"regex\"".into());
            }
            let hir = regex.hir()?;
            let parts = if let HirKind::Concat(parts) = hir.kind() { parts } else { return None };
            let anchors = [parts.first()?, parts.last()?];
            let is_anchor =
                |part: &Hir| matches!(part.kind(), HirKind::Look(Look::Start | Look::End));
            anchors.into_iter().any(is_anchor).then(|| {
                "an expression is held against the whole name: leave out the ^ in front and the $ \
                 at the end"
                    .into()
            })
        }
    }
}

/// How many alternatives a hint writes out.
const SHOWN: usize = 4;

/// The hint about braces, which people know from the shell.
fn braces(glob: &NameGlob) -> Option<String> {
    let tokens = &glob.compiled().tokens;
    let is = |token: &Token, c: char| *token == Token::Char(u32::from(c));
    let open = tokens.iter().position(|token| is(token, '{'))?;
    let comma = open + tokens[open..].iter().position(|token| is(token, ','))?;
    let how = "braces and commas in a glob are literal";
    // The text is that of the tokens if there are no classes.
    let text: Vec<char> = glob.as_str()?.chars().collect();
    let close = text.iter().skip(comma).position(|&c| c == '}');
    let (Some(close), true) = (close, text.len() == tokens.len()) else {
        return Some(format!(
            "{how}: for alternatives write [\"a\", \"b\"] in JSON, (\"a\", \"b\") in Python, and \
             a | b in pattern text"
        ));
    };
    let string = |text: &[char]| text.iter().collect::<String>();
    let (before, behind) = (string(&text[..open]), string(&text[comma + close + 1..]));
    let inside = string(&text[open + 1..comma + close]);
    let names: Vec<String> =
        inside.split(',').take(SHOWN).map(|part| format!("{before}{part}{behind}")).collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let quoted = quoted.join(", ");
    Some(format!(
        "{how}: for alternatives write [{quoted}] in JSON, ({quoted}) in Python, and {} in pattern \
         text",
        names.join(" | ")
    ))
}
