//! A list with search, filters, selection and paging; one person's page with tabs, dialog and path.

use leptos::prelude::*;
use muster_app::components::*;
use muster_domain::listing::Count;

use crate::console::{at, console, now};

const PEOPLE: [(&str, &str, &str, bool, u64, &str); 12] = [
    (
        "Ada Lovelace",
        "ada@example.org",
        "Entra ID",
        true,
        14,
        "2026-11-21T13:59:00Z",
    ),
    (
        "Grace Hopper",
        "grace@example.org",
        "Entra ID",
        true,
        9,
        "2026-11-21T13:00:00Z",
    ),
    (
        "Alan Turing",
        "alan@example.org",
        "Corporate AD",
        true,
        22,
        "2026-11-20T11:00:00Z",
    ),
    (
        "Karen Spärck Jones",
        "karen@example.org",
        "Okta",
        true,
        6,
        "2026-11-19T14:00:00Z",
    ),
    (
        "Edsger Dijkstra",
        "edsger@example.org",
        "Corporate AD",
        false,
        0,
        "2026-10-11T14:00:00Z",
    ),
    (
        "Barbara Liskov",
        "barbara@example.org",
        "Entra ID",
        true,
        17,
        "2026-11-21T13:57:00Z",
    ),
    (
        "Donald Knuth",
        "donald@example.org",
        "Just in time",
        true,
        2,
        "2026-11-09T14:00:00Z",
    ),
    (
        "Radia Perlman",
        "radia@example.org",
        "Entra ID",
        true,
        11,
        "2026-11-21T13:00:00Z",
    ),
    (
        "Frances Allen",
        "frances.elizabeth.allen@research.example.org",
        "Entra ID",
        true,
        8,
        "2026-11-21T09:00:00Z",
    ),
    (
        "Tony Hoare",
        "tony@example.org",
        "Corporate AD",
        true,
        5,
        "2026-11-18T14:00:00Z",
    ),
    (
        "Niklaus Wirth",
        "niklaus@example.org",
        "Corporate AD",
        false,
        0,
        "2026-08-02T14:00:00Z",
    ),
    (
        "Break-glass one",
        "root1",
        "Internal",
        true,
        1,
        "2026-10-29T14:00:00Z",
    ),
];

pub fn users() -> AnyView {
    console("/users", || {
        let rows = PEOPLE
            .map(|(name, mail, source, is_active, groups, seen)| {
                let (tone, state) = if is_active {
                    (Tone::Good, "Active")
                } else {
                    (Tone::Neutral, "Deactivated")
                };
                TableRow::new(vec![
                    view! { <Who name=name note=mail/> }.into_any(),
                    view! { <Chip>{source}</Chip> }.into_any(),
                    view! { <Chip tone>{state}</Chip> }.into_any(),
                    grouped(groups).into_any(),
                    view! { <When at=at(seen) now=now()/> }.into_any(),
                ])
                .to("/users/1")
                .pick("1", name)
            })
            .into();
        let columns = vec![
            Column::new("User").sorted(Sorted::Ascending, "?sort=-name"),
            Column::new("Source"),
            Column::new("State"),
            Column::number("Groups").sorted(Sorted::Not, "?sort=groups"),
            Column::new("Last sign-in").sorted(Sorted::Not, "?sort=-seen"),
        ];
        let active = ["State: active", "In group: jira-users"]
            .iter()
            .filter_map(|words| words.split_once(": "))
            .map(|(label, value)| ActiveFilter {
                label: label.into(),
                value: value.into(),
                remove: "?".into(),
            })
            .collect();
        let actions = view! {
            <LinkButton href="/users/export" icon=Glyph::Download>"Export"</LinkButton>
            <LinkButton href="/users/new" look=Look::Primary icon=Glyph::Plus>"Add user"</LinkButton>
        };
        view! {
            <Page title="Users" purpose="Everyone who has an account here, and which source says so." width=Width::Table actions=actions.into_any()>
                <Card inset=Inset::Flush>
                    <Filters action="/users" placeholder="Search name, e-mail, any attribute" active count="11 962 of 12 408">
                        <FilterSelect name="source" label="Source" choices=vec![("entra".into(), "Entra ID".into())]/>
                    </Filters>
                    <Table caption="Users" columns rows selection=Selection { form: "bulk".into(), field: "id".into() }/>
                    <BulkBar form="bulk" action="/users/bulk" all="All 11 962 that match">
                        <Button name="do" value="sign-out">"End sessions"</Button>
                        <Button look=Look::Danger name="do" value="deactivate">"Deactivate"</Button>
                    </BulkBar>
                    <Pager from=1 to=50 total=Count::Exact(11_962) next="?page=2"/>
                </Card>
            </Page>
        }
        .into_any()
    })
}

pub fn user() -> AnyView {
    console("/users", || {
        let tabs = [
            ("Overview", None, true),
            ("Groups", Some(22), false),
            ("Sessions", Some(2), false),
            ("Activity", None, false),
        ]
        .map(|(label, count, is_current)| Tab {
            label: label.into(),
            href: "?".into(),
            count,
            is_current,
        })
        .into();
        let items = vec![
            KeyValue::new("Name", "Alan Turing"),
            KeyValue::new("E-mail", "alan@example.org"),
            KeyValue::new(
                "Department",
                view! { "Computing " <Chip>"Corporate AD"</Chip> },
            ),
            KeyValue::new(
                "External id",
                view! { <code>"8f14e45f-ceea-467f-a8d1-2f1c9b7f0c11"</code> },
            ),
            KeyValue::maybe("Phone", None),
            KeyValue::new(
                "Last sign-in",
                view! { <When at=at("2026-11-20T11:00:00Z") now=now() written=Written::Exact/> },
            ),
        ];
        let path = vec![
            PathNode::new("Alan Turing", "/users/1"),
            PathNode::new("berlin-staff", "/groups/1"),
            PathNode::new("all-hands", "/groups/2"),
            PathNode::new("jira-users", "/groups/3"),
        ];
        let left = view! {
            <Card title="Attributes"><KeyValues items/></Card>
            <Card title="Why in jira-users"><GroupPath nodes=path origin="from Corporate AD"/></Card>
            <Card title="Passkeys" inset=Inset::Flush>
                <Empty icon=Glyph::Device title="No passkey yet" action=view! { <Button>"Send an invitation"</Button> }.into_any()>
                    "A passkey lets Alan start a secure session even when his identity provider cannot prove a new sign-in."
                </Empty>
            </Card>
        };
        let right = view! {
            <Card title="SCIM address"><CopyText value="https://muster.example.org/scim/v2/okta-production" label="SCIM address"/></Card>
            <Callout tone=Tone::Accent title="Managed by Corporate AD">"Changes to name and e-mail come from the source. Here you can add local groups and roles."</Callout>
            <Callout tone=Tone::Danger title="The last sync failed">"The server did not answer within 10 s."</Callout>
        };
        let actions = view! {
            <ConfirmDialog id="deactivate" trigger="Deactivate" look=Look::Danger title="Deactivate Alan Turing?" confirm="Deactivate Alan Turing" action="/users/1/deactivate">
                <p>"He keeps his groups and history, and can no longer sign in. 2 sessions end now."</p>
            </ConfirmDialog>
            <Button can=Can::NotNow("Start a secure session first".into())>"Set password"</Button>
            <LinkButton href="/users/1/edit" look=Look::Primary icon=Glyph::Edit>"Edit user"</LinkButton>
        };
        view! {
            <Flash tone=Tone::Good message="Alan Turing was reactivated. The next sync keeps it so." action=view! { <a href="/">"Undo"</a> }.into_any()/>
            <Page title="Alan Turing" purpose="alan@example.org · in 22 groups through 2 sources" crumbs=vec![Crumb::new("/users", "Users")]
                badge=view! { <Chip tone=Tone::Good icon=Glyph::Check>"Active"</Chip> }.into_any() actions=actions.into_any()>
                <Tabs label="Alan Turing" tabs/>
                <Columns left=left.into_any() right=right.into_any()/>
            </Page>
        }
        .into_any()
    })
}
