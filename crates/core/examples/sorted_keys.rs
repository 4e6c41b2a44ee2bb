//! An example of docs/rust.md, word for word, which a test makes sure of.
#![allow(clippy::print_stdout)]

use std::io::{BufRead, stdin};

use pathvein_core::{ExcludeRules, FileStructurePattern, KeyFront, KeyStream};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let run = FileStructurePattern::from_text("run_*/{config.json, data/{*.parquet}}")?;
    let mut stream = KeyStream::new(&[run], "", None, ExcludeRules::default())
        .implied(true) // a path that others lie below is a directory
        .front(KeyFront::DotsOrRoot); // "./" and "/" in front are taken off
    for line in stdin().lock().split(b'\n') {
        stream.keys([line?.as_slice()])?;
        for (path, _pattern) in stream.take_matches() {
            println!("{}", String::from_utf8_lossy(&path));
        }
    }
    stream.end();
    for (path, _pattern) in stream.take_matches() {
        println!("{}", String::from_utf8_lossy(&path));
    }
    Ok(())
}
