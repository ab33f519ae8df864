//! All the ways in which servers read one path (W34).
//!
//! A proxy decides about the path as it was sent; the application behind it may decode it once more, cut what follows
//! a semicolon, take a backslash for a slash, drop empty segments, or not tell cases apart, in whatever order. Whoever
//! protects a path must protect it however it is read, so every rule here is asked about every reading. Dotted segments
//! are followed by some and at different moments: browsers follow them before they ask, so what has one is refused.

/// How often a path is decoded before it counts as a trick.
const DEPTH: usize = 4;
/// Longest path that is read, in bytes.
const LONGEST: usize = 8192;
/// In how many ways a path may be written before it counts as a trick.
const WAYS: usize = 64;

/// A path that no honest browser sends: not UTF-8 after decoding, with control characters, with dotted segments however
/// they are written, or encoded over and over.
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
        for text in ways(path)? {
            if text.split(['/', '\\']).any(is_dotted) {
                return Err(Unreadable);
            }
            for reading in [
                collapsed(&text, |part| part.trim_end_matches(['.', ' '])),
                collapsed(&text, |part| part),
            ] {
                let reading = folded(&reading);
                if !all.contains(&reading) {
                    all.push(reading);
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

/// The path as it is, and whatever decoding and cutting make of it, in every order, until nothing changes.
fn ways(path: &str) -> Result<Vec<String>, Unreadable> {
    let mut all = vec![path.to_owned()];
    let mut waiting = vec![(path.to_owned(), 0)];
    while let Some((text, depth)) = waiting.pop() {
        let plain = decoded(&text)?;
        let cut = forms(&text).into_iter().map(|form| (form, depth));
        let next: Vec<_> = std::iter::once((plain, depth + 1)).chain(cut).collect();
        for (text, depth) in next {
            if all.contains(&text) {
                continue;
            }
            if depth > DEPTH || all.len() == WAYS {
                return Err(Unreadable);
            }
            all.push(text.clone());
            waiting.push((text, depth));
        }
    }
    Ok(all)
}

/// Whether a segment leads elsewhere: one or two dots, or what is taken for them where dots and spaces at an end are
/// dropped.
fn is_dotted(part: &str) -> bool {
    part.contains('.') && part.trim_matches(['.', ' ']).is_empty()
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

/// Without what follows a semicolon in each segment, whether a backslash ends one or not; and up to a question mark or
/// hash that was encoded.
fn forms(text: &str) -> Vec<String> {
    let mut all = vec![uncoloned(text, &['/', '\\']), uncoloned(text, &['/'])];
    if let Some(cut) = text.find(['?', '#']).and_then(|end| text.get(..end)) {
        all.push(cut.to_owned());
    }
    all
}

fn uncoloned(text: &str, ends: &[char]) -> String {
    let parts: Vec<&str> = text
        .split(ends)
        .map(|part| part.split(';').next().unwrap_or_default())
        .collect();
    parts.join("/")
}

/// Without empty segments.
fn collapsed(text: &str, trim: impl Fn(&str) -> &str) -> String {
    let parts: Vec<&str> = text
        .split(['/', '\\'])
        .filter(|part| !part.is_empty())
        .map(|part| {
            Some(trim(part))
                .filter(|part| !part.is_empty())
                .unwrap_or(part)
        })
        .collect();
    format!("/{}", parts.join("/"))
}
