//! The form that connects or changes a provider, shared by the console and the setup wizard.

use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::protocol::Finding;
use muster_domain::provider::Provider;
use muster_domain::settings::{SettingsSchema, Values};
use muster_domain::vendor::{Addresses, Vendor};
use muster_services::providers::{Draft, domains_of};
use muster_web::Fields;
use secrecy::SecretString;

use super::provider::finding_rows;
use crate::components::{
    Button, Card, CopyText, Filled, Form, FormActions, Glyph, Inset, LinkButton, Look,
    SettingsFields, TextField, error_of,
};

/// Everything the form shows.
pub struct ProviderForm {
    /// Where it posts.
    pub action: String,
    /// Short name in addresses, fixed before it is connected: the redirect address depends on it.
    pub slug: String,
    /// Where "Back" leads.
    pub back: String,
    /// Whose product it is.
    pub vendor: Vendor,
    /// The name as typed or stored.
    pub name: String,
    /// Domains as typed or stored.
    pub domains: String,
    /// The form of the kind.
    pub schema: SettingsSchema,
    /// Values as typed or stored.
    pub values: Values,
    /// Whether a secret is stored.
    pub secret_is_set: bool,
    /// Messages beside fields.
    pub errors: Vec<FieldError>,
    /// What an examination found.
    pub findings: Vec<Finding>,
    /// Words on the button that saves.
    pub save: &'static str,
    /// Our addresses, to be entered at the vendor.
    pub redirect: String,
    /// Where people come after signing out.
    pub post_logout: String,
}

/// What somebody sent.
pub struct SentProvider {
    /// As a draft.
    pub draft: Draft,
    /// Domains as typed.
    pub domains: String,
    /// Whether only an examination is wanted.
    pub wants: Wants,
}

/// Which button was pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wants {
    /// "Check".
    Check,
    /// "Save".
    Save,
}

/// Reads the form.
#[must_use]
pub fn read(fields: &Fields, vendor: Vendor) -> SentProvider {
    let mut settings = fields.values();
    for own in ["name", "domains", "vendor", "intent", "slug"] {
        settings.remove(own);
    }
    let secret = settings
        .remove("client_secret")
        .map(|secret| secret.trim().to_owned())
        .filter(|secret| !secret.is_empty());
    let domains = fields.one("domains").unwrap_or_default().to_owned();
    let draft = Draft {
        slug: fields.one("slug").unwrap_or_default().to_owned(),
        name: fields.one("name").unwrap_or_default().to_owned(),
        vendor,
        kind: "oidc".to_owned(),
        settings,
        secret: secret.map(SecretString::from),
        domains: domains_of(&domains),
    };
    let wants = if fields.one("intent") == Some("check") {
        Wants::Check
    } else {
        Wants::Save
    };
    SentProvider {
        draft,
        domains,
        wants,
    }
}

impl ProviderForm {
    /// An empty form with the vendor's preset.
    #[must_use]
    pub fn empty(vendor: Vendor, schema: SettingsSchema) -> Self {
        Self {
            action: String::new(),
            slug: String::new(),
            back: String::new(),
            vendor,
            name: if vendor == Vendor::Generic {
                String::new()
            } else {
                vendor.label().to_owned()
            },
            domains: String::new(),
            schema,
            values: vendor.preset().values(),
            secret_is_set: false,
            errors: Vec::new(),
            findings: Vec::new(),
            save: "Save provider",
            redirect: String::new(),
            post_logout: String::new(),
        }
    }

    /// A form with what is stored.
    #[must_use]
    pub fn stored(provider: &Provider, schema: SettingsSchema) -> Self {
        Self {
            slug: provider.slug.clone(),
            name: provider.name.clone(),
            domains: provider.domains.join(" "),
            values: provider.settings.clone(),
            secret_is_set: provider.secret_is_set,
            ..Self::empty(provider.vendor, schema)
        }
    }

    /// Takes over what was typed. A secret is never sent back.
    #[must_use]
    pub fn typed(mut self, sent: &SentProvider) -> Self {
        if self.slug.is_empty() {
            self.slug.clone_from(&sent.draft.slug);
        }
        self.name.clone_from(&sent.draft.name);
        self.domains.clone_from(&sent.domains);
        self.values.clone_from(&sent.draft.settings);
        self
    }

    /// As a view: instructions, the form, and what was found.
    #[must_use]
    pub fn view(self) -> AnyView {
        let instructions = self.instructions();
        let secrets_set = if self.secret_is_set {
            vec!["client_secret".to_owned()]
        } else {
            Vec::new()
        };
        let filled = Filled {
            values: self.values,
            secrets_set,
            errors: self.errors.clone(),
            ..Filled::default()
        };
        let found = (!self.findings.is_empty()).then(|| {
            view! { <Card title="What the provider publishes" id="findings" inset=Inset::Flush>{finding_rows(self.findings)}</Card> }
        });
        let (name_error, domain_error) = (
            error_of(&self.errors, "name"),
            error_of(&self.errors, "domains"),
        );
        view! {
            <div class="stack">
                {found}
                {instructions}
                <Card title=format!("Connect {}", self.vendor.label())>
                    <Form action=self.action errors=self.errors>
                        <input type="hidden" name="vendor" value=self.vendor.key()/>
                        <input type="hidden" name="slug" value=self.slug/>
                        <TextField name="name" label="Name" value=self.name error=name_error help="What people read on the sign-in page."/>
                        <SettingsFields schema=self.schema filled/>
                        <TextField name="domains" label="E-mail domains" value=self.domains error=domain_error need=crate::components::Need::Optional help="People who enter an address of these domains are sent here. Separate several by spaces."/>
                        <FormActions>
                            <Button look=Look::Primary name="intent" value="save">{self.save}</Button>
                            <Button name="intent" value="check" icon=Glyph::Search>"Check configuration"</Button>
                            <LinkButton href=self.back look=Look::Quiet>"Back"</LinkButton>
                        </FormActions>
                    </Form>
                </Card>
            </div>
        }
        .into_any()
    }

    fn instructions(&self) -> AnyView {
        let steps = self.vendor.instructions(Addresses {
            redirect: &self.redirect,
            post_logout: &self.post_logout,
        });
        let items = steps
            .into_iter()
            .map(|step| {
                let paste = step
                    .paste
                    .map(|paste| view! { <CopyText value=paste label="value"/> });
                view! { <li>{step.text}{paste}</li> }
            })
            .collect_view();
        view! { <Card title=self.vendor.place()><ol class="instructions">{items}</ol></Card> }
            .into_any()
    }
}
