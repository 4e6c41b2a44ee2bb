//! The Rust example of README.md, word for word, which a test makes sure of. It runs from the
//! top of the checkout.
#![allow(clippy::print_stdout)]

use pathvein_core::{ExcludeRules, FileStructurePattern, Scan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
    let run = FileStructurePattern::builder("run_*").file("*.csv").directory(data).build()?;
    for found in Scan::new("examples/lab", &[run]).exclude(ExcludeRules::new(["archive/"])?) {
        println!("{}", found?.path().display());
    }
    Ok(())
}
