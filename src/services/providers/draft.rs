//! What somebody wants a provider to be, and whether that can be accepted.

use muster_domain::Error;
use muster_domain::error::FieldError;
use muster_domain::protocol::IdentityProvider;
use muster_domain::provider::Provider;
use muster_domain::settings::Values;
use muster_domain::vendor::Vendor;
use secrecy::{ExposeSecret as _, SecretString};

/// What a form or a configuration file says about one provider.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Short name in addresses; empty: made from the name.
    pub slug: String,
    /// The name people read.
    pub name: String,
    /// Whose product it is.
    pub vendor: Vendor,
    /// Protocol kind.
    pub kind: String,
    /// Values of the kind's schema, without the secret.
    pub settings: Values,
    /// A new client secret; none keeps the stored one.
    pub secret: Option<SecretString>,
    /// E-mail domains routed to it.
    pub domains: Vec<String>,
}

impl Draft {
    /// A draft that would change nothing.
    #[must_use]
    pub fn of(provider: &Provider) -> Self {
        Self {
            slug: provider.slug.clone(),
            name: provider.name.clone(),
            vendor: provider.vendor,
            kind: provider.kind.clone(),
            settings: provider.settings.clone(),
            secret: None,
            domains: provider.domains.clone(),
        }
    }
}

/// Checks name, domains and the kind's own fields; every problem beside its field at once.
pub(super) fn checked(
    kind: &dyn IdentityProvider,
    draft: &Draft,
    known: Option<&Provider>,
) -> Result<Values, Error> {
    let mut errors = Vec::new();
    let mut refuse = |field: &str, message: &str| {
        errors.push(FieldError {
            field: field.to_owned(),
            message: message.to_owned(),
        })
    };
    let name = draft.name.trim();
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        refuse("name", "Enter a name of at most 80 characters.");
    }
    if draft.domains.iter().any(|domain| !is_domain(domain)) {
        refuse(
            "domains",
            "Enter domains such as example.org, separated by spaces.",
        );
    }
    let mut sent = draft.settings.clone();
    if let Some(secret) = &draft.secret {
        sent.insert(
            "client_secret".to_owned(),
            secret.expose_secret().to_owned(),
        );
    }
    let set: &[&str] = if known.is_some_and(|provider| provider.secret_is_set) {
        &["client_secret"]
    } else {
        &[]
    };
    match kind.schema().check(&sent, set) {
        Ok(mut values) if errors.is_empty() => {
            values.remove("client_secret");
            Ok(values)
        }
        Ok(_) => Err(Error::form(errors)),
        Err(more) => Err(Error::form(errors.into_iter().chain(more).collect())),
    }
}

fn is_domain(domain: &str) -> bool {
    domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
        })
        && *domain == domain.to_lowercase()
}

/// Domains as somebody types them: separated by spaces, commas or line breaks, an `@` in front forgiven.
#[must_use]
pub fn domains_of(typed: &str) -> Vec<String> {
    let mut domains: Vec<String> = typed
        .split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .map(|part| part.trim_start_matches('@').to_lowercase())
        .filter(|part| !part.is_empty())
        .collect();
    domains.dedup();
    domains
}
