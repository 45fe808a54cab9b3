//! Whatever the file holds, loading it answers: no panic, no endless reading, and every place lies in its text.

use proptest::prelude::*;

use super::{load_files, load_text};

const GOOD: &str = include_str!("../../../stack.example.yaml");

fn answers(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (_folder, loaded) = load_files(&[("stack.yaml", bytes)], &[]);
    if let Err(invalid) = loaded {
        prop_assert!(!invalid.diagnostics.is_empty());
        prop_assert!(!invalid.to_string().is_empty());
        for diagnostic in &invalid.diagnostics {
            prop_assert!(!diagnostic.message.is_empty());
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        answers(&bytes)?;
    }

    #[test]
    fn anything_like_yaml(text in r#"([a-z]{1,3}|[-:?,#&*!|>'"%@{}\[\]\n \t~<]|\$\{env:|: |- |---|\r\n|é){0,60}"#) {
        answers(text.as_bytes())?;
    }

    #[test]
    fn a_good_file_with_a_wound(at in 0..GOOD.len(), length in 0_usize..40, text in r#"[-:?,#&*!|>'"%@{}\[\]\n \ta-z0-9]{0,12}"#) {
        let end = (at + length).min(GOOD.len());
        let wounded = [&GOOD.as_bytes()[..at], text.as_bytes(), &GOOD.as_bytes()[end..]].concat();
        answers(&wounded)?;
    }

    #[test]
    fn any_argument(argument in r#"([a-z]{1,6}|[.="\[\]{}:, \n*&!é]){0,20}"#) {
        let (_folder, loaded) = load_files(&[("stack.yaml", b"stack: shop\n")], &[&argument]);
        if let Err(invalid) = loaded {
            prop_assert!(!invalid.to_string().is_empty());
        }
    }
}

#[test]
fn bombs_are_refused_in_no_time() {
    let start = std::time::Instant::now();
    let laughs: String = (1..30).map(|n| format!("x-{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    let deep = 250_000;
    for (text, said) in [
        (format!("x-0: &a0 [ha]\n{laughs}stack: shop\n"), "more than 20000 values"),
        ("[".repeat(deep), "nested"),
        ("{a: ".repeat(deep / 4), "nested"),
        ("- ".repeat(deep), "nested"),
        ("? ".repeat(deep), "nested"),
        (format!("stack: {}\n", "[".repeat(deep)), "nested"),
        ((0..2000).map(|n| format!("{}k{n}:\n", " ".repeat(n % 700))).collect(), ""),
        ("a: &x [*x]\n".to_owned(), "never end"),
        ("stack: shop\n".repeat(50_000), "given twice"),
        ("#".repeat(2 * 1024 * 1024), "more than 1024 KB"),
        (format!("{}stack: shop", "[".repeat(10 * 1024 * 1024)), "more than 1024 KB"),
    ] {
        let invalid = load_text(&text).unwrap_err();
        let first = &invalid.diagnostics[0];
        assert!(invalid.diagnostics.iter().any(|d| d.message.contains(said)), "{said}: {}", first.message);
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
