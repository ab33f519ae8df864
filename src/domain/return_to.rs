//! Where to go after signing in. Only a path of this very console, whatever was asked.

/// A path on this console that is safe to redirect to. Anything else becomes `/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Longest accepted path in bytes; longer ones become `/`.
    pub const LONGEST: usize = 2000;

    /// Keeps `asked` only if every browser reads it as a path on the same origin
    /// (WHATWG URL: no scheme, no authority, no backslash, no control character, no encoded slash at the start).
    #[must_use]
    pub fn new(asked: &str) -> Self {
        let safe = asked.len() <= Self::LONGEST
            && asked.starts_with('/')
            && !asked
                .chars()
                .any(|c| c.is_control() || c == '\\' || c.is_whitespace())
            && !second_is_slash(asked)
            && !asked
                .split(['?', '#'])
                .next()
                .unwrap_or_default()
                .contains("/.")
            && !leads_out(asked);
        Self(if safe {
            asked.to_owned()
        } else {
            "/".to_owned()
        })
    }

    /// The path, beginning with one slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `//host`, `/%2Fhost`, `/%5Chost`: read as an authority by some browsers or proxies.
fn second_is_slash(path: &str) -> bool {
    let rest = path.get(1..).unwrap_or_default().to_ascii_lowercase();
    rest.starts_with('/')
        || rest.starts_with("%2f")
        || rest.starts_with("%5c")
        || rest.starts_with("%09")
}

/// Paths that would start another sign-in or end this session.
fn leads_out(path: &str) -> bool {
    path.starts_with("/signin") || path.starts_with("/signout") || path.starts_with("/setup/code")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o51_no_encoding_of_a_foreign_address_survives() {
        for evil in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/%2Fevil.example",
            "/%2fevil.example",
            "/%5Cevil.example",
            "/\tevil.example",
            "/\n/evil.example",
            "javascript:alert(1)",
            "///evil.example",
            "/../evil",
            "/.//evil.example",
            " /users",
            "users",
            "",
        ] {
            assert_eq!(ReturnTo::new(evil).as_str(), "/", "{evil:?}");
        }
    }

    #[test]
    fn a_path_with_query_is_kept() {
        assert_eq!(
            ReturnTo::new("/users?q=ada&state=active").as_str(),
            "/users?q=ada&state=active"
        );
    }
}
