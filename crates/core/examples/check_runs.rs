//! The Rust example of docs/checking.md, word for word, which a test makes sure of. It runs from
//! the top of the checkout.
#![allow(clippy::print_stdout)]

use pathvein_core::{Check, FileStructurePattern};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let run = FileStructurePattern::from_text("run_*/{config.json, *.csv, data/{*.parquet}}")?;
    for checked in Check::new("examples/lab", &[run]) {
        let checked = checked?;
        for missing in checked.missing() {
            println!("{}: {}", checked.path().display(), missing.place);
        }
    }
    Ok(())
}
