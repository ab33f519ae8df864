//! Stable error codes: each one in the source has a row in docs/errors.md.

/// The codes in a source file: quoted, two to five capitals, a dash, three digits.
pub fn in_source(text: &str) -> Vec<&str> {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    product
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|quoted| is_code(quoted))
        .collect()
}

/// Whether a text is a code.
fn is_code(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        (2..=5).contains(&area.len())
            && area.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 3
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The codes of a file that the list does not explain.
pub fn unexplained(name: &str, text: &str, list: &str) -> Vec<String> {
    let ours = ["src/", "app/"]
        .iter()
        .any(|folder| name.starts_with(folder))
        && name.ends_with(".rs");
    let apart = ["tests", "src/lab/", "src/testing/", "examples/"]
        .iter()
        .any(|part| name.contains(part));
    if !ours || apart {
        return Vec::new();
    }
    in_source(text)
        .into_iter()
        .filter(|code| !list.contains(&format!("`{code}`")))
        .map(|code| format!("{name}: {code} has no row in docs/errors.md"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_a_row_is_told() {
        let source = "Error::new(\"ABC-001\", kind, \"Words, not A-1.\"); let x = \"ab-001\";";
        assert_eq!(
            unexplained("src/x.rs", source, "| `ABC-002` |"),
            ["src/x.rs: ABC-001 has no row in docs/errors.md"]
        );
        assert!(unexplained("src/x.rs", source, "| `ABC-001` |").is_empty());
        assert!(unexplained("src/x/tests/y.rs", source, "").is_empty());
    }
}
