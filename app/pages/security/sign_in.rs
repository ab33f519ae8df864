//! Sign-in: whose passwords count, which superadmin gets in how, and the break-glass accounts.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::id::UserId;
use muster_domain::lockout::{Simulated, Works};
use muster_domain::role::Permission;
use muster_domain::sign_in::{Passwords, ProvidedPasswords, SignInPolicy};
use muster_services::break_glass::{self, Account, Use};
use muster_services::{lockout, sign_in_policy};
use muster_web::{Failure, Fields};

use crate::components::{
    Button, Callout, Card, Choice, Columns, Form, FormActions, Inset, KeyValue, KeyValues, Look,
    Page, PostButton, RadioField, Row, Rows, Tone, When, Written,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// Where the page is.
const HERE: &str = "/security/signin";

/// What the page shows.
struct Shown {
    accounts: Vec<Account>,
    simulated: Vec<Simulated>,
    uses: Option<Vec<Use>>,
    now: DateTime<Utc>,
    may_set: bool,
    may_note: bool,
    own: Option<UserId>,
    notes_own: bool,
}

/// `GET /security/signin`
///
/// # Errors
/// Without permission.
pub async fn show(visit: Visit) -> Answer {
    let policy = sign_in_policy::get(&visit.services, &visit.call).await?;
    page(&visit, StatusCode::OK, policy, None).await
}

/// `POST /security/signin`
///
/// # Errors
/// Without permission or presence.
pub async fn save(visit: Visit, fields: Fields) -> Answer {
    let elevated = visit.call.elevated()?;
    let one = |name: &str| fields.one(name).unwrap_or_default();
    let passwords = match one("passwords") {
        "everybody" => Some(Passwords::Everybody),
        "break_glass_only" => Some(Passwords::BreakGlassOnly),
        _ => None,
    };
    let provided = match one("provided") {
        "forbidden" => Some(ProvidedPasswords::Forbidden),
        "allowed" => Some(ProvidedPasswords::Allowed),
        "with_factor" => Some(ProvidedPasswords::WithFactor),
        _ => None,
    };
    let (Some(passwords), Some(provided)) = (passwords, provided) else {
        let policy = sign_in_policy::get(&visit.services, &visit.call).await?;
        let field = if passwords.is_none() {
            "passwords"
        } else {
            "provided"
        };
        let error = Error::form(Vec::new()).field(field, "Choose one of the options.");
        return page(
            &visit,
            StatusCode::UNPROCESSABLE_ENTITY,
            policy,
            Some(error),
        )
        .await;
    };
    let policy = SignInPolicy {
        passwords,
        provided,
    };
    match sign_in_policy::set(&visit.services, &visit.call, &elevated, policy).await {
        Ok(()) => visit.done(HERE, "Saved who may use a password.").await,
        Err(error) if belongs_to_form(&error) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            page(&visit, status, policy, Some(error)).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// `POST /security/signin/noted`
///
/// # Errors
/// Without permission or presence; when there is nothing left to take note of.
pub async fn noted(visit: Visit, fields: Fields) -> Answer {
    let until = fields
        .one("until")
        .and_then(|millis| millis.parse().ok())
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or(visit.call.at);
    let elevated = visit.call.elevated()?;
    break_glass::acknowledge(&visit.services, &visit.call, &elevated, until).await?;
    visit.done(HERE, "Taken note of it, on record.").await
}

async fn page(
    visit: &Visit,
    status: StatusCode,
    typed: SignInPolicy,
    error: Option<Error>,
) -> Answer {
    let (services, call) = (&visit.services, &visit.call);
    let uses = if call.can(Permission::ViewSecurity) {
        Some(break_glass::open(services, call).await?)
    } else {
        None
    };
    let shown = Shown {
        accounts: sign_in_policy::excepted(services, call).await?,
        simulated: lockout::simulate(services, call).await?,
        uses,
        now: call.at,
        may_set: call.can(Permission::ManageSettings),
        may_note: call.can(Permission::ManageProviders),
        own: call.user().map(|user| user.id),
        notes_own: break_glass::notes_own(services, call).await?,
    };
    visit
        .console_with(status, "Sign-in", HERE, move || {
            let left = view! { {passwords(&shown, typed, error)} {glass(&shown)} }.into_any();
            let right = superadmins(&shown.simulated);
            view! {
                <Page title="Sign-in" purpose="Who may use a password, and who gets in when something is down.">
                    <Columns left right/>
                </Page>
            }
            .into_any()
        })
        .await
}

fn whose() -> Vec<Choice> {
    vec![
        Choice::new("everybody", "Everybody who has one").help("Beside the identity providers."),
        Choice::new("break_glass_only", "Only break-glass accounts")
            .help("Everybody else signs in through an identity provider. Sessions that came by a password end."),
    ]
}

fn provided() -> Vec<Choice> {
    vec![
        Choice::new("forbidden", "Have no password here")
            .help("It would be a way around their identity provider."),
        Choice::new("allowed", "May have one").help("An admin sets it on the person's page."),
        Choice::new("with_factor", "May have one, with a second factor")
            .help("Without a second factor it does not count."),
    ]
}

const fn keys(policy: SignInPolicy) -> (&'static str, &'static str) {
    (
        match policy.passwords {
            Passwords::Everybody => "everybody",
            Passwords::BreakGlassOnly => "break_glass_only",
        },
        match policy.provided {
            ProvidedPasswords::Forbidden => "forbidden",
            ProvidedPasswords::Allowed => "allowed",
            ProvidedPasswords::WithFactor => "with_factor",
        },
    )
}

/// Who is excepted, in a sentence.
fn excepted(accounts: &[Account]) -> String {
    let names: Vec<&str> = accounts.iter().map(|one| one.username.as_str()).collect();
    match names.as_slice() {
        [] => "There is no break-glass account: nobody would be excepted.".to_owned(),
        [one] => format!("The break-glass account {one} always gets in by password."),
        many => format!(
            "The break-glass accounts {} always get in by password.",
            many.join(", ")
        ),
    }
}

fn passwords(shown: &Shown, typed: SignInPolicy, error: Option<Error>) -> AnyView {
    let (chosen, chosen_provided) = keys(typed);
    let words = excepted(&shown.accounts);
    if !shown.may_set {
        let label = |choices: Vec<Choice>, value: &str| {
            let found = choices.into_iter().find(|choice| choice.value == value);
            found.map(|choice| choice.label).unwrap_or_default()
        };
        let items = vec![
            KeyValue::new("Whose count", label(whose(), chosen)),
            KeyValue::new(
                "People from an identity provider",
                label(provided(), chosen_provided),
            ),
        ];
        return view! { <Card title="Passwords of this console"><KeyValues items/><p class="help">{words}</p></Card> }
            .into_any();
    }
    let errors = error
        .as_ref()
        .map(|error| error.fields.clone())
        .unwrap_or_default();
    let refused = error.filter(|error| error.fields.is_empty()).map(|error| {
        view! {
            <Callout tone=Tone::Danger title=error.public.to_string()>
                {error.next.map(|next| view! { <p>{next.to_string()}</p> })}
                <p><code>{error.code}</code></p>
            </Callout>
        }
    });
    let [passwords_error, provided_error] =
        ["passwords", "provided"].map(|field| crate::components::error_of(&errors, field));
    view! {
        <Card title="Passwords of this console">
            {refused}
            <Form action=HERE errors>
                <RadioField name="passwords" label="Whose passwords count" value=chosen choices=whose() error=passwords_error help=words/>
                <RadioField name="provided" label="People from an identity provider" value=chosen_provided choices=provided() error=provided_error/>
                <p class="help">"Saving needs a secure session. It is refused when no superadmin would be known to get in."</p>
                <FormActions><Button look=Look::Primary>"Save who may use a password"</Button></FormActions>
            </Form>
        </Card>
    }
    .into_any()
}

/// Which superadmin gets in, as a simulated sign-in says.
fn superadmins(simulated: &[Simulated]) -> AnyView {
    let rows = simulated
        .iter()
        .map(|one| {
            let (tone, words) = match one.works() {
                Works::Yes => (Tone::Good, "Gets in and to a secure session.".to_owned()),
                Works::Untried => (
                    Tone::Caution,
                    format!("Not tried: {}.", one.missing().unwrap_or_default()),
                ),
                Works::No => (
                    Tone::Danger,
                    format!("Shut out: {}.", one.missing().unwrap_or_default()),
                ),
            };
            let (title, href) = (one.username.clone(), format!("/users/{}", one.user));
            view! { <Row title href tone>{words}</Row> }
        })
        .collect_view();
    let body = if simulated.is_empty() {
        view! { <Row title="No superadmin may sign in." tone=Tone::Danger/> }.into_any()
    } else {
        view! { <Rows>{rows}</Rows> }.into_any()
    };
    view! { <Card title="Who gets in as superadmin" inset=Inset::Flush>{body}</Card> }.into_any()
}

fn glass(shown: &Shown) -> AnyView {
    let now = shown.now;
    let accounts = shown
        .accounts
        .iter()
        .map(|account| {
            let at = account.worked_at;
            let (title, href) = (account.username.clone(), format!("/users/{}", account.user));
            let is_old = (now - at).num_days() > break_glass::DRILL_DAYS;
            let tone = if is_old { Tone::Caution } else { Tone::Good };
            view! { <Row title href tone>"Last known to work " <When at now/> "."</Row> }
        })
        .collect_view();
    let none = shown.accounts.is_empty().then(
        || view! { <p>"There is none. When every identity provider is down, nobody gets in."</p> },
    );
    let uses = shown.uses.as_ref().map(|uses| told(uses, shown));
    view! {
        <Card title="Break-glass accounts" id="break-glass">
            {none}
            <Rows>{accounts}</Rows>
            {uses}
            <details>
                <summary>"Test it now"</summary>
                <ol>
                    <li>"Open a private window, and in it " <code>"/signin?with=password"</code> "."</li>
                    <li>"Sign in with the account's name and its kept password."</li>
                    <li>"When you are asked what happened, tick that you only try the account."</li>
                </ol>
                <p class="help">"The other admins are told of a test too. It counts for 90 days."</p>
            </details>
        </Card>
    }
    .into_any()
}

/// Uses that nobody has taken note of.
fn told(uses: &[Use], shown: &Shown) -> AnyView {
    let Some(newest) = uses.first() else {
        return ().into_any();
    };
    let now = shown.now;
    let rows = uses
        .iter()
        .map(|used| {
            let at = used.at;
            let why = match &used.reason {
                Some(reason) if used.is_drill => format!("A test: {reason}"),
                Some(reason) => reason.clone(),
                None => "Nobody has said what for.".to_owned(),
            };
            let from = used
                .address
                .clone()
                .map(|address| format!(" from {address}"));
            view! {
                <Row title=format!("{} was used", used.username) tone=Tone::Danger>
                    <When at now written=Written::Exact/> {from} ". " {why}
                </Row>
            }
        })
        .collect_view();
    let fields = vec![("until".to_owned(), newest.at.timestamp_millis().to_string())];
    let foreign = shown.notes_own || uses.iter().any(|used| Some(used.user) != shown.own);
    let who = if shown.notes_own {
        "Nobody else may take note of it, so you may. It takes a secure session and goes on record."
    } else {
        "Another admin takes note of a use, not whoever it was. It takes a secure session."
    };
    let note = (shown.may_note && foreign).then(|| {
        view! { <div class="actions"><PostButton action="/security/signin/noted" fields>"Take note of these uses"</PostButton></div> }
    });
    view! {
        <Rows>{rows}</Rows>
        <p class="help">{who}</p>
        {note}
    }
    .into_any()
}
