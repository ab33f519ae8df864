//! Names: when two of them are the same, and which are accepted.
//!
//! [`key`] decides sameness. It folds what people cannot tell apart at a glance: case, compatibility forms
//! (full width, ligatures, superscripts), invisible characters, runs of blanks. Lookalike letters of other
//! scripts stay different names: confusing them is a matter for people, not for uniqueness.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

use crate::error::FieldError;

/// Longest accepted username, in characters.
pub const LONGEST_USERNAME: usize = 150;
/// Longest accepted name of a group, in characters (Active Directory: 256).
pub const LONGEST_GROUP_NAME: usize = 255;
/// Longest accepted display name, in characters.
pub const LONGEST_DISPLAY_NAME: usize = 200;
/// Longest e-mail address (RFC 5321 section 4.5.3.1.3: a path of 256 with its angle brackets).
pub const LONGEST_EMAIL: usize = 254;

/// Names that the audit log uses for actors that are no people. Nobody may bear one.
pub const RESERVED: [&str; 3] = ["system", "setup", "anonymous"];

/// The comparison key of a username or a group's name: two names with the same key are the same name.
///
/// NFKC, invisible characters dropped, case folded, trimmed, runs of blanks as one space. Close to
/// `NFKC_Casefold` of the Unicode standard (section 3.13); upper case before lower case makes `ß` equal `ss`
/// and `ς` equal `σ`, which lower case alone does not. Applying it twice changes nothing.
#[must_use]
pub fn key(name: &str) -> String {
    fold(name).trim().to_owned()
}

/// Whether `name` falls under `pattern`: an exact name, or a prefix followed by `*`. Compared by [`key`].
#[must_use]
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.trim().strip_suffix('*') {
        Some(prefix) => key(name).starts_with(fold(prefix).trim_start()),
        None => {
            let wanted = key(pattern);
            !wanted.is_empty() && wanted == key(name)
        }
    }
}

/// Whether the audit log uses this name for an actor that is no person.
#[must_use]
pub fn is_reserved(username: &str) -> bool {
    let username = key(username);
    RESERVED.contains(&username.as_str())
}

/// [`key`] without the trimming at both ends. Folding can make new compositions and new folds possible, so it is
/// repeated until nothing changes; that is after two rounds for all but contrived names, and never more than five.
fn fold(name: &str) -> String {
    let mut folded = fold_once(name);
    for _ in 0..4 {
        let again = fold_once(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded
}

fn fold_once(name: &str) -> String {
    if name.is_ascii() {
        let lower = name.bytes().map(|byte| byte.to_ascii_lowercase());
        return blanks_as_one(lower.map(char::from));
    }
    fold_thoroughly(name)
}

fn fold_thoroughly(name: &str) -> String {
    let cased: String = name
        .chars()
        .filter(|c| !is_invisible(*c))
        .nfkc()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfkc()
        .filter(|c| !is_invisible(*c))
        .collect();
    blanks_as_one(cased.chars())
}

fn blanks_as_one(chars: impl Iterator<Item = char>) -> String {
    let mut folded = String::with_capacity(chars.size_hint().0);
    for c in chars {
        if !c.is_whitespace() {
            folded.push(c);
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded
}

/// Characters without a shape of their own: `Default_Ignorable_Code_Point` of Unicode 16, `DerivedCoreProperties.txt`.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Characters that no name holds: control characters, line separators, invisible ones and those that turn the
/// direction of writing.
pub(crate) fn is_refused(c: char) -> bool {
    c.is_control() || is_invisible(c) || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffd}')
}

/// A foreign text with whatever no name may hold spelled out, so that people see what is wrong with it: `a⟨U+202E⟩b`.
#[must_use]
pub fn spelled(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_refused) {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_refused(c) {
            true => spelled.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
            false => spelled.push(c),
        }
    }
    Cow::Owned(spelled)
}

/// A username as it is kept: trimmed, 1 to 150 characters, without blanks, control or invisible characters,
/// and without `/ \ ? # % < > " :` and the like, which have a meaning in addresses and in markup.
///
/// # Errors
/// A message for the field `username`.
pub fn check_username(username: &str) -> Result<String, FieldError> {
    const SPECIAL: &str = "/\\?#%<>\"`|:;,*()[]{}=&";
    let refuse = |message: String| refusal("username", message);
    let username = accept("username", "username", username, LONGEST_USERNAME)?;
    if let Some(c) = username.chars().find(|c| SPECIAL.contains(*c)) {
        return Err(refuse(format!("Remove the character “{c}”.")));
    }
    if username.chars().any(char::is_whitespace) {
        return Err(refuse("Remove the blank.".to_owned()));
    }
    if username.chars().all(|c| c == '.') {
        return Err(refuse(
            "Use at least one character besides dots.".to_owned(),
        ));
    }
    if is_reserved(&username) {
        return Err(refuse(format!(
            "“{username}” is a name that the activity log uses itself. Choose another."
        )));
    }
    Ok(username)
}

/// A group's name as it is kept: trimmed, 1 to 255 characters, without control or invisible characters, and
/// without `*`, which means "any ending" in rules.
///
/// # Errors
/// A message for the field `name`.
pub fn check_group_name(name: &str) -> Result<String, FieldError> {
    let name = accept("name", "name", name, LONGEST_GROUP_NAME)?;
    if name.contains('*') {
        return Err(refusal(
            "name",
            "Remove the “*”: in rules it stands for any ending.".to_owned(),
        ));
    }
    Ok(name)
}

/// A display name as it is kept: trimmed, 1 to 200 characters, without control or invisible characters.
///
/// # Errors
/// A message for the field `display_name`.
pub fn check_display_name(name: &str) -> Result<String, FieldError> {
    accept("display_name", "name", name, LONGEST_DISPLAY_NAME)
}

/// An e-mail address as it is kept: trimmed, one `@`, something before it, a domain after it. Pragmatic: quoted
/// local parts and address literals of RFC 5321 are refused, nobody receives mail there.
///
/// # Errors
/// A message for the field `email`.
pub fn check_email(email: &str) -> Result<String, FieldError> {
    let refuse = || {
        refusal(
            "email",
            "Enter an e-mail address such as anna@example.com.".to_owned(),
        )
    };
    let email = accept("email", "e-mail address", email, LONGEST_EMAIL)?;
    if email.len() > LONGEST_EMAIL {
        return Err(refuse());
    }
    let (local, domain) = email.split_once('@').ok_or_else(refuse)?;
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && !local
            .chars()
            .any(|c| c.is_whitespace() || "()<>[]:;,\\\"@".contains(c));
    if local_fits && domain_key(domain).is_some() {
        Ok(email)
    } else {
        Err(refuse())
    }
}

/// A mail domain in the form it is compared in: lower case, ASCII (IDNA). None: it is no domain name.
#[must_use]
pub fn domain_key(domain: &str) -> Option<String> {
    match url::Host::parse(domain.trim()) {
        Ok(url::Host::Domain(domain)) => {
            let labels_fit = domain.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            });
            (labels_fit && domain.len() <= 253).then_some(domain)
        }
        _ => None,
    }
}

fn accept(field: &str, what: &str, value: &str, longest: usize) -> Result<String, FieldError> {
    let value = value.trim();
    if value.is_empty() {
        return Err(refusal(field, format!("Enter the {what}.")));
    }
    if value.chars().take(longest + 1).count() > longest {
        return Err(refusal(field, format!("Use at most {longest} characters.")));
    }
    if value.chars().any(is_refused) {
        return Err(refusal(
            field,
            "Remove the invisible or control character; typing it afresh instead of pasting helps."
                .to_owned(),
        ));
    }
    if key(value).is_empty() {
        return Err(refusal(field, format!("Enter the {what}.")));
    }
    Ok(value.to_owned())
}

fn refusal(field: &str, message: String) -> FieldError {
    FieldError {
        field: field.to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o77_usernames_that_differ_in_case_or_unicode_form_have_one_key() {
        for (a, b) in [
            ("Alice", "alice"),
            ("ALICE", "alice"),
            ("  alice ", "alice"),
            ("ａｌｉｃｅ", "alice"),
            ("al\u{200b}ice", "alice"),
            ("\u{202e}alice", "alice"),
            ("jose\u{301}", "josé"),
            ("JOSÉ", "jose\u{301}"),
            ("ﬁnn", "finn"),
            ("STRASSE", "straße"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("\u{212a}elvin", "kelvin"),
            ("ſara", "sara"),
            ("team\u{a0}\u{2003} one", "Team One"),
        ] {
            assert_eq!(key(a), key(b), "{a:?} and {b:?}");
        }
    }

    #[test]
    fn names_that_are_different_keep_different_keys() {
        for (a, b) in [
            ("alice", "alice2"),
            ("josé", "jose"),
            ("al.ice", "alice"),
            ("аlice", "alice"), // Cyrillic а: another letter, so another name
            ("team one", "teamone"),
        ] {
            assert_ne!(key(a), key(b), "{a:?} and {b:?}");
        }
    }

    #[test]
    fn what_nobody_sees_is_spelled_out() {
        assert_eq!(spelled("Änne Dupré"), "Änne Dupré");
        assert_eq!(spelled("a\u{202e}b\u{0}"), "a⟨U+202E⟩b⟨U+0000⟩");
    }

    #[test]
    fn c46_control_invisible_and_direction_characters_are_refused_in_every_name() {
        for bad in [
            "a\0b",
            "a\nb",
            "a\u{7f}b",
            "a\u{85}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{200d}b",
            "a\u{feff}b",
            "a\u{e0041}b",
            "a\u{2028}b",
            "a\u{ad}b",
        ] {
            assert!(check_username(bad).is_err(), "{bad:?}");
            assert!(check_group_name(bad).is_err(), "{bad:?}");
            assert!(check_display_name(bad).is_err(), "{bad:?}");
            assert!(
                check_email(&format!("{bad}@example.com")).is_err(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn ordinary_usernames_are_accepted_and_trimmed() {
        for good in [
            "alice",
            "anna.weiß@example.com",
            "CORP~x",
            "o'neil",
            "張偉",
            "a+b",
            "svc$",
        ] {
            assert_eq!(check_username(&format!(" {good} ")).unwrap(), good);
        }
    }

    #[test]
    fn usernames_without_substance_or_with_special_characters_are_refused() {
        for bad in [
            "", "   ", "..", "a b", "a/b", "a\\b", "a?b", "a%2fb", "<b>", "a:b",
        ] {
            assert!(check_username(bad).is_err(), "{bad:?}");
        }
        assert!(check_username(&"x".repeat(150)).is_ok());
        assert!(check_username(&"x".repeat(151)).is_err());
    }

    #[test]
    fn names_of_the_activity_log_are_nobodys() {
        for bad in ["system", "SYSTEM", "Ｓetup", "Anonymous"] {
            assert!(is_reserved(bad), "{bad}");
            assert!(
                check_username(bad)
                    .unwrap_err()
                    .message
                    .contains("activity log")
            );
        }
        assert!(check_username("admin").is_ok());
    }

    #[test]
    fn e_mail_addresses_are_checked_as_people_write_them() {
        for good in [
            "a@example.com",
            "a.b+c@sub.example.co.uk",
            "o'neil@example.com",
            "a@bücher.example",
        ] {
            assert!(check_email(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@b@c",
            "a b@example.com",
            ".a@example.com",
            "a..b@example.com",
            "a@exa mple.com",
            "a@-example.com",
            "a@example..com",
            "a@127.0.0.1",
            "a@[::1]",
            "<a@example.com>",
        ] {
            assert!(check_email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_domain_is_compared_in_one_form() {
        assert_eq!(
            domain_key("Bücher.Example"),
            domain_key("xn--bcher-kva.example")
        );
        assert_eq!(domain_key("EXAMPLE.com").as_deref(), Some("example.com"));
        assert_eq!(domain_key("exa/mple.com"), None);
    }

    #[test]
    fn a_pattern_is_a_name_or_a_prefix_with_a_star() {
        assert!(matches_pattern("App-Admins", "app-admins"));
        assert!(!matches_pattern("App-Admins", "app-admins-2"));
        assert!(matches_pattern("app-*", "APP-users"));
        assert!(matches_pattern("app-*", "app-"));
        assert!(!matches_pattern("app-*", "my-app-users"));
        assert!(matches_pattern("team *", "Team one"));
        assert!(!matches_pattern("team *", "teamone"));
        assert!(matches_pattern("*", "anything"));
        assert!(!matches_pattern("", "anything"));
        assert!(!matches_pattern("a*b", "axb"));
    }

    proptest! {
        #[test]
        fn the_short_way_of_ascii_says_what_the_thorough_one_says(name in "[\\x00-\\x7f]{0,30}") {
            prop_assert_eq!(fold_once(&name), fold_thoroughly(&name));
        }

        #[test]
        fn the_key_of_a_key_is_itself(name in any::<String>()) {
            let once = key(&name);
            prop_assert_eq!(key(&once), once);
        }

        #[test]
        fn case_never_makes_another_name(name in "\\PC{0,20}") {
            prop_assert_eq!(key(&name.to_lowercase()), key(&name));
        }

        #[test]
        fn an_accepted_username_stays_accepted_and_has_a_key(name in any::<String>()) {
            if let Ok(kept) = check_username(&name) {
                prop_assert_eq!(check_username(&kept).unwrap(), kept.clone());
                prop_assert!(!key(&kept).is_empty());
            }
        }
    }
}
