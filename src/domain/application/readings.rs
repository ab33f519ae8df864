//! All the ways in which servers read one path (W34).
//!
//! A proxy decides about the path as it was sent; the application behind it may decode it once more, cut what follows
//! a semicolon, take a backslash for a slash, drop empty and dotted segments, or not tell cases apart. Whoever protects
//! a path must protect it however it is read, so every rule here is asked about every reading.

/// How often a path is decoded before it counts as a trick.
const DEPTH: usize = 4;
/// Longest path that is read, in bytes.
const LONGEST: usize = 8192;

/// A path that no honest browser sends: not UTF-8 after decoding, with control characters, or encoded over and over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

/// The readings of one path, folded; the plainest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Readings(Vec<String>);

impl Readings {
    /// Reads a path, without its query.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn of(path: &str) -> Result<Self, Unreadable> {
        if path.len() > LONGEST || !path.starts_with('/') || path.chars().any(char::is_control) {
            return Err(Unreadable);
        }
        let mut all = Vec::new();
        for text in decodings(path)? {
            for form in forms(&text) {
                for reading in [
                    resolved(&form, |part| part.trim_end_matches(['.', ' '])),
                    resolved(&form, |part| part),
                    collapsed(&form),
                ] {
                    let reading = folded(&reading);
                    if !all.contains(&reading) {
                        all.push(reading);
                    }
                }
            }
        }
        Ok(Self(all))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Without difference of case, as far as any server goes: through upper case, so that letters with one capital between
/// them are one.
pub(super) fn folded(text: &str) -> String {
    text.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// The path as it is, decoded once, twice and so on until nothing changes.
fn decodings(path: &str) -> Result<Vec<String>, Unreadable> {
    let mut all = vec![path.to_owned()];
    let mut last = path.to_owned();
    loop {
        let next = decoded(&last)?;
        if next == last {
            return Ok(all);
        }
        if all.len() > DEPTH {
            return Err(Unreadable);
        }
        all.push(next.clone());
        last = next;
    }
}

fn decoded(text: &str) -> Result<String, Unreadable> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = match (first, after) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                bytes.push(high * 16 + low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| Unreadable)?;
    if text.chars().any(char::is_control) {
        return Err(Unreadable);
    }
    Ok(text)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// As it is; without what follows a semicolon in each segment; and up to a question mark or hash that was encoded.
fn forms(text: &str) -> Vec<String> {
    let without: Vec<&str> = text
        .split(['/', '\\'])
        .map(|part| part.split(';').next().unwrap_or_default())
        .collect();
    let mut all = vec![text.to_owned(), without.join("/")];
    if let Some(cut) = text.find(['?', '#']).and_then(|end| text.get(..end)) {
        all.push(cut.to_owned());
    }
    all
}

/// With `.` and `..` followed, as most servers do.
fn resolved(text: &str, trim: impl Fn(&str) -> &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => {
                let trimmed = trim(part);
                parts.push(if trimmed.is_empty() { part } else { trimmed });
            }
        }
    }
    format!("/{}", parts.join("/"))
}

/// With every segment kept, as servers do that do not know dots.
fn collapsed(text: &str) -> String {
    let parts: Vec<&str> = text
        .split(['/', '\\'])
        .filter(|part| !part.is_empty())
        .collect();
    format!("/{}", parts.join("/"))
}
