//! The form that declares or changes a directory, with the tests beside what they test.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::directory::{Preset, Probe};
use muster_domain::error::FieldError;
use muster_domain::settings::{Field, Section, SettingsSchema, Values};
use muster_services::directories::{self, Draft};
use muster_web::Fields;
use secrecy::SecretString;

use super::directory_tests::{Told, told};
use crate::components::{
    Button, Card, Filled, Form, FormActions, Glyph, LinkButton, Look, Need, Takes, TextField,
    error_of, folded_section, seldom_fields, settings_fields,
};
use crate::visit::Visit;

/// The field that carries a secret that was typed, sealed.
const KEPT: &str = "secret_kept";
/// The field that says which state of the directory was changed.
const SEEN: &str = "seen";
/// The field for the name of one person.
pub(super) const PERSON: &str = "person";

/// Which button was pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wants {
    /// "Save".
    Save,
    /// One of the tests.
    Test(Probe),
    /// "Look up".
    Person,
}

impl Wants {
    /// The button of this word; one that is not known saves nothing.
    pub(super) fn of(word: Option<&str>) -> Option<Self> {
        Some(match word? {
            "save" => Self::Save,
            "connect" => Self::Test(Probe::Connect),
            "bind" => Self::Test(Probe::Bind),
            "search" => Self::Test(Probe::Search),
            "person" => Self::Person,
            _ => return None,
        })
    }
}

/// What somebody sent.
pub(super) struct Sent {
    pub(super) draft: Draft,
    pub(super) person: String,
    pub(super) wants: Wants,
}

/// Reads the form. A secret that was typed before and came along sealed counts as typed.
pub(super) fn read(visit: &Visit, fields: &Fields, kind: &str) -> Result<Sent, Error> {
    let schema = directories::schema(&visit.services, kind)?;
    let secret = directories::secret_field(&schema);
    let mut settings = fields.values();
    settings.retain(|key, _| schema.fields().any(|field| field.key == key));
    let typed = secret
        .and_then(|field| settings.remove(field))
        .filter(|typed| !typed.is_empty())
        .map(SecretString::from);
    let kept = || {
        let sealed = fields.one(KEPT).filter(|sealed| !sealed.is_empty())?;
        directories::carried(&visit.services, &visit.call, sealed)
    };
    Ok(Sent {
        draft: Draft {
            kind: kind.to_owned(),
            name: fields.one("name").unwrap_or_default().to_owned(),
            settings,
            secret: typed.or_else(kept),
            seen: fields.one(SEEN).and_then(|seen| {
                let millis = seen.parse().ok()?;
                DateTime::from_timestamp_millis(millis)
            }),
        },
        person: fields.one(PERSON).unwrap_or_default().trim().to_owned(),
        wants: Wants::of(fields.one("intent")).unwrap_or(Wants::Save),
    })
}

/// Everything the form shows.
pub(super) struct DirectoryForm {
    /// Where it posts.
    pub(super) action: String,
    /// Where "Back" leads.
    pub(super) back: String,
    /// What it was begun with, when it declares a new one.
    pub(super) preset: Option<Preset>,
    /// The name as typed or stored.
    pub(super) name: String,
    pub(super) schema: SettingsSchema,
    /// Fields that few need.
    pub(super) seldom: &'static [&'static str],
    /// What an empty field means for this system.
    pub(super) usual: Values,
    /// Values as typed or stored.
    pub(super) values: Values,
    /// Whether a secret is stored.
    pub(super) secret_is_set: bool,
    /// A secret that was typed, sealed.
    pub(super) kept: Option<String>,
    /// When the directory was last changed, as this form knows it; none: it is a new one.
    pub(super) seen: Option<DateTime<Utc>>,
    /// The person who was looked for.
    pub(super) person: String,
    pub(super) errors: Vec<FieldError>,
    /// What a test showed.
    pub(super) told: Option<Told>,
}

impl DirectoryForm {
    /// Takes over what was typed; a secret goes along sealed.
    pub(super) fn typed(mut self, visit: &Visit, sent: &Sent) -> Result<Self, Error> {
        self.name.clone_from(&sent.draft.name);
        self.values.clone_from(&sent.draft.settings);
        // A switch that is off is not sent.
        for field in self.schema.fields() {
            self.values.entry(field.key.to_owned()).or_default();
        }
        self.person.clone_from(&sent.person);
        self.seen = sent.draft.seen;
        self.kept = match &sent.draft.secret {
            Some(secret) => Some(directories::carry(&visit.services, &visit.call, secret)?),
            None => None,
        };
        Ok(self)
    }

    /// As a view: a card for each thing that can be tried, with its test beside; below, everything that has a good default.
    pub(super) fn view(mut self) -> AnyView {
        let is_fresh = self.errors.is_empty() && self.told.is_none();
        let steps = self
            .preset
            .as_ref()
            .map(|preset| instructions(preset, is_fresh));
        let secret = directories::secret_field(&self.schema);
        let is_set = self.secret_is_set || self.kept.is_some();
        let secrets_set = secret
            .filter(|_| is_set)
            .map(str::to_owned)
            .into_iter()
            .collect();
        let filled = Filled {
            values: std::mem::take(&mut self.values),
            secrets_set,
            secrets_wait: self.kept.is_some(),
            errors: self.errors.clone(),
            usual: std::mem::take(&mut self.usual),
        };
        let mut sections = std::mem::take(&mut self.schema.sections).into_iter();
        let tried: Vec<AnyView> = [Probe::Connect, Probe::Bind, Probe::Search]
            .into_iter()
            .zip(sections.by_ref())
            .enumerate()
            .map(|(at, (probe, section))| self.step(at + 1, probe, &section, &filled))
            .collect();
        let others = sections
            .map(|section| folded_section(&section, &filled))
            .collect_view();
        let hidden = self.hidden();
        let name_error = error_of(&self.errors, "name");
        view! {
            <div class="stack declare">
                {steps}
                <Form action=self.action errors=self.errors>
                    {hidden}
                    // Pressing Enter in a field saves; browsers take the first button of a form for that.
                    <button type="submit" name="intent" value="save" class="visually-hidden" tabindex="-1" aria-hidden="true">"Save directory"</button>
                    <Card>
                        <div class="step-cols">
                            <TextField name="name" label="Name" value=self.name error=name_error help="What people read as the source of an account."/>
                        </div>
                    </Card>
                    {tried}
                    <Card title="Details and terms">
                        <p class="muted">"Each begins with what is careful, and can be changed at any time."</p>
                        <div class="terms">{others}</div>
                    </Card>
                    <p class="help">"Saving and testing need a secure session. Saving changes nobody: nothing is read until you ask for it, or the schedule does."</p>
                    <FormActions>
                        <Button look=Look::Primary name="intent" value="save">"Save directory"</Button>
                        <LinkButton href=self.back look=Look::Quiet>"Back"</LinkButton>
                    </FormActions>
                </Form>
            </div>
        }
        .into_any()
    }

    /// What goes along unseen: the system that was chosen, and a secret that was typed, sealed.
    fn hidden(&self) -> AnyView {
        let kept = self.kept.clone().map(|kept| (KEPT, kept));
        let system = self
            .preset
            .as_ref()
            .map(|preset| ("system", preset.key.to_owned()));
        let begun = self.preset.iter().flat_map(|preset| &preset.values);
        let begun = begun.map(|(key, value)| (key.clone(), value.clone()));
        let seen = self
            .seen
            .map(|seen| (SEEN, seen.timestamp_millis().to_string()));
        let system = system.map(|(name, value)| (name, value.to_owned()));
        kept.into_iter()
            .chain(seen)
            .chain(system)
            .map(|(name, value)| (name.to_owned(), value))
            .chain(begun)
            .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
            .collect_view()
            .into_any()
    }

    /// One thing that can be tried: its fields, and the test beside them.
    fn step(&mut self, nth: usize, probe: Probe, section: &Section, filled: &Filled) -> AnyView {
        // What the chosen system says already is not asked.
        let is_begun = |field: &&Field| {
            let preset = self.preset.as_ref();
            preset.is_some_and(|preset| preset.values.contains_key(field.key))
        };
        let asked = section.fields.iter().filter(|field| !is_begun(field));
        let (seldom, usual): (Vec<&Field>, Vec<&Field>) =
            asked.partition(|field| self.seldom.contains(&field.key));
        let help = (!section.help.is_empty()).then(|| view! { <p class="help">{section.help}</p> });
        let fields = settings_fields(usual.into_iter(), filled);
        let more = seldom_fields(&seldom, filled);
        let said = self.told.take_if(|told| told.belongs_to(probe)).map(told);
        let test = beside(probe, &self.person, &self.errors, said);
        let title = format!("{nth}. {}", section.title);
        view! {
            <Card title>
                <div class="step-cols">
                    <div class="step-fields">{help}{fields}{more}</div>
                    {test}
                </div>
            </Card>
        }
        .into_any()
    }
}

/// The test of what stands beside it, and what it showed.
fn beside(probe: Probe, person: &str, errors: &[FieldError], said: Option<AnyView>) -> AnyView {
    let (word, label, asks) = match probe {
        Probe::Connect => (
            "connect",
            "Test connection",
            "Is the server reached, encrypted and trusted?",
        ),
        Probe::Bind => (
            "bind",
            "Test account",
            "Does the server let the account in?",
        ),
        Probe::Search => (
            "search",
            "Test search",
            "How many people and groups does the account see?",
        ),
    };
    let one = (probe == Probe::Search).then(|| {
        let (value, error) = (person.to_owned(), error_of(errors, PERSON));
        view! {
            <TextField name=PERSON label="One person" value takes=Takes::Exact need=Need::Optional error help="The name somebody signs in with. What would be taken over of them is shown; nothing is saved.">
                <Button name="intent" value="person" icon=Glyph::User>"Look up"</Button>
            </TextField>
        }
    });
    view! {
        <div class="beside" id=format!("test-{word}")>
            <div class="test-line">
                <p class="help">{asks}</p>
                <Button name="intent" value=word icon=Glyph::Search>{label}</Button>
            </div>
            {one}
            {said}
        </div>
    }
    .into_any()
}

fn instructions(preset: &Preset, is_fresh: bool) -> AnyView {
    let items = preset
        .steps
        .iter()
        .map(|step| view! { <li>{*step}</li> })
        .collect_view();
    let title = format!("First, in {}", preset.name);
    let list = (!preset.steps.is_empty()).then(|| {
        view! {
            <details class="folded" open=is_fresh>
                <summary>{title}</summary>
                <div class="folded-body"><ol class="instructions">{items}</ol></div>
            </details>
        }
    });
    let name = preset.name;
    view! {
        <p class="system">"System: "<b>{name}</b>" · "<a href="/directories/new">"Choose another"</a></p>
        {list}
    }
    .into_any()
}
