//! A reader of JSON text, over code points.
//!
//! `serde_json` does not serve here. A name may hold lone surrogates, a nested pattern may
//! be an object or a string, and errors have the positions of Python's `json`; `serde_json`
//! gives strings with lone surrogates only where it is asked for a string and nothing else,
//! and counts columns in bytes. This reader accepts exactly JSON, so no `NaN`. It does not
//! recurse, and its memory is bounded by the length of the text.

use crate::MAX_LEVELS;

/// Containers below this depth are read as if they were empty: no pattern nests so deep. A
/// pattern takes two containers, its object and a list, and two more where it stands among
/// alternatives with numbers. The deepest one's files take four.
pub(super) const KEPT_DEPTH: usize = 4 * MAX_LEVELS + 4;

/// A JSON value, with as much detail as a pattern needs.
#[derive(Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Number(Number),
    /// A value of a type that JSON does not have, described in words.
    #[cfg(feature = "serde")]
    Other(&'static str),
    /// A string's code points, lone surrogates included.
    String(Vec<u32>),
    List(Vec<Value>),
    /// Keys and values in their order, duplicate keys included.
    Object(Vec<(Vec<u32>, Value)>),
}

/// A number, as far as a pattern needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(u32),
    Negative,
    TooLarge,
    /// One with a fraction or an exponent, whatever its value is.
    Float,
}

impl Number {
    /// The number in words that follow "found".
    pub(super) fn description(self) -> &'static str {
        match self {
            Number::Whole(_) => "a number",
            Number::Negative => "a negative number",
            Number::TooLarge => "a larger number",
            Number::Float => "a number with a fraction or an exponent",
        }
    }
}

impl From<i128> for Number {
    fn from(number: i128) -> Number {
        match u32::try_from(number) {
            Ok(number) => Number::Whole(number),
            Err(_) if number < 0 => Number::Negative,
            Err(_) => Number::TooLarge,
        }
    }
}

impl Value {
    /// The type of the value, in words that follow "found".
    pub(super) fn description(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Number(_) => "a number",
            #[cfg(feature = "serde")]
            Value::Other(description) => description,
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

/// An error in a text, and its offset in code points, which is at most the text's length.
#[derive(Debug, PartialEq)]
pub(super) struct Broken {
    pub(super) message: String,
    pub(super) offset: usize,
}

impl Broken {
    fn new(message: impl Into<String>, offset: usize) -> Broken {
        Broken { message: message.into(), offset }
    }
}

/// The line and the column, both from 1, of an offset in a text.
pub(super) fn line_and_column(text: &[u32], offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let is_newline = |c: &&u32| **c == u32::from(b'\n');
    let line = 1 + before.iter().filter(is_newline).count();
    let column = 1 + before.iter().rev().take_while(|c| !is_newline(c)).count();
    (line, column)
}

/// Reads a whole text as one value.
pub(super) fn parse(text: &[u32]) -> Result<Value, Broken> {
    if text.first() == Some(&0xFEFF) {
        return Err(Broken::new("the text starts with a byte order mark: leave it out", 0));
    }
    Parser { text, at: 0 }.document()
}

struct Parser<'t> {
    text: &'t [u32],
    at: usize,
}

/// A container that is being read. A list's entries have empty keys.
#[derive(Default)]
struct Open {
    key: Vec<u32>,
    entries: Vec<(Vec<u32>, Value)>,
}

fn close(closer: char, entries: Vec<(Vec<u32>, Value)>) -> Value {
    match closer {
        '}' => Value::Object(entries),
        _ => Value::List(entries.into_iter().map(|(_, value)| value).collect()),
    }
}

impl Parser<'_> {
    fn document(mut self) -> Result<Value, Broken> {
        // The closing brackets that are expected, and the first KEPT_DEPTH of the
        // containers that they close.
        let mut closers: Vec<char> = Vec::new();
        let mut kept: Vec<Open> = Vec::new();
        loop {
            self.skip_space();
            let mut value = match self.opener() {
                None => self.scalar()?,
                Some(closer) => {
                    self.skip_space();
                    if self.eat(closer) {
                        close(closer, Vec::new())
                    } else {
                        let key = if closer == '}' { self.key()? } else { Vec::new() };
                        if closers.len() < KEPT_DEPTH {
                            kept.push(Open { key, entries: Vec::new() });
                        }
                        closers.push(closer);
                        continue;
                    }
                }
            };
            // A value has ended, and perhaps the containers around it.
            loop {
                self.skip_space();
                let Some(&closer) = closers.last() else { return self.end(value) };
                let mut container = kept.get_mut(closers.len() - 1);
                if let Some(open) = &mut container {
                    open.entries.push((std::mem::take(&mut open.key), value));
                }
                if self.comma(closer)? {
                    if closer == '}' {
                        let key = self.key()?;
                        if let Some(open) = container {
                            open.key = key;
                        }
                    }
                    break;
                }
                closers.pop();
                let ended = if kept.len() > closers.len() { kept.pop() } else { None };
                value = close(closer, ended.unwrap_or_default().entries);
            }
        }
    }

    fn end(&self, value: Value) -> Result<Value, Broken> {
        match self.at == self.text.len() {
            true => Ok(value),
            false => Err(Broken::new("there is more text after the end of the value", self.at)),
        }
    }

    fn code_point(&self) -> Option<u32> {
        self.text.get(self.at).copied()
    }

    fn peek(&self) -> Option<char> {
        self.code_point().and_then(char::from_u32)
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    /// Reads an opening bracket, and returns the one that closes it.
    fn opener(&mut self) -> Option<char> {
        let closer = match self.peek() {
            Some('[') => ']',
            Some('{') => '}',
            _ => return None,
        };
        self.at += 1;
        Some(closer)
    }

    /// Reads a comma (true) or the closing bracket (false).
    fn comma(&mut self, closer: char) -> Result<bool, Broken> {
        if self.eat(closer) {
            return Ok(false);
        }
        let comma = self.at;
        if !self.eat(',') {
            return Err(Broken::new(format!("expected ',' or '{closer}'"), comma));
        }
        self.skip_space();
        match self.peek() == Some(closer) {
            true => Err(Broken::new(format!("no comma may stand before '{closer}'"), comma)),
            false => Ok(true),
        }
    }

    /// Reads a key and the colon after it.
    fn key(&mut self) -> Result<Vec<u32>, Broken> {
        if self.peek() != Some('"') {
            return Err(Broken::new("expected a key in double quotes", self.at));
        }
        let key = self.string()?;
        self.skip_space();
        match self.eat(':') {
            true => Ok(key),
            false => Err(Broken::new("expected ':' after the key", self.at)),
        }
    }

    fn scalar(&mut self) -> Result<Value, Broken> {
        match self.peek() {
            Some('"') => return Ok(Value::String(self.string()?)),
            Some('-' | '0'..='9') => return self.number(),
            _ => {}
        }
        let words = [
            ("null", Value::Null),
            ("true", Value::Boolean(true)),
            ("false", Value::Boolean(false)),
        ];
        for (word, value) in words {
            if self.text[self.at..].iter().copied().take(word.len()).eq(word.chars().map(u32::from))
            {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(Broken::new("expected a value", self.at))
    }

    /// Reads the longest number at the position.
    fn number(&mut self) -> Result<Value, Broken> {
        let start = self.at;
        let negative = self.eat('-');
        if !self.eat('0') && !self.digits() {
            return Err(Broken::new("expected a value", start));
        }
        let whole = self.at;
        if !(self.eat('.') && self.digits()) {
            self.at = whole;
        }
        let fraction = self.at;
        if self.eat('e') || self.eat('E') {
            let _sign = self.eat('+') || self.eat('-');
            if !self.digits() {
                self.at = fraction;
            }
        }
        if self.at > whole {
            return Ok(Value::Number(Number::Float));
        }
        let digits = &self.text[start + usize::from(negative)..whole];
        let value = digits.iter().fold(0_i128, |value, &digit| {
            // Far enough for any number that is in range.
            (value * 10 + i128::from(digit - u32::from(b'0'))).min(i128::from(u64::MAX))
        });
        Ok(Value::Number(if negative { -value } else { value }.into()))
    }

    /// Reads digits, and returns whether there were any.
    fn digits(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some('0'..='9')) {
            self.at += 1;
        }
        self.at > start
    }

    /// Reads a string from its opening quote on.
    fn string(&mut self) -> Result<Vec<u32>, Broken> {
        let start = self.at;
        self.at += 1;
        let mut string = Vec::new();
        loop {
            let at = self.at;
            let Some(c) = self.code_point() else {
                return Err(Broken::new("this string has no end", start));
            };
            self.at += 1;
            match char::from_u32(c) {
                Some('"') => return Ok(string),
                Some('\\') => string.push(self.escape(start)?),
                Some('\0'..='\x1F') => {
                    let message =
                        format!("a control character in a string: write it as \\u{c:04x}");
                    return Err(Broken::new(message, at));
                }
                _ => string.push(c),
            }
        }
    }

    /// Reads an escape after its backslash.
    fn escape(&mut self, string_start: usize) -> Result<u32, Broken> {
        let Some(c) = self.code_point() else {
            return Err(Broken::new("this string has no end", string_start));
        };
        self.at += 1;
        let escaped = match char::from_u32(c) {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\x08',
            Some('f') => '\x0C',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode_escape(),
            _ => return Err(Broken::new("a backslash that starts no escape", self.at - 2)),
        };
        Ok(escaped.into())
    }

    /// Reads the digits of a `\u` escape, and the second escape of a pair.
    ///
    /// Only two escapes make a pair. A lone surrogate that is in the text as it is stays
    /// alone.
    fn unicode_escape(&mut self) -> Result<u32, Broken> {
        let first = self.four_digits()?;
        let behind_first = self.at;
        if (0xD800..0xDC00).contains(&first) && self.eat('\\') && self.eat('u') {
            let second = self.four_digits()?;
            if (0xDC00..0xE000).contains(&second) {
                return Ok(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
            }
        }
        self.at = behind_first;
        Ok(first)
    }

    fn four_digits(&mut self) -> Result<u32, Broken> {
        let letter = self.at - 1;
        if self.text.len() <= self.at + 4 {
            return Err(Broken::new("the text ends in this escape", letter));
        }
        let mut number = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(Broken::new("four hexadecimal digits must follow \\u", letter));
            };
            number = number * 16 + digit;
            self.at += 1;
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_points(text: &str) -> Vec<u32> {
        text.chars().map(u32::from).collect()
    }

    fn parse_str(text: &str) -> Result<Value, Broken> {
        parse(&code_points(text))
    }

    #[test]
    fn reads_every_kind_of_value() {
        let string = |text: &str| Value::String(code_points(text));
        let cases = [
            ("null", Value::Null),
            (" true\n", Value::Boolean(true)),
            ("\r\tfalse", Value::Boolean(false)),
            (r#""a\/b""#, string("a/b")),
            ("[]", Value::List(vec![])),
            ("[ ]", Value::List(vec![])),
            ("{ }", Value::Object(vec![])),
            (r#"["a" , [null]]"#, Value::List(vec![string("a"), Value::List(vec![Value::Null])])),
            (
                r#"{"a":[], "" : {"b":"c"} , "a":""}"#,
                Value::Object(vec![
                    (code_points("a"), Value::List(vec![])),
                    (vec![], Value::Object(vec![(code_points("b"), string("c"))])),
                    (code_points("a"), string("")),
                ]),
            ),
        ];
        for (text, value) in cases {
            assert_eq!(parse_str(text), Ok(value), "{text}");
        }
        let numbers = [
            ("0", Number::Whole(0)),
            ("-0", Number::Whole(0)),
            ("10", Number::Whole(10)),
            ("4294967295", Number::Whole(u32::MAX)),
            ("4294967296", Number::TooLarge),
            ("18446744073709551617", Number::TooLarge),
            (&"9".repeat(1000), Number::TooLarge),
            ("-1", Number::Negative),
            (&format!("-{}", "9".repeat(1000)), Number::Negative),
            ("3.0", Number::Float),
            ("-1.50", Number::Float),
            ("1e9", Number::Float),
            ("1E+09", Number::Float),
            ("0.1e-999", Number::Float),
            ("1e999", Number::Float),
        ];
        for (text, number) in numbers {
            assert_eq!(parse_str(text), Ok(Value::Number(number)), "{text}");
        }
    }

    /// The positions are those that CPython 3.11's `json` gave.
    #[test]
    fn broken_text_is_reported_where_python_reports_it() {
        #[rustfmt::skip]
        let cases = [
            ("", 0, 1, 1),
            ("   \n ", 5, 2, 2),
            ("nul", 0, 1, 1),
            ("{", 1, 1, 2),
            ("{\"files\"", 8, 1, 9),
            ("{\"files\":", 9, 1, 10),
            ("{\"files\": [", 11, 1, 12),
            ("{\"files\": [\"a\" \"b\"]}", 15, 1, 16),
            ("{\"files\": [\"a\"}", 14, 1, 15),
            ("{\"files\": []", 12, 1, 13),
            ("{\"files\": [] \"directories\": []}", 13, 1, 14),
            ("{\"files\" []}", 9, 1, 10),
            ("{'files': []}", 1, 1, 2),
            ("{files: []}", 1, 1, 2),
            ("{\"files\": ['a']}", 11, 1, 12),
            ("{\"files\": [\"a}", 11, 1, 12),
            ("{\"files\": [\"a\\", 11, 1, 12),
            ("{\"files\": [\"a\nb\"]}", 13, 1, 14),
            ("{\"files\": [\"\u{1f}\"]}", 12, 1, 13),
            ("{\"files\": [\"\\x41\"]}", 12, 1, 13),
            ("{\"files\": [\"\\u12\"]}", 13, 1, 14),
            ("{\"files\": [\"\\u12", 13, 1, 14),
            ("{\"files\": [\"\\u1234", 13, 1, 14),
            ("{\"files\": [\"\\ud83d\\u12\"]}", 19, 1, 20),
            ("{\"files\": [\"\\u00e9\\u+041\"]}", 19, 1, 20),
            ("{} x", 3, 1, 4),
            ("{}{}", 2, 1, 3),
            ("[1 2]", 3, 1, 4),
            ("{\"files\": [01]}", 12, 1, 13),
            ("{\"files\": [1.]}", 12, 1, 13),
            ("{\"files\": [-]}", 11, 1, 12),
            ("{\"files\": [.5]}", 11, 1, 12),
            ("{\"files\": [+1]}", 11, 1, 12),
            ("{\"files\": [1e]}", 12, 1, 13),
            ("{\"files\": [tru]}", 11, 1, 12),
            ("{\"files\": [truex]}", 15, 1, 16),
            ("{\"files\": [] // why\n}", 13, 1, 14),
            ("\u{feff}{}", 0, 1, 1),
            (" \u{feff}{}", 1, 1, 2),
            ("{}\u{feff}", 2, 1, 3),
            ("{\n  \"files\": [\n    \"\u{e9}\u{1f600}\" \"b\"\n  ]\n}", 24, 3, 10),
            ("{\r\n\"files\": 1;}", 13, 2, 11),
            ("{\"files\":\u{a0}[]}", 9, 1, 10),
            (",", 0, 1, 1),
            ("{,}", 1, 1, 2),
            ("[,]", 1, 1, 2),
            ("]", 0, 1, 1),
            ("{\"a\":1,,\"b\":2}", 7, 1, 8),
            ("{\"a\":}", 5, 1, 6),
            ("{\"$schema\": [[[[}", 16, 1, 17),
            ("\"abc", 0, 1, 1),
            ("\0", 0, 1, 1),
            ("{} \u{b}", 3, 1, 4),
        ];
        for (text, offset, line, column) in cases {
            let text = code_points(text);
            let broken = parse(&text).unwrap_err();
            let (found_line, found_column) = line_and_column(&text, broken.offset);
            assert_eq!(
                (broken.offset, found_line, found_column),
                (offset, line, column),
                "{broken:?}"
            );
        }
    }

    #[test]
    fn a_byte_order_mark_is_called_by_its_name() {
        let message = parse_str("\u{FEFF}{}").unwrap_err().message;
        assert_eq!(message, "the text starts with a byte order mark: leave it out");
    }

    /// As CPython does from 3.13 on; older ones point behind the comma. They
    /// all accept the constants.
    #[test]
    fn trailing_commas_and_constants_are_reported_where_they_stand() {
        let cases = [
            ("[1,]", 2),
            ("[1 , \n ]", 3),
            (r#"{"a": 1,}"#, 7),
            (r#"{"files": ["a",], }"#, 14),
            ("NaN", 0),
            (r#"{"files": [NaN]}"#, 11),
            ("[Infinity]", 1),
            ("[-Infinity]", 1),
        ];
        for (text, offset) in cases {
            assert_eq!(parse_str(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn every_prefix_is_broken_within_its_bounds() {
        let text = code_points(
            " {\"a\\u00e9\\ud83d\\ude00\": [-1.5e+3, true, \"\\\\\", {}], \"é\": {\"x\": null}}",
        );
        assert!(parse(&text).is_ok());
        for end in 0..text.len() {
            let broken = parse(&text[..end]).unwrap_err();
            assert!(broken.offset <= end, "{broken:?}");
        }
    }

    #[test]
    fn depth_costs_no_stack_and_is_kept_only_as_far_as_a_pattern_goes() {
        for (opener, closer) in [("[", "]"), (r#"{"a":"#, "}")] {
            let many = 100_000;
            let open = opener.repeat(many);
            let broken = parse_str(&open).unwrap_err();
            assert_eq!(broken.offset, open.chars().count());
            let mut value = parse_str(&format!("{open}0{}", closer.repeat(many))).unwrap();
            let mut depth = 0;
            loop {
                depth += 1;
                value = match value {
                    Value::List(mut items) if items.len() == 1 => items.remove(0),
                    Value::Object(mut entries) if entries.len() == 1 => entries.remove(0).1,
                    other => {
                        break assert_eq!(other, close(closer.chars().next().unwrap(), vec![]));
                    }
                };
            }
            assert_eq!(depth, KEPT_DEPTH + 1);
        }
        // Values after the deep part are kept.
        let deep = "[".repeat(999) + &"]".repeat(999);
        let Ok(Value::List(items)) = parse_str(&format!("[{deep}, {deep}, 5]")) else { panic!() };
        assert_eq!(items.len(), 3);
        assert_eq!(items[0], items[1]);
        assert_eq!(items[2], Value::Number(Number::Whole(5)));
    }
}
