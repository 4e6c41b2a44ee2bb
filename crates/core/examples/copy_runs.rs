//! An example of docs/rust.md, word for word, which a test makes sure of. It runs from the top of
//! the checkout. `Copy` is there on Unix only.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use pathvein_core::{Copy, FileStructurePattern, Outcome, Scan};

    let run = FileStructurePattern::from_text("run_*/{config.json, *.csv, data/{*.parquet}}")?;
    let mut copy = Copy::of_none().threads(2);
    for found in Scan::new("examples/lab/microscope", std::slice::from_ref(&run)) {
        let source = found?.into_path();
        let destination = format!("target/sorted/{}", source.file_name().unwrap().display());
        copy = copy.add(source, destination, &run);
    }
    for copied in copy {
        let copied = copied?;
        match copied.outcome {
            Outcome::Copied => println!("{} files: {}", copied.files, copied.destination.display()),
            Outcome::Failed { errors, .. } => eprintln!("{}", errors[0]),
            _ => println!("skipped: {}", copied.destination.display()),
        }
    }
    Ok(())
}
