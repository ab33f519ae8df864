//! The ways to prove presence, as cards: each identity provider, a passkey, the password.

use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::factor::Enrolled;
use muster_domain::provider::Provider;
use muster_services::elevation::Door;
use muster_services::factors::passkey::Asked as Question;

use super::brought::OTHERWISE;
use super::elevate::Asked;
use crate::components::{
    Button, Callout, Card, Form as FormView, Glyph, LinkButton, Look, PasskeyField, PostButton,
    Takes, TextField, Tone, error_of,
};

/// What the person has here.
pub(super) struct Own {
    /// A password that counts.
    pub has_password: bool,
    /// The question to a passkey that counts beside it, or alone.
    pub passkey: Option<Question>,
}

pub(super) fn ways(
    providers: Vec<Provider>,
    own: Own,
    door: &Door,
    asked: &Asked,
    error: Option<Error>,
) -> AnyView {
    let none = (providers.is_empty() && !own.has_password).then(|| {
        view! {
            <Callout tone=Tone::Caution title="There is no way for you to prove presence yet.">
                <p>"Sign in through an identity provider, or have a superadmin set a password for you."</p>
            </Callout>
        }
    });
    let ways = providers
        .into_iter()
        .map(|provider| by_provider(provider, asked))
        .collect_view();
    let own = if own.has_password {
        own_ways(own.passkey, door, asked, error)
    } else {
        ().into_any()
    };
    view! { {none}{ways}{own} }.into_any()
}

/// The password, and what stands beside it or for it.
fn own_ways(
    passkey: Option<Question>,
    door: &Door,
    asked: &Asked,
    error: Option<Error>,
) -> AnyView {
    if !door.asks_code() {
        return by_password_card(error, asked, Beside::default());
    }
    let code = door.takes_code().then_some(door.kinds.app);
    let wrong_answer = error
        .as_ref()
        .and_then(|error| error_of(&error.fields, "answer"));
    match passkey {
        Some(question) if door.takes_passkey_alone() => {
            let passkey = by_passkey_card(question, asked, wrong_answer, code.is_some());
            let error = error.filter(|error| error_of(&error.fields, "answer").is_none());
            let password = code.map(|app| {
                let beside = Beside {
                    code: Some(app),
                    passkey: None,
                };
                by_password_card(error, asked, beside)
            });
            view! { {passkey}{password} }.into_any()
        }
        passkey if passkey.is_some() || code.is_some() => {
            let passkey = passkey.map(|question| (question, wrong_answer));
            by_password_card(error, asked, Beside { code, passkey })
        }
        _ => lacking(door),
    }
}

fn lacking(door: &Door) -> AnyView {
    let text = match (door.wants_passkeys(), door.enrolled) {
        (true, Enrolled::Yes) => {
            "The policy of your roles asks for a passkey beside it, and you have none that answers here. Prove presence at an identity provider to add one, or ask a superadmin."
        }
        _ => {
            "The policy of your roles asks for a second factor beside it, and you have none. Prove presence at an identity provider to add one, or ask an admin to let you add your first one."
        }
    };
    let action = view! { <LinkButton href="/me#factors">"Your second factors"</LinkButton> };
    view! {
        <Callout tone=Tone::Caution title="Your password alone is not enough here." action=action.into_any()>
            <p>{text}</p>
        </Callout>
    }
    .into_any()
}

fn by_provider(provider: Provider, asked: &Asked) -> AnyView {
    let fields = vec![
        ("provider".to_owned(), provider.slug.clone()),
        ("goal".to_owned(), "elevate".to_owned()),
        ("return_to".to_owned(), asked.return_to.clone()),
    ];
    view! {
        <Card title=format!("At {}", provider.name)>
            <p>{format!("{} is asked to make you sign in again. Only an answer that proves it starts the secure session.", provider.name)}</p>
            <div class="actions"><PostButton action="/reauth" fields look=Look::Primary icon=Glyph::Shield>"Re-authenticate with SSO"</PostButton></div>
        </Card>
    }
    .into_any()
}

fn by_passkey_card(
    question: Question,
    asked: &Asked,
    error: Option<String>,
    has_other: bool,
) -> AnyView {
    let return_to = asked.return_to.clone();
    let otherwise = if has_other {
        "Use your password and a code instead."
    } else {
        "Use a browser that does, or prove presence at an identity provider."
    };
    view! {
        <Card title="With a passkey">
            <p>"It checks that it is you, by a PIN, a finger or a face."</p>
            <FormView action="/elevate">
                <input type="hidden" name="return_to" value=return_to/>
                <PasskeyField asked=question label="Use passkey" error otherwise/>
            </FormView>
        </Card>
    }
    .into_any()
}

/// What is asked for beside the password.
#[derive(Default)]
struct Beside {
    /// A code; whether there is an app that shows one.
    code: Option<bool>,
    /// A passkey, and what was wrong with its answer before.
    passkey: Option<(Question, Option<String>)>,
}

fn by_password_card(error: Option<Error>, asked: &Asked, beside: Beside) -> AnyView {
    let wrong = |field| {
        error
            .as_ref()
            .and_then(|error| error_of(&error.fields, field))
    };
    let (wrong_code, wrong_answer) = (wrong("code"), wrong("answer"));
    let message = error
        .filter(|_| wrong_code.is_none() && wrong_answer.is_none())
        .map(|error| match error_of(&error.fields, "password") {
            Some(message) => message,
            None => format!(
                "{} {} ({})",
                error.public,
                error.next.unwrap_or_default(),
                error.code
            ),
        });
    let Beside { code, passkey } = beside;
    let title = match (code, &passkey) {
        (None, None) => "With your password here",
        (None, Some(_)) => "With your password and passkey",
        (Some(_), _) => "With your password and second factor",
    };
    let (takes_code, takes_passkey) = (code.is_some(), passkey.is_some());
    let code = code.map(|app| {
        let help = if app {
            "The six digits your app shows, or a recovery code."
        } else {
            "A recovery code."
        };
        view! { <TextField name="code" label="Code" takes=Takes::CodeOrRecovery error=wrong_code help/> }
    });
    let passkey = passkey.map(|(question, error)| {
        let or = takes_code.then(|| view! { <p class="or">"or"</p> });
        view! { {or}<PasskeyField asked=question label="Use passkey" error otherwise=OTHERWISE/> }
    });
    // Where a passkey is the only thing that counts, its button is the only one.
    let button = (takes_code || !takes_passkey)
        .then(|| view! { <Button icon=Glyph::Lock>"Start secure session"</Button> });
    let return_to = asked.return_to.clone();
    view! {
        <Card title>
            <FormView action="/elevate">
                <input type="hidden" name="return_to" value=return_to/>
                <TextField name="password" label="Password" takes=Takes::Password error=message/>
                {code}
                {button}
                {passkey}
            </FormView>
        </Card>
    }
    .into_any()
}
