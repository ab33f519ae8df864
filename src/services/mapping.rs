//! The mapping of a directory: read, tried on real people, weighed against what is here, saved.

mod glimpse;
mod impact;
mod pace;

use muster_domain::error::FieldError;
use muster_domain::id::DirectoryId;
use muster_domain::mapping::{Mapping, MappingTest, Place, PlacedError, Rule, Tested, defaults};
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::directories::{self, Directory};
use muster_storage::{Reader, mappings};
use serde_json::json;

use crate::directories::out_of_date;
use crate::{Call, Knowingly, Services, guard};

pub(crate) use glimpse::Glimpses;
pub use glimpse::{CHOSEN, Glimpse, Missed, Refused, Seen, preview};
pub use impact::{Tried, impact, tried};
pub(crate) use pace::Pace;

/// Everything that an editor of a mapping shows.
#[derive(Clone, PartialEq, Debug)]
pub struct Desk {
    /// The directory.
    pub directory: Directory,
    /// Its mapping; one that does nothing, where none was saved.
    pub mapping: Mapping,
    /// How often it was saved.
    pub revision: u64,
    /// What the source's own mapping does, as rules.
    pub defaults: Vec<Rule>,
    /// Tests to begin with, which hold for these rules.
    pub default_tests: Vec<MappingTest>,
}

/// The mapping of a directory.
///
/// # Errors
/// Without permission, for an unknown directory, `DIR-004` for one that is not read from anywhere.
pub async fn desk(services: &Services, call: &Call, id: DirectoryId) -> Result<Desk, Error> {
    call.may(Permission::ViewDirectories)?;
    let directory = find(services, services.db(), id).await?;
    let kept = mappings::get(services.db(), id).await?;
    let vendor = directory.settings.get("vendor").map_or("", String::as_str);
    Ok(Desk {
        defaults: defaults::of(vendor),
        default_tests: defaults::tests(vendor),
        mapping: kept.mapping,
        revision: kept.revision,
        directory,
    })
}

/// A directory that is read from somewhere.
async fn find(
    services: &Services,
    reader: &impl Reader,
    id: DirectoryId,
) -> Result<Directory, Error> {
    let directory = directories::get(reader, id)
        .await?
        .ok_or_else(|| Error::not_found("directory"))?;
    services.directory_kind(&directory.kind)?;
    Ok(directory)
}

/// Saves a mapping in the place of the one with this revision. Its tests are tried first.
///
/// # Errors
/// Without permission or presence, for an unknown directory; `MAP-001` with messages beside the parts that are wrong,
/// `MAP-002` when somebody else saved one meanwhile, `MAP-004` when tests do not hold and nobody confirmed that.
pub async fn save(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: DirectoryId,
    mapping: &Mapping,
    revision: u64,
    knowingly: Knowingly,
) -> Result<(), Error> {
    call.may(Permission::ManageDirectories)?;
    guard::present(call, Some(elevated))?;
    let failing: Vec<usize> = tested(mapping)?
        .iter()
        .enumerate()
        .filter(|(_, tested)| !tested.holds)
        .map(|(number, _)| number)
        .collect();
    if !failing.is_empty() && knowingly == Knowingly::No {
        return Err(failing_tests(mapping, &failing));
    }
    let tx = services.db().begin().await?;
    let directory = find(services, &tx, id).await?;
    let before = mappings::get(&tx, id).await?;
    if before.revision != revision || !mappings::put(&tx, id, mapping, revision, call.at).await? {
        return Err(Error::new(
            "MAP-002",
            Kind::Conflict,
            "Somebody else saved this mapping meanwhile.",
        )
        .next("Open it again in another window, compare, and save yours then."));
    }
    out_of_date(&tx, id).await?;
    let detail = json!({
        "before": acting(&before.mapping),
        "after": acting(mapping),
        "tests": mapping.tests.len(),
        "failing": failing.len(),
        "elevation": elevated.id(),
    });
    let event = call.event("directory.mapping", &directory.name, Some(id.0), detail);
    tx.commit(&[event]).await
}

/// Saves what a configuration file says, if it differs.
pub(crate) async fn declare(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    mapping: &Mapping,
) -> Result<(), Error> {
    call.may(Permission::ManageDirectories)?;
    let tx = services.db().begin().await?;
    let directory = find(services, &tx, id).await?;
    let before = mappings::get(&tx, id).await?;
    if before.mapping == *mapping {
        return tx.rollback().await;
    }
    holds(mapping)?;
    mappings::put(&tx, id, mapping, before.revision, call.at).await?;
    out_of_date(&tx, id).await?;
    let detail = json!({
        "before": acting(&before.mapping),
        "after": acting(mapping),
        "tests": mapping.tests.len(),
        "by": "file",
    });
    let event = call.event("directory.mapping", &directory.name, Some(id.0), detail);
    tx.commit(&[event]).await
}

/// Whether a mapping can be read, and its tests hold.
pub(crate) fn holds(mapping: &Mapping) -> Result<(), Error> {
    let mut error = Error::form(Vec::new());
    for (test, tested) in mapping.tests.iter().zip(tested(mapping)?) {
        if !tested.holds {
            error = error.field(format!("mapping.tests.{}", test.name), tested.words);
        }
    }
    if error.fields.is_empty() {
        Ok(())
    } else {
        Err(error)
    }
}

/// What goes on record: what a mapping does. Its tests may hold people's data.
fn acting(mapping: &Mapping) -> Mapping {
    Mapping {
        tests: Vec::new(),
        ..mapping.clone()
    }
}

/// Tries the tests that are kept with a mapping.
///
/// # Errors
/// `MAP-001` with messages beside the parts that are wrong.
pub fn tested(mapping: &Mapping) -> Result<Vec<Tested>, Error> {
    let compiled = mapping.check().map_err(|wrong| misread(&wrong))?;
    Ok(mapping
        .tests
        .iter()
        .map(|test| test.run(&compiled))
        .collect())
}

fn failing_tests(mapping: &Mapping, failing: &[usize]) -> Error {
    let names: Vec<&str> = failing
        .iter()
        .filter_map(|number| mapping.tests.get(*number))
        .map(|test| test.name.as_str())
        .collect();
    let many = match names.as_slice() {
        [one] => format!("The test “{one}” does not hold."),
        more => format!("{} tests do not hold.", more.len()),
    };
    Error::new("MAP-004", Kind::Conflict, many)
        .next("Nothing was saved. Change the mapping or the tests, or confirm below that it shall be saved all the same.")
}

/// The field of a form that a part of a mapping stands in.
#[must_use]
pub fn field_of(place: Place) -> String {
    match place {
        Place::Filter => "filter".to_owned(),
        Place::Groups => "groups".to_owned(),
        Place::Attribute(number) => format!("attribute_{number}"),
        Place::Rule(number) => format!("text_{number}"),
        Place::Test(number) => format!("test_{number}"),
        Place::Whole => "mapping".to_owned(),
    }
}

/// What is wrong, beside the fields.
#[must_use]
pub fn misread(wrong: &[PlacedError]) -> Error {
    let mut error = Error::new(
        "MAP-001",
        Kind::Invalid,
        "Some of this mapping cannot be read.",
    )
    .next("Each part says what is wrong, and where. Nothing was saved.");
    error.fields = wrong
        .iter()
        .map(|wrong| FieldError {
            field: field_of(wrong.place),
            message: match wrong.place {
                Place::Filter | Place::Groups | Place::Rule(_) => format!(
                    "Line {}, character {}: {}",
                    wrong.line, wrong.column, wrong.words
                ),
                _ => wrong.words.clone(),
            },
        })
        .collect();
    error
}

/// A mapping that was saved and cannot be read any more.
pub(crate) fn unusable(wrong: &[PlacedError]) -> Error {
    let first = wrong.first().map(|wrong| wrong.words.clone());
    Error::new(
        "MAP-003",
        Kind::Conflict,
        "The mapping of this directory cannot be read any more.",
    )
    .next("Open it under the directory's page and correct what is marked. Until then nothing is read from the directory.")
    .internal(first.unwrap_or_default())
}
