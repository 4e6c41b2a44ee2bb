//! An example of docs/rust.md, word for word, which a test makes sure of. It runs from the top of
//! the checkout.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use pathvein_core::{ErrorKind, ExcludeRules, FileStructurePattern, PatternSet, Scan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let complete = FileStructurePattern::from_text("run_*/{config.json, data/{*.parquet}}")?;
    let broken = FileStructurePattern::from_text("run_*/{config.json, no data/{*.parquet}}")?;
    let patterns = PatternSet::new(&[complete, broken]);

    let mut results = Scan::new("examples/lab", &patterns)
        .exclude(ExcludeRules::new(["spectrometer/", "*.tmp"])?)
        .max_depth(4)
        .follow_links(true)
        .threads(2)
        .start()?; // the source itself cannot be read: an error here

    for found in &mut results {
        match found {
            // Which of the patterns it is, by its place among them.
            Ok(found) => {
                println!("{} {}", ["complete", "broken"][found.pattern()], found.path().display())
            }
            // One that is below the source stands in the place of a result, and the scan goes on.
            Err(error) if error.kind() == ErrorKind::Loop => {
                eprintln!("a link in a circle: {error}")
            }
            Err(error) => eprintln!("{error}"),
        }
    }
    println!("{} matches", results.stats().matches);
    Ok(())
}
