//! A directory in shadow beside the one whose place it shall take: what both say, what one of them says alone, and the one
//! plan by which it takes that place.

use axum::extract::Path;
use chrono::{DateTime, Utc};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::error::FieldError;
use muster_domain::id::DirectoryId;
use muster_domain::listing::Page as Listed;
use muster_domain::plan::{PlanState, told};
use muster_domain::role::Permission;
use muster_domain::shadow::{Class, MatchKey, Of, sorts_of};
use muster_services::sync::shadowing::{self, Choice as Chosen};
use muster_services::sync::views::{self, Beside, PlanView, RowView, RowsAsked};
use muster_services::users::Paging;
use muster_web::{Failure, Fields, Query};

use crate::components::{
    ActiveFilter, Button, Callout, Can, Card, Choice, Column, ConfirmDialog, Crumb, Empty, Filters,
    Form, FormActions, Glyph, Guard, Inset, LinkButton, Look, Page, Pager, PostButton, SelectField,
    Table, TableRow, Tone, When, Width, count_words, counted, error_of, grouped,
};
use crate::pages::people::address::{ListAddress, Pairs};
use crate::pages::people::id_of;
use crate::pages::provisioning::plan::can_apply;
use crate::pages::provisioning::plan_rows::{self, Shown};
use crate::visit::{Answer, Visit, belongs_to_form};

/// `GET /directories/{id}/shadow`
///
/// # Errors
/// Without permission, for an unknown directory.
pub async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Pairs>) -> Answer {
    page(&visit, id_of(&id, "directory")?, asked, None).await
}

/// `POST /directories/{id}/shadow`: sets it beside another directory and compares the two.
///
/// # Errors
/// Without permission, for an unknown directory.
pub async fn compare(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let beside = fields.one("beside").unwrap_or_default();
    let by = fields.one("by").and_then(MatchKey::from_word);
    let asked = match id_of(beside, "directory") {
        Ok(beside) => {
            let by = by.unwrap_or_default();
            shadowing::set_beside(&visit.services, &visit.call, id, Chosen { beside, by }).await
        }
        Err(_) => Err(Error::form(vec![FieldError {
            field: "beside".to_owned(),
            message: "Choose the directory whose place it shall take.".to_owned(),
        }])),
    };
    match asked {
        Ok(run) => {
            let words = "The two are being compared. Nothing is changed by it.";
            visit.done(&format!("/runs/{run}"), words).await
        }
        Err(error) if belongs_to_form(&error) => page(&visit, id, Pairs::new(), Some(error)).await,
        Err(error) => Err(Failure(error)),
    }
}

/// What the page shows.
struct Seen {
    beside: Beside,
    rows: Option<Listed<RowView>>,
    address: ListAddress,
    problem: Option<Error>,
    manages: bool,
    now: DateTime<Utc>,
}

async fn page(visit: &Visit, id: DirectoryId, asked: Pairs, problem: Option<Error>) -> Answer {
    let (services, call) = (&visit.services, &visit.call);
    let beside = views::shadow(services, call, id).await?;
    let address = ListAddress::new(
        format!("/directories/{id}/shadow"),
        asked,
        &["is", "q", "who"],
    );
    let rows = match &beside.view {
        Some(view) => {
            let sorts = address.get("is").map(|is| match sort_of(is) {
                Some((of, class)) => sorts_of(&view.plan.counts, of, class),
                None => Vec::new(),
            });
            let wanted = RowsAsked {
                sorts,
                whom: address.get("who").and_then(|id| id.parse().ok()),
                q: address.get("q").map(str::to_owned),
                ..RowsAsked::default()
            };
            let paging = Paging::at(address.at(), address.position());
            Some(views::rows(services, call, view, &wanted, &paging).await?)
        }
        None => None,
    };
    let status = problem.as_ref().map_or(StatusCode::OK, |error| {
        StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::CONFLICT)
    });
    let seen = Seen {
        manages: call.can(Permission::ManageDirectories),
        now: visit.now(),
        beside,
        rows,
        address,
        problem,
    };
    let name = &seen.beside.directory.name;
    let title = match (seen.beside.in_shadow, seen.beside.replaced.as_ref()) {
        (true, _) => format!("{name} in shadow"),
        (false, Some(former)) => format!("How {name} took the place of {former}"),
        (false, None) => format!("How {name} took its place"),
    };
    visit
        .console_with(status, &title, "/directories", || view(&title, &seen))
        .await
}

/// The word in addresses of a sort of rows.
fn word_of(of: Of, class: Class) -> String {
    format!("{}.{}", of.key(), class.key())
}

fn sort_of(word: &str) -> Option<(Of, Class)> {
    let all = Of::ALL.into_iter();
    all.flat_map(|of| Class::ALL.map(|class| (of, class)))
        .find(|(of, class)| word_of(*of, *class) == word)
}

fn view(title: &str, seen: &Seen) -> AnyView {
    let directory = &seen.beside.directory;
    let crumbs = vec![
        Crumb::new("/directories", "Directories"),
        Crumb::new(
            format!("/directories/{}", directory.id),
            directory.name.clone(),
        ),
    ];
    let purpose = if seen.beside.in_shadow {
        "It is read like any other directory, and nothing it says is carried out. Here it stands beside the one whose place it shall take."
    } else {
        "It is active. Below is what was compared before the switch."
    };
    let actions = switch(seen);
    let compared = seen.beside.view.as_ref().map(|view| {
        let totals = totals(seen, view);
        let rows = seen.rows.as_ref().map(|rows| rows_card(seen, view, rows));
        view! {
            {totals}
            {rows}
        }
    });
    let (callouts, choice) = (callouts(seen), choice(seen));
    view! {
        <Page title=title.to_owned() purpose crumbs actions width=Width::Table>
            {callouts}
            {choice}
            {compared}
        </Page>
    }
    .into_any()
}

/// The one button: it asks once more, and approves exactly the plan that is shown.
fn switch(seen: &Seen) -> AnyView {
    let beside = &seen.beside;
    let Some(view) = beside.view.as_ref().filter(|view| {
        seen.manages && beside.in_shadow && !beside.former().is_empty() && can_apply(view)
    }) else {
        return ().into_any();
    };
    let plan = &view.plan;
    let identity = plan.identity.clone().map(|identity| identity.0);
    let fields = vec![("identity".to_owned(), identity.unwrap_or_default())];
    let action = format!("/plans/{}/approve", plan.id);
    let (name, former) = (beside.directory.name.clone(), beside.former().to_owned());
    let words = format!("Switch to {name}");
    let question = format!("{name} in the place of {former}?");
    let doing = format!("This will {}.", told::doing(&plan.counts, grouped));
    let after = format!(
        "{former} goes into the shadow: it is read, and nothing it says is carried out. Whoever is handed over stays who they are, with their roles, their ways to sign in and what was done by hand. All of it can be taken back."
    );
    let holds = plan.holds.iter();
    let holds = holds
        .map(|hold| view! { <li>{hold.words()}</li> })
        .collect_view();
    view! {
        <ConfirmDialog id="switch" trigger=words.clone() look=Look::Primary title=question confirm=words confirm_look=Look::Primary action fields>
            <p>{doing}</p>
            <ul class="points">{holds}</ul>
            <p>{after}</p>
        </ConfirmDialog>
    }
    .into_any()
}

fn callouts(seen: &Seen) -> AnyView {
    let beside = &seen.beside;
    let problem = seen
        .problem
        .as_ref()
        .filter(|error| error.fields.is_empty())
        .map(|error| {
            let (title, next, code) = (
                error.public.to_string(),
                error.next.clone().map(|next| next.to_string()),
                error.code,
            );
            view! { <Callout tone=Tone::Danger title><p>{next} " " <code>{code}</code></p></Callout> }
        });
    let open = beside
        .newest_run
        .as_ref()
        .filter(|run| !run.state.is_over());
    let open = open.map(|run| {
        let action = view! { <LinkButton href=format!("/runs/{}", run.id)>"Watch it"</LinkButton> }.into_any();
        view! { <Callout tone=Tone::Accent title="A run is under way" action><p>"When it is over, what was compared stands here."</p></Callout> }
    });
    let compared = beside.view.as_ref().map(|view| compared(seen, view));
    let off = (!beside.in_shadow && beside.view.is_none()).then(|| {
        let href = format!("/directories/{}/edit", beside.directory.id);
        let action = view! { <LinkButton href>"Edit settings"</LinkButton> }.into_any();
        view! { <Callout tone=Tone::Neutral title="It is not in shadow" action><p>"What it says is carried out by its syncs. Switch its shadow on in its settings to set it beside another directory first."</p></Callout> }
    });
    view! {
        {problem}
        {open}
        {compared}
        {off}
    }
    .into_any()
}

fn compared(seen: &Seen, view: &PlanView) -> AnyView {
    let (at, now) = (view.plan.created_at, seen.now);
    let (tone, title, words) = match view.plan.state {
        PlanState::Done | PlanState::Begun => (
            Tone::Good,
            "The switch was carried out",
            "The run says what became of each step, and can be taken back.",
        ),
        PlanState::Discarded => (
            Tone::Neutral,
            "This comparison was put away",
            "Compare again to see how the two stand now.",
        ),
        _ if view.is_stale => (
            Tone::Caution,
            "Something changed since they were compared",
            "It cannot be switched by this comparison any more: compare again.",
        ),
        _ if view.plan.holds.is_empty() => (
            Tone::Neutral,
            "Nothing is changed by comparing",
            "The switch does what the rows say, in one plan that you approve.",
        ),
        _ => (
            Tone::Caution,
            "Look before you switch",
            "The switch does what the rows say, in one plan that you approve. First read this:",
        ),
    };
    let waits = matches!(view.plan.state, PlanState::Clear | PlanState::Held);
    let holds = view.plan.holds.iter().filter(|_| waits && !view.is_stale);
    let holds = holds
        .map(|hold| view! { <li>{hold.words()}</li> })
        .collect_view();
    let action = match view.carried_by() {
        Some(run) => view! { <LinkButton href=format!("/runs/{}", run.id)>"Go to the run"</LinkButton> }.into_any(),
        None => view! { <LinkButton href=format!("/plans/{}", view.plan.id) icon=Glyph::Plan>"Look at the plan"</LinkButton> }.into_any(),
    };
    view! {
        <Callout tone title action>
            <p>"Compared " <When at now/> ". " {words}</p>
            <ul class="points">{holds}</ul>
        </Callout>
    }
    .into_any()
}

/// Beside which directory it is set, and by what people are matched.
fn choice(seen: &Seen) -> AnyView {
    let beside = &seen.beside;
    if !beside.in_shadow || !seen.manages {
        return ().into_any();
    }
    if beside.others.is_empty() {
        return view! {
            <Card inset=Inset::Flush><Empty icon=Glyph::Directory title="There is no other directory that is read">
                <p>"A directory in shadow takes the place of an active one. To use this one by itself, switch its shadow off in its settings."</p>
            </Empty></Card>
        }
        .into_any();
    }
    let others = beside
        .others
        .iter()
        .map(|(id, name)| Choice::new(id.to_string(), name.clone()))
        .collect();
    let keys = MatchKey::ALL.into_iter();
    let keys = keys
        .map(|key| Choice::new(key.word(), key.label()))
        .collect();
    let chosen = beside.choice.map(|choice| choice.beside.to_string());
    let by = beside.choice.map(|choice| choice.by).unwrap_or_default();
    let action = format!("/directories/{}/shadow", beside.directory.id);
    let errors = seen.problem.as_ref().map(|error| error.fields.clone());
    let error = error_of(&errors.unwrap_or_default(), "beside");
    let open = beside
        .newest_run
        .as_ref()
        .filter(|run| !run.state.is_over());
    let busy = open.is_some() || !beside.directory.enabled;
    let button = if busy {
        let can = Can::NotNow(match open {
            Some(_) => "A run of this directory is under way".to_owned(),
            None => "The directory is switched off".to_owned(),
        });
        view! { <PostButton action=action.clone() can>"Compare"</PostButton> }.into_any()
    } else {
        let look = if beside.view.is_none() {
            Look::Primary
        } else {
            Look::Plain
        };
        view! { <Button look icon=Glyph::Compare>"Compare"</Button> }.into_any()
    };
    view! {
        <Card title="Beside which directory">
            <Form action guard=Guard::Off>
                <SelectField name="beside" label="It shall take the place of" value=chosen choices=others error/>
                <SelectField name="by" label="People are matched by their" value=by.word() choices=keys help="Where two people of one side have the same, or somebody has none, they are left alone and told. Groups are matched by their names."/>
                <FormActions>{button}</FormActions>
            </Form>
        </Card>
    }
    .into_any()
}

/// What both say, and what one of them says alone; each number leads to its rows.
fn totals(seen: &Seen, view: &PlanView) -> AnyView {
    let beside = &seen.beside;
    let former = match beside.former() {
        "" => "the other",
        name => name,
    };
    let shown = [
        (Class::Same, "Both, the same".to_owned()),
        (Class::Differs, "Both, with a difference".to_owned()),
        (Class::Access, "Let in by one only".to_owned()),
        (Class::OnlyActive, format!("Only {former}")),
        (Class::OnlyShadow, format!("Only {}", beside.directory.name)),
    ];
    let mut columns = vec![Column::new("")];
    columns.extend(shown.iter().map(|(_, label)| Column::number(label.clone())));
    let base = ListAddress::new(seen.address.without_all(), Pairs::new(), &[]);
    let now = seen.address.get("is");
    let cell = |of: Of, class: Class| {
        let many = beside.counts.get(&(of, class)).copied().unwrap_or_default();
        if many == 0 {
            return view! { <span class="nothing">"–"</span> }.into_any();
        }
        let word = word_of(of, class);
        let current = (now == Some(word.as_str())).then_some("true");
        let words = match (of, class) {
            (Of::Memberships, Class::Same) => format!("in {}", counted(many, "group", "groups")),
            _ => grouped(many),
        };
        view! { <a href=base.with("is", &word) aria-current=current>{words}</a> }.into_any()
    };
    let rows = Of::ALL
        .into_iter()
        .map(|of| {
            let mut cells = vec![view! { <b>{of.label()}</b> }.into_any()];
            cells.extend(shown.iter().map(|(class, _)| cell(of, *class)));
            TableRow::new(cells)
        })
        .collect();
    let alone = (Of::People, Class::LeftAlone);
    let alone = beside.counts.get(&alone).copied().unwrap_or_default();
    let left = (alone > 0).then(|| {
        let href = base.with("is", &word_of(Of::People, Class::LeftAlone));
        let words = format!("{} left alone", grouped(alone));
        view! { <p class="class-words"><a href=href>{words}</a>" because they are protected, their record cannot be used, or nobody can tell whom the other directory means. They keep what they have."</p> }
    });
    let all = (!seen.address.filters().is_empty()).then(|| {
        let (href, many) = (
            base.without("is"),
            view.plan.counts.all() + view.plan.counts.refused(),
        );
        let words = format!("Show all {} rows", grouped(many));
        view! { <p class="class-words"><a href=href>{words}</a></p> }
    });
    view! {
        <Card title="Side by side" inset=Inset::Flush>
            <Table caption="What both directories say, and what one of them says alone" columns rows/>
            {left}
            {all}
        </Card>
    }
    .into_any()
}

fn rows_card(seen: &Seen, view: &PlanView, rows: &Listed<RowView>) -> AnyView {
    let address = &seen.address;
    let about =
        |id: &str| ListAddress::new(address.without_all(), Pairs::new(), &[]).with("who", id);
    let mut active = Vec::new();
    if let Some(q) = address.get("q") {
        active.push(ActiveFilter {
            label: "Search".to_owned(),
            value: format!("“{q}”"),
            remove: address.without("q"),
        });
    }
    if address.get("who").is_some() {
        let named = rows.rows.first().and_then(|row| row.whom.as_ref());
        active.push(ActiveFilter {
            label: "About".to_owned(),
            value: named.map_or_else(|| "one person".to_owned(), |whom| whom.name.clone()),
            remove: address.without("who"),
        });
    }
    let (query, keep) = (address.get("q").map(str::to_owned), address.kept(&["is"]));
    let many = if rows.total.value() == 1 {
        "row"
    } else {
        "rows"
    };
    let count = format!("{} {many}", count_words(rows.total));
    let shown = Shown {
        about: &about,
        is_about_one: address.get("who").is_some(),
        is_carried: view.carried_by().is_some(),
    };
    let body = if rows.rows.is_empty() {
        view! { <Empty icon=Glyph::Check title="There is none of this sort"><p>"Choose another number above, or search for another name."</p></Empty> }.into_any()
    } else {
        let near = address.neighbours(rows);
        let table = plan_rows::table(&rows.rows, shown);
        view! {
            {table}
            <Pager from=near.from to=near.to total=rows.total first=near.first previous=near.previous next=near.next last=near.last/>
        }
        .into_any()
    };
    let action = address.without_all().to_owned();
    view! {
        <Card inset=Inset::Flush>
            <Filters action query placeholder="Search names" active keep count/>
            {body}
        </Card>
    }
    .into_any()
}
