//! A plan that is held: facets, differences, causes.

use leptos::prelude::*;
use muster_app::components::*;
use muster_domain::listing::Count;

use crate::console::console;

pub fn plan() -> AnyView {
    console("/plans", || {
        let rows = [
            (
                "Deactivate",
                "Edsger Dijkstra",
                FieldChange::new("", "active", "deactivated"),
                Tone::Danger,
                "gone from source",
            ),
            (
                "Deactivate",
                "Niklaus Wirth",
                FieldChange::new("", "active", "deactivated"),
                Tone::Caution,
                "filtered out",
            ),
            (
                "Update",
                "Alan Turing",
                FieldChange::new("title", "Reader", "Professor"),
                Tone::Accent,
                "changed at source",
            ),
            (
                "Add to group",
                "Barbara Liskov",
                FieldChange::added("", "berlin-staff"),
                Tone::Accent,
                "new at source",
            ),
            (
                "Remove from group",
                "Tony Hoare",
                FieldChange::removed("", "all-hands"),
                Tone::Caution,
                "mapping changed",
            ),
            (
                "Create",
                "Frances Allen",
                FieldChange::added("", "frances@example.org"),
                Tone::Accent,
                "new at source",
            ),
        ]
        .map(|(kind, who, change, tone, cause)| {
            TableRow::new(vec![
                view! { <b>{kind}</b> }.into_any(),
                who.into_any(),
                view! { <Diff changes=vec![change]/> }.into_any(),
                view! { <Cause cause tone/> }.into_any(),
            ])
        })
        .into();
        let facets = [
            ("All", 431, Tone::Neutral, true),
            ("Create", 6, Tone::Neutral, false),
            ("Update", 11, Tone::Neutral, false),
            ("Deactivate", 412, Tone::Danger, false),
            ("Memberships", 2, Tone::Neutral, false),
        ]
        .map(|(label, n, tone, is_current)| Facet {
            label: label.into(),
            count: Some(n),
            href: "?".into(),
            tone,
            is_current,
        })
        .into();
        let actions = view! {
            <Button look=Look::Danger>"Put away"</Button>
            <Button>"Recompute"</Button>
            <Button look=Look::Primary>"Approve all 431 changes"</Button>
        };
        view! {
            <Page title="Plan for Corporate AD" purpose="Made 4 minutes ago from a complete snapshot of 1 518 people and 212 groups." width=Width::Table actions=actions.into_any()>
                <Callout tone=Tone::Caution title="Held: 412 deactivations pass the limit of 5 % or 100 people."
                    action=view! { <Button>"Approve without removals (19)"</Button> }.into_any()>
                    "409 of them left " <code>"OU=Berlin,DC=corp,DC=example"</code> "; 3 are filtered out by the rule changed today by Ada Admin. Nothing has been applied."
                </Callout>
                <Card inset=Inset::Flush>
                    <Facets label="Kinds of change" facets/>
                    <Table caption="Changes" columns=["Change", "User", "What", "Cause"].map(Column::new).into() rows/>
                    <Pager from=1 to=50 total=Count::AtLeast(431) previous="?" next="?"/>
                </Card>
            </Page>
        }
        .into_any()
    })
}
