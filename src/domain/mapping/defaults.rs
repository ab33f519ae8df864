//! What each vendor's own mapping does, written as expressions: to be read, and to begin with.

use super::{Expression, How, Rule, When};

/// Our attribute and the expression that says the same as the vendor's own mapping.
type Row = (&'static str, &'static str);

const COMMON: [Row; 4] = [
    (
        "display_name",
        "first(source.all(\"displayname\"), source.all(\"cn\"))",
    ),
    ("given_name", "source.get(\"givenname\")"),
    ("family_name", "source.get(\"sn\")"),
    ("email", "source.get(\"mail\")"),
];

/// The rules that say what the vendor's own mapping does; the key is that of the directory's vendor.
#[must_use]
pub fn of(vendor: &str) -> Vec<Rule> {
    let username = match vendor {
        "active_directory" => "source.samaccountname",
        _ => "source.uid",
    };
    let active = match vendor {
        // ACCOUNTDISABLE is the second bit ([MS-ADTS] section 2.2.16).
        "active_directory" => Some("int(source.get(\"useraccountcontrol\", \"512\")) / 2 % 2 == 0"),
        "389" | "freeipa" => Some("source.get(\"nsaccountlock\", \"false\").lower() != \"true\""),
        // Locked for good (draft-behera-ldap-password-policy section 5.3.3).
        "openldap" => Some("source.get(\"pwdaccountlockedtime\", \"\") != \"000001010000Z\""),
        _ => None,
    };
    let rows = [("username", username)]
        .into_iter()
        .chain(COMMON)
        .chain(active.map(|expression| ("active", expression)));
    rows.map(|(attribute, expression)| Rule {
        attribute: attribute.to_owned(),
        when: When::Always,
        how: How::Expression(Expression(expression.to_owned())),
    })
    .collect()
}
