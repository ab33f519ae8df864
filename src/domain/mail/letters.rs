//! What messages say. Plain text in calm words; no link but one to the configured address; what people are called
//! stays on its line.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

/// Longest piece of foreign text in a message, in characters.
const LONGEST: usize = 120;

/// What a message is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum About {
    /// A link that sets a new password, because the person asked for one.
    Reset {
        /// The link.
        link: Link,
    },
    /// A link that sets a new password, because an administrator sent it.
    Sent {
        /// The link.
        link: Link,
        /// Who sent it.
        by: String,
    },
    /// A new password was asked for, and there is none to be had this way.
    NoLink(NoLink),
    /// The password is another one.
    PasswordChanged,
    /// Somebody else set the password.
    PasswordSetBy(String),
    /// Somebody took the password away.
    PasswordRemoved,
    /// Somebody wants the person to choose another password.
    MustChange(String),
    /// A second factor was added.
    FactorAdded(String),
    /// A second factor was removed.
    FactorRemoved(String),
    /// An identity at a provider was linked.
    IdentityLinked(String),
    /// An identity at a provider was unlinked.
    IdentityUnlinked(String),
    /// The address is another one.
    AddressChanged {
        /// The one before; none: there was none.
        before: Option<String>,
        /// The one from now on; none: there is none.
        after: Option<String>,
    },
    /// Many wrong passwords were tried.
    Attempts(u64),
    /// Somebody signed in with a break-glass account. To the other administrators.
    BreakGlass(String),
    /// Whether messages leave.
    Test,
}

impl About {
    /// A stable word for it, for the queue and the record.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Reset { .. } => "reset",
            Self::Sent { .. } => "link",
            Self::NoLink(_) => "no_link",
            Self::PasswordChanged | Self::PasswordSetBy(_) | Self::PasswordRemoved => "password",
            Self::MustChange(_) => "must_change",
            Self::FactorAdded(_) | Self::FactorRemoved(_) => "factor",
            Self::IdentityLinked(_) | Self::IdentityUnlinked(_) => "identity",
            Self::AddressChanged { .. } => "address",
            Self::Attempts(_) => "attempts",
            Self::BreakGlass(_) => "break_glass",
            Self::Test => "test",
        }
    }
}

/// A link with the time it ends. Its Debug output leaves the link out.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The link.
    pub url: String,
    /// Until when it counts.
    pub until: DateTime<Utc>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Why there is no link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoLink {
    /// The account is break-glass: its password is kept offline, and the way back is on the server's shell.
    BreakGlass,
    /// The sign-in policy lets the person have no password here.
    Policy,
    /// The person holds a role and has no second factor: the mailbox alone would be the role.
    RoleWithoutFactor,
    /// The address was stated by somebody else than this installation's administrators.
    Address,
}

/// What every message of a kind shares.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// The configured address of this console.
    pub site: &'a str,
    /// The username of the account it is about.
    pub username: &'a str,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The address it came from, if one is known.
    pub from: Option<String>,
}

/// Foreign text on one line: control characters and line ends become blanks, and it is cut.
#[must_use]
pub fn line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if is_unruly(c) { ' ' } else { c })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

/// Whether a character ends lines, or turns the direction of what follows it.
fn is_unruly(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes a message: its subject and its text.
#[must_use]
pub fn write(about: &About, to_name: &str, told: &Circumstances<'_>) -> (String, String) {
    let (subject, body) = said(about, told);
    let mut text = format!("Hello {},\n\n{body}\n\n", line(to_name));
    if !matches!(about, About::Test) {
        let from = told
            .from
            .as_deref()
            .map(|from| format!(", from {}", line(from)));
        let _ = write!(
            text,
            "Account: {}\nTime: {}{}\n\n",
            line(told.username),
            told.at.format("%Y-%m-%d %H:%M UTC"),
            from.unwrap_or_default()
        );
    }
    let _ = writeln!(
        text,
        "--\nSent by Muster at {}. Nobody reads answers to this message.",
        told.site
    );
    (line(&subject), text)
}

/// What to do when it was somebody else.
const NOT_YOU: &str = "If this was not you, tell an administrator of this console at once.";

fn said(about: &About, told: &Circumstances<'_>) -> (String, String) {
    let (subject, body): (&str, String) = match about {
        About::Reset { link } => (
            "Choose a new password",
            format!(
                "Somebody, probably you, asked for a new password. To choose one, open this link:\n\n{}\n\n\
                 It counts once, until {}. A second factor is asked for as always. If you did not ask for it, do nothing: \
                 your password stays as it is.",
                link.url,
                link.until.format("%H:%M UTC")
            ),
        ),
        About::Sent { link, by } => (
            "Choose your password",
            format!(
                "{} sends you a link to choose your password:\n\n{}\n\nIt counts once, until {}.",
                line(by),
                link.url,
                link.until.format("%Y-%m-%d %H:%M UTC")
            ),
        ),
        About::NoLink(why) => (
            "About your wish for a new password",
            format!(
                "Somebody, probably you, asked for a new password. {}\n\nNothing was changed.",
                no_link(*why)
            ),
        ),
        About::PasswordChanged => (
            "Your password was changed",
            format!("Your password was changed, and your other sessions were ended. {NOT_YOU}"),
        ),
        About::PasswordSetBy(by) => (
            "A password was set for you",
            format!(
                "{} set a password for your account. At your first sign-in with it you choose one of your own. {NOT_YOU}",
                line(by)
            ),
        ),
        About::PasswordRemoved => (
            "Your password was removed",
            format!(
                "Your account has no password here any more. You sign in through an identity provider. {NOT_YOU}"
            ),
        ),
        About::MustChange(by) => (
            "Choose a new password at your next sign-in",
            format!(
                "{} asks you to choose a new password. You are led to it at your next sign-in.",
                line(by)
            ),
        ),
        About::FactorAdded(name) => (
            "A second factor was added",
            format!(
                "The second factor “{}” was added to your account. {NOT_YOU}",
                line(name)
            ),
        ),
        About::FactorRemoved(name) => (
            "A second factor was removed",
            format!(
                "The second factor “{}” was removed from your account. {NOT_YOU}",
                line(name)
            ),
        ),
        About::IdentityLinked(provider) => (
            "An identity was linked to your account",
            format!(
                "An identity at {} can sign in to your account from now on. {NOT_YOU}",
                line(provider)
            ),
        ),
        About::IdentityUnlinked(provider) => (
            "An identity was unlinked from your account",
            format!(
                "An identity at {} can not sign in to your account any more. {NOT_YOU}",
                line(provider)
            ),
        ),
        About::AddressChanged { before, after } => (
            "Your e-mail address was changed",
            format!(
                "The e-mail address of your account was {} and is {} now. Links for a new password that were sent before are void. {NOT_YOU}",
                before.as_deref().map_or_else(|| "unknown".to_owned(), line),
                after.as_deref().map_or_else(|| "unknown".to_owned(), line)
            ),
        ),
        About::Attempts(many) => (
            "Wrong passwords for your account",
            format!(
                "Within a quarter of an hour, {many} wrong passwords were tried for your account. Whoever tries is slowed down; \
                 you still get in from where you usually are. If it was not you, choose a password that you use nowhere else."
            ),
        ),
        About::BreakGlass(username) => (
            "A break-glass account was used",
            format!(
                "Somebody signed in with the break-glass account {}. It is meant for when nothing else works. \
                 Ask who it was and what for, and take note of it at {}security/signin.",
                line(username),
                told.site
            ),
        ),
        About::Test => (
            "Test message",
            "This message shows that Muster can send messages.".to_owned(),
        ),
    };
    (subject.to_owned(), body)
}

const fn no_link(why: NoLink) -> &'static str {
    match why {
        NoLink::BreakGlass => {
            "This is a break-glass account, and no link is sent for one. Its password is kept where your organisation keeps such things; \
             if it is lost, somebody on the server's shell makes a way in with “muster admin recover”."
        }
        NoLink::Policy => {
            "Your account has no password here: you sign in through your identity provider. If you cannot, ask whoever looks after your accounts there."
        }
        NoLink::RoleWithoutFactor => {
            "Your account may administer this console and has no second factor, so a link by e-mail is not enough. Ask another administrator to send you one."
        }
        NoLink::Address => {
            "Your e-mail address here was stated by an identity provider and not checked by an administrator, so no link is sent to it. Ask an administrator to send you one."
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told() -> Circumstances<'static> {
        Circumstances {
            site: "https://muster.example/",
            username: "ada",
            at: DateTime::UNIX_EPOCH,
            from: Some("192.0.2.1".to_owned()),
        }
    }

    #[test]
    fn a_reset_says_what_the_link_does_and_when_it_ends() {
        let link = Link {
            url: "https://muster.example/reset?code=x".to_owned(),
            until: DateTime::UNIX_EPOCH,
        };
        let (subject, text) = write(&About::Reset { link }, "Ada", &told());
        assert_eq!(subject, "Choose a new password");
        assert!(text.starts_with("Hello Ada,\n\nSomebody, probably you, asked"));
        assert!(text.contains("\n\nhttps://muster.example/reset?code=x\n\n"));
        assert!(
            text.contains("until 00:00 UTC")
                && text.contains("Account: ada\nTime: 1970-01-01 00:00 UTC, from 192.0.2.1")
        );
    }

    proptest! {
        /// Names are written by others: whatever they hold, they make no line of their own.
        #[test]
        fn w58_names_stay_on_their_line(name in any::<String>(), other in any::<String>()) {
            let circumstances = Circumstances { username: &other, ..told() };
            for about in [
                About::FactorAdded(name.clone()),
                About::BreakGlass(name.clone()),
                About::PasswordSetBy(name.clone()),
                About::IdentityLinked(name.clone()),
                About::AddressChanged { before: Some(name.clone()), after: None },
            ] {
                let (subject, text) = write(&about, &name, &circumstances);
                prop_assert!(!subject.chars().any(char::is_control));
                let (_, plain) = write(&about, "n", &told());
                prop_assert_eq!(text.lines().count(), plain.lines().count());
                prop_assert!(text.chars().all(|c| c == '\n' || !is_unruly(c)));
            }
        }
    }
}
