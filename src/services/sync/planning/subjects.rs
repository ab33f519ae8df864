//! Everybody of the source and of here, as small as they can be kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hasher as _;

use muster_domain::Error;
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::plan::Protection;
use muster_domain::plan::member::Standing;
use muster_domain::record::ExternalId;
use muster_domain::snapshot::Reference;
use muster_storage::accounts::KnownAccount;
use muster_storage::groups::Group;
use muster_storage::{Db, accounts, groups};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::Services;

use super::PAGE;
use super::keyed::{KeyMap, KeySet};

/// By what something is found: SipHash-2-4 of 128 bits under a key of this reading that nobody else knows, so that no source
/// can make two fall together.
pub(super) type Key = u128;

/// How somebody stands at the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Said {
    /// Nothing was said of them.
    #[default]
    Nothing,
    /// They are there.
    Present,
    /// They are there, and a filter leaves them out.
    FilteredOut,
    /// They are there and cannot be used.
    Refused,
}

/// A person.
#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    pub said: Said,
    /// Whether a record of theirs says that they may come in.
    pub is_in: bool,
    /// Fingerprint of the record as it was read first; none: none was.
    pub read: Option<Key>,
    /// Whom an account here belongs to, or the newcomer that the plan makes of the record.
    pub user: Option<UserId>,
    /// Whether the plan makes them.
    pub is_new: bool,
    /// The fingerprint that is kept with the account, unless it is worthless.
    pub kept: Option<Key>,
}

/// A group.
#[derive(Clone, Debug)]
pub(super) struct Grouped {
    pub external_id: ExternalId,
    /// Its name as the source says it.
    pub name: Option<String>,
    /// The words of the filter that leaves it out.
    pub filter: Option<String>,
    /// The group here.
    pub here: Option<Known>,
    /// Whether not all its members were read.
    pub is_unread: bool,
    /// Its members, in parts.
    pub members: Vec<Vec<Key>>,
    /// What it is once the plan's groups are decided.
    pub then: Option<Then>,
}

/// A group as it is once the plan's groups are decided.
#[derive(Clone, Debug)]
pub(super) struct Then {
    pub group: GroupId,
    pub name: String,
    pub protected: Option<Protection>,
    pub standing: Standing,
}

/// A group of this directory, as it stands here.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub group: Group,
    pub elsewhere: bool,
    /// What is kept with it.
    pub digest: Option<String>,
}

/// Everybody.
pub(super) struct Subjects {
    salt: [u8; 16],
    pub found: KeyMap<u32>,
    pub people: Vec<Person>,
    pub found_groups: KeyMap<u32>,
    pub groups: Vec<Grouped>,
    /// What a name of this reading points to.
    pub located: KeyMap<Key>,
    /// Members by the pointer to their group.
    pub members: KeyMap<Vec<Vec<Key>>>,
    pub unread: KeySet,
    /// Why records cannot be used.
    pub refused: BTreeMap<ExternalId, String>,
    /// Ids of records that cannot be used and say that their person may not come in.
    pub off: KeySet,
    /// Ids of those that do not say so.
    pub on: KeySet,
    /// Ids that a filter leaves out.
    pub filtered: KeySet,
    /// Ids that two different records bear.
    pub repeated: BTreeSet<ExternalId>,
    /// Records that bear no id.
    pub nameless: u64,
    /// Digests of what was said before any mapping, of those who are about to be looked at closer.
    pub raw: HashMap<u32, String>,
    /// Usernames of newcomers.
    pub newcomers: HashMap<u32, Box<str>>,
    /// Of the whole source no group was shown, though some are here.
    pub shows_no_group: bool,
    shown: u64,
}

impl Subjects {
    /// Nobody yet. With the key of a reading before, hashes are those of that reading.
    pub(super) fn new(services: &Services, salt: Option<&str>) -> Self {
        let known = salt.and_then(|salt| u128::from_str_radix(salt, 16).ok());
        let mut salt = [0; 16];
        match known {
            Some(known) => salt = known.to_be_bytes(),
            None => services.entropy().fill(&mut salt),
        }
        Self {
            salt,
            found: KeyMap::default(),
            people: Vec::new(),
            found_groups: KeyMap::default(),
            groups: Vec::new(),
            located: KeyMap::default(),
            members: KeyMap::default(),
            unread: KeySet::default(),
            refused: BTreeMap::new(),
            off: KeySet::default(),
            on: KeySet::default(),
            filtered: KeySet::default(),
            repeated: BTreeSet::new(),
            nameless: 0,
            raw: HashMap::new(),
            newcomers: HashMap::new(),
            shows_no_group: false,
            shown: 0,
        }
    }

    /// Takes in what is here of a directory.
    pub(super) async fn load(&mut self, db: &Db, directory: DirectoryId) -> Result<(), Error> {
        let mut after: Option<ExternalId> = None;
        loop {
            let page = accounts::known_page(db, directory, after.as_ref(), 4 * PAGE as u64).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.external_id.clone());
            for account in page {
                self.know(&account);
            }
        }
        self.load_groups(db, directory).await
    }

    /// Takes in an account.
    pub(super) fn know(&mut self, account: &KnownAccount) {
        let key = self.id(&account.external_id);
        let person = self.person(key);
        person.user = Some(UserId(account.user));
        person.kept = account.digest.as_deref().and_then(fingerprint);
    }

    /// Takes in the groups that are here of a directory.
    pub(super) async fn load_groups(
        &mut self,
        db: &Db,
        directory: DirectoryId,
    ) -> Result<(), Error> {
        let mut after: Option<ExternalId> = None;
        loop {
            let page =
                groups::page_of_directory(db, directory, after.as_ref(), PAGE as u64).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.external_id.clone());
            for known in page {
                let here = Known {
                    group: known.group,
                    elsewhere: known.elsewhere,
                    digest: known.digest,
                };
                self.group(&known.external_id).here = Some(here);
            }
        }
        Ok(())
    }

    /// The key of its hashes.
    pub(super) fn salt(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.salt))
    }

    /// People of whom the source said something like this.
    pub(super) fn people_said(&self, wanted: impl Fn(Said) -> bool) -> Vec<Key> {
        let is_wanted = |place: u32| self.at(place).is_some_and(|person| wanted(person.said));
        let all = self.found.iter();
        all.filter(|(_, place)| is_wanted(**place))
            .map(|(key, _)| *key)
            .collect()
    }

    /// Groups of which the source said something.
    pub(super) fn groups_said(&self) -> Vec<Key> {
        let is_said = |group: &&Grouped| {
            group.name.is_some()
                || group.filter.is_some()
                || self.refused.contains_key(&group.external_id)
        };
        let all = self.groups.iter().filter(is_said);
        all.map(|group| self.id(&group.external_id)).collect()
    }

    /// Where everybody stands who is here or is made.
    pub(super) fn places(&self) -> HashMap<UserId, u32> {
        let places = 0_u32..;
        let all = places.zip(&self.people);
        all.filter_map(|(place, person)| Some((person.user?, place)))
            .collect()
    }

    /// Whether somebody, or a group, is here whose record cannot be used, or not all of it.
    pub(super) fn somebody_here_is_refused(&self) -> bool {
        let mut people = self.people.iter();
        let mut groups = self.groups.iter().filter(|group| group.here.is_some());
        people.any(|one| one.said == Said::Refused && one.user.is_some())
            || groups.any(|one| one.is_unread || self.refused.contains_key(&one.external_id))
    }

    /// Everybody who is here of this directory, and what the source said of them.
    pub(super) fn people_known(&self) -> impl Iterator<Item = (UserId, Said)> {
        let here = self.people.iter().filter(|person| !person.is_new);
        here.filter_map(|person| Some((person.user?, person.said)))
    }

    /// How many groups are.
    pub(super) fn groups_here(&self) -> u64 {
        let here = self.groups.iter().filter(|group| group.here.is_some());
        here.count().try_into().unwrap_or(u64::MAX)
    }

    /// After a whole reading, and once it is known which records cannot be used: whether groups are here and none was
    /// shown. An account that may not read groups sees none, too.
    pub(super) fn note_groups(&mut self) {
        let is_shown = |group: &Grouped| {
            let is_left_out =
                group.filter.is_some() || self.refused.contains_key(&group.external_id);
            group.name.is_some() || group.here.is_some() && is_left_out
        };
        self.shows_no_group = self.groups_here() > 0 && !self.groups.iter().any(is_shown);
    }

    /// Whether the person of a record that cannot be used is kept out: all that was read of them says so.
    pub(super) fn is_off(&self, key: Key) -> bool {
        let is_in = self.person_of(key).is_some_and(|(_, one)| one.is_in);
        self.off.contains(&key) && !self.on.contains(&key) && !is_in
    }

    /// Whether a pointer is to nobody of this reading and nobody of here.
    pub(super) fn is_strange(&self, pointer: Key) -> bool {
        !self.located.contains_key(&pointer)
            && !self.found.contains_key(&pointer)
            && !self.found_groups.contains_key(&pointer)
    }

    /// Notes that a record of a person was read, the first of its id.
    pub(super) const fn show(&mut self) {
        self.shown += 1;
    }

    /// Whether the source showed no person whose record can be told from others.
    pub(super) fn nobody_was_shown(&self) -> bool {
        let is_person = |id: &&ExternalId| {
            let found = self.person_of(self.id(id));
            found.is_some_and(|(_, person)| person.read.is_some())
        };
        let repeated = self.repeated.iter().filter(is_person).count();
        self.shown <= u64::try_from(repeated).unwrap_or(u64::MAX)
    }

    pub(super) fn id(&self, id: &ExternalId) -> Key {
        self.key(b'i', &id.0)
    }

    /// The id of an account of the directory whose place this one takes: the two may bear the same ids.
    pub(super) fn former(&self, id: &ExternalId) -> Key {
        self.key(b'f', &id.0)
    }

    pub(super) fn locator(&self, locator: &str) -> Key {
        self.key(b'l', locator)
    }

    pub(super) fn reference(&self, reference: &Reference) -> Key {
        match reference {
            Reference::Id(id) => self.id(id),
            Reference::Locator(locator) => self.locator(locator),
        }
    }

    /// The key of a name that is wanted.
    pub(super) fn name(&self, name: &str) -> Key {
        self.key(b'n', name)
    }

    fn key(&self, kind: u8, text: &str) -> Key {
        let mut hasher = SipHasher24::new_with_key(&self.salt);
        hasher.write_u8(kind);
        hasher.write(text.as_bytes());
        hasher.finish128().as_u128()
    }

    pub(super) fn at(&self, at: u32) -> Option<&Person> {
        self.people.get(usize::try_from(at).ok()?)
    }

    pub(super) fn at_mut(&mut self, at: u32) -> Option<&mut Person> {
        self.people.get_mut(usize::try_from(at).ok()?)
    }

    /// Where the person of an id stands; made when there is none.
    pub(super) fn place(&mut self, key: Key) -> u32 {
        let next = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        let place = *self.found.entry(key).or_insert(next);
        if place == next {
            self.people.push(Person::default());
        }
        place
    }

    fn person(&mut self, key: Key) -> &mut Person {
        let place = self.place(key);
        let index = usize::try_from(place).unwrap_or(usize::MAX);
        if index >= self.people.len() {
            self.people.resize_with(index + 1, Person::default);
        }
        #[expect(clippy::indexing_slicing, reason = "it was made a line ago")]
        &mut self.people[index]
    }

    pub(super) fn person_of(&self, key: Key) -> Option<(u32, &Person)> {
        let at = *self.found.get(&key)?;
        Some((at, self.at(at)?))
    }

    pub(super) fn group_of(&self, key: Key) -> Option<&Grouped> {
        let at = *self.found_groups.get(&key)?;
        self.groups.get(usize::try_from(at).ok()?)
    }

    pub(super) fn group_of_mut(&mut self, key: Key) -> Option<&mut Grouped> {
        let at = *self.found_groups.get(&key)?;
        self.groups.get_mut(usize::try_from(at).ok()?)
    }

    /// The group of an id; made when there is none.
    pub(super) fn group(&mut self, id: &ExternalId) -> &mut Grouped {
        let key = self.id(id);
        let next = self.groups.len();
        let place = *self
            .found_groups
            .entry(key)
            .or_insert(u32::try_from(next).unwrap_or(u32::MAX));
        let index = usize::try_from(place).unwrap_or(usize::MAX).min(next);
        if index == next {
            self.groups.push(Grouped {
                external_id: id.clone(),
                name: None,
                filter: None,
                here: None,
                is_unread: false,
                members: Vec::new(),
                then: None,
            });
        }
        #[expect(clippy::indexing_slicing, reason = "it was made a line ago")]
        &mut self.groups[index]
    }

    /// What a pointer points to: the key of an id.
    pub(super) fn follow(&self, pointer: Key) -> Key {
        self.located.get(&pointer).copied().unwrap_or(pointer)
    }
}

/// A fingerprint as it is compared; none: what is kept is worthless.
pub(super) fn fingerprint(kept: &str) -> Option<Key> {
    if kept.len() != 32 {
        return None;
    }
    u128::from_str_radix(kept, 16).ok()
}
