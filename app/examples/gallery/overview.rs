//! The overview: numbers, what needs attention, a chart.

use leptos::prelude::*;
use muster_app::components::*;

use crate::console::{at, console, now};

pub fn overview() -> AnyView {
    console("/", || {
        let stats = vec![
            Stat::new(
                "Users",
                grouped(12_408),
                "11\u{202f}962 active · 446 deactivated",
                "/users",
            ),
            Stat::new(
                "Groups",
                "386",
                "41 local · 345 from directories",
                "/groups",
            ),
            Stat::new(
                "Last sync",
                "6 min",
                "Entra ID · 14 changes",
                "/directories",
            ),
            Stat::new(
                "Elevations today",
                "9",
                "9 Fresh · 0 refused",
                "/elevations",
            ),
        ];
        let values = [
            18, 22, 24, 20, 26, 9, 8, 27, 31, 30, 28, 33, 10, 9, 30, 34, 36, 31, 38, 11, 10, 35,
            39, 41, 37, 40, 12, 11, 42, 46,
        ];
        let bars = values
            .iter()
            .enumerate()
            .map(|(day, v)| Bar {
                label: format!("{} Nov", day + 1),
                value: v * 26,
            })
            .collect();
        let attention = view! {
            <Card title="Needs attention" inset=Inset::Flush badge=view! { <Chip tone=Tone::Caution>"3"</Chip> }.into_any()>
                <Rows>
                    <Row tone=Tone::Danger title="A plan for “Corporate AD” is held: it would deactivate 412 of 1 930 people"
                        action=view! { <LinkButton href="/plans/1">"Review plan"</LinkButton> }.into_any()>
                        "The source returned 21 % fewer people than last time. 409 of them left the container " <code>"OU=Berlin"</code> "."
                    </Row>
                    <Row tone=Tone::Caution title="Keycloak (SAML) cannot prove re-authentication"
                        action=view! { <LinkButton href="/providers/2">"See evidence"</LinkButton> }.into_any()>
                        "It states “now” even when nobody signs in (calibrated 12 May). Admins using it need a second factor."
                    </Row>
                    <Row tone=Tone::Caution title="Signing certificate of Okta expires in 19 days"
                        action=view! { <LinkButton href="/providers/3">"Open"</LinkButton> }.into_any()>
                        "The new one is already in its metadata. Both are accepted until the old one ends."
                    </Row>
                </Rows>
            </Card>
        };
        let directories = view! {
            <Card title="Directories" inset=Inset::Flush more=view! { <a href="/directories">"All directories"</a> }.into_any()>
                <Table
                    caption="Directories"
                    columns=vec![Column::new("Directory"), Column::new("Method"), Column::number("Users"), Column::new("Last sync"), Column::new("State")]
                    rows=vec![
                        directory("Internal", "Manual", 12, None, Tone::Good, "Ready"),
                        directory("Entra ID", "API connector", 9_871, Some("2026-11-21T13:56:00Z"), Tone::Good, "In step"),
                        directory("Corporate AD", "LDAP", 1_930, Some("2026-11-21T12:50:00Z"), Tone::Danger, "Held"),
                        directory("Okta", "SCIM", 595, Some("2026-11-21T14:02:29Z"), Tone::Good, "Receiving"),
                    ]
                />
            </Card>
        };
        let right = view! {
            <Card title="Sign-ins" more=view! { "30 days" }.into_any()>
                <Sparkline id="signins" title="Sign-ins a day, last 30 days" description="Between 208 and 1 196 a day, rising." bars/>
                <p class="muted">"1 196 yesterday · 98.7 % by single sign-on"</p>
            </Card>
            <Card title="Ways back in" inset=Inset::Flush>
                <Rows>
                    <Row tone=Tone::Good title="2 break-glass accounts">"Both with a passkey. Last drill 23 days ago."</Row>
                    <Row tone=Tone::Good title="7 administrators can sign in">"Through 2 independent identity providers."</Row>
                </Rows>
            </Card>
        };
        view! {
            <Page title="Overview" purpose="Three things need you. Everything else is as you left it.">
                <Stats stats/>
                <Columns left=view! { {attention}{directories} }.into_any() right=right.into_any()/>
            </Page>
        }
        .into_any()
    })
}

fn directory(
    name: &'static str,
    method: &'static str,
    users: u64,
    sync: Option<&str>,
    tone: Tone,
    state: &'static str,
) -> TableRow {
    let synced = match sync {
        Some(time) => view! { <When at=at(time) now=now()/> }.into_any(),
        None => view! { <span class="nothing">"–"</span> }.into_any(),
    };
    TableRow::new(vec![
        name.into_any(),
        method.into_any(),
        grouped(users).into_any(),
        synced,
        view! { <Chip tone icon=tone.glyph()>{state}</Chip> }.into_any(),
    ])
    .to("/directories/1")
}
