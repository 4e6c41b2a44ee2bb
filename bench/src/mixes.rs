//! Globs and names: realistic mixes, and hard ones. The same arguments give the same result.
//!
//! In the realistic mixes (`lab`, `source`, `photos`), 54 % of the globs are `*.ext`, 21 %
//! affixes, 20 % literals, and the rest others. Each of the other mixes is hard for some way
//! of matching.

/// `globs` globs and `names` names of a mix.
pub fn make(mix: &str, globs: usize, names: usize) -> (Vec<String>, Vec<String>) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut distinct = Vec::new();
    let mut seen = std::collections::HashSet::new();
    while distinct.len() < globs {
        let glob = match mix {
            "lab" => LAB.glob(&mut random),
            "source" => SOURCE.glob(&mut random),
            "photos" => PHOTOS.glob(&mut random),
            _ => hard_glob(mix, &mut random),
        };
        // When words run out, numbers make the globs distinct.
        let glob = if seen.contains(&glob) { format!("{glob}{}", distinct.len()) } else { glob };
        seen.insert(glob.clone());
        distinct.push(glob);
    }
    let names = (0..names).map(|_| match mix {
        "lab" => LAB.name(&mut random),
        "source" => SOURCE.name(&mut random),
        "photos" => PHOTOS.name(&mut random),
        _ => hard_name(mix, &mut random),
    });
    (distinct, names.collect())
}

/// An xorshift generator.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }
}

struct Mix {
    stems: &'static [&'static str],
    /// How the numbers in names look.
    digits: usize,
    endings: &'static [&'static str],
    literals: &'static [&'static str],
    others: &'static [&'static str],
}

impl Mix {
    fn glob(&self, random: &mut Random) -> String {
        let (stem, ending) = (random.of(self.stems), random.of(self.endings));
        match random.below(100) {
            0..54 => format!("*.{ending}"),
            54..62 => format!("{stem}*"),
            62..68 => format!("*_{}.{ending}", random.below(30)),
            68..75 => format!("{stem}*.{ending}"),
            75..95 if random.below(2) == 0 => random.of(self.literals).to_string(),
            75..95 => format!("{stem}{}.{ending}", random.below(100)),
            _ => random.of(self.others).replace("{}", stem),
        }
    }

    fn name(&self, random: &mut Random) -> String {
        if random.below(8) == 0 {
            return random.of(self.literals).to_string();
        }
        let (stem, ending) = (random.of(self.stems), random.of(self.endings));
        let number = random.below(10usize.pow(self.digits as u32));
        let number = format!("{number:0digits$}", digits = self.digits);
        match random.below(10) {
            0 => format!("{stem}{number}"),
            1 => format!("{stem}{number}_{}.{ending}", random.below(100)),
            _ => format!("{stem}{number}.{ending}"),
        }
    }
}

const LAB: Mix = Mix {
    stems: &[
        "run_",
        "part-",
        "detector_",
        "sample_",
        "channel-",
        "calib_",
        "scan",
        "frame_",
        "plate_",
        "trace_",
        "log_",
        "session-",
    ],
    digits: 6,
    endings: &[
        "parquet", "csv", "h5", "bin", "tif", "raw", "json", "yaml", "log", "npy", "txt", "dat",
        "mzML", "fcs", "tdms", "root", "zarr", "nc", "xlsx", "pdf",
    ],
    literals: &[
        "config.json",
        "summary.csv",
        "notes.md",
        "environment.yaml",
        "data",
        "raw",
        "logs",
        "metadata.json",
        "DONE",
        "README",
        "protocol.pdf",
        "index.db",
    ],
    others: &["*{}*", "{}[0-9]*", "{}??????.*", "*{}*_*.csv", "[!.]*.{}", "{}[0-9][0-9]*.h5"],
};

const SOURCE: Mix = Mix {
    stems: &[
        "test_", "mod_", "lib", "index", "util_", "parser", "main", "app.", "conf_", "handler",
        "types", "build",
    ],
    digits: 2,
    endings: &[
        "rs", "py", "c", "h", "cpp", "js", "ts", "tsx", "go", "java", "md", "toml", "json", "yml",
        "sh", "html", "css", "o", "pyc", "lock",
    ],
    literals: &[
        "Cargo.toml",
        "README.md",
        "package.json",
        "Makefile",
        "__init__.py",
        ".gitignore",
        "setup.py",
        "LICENSE",
        "mod.rs",
        "go.mod",
        "tsconfig.json",
        "src",
        "node_modules",
        ".git",
    ],
    others: &["*{}*", "{}[0-9].*", ".*rc", "*.{}.?s", "[A-Z]*", "*{}*.min.js"],
};

const PHOTOS: Mix = Mix {
    stems: &[
        "IMG_2024",
        "DSC0",
        "PXL_2023",
        "Urlaub été ",
        "_MG_",
        "DJI_",
        "Straße ",
        "VID_2022",
        "Scan ",
        "WhatsApp Image ",
        "P10",
        "写真",
    ],
    digits: 4,
    endings: &[
        "jpg", "JPG", "jpeg", "png", "heic", "HEIC", "arw", "ARW", "CR2", "cr3", "nef", "dng",
        "xmp", "mp4", "MOV", "mov", "tif", "psd", "aae", "gif",
    ],
    literals: &[
        "Thumbs.db",
        ".DS_Store",
        "desktop.ini",
        "DCIM",
        "100MEDIA",
        ".nomedia",
        "Export",
        "Originale",
        "catalog.lrcat",
        "photo.jpg",
    ],
    others: &["*{}*", "{}[0-9]*", "{}????.*", "*[(]?[)].*", "[!._]*.jpg", "*été*"],
};

fn hard_glob(mix: &str, random: &mut Random) -> String {
    let word = |random: &mut Random| random.text("abcdef", 3);
    match mix {
        "stars" => {
            let words: Vec<String> = (0..4).map(|_| word(random)).collect();
            format!("*{}*", words.join("*"))
        }
        "words" => format!("*{}*", syllables(random, 2)),
        "questions" => format!("??{}????{}*", word(random), word(random)),
        "classes" => {
            format!("[a-c][!x-z]*[{}][0-9ä-ü]*.{}", word(random), random.text("def", 2))
        }
        // The pieces could begin at every `a` but the last.
        "backtracking" => format!("*a*{}b", "a".repeat(5 + random.below(25))),
        // Long names that differ only near their ends.
        "similar" => {
            format!("experiment_2024_campaign_07_*_{}.csv", random.text("0123456789", 4))
        }
        _ => panic!("no such mix: {mix}"),
    }
}

/// A word as one might look for in the middle of names.
fn syllables(random: &mut Random, count: usize) -> String {
    let all = ["ka", "lo", "tes", "mi", "run", "sta", "ve", "do", "pi", "nor", "ex", "ta", "ri"];
    (0..count).map(|_| random.of(&all)).collect()
}

fn hard_name(mix: &str, random: &mut Random) -> String {
    match mix {
        "words" => format!(
            "{}_{}.{}",
            syllables(random, 3),
            random.text("0123456789", 4),
            random.of(LAB.endings)
        ),
        "backtracking" => "a".repeat(40 + random.below(80)) + ["", "b", "c"][random.below(3)],
        "similar" => format!(
            "experiment_2024_campaign_07_{}_{}.csv",
            random.text("0123456789", 6),
            random.text("0123456789", 4)
        ),
        _ => {
            let length = 10 + random.below(40);
            random.text("abcdefxyz0123äü", length) + "." + &random.text("def", 2)
        }
    }
}
