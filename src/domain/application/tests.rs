use chrono::DateTime;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn application(number: u128, address: &str, elevated: &[&str]) -> Application {
    let target = Target::new(address).unwrap();
    Application {
        id: ApplicationId(Uuid::from_u128(number)),
        name: format!("Application {number}"),
        prefix: Prefix::new(target.path()).unwrap(),
        origin: target.origin,
        entry: Entry::Everybody,
        elevated: elevated
            .iter()
            .map(|prefix| Prefix::new(prefix).unwrap())
            .collect(),
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

/// Numbers of the applications a path belongs to, and whether it takes a secure session; none: refused.
fn asked(path: &str) -> Option<(Vec<u128>, bool)> {
    let all = [
        application(1, "https://app.example/", &["/admin"]),
        application(2, "https://app.example/wiki", &["/wiki/settings"]),
        application(3, "https://other.example/only", &[]),
    ];
    let readings = Readings::of(path).ok()?;
    let origin = Target::new("https://APP.example:443/x").unwrap().origin;
    let found = find(&all, &origin, &readings)?;
    let numbers = found.all.iter().map(|one| one.id.0.as_u128()).collect();
    Some((numbers, found.is_elevated))
}

#[test]
fn the_longest_prefix_names_the_application() {
    assert_eq!(asked("/"), Some((vec![1], false)));
    assert_eq!(asked("/wiki"), Some((vec![2], false)));
    assert_eq!(asked("/wiki/page"), Some((vec![2], false)));
    assert_eq!(asked("/wikipedia"), Some((vec![1], false)));
    assert_eq!(asked("/administrator"), Some((vec![1], false)));
    assert_eq!(asked("/wiki/settings/x"), Some((vec![2], true)));
}

#[test]
fn w34_a_protected_path_is_protected_however_it_is_written() {
    for path in [
        "/admin",
        "/admin/",
        "/ADMIN/users",
        "//admin",
        "/%61dmin",
        "/%2561dmin",
        "/;a=b/admin",
        "/admin;x=y",
        "/admin%3fx",
        "/admin%23x",
        "/admin.",
        "/admin%20/x",
        "/;x%2fy/%61dmin/secret",
        "/;x\\y/%61dmin",
        "/;x%5cy/%2561dmin",
        "/%3bx%252fy/%61dmin",
        "/\\admin",
    ] {
        let (_, is_elevated) = asked(path).unwrap_or_else(|| panic!("{path} was refused"));
        assert!(is_elevated, "{path}");
    }
}

#[test]
fn w34_a_path_of_two_readings_belongs_to_both_applications() {
    assert_eq!(asked("/wiki;x/page").unwrap().0, [1, 2]);
    assert_eq!(asked("/%77iki/page").unwrap().0, [1, 2]);
}

#[test]
fn w34_a_path_with_dotted_segments_is_refused_however_they_are_written() {
    for path in [
        "/x;%2fy/../%61dmin/secret",
        "/a%2fb/../%61dmin/secret",
        "/.",
        "/..",
        "/./admin",
        "/x/../admin",
        "/admin/../x",
        "/wiki/../admin",
        "/../admin",
        "/x/%2e%2e/admin",
        "/x/.%2E/admin",
        "/x/..%2fadmin",
        "/x%2f..%2fadmin",
        "/x/%252e%252e/admin",
        "/x/..;/admin",
        "/x/.;/admin",
        "/x/%2e%2e%3b/admin",
        "/x/..;%2fy/admin",
        "/x\\..\\admin",
        "/x/..%5cadmin",
        "/x/..%3fy",
        "/x/..%23y",
        "/x/..%20/admin",
        "/x/.../admin",
        "/x/ ../admin",
    ] {
        assert_eq!(Readings::of(path), Err(Unreadable), "{path}");
    }
    for path in ["/.well-known/x", "/a..b/c.", "/..x/.y", "/...x"] {
        assert!(Readings::of(path).is_ok(), "{path}");
    }
}

#[test]
fn w34_a_path_that_leaves_its_application_is_nobodys() {
    let all = [application(3, "https://other.example/only", &[])];
    let origin = all[0].origin.clone();
    let find = |path: &str| {
        let readings = Readings::of(path).unwrap();
        find(&all, &origin, &readings).is_some()
    };
    assert!(find("/only/x") && find("/only"));
    for outside in ["/", "/onlyx", "/onl%79", "/only%3b/x", "/;%2fx/only"] {
        assert!(!find(outside), "{outside}");
    }
}

#[test]
fn w34_what_no_browser_sends_is_not_read_at_all() {
    for path in [
        "",
        "x",
        "/a\u{0}",
        "/a%00",
        "/a%0d%0ab",
        "/%c0%ae%c0%ae/admin",
        "/%ff",
        "/%2525252525252525252561dmin",
    ] {
        assert_eq!(Readings::of(path), Err(Unreadable), "{path:?}");
    }
    assert!(Readings::of("/100%25/50%").is_ok());
}

#[test]
fn o51_an_address_is_read_strictly_or_not_at_all() {
    for bad in [
        "app.example/x",
        "ftp://app.example/",
        "https://",
        "https:///x",
        "https://user@app.example/",
        "https://app.example\\@evil.example/",
        "https://app.example/x y",
        "https://app.example/x\r\nSet-Cookie: a",
        "https://app.example/é",
        "https://app.example/#x",
        "https://app.example?x",
        "javascript://app.example/%0aalert(1)",
        "https://app.exa%6dple/",
        "https://app.example:/",
        "https://app.examplehttps://secret.example/",
        "https://app.example:8443https://secret.example/",
        "https://app.example?x=/",
    ] {
        assert_eq!(Target::new(bad), None, "{bad}");
    }
    let target = Target::new("HTTPS://App.Example:443//evil.example/?a=b").unwrap();
    assert_eq!(target.origin.as_str(), "https://app.example");
    assert_eq!(
        (target.to.as_str(), target.path()),
        ("//evil.example/?a=b", "//evil.example/")
    );
    let long = format!("https://app.example/x?{}", "a".repeat(1300));
    assert_eq!(Target::new(&long).unwrap().way_back(), "/x");
}

#[test]
fn a_prefix_is_plain() {
    assert_eq!(Prefix::new("/admin/").unwrap().as_str(), "/admin");
    assert_eq!(Prefix::new("/").unwrap(), Prefix::root());
    for bad in [
        "", "admin", "/a//b", "/a/../b", "/a/.", "/a?b", "/a%20", "/a;b", "/a b", "/é",
    ] {
        assert_eq!(Prefix::new(bad), None, "{bad}");
    }
    assert!(Prefix::root().contains(&Prefix::new("/x").unwrap()));
    assert!(
        !Prefix::new("/a")
            .unwrap()
            .contains(&Prefix::new("/ab").unwrap())
    );
}

#[test]
fn a_listed_role_or_group_opens_and_nothing_else() {
    let (staff, gone) = (GroupId(Uuid::from_u128(1)), GroupId(Uuid::from_u128(2)));
    let entry = Entry::Listed {
        roles: vec![Role::Admin],
        groups: vec![staff, gone],
    };
    assert!(entry.admits(&[Role::Admin], &[]) && entry.admits(&[], &[staff]));
    assert!(!entry.admits(&[Role::Auditor], &[GroupId(Uuid::from_u128(3))]));
    let nobody = Entry::Listed {
        roles: Vec::new(),
        groups: Vec::new(),
    };
    assert!(!nobody.admits(&Role::ALL, &[staff]));
    assert!(Entry::Everybody.admits(&[], &[]));
}

#[test]
fn w58_a_name_cannot_end_its_header_or_look_like_another() {
    assert_eq!(header_value("Zoë\r\nX: y", ""), "Zo%C3%AB%0D%0AX: y");
    assert_eq!(header_value("100%", ""), "100%25");
    assert_eq!(header_value("a,b", ","), "a%2Cb");
    assert_eq!(header_value("Ada Lindqvist", ","), "Ada Lindqvist");
}

proptest! {
    #[test]
    fn w34_no_way_of_writing_a_protected_path_escapes(
        noise in proptest::collection::vec(
            proptest::sample::select(vec!["/", "//", "/;x", "/;%2fx", "/;x%5cy", "/;x\\y", "/%3bx", "/%3Bx%252fy", "/\\", "/%2f"]), 0..4),
        encoded in proptest::collection::vec(0_u8..4, 5),
    ) {
        let mut path = String::new();
        for piece in &noise {
            path.push_str(piece);
        }
        path.push('/');
        for (letter, how) in "admin".chars().zip(&encoded) {
            match how {
                0 => path.push(letter),
                1 => path.push(letter.to_ascii_uppercase()),
                2 => path.push_str(&format!("%{:02x}", u32::from(letter))),
                _ => path.push_str(&format!("%25{:02X}", u32::from(letter))),
            }
        }
        prop_assert!(asked(&path).is_none_or(|(_, is_elevated)| is_elevated), "{}", path);
    }

    #[test]
    fn w34_no_dotted_segment_is_read_wherever_and_however_it_is_written(
        before in proptest::sample::select(vec!["", "/x", "/x;y", "/x;%2fy", "/a%2fb", "/a%5cb", "/%3bx"]),
        dots in proptest::sample::select(vec![".", "..", "%2e", "%2e.", ".%2E", "%2e%2e", "%252e%252e", "..%20"]),
        cut in proptest::sample::select(vec!["", ";", ";x", "%3b", "%3bx", "%253bx", ";x%2fy", "%3f", "%23x"]),
        after in proptest::sample::select(vec!["", "/admin", "/%61dmin", "%2fadmin", "%5cadmin", "\\admin", "%252fadmin"]),
    ) {
        let path = format!("{before}/{dots}{cut}{after}");
        prop_assert_eq!(Readings::of(&path), Err(Unreadable), "{}", path);
    }

    #[test]
    fn w58_header_values_are_printable_and_tell_values_apart(one in "\\PC*", other in "\\PC*") {
        let (first, second) = (header_value(&one, ","), header_value(&other, ","));
        prop_assert!(first.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b','));
        prop_assert_eq!(one == other, first == second);
    }
}
