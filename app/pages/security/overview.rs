//! The first page: numbers, what needs attention, and whether there is a way back in.

use leptos::prelude::*;
use muster_domain::listing::Count;
use muster_domain::protocol::Level;
use muster_domain::role::{Permission, Role};
use muster_services::directories::{self, DirectoryRow};
use muster_services::overview::{self, Attention, Day, Overview};
use muster_services::sync::rules;
use muster_services::users::{self, Paging, UserFilter};

use crate::components::{
    Bar, Card, Chip, Column, Columns, Empty, Glyph, Inset, LinkButton, Page, Row, Rows, Sparkline,
    Stat, Stats, Table, TableRow, Tone, Width, count_words, counted, grouped,
};
use crate::visit::{Answer, Visit};

/// The ways back in when everything else is down.
struct WaysIn {
    break_glass: Count,
    superadmins: Count,
}

/// `GET /`
///
/// # Errors
/// Without permission to use the console.
pub async fn show(visit: Visit) -> Answer {
    let overview = overview::overview(&visit.services, &visit.call).await?;
    let directories = if visit.call.can(Permission::ViewDirectories) {
        directories::list(&visit.services, &visit.call).await?
    } else {
        Vec::new()
    };
    let ways = ways_in(&visit).await?;
    visit
        .console("Overview", "/", || {
            let sees_attention = visit.call.can(Permission::ViewProviders) && visit.call.can(Permission::ViewSecurity);
            let left = view! {
                {sees_attention.then(|| attention(&overview.attention))}
                {(!directories.is_empty()).then(|| directory_table(&directories))}
            }
            .into_any();
            let right = view! { {sign_ins(&overview.days)} {back_in(&ways)} }.into_any();
            let stats = stats(&visit, &overview);
            view! {
                <Page title="Overview" purpose=purpose(&overview, sees_attention) width=Width::Table>
                    <Stats stats/>
                    <Columns left right/>
                </Page>
            }
            .into_any()
        })
        .await
}

async fn ways_in(visit: &Visit) -> Result<WaysIn, muster_domain::Error> {
    let one = Paging {
        rows: 1,
        ..Paging::default()
    };
    let active = UserFilter {
        active: Some(true),
        ..UserFilter::default()
    };
    let break_glass = UserFilter {
        break_glass: Some(true),
        ..active.clone()
    };
    let superadmins = UserFilter {
        role: Some(Role::Superadmin),
        ..active
    };
    Ok(WaysIn {
        break_glass: users::list(&visit.services, &visit.call, &break_glass, &one)
            .await?
            .total,
        superadmins: users::list(&visit.services, &visit.call, &superadmins, &one)
            .await?
            .total,
    })
}

fn purpose(overview: &Overview, sees_attention: bool) -> String {
    const WORDS: [&str; 10] = [
        "Nothing",
        "One thing",
        "Two things",
        "Three things",
        "Four things",
        "Five things",
        "Six things",
        "Seven things",
        "Eight things",
        "Nine things",
    ];
    if !sees_attention {
        return "Who is here, and how they come in.".to_owned();
    }
    let many = overview.attention.len();
    match (many, WORDS.get(many)) {
        (0, _) => "Nothing needs you. Everything is as you left it.".to_owned(),
        (1, _) => "One thing needs you.".to_owned(),
        (_, Some(words)) => format!("{words} need you."),
        (_, None) => format!("{many} things need you."),
    }
}

fn stats(visit: &Visit, overview: &Overview) -> Vec<Stat> {
    let numbers = &overview.numbers;
    let people = format!(
        "{} active · {} deactivated",
        grouped(numbers.active),
        grouped(numbers.deactivated)
    );
    let mut stats = vec![
        Stat::new(
            "Users",
            grouped(numbers.active + numbers.deactivated),
            people,
            "/users",
        ),
        Stat::new(
            "Groups",
            grouped(numbers.groups),
            "Local, and from directories",
            "/groups",
        ),
    ];
    if visit.call.can(Permission::ViewProviders) {
        let on = format!("{} on", grouped(numbers.providers_enabled));
        stats.push(Stat::new(
            "Identity providers",
            grouped(numbers.providers),
            on,
            "/providers",
        ));
    }
    if visit.call.can(Permission::ViewSecurity) {
        let today = counted(numbers.sign_ins_today, "sign-in today", "sign-ins today");
        stats.push(Stat::new(
            "Secure sessions now",
            grouped(numbers.elevations),
            today,
            "/security",
        ));
    }
    stats
}

fn attention(items: &[Attention]) -> AnyView {
    if items.is_empty() {
        return view! {
            <Card title="Needs attention" inset=Inset::Flush>
                <Empty icon=Glyph::Check title="Nothing needs attention"><p>"Providers, ways back in and the audit chain are as they should be."</p></Empty>
            </Card>
        }
        .into_any();
    }
    let worst = items
        .iter()
        .map(|item| item.level)
        .max()
        .map_or(Tone::Neutral, level_tone);
    let rows = items
        .iter()
        .map(|item| {
            let (href, next) = (item.href.clone(), item.next.clone());
            let action = view! { <LinkButton href>{next}</LinkButton> }.into_any();
            view! { <Row title=item.text.clone() tone=level_tone(item.level) action/> }
        })
        .collect_view();
    let count = items.len().to_string();
    view! {
        <Card title="Needs attention" inset=Inset::Flush badge=view! { <Chip tone=worst>{count}</Chip> }.into_any()>
            <Rows>{rows}</Rows>
        </Card>
    }
    .into_any()
}

const fn level_tone(level: Level) -> Tone {
    match level {
        Level::Problem => Tone::Danger,
        Level::Caution => Tone::Caution,
        _ => Tone::Neutral,
    }
}

fn directory_table(directories: &[DirectoryRow]) -> AnyView {
    let columns = vec![
        Column::new("Directory"),
        Column::new("Accounts arrive"),
        Column::number("Users"),
        Column::new("State"),
    ];
    let rows = directories
        .iter()
        .map(|row| {
            let name = row.directory.name.clone();
            let in_shadow = rules::in_shadow(&row.directory.settings);
            let (tone, state) = match (row.directory.enabled, in_shadow) {
                (true, true) => (Tone::Accent, "In shadow"),
                (true, false) => (Tone::Good, "On"),
                (false, _) => (Tone::Neutral, "Off"),
            };
            TableRow::new(vec![
                view! { <b>{name}</b> }.into_any(),
                row.method.into_any(),
                grouped(row.accounts).into_any(),
                view! { <Chip tone>{state}</Chip> }.into_any(),
            ])
            .to(format!("/users?directory={}", row.directory.id))
        })
        .collect();
    let more = view! { <a href="/directories">"All directories"</a> }.into_any();
    view! { <Card title="Directories" inset=Inset::Flush more><Table caption="Directories" columns rows/></Card> }.into_any()
}

fn sign_ins(days: &[Day]) -> AnyView {
    let total: u64 = days.iter().map(|day| day.signed_in).sum();
    let refused: u64 = days.iter().map(|day| day.refused).sum();
    let bars = days
        .iter()
        .map(|day| Bar {
            label: day.day.format("%-d %b").to_string(),
            value: day.signed_in,
        })
        .collect();
    let description = format!(
        "{} in {} days; {} refused or failed.",
        counted(total, "sign-in", "sign-ins"),
        days.len(),
        grouped(refused)
    );
    let words = format!(
        "{} · {} refused or failed",
        counted(total, "sign-in", "sign-ins"),
        grouped(refused)
    );
    let more = view! { <span>{format!("{} days", days.len())}</span> }.into_any();
    view! {
        <Card title="Sign-ins" more>
            <Sparkline id="sign-ins" title="Sign-ins a day" description bars/>
            <p class="muted">{words}</p>
        </Card>
    }
    .into_any()
}

fn back_in(ways: &WaysIn) -> AnyView {
    let plural = |count: Count, one: &str, many: &str| {
        format!(
            "{} {}",
            count_words(count),
            if count.value() == 1 { one } else { many }
        )
    };
    let (glass_tone, glass_note) = match ways.break_glass.value() {
        0 => (
            Tone::Caution,
            "When every identity provider is down, nobody gets in.",
        ),
        _ => (
            Tone::Good,
            "Signs in with a local password when every identity provider is down.",
        ),
    };
    let (admin_tone, admin_note) = match ways.superadmins.value() {
        0 => (Tone::Danger, "Nobody can grant roles."),
        1 => (
            Tone::Caution,
            "If this person loses access, nobody can grant roles.",
        ),
        _ => (Tone::Good, "Each of them can grant roles."),
    };
    let glass = plural(
        ways.break_glass,
        "break-glass account",
        "break-glass accounts",
    );
    let admins = plural(
        ways.superadmins,
        "superadmin can sign in",
        "superadmins can sign in",
    );
    view! {
        <Card title="Ways back in" inset=Inset::Flush>
            <Rows>
                <Row title=glass tone=glass_tone href="/users?break_glass=yes&state=active">{glass_note}</Row>
                <Row title=admins tone=admin_tone href="/users?role=superadmin&state=active">{admin_note}</Row>
            </Rows>
        </Card>
    }
    .into_any()
}
