//! The people of the lab: 25 believable persons of one company, in several scripts, with the
//! edge cases real directories have (no e-mail, an unverified one, no groups, very many groups).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// A person who can sign in at every provider of the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The `sub` claim: opaque and stable, for example `lab-0007`.
    pub id: String,
    /// What is typed on the sign-in page; also `preferred_username`.
    pub username: &'static str,
    /// Given name, may be empty.
    pub given_name: &'static str,
    /// Family name, may be empty.
    pub family_name: &'static str,
    /// The name as the person writes it.
    pub name: &'static str,
    /// E-mail address, if the person has one.
    pub email: Option<String>,
    /// Whether that address is confirmed to be the person's.
    pub email_verified: bool,
    /// Names of groups, sorted.
    pub groups: Vec<&'static str>,
}

impl Person {
    /// The claims `scopes` entitle an application to (OIDC Core 5.4), without `sub`.
    pub(crate) fn claims(&self, scopes: &BTreeSet<String>) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut add = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        if scopes.contains("profile") {
            add("name", json!(self.name));
            add("given_name", json!(self.given_name));
            add("family_name", json!(self.family_name));
            add("preferred_username", json!(self.username));
        }
        if let Some(email) = self.email.as_ref().filter(|_| scopes.contains("email")) {
            add("email", json!(email));
            add("email_verified", json!(self.email_verified));
        }
        if scopes.contains("groups") {
            add("groups", json!(self.groups));
        }
        claims
    }
}

enum Mail {
    Verified(&'static str),
    Unverified(&'static str),
    None,
}
use Mail::{Unverified, Verified};

/// Username, given name, family name, name as written, mailbox, groups separated by spaces.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Mail,
    &'static str,
);

const ROWS: [Row; 25] = [
    (
        "ada.lindqvist",
        "Ada",
        "Lindqvist",
        "Ada Lindqvist",
        Verified("ada.lindqvist"),
        "staff it-admins security on-call berlin",
    ),
    (
        "bruno.keller",
        "Bruno",
        "Keller",
        "Bruno Keller",
        Verified("bruno.keller"),
        "staff it-admins helpdesk berlin",
    ),
    (
        "chidi.okafor",
        "Chidi",
        "Okafor",
        "Chidi Okafor",
        Verified("chidi.okafor"),
        "staff helpdesk lagos",
    ),
    (
        "dana.novak",
        "Dana",
        "Nováková",
        "Dana Nováková",
        Verified("dana.novak"),
        "staff engineering prague on-call project-aurora",
    ),
    (
        "elif.yildiz",
        "Elif",
        "Yıldız",
        "Elif Yıldız",
        Verified("elif.yildiz"),
        "staff engineering istanbul",
    ),
    (
        "farid.rahimi",
        "فرید",
        "رحیمی",
        "فرید رحیمی",
        Verified("farid.rahimi"),
        "staff engineering remote project-aurora",
    ),
    (
        "grace.oconnor",
        "Gráinne",
        "O’Connor",
        "Gráinne O’Connor",
        Verified("grace.oconnor"),
        "staff finance managers dublin",
    ),
    (
        "haruto.sato",
        "陽翔",
        "佐藤",
        "佐藤 陽翔",
        Verified("haruto.sato"),
        "staff engineering tokyo on-call",
    ),
    (
        "ines.ferreira",
        "Inês",
        "Ferreira da Conceição",
        "Inês Ferreira da Conceição",
        Verified("ines.ferreira"),
        "staff people-ops são-paulo",
    ),
    (
        "jan.van-den-berg",
        "Jan",
        "van den Berg",
        "Jan van den Berg",
        Verified("jan.van-den-berg"),
        "staff sales amsterdam",
    ),
    (
        "kateryna.shevchenko",
        "Катерина",
        "Шевченко",
        "Катерина Шевченко",
        Verified("kateryna.shevchenko"),
        "staff legal kyiv managers",
    ),
    (
        "li.wei",
        "伟",
        "李",
        "李伟",
        Verified("li.wei"),
        "staff engineering shanghai project-aurora",
    ),
    (
        "maria.papadopoulou",
        "Μαρία",
        "Παπαδοπούλου",
        "Μαρία Παπαδοπούλου",
        Verified("maria.papadopoulou"),
        "staff marketing athens",
    ),
    (
        "noa.cohen",
        "נועה",
        "כהן",
        "נועה כהן",
        Verified("noa.cohen"),
        "staff security engineering tel-aviv on-call",
    ),
    (
        "oyvind.aas",
        "Øyvind",
        "Ås",
        "Øyvind Ås",
        Verified("oyvind.aas"),
        "staff engineering oslo",
    ),
    (
        "priya.raghunathan",
        "பிரியா",
        "ரகுநாதன்",
        "பிரியா ரகுநாதன்",
        Verified("priya.raghunathan"),
        "staff finance chennai",
    ),
    (
        "quentin.dubois",
        "Quentin",
        "Dubois",
        "Quentin Dubois",
        Unverified("quentin.dubois"),
        "contractors marketing paris",
    ),
    (
        "rosa.martinez",
        "Rosa",
        "Martínez Núñez",
        "Rosa Martínez Núñez",
        Mail::None,
        "staff facilities madrid",
    ),
    (
        "søren.østergaard",
        "Søren",
        "Østergaard",
        "Søren Østergaard",
        Verified("soeren.oestergaard"),
        "staff sales managers copenhagen",
    ),
    (
        "suharto",
        "Suharto",
        "",
        "Suharto",
        Verified("suharto"),
        "staff sales jakarta",
    ),
    (
        "tomasz.wojcik",
        "Tomasz",
        "Wójcik",
        "Tomasz Wójcik",
        Verified("tomasz.wojcik"),
        "contractors engineering warsaw project-aurora",
    ),
    (
        "uma.thapa",
        "उमा",
        "थापा",
        "उमा थापा",
        Verified("uma.thapa"),
        "staff people-ops managers kathmandu",
    ),
    (
        "viktor.hansen",
        "Viktor",
        "Hansen",
        "Viktor Hansen",
        Verified("viktor.hansen"),
        "",
    ),
    (
        "wanjiru.kamau",
        "Wanjirũ",
        "Kamau",
        "Wanjirũ Kamau",
        Verified("wanjiru.kamau"),
        "staff engineering managers nairobi project-aurora project-borealis architecture-board on-call incident-commanders release-managers wiki-editors vpn-users badge-hq car-pool hiring-panel mentors book-club",
    ),
    (
        "yuki.tanaka-meier",
        "Yuki",
        "Tanaka-Meier",
        "Yuki Tanaka-Meier",
        Verified("yuki.tanaka-meier"),
        "staff board managers finance legal people-ops sales marketing security berlin tokyo architecture-board budget-owners hiring-panel vpn-users wiki-editors badge-hq car-pool all-hands-hosts crisis-team",
    ),
];

/// All 25, in the order of their ids.
pub(crate) fn people() -> Vec<Person> {
    ROWS.iter().enumerate().map(person).collect()
}

fn person((index, row): (usize, &Row)) -> Person {
    let (username, given_name, family_name, name, mail, groups) = row;
    let (mailbox, email_verified) = match mail {
        Verified(mailbox) => (Some(mailbox), true),
        Unverified(mailbox) => (Some(mailbox), false),
        Mail::None => (None, false),
    };
    let mut groups: Vec<&'static str> = groups.split_ascii_whitespace().collect();
    groups.sort_unstable();
    Person {
        id: format!("lab-{:04}", index + 1),
        username,
        given_name,
        family_name,
        name,
        email: mailbox.map(|mailbox| format!("{mailbox}@lab.example")),
        email_verified,
        groups,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_25_people_with_unique_names_and_addresses() {
        let people = people();
        let unique = |values: Vec<String>| values.into_iter().collect::<BTreeSet<_>>().len();
        assert_eq!(people.len(), 25);
        assert_eq!(unique(people.iter().map(|p| p.id.clone()).collect()), 25);
        assert_eq!(
            unique(people.iter().map(|p| p.username.into()).collect()),
            25
        );
        assert_eq!(
            unique(people.iter().filter_map(|p| p.email.clone()).collect()),
            24
        );
    }

    #[test]
    fn the_edge_cases_are_among_them() {
        let people = people();
        let count = |test: fn(&Person) -> bool| people.iter().filter(|p| test(p)).count();
        assert_eq!(count(|p| p.email.is_none()), 1);
        assert_eq!(count(|p| p.email.is_some() && !p.email_verified), 1);
        assert_eq!(count(|p| p.groups.is_empty()), 1);
        assert_eq!(count(|p| p.family_name.is_empty()), 1);
        assert!(count(|p| p.groups.len() > 15) >= 2);
        assert!(count(|p| !p.name.is_ascii()) >= 10);
    }

    #[test]
    fn claims_follow_the_scopes() {
        let people = people();
        let scopes = |text: &str| text.split(' ').map(str::to_owned).collect();
        let names = |claims: Map<String, Value>| claims.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(people[0].claims(&scopes("openid"))), [""; 0]);
        assert_eq!(
            names(people[0].claims(&scopes("openid groups"))),
            ["groups"]
        );
        let without_mail = people.iter().find(|p| p.email.is_none()).unwrap();
        assert_eq!(names(without_mail.claims(&scopes("openid email"))), [""; 0]);
    }
}
