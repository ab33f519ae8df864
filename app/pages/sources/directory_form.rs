//! The form that declares or changes a directory, with the tests beside what they test.

use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::directory::{Preset, Probe};
use muster_domain::error::FieldError;
use muster_domain::settings::{Section, SettingsSchema, Values};
use muster_services::directories::{self, Draft};
use muster_web::Fields;
use secrecy::SecretString;

use super::directory_tests::{Told, told};
use crate::components::{
    Button, Card, Filled, Form, FormActions, Glyph, LinkButton, Look, Need, SettingsFields, Takes,
    TextField, error_of,
};
use crate::visit::Visit;

/// The field that carries a secret that was typed, sealed.
const KEPT: &str = "secret_kept";
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
    /// Values as typed or stored.
    pub(super) values: Values,
    /// Whether a secret is stored.
    pub(super) secret_is_set: bool,
    /// A secret that was typed, sealed.
    pub(super) kept: Option<String>,
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
        self.kept = match &sent.draft.secret {
            Some(secret) => Some(directories::carry(&visit.services, &visit.call, secret)?),
            None => None,
        };
        Ok(self)
    }

    /// As a view.
    pub(super) fn view(mut self) -> AnyView {
        let steps = self.preset.as_ref().map(instructions);
        let field = directories::secret_field(&self.schema);
        let is_set = self.secret_is_set || self.kept.is_some();
        let secrets_set: Vec<String> = field
            .filter(|_| is_set)
            .map(str::to_owned)
            .into_iter()
            .collect();
        let filled = Filled {
            values: self.values,
            secrets_set,
            errors: self.errors.clone(),
        };
        let sections: Vec<Section> = std::mem::take(&mut self.schema.sections);
        let mut told_here = self.told;
        let tests = [Probe::Connect, Probe::Bind, Probe::Search];
        let (person, errors) = (self.person, self.errors.clone());
        let parts = sections
            .into_iter()
            .enumerate()
            .map(|(at, section)| {
                let schema = SettingsSchema {
                    sections: vec![section],
                };
                let filled = filled.clone();
                let test = tests.get(at).map(|probe| {
                    let said = told_here.take_if(|told| told.belongs_to(*probe)).map(told);
                    beside(*probe, &person, &errors, said)
                });
                view! { <SettingsFields schema filled/> {test} }
            })
            .collect_view();
        let kept = self
            .kept
            .map(|kept| view! { <input type="hidden" name=KEPT value=kept/> });
        let preset = self
            .preset
            .map(|preset| view! { <input type="hidden" name="system" value=preset.key/> });
        let name_error = error_of(&self.errors, "name");
        view! {
            <div class="stack">
                {steps}
                <Card>
                    <Form action=self.action errors=self.errors>
                        {preset}
                        {kept}
                        // Pressing Enter in a field saves; browsers take the first button of a form for that.
                        <button type="submit" name="intent" value="save" class="visually-hidden" tabindex="-1" aria-hidden="true">"Save directory"</button>
                        <TextField name="name" label="Name" value=self.name error=name_error help="What people read as the source of an account."/>
                        {parts}
                        <p class="help">"Saving and testing need a secure session. Saving changes nobody: nothing is read until you ask for it, or the schedule does."</p>
                        <FormActions>
                            <Button look=Look::Primary name="intent" value="save">"Save directory"</Button>
                            <LinkButton href=self.back look=Look::Quiet>"Back"</LinkButton>
                        </FormActions>
                    </Form>
                </Card>
            </div>
        }
        .into_any()
    }
}

/// The test of what the section above says, and what it showed.
fn beside(probe: Probe, person: &str, errors: &[FieldError], said: Option<AnyView>) -> AnyView {
    let (word, label) = match probe {
        Probe::Connect => ("connect", "Test connection"),
        Probe::Bind => ("bind", "Test account"),
        Probe::Search => ("search", "Test search"),
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
            <div class="actions"><Button name="intent" value=word icon=Glyph::Search>{label}</Button></div>
            {one}
            {said}
        </div>
    }
    .into_any()
}

fn instructions(preset: &Preset) -> AnyView {
    if preset.steps.is_empty() {
        return ().into_any();
    }
    let title = format!("First, in {}", preset.name);
    let items = preset
        .steps
        .iter()
        .map(|step| view! { <li>{*step}</li> })
        .collect_view();
    view! { <Card title><ol class="instructions">{items}</ol></Card> }.into_any()
}
