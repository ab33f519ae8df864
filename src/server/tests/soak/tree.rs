//! What the directory holds, as the test knows it: people, the groups they are in, and what a filter leaves out.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ldap3::{Mod, Scope, SearchEntry};

use crate::chance::Chance;
use crate::slapd::{BASE, Setup, Slapd, group, named, people, person};

/// Everybody is in one of so many groups; all of these are in one.
pub(crate) const TEAMS: u32 = 20;

/// A tree of entries behind a real server.
pub(crate) struct Tree {
    pub slapd: Slapd,
    /// Everybody who ever was.
    last: u32,
    gone: BTreeSet<u32>,
    mails: BTreeMap<u32, String>,
    /// Whether those whose number ends in seven are left out.
    pub filtered: bool,
}

impl Tree {
    /// So many people; none where no slapd is installed.
    pub(crate) fn planted(count: u32) -> Option<Self> {
        let mut entries = people(count);
        for team in 0..TEAMS {
            let members: Vec<String> = (1..=count)
                .filter(|n| n % TEAMS == team)
                .map(person)
                .collect();
            entries.push_str(&group(&format!("team{team}"), &members));
        }
        let teams: Vec<String> = (0..TEAMS)
            .map(|team| named(&format!("team{team}")))
            .collect();
        entries.push_str(&group("company", &teams));
        let slapd = Slapd::start(Setup {
            entries: &entries,
            more: "maxsize 1073741824",
            certificate: None,
        })?;
        Some(Self {
            slapd,
            last: count,
            gone: BTreeSet::new(),
            mails: BTreeMap::new(),
            filtered: false,
        })
    }

    /// Whether a directory that is read now shows this person.
    pub(crate) fn shows(&self, number: u32) -> bool {
        !(self.gone.contains(&number) || self.filtered && number % 10 == 7)
    }

    /// Everybody whom it shows now.
    pub(crate) fn shown(&self) -> BTreeSet<u32> {
        (1..=self.last).filter(|n| self.shows(*n)).collect()
    }

    pub(crate) fn mail(&self, number: u32) -> String {
        let usual = || format!("u{number:03}@example.test");
        self.mails.get(&number).cloned().unwrap_or_else(usual)
    }

    /// The filter of a reading that begins now.
    pub(crate) const fn filter(&self) -> &'static str {
        match self.filtered {
            true => "(&(objectClass=inetOrgPerson)(!(uid=*7)))",
            false => "(objectClass=inetOrgPerson)",
        }
    }

    /// Some leave, some come, some get another address.
    pub(crate) async fn changes(&mut self, chance: &mut Chance) {
        let mut admin = self.slapd.admin().await;
        let set = |value: &str| HashSet::from([value.to_owned()]);
        for _ in 0..10 {
            let number = self.somebody(chance);
            if self.gone.insert(number) {
                let done = admin.delete(&person(number)).await.unwrap();
                done.success().unwrap();
            }
        }
        for _ in 0..30 {
            let number = self.somebody(chance);
            if self.gone.contains(&number) {
                continue;
            }
            let mail = format!("u{number}.{}@example.test", chance.below(1_000_000));
            let change = vec![Mod::Replace("mail".to_owned(), set(&mail))];
            let done = admin.modify(&person(number), change).await.unwrap();
            done.success().unwrap();
            self.mails.insert(number, mail);
        }
        for _ in 0..10 {
            self.last += 1;
            let (number, name) = (self.last, format!("u{:03}", self.last));
            let attributes = vec![
                ("objectClass".to_owned(), set("inetOrgPerson")),
                ("uid".to_owned(), set(&name)),
                ("cn".to_owned(), set(&name)),
                ("sn".to_owned(), set("New")),
                ("mail".to_owned(), set(&format!("{name}@example.test"))),
            ];
            let done = admin.add(&person(number), attributes).await.unwrap();
            done.success().unwrap();
            let team = named(&format!("team{}", number % TEAMS));
            let change = vec![Mod::Add("member".to_owned(), set(&person(number)))];
            let done = admin.modify(&team, change).await.unwrap();
            done.success().unwrap();
        }
        admin.unbind().await.unwrap();
    }

    /// When each entry was written last, in short: the same as long as nobody writes.
    pub(crate) async fn fingerprint(&self) -> (usize, u64) {
        let mut admin = self.slapd.admin().await;
        let everything = "(objectClass=*)";
        let found = admin.search(BASE, Scope::Subtree, everything, vec!["entryCSN"]);
        let (entries, _) = found.await.unwrap().success().unwrap();
        admin.unbind().await.unwrap();
        let mut stamps: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let entry = SearchEntry::construct(entry);
                (entry.dn, entry.attrs.get("entryCSN").cloned())
            })
            .collect();
        stamps.sort();
        let mut hasher = DefaultHasher::new();
        stamps.hash(&mut hasher);
        (stamps.len(), hasher.finish())
    }

    fn somebody(&self, chance: &mut Chance) -> u32 {
        u32::try_from(chance.below(u64::from(self.last))).unwrap() + 1
    }

    /// The configuration of a Muster that reads it, with nothing held by the guard.
    pub(crate) fn declared(&self) -> String {
        let port = self.slapd.ldap;
        format!(
            "[directories.Office]\nkind = \"ldap\"\nbind_password = \"env:SOAK_PASSWORD\"\n\n\
             [directories.Office.settings]\nvendor = \"openldap\"\nsecurity = \"plain\"\nservers = \"127.0.0.1:{port}\"\n\
             bind_dn = \"{}\"\nusers_base = \"ou=people,{BASE}\"\ngroups_base = \"ou=groups,{BASE}\"\n\
             users_filter = \"{}\"\n\n\
             [directories.Office.rules]\nguard_people_count = \"1000000\"\nguard_people_percent = \"100\"\n\
             guard_memberships_count = \"1000000\"\nguard_memberships_percent = \"100\"\n",
            crate::slapd::READER,
            self.filter(),
        )
    }
}
