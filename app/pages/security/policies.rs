//! Policies of secure sessions: one form a role.

use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::policy::{
    self, Address, ElevationPolicy, FactorRule, PasskeyRule, PasswordRule, ProviderRule, Reason,
};
use muster_domain::role::{Level, Permission, Role};
use muster_services::policies;
use muster_web::{Failure, Fields, Query};
use serde::Deserialize;

use crate::components::{
    Button, Callout, Card, CheckField, Choice, Crumb, Form, FormActions, KeyValue, KeyValues, Look,
    Need, NumberField, Page, RadioField, Tab, Tabs, Tone, Width, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    role: String,
}

/// `GET /security/policies`
///
/// # Errors
/// Without permission.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let role = Role::from_key(&asked.role).unwrap_or(Role::Superadmin);
    let stored = policies::list(&visit.services, &visit.call).await?;
    let typed = Typed::of(&stored.of_role(role));
    page(&visit, StatusCode::OK, role, typed, Vec::new()).await
}

/// A policy as its form holds it.
#[derive(Clone, Debug)]
struct Typed {
    provider: String,
    password: String,
    factors: String,
    passkey_alone: bool,
    lifetime: String,
    idle: String,
    stays: bool,
    asks: bool,
    from: String,
}

impl Typed {
    fn of(policy: &ElevationPolicy) -> Self {
        Self {
            provider: match policy.provider {
                ProviderRule::Fresh => "fresh",
                ProviderRule::FreshOrConfirmed => "fresh_or_confirmed",
            }
            .to_owned(),
            password: match policy.password {
                PasswordRule::Enough => "enough",
                PasswordRule::WithFactor => "with_factor",
                PasswordRule::Never => "never",
            }
            .to_owned(),
            factors: match policy.factors {
                FactorRule::Any => "any",
                FactorRule::Passkey => "passkey",
            }
            .to_owned(),
            passkey_alone: policy.passkey == PasskeyRule::Enough,
            lifetime: (policy.lifetime_seconds() / 60).to_string(),
            idle: policy
                .idle_seconds
                .map(|seconds| (seconds / 60).to_string())
                .unwrap_or_default(),
            stays: policy.address == Address::Stays,
            asks: policy.reason == Reason::Asked,
            from: policy.from.key().to_owned(),
        }
    }

    fn sent(fields: &Fields) -> Self {
        let one = |name: &str| fields.one(name).unwrap_or_default().trim().to_owned();
        Self {
            provider: one("provider"),
            password: one("password"),
            factors: one("factors"),
            passkey_alone: one("passkey_alone") == "on",
            lifetime: one("lifetime"),
            idle: one("idle"),
            stays: one("stays") == "on",
            asks: one("asks") == "on",
            from: one("from"),
        }
    }

    fn read(&self) -> Result<ElevationPolicy, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut wrong = |field: &str, message: String| {
            errors.push(FieldError {
                field: field.to_owned(),
                message,
            });
        };
        let provider = match self.provider.as_str() {
            "fresh" => ProviderRule::Fresh,
            "fresh_or_confirmed" => ProviderRule::FreshOrConfirmed,
            _ => {
                wrong("provider", "Choose one of the options.".to_owned());
                ProviderRule::Fresh
            }
        };
        let password = match self.password.as_str() {
            "enough" => PasswordRule::Enough,
            "with_factor" => PasswordRule::WithFactor,
            "never" => PasswordRule::Never,
            _ => {
                wrong("password", "Choose one of the options.".to_owned());
                PasswordRule::Never
            }
        };
        let factors = match self.factors.as_str() {
            "any" => FactorRule::Any,
            "passkey" => FactorRule::Passkey,
            _ => {
                wrong("factors", "Choose one of the options.".to_owned());
                FactorRule::Passkey
            }
        };
        let from = Level::ALL.into_iter().find(|one| one.key() == self.from);
        if from.is_none() {
            wrong("from", "Choose one of the options.".to_owned());
        }
        let lifetime = minutes(&self.lifetime, policy::SHORTEST);
        if lifetime.is_none() {
            wrong("lifetime", between(policy::SHORTEST));
        }
        let idle = minutes(&self.idle, policy::SHORTEST_IDLE);
        if idle.is_none() && !self.idle.is_empty() {
            wrong("idle", between(policy::SHORTEST_IDLE));
        }
        let Some(lifetime_seconds) = lifetime.filter(|_| errors.is_empty()) else {
            return Err(errors);
        };
        Ok(ElevationPolicy {
            provider,
            password,
            factors,
            passkey: if self.passkey_alone {
                PasskeyRule::Enough
            } else {
                PasskeyRule::Beside
            },
            lifetime_seconds,
            idle_seconds: idle,
            address: if self.stays {
                Address::Stays
            } else {
                Address::MayChange
            },
            reason: if self.asks {
                Reason::Asked
            } else {
                Reason::NotAsked
            },
            from: from.unwrap_or_default(),
        })
    }
}

/// Whole minutes within the bounds, in seconds.
fn minutes(typed: &str, shortest: u32) -> Option<u32> {
    let seconds = typed.parse::<u32>().ok()?.checked_mul(60)?;
    (shortest..=policy::LONGEST)
        .contains(&seconds)
        .then_some(seconds)
}

fn between(shortest: u32) -> String {
    format!(
        "Enter a whole number of minutes from {} to {}.",
        shortest / 60,
        policy::LONGEST / 60
    )
}

async fn page(
    visit: &Visit,
    status: StatusCode,
    role: Role,
    typed: Typed,
    errors: Vec<FieldError>,
) -> Answer {
    let may = visit.call.can(Permission::ManageSettings);
    let stranded = policies::stranded(&visit.services, &visit.call, role).await?;
    visit
        .console_with(status, "Policies", "/security", move || {
            let tabs = Role::ALL
                .into_iter()
                .map(|one| Tab {
                    label: one.label().to_owned(),
                    href: format!("/security/policies?role={}", one.key()),
                    count: None,
                    is_current: one == role,
                })
                .collect::<Vec<_>>();
            let body = if may { form(role, typed, errors) } else { facts(&typed) };
            view! {
                <Page
                    title="Policies of secure sessions"
                    purpose="What starts one, and how firmly it is held. Whoever holds several roles is bound by the strictest rule of each."
                    crumbs=vec![Crumb::new("/security", "Secure sessions")]
                    width=Width::Narrow
                >
                    <Tabs label="Role" tabs/>
                    {warning(&stranded)}
                    <Card title=role.label()>{body}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// Who holds the role and has nothing that its policy accepts.
fn warning(stranded: &[String]) -> Option<AnyView> {
    const NAMED: usize = 5;
    let first = stranded.first()?;
    let title = match stranded.len() {
        1 => format!("{first} cannot start a secure session"),
        many => format!("{many} people cannot start a secure session"),
    };
    let names = stranded.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let more = match stranded.len().saturating_sub(NAMED) {
        0 => String::new(),
        many => format!(" and {many} more"),
    };
    let names = (stranded.len() > 1).then(|| format!("{}{more}. ", names.join(", ")));
    Some(
        view! {
            <Callout tone=Tone::Caution title>
                <p>{names} "What they have is not enough for the stored policy. Have them add a passkey or an app, let them add a first one on their page, or ask for less here."</p>
            </Callout>
        }
        .into_any(),
    )
}

fn factors() -> Vec<Choice> {
    vec![
        Choice::new("any", "Codes and passkeys").help("Whatever the person has."),
        Choice::new("passkey", "Passkeys only").help(
            "Nobody can be talked out of one: it answers to this console alone. Codes and recovery codes start no secure session then; at sign-in they still count.",
        ),
    ]
}

fn providers() -> Vec<Choice> {
    vec![
        Choice::new("fresh", "Only Fresh").help(
            "The provider proves that the person signed in again. No other answer starts a secure session.",
        ),
        Choice::new("fresh_or_confirmed", "Fresh, or Unprovable with a second factor").help(
            "For providers that cannot prove it. A refuted answer stays refuted, whatever code is typed.",
        ),
    ]
}

fn passwords() -> Vec<Choice> {
    vec![
        Choice::new("enough", "Enough").help("Whoever has a second factor uses it too."),
        Choice::new("with_factor", "With a second factor")
            .help("Whoever has none cannot start a secure session by password."),
        Choice::new("never", "Not accepted").help("Only identity providers count."),
    ]
}

fn levels() -> Vec<Choice> {
    vec![
        Choice::new("dangerous", "For what is dangerous")
            .help("Ways in, roles, groups with roles, providers, settings: these always take one."),
        Choice::new("change", "For every change")
            .help("Users, groups, directories and sessions too."),
        Choice::new("view", "For everything").help("Even looking takes one."),
    ]
}

fn form(role: Role, typed: Typed, errors: Vec<FieldError>) -> AnyView {
    let [
        provider_error,
        password_error,
        factors_error,
        lifetime_error,
        idle_error,
        from_error,
    ] = [
        "provider", "password", "factors", "lifetime", "idle", "from",
    ]
    .map(|field| error_of(&errors, field));
    let Typed {
        provider,
        password,
        factors: counting,
        passkey_alone,
        lifetime,
        idle,
        stays,
        asks,
        from,
    } = typed;
    view! {
        <Form action="/security/policies" errors>
            <input type="hidden" name="role" value=role.key()/>
            <RadioField name="provider" label="Answer of an identity provider" value=provider choices=providers() error=provider_error/>
            <RadioField
                name="password"
                label="Password of this console"
                value=password
                choices=passwords()
                error=password_error
                help="A break-glass account always gets in by password, and by its second factor once it has one."
            />
            <RadioField name="factors" label="Second factors that count" value=counting choices=factors() error=factors_error/>
            <CheckField
                name="passkey_alone"
                label="A passkey is enough without the password"
                checked=passkey_alone
                help="It is something a person has, and it checks who holds it. Counts for accounts with a password here, where passwords are accepted."
            />
            <RadioField name="from" label="When one is asked for" value=from choices=levels() error=from_error/>
            <NumberField name="lifetime" label="Lasts" value=lifetime min=1 max=60 unit="minutes" error=lifetime_error/>
            <NumberField
                name="idle"
                label="Ends when unused for"
                value=idle
                min=2
                max=60
                unit="minutes"
                need=Need::Optional
                error=idle_error
                help="Empty: it lasts its time. Use is noted once a minute."
            />
            <CheckField name="stays" label="The address must stay the same" checked=stays help="Off for people on the move: a phone changes networks."/>
            <CheckField name="asks" label="Ask for a reason" checked=asks help="It goes on record with the secure session."/>
            <p class="help">"Saving needs a secure session. Those that run go on as they were granted."</p>
            <FormActions><Button look=Look::Primary>"Save policy"</Button></FormActions>
        </Form>
    }
    .into_any()
}

/// The same for whoever may look and not change.
fn facts(typed: &Typed) -> AnyView {
    let label = |choices: Vec<Choice>, value: &str| {
        choices
            .into_iter()
            .find(|choice| choice.value == value)
            .map(|choice| choice.label)
    };
    let idle = (!typed.idle.is_empty()).then(|| format!("{} minutes", typed.idle));
    let items = vec![
        KeyValue::maybe(
            "Answer of an identity provider",
            label(providers(), &typed.provider),
        ),
        KeyValue::maybe(
            "Password of this console",
            label(passwords(), &typed.password),
        ),
        KeyValue::maybe(
            "Second factors that count",
            label(factors(), &typed.factors),
        ),
        KeyValue::new(
            "Passkey without the password",
            if typed.passkey_alone {
                "enough"
            } else {
                "not enough"
            },
        ),
        KeyValue::maybe("When one is asked for", label(levels(), &typed.from)),
        KeyValue::new("Lasts", format!("{} minutes", typed.lifetime)),
        KeyValue::maybe("Ends when unused for", idle),
        KeyValue::new(
            "Address",
            if typed.stays {
                "must stay"
            } else {
                "may change"
            },
        ),
        KeyValue::new(
            "Reason",
            if typed.asks {
                "asked for"
            } else {
                "not asked for"
            },
        ),
    ];
    view! { <KeyValues items/> }.into_any()
}

/// `POST /security/policies`
///
/// # Errors
/// Without permission or presence.
pub async fn save(visit: Visit, fields: Fields) -> Answer {
    let role = fields.one("role").and_then(Role::from_key);
    let role = role.ok_or_else(|| muster_domain::Error::not_found("role"))?;
    let typed = Typed::sent(&fields);
    let elevated = visit.call.elevated()?;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let policy = match typed.read() {
        Ok(policy) => policy,
        Err(errors) => return page(&visit, unprocessable, role, typed, errors).await,
    };
    match policies::set(&visit.services, &visit.call, &elevated, role, &policy).await {
        Ok(()) => {
            let to = format!("/security/policies?role={}", role.key());
            visit
                .done(&to, &format!("Saved the policy of {}.", role.label()))
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            let errors = crate::pages::people::group_edit::fields_of(error, "password");
            page(&visit, unprocessable, role, typed, errors).await
        }
        Err(error) => Err(Failure(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_back_from_its_form_and_what_is_out_of_bounds_is_told_beside_its_field() {
        let policy = ElevationPolicy {
            provider: ProviderRule::FreshOrConfirmed,
            password: PasswordRule::WithFactor,
            factors: FactorRule::Passkey,
            passkey: PasskeyRule::Beside,
            lifetime_seconds: 1800,
            idle_seconds: Some(300),
            address: Address::Stays,
            reason: Reason::Asked,
            from: Level::Change,
        };
        assert_eq!(Typed::of(&policy).read().unwrap(), policy);
        let standard = ElevationPolicy::default();
        assert_eq!(Typed::of(&standard).read().unwrap(), standard);
        for (lifetime, idle, fields) in [
            ("0", "", vec!["lifetime"]),
            ("61", "1", vec!["lifetime", "idle"]),
            ("ten", "99999999999", vec!["lifetime", "idle"]),
        ] {
            let typed = Typed {
                lifetime: lifetime.to_owned(),
                idle: idle.to_owned(),
                ..Typed::of(&standard)
            };
            let errors = typed.read().unwrap_err();
            let named: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(named, fields);
        }
    }
}
