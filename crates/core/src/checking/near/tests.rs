use super::*;

fn test(glob: &str) -> Near {
    Near::new(&NameTest::from(glob))
}

fn regex(regex: &str) -> Near {
    Near::new(&NameTest::from(NameRegex::new(regex).unwrap()))
}

/// All texts of up to `longest` of these characters.
fn texts(letters: &str, longest: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut begin = 0;
    for _ in 0..longest {
        let end = all.len();
        for i in begin..end {
            letters.chars().for_each(|c| all.push(format!("{}{c}", all[i])));
        }
        begin = end;
    }
    all
}

/// All texts that one edit makes of another.
fn edits(text: &str, letters: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let mut all = Vec::new();
    for i in 0..=text.len() {
        let (head, tail) = text.split_at(i);
        for c in letters.chars() {
            all.push([head, &[c], tail].concat());
            if let [_, after @ ..] = tail {
                all.push([head, &[c], after].concat());
            }
        }
        if let [_, after @ ..] = tail {
            all.push([head, after].concat());
        }
        if let [first, second, after @ ..] = tail {
            all.push([head, &[*second, *first], after].concat());
        }
    }
    all.into_iter().map(String::from_iter).collect()
}

/// A name with all its cases and all that an edit makes of it.
struct Tried {
    name: String,
    cases: Vec<String>,
    edits: Vec<String>,
}

impl Tried {
    fn new(name: &str, letters: &str) -> Tried {
        let cases = name.chars().fold(vec![String::new()], |cases, c| {
            let both = [c.to_ascii_lowercase(), c.to_ascii_uppercase()];
            cases.iter().flat_map(|case| both.map(|c| format!("{case}{c}"))).collect()
        });
        let mut edits = edits(name, letters);
        edits.sort_unstable();
        edits.dedup();
        Tried { name: name.into(), cases, edits }
    }

    /// In which way the name is near, and whether it or one that is an edit away passes.
    fn nearness(&self, glob: &NameGlob) -> (Option<Nearness>, bool) {
        let passes = |names: &[String]| names.iter().any(|name| glob.is_match(name));
        if glob.is_match(&self.name) {
            return (None, true);
        }
        let is_reached = passes(&self.edits);
        if passes(&self.cases) {
            (Some(Nearness::Case), is_reached)
        } else {
            let tells = is_reached && asks_for_enough(&glob.compiled().tokens);
            (tells.then_some(Nearness::Edit), is_reached)
        }
    }
}

#[test]
fn every_short_glob_against_all_edits() {
    // `c` stands for all other characters; capitals are letters of their own.
    let letters = "abBc";
    let names = texts("abA", 2).into_iter().chain(texts("ab", 3).into_iter().skip(7));
    let names = names.skip(1).chain(["abab", "aaab", "babA"].map(String::from));
    let names: Vec<Tried> = names.map(|name| Tried::new(&name, letters)).collect();
    let mut counts = [0; 3];
    for parts in texts("aB*?[!", 3).into_iter().skip(1) {
        let glob = NameGlob::from(parts.replace('[', "[ab]").replace('!', "[!aB]"));
        let near = Near::new(&NameTest::from(&glob));
        let edits = Edits::new(&glob.compiled().tokens).unwrap();
        for tried in &names {
            let (expected, is_reached) = tried.nearness(&glob);
            let name = &tried.name;
            assert_eq!(near.nearness(name), expected, "{glob} {name}");
            let code_points: Vec<u32> = name.chars().map(u32::from).collect();
            assert_eq!(near.nearness(&code_points[..]), expected, "{glob} {name}");
            // Also by globs that are too short for that to tell anything.
            assert_eq!(edits.reach(name.as_str().into()), is_reached, "{glob} {name}");
            counts[expected.map_or(0, |nearness| 1 + nearness as usize / 2)] += 1;
        }
    }
    assert!(counts.iter().all(|&count| count > 500), "{counts:?}");
}

#[test]
fn long_globs_against_all_edits() {
    for length in [62, 63, 64, 65, 127, 200] {
        let text: String = ('a'..='z').cycle().take(length).collect();
        for glob in [text.clone(), format!("*{text}"), format!("{text}*"), format!("*{text}*")] {
            let (near, plain) = (test(&glob), NameTest::from(&glob));
            let (head, tail) = text.split_at(length / 2);
            assert_eq!(near.nearness(&format!("{head}~~{tail}")), None);
            let step = length / 5;
            for i in (0..=length).step_by(step) {
                let edited = edits(&text[i..length.min(i + 3)], "#");
                for middle in edited {
                    let name = [&text[..i], &middle, &text[length.min(i + 3)..]].concat();
                    let expected = (!plain.is_match(&name)).then_some(Nearness::Edit);
                    assert_eq!(near.nearness(&name), expected, "{glob} {name}");
                }
            }
        }
    }
    let text = "a".repeat(1023);
    assert_eq!(test(&text).nearness(&text[1..]), Some(Nearness::Edit));
    assert_eq!(test(&text).nearness(&text[2..]), None);
    let text = "a".repeat(2000);
    assert_eq!(test(&text).nearness(&text[1..]), None);
    assert_eq!(test(&text).nearness(&text.to_uppercase()), Some(Nearness::Case));
}

#[test]
fn edits_in_names_of_any_kind() {
    for (glob, name) in [
        ("*.csv", "scan.cvs"),
        ("*.csv", "scan.cs"),
        ("*.csv", "scan.csvx"),
        ("*.csv", "scan_csv"),
        ("*.csv", "scancsv"),
        ("sub-[0-9][0-9]*", "sub-1"),
        ("sub-[0-9][0-9]*", "sub_12_bold"),
        ("sub-*_bold.nii.gz", "sbu-12_bold.nii.gz"),
        ("sub-*_bold.nii.gz", "sub-12_bold.nii.g"),
        ("a*bc", "bac"),
        ("größe", "größ"),
        ("größe", "größee"),
        ("größe", "gröeß"),
        ("größe", "😀röße"),
        ("?öße", "öße"),
    ] {
        assert_eq!(test(glob).nearness(name), Some(Nearness::Edit), "{glob} {name}");
    }
    for (glob, name) in [
        ("*.csv", "scan.tsx"),
        ("*.csv", "scan"),
        ("sub-*_bold.nii.gz", "sbu-12_bold.nii.g"),
        ("größe", "groesse"),
        ("config.json", "config.jsno.bak"),
    ] {
        assert_eq!(test(glob).nearness(name), None, "{glob} {name}");
    }
}

#[test]
fn cases() {
    for (glob, name) in [
        ("README*", "readme.md"),
        ("[A-C]*.csv", "b.CSV"),
        ("[!a-z]*", "run"),
        ("größe", "GRÖßE"),
        ("Σ", "ς"),
        ("k", "\u{212A}"),
    ] {
        assert_eq!(test(glob).nearness(name), Some(Nearness::Case), "{glob} {name}");
    }
    // Simple folding is that of single characters.
    assert_eq!(test("STRASSE").nearness("straße"), None);
    // The nearest of all alternatives, and none of what passes one of them.
    let several = NameTest::any_of(["readme.txt", "README.text"]).unwrap();
    assert_eq!(Near::new(&several).nearness("readme.text"), Some(Nearness::Case));
    assert_eq!(Near::new(&several).nearness("readme.txtt"), Some(Nearness::Edit));
    let both = NameTest::any_of(["readme.md", "README.md"]).unwrap();
    assert_eq!(Near::new(&both).nearness("README.md"), None);
    assert!(Nearness::Case < Nearness::NormalForm && Nearness::NormalForm < Nearness::Edit);
}

#[test]
fn normal_forms() {
    let (composed, decomposed) = ("caf\u{E9}s", "cafe\u{301}s");
    for (glob, name) in [(composed, decomposed), (decomposed, composed)] {
        for (glob, name) in [
            (glob.to_owned(), name.to_owned()),
            (format!("*_{glob}.[ct]sv"), format!("x_{name}.csv")),
        ] {
            assert_eq!(test(&glob).nearness(&name), Some(Nearness::NormalForm), "{glob} {name}");
            assert_eq!(test(&glob).nearness(&glob.replace("[ct]", "t").replace('*', "")), None);
        }
        assert_eq!(regex(&format!("{glob}+")).nearness(name), Some(Nearness::NormalForm));
    }
    assert_eq!(test("caf?").nearness("cafe\u{301}"), Some(Nearness::NormalForm));
    assert_eq!(test("caf[e\u{301}]").nearness("caf\u{E9}"), Some(Nearness::NormalForm));
    // A Greek question mark has no normal form but the semicolon.
    assert_eq!(test("a;").nearness("a\u{37E}"), Some(Nearness::NormalForm));
    assert_eq!(test("a\u{37E}").nearness("a;"), Some(Nearness::NormalForm));
    // Several at a time, of which one edit could not be enough; and nothing of the kind.
    assert_eq!(test("\u{E9}\u{E9}").nearness("e\u{301}e\u{301}"), Some(Nearness::NormalForm));
    assert_eq!(test("e*le").nearness("\u{E9}cole"), Some(Nearness::Edit));
    assert_eq!(test("e*le").nearness("\u{E9}cole\u{301}"), None);
}

#[test]
fn regular_expressions() {
    assert_eq!(regex(r"run_\d+").nearness("RUN_12"), Some(Nearness::Case));
    assert_eq!(regex("(?x) run # a run").nearness("Run"), Some(Nearness::Case));
    assert_eq!(regex("(?-i:run)_[a-c]").nearness("run_B"), Some(Nearness::Case));
    assert_eq!(regex("(?-i:run)_[a-c]").nearness("RUN_b"), None);
    assert_eq!(regex(r"run_\d+").nearness("run_12"), None);
    assert_eq!(regex(r"run_\d+").nearness("rnu_12"), None);
    assert_eq!(regex(r"run_\d+").nearness("runs_12"), None);
    // What is too large in any case has no near name: there are three letters K.
    let many = |count: usize| format!("k{{{count}}}");
    let most = (1..).map(|i| i * 1000).take_while(|&i| NameRegex::new(&many(i)).is_ok()).last();
    let most = most.unwrap();
    assert_eq!(regex(&many(most)).nearness(&"K".repeat(most)), None);
    assert_eq!(regex(&many(100)).nearness(&"K".repeat(100)), Some(Nearness::Case));
    let several = NameTest::any_of([
        NameAlternative::from("*.csv"),
        NameAlternative::from(NameRegex::new("x.*[.]csw").unwrap()),
    ]);
    let several = Near::new(&several.unwrap());
    assert_eq!(several.nearness("X.csw"), Some(Nearness::Case));
    assert_eq!(several.nearness("y.csw"), Some(Nearness::Edit));
}

/// Names that are no text have cases and edits, and no normal form.
#[test]
fn lone_surrogates() {
    let caf = |end: &str| -> Vec<u32> {
        "caf".chars().map(u32::from).chain([0xDCE9]).chain(end.chars().map(u32::from)).collect()
    };
    let glob = |points: &[u32]| NameGlob::from_code_points(points.iter().copied()).unwrap();
    let exact = Near::new(&glob(&caf(".csv")).into());
    assert_eq!(exact.nearness(&caf(".csv")[..]), None);
    assert_eq!(exact.nearness(&caf(".CSV")[..]), Some(Nearness::Case));
    assert_eq!(exact.nearness(&caf(".cvs")[..]), Some(Nearness::Edit));
    assert_eq!(exact.nearness("cafe.csv"), Some(Nearness::Edit));
    assert_eq!(exact.nearness("caf.csv"), Some(Nearness::Edit));
    assert_eq!(test("*e\u{301}.csv").nearness(&caf("\u{E9}.csv")[..]), None);
    assert_eq!(regex("(?s).*[.]csv").nearness(&caf(".CSV")[..]), None);
    #[cfg(unix)]
    {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let name = |bytes| OsStr::from_bytes(bytes);
        assert_eq!(exact.nearness(name(b"caf\xE9.csv")), None);
        assert_eq!(exact.nearness(name(b"caf\xE9.Csv")), Some(Nearness::Case));
        assert_eq!(exact.nearness(name(b"caf\xE8.csv")), Some(Nearness::Edit));
        assert_eq!(exact.nearness(name(b"caf\xE9.csv\xFF")), Some(Nearness::Edit));
        assert_eq!(exact.nearness(name(b"\xFFcaf\xE9.csv\xFF")), None);
    }
}

#[test]
fn tests_that_have_no_near_names() {
    for glob in ["*", "**", "", "[z-a]x", "data/x", "a[/]b"] {
        for name in ["x", "datax", "DATA", "ab"] {
            assert_eq!(test(glob).nearness(name), None, "{glob} {name}");
        }
    }
    let anything = NameTest::any_of(["a*", "*"]).unwrap();
    assert_eq!(Near::new(&anything).nearness("b"), None);
}

/// Each name would be one edit away from them.
#[test]
fn short_globs_have_no_edits() {
    for (glob, name) in [("b*", "c"), ("b", "c"), ("*.a", "x.b"), ("[ab]?", "a"), ("a*?", "b")] {
        assert_eq!(test(glob).nearness(name), None, "{glob} {name}");
    }
    for (glob, name) in [("b*", "B"), ("*.a", "x.A")] {
        assert_eq!(test(glob).nearness(name), Some(Nearness::Case), "{glob} {name}");
    }
    for (glob, name) in [("abc", "abd"), ("**a[bc]*d*", "acc"), ("a??", "a")] {
        let expected = (name != "a").then_some(Nearness::Edit);
        assert_eq!(test(glob).nearness(name), expected, "{glob} {name}");
    }
}

#[test]
fn hostile_globs_take_no_time() {
    let glob = "*a".repeat(500);
    let name = "a".repeat(499);
    assert_eq!(test(&glob).nearness(&name), Some(Nearness::Edit));
    assert_eq!(test(&glob).nearness(&name[1..]), None);
    assert_eq!(test(&glob).nearness(&"b".repeat(100_000)), None);
}
