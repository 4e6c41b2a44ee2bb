use super::*;

#[test]
fn smoke() {
    for text in std::fs::read_to_string("/tmp/h4smoke.txt").unwrap().split("\n====\n") {
        match FileStructurePattern::several_from_text(text) {
            Ok(ps) => {
                for p in ps {
                    let t = p.to_text();
                    println!("OK\n{}\n--\n{}", t, p.to_text_line());
                    assert_eq!(FileStructurePattern::from_text(&t).unwrap(), p);
                    assert_eq!(FileStructurePattern::from_text(&p.to_text_line()).unwrap(), p);
                }
            }
            Err(e) => println!("ERR\n{e}"),
        }
        println!("=====");
    }
}
