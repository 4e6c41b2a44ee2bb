//! Pattern text from any bytes. Reading never panics; errors lie in the text; and what is read is
//! written and read back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pathvein_core::{ErrorKind, FileStructurePattern};

fuzz_target!(|input: &[u8]| {
    // What is no UTF-8 is lone surrogates, as Python has it.
    let mut text: Vec<u32> = Vec::new();
    for chunk in input.utf8_chunks() {
        text.extend(chunk.valid().chars().map(u32::from));
        text.extend(chunk.invalid().iter().map(|&byte| 0xDC00 + u32::from(byte)));
    }
    let several = FileStructurePattern::several_from_text_code_points(&text);
    let one = FileStructurePattern::from_text_code_points(&text);
    let string = FileStructurePattern::from_string(&text, "directories[0]");
    for error in [several.as_ref().err(), one.as_ref().err(), string.as_ref().err()] {
        let Some(error) = error else { continue };
        if error.kind() == ErrorKind::TextSyntax {
            assert!(error.line() >= Some(1) && error.column() >= Some(1), "{error}");
            assert!(error.offset() <= Some(text.len()), "{error}");
            assert!(error.to_string().lines().count() <= 3, "{error}");
        }
    }
    match (&several, &one) {
        (Ok(several), Ok(one)) => assert_eq!(several[..], [one.clone()]),
        (Ok(several), Err(_)) => assert!(several.len() > 1),
        (Err(several), Err(one)) => assert_eq!(several.to_string(), one.to_string()),
        (Err(error), Ok(_)) => panic!("{error}"),
    }
    for pattern in several.into_iter().flatten().chain(string) {
        let written = pattern.to_text();
        let again = FileStructurePattern::from_text(&written).expect(&written);
        assert_eq!(again.to_text(), written);
        assert_eq!(FileStructurePattern::from_text(&pattern.to_text_line()).unwrap(), again);
        // The empty name of a directory becomes a star, and nothing else changes.
        if !format!("{pattern:?}").contains("NameGlob(\"\")") {
            assert_eq!(again, pattern);
        }
    }
});
