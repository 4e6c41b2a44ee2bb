//! The parts of a rule's glob, as far as it takes to tell what it can match.

/// A character of a glob, or what stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// As it is written. A `/` that is escaped is a `/`.
    pub(super) text: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One that may be special.
    Plain(char),
    Escaped(char),
    Bracket,
}

impl Token {
    fn is(&self, c: char) -> bool {
        self.kind == Kind::Plain(c)
    }
}

/// The tokens of a glob, in which a backslash separates nothing. `None` if a bracket holds nothing
/// but `/`.
pub(super) fn tokens(glob: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = glob.chars().peekable();
    while let Some(c) = rest.next() {
        let (text, kind) = match c {
            '\\' => match rest.next() {
                Some('/') => ("/".to_owned(), Kind::Plain('/')),
                Some(c) => (format!("\\{c}"), Kind::Escaped(c)),
                None => continue,
            },
            '[' => (bracket(&mut rest)?, Kind::Bracket),
            c => (c.to_string(), Kind::Plain(c)),
        };
        tokens.push(Token { text, kind });
    }
    Some(tokens)
}

/// The text of a bracket that has begun. `None` if it holds nothing but `/`.
fn bracket(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let negation = rest.next_if(|&c| c == '!' || c == '^');
    let mut members = String::new();
    let mut end = "";
    loop {
        match rest.next() {
            Some(']') if !members.is_empty() => {
                end = "]";
                break;
            }
            // A class by its name, such as [:digit:].
            Some('[') if rest.peek() == Some(&':') => {
                members.push('[');
                let mut ahead = rest.clone();
                let name: String =
                    ahead.by_ref().skip(1).take_while(|&c| c.is_ascii_lowercase()).collect();
                if ahead.next() == Some(']') && !name.is_empty() {
                    members += &format!(":{name}:]");
                    *rest = ahead;
                }
            }
            Some(c) => members.push(c),
            // It is not closed, which globset tells.
            None => break,
        }
    }
    let is_slash = negation.is_none() && members.chars().all(|c| c == '/');
    let negation = negation.map(String::from).unwrap_or_default();
    (!is_slash).then(|| format!("[{negation}{members}{end}"))
}

/// How many alternatives of a glob are looked at, and how many tokens all of them may have.
const MAX_ALTERNATIVES: usize = 1000;
const MAX_TOKENS: usize = 1_000_000;

/// What a glob stands for, without braces: all of it, or the first thousand or fewer.
///
/// The recursion is as deep as braces may nest.
pub(super) fn alternatives(tokens: &[Token]) -> Vec<Vec<&Token>> {
    let most = (MAX_TOKENS / tokens.len().max(1)).clamp(1, MAX_ALTERNATIVES);
    let mut all = vec![Vec::new()];
    let mut rest = tokens;
    while !rest.is_empty() {
        let plain = rest.iter().position(|token| token.is('{')).unwrap_or(rest.len());
        let (start, after) = rest.split_at(plain);
        all.iter_mut().for_each(|alternative| alternative.extend(start));
        let Some((_, after)) = after.split_first() else { break };
        let (mut choices, mut depth, mut begin) = (Vec::new(), 1, 0);
        for (at, token) in after.iter().enumerate() {
            depth += usize::from(token.is('{'));
            depth -= usize::from(token.is('}'));
            if depth == 0 || depth == 1 && token.is(',') {
                choices.extend(alternatives(&after[begin..at]));
                begin = at + 1;
            }
            if depth == 0 {
                break;
            }
        }
        rest = &after[begin..];
        let mut joined = Vec::new();
        for start in &all {
            let left = most - joined.len();
            joined.extend(choices.iter().take(left).map(|choice| [&start[..], choice].concat()));
        }
        all = joined;
    }
    all
}

/// The components of a glob without braces.
pub(super) fn components<'a, 't>(tokens: &'a [&'t Token]) -> impl Iterator<Item = &'a [&'t Token]> {
    tokens.split(|token| token.is('/'))
}

/// The one name that a component matches. `None` if it may match several.
pub(super) fn literal(component: &[&Token]) -> Option<String> {
    let character = |token: &&Token| match token.kind {
        Kind::Plain('*' | '?') | Kind::Bracket => None,
        Kind::Plain(c) | Kind::Escaped(c) => Some(c),
    };
    component.iter().map(character).collect()
}

/// A component, or several, as they are written.
pub(super) fn text(tokens: &[&Token]) -> String {
    tokens.iter().map(|token| &token.text[..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_taken_apart() {
        let check = |glob: &str, expected: &[&str]| {
            let tokens = tokens(glob).unwrap();
            let found: Vec<_> = alternatives(&tokens).iter().map(|a| text(a)).collect();
            assert_eq!(found, expected, "{glob}");
        };
        check("", &[""]);
        check("a{b,c}d", &["abd", "acd"]);
        check("{a,{b,}c}{,/d}", &["a", "a/d", "bc", "bc/d", "c", "c/d"]);
        check("[{,}]{[}],x}[[:digit:],]", &["[{,}][}][[:digit:],]", "[{,}]x[[:digit:],]"]);
        check("\\{a,b\\}", &["\\{a,b\\}"]);
        check("a\\/b", &["a/b"]);
        for (glob, most) in
            [("{a,b}".repeat(30), 1000), ("{a,b}".repeat(20) + &"x".repeat(9999), 99)]
        {
            assert_eq!(alternatives(&tokens(&glob).unwrap()).len(), most);
        }
    }
}
