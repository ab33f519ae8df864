//! Mail: through which server messages leave, whether they do, and what waits.

use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::error::FieldError;
use muster_domain::mail::{Delivered, Encryption, Server};
use muster_domain::role::Permission;
use muster_services::mail::{self, Queue, Shown};
use muster_web::{Failure, Fields};
use secrecy::SecretString;

use crate::components::{
    Button, Callout, Card, Choice, Columns, ConfirmDialog, Crumb, Form, FormActions, Guard,
    KeyValue, KeyValues, Look, Need, NumberField, Page, RadioField, SecretField, Stored, Takes,
    TextArea, TextField, Tone, When, counted, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// Where the page is.
const HERE: &str = "/settings/mail";

/// What was typed, or is stored.
#[derive(Clone, Default)]
struct Typed {
    host: String,
    port: String,
    encryption: String,
    ca: String,
    username: String,
    sender: String,
    sender_name: String,
}

impl Typed {
    fn of(server: Option<&Server>) -> Self {
        let Some(server) = server else {
            return Self {
                port: "587".to_owned(),
                encryption: key(Encryption::Starttls).to_owned(),
                sender_name: "Muster".to_owned(),
                ..Self::default()
            };
        };
        Self {
            host: server.host.clone(),
            port: server.port.to_string(),
            encryption: key(server.encryption).to_owned(),
            ca: server.ca.clone().unwrap_or_default(),
            username: server.username.clone().unwrap_or_default(),
            sender: server.sender.clone(),
            sender_name: server.sender_name.clone(),
        }
    }

    fn sent(fields: &Fields) -> Self {
        let one = |name: &str| fields.one(name).unwrap_or_default().trim().to_owned();
        Self {
            host: one("host"),
            port: one("port"),
            encryption: one("encryption"),
            ca: one("ca"),
            username: one("username"),
            sender: one("sender"),
            sender_name: one("sender_name"),
        }
    }

    fn server(&self) -> Result<Server, Error> {
        let known = [Encryption::Starttls, Encryption::Tls, Encryption::None];
        let encryption = known.into_iter().find(|one| key(*one) == self.encryption);
        let Some(encryption) = encryption else {
            return Err(Error::form(Vec::new()).field("encryption", "Choose one of the options."));
        };
        Ok(Server {
            host: self.host.clone(),
            // No number is no port: the check says so beside the field.
            port: self.port.parse().unwrap_or_default(),
            encryption,
            ca: Some(self.ca.clone()),
            username: Some(self.username.clone()),
            sender: self.sender.clone(),
            sender_name: self.sender_name.clone(),
        })
    }
}

const fn key(encryption: Encryption) -> &'static str {
    match encryption {
        Encryption::Starttls => "starttls",
        Encryption::Tls => "tls",
        Encryption::None => "none",
    }
}

/// What came of a test message.
struct Tried {
    to: String,
    ended: Result<Delivered, Error>,
}

/// What the page is shown with.
struct Given {
    status: StatusCode,
    typed: Option<Typed>,
    errors: Vec<FieldError>,
    tried: Option<Tried>,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            typed: None,
            errors: Vec::new(),
            tried: None,
        }
    }
}

/// `GET /settings/mail`
///
/// # Errors
/// Without permission.
pub async fn show(visit: Visit) -> Answer {
    page(&visit, Given::default()).await
}

/// `POST /settings/mail`
///
/// # Errors
/// Without permission or presence.
pub async fn save(visit: Visit, fields: Fields) -> Answer {
    let elevated = visit.call.elevated()?;
    let typed = Typed::sent(&fields);
    let password = fields
        .one("password")
        .filter(|typed| !typed.is_empty())
        .map(|typed| SecretString::from(typed.to_owned()));
    let (services, call) = (&visit.services, &visit.call);
    let saved = match typed.server() {
        Ok(server) => mail::save(services, call, &elevated, server, password.as_ref()).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => {
            let words = "Saved. Send a test message to see whether messages leave.";
            visit.done(HERE, words).await
        }
        Err(error) if belongs_to_form(&error) => {
            let given = Given {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                typed: Some(typed),
                errors: error.fields,
                ..Given::default()
            };
            page(&visit, given).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// `POST /settings/mail/remove`
///
/// # Errors
/// Without permission or presence; when there is no server.
pub async fn remove(visit: Visit) -> Answer {
    let elevated = visit.call.elevated()?;
    mail::remove(&visit.services, &visit.call, &elevated).await?;
    visit.done(HERE, "No messages are sent any more.").await
}

/// `POST /settings/mail/test`
///
/// # Errors
/// Without permission or presence.
pub async fn test(visit: Visit, fields: Fields) -> Answer {
    let elevated = visit.call.elevated()?;
    let to = fields.one("to").unwrap_or_default().trim().to_owned();
    let ended = mail::test(&visit.services, &visit.call, &elevated, &to).await;
    let (status, errors) = match &ended {
        Ok(_) => (StatusCode::OK, Vec::new()),
        Err(error) if error.code.starts_with("MAIL-") => (StatusCode::OK, Vec::new()),
        Err(error) if belongs_to_form(error) => {
            (StatusCode::UNPROCESSABLE_ENTITY, error.fields.clone())
        }
        Err(error) => return Err(Failure(error.clone())),
    };
    let given = Given {
        status,
        errors,
        tried: Some(Tried { to, ended }),
        ..Given::default()
    };
    page(&visit, given).await
}

async fn page(visit: &Visit, given: Given) -> Answer {
    let shown = mail::show(&visit.services, &visit.call).await?;
    let may_set = visit.call.can(Permission::ManageSettings);
    let own = visit.call.user().and_then(|user| user.email.clone());
    visit
        .console_with(given.status, "Mail", "/settings", || {
            let typed = given.typed.unwrap_or_else(|| Typed::of(shown.server.as_ref()));
            let left = if may_set {
                form(&shown, typed, given.errors.clone())
            } else {
                facts(&shown)
            };
            let test = (may_set && shown.server.is_some()).then(|| tester(own, given.tried, &given.errors));
            let right = view! { {test} {waiting(&shown, visit)} {what_for()} }.into_any();
            view! {
                <Page title="Mail" purpose="Through which server messages leave, and whether they do." crumbs=vec![Crumb::new("/settings", "Settings")]>
                    <Columns left right/>
                </Page>
            }
            .into_any()
        })
        .await
}

fn protections() -> Vec<Choice> {
    vec![
        Choice::new("starttls", "STARTTLS")
            .help("Usually port 587. Nothing is said before the connection is encrypted."),
        Choice::new("tls", "TLS").help("Usually port 465."),
        Choice::new("none", "None")
            .help("Anyone on the way could read the links. Only to a server on this machine."),
    ]
}

fn form(shown: &Shown, typed: Typed, errors: Vec<FieldError>) -> AnyView {
    let error = |field: &str| error_of(&errors, field);
    let stored = if shown.has_password {
        Stored::Since("A password is stored".to_owned())
    } else {
        Stored::Nothing
    };
    let authority = if typed.ca.is_empty() {
        "The server's certificate is from an authority of our own"
    } else {
        "An authority of your own is believed"
    };
    let remove = shown.server.is_some().then(|| {
        view! {
            <ConfirmDialog
                id="remove-mail"
                trigger="Stop sending messages"
                look=Look::Danger
                title="Send no messages any more?"
                confirm="Stop sending"
                action="/settings/mail/remove"
            >
                <p>"The server and its password are forgotten. Nobody gets a new password by e-mail, and nobody is told of what happens to their account."</p>
            </ConfirmDialog>
        }
    });
    let [host, port, encryption, ca] = ["host", "port", "encryption", "ca"].map(error);
    let [username, password, sender, sender_name] =
        ["username", "password", "sender", "sender_name"].map(error);
    view! {
        <Card title="Mail server">
            <Form action=HERE errors=errors.clone()>
                <TextField name="host" label="Server" value=typed.host error=host placeholder="smtp.example.com"/>
                <NumberField name="port" label="Port" value=typed.port min=1 max=65535 error=port/>
                <RadioField name="encryption" label="Encryption" value=typed.encryption choices=protections() error=encryption/>
                <TextField
                    name="username"
                    label="User name"
                    value=typed.username
                    need=Need::Optional
                    error=username
                    help="Leave it empty if the server wants none."
                />
                <SecretField name="password" label="Password" stored need=Need::Optional error=password help="Sealed, and shown to nobody. For another server, user name or encryption it is entered again."/>
                <TextField name="sender" label="Sender's address" takes=Takes::Email value=typed.sender error=sender placeholder="muster@example.com"/>
                <TextField name="sender_name" label="Sender's name" value=typed.sender_name error=sender_name/>
                <details open=ca.is_some()>
                    <summary>{authority}</summary>
                <TextArea
                    name="ca"
                    label="Certificate of your own authority"
                    value=typed.ca
                    rows=3
                    need=Need::Optional
                    error=ca.clone()
                    help="Only if the server's certificate is from an authority of your own: paste that authority's certificate as PEM."
                />
                </details>
                <p class="help">"Saving needs a secure session."</p>
                <FormActions><Button look=Look::Primary>"Save mail server"</Button></FormActions>
            </Form>
            <div class="actions">{remove}</div>
        </Card>
    }
    .into_any()
}

fn facts(shown: &Shown) -> AnyView {
    let Some(server) = &shown.server else {
        return view! { <Card title="Mail server"><p class="nothing">"None is entered: no messages are sent."</p></Card> }.into_any();
    };
    let place = format!("{}:{}", server.host, server.port);
    let items = vec![
        KeyValue::new("Server", view! { <code>{place}</code> }.into_any()),
        KeyValue::new(
            "Encryption",
            match server.encryption {
                Encryption::Starttls => "STARTTLS",
                Encryption::Tls => "TLS",
                Encryption::None => "none, on this machine",
            },
        ),
        KeyValue::new(
            "Sender",
            format!("{} <{}>", server.sender_name, server.sender),
        ),
    ];
    view! { <Card title="Mail server"><KeyValues items/></Card> }.into_any()
}

fn tester(own: Option<String>, tried: Option<Tried>, errors: &[FieldError]) -> AnyView {
    let to = tried
        .as_ref()
        .map(|tried| tried.to.clone())
        .or(own)
        .unwrap_or_default();
    let error = error_of(errors, "to");
    let result = tried.filter(|_| error.is_none()).map(answered);
    view! {
        <Card title="Test message" id="test">
            {result}
            <Form action="/settings/mail/test" guard=Guard::Off>
                <TextField name="to" label="Send it to" takes=Takes::Email value=to error help="It is sent at once, with the server as it is saved."/>
                <FormActions><Button>"Send a test message"</Button></FormActions>
            </Form>
        </Card>
    }
    .into_any()
}

fn answered(tried: Tried) -> AnyView {
    match tried.ended {
        Ok(delivered) => {
            let title = format!("The server took the message to {}", tried.to);
            let answer = format!("{} {}", delivered.code, delivered.words);
            let items = vec![
                KeyValue::new("Its answer", view! { <code>{answer}</code> }.into_any()),
                KeyValue::new(
                    "Encryption",
                    delivered.tls.unwrap_or_else(|| "none".to_owned()),
                ),
            ];
            view! {
                <Callout tone=Tone::Good title>
                    <KeyValues items/>
                    <p>"Whether it arrives is decided further on: look into the mailbox."</p>
                </Callout>
            }
            .into_any()
        }
        Err(error) => view! {
            <Callout tone=Tone::Danger title=error.public.to_string()>
                {error.next.map(|next| view! { <p>{next.to_string()}</p> })}
                <p><code>{error.code}</code></p>
            </Callout>
        }
        .into_any(),
    }
}

fn waiting(shown: &Shown, visit: &Visit) -> Option<AnyView> {
    let Queue {
        waiting,
        oldest,
        last_error,
        dropped,
        dropped_error,
    } = shown.queue.clone();
    if shown.server.is_none() && waiting == 0 && dropped == 0 {
        return None;
    }
    let now = visit.now();
    let title = if waiting == 0 {
        "Nothing waits.".to_owned()
    } else {
        format!(
            "{} to leave.",
            counted(waiting, "message waits", "messages wait")
        )
    };
    let since = oldest.map(|at| view! { <p>"The oldest was written " <When at now/> "."</p> });
    let why = last_error.map(|why| {
        view! { <Callout tone=Tone::Caution title="The last try failed"><p>{why}</p><p>"It is tried again by itself."</p></Callout> }
    });
    let gone = (dropped > 0).then(|| {
        let title = format!("{} given up within a week", counted(dropped, "message was", "messages were"));
        view! { <Callout tone=Tone::Danger title><p>{dropped_error.unwrap_or_default()}</p></Callout> }
    });
    Some(
        view! { <Card title="Waiting" id="waiting"><p>{title}</p>{since}{why}{gone}</Card> }
            .into_any(),
    )
}

fn what_for() -> AnyView {
    let items = vec![
        KeyValue::new(
            "To people",
            "A link for a new password; changes of their password, second factors, identities and address; many wrong passwords.",
        ),
        KeyValue::new("To administrators", "Uses of break-glass accounts."),
    ];
    view! {
        <Card title="What is sent">
            <KeyValues items/>
            <p class="help">"Plain text, no tracking, no link but to this console's configured address."</p>
        </Card>
    }
    .into_any()
}
