//! What somebody wants a directory to be, and whether that can be accepted.

use chrono::{DateTime, Utc};
use muster_domain::directory::{Directory as Source, DirectoryKind, Probe};
use muster_domain::error::FieldError;
use muster_domain::role::Permission;
use muster_domain::settings::{Input, SettingsSchema, Values};
use muster_domain::{Error, Kind, name};
use muster_storage::directories::Directory;
use secrecy::{ExposeSecret as _, SecretString};

use crate::sync::rules;
use crate::{Call, Services};

/// What a form or a configuration file says about one directory.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Its kind; one that is kept stays of its kind.
    pub kind: String,
    /// The name people read.
    pub name: String,
    /// Values of the form, without the secret.
    pub settings: Values,
    /// A new secret; none keeps the stored one.
    pub secret: Option<SecretString>,
    /// When the directory was last changed, as whoever typed this saw it: a later change is not written over unseen. None:
    /// whatever was before.
    pub seen: Option<DateTime<Utc>>,
}

impl Draft {
    /// A draft that would change nothing.
    #[must_use]
    pub fn of(directory: &Directory) -> Self {
        Self {
            kind: directory.kind.clone(),
            name: directory.name.clone(),
            settings: directory.settings.clone(),
            secret: None,
            seen: Some(directory.updated_at),
        }
    }
}

/// The whole form of a kind: its own fields, and the terms that every directory has.
///
/// # Errors
/// `DIR-004` when this installation does not read it.
pub fn schema(services: &Services, kind: &str) -> Result<SettingsSchema, Error> {
    let mut schema = services.directory_kind(kind)?.schema();
    schema.sections.extend(rules::sections());
    Ok(schema)
}

/// Fields of the form of a kind that few installations need.
///
/// # Errors
/// `DIR-004` when this installation does not read it.
pub fn seldom(services: &Services, kind: &str) -> Result<&'static [&'static str], Error> {
    Ok(services.directory_kind(kind)?.seldom())
}

/// What an empty field means for the system that these settings are of, by the field's key.
///
/// # Errors
/// `DIR-004` when this installation does not read it.
pub fn usual(services: &Services, kind: &str, settings: &Values) -> Result<Values, Error> {
    let presets = services.directory_kind(kind)?.presets();
    let of = presets.into_iter().find(|preset| {
        let mut begun = preset.values.iter();
        begun.all(|(key, value)| settings.get(key) == Some(value))
    });
    Ok(of.map(|preset| preset.usual).unwrap_or_default())
}

/// The field that takes the secret, if the kind has one.
#[must_use]
pub fn secret_field(schema: &SettingsSchema) -> Option<&'static str> {
    schema
        .fields()
        .find(|field| field.input == Input::Secret)
        .map(|field| field.key)
}

/// A directory that is kept, with its revealed secret.
pub(super) struct Known {
    pub(super) directory: Directory,
    pub(super) secret: Option<SecretString>,
}

/// What becomes of the secret.
pub(super) enum Kept {
    /// It stays as it is stored, or stays away.
    AsItIs,
    /// This takes its place.
    Replaced(SecretString),
    /// It is forgotten: nothing needs it any more.
    Dropped,
}

/// A draft that holds.
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) settings: Values,
    pub(super) secret: Kept,
}

/// Checks everything about a draft at once.
pub(super) fn checked(
    services: &Services,
    draft: &Draft,
    known: Option<&Known>,
) -> Result<Checked, Error> {
    let kind = services.directory_kind(&draft.kind)?;
    let schema = schema(services, &draft.kind)?;
    let field = secret_field(&schema);
    let (mut errors, mut name) = (Vec::new(), String::new());
    match name::check_group_name(&draft.name) {
        Ok(checked) => name = checked,
        Err(wrong) => errors.push(FieldError {
            field: "name".to_owned(),
            ..wrong
        }),
    }
    let mut sent = draft.settings.clone();
    if let (Some(field), Some(secret)) = (field, &draft.secret) {
        sent.insert(field.to_owned(), secret.expose_secret().to_owned());
    }
    let stored = known.and_then(|known| known.secret.as_ref());
    let set: Vec<&str> = field.filter(|_| stored.is_some()).into_iter().collect();
    let settings = match schema.check(&sent, &set) {
        Ok(mut values) => {
            if let Some(field) = field {
                values.remove(field);
            }
            values
        }
        Err(more) => return Err(Error::form(errors.into_iter().chain(more).collect())),
    };
    errors.extend(rules::problems(&settings));
    let (secret, opened) = with_secret(kind, draft, known, &settings, field);
    match opened {
        Ok(_) if errors.is_empty() => Ok(Checked {
            name,
            settings,
            secret,
        }),
        Ok(_) => Err(Error::form(errors)),
        Err(wrong) if wrong.fields.is_empty() && errors.is_empty() => Err(wrong),
        Err(wrong) => Err(Error::form(
            errors.into_iter().chain(wrong.fields).collect(),
        )),
    }
}

/// Opens what a draft says as far as a test needs it: the other parts may be empty yet, or wrong.
///
/// # Errors
/// With messages beside the fields that the test needs.
pub(super) fn for_probe(
    services: &Services,
    draft: &Draft,
    known: Option<&Known>,
    probe: Probe,
) -> Result<Box<dyn Source>, Error> {
    let kind = services.directory_kind(&draft.kind)?;
    let mut schema = kind.schema();
    schema.sections.truncate(match probe {
        Probe::Connect => 1,
        Probe::Bind => 2,
        Probe::Search => usize::MAX,
    });
    let field = secret_field(&schema);
    let mut sent = draft.settings.clone();
    if let (Some(field), Some(secret)) = (field, &draft.secret) {
        sent.insert(field.to_owned(), secret.expose_secret().to_owned());
    }
    let stored = known.and_then(|known| known.secret.as_ref());
    let set: Vec<&str> = field.filter(|_| stored.is_some()).into_iter().collect();
    let mut settings = schema.check(&sent, &set).map_err(Error::form)?;
    let Some(field) = field else {
        // Nobody is let in by this test.
        return kind.open(&settings, None);
    };
    settings.remove(field);
    with_secret(kind, draft, known, &settings, Some(field)).1
}

/// Which secret goes with these settings. A stored one is shown to nobody but whom it was given for: whoever changes
/// the server would else have it sent to a server of their own.
fn with_secret(
    kind: &dyn DirectoryKind,
    draft: &Draft,
    known: Option<&Known>,
    settings: &Values,
    field: Option<&'static str>,
) -> (Kept, Result<Box<dyn Source>, Error>) {
    if let Some(given) = &draft.secret {
        let opened = kind.open(settings, Some(given));
        return (Kept::Replaced(given.clone()), opened);
    }
    let Some((known, stored)) = known.and_then(|known| Some((known, known.secret.as_ref()?)))
    else {
        return (Kept::AsItIs, kind.open(settings, None));
    };
    if !differs(kind.secret_is_for(), &known.directory.settings, settings) {
        return (Kept::AsItIs, kind.open(settings, Some(stored)));
    }
    match (kind.open(settings, None), field) {
        (Ok(source), _) => (Kept::Dropped, Ok(source)),
        (Err(wrong), Some(field)) => {
            // What else is wrong is told as well; of the missing secret this is the reason.
            let mut others: Vec<FieldError> = wrong.fields;
            others.retain(|problem| problem.field != field);
            let again = "Enter it again: it was given for the server and account that were entered before, and is shown to no other.";
            let told = Error::form(others).field(field, again);
            (Kept::AsItIs, Err(told))
        }
        (Err(wrong), None) => (Kept::AsItIs, Err(wrong)),
    }
}

/// Whether one of these settings differs; none: any.
fn differs(keys: Option<&[&str]>, before: &Values, after: &Values) -> bool {
    match keys {
        Some(keys) => keys.iter().any(|key| before.get(*key) != after.get(*key)),
        None => {
            let own = |values: &Values| -> Values {
                let of_kind = values.iter().filter(|(key, _)| !rules::is_term(key));
                of_kind
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect()
            };
            own(before) != own(after)
        }
    }
}

/// Whoever decides which server answers for people's passwords, and who is whom there, decides who comes in as whom: that
/// takes the right to grant roles.
///
/// # Errors
/// `DIR-006`.
pub(super) fn may_answer(
    services: &Services,
    call: &Call,
    kind: &str,
    before: Option<&Values>,
    after: &Values,
) -> Result<(), Error> {
    if !rules::would_sign_in(after) || call.can(Permission::ManageRoles) {
        return Ok(());
    }
    let kind = services.directory_kind(kind)?;
    let stays = before.is_some_and(|before| {
        let comes_out = rules::in_shadow(before) && !rules::in_shadow(after);
        rules::would_sign_in(before) && !comes_out && !differs(kind.answers_by(), before, after)
    });
    if stays {
        return Ok(());
    }
    Err(Error::new(
        "DIR-006",
        Kind::Forbidden,
        "People sign in through this directory: whoever says which server answers for them could come in as anybody of it.",
    )
    .next("Ask a superadmin to make this change, or switch signing in through it off first."))
}
