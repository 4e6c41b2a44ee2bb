//! An example of docs/rust.md, word for word, which a test makes sure of.
#![allow(clippy::print_stdout)]

use std::collections::HashMap;

use pathvein_core::{FileStructurePattern, ListingScan, Name};

fn main() -> Result<(), pathvein_core::Error> {
    // Of each directory, its directories and its files. It could be a database, or a server.
    let tree = HashMap::from([
        ("lab", (vec!["run_1", "run_2", "old"], vec![])),
        ("lab/run_1", (vec!["data"], vec!["config.json"])),
        ("lab/run_1/data", (vec![], vec!["a.parquet"])),
        ("lab/run_2", (vec![], vec!["config.json"])),
    ]);
    let run = FileStructurePattern::from_text("run_*/{config.json, data/{*.parquet}}")?;

    let mut scan = ListingScan::new(&[run], None);
    let mut to_list = vec![(scan.source("lab"), "lab".to_string())];
    while let Some((id, path)) = to_list.pop() {
        let Some((directories, files)) = tree.get(path.as_str()) else {
            scan.not_listed(id); // it is there, and what is in it is not known
            continue;
        };
        // Each directory with whether it may be entered, as a link may not.
        let entries: Vec<_> = directories.iter().map(|&name| (Name::from(name), true)).collect();
        let files = files.iter().map(|&name| Name::from(name));
        for (index, wanted) in scan.listed(id, path.clone(), &entries, files) {
            to_list.push((wanted, format!("{path}/{}", directories[index])));
        }
    }
    for (path, _pattern) in scan.take_matches() {
        println!("{path}");
    }
    Ok(())
}
