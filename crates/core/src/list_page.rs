//! A page of keys as S3 sends it: the XML that answers `ListObjectsV2`.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// How deep elements that are of no use may be nested.
const MAX_NESTED: usize = 8;

/// A page of a bucket's listing: S3's answer to `ListObjectsV2`, in its usual form.
///
/// Only names are read. (To a general XML reader a key costs many times as much: most of the text
/// is time stamps, sizes and check sums.) They are decoded, by XML and, if the store says that
/// they are encoded as in URLs, by that. Then they need not be UTF-8. The body itself is taken for
/// UTF-8, as botocore does, whatever its first line declares.
///
/// # Example
///
/// ```
/// use pathvein_core::ListPage;
///
/// let body = b"<ListBucketResult><IsTruncated>false</IsTruncated>\
///     <Contents><Key>run_1/a&amp;b.csv</Key><Size>3</Size></Contents></ListBucketResult>";
/// let page = ListPage::read(body).unwrap();
/// assert_eq!(page.keys, [&b"run_1/a&b.csv"[..]]);
/// assert!(page.prefixes.is_empty() && page.token.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage<'b> {
    /// The keys, in the store's order.
    pub keys: Vec<Cow<'b, [u8]>>,
    /// The common prefixes, in the store's order.
    pub prefixes: Vec<Cow<'b, [u8]>>,
    /// The continuation token of the next page. `None`: this is the last.
    pub token: Option<Cow<'b, [u8]>>,
}

impl<'b> ListPage<'b> {
    /// Reads the body of a response.
    ///
    /// `None`: it is no whole listing, or has something that stores do not usually send:
    /// namespace prefixes, attributes, space in tags, comments, `CDATA`, another encoding than
    /// `url`, other references than those of XML and of white space. A general XML reader must
    /// tell. Of well-formed XML it would read the same.
    pub fn read(body: &'b [u8]) -> Option<ListPage<'b>> {
        let mut reader = Reader::begin(body)?;
        let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
        let (mut truncated, mut token, mut encoding) = (None, None, None);
        loop {
            let tag = reader.tag_after_space()?;
            let note = |told: &mut Option<&'b [u8]>, reader: &mut Reader<'b>| {
                let text = if tag.is_empty { b"" } else { reader.text(tag.name)? };
                told.replace(text).is_none().then_some(())
            };
            match tag.name {
                ROOT if tag.is_end => break,
                _ if tag.is_end => return None,
                b"Contents" | b"CommonPrefixes" if tag.is_empty => return None,
                b"Contents" => keys.push(reader.text_of(b"Key", tag.name)?),
                b"CommonPrefixes" => prefixes.push(reader.text_of(b"Prefix", tag.name)?),
                b"IsTruncated" => note(&mut truncated, &mut reader)?,
                b"NextContinuationToken" => note(&mut token, &mut reader)?,
                b"EncodingType" => note(&mut encoding, &mut reader)?,
                _ if tag.is_empty => {}
                name => reader.pass_over(name, MAX_NESTED)?,
            }
        }
        if !is_space(reader.rest) {
            return None;
        }
        let token = match truncated?.trim_ascii() {
            b"true" => Some(token.filter(|token| !token.is_empty())?),
            b"false" => None,
            _ => return None,
        };
        let is_encoded = match encoding {
            None | Some(b"") => false,
            Some(b"url") => true,
            _ => return None,
        };
        let names = |found: Vec<&'b [u8]>| {
            found.into_iter().map(|name| decoded(name, is_encoded)).collect::<Option<_>>()
        };
        Some(ListPage {
            keys: names(keys)?,
            prefixes: names(prefixes)?,
            token: match token {
                Some(token) => Some(decoded(token, false)?),
                None => None,
            },
        })
    }
}

const ROOT: &[u8] = b"ListBucketResult";

/// A tag without attributes.
#[derive(Clone, Copy)]
struct Tag<'b> {
    name: &'b [u8],
    /// Whether it ends an element.
    is_end: bool,
    /// Whether it is all of an element.
    is_empty: bool,
}

/// What is left to read. Each element must be closed by its own name, so that nothing is taken
/// for a listing that was cut off.
struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    /// After the first tag.
    fn begin(body: &'b [u8]) -> Option<Reader<'b>> {
        let mut rest = body.trim_ascii_start();
        if let Some(declaration) = rest.strip_prefix(b"<?xml") {
            let end = memchr(b'>', declaration)?;
            declaration[..end].strip_suffix(b"?")?;
            rest = declaration[end + 1..].trim_ascii_start();
        }
        let rest = rest.strip_prefix(b"<")?.strip_prefix(ROOT)?;
        let end = memchr(b'>', rest)?;
        let attributes = &rest[..end];
        let is_usual = attributes.first().is_none_or(u8::is_ascii_whitespace)
            && !attributes.ends_with(b"/")
            && !attributes.contains(&b'<')
            // What has a prefix may be the same names.
            && !attributes.windows(6).any(|some| some == b"xmlns:");
        is_usual.then(|| Reader { rest: &rest[end + 1..] })
    }

    /// The text up to the next tag, and the tag.
    fn next(&mut self) -> Option<(&'b [u8], Tag<'b>)> {
        let begin = if self.rest.starts_with(b"<") { 0 } else { memchr(b'<', self.rest)? };
        let (text, rest) = self.rest.split_at(begin);
        let end = memchr(b'>', rest)?;
        self.rest = &rest[end + 1..];
        let mut tag = Tag { name: &rest[1..end], is_end: false, is_empty: false };
        match tag.name {
            // A name with attributes would be closed by another one, one with a space by itself.
            [.., last] if last.is_ascii_whitespace() => return None,
            [b'/', name @ ..] => tag = Tag { name, is_end: true, ..tag },
            [name @ .., b'/'] => tag = Tag { name: usual(name)?, is_empty: true, ..tag },
            [b'!' | b'?', ..] | [] => return None,
            _ => {}
        }
        Some((text, tag))
    }

    /// The next tag, before which there is nothing else.
    fn tag_after_space(&mut self) -> Option<Tag<'b>> {
        let (text, tag) = self.next()?;
        is_space(text).then_some(tag)
    }

    /// The text of an element that has begun, if it has nothing else. (Most are of this kind. To
    /// look for what must come is quicker than to see what comes.)
    fn text(&mut self, name: &[u8]) -> Option<&'b [u8]> {
        let (text, rest) = self.rest.split_at(memchr(b'<', self.rest)?);
        self.rest = rest.strip_prefix(b"</")?.strip_prefix(name)?.strip_prefix(b">")?;
        Some(text)
    }

    /// The text of the one element `inner` of an element that has begun.
    fn text_of(&mut self, inner: &[u8], name: &[u8]) -> Option<&'b [u8]> {
        let mut found = None;
        loop {
            let tag = self.tag_after_space()?;
            if tag.is_end {
                return found.filter(|_| tag.name == name);
            }
            if tag.name == inner {
                if tag.is_empty || found.replace(self.text(inner)?).is_some() {
                    return None;
                }
            } else if !tag.is_empty {
                self.pass_over(tag.name, MAX_NESTED)?;
            }
        }
    }

    /// Passes over what is left of an element that has begun.
    fn pass_over(&mut self, name: &[u8], levels: usize) -> Option<()> {
        if self.text(name).is_some() {
            return Some(());
        }
        loop {
            let (_, tag) = self.next()?;
            if tag.is_end {
                return (tag.name == name).then_some(());
            }
            if !tag.is_empty {
                self.pass_over(tag.name, levels.checked_sub(1)?)?;
            }
        }
    }
}

/// A name, if it has no attributes.
fn usual(name: &[u8]) -> Option<&[u8]> {
    (!name.iter().any(u8::is_ascii_whitespace)).then_some(name)
}

fn is_space(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_whitespace)
}

/// A name, or a token, of which XML, and perhaps the encoding of URLs, is undone.
fn decoded(text: &[u8], is_encoded: bool) -> Option<Cow<'_, [u8]>> {
    let odd = |&byte: &u8| !byte.is_ascii() || matches!(byte, b'&' | b'%' | b'+' | b'\r');
    // (Without a branch it takes many bytes at a time.)
    if !text.iter().fold(false, |any, byte| any | odd(byte)) {
        return Some(Cow::Borrowed(text));
    }
    // An XML reader makes a line feed of a carriage return.
    if str::from_utf8(text).is_err() || text.contains(&b'\r') {
        return None;
    }
    let text = without_references(text)?;
    if is_encoded && memchr2(b'%', b'+', &text).is_some() {
        return Some(Cow::Owned(without_percent(&text)));
    }
    Some(text)
}

fn without_references(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(mut at) = memchr(b'&', text) else {
        return Some(Cow::Borrowed(text));
    };
    let (mut result, mut rest) = (Vec::with_capacity(text.len()), text);
    loop {
        result.extend_from_slice(&rest[..at]);
        let reference = &rest[at + 1..];
        let end = memchr(b';', reference)?;
        result.push(match &reference[..end] {
            b"amp" => b'&',
            b"lt" => b'<',
            b"gt" => b'>',
            b"quot" => b'"',
            b"apos" => b'\'',
            b"#13" => b'\r',
            b"#10" => b'\n',
            b"#9" => b'\t',
            _ => return None,
        });
        rest = &reference[end + 1..];
        match memchr(b'&', rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    result.extend_from_slice(rest);
    Some(Cow::Owned(result))
}

fn without_percent(text: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (mut result, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, behind @ ..] = rest {
        rest = behind;
        result.push(match (first, behind) {
            (b'%', [high, low, after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    (high * 16 + low) as u8
                }
                // It stands for itself.
                _ => b'%',
            },
            (b'+', _) => b' ',
            _ => *first,
        });
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(inner: &str) -> String {
        format!(
            "<?xml version='1.0'?>\n<ListBucketResult xmlns='x'><Name>b</Name><Owner/>{inner}\
             </ListBucketResult>\n"
        )
    }

    fn keys(inner: &str) -> Option<Vec<String>> {
        let body = page(&format!("<IsTruncated>false</IsTruncated>{inner}"));
        let names = ListPage::read(body.as_bytes())?.keys;
        Some(names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    fn key(text: &str) -> Option<String> {
        keys(&format!("<Contents><Size>1</Size><Key>{text}</Key></Contents>"))?.pop()
    }

    #[test]
    fn names_are_decoded() {
        for (text, expected) in [
            ("a", "a"),
            ("", ""),
            ("a+%41", "a+%41"),
            ("&lt;&gt;&quot;&apos;&#9;&#10;&#13;&amp;lt;", "<>\"'\t\n\r&lt;"),
            ("ä&amp;", "ä&"),
        ] {
            assert_eq!(key(text).as_deref(), Some(expected));
        }
        for text in ["a&b", "&nbsp;", "&#97;", "a\rb", "&amp", "<![CDATA[a]]>", "<b/>"] {
            assert_eq!(key(text), None, "{text}");
        }
        for (text, expected) in
            [("a+b%2b%C3%A9", "a b+é"), ("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("ä+", "ä ")]
        {
            // Wherever the store tells it.
            let inner =
                format!("<Contents><Key>{text}</Key></Contents><EncodingType>url</EncodingType>");
            assert_eq!(keys(&inner), Some(vec![expected.to_string()]));
        }
        let inner = "<EncodingType>url</EncodingType><Contents><Key>%FF</Key></Contents>";
        let body = page(&format!("<IsTruncated>false</IsTruncated>{inner}"));
        assert_eq!(ListPage::read(body.as_bytes()).unwrap().keys, [&b"\xff"[..]]);
    }

    #[test]
    fn a_page_has_prefixes_and_a_token() {
        let body = page(
            "<IsTruncated> true\n</IsTruncated>
             <CommonPrefixes> <Prefix>a/</Prefix> </CommonPrefixes>
             <CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>
             <NextContinuationToken>t%41&amp;</NextContinuationToken>",
        );
        let page = ListPage::read(body.as_bytes()).unwrap();
        assert_eq!(page.prefixes, [&b"a/"[..], b"b/"]);
        assert_eq!(page.token.as_deref(), Some(&b"t%41&"[..]));
        assert!(page.keys.is_empty());
    }

    #[test]
    fn what_is_not_whole_is_none() {
        let whole = page(
            "<IsTruncated>false</IsTruncated><Contents><Key>a</Key><Owner><ID>x</ID></Owner>\
             </Contents><CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>",
        );
        assert!(ListPage::read(whole.as_bytes()).is_some());
        for end in 0..whole.trim_end().len() {
            assert_eq!(ListPage::read(&whole.as_bytes()[..end]), None, "{}", &whole[..end]);
        }
        for (from, to) in [
            ("<Key>a</Key>", ""),
            ("<Key>a</Key>", "<Key/>"),
            ("<Key>a</Key>", "<Key>a</Key><Key>b</Key>"),
            ("<Key>", "<Key x='1'>"),
            ("</Contents>", ""),
            ("<Contents>", ""),
            ("<Contents>", "<Contents/><Contents>"),
            ("<Contents>", "<Contents x='1'>"),
            ("<Contents>", "<Contents x='1'/><Contents>"),
            ("<Contents>", "text<Contents>"),
            ("<Contents>", "<!-- --><Contents>"),
            ("false", "FALSE"),
            ("false", "true"),
            ("<IsTruncated>false</IsTruncated>", ""),
            ("<IsTruncated>", "<IsTruncated>false</IsTruncated><IsTruncated>"),
            ("xmlns=", "xmlns:s="),
            ("<ListBucketResult ", "<ListBucketResults "),
            ("xmlns='x'", "xmlns='x'/"),
            ("</ListBucketResult>", "</ListBucketResult><Error/>"),
        ] {
            let body = whole.replacen(from, to, 1);
            assert_eq!(ListPage::read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_is_known_by_name_alone_is_not_passed_over() {
        for inner in [
            "<Contents ><Key>a</Key></Contents >",
            "<Contents\n><Key>a</Key></Contents\n>",
            "<CommonPrefixes ><Prefix>a/</Prefix></CommonPrefixes >",
            "<EncodingType >url</EncodingType ><Contents><Key>%41</Key></Contents>",
            "<EncodingType>&#117;rl</EncodingType><Contents><Key>%41</Key></Contents>",
            "<Contents><Key>a</Key><Key >b</Key ></Contents>",
        ] {
            assert_eq!(keys(inner), None, "{inner}");
        }
        let inner = "<EncodingType></EncodingType><Contents><Key>%41</Key></Contents>";
        assert_eq!(keys(inner), Some(vec!["%41".to_string()]));
    }

    #[test]
    fn what_is_nested_too_deep_is_none() {
        for (levels, is_read) in [(5, true), (100_000, false)] {
            let inner = format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
            assert_eq!(keys(&inner).is_some(), is_read);
        }
    }
}
