//! What each vendor's own mapping does, written as expressions: to be read, and to begin with.

use super::{Expected, Expression, How, MappingTest, Rule, When};
use crate::record::{Attributes, SourceValues};

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
    // Whoever the directory keeps out for other reasons, such as an account that expired, is kept out all the same.
    let active = match vendor {
        // ACCOUNTDISABLE is the second bit ([MS-ADTS] section 2.2.16).
        "active_directory" => {
            Some("record.active && int(source.get(\"useraccountcontrol\", \"512\")) / 2 % 2 == 0")
        }
        "389" | "freeipa" => {
            Some("record.active && source.get(\"nsaccountlock\", \"false\").lower() != \"true\"")
        }
        // Locked for good (draft-behera-ldap-password-policy section 5.3.3).
        "openldap" => {
            Some("record.active && source.get(\"pwdaccountlockedtime\", \"\") != \"000001010000Z\"")
        }
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

/// Tests to begin with: what the vendor's own mapping makes of somebody, and that whoever is switched off there stays out.
#[must_use]
pub fn tests(vendor: &str) -> Vec<MappingTest> {
    let username = match vendor {
        "active_directory" => "samaccountname",
        _ => "uid",
    };
    let common = [
        (username, "ada"),
        ("displayname", "Ada Example"),
        ("givenname", "Ada"),
        ("sn", "Example"),
        ("mail", "ada@example.org"),
    ];
    let made = [
        ("username", "ada"),
        ("display_name", "Ada Example"),
        ("email", "ada@example.org"),
        ("active", "true"),
    ];
    let off = match vendor {
        // NORMAL_ACCOUNT and ACCOUNTDISABLE ([MS-ADTS] section 2.2.16).
        "active_directory" => Some(("useraccountcontrol", "514")),
        "389" | "freeipa" => Some(("nsaccountlock", "TRUE")),
        "openldap" => Some(("pwdaccountlockedtime", "000001010000Z")),
        _ => None,
    };
    let somebody = test("Somebody with everything", &common, &made);
    let switched_off = off.map(|off| {
        let said = [common.as_slice(), &[off]].concat();
        test(
            "Somebody who is switched off there",
            &said,
            &[("active", "false")],
        )
    });
    std::iter::once(somebody).chain(switched_off).collect()
}

fn test(name: &str, said: &[(&str, &str)], wanted: &[(&str, &str)]) -> MappingTest {
    let source: SourceValues = said
        .iter()
        .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
        .collect();
    let wanted: Attributes = wanted
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    MappingTest {
        name: name.to_owned(),
        source,
        record: Attributes::new(),
        expected: Expected::Values(wanted),
    }
}
