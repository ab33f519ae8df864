//! A settings form with errors, the setup wizard, the sign-in page.

use leptos::prelude::*;
use muster_app::components::*;
use muster_domain::error::FieldError;
use muster_domain::settings::{Field, Input, Section, SettingsSchema, Shown};

use crate::console::console;

pub fn form() -> AnyView {
    console("/providers", || {
        let errors = vec![
            FieldError {
                field: "issuer".into(),
                message: "Enter a full address, beginning with https://.".into(),
            },
            FieldError {
                field: "minutes".into(),
                message: "Enter a whole number from 1 to 60.".into(),
            },
        ];
        let schema = SettingsSchema {
            sections: vec![
                Section {
                    title: "Connection",
                    help: "Where Keycloak answers, and who we are there.",
                    shown: Shown::Open,
                    fields: vec![
                        field(
                            "issuer",
                            "Realm address",
                            "Ends with /realms/ and the realm's name.",
                            Input::Url,
                        ),
                        field("client_id", "Client ID", "", Input::Text),
                        field(
                            "client_secret",
                            "Client secret",
                            "Stored sealed. Nobody can read it back.",
                            Input::Secret,
                        ),
                    ],
                },
                Section {
                    title: "Secure sessions",
                    help: "",
                    shown: Shown::Open,
                    fields: vec![
                        field(
                            "minutes",
                            "Length in minutes",
                            "",
                            Input::Number { min: 1, max: 60 },
                        ),
                        field(
                            "par",
                            "Push the request to the provider",
                            "The browser then cannot change it (RFC 9126).",
                            Input::Switch,
                        ),
                        field(
                            "method",
                            "Client authentication",
                            "",
                            Input::Choice(vec![
                                ("basic", "Secret in the header"),
                                ("post", "Secret in the body"),
                            ]),
                        ),
                    ],
                },
                Section {
                    title: "More settings",
                    help: "",
                    shown: Shown::Folded,
                    fields: vec![field("scopes", "Scopes", "One a line.", Input::Lines)],
                },
            ],
        };
        let values = [
            ("issuer", "id.example.org/realms/staff"),
            ("client_id", "muster"),
            ("minutes", "90"),
            ("par", "on"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let filled = Filled {
            values,
            secrets_set: vec!["client_secret".into()],
            errors: errors.clone(),
            ..Filled::default()
        };
        let choices = vec![
            Choice::new("ask", "Ask the identity provider")
                .help("Only where calibration showed that its time stamps can be believed."),
            Choice::new("factor", "Ask for a second factor")
                .help("Passkey or one-time code of this console."),
        ];
        view! {
            <Page title="Keycloak" purpose="How this console talks to the provider." width=Width::Narrow crumbs=vec![Crumb::new("/providers", "Identity providers")]>
                <Card>
                    <Form action="/providers/1" errors=errors>
                        <TextField name="name" label="Name" value="Keycloak" help="As people see it on the sign-in page."><Button formaction="/providers/1/test">"Test sign-in"</Button></TextField>
                        <SettingsFields schema filled/>
                        <RadioField name="prove" label="How is presence proven" value="ask" choices/>
                        <DurationField name="idle" label="End idle sessions after" seconds=Some(1800) help="Counted from the last request."/>
                        <TextArea name="note" label="Note" need=Need::Optional placeholder="For your colleagues"/>
                        <FormActions>
                            <Button look=Look::Primary>"Save provider"</Button>
                            <LinkButton href="/providers">"Back"</LinkButton>
                        </FormActions>
                    </Form>
                </Card>
            </Page>
        }
        .into_any()
    })
}

pub fn wizard() -> AnyView {
    let steps = [
        "Administrator",
        "Address",
        "Identity provider",
        "Test sign-in",
        "How accounts arrive",
        "Prove re-authentication",
        "Done",
    ]
    .iter()
    .enumerate()
    .map(|(place, label)| Step {
        label: (*label).into(),
        progress: match place {
            0 | 1 => Progress::Done,
            2 => Progress::Current,
            _ => Progress::Ahead,
        },
        href: (place < 2).then(|| "/setup".into()),
    })
    .collect();
    let tiles = [
        "Entra ID",
        "Okta",
        "Google Workspace",
        "Keycloak",
        "OneLogin",
        "AD FS",
        "Another",
    ]
    .map(|name| {
        Tile::new(
            name,
            name,
            if name == "Another" {
                "OIDC, SAML, Kerberos"
            } else {
                "OIDC or SAML"
            },
        )
    })
    .into();
    view! {
        <Plain room=Room::Wizard steps title="Where do people sign in?"
            purpose="Pick the system your company uses. We show each step in its own words; nothing changes for anyone until you say so.">
            <Form action="/setup/provider" guard=Guard::Off>
                <Tiles legend="Identity provider" name="vendor" value="Keycloak" tiles/>
            </Form>
            <Card title="In Keycloak: create a client" more=view! { <a href="/docs">"With pictures"</a> }.into_any()>
                <div class="field">
                    <span class="muted">"Valid redirect URI"</span>
                </div>
                <CopyText value="https://muster.example.org/signin/keycloak/callback" label="redirect URI"/>
                <Form action="/setup/provider">
                    <TextField name="issuer" label="Realm address" takes=Takes::Url value="https://id.example.org/realms/staff" help="Found: issuer matches, 2 signing keys, PAR offered, auth_time supported."/>
                    <TextField name="client" label="Client ID" value="muster"/>
                    <SecretField name="secret" label="Client secret" stored=Stored::Since("Stored 3 minutes ago".into()) help="Stored sealed. You can replace it later; nobody can read it back."/>
                    <FormActions>
                        <Button look=Look::Primary>"Save and test sign-in"</Button>
                        <LinkButton href="/setup">"Back"</LinkButton>
                    </FormActions>
                </Form>
            </Card>
        </Plain>
    }
    .into_any()
}

pub fn signin() -> AnyView {
    view! {
        <Plain title="Sign in to Muster" foot=view! { "muster.example.org" }.into_any()>
            <Card>
                <LinkButton href="/signin/keycloak/start" look=Look::Primary icon=Glyph::Provider>"Sign in with Keycloak"</LinkButton>
                <Form action="/signin" guard=Guard::Off>
                    <TextField name="username" label="Username or e-mail" takes=Takes::Username/>
                    <TextField name="password" label="Password" takes=Takes::Password error="That name and password do not match."/>
                    <CheckField name="remember" label="Keep me signed in on this device" checked=true/>
                    <FormActions><Button>"Sign in with a password"</Button></FormActions>
                </Form>
            </Card>
            <Problem what="This sign-in has expired" why="It was started 14 minutes ago; one waits at most 10." next="start it again." code="OIDC-004"
                request_id="0193f0a2-77c1" actions=view! { <LinkButton href="/signin" look=Look::Primary>"Sign in again"</LinkButton> }.into_any()/>
        </Plain>
    }
    .into_any()
}
fn field(key: &'static str, label: &'static str, help: &'static str, input: Input) -> Field {
    Field {
        key,
        label,
        help,
        input,
        need: muster_domain::settings::Need::Required,
        default: "",
    }
}
