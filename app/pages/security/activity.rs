//! Activity: the audit log, verified, filtered, exported; and one event in full.

use axum::body::Body;
use axum::extract::Path;
use axum::response::IntoResponse as _;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use leptos::prelude::*;
use muster_domain::listing::{Direction, PAGE, Page as Listed};
use muster_domain::role::Permission;
use muster_domain::{Error, Kind};
use muster_services::activity::{self, AuditFilter, AuditRow, Format, Verified};
use muster_services::users::Paging;
use muster_web::{Form, Query};

use crate::components::{
    ActiveFilter, Callout, Card, Column, Crumb, Empty, FilterSelect, Filters, Glyph, Inset,
    KeyValue, KeyValues, LinkButton, Look, Page, Pager, PostButton, Table, TableRow, Tone, When,
    Width, Written, count_words,
};
use crate::pages::people::address::{ListAddress, Pairs};
use crate::visit::{Answer, Visit};

const KNOWN: [&str; 6] = ["q", "action", "from", "until", "actor", "target"];

/// Beginnings of actions, with words.
const ACTIONS: [(&str, &str); 14] = [
    ("signin.", "sign-ins"),
    ("user.", "users"),
    ("group.", "groups"),
    ("role.", "roles"),
    ("provider.", "identity providers"),
    ("directory.", "directories"),
    ("reauth.", "re-authentications"),
    ("elevation.", "secure sessions"),
    ("factor.", "second factors"),
    ("policy.", "policies"),
    ("session.", "sessions"),
    ("settings.", "settings"),
    ("setup.", "setup"),
    ("activity.", "activity log"),
];

fn filter_of(address: &ListAddress) -> AuditFilter {
    let day = |key: &str| {
        address
            .get(key)
            .and_then(|text| text.parse::<NaiveDate>().ok())
    };
    let begin = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    AuditFilter {
        actor_id: address.get("actor").and_then(|id| id.parse().ok()),
        target_id: address.get("target").and_then(|id| id.parse().ok()),
        action: address.get("action").map(str::to_owned),
        q: address.get("q").map(str::to_owned),
        from: day("from").map(begin),
        // The last day counts as a whole.
        until: day("until").and_then(|day| day.succ_opt()).map(begin),
    }
}

/// `GET /activity`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit, Query(asked): Query<Pairs>) -> Answer {
    let address = ListAddress::new("/activity", asked, &KNOWN);
    let paging = Paging {
        direction: Direction::Desc,
        rows: PAGE,
        ..Paging::at(address.at(), address.position())
    };
    let page = activity::list(&visit.services, &visit.call, &filter_of(&address), &paging).await?;
    let verified = activity::last_verified(&visit.services, &visit.call).await?;
    visit
        .console("Activity", "/activity", || {
            let exports = visit.call.can(Permission::ExportActivity).then(|| exports(&address)).into_any();
            let is_empty = page.rows.is_empty();
            let tools = (!is_empty || address.is_filtered()).then(|| tools(&address, &page));
            let body = if is_empty { empty(&address) } else { table(&page, &address, visit.now()) };
            let chain = chain(verified.as_ref(), visit.now());
            view! {
                <Page title="Activity" purpose="Every change: who, what, when, from where. Each event is chained to the one before it." width=Width::Table actions=exports>
                    {chain}
                    <Card inset=Inset::Flush>{tools}{body}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

fn exports(address: &ListAddress) -> AnyView {
    let fields = |format: &str| {
        let mut fields = address.filters();
        fields.push(("format".to_owned(), format.to_owned()));
        fields
    };
    view! {
        <PostButton action="/activity/export" fields=fields("csv") icon=Glyph::Download>"Export CSV"</PostButton>
        <PostButton action="/activity/export" fields=fields("jsonl") icon=Glyph::Download>"Export JSON"</PostButton>
    }
    .into_any()
}

fn chain(verified: Option<&Verified>, now: DateTime<Utc>) -> AnyView {
    let action =
        view! { <PostButton action="/activity/verify">"Verify chain"</PostButton> }.into_any();
    match verified {
        None => view! {
            <Callout tone=Tone::Neutral title="Nobody has verified the chain yet" action>
                <p>"Verifying computes every link again and shows whether an event was changed or removed afterwards."</p>
            </Callout>
        }
        .into_any(),
        Some(verified) => {
            let (tone, title) = if verified.holds { (Tone::Good, "The chain holds") } else { (Tone::Danger, "The chain is broken") };
            let (words, by, at) = (verified.words.clone(), verified.by.clone(), verified.at);
            view! {
                <Callout tone title action>
                    <p>{words} " Verified " <When at now/> " by " {by} "."</p>
                </Callout>
            }
            .into_any()
        }
    }
}

fn tools(address: &ListAddress, page: &Listed<AuditRow>) -> AnyView {
    let value = |key: &str| address.get(key).map(str::to_owned);
    let actions = ACTIONS
        .iter()
        .map(|(key, words)| ((*key).to_owned(), (*words).to_owned()))
        .collect();
    let active = address
        .filters()
        .iter()
        .map(|(key, value)| active_filter(address, key, value))
        .collect();
    let date = |name: &'static str, label: &'static str| {
        let value = value(name);
        view! {
            <label class="filter-select">
                <span>{label}</span>
                <input type="date" name=name value=value/>
            </label>
        }
    };
    let count = format!(
        "{} {}",
        count_words(page.total),
        if page.total.value() == 1 {
            "event"
        } else {
            "events"
        }
    );
    let (action, from, until) = (
        value("action"),
        date("from", "From"),
        date("until", "Until"),
    );
    view! {
        <Filters action="/activity" query=value("q") placeholder="Search who, what, whom" active keep=address.kept(&["actor", "target"]) count>
            <FilterSelect name="action" label="About" value=action choices=actions/>
            {from}
            {until}
        </Filters>
    }
    .into_any()
}

fn active_filter(address: &ListAddress, key: &str, value: &str) -> ActiveFilter {
    let (label, value) = match key {
        "q" => ("Search", format!("“{value}”")),
        "action" => {
            let known = ACTIONS.iter().find(|(prefix, _)| *prefix == value);
            (
                "About",
                known.map_or_else(|| value.to_owned(), |(_, words)| (*words).to_owned()),
            )
        }
        "from" => ("From", value.to_owned()),
        "until" => ("Until", value.to_owned()),
        "actor" => ("By", "one person".to_owned()),
        _ => ("Done to", "one thing".to_owned()),
    };
    ActiveFilter {
        label: label.to_owned(),
        value,
        remove: address.without(key),
    }
}

fn table(page: &Listed<AuditRow>, address: &ListAddress, now: DateTime<Utc>) -> AnyView {
    let columns = vec![
        Column::new("When"),
        Column::new("Who"),
        Column::new("What"),
        Column::new("Whom"),
        Column::new("From"),
        Column::number("Event"),
    ];
    let rows = page
        .rows
        .iter()
        .map(|row| {
            let (event, at) = (&row.event, row.event.at);
            let action = event.action.clone();
            TableRow::new(vec![
                view! { <When at now/> }.into_any(),
                event.actor.clone().into_any(),
                view! { <code>{action}</code> }.into_any(),
                event.target.clone().into_any(),
                event
                    .address
                    .clone()
                    .unwrap_or_else(|| "–".to_owned())
                    .into_any(),
                row.seq.to_string().into_any(),
            ])
            .to(format!("/activity/{}", row.seq))
        })
        .collect();
    let near = address.neighbours(page);
    view! {
        <Table caption="Events, newest first" columns rows/>
        <Pager from=near.from to=near.to total=page.total first=near.first previous=near.previous next=near.next last=near.last/>
    }
    .into_any()
}

fn empty(address: &ListAddress) -> AnyView {
    if address.is_filtered() {
        let action =
            view! { <LinkButton href="/activity">"Show all events"</LinkButton> }.into_any();
        return view! { <Empty icon=Glyph::Search title="No event matches" action><p>"Names of people, actions and targets were searched."</p></Empty> }.into_any();
    }
    view! { <Empty icon=Glyph::Activity title="Nothing has happened yet"><p>"Every change is written down here, with who, when and from where."</p></Empty> }.into_any()
}

/// `GET /activity/{sequence}`
///
/// # Errors
/// Without permission, for an unknown number.
pub async fn show(visit: Visit, Path(sequence): Path<String>) -> Answer {
    let sequence: i64 = sequence.parse().map_err(|_| Error::not_found("event"))?;
    let row = activity::detail(&visit.services, &visit.call, sequence).await?;
    let title = format!("Event {sequence}");
    let next = activity::detail(&visit.services, &visit.call, sequence.saturating_add(1))
        .await
        .ok()
        .map(|row| row.seq);
    visit
        .console(&title, "/activity", || {
            event_view(&title, &row, next, visit.now())
        })
        .await
}

fn event_view(title: &str, row: &AuditRow, next: Option<i64>, now: DateTime<Utc>) -> AnyView {
    let (event, at) = (&row.event, row.event.at);
    let json = serde_json::to_string_pretty(&event.detail).unwrap_or_default();
    let by = linked(
        event.actor.clone(),
        event.actor_id.map(|id| format!("/activity?actor={id}")),
    );
    let whom = linked(
        event.target.clone(),
        event.target_id.map(|id| format!("/activity?target={id}")),
    );
    let (action, request, previous, hash) = (
        event.action.clone(),
        event.request_id.clone(),
        row.previous.clone(),
        row.hash.clone(),
    );
    let items = vec![
        KeyValue::new(
            "When",
            view! { <When at now written=Written::Exact/> " (" <When at now/> ")" }.into_any(),
        ),
        KeyValue::new("Who", by),
        KeyValue::new("What", view! { <code>{action}</code> }.into_any()),
        KeyValue::new("Whom", whom),
        KeyValue::maybe("From", event.address.clone()),
        KeyValue::new("Request", view! { <code>{request}</code> }.into_any()),
    ];
    let links = vec![
        KeyValue::new(
            "This link",
            view! { <span class="hash">{hash}</span> }.into_any(),
        ),
        KeyValue::new(
            "Link before",
            view! { <span class="hash">{previous}</span> }.into_any(),
        ),
    ];
    let before = (row.seq > 1).then(|| {
        let href = format!("/activity/{}", row.seq - 1);
        view! { <LinkButton href look=Look::Quiet icon=Glyph::Previous>"Event before"</LinkButton> }
    });
    let after = next.map(|next| {
        let href = format!("/activity/{next}");
        view! { <LinkButton href look=Look::Quiet icon=Glyph::Next>"Event after"</LinkButton> }
    });
    let actions = view! {
        {before}
        {after}
    }
    .into_any();
    view! {
        <Page title=title.to_owned() crumbs=vec![Crumb::new("/activity", "Activity")] actions>
            <Card title="Event"><KeyValues items/></Card>
            <Card title="Detail"><pre class="json" tabindex="0">{json}</pre></Card>
            <Card title="Chain"><KeyValues items=links/></Card>
        </Page>
    }
    .into_any()
}

fn linked(words: String, href: Option<String>) -> AnyView {
    match href {
        Some(href) => view! { <a href=href>{words}</a> }.into_any(),
        None => words.into_any(),
    }
}

/// `POST /activity/export`: that it was exported goes on record, so it is no reading.
///
/// # Errors
/// Without permission, for an unknown format.
pub async fn export(visit: Visit, Form(asked): Form<Pairs>) -> Answer {
    let wanted = asked
        .iter()
        .find(|(key, _)| key == "format")
        .map_or("csv", |(_, value)| value.as_str());
    let format = Format::from_key(wanted).ok_or_else(|| {
        Error::new(
            "ACT-002",
            Kind::Invalid,
            "Activity is exported as csv or jsonl.",
        )
        .next("Use the buttons on the activity page.")
    })?;
    let address = ListAddress::new("/activity", asked.clone(), &KNOWN);
    let chunks =
        activity::export(&visit.services, &visit.call, filter_of(&address), format).await?;
    let name = format!(
        "attachment; filename=\"muster-activity-{}.{}\"",
        visit.now().format("%Y-%m-%d"),
        format.extension()
    );
    let headers = [
        (CONTENT_TYPE, format.media_type().to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// `POST /activity/verify`: computes the chain again and keeps what was found.
///
/// # Errors
/// Without permission.
pub async fn verify(visit: Visit) -> Answer {
    let verified = activity::verify(&visit.services, &visit.call).await?;
    let tone = if verified.holds {
        muster_web::Tone::Good
    } else {
        muster_web::Tone::Danger
    };
    visit.browser.flash(verified.words, tone).await?;
    Ok(axum::response::Redirect::to("/activity").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_of_a_span_counts_as_a_whole() {
        let pairs = vec![
            ("from".to_owned(), "2026-11-01".to_owned()),
            ("until".to_owned(), "2026-11-02".to_owned()),
        ];
        let filter = filter_of(&ListAddress::new("/activity", pairs, &KNOWN));
        assert_eq!(filter.from, "2026-11-01T00:00:00Z".parse().ok());
        assert_eq!(filter.until, "2026-11-03T00:00:00Z".parse().ok());
    }
}
