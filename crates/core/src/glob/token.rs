//! The tokens of a glob, read as CPython's `fnmatch.translate` reads them.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

const MAX: u32 = 0x10_FFFF;

/// All characters that have another case lie in these. Folding takes its time for each
/// character, and `[!a]` has a million.
const CASED: [(u32, u32); 7] = [
    (0, 0x2DFF),
    (0xA640, 0xABFF),
    (0xFB00, 0xFFFF),
    (0x1_0400, 0x1_0FFF),
    (0x1_1880, 0x1_18FF),
    (0x1_6E00, 0x1_6EFF),
    (0x1_E900, 0x1_E9FF),
];

/// One element of a glob. All but the star stand for exactly one code point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `*`. Two stars never follow one another.
    Star,
    /// Any code point: `?`, or a class of all code points.
    Any,
    /// One code point: a character, or a class of one member.
    Char(u32),
    /// One of several code points, but not of all.
    Class(Box<Class>),
    /// No code point: a class without members.
    Never,
}

impl Token {
    /// Whether the token stands for `code_point`. False for the star.
    #[inline]
    pub(crate) fn accepts(&self, code_point: u32) -> bool {
        match self {
            Token::Char(own) => *own == code_point,
            Token::Any => true,
            Token::Class(class) => class.contains(code_point),
            Token::Star | Token::Never => false,
        }
    }

    /// A token that stands for the same code points and their other cases, by simple case
    /// folding, which is also what `(?i)` means in a regular expression.
    pub(crate) fn in_any_case(&self) -> Token {
        let mut members = match self {
            Token::Char(own) => vec![(*own, *own)],
            Token::Class(class) => class.ranges(),
            Token::Star | Token::Any | Token::Never => return self.clone(),
        };
        let cased = CASED.iter().flat_map(|&(from, to)| {
            members.iter().map(move |&(low, high)| (low.max(from), high.min(to)))
        });
        let cased = cased.filter(|&(low, high)| low <= high);
        let cased =
            cased.filter_map(|(low, high)| Some((char::from_u32(low)?, char::from_u32(high)?)));
        let mut class =
            ClassUnicode::new(cased.map(|(low, high)| ClassUnicodeRange::new(low, high)));
        class.case_fold_simple();
        members.extend(class.iter().map(|r| (u32::from(r.start()), u32::from(r.end()))));
        one_of(&merge(members))
    }
}

/// The members of a class. The members of a negated class are all other code points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// One bit for each ASCII character.
    pub(crate) ascii: u128,
    /// The other members, as inclusive ranges that rise and do not touch.
    pub(crate) wide: Box<[(u32, u32)]>,
}

impl Class {
    /// The members, as ranges.
    fn ranges(&self) -> Vec<(u32, u32)> {
        let ascii = (0..128).filter(|&c| self.contains(c)).map(|c| (c, c));
        ascii.chain(self.wide.iter().copied()).collect()
    }

    fn contains(&self, code_point: u32) -> bool {
        if code_point < 128 {
            return self.ascii >> code_point & 1 == 1;
        }
        let after = self.wide.partition_point(|&(low, _)| low <= code_point);
        after.checked_sub(1).is_some_and(|last| code_point <= self.wide[last].1)
    }
}

/// Splits a glob into its tokens.
pub(crate) fn parse(glob: &[u32]) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(glob.len());
    // Once a `[` is not closed, none after it is. Looking again for each would take
    // quadratic time.
    let mut closable = true;
    let mut rest = glob;
    while let [first, after @ ..] = rest {
        rest = after;
        match char::from_u32(*first) {
            Some('*') => {
                if tokens.last() != Some(&Token::Star) {
                    tokens.push(Token::Star);
                }
            }
            Some('?') => tokens.push(Token::Any),
            Some('[') if closable => match body_length(rest) {
                Some(length) => {
                    tokens.push(parse_class(&rest[..length]));
                    rest = &rest[length + 1..];
                }
                None => {
                    closable = false;
                    tokens.push(Token::Char(*first));
                }
            },
            _ => tokens.push(Token::Char(*first)),
        }
    }
    tokens
}

/// The distance from a `[` to the `]` that closes it. A `]` that comes first, or first
/// after the `!`, is a member.
fn body_length(after_bracket: &[u32]) -> Option<usize> {
    let is = |i, c: char| after_bracket.get(i) == Some(&u32::from(c));
    let first = usize::from(is(0, '!'));
    let least = first + usize::from(is(first, ']'));
    (least..after_bracket.len()).find(|&i| is(i, ']'))
}

/// Reads the body of a class, between `[` and `]`. It is never empty.
///
/// `translate` splits the body at its hyphens and joins the pieces into a class of the `re`
/// module. The result is more particular than "`x-y` is a range":
/// - A hyphen makes a range of its neighbours, unless it is the first or last of the
///   members, or the character before it has just ended a range.
/// - A reversed range vanishes with both its ends. Whether the body begins with `!` is
///   looked at after that, so `[z-a!x]` is negated.
/// - If a range begins with that late `!`, the negation takes the `!`, and the hyphen and
///   the upper end of the range are two members.
fn parse_class(body: &[u32]) -> Token {
    const HYPHEN: u32 = '-' as u32;
    const BANG: u32 = '!' as u32;

    // The body without its reversed ranges. A single character is a range of one, so it
    // is kept separately whether the first element was written as a range.
    let mut elements: Vec<(u32, u32)> = Vec::with_capacity(body.len());
    let mut first_is_range = false;
    let mut rest = body;
    loop {
        rest = match *rest {
            [] => break,
            [low, HYPHEN, high, ref after @ ..] if low != BANG || rest.len() < body.len() => {
                if low <= high {
                    first_is_range |= elements.is_empty();
                    elements.push((low, high));
                }
                after
            }
            [member, ref after @ ..] => {
                elements.push((member, member));
                after
            }
        };
    }

    let negated = elements.first().is_some_and(|&(low, _)| low == BANG);
    if negated {
        let (_, high) = elements.remove(0);
        if first_is_range {
            elements.extend([(HYPHEN, HYPHEN), (high, high)]);
        }
    }
    let mut members = merge(elements);
    if negated {
        members = complement(&members);
    }
    one_of(&members)
}

/// The simplest token that stands for these code points, given as ranges that rise and do not
/// touch.
fn one_of(members: &[(u32, u32)]) -> Token {
    match *members {
        [] => Token::Never,
        [(low, high)] if low == high => Token::Char(low),
        [(0, MAX)] => Token::Any,
        _ => Token::Class(Box::new(Class {
            ascii: members.iter().fold(0, |bits, &range| bits | ascii_bits(range)),
            wide: members
                .iter()
                .filter(|&&(_, high)| high >= 128)
                .map(|&(low, high)| (low.max(128), high))
                .collect(),
        })),
    }
}

/// The same members as ranges that rise and do not touch.
fn merge(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let touches = next.0 <= kept.1 + 1;
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
    ranges
}

/// The code points outside of these ranges, as ranges that rise and do not touch.
fn complement(ranges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut others = Vec::with_capacity(ranges.len() + 1);
    let mut next = 0;
    for &(low, high) in ranges {
        if next < low {
            others.push((next, low - 1));
        }
        next = high + 1;
    }
    if next <= MAX {
        others.push((next, MAX));
    }
    others
}

/// The bits of the members of a range that are ASCII.
fn ascii_bits((low, high): (u32, u32)) -> u128 {
    if low >= 128 {
        return 0;
    }
    (u128::MAX << low) & (u128::MAX >> (127 - high.min(127)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(glob: &str) -> Vec<Token> {
        parse(&glob.chars().map(u32::from).collect::<Vec<_>>())
    }

    /// The ASCII members of a glob that consists of one class.
    fn members(glob: &str) -> String {
        let [token] = &tokens(glob)[..] else { panic!("{glob} is not one token") };
        ('!'..='~').filter(|&c| token.accepts(c.into())).collect()
    }

    #[test]
    fn simplest_token_wins() {
        let a = Token::Char('a'.into());
        assert_eq!(tokens("a"), std::slice::from_ref(&a));
        assert_eq!(tokens("[a]"), std::slice::from_ref(&a));
        assert_eq!(tokens("[aaa-a]"), std::slice::from_ref(&a));
        assert_eq!(tokens("[!b-a]"), [Token::Any]);
        assert_eq!(tokens("[\0-\u{10FFFF}]"), [Token::Any]);
        assert_eq!(tokens("[\0-ab-\u{10FFFF}]"), [Token::Any]);
        assert_eq!(tokens("[!\0-\u{10FFFF}]"), [Token::Never]);
        assert_eq!(tokens("[b-a]"), [Token::Never]);
        assert_eq!(tokens("***a**"), [Token::Star, a, Token::Star]);
        assert_eq!(tokens("[a").len(), 2);
        assert_eq!(tokens(""), []);
    }

    #[test]
    fn hyphens() {
        assert_eq!(members("[a-e]"), "abcde");
        assert_eq!(members("[a-]"), "-a");
        assert_eq!(members("[-a]"), "-a");
        assert_eq!(members("[a-c-e]"), "-abce");
        assert_eq!(members("[a-ce-g]"), "abcefg");
        assert_eq!(members("[--0]"), "-./0");
        assert_eq!(members("[*--]"), "*+,-");
        assert_eq!(members("[z-a-c]"), "-c");
        assert_eq!(members("[]-a]"), "]^_`a");
        assert_eq!(members("[!!-~]"), "");
        assert_eq!(members("[b-a!!-~]"), "");
    }

    #[test]
    fn late_negation() {
        assert!(!members("[z-a!x]").contains('x'));
        assert!(members("[z-a!x]").contains('z'));
        // Not the range from `!` to `x`: all but `-` and `x`.
        let kept = members("[z-a!-x]");
        assert!(!kept.contains('-') && !kept.contains('x'));
        assert!(kept.contains('!') && kept.contains('a') && kept.contains('~'));
        // Not `!` alone, which would be any character.
        let kept = members("[z-a!-!]");
        assert!(!kept.contains('-') && !kept.contains('!') && kept.contains('a'));
    }

    #[test]
    fn wide_members() {
        let tokens = tokens("[!ä-üa😀]");
        let accepts = |c: char| tokens[0].accepts(c.into());
        assert!(!accepts('ä') && !accepts('ö') && !accepts('ü') && !accepts('a') && !accepts('😀'));
        assert!(
            accepts('ã') && accepts('ý') && accepts('b') && accepts('😁') && accepts(char::MAX)
        );
        assert!(tokens[0].accepts(0xDC80));
    }

    #[test]
    fn other_cases() {
        let folded = |glob: &str| tokens(glob)[0].in_any_case();
        let accepted = |glob: &str, text: &str| {
            text.chars().filter(|&c| folded(glob).accepts(c.into())).collect::<String>()
        };
        assert_eq!(accepted("a", "aAbB\u{DC}"), "aA");
        assert_eq!(accepted("[B-Cx]", "abcdxABCDX"), "bcxBCX");
        assert_eq!(accepted("k", "kK\u{212A}"), "kK\u{212A}");
        assert_eq!(accepted("\u{E4}", "\u{E4}\u{C4}aA"), "\u{E4}\u{C4}");
        // The members of `[!a]` include `A`.
        assert_eq!(folded("[!a]"), Token::Any);
        assert_eq!(folded("[!aA]"), tokens("[!aA]")[0]);
        assert_eq!(folded("7"), Token::Char('7'.into()));
        for unchanged in ["*", "?", "[b-a]"] {
            assert_eq!(folded(unchanged), tokens(unchanged)[0]);
        }
        // Nothing between the ranges has another case.
        let mut next = 0;
        for (from, to) in CASED.into_iter().chain([(MAX + 1, MAX + 1)]) {
            let between = (next..from).filter_map(char::from_u32);
            let between = ClassUnicode::new(between.map(|c| ClassUnicodeRange::new(c, c)));
            let mut folded = between.clone();
            folded.case_fold_simple();
            assert_eq!(folded, between);
            next = to + 1;
        }
        // Lone surrogates stay what they are, at the ends of ranges too.
        let class = parse(&['['.into(), 0xD7FF, '-'.into(), 0xE000, ']'.into()])[0].in_any_case();
        assert!([0xD7FF, 0xD800, 0xDCE9, 0xDFFF, 0xE000].iter().all(|&c| class.accepts(c)));
        assert!(!class.accepts(0xD7FE) && !class.accepts(0xE001));
        assert_eq!(Token::Char(0xDCE9).in_any_case(), Token::Char(0xDCE9));
    }

    #[test]
    fn long_globs_take_linear_time() {
        assert_eq!(parse(&vec!['['.into(); 100_000]).len(), 100_000);
        let body = "z-a".repeat(50_000);
        assert_eq!(tokens(&format!("[{body}]")), [Token::Never]);
    }
}
