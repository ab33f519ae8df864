//! What is typed, and what becomes of it.

use super::*;

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn good(more: &[(&str, &str)]) -> Values {
    let mut all = values(&[
        ("vendor", "openldap"),
        (
            "servers",
            "dc1.example.org\n\n ldaps://dc2.example.org:1636 ",
        ),
        ("security", "ldaps"),
        ("bind_dn", "cn=reader,dc=example"),
        ("users_base", "dc=example"),
    ]);
    all.extend(values(more));
    all
}

fn fields(values: &Values) -> Vec<String> {
    let secret = SecretString::from("pw");
    let error = read(values, Some(&secret)).unwrap_err();
    assert_eq!(error.code, "LDAP-010");
    error.fields.into_iter().map(|field| field.field).collect()
}

#[test]
fn what_is_left_empty_is_what_the_vendor_calls_it() {
    let secret = SecretString::from("pw");
    let found = read(&good(&[("vendor", "active_directory")]), Some(&secret)).unwrap();
    assert_eq!(found.schema, Vendor::ActiveDirectory.schema());
    assert_eq!(found.groups_base, "dc=example");
    assert_eq!(
        found.servers,
        [
            ("dc1.example.org".to_owned(), 636),
            ("dc2.example.org".to_owned(), 1636)
        ]
    );
    let more = [
        ("email_attribute", "proxyAddress"),
        ("members_attribute", "member, x-member"),
        ("users_filter", "(uid=*)"),
        ("page", "100"),
    ];
    let found = read(&good(&more), Some(&secret)).unwrap();
    assert_eq!(found.schema.attributes["email"], "proxyAddress");
    assert_eq!(found.schema.members, ["member", "x-member"]);
    assert_eq!(found.schema.users, "(uid=*)");
    assert_eq!(found.limits.page, 100);
}

#[test]
fn servers_are_taken_as_people_write_them() {
    let port = |line, security| server_of(line, security).map(|(_, port)| port);
    assert_eq!(port("dc1", Security::Ldaps), Ok(636));
    assert_eq!(port("dc1", Security::StartTls), Ok(389));
    assert_eq!(port("dc1:3269", Security::Ldaps), Ok(3269));
    assert_eq!(port("[::1]:1389", Security::Plain), Ok(1389));
    assert_eq!(port("[::1]", Security::Plain), Ok(389));
    for (line, security) in [
        ("ldap://dc1", Security::Ldaps),
        ("ldaps://dc1", Security::StartTls),
        ("http://dc1", Security::Ldaps),
        ("dc1/x", Security::Ldaps),
        ("a b", Security::Ldaps),
        ("", Security::Ldaps),
    ] {
        assert!(server_of(line, security).is_err(), "{line}");
    }
}

#[test]
fn every_problem_stands_beside_its_field() {
    let wrong = good(&[
        ("servers", "http://x"),
        ("ca", "junk"),
        ("users_base", "people"),
        ("users_filter", "(uid=*"),
        ("email_attribute", "userPassword"),
    ]);
    assert_eq!(
        fields(&wrong),
        [
            "servers",
            "ca",
            "users_base",
            "users_filter",
            "email_attribute"
        ]
    );
    assert_eq!(fields(&good(&[("bind_dn", "")])), ["bind_dn"]);
    assert_eq!(fields(&good(&[("servers", " \n")])), ["servers"]);
}

#[test]
fn l5_l8_no_password_travels_in_the_open_and_none_is_empty() {
    assert_eq!(
        fields(&good(&[("security", "plain"), ("servers", "dc1")])),
        ["servers"]
    );
    let secret = SecretString::from("");
    for given in [None, Some(&secret)] {
        let error = read(&good(&[]), given).unwrap_err();
        assert_eq!(error.fields[0].field, "bind_password");
    }
}

#[test]
fn the_form_fills_itself_with_defaults_that_hold() {
    let mut sent = good(&[]);
    sent.insert("bind_password".to_owned(), "pw".to_owned());
    let checked = LdapKind::default().schema().check(&sent, &[]).unwrap();
    let secret = SecretString::from("pw");
    assert!(LdapKind::default().open(&checked, Some(&secret)).is_ok());
    let known: Vec<_> = LdapKind::default()
        .schema()
        .fields()
        .map(|field| field.key)
        .collect();
    for key in LdapKind::default()
        .secret_is_for()
        .into_iter()
        .chain(LdapKind::default().answers_by())
        .flatten()
    {
        assert!(known.contains(key), "{key}");
    }
}

#[test]
fn what_the_form_hints_at_and_folds_away_are_fields_of_it() {
    let schema = LdapKind::default().schema();
    let known: Vec<_> = schema.fields().map(|field| field.key).collect();
    for preset in LdapKind::default().presets() {
        for key in preset.usual.keys() {
            assert!(known.contains(&key.as_str()), "{key}");
        }
        assert!(preset.usual.contains_key("username_attribute"));
    }
    for key in LdapKind::default().seldom() {
        assert!(known.contains(key), "{key}");
        let field = schema.fields().find(|field| field.key == *key).unwrap();
        assert_eq!(field.need, muster_domain::settings::Need::Optional, "{key}");
    }
}
