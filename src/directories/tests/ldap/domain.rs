//! Who is in the domain that the tests of Active Directory read.

pub const BASE: &str = "DC=samdom,DC=example,DC=test";
pub const ADMIN: &str = "Administrator@samdom.example.test";
pub const ADMIN_PASSWORD: &str = "Passw0rd!Adm1n";
pub const READER: &str = "reader@samdom.example.test";
pub const PASSWORD: &str = "Passw0rd!sync";

/// People `u0001` and on: more than Active Directory sends members of a group at once.
pub const PEOPLE: u32 = 1_510;
/// Whose account expired in 2012.
pub const EXPIRED: u32 = 8;
/// Whose account is disabled.
pub const DISABLED: u32 = 9;

/// The name of a person.
pub fn person(number: u32) -> String {
    format!("CN=User {number},OU=People,{BASE}")
}

/// The name of a group.
pub fn group(name: &str) -> String {
    format!("CN={name},OU=Groups,{BASE}")
}

/// Everything, in LDIF.
pub fn filling() -> String {
    let mut ldif = String::new();
    for unit in ["People", "Groups", "Moved"] {
        ldif += &entry(&format!("OU={unit},{BASE}"), "organizationalUnit", &[]);
    }
    for number in 1..=PEOPLE {
        ldif += &somebody(number);
    }
    let everybody: Vec<String> = (1..=PEOPLE).map(person).collect();
    ldif += &gathered("inner", &[person(1), person(2)]);
    ldif += &gathered("outer", &[person(3), group("inner")]);
    ldif += &gathered("big", &everybody);
    ldif += &gathered("circle-a", &[person(4)]);
    ldif += &gathered("circle-b", &[group("circle-a"), person(5)]);
    ldif += &gathered("empty", &[]);
    // What is not a person of the domain, but looks much like one.
    let machine = [("sAMAccountName", "PC1$"), ("userAccountControl", "4096")];
    ldif += &entry(&format!("CN=PC1,CN=Computers,{BASE}"), "computer", &machine);
    // Made a trust's account afterwards: nobody may add one outright.
    let trust = [("sAMAccountName", "OTHER$"), ("userAccountControl", "544")];
    ldif += &entry(&trusted(), "user", &trust);
    let contact = [("mail", "contact@elsewhere.test")];
    ldif += &entry(
        &format!("CN=A contact,OU=People,{BASE}"),
        "contact",
        &contact,
    );
    let reader = [
        ("sAMAccountName", "reader"),
        ("userPrincipalName", READER),
        ("userAccountControl", "66048"),
    ];
    let reader = entry(&format!("CN=reader,CN=Users,{BASE}"), "user", &reader);
    ldif + reader.trim_end() + &password(PASSWORD)
}

/// What cannot be said at first: both groups of a circle have to be there, and a trust's account has to be somebody's.
pub fn finishing() -> String {
    let (a, b) = (group("circle-a"), group("circle-b"));
    let trusted = trusted();
    format!(
        "dn: {a}\nchangetype: modify\nadd: member\nmember: {b}\n\n\
         dn: {trusted}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 2080\n"
    )
}

fn trusted() -> String {
    format!("CN=OTHER$,CN=Users,{BASE}")
}

fn somebody(number: u32) -> String {
    let name = format!("u{number:04}");
    let principal = format!("{name}@samdom.example.test");
    let mail = format!("{name}@example.test");
    let family = format!("Sur{number}");
    let control = if number == DISABLED { "546" } else { "544" };
    let expires = match number {
        6 => "9223372036854775807",
        EXPIRED => "130000000000000000",
        _ => "0",
    };
    let says = [
        ("sAMAccountName", name.as_str()),
        ("userPrincipalName", &principal),
        ("givenName", "Zoë"),
        ("sn", &family),
        ("mail", &mail),
        ("userAccountControl", control),
        ("accountExpires", expires),
    ];
    let entry = entry(&person(number), "user", &says);
    match number {
        1 | EXPIRED | DISABLED => entry.trim_end().to_owned() + &password(PASSWORD),
        _ => entry,
    }
}

fn gathered(name: &str, members: &[String]) -> String {
    let mut says = vec![("sAMAccountName", name), ("groupType", "-2147483646")];
    says.extend(members.iter().map(|member| ("member", member.as_str())));
    entry(&group(name), "group", &says)
}

fn entry(dn: &str, class: &str, says: &[(&str, &str)]) -> String {
    let says: String = says
        .iter()
        .map(|(attribute, value)| {
            if value.is_ascii() {
                format!("{attribute}: {value}\n")
            } else {
                let value = openssl::base64::encode_block(value.as_bytes());
                format!("{attribute}:: {value}\n")
            }
        })
        .collect();
    format!("dn: {dn}\nobjectClass: {class}\n{says}\n")
}

/// A password as Active Directory takes it: in quotation marks, in UTF-16.
fn password(password: &str) -> String {
    let quoted = format!("\"{password}\"");
    let bytes: Vec<u8> = quoted.encode_utf16().flat_map(u16::to_le_bytes).collect();
    format!(
        "\nunicodePwd:: {}\n\n",
        openssl::base64::encode_block(&bytes).replace('\n', "")
    )
}
