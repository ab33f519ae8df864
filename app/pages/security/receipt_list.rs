//! Every receipt: tests and secure sessions, filtered, and as a file.

use axum::body::Body;
use axum::response::IntoResponse as _;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use leptos::prelude::*;
use muster_domain::listing::{PAGE, Page as Listed};
use muster_domain::reauth::Verdict;
use muster_domain::role::Permission;
use muster_services::sessions::{Receipt, ReceiptFilter, ReceiptPurpose};
use muster_services::users::Paging;
use muster_services::{receipts, sessions};
use muster_web::{Form, Query};

use super::sessions::{provider_names, receipt_rows};
use crate::components::{
    ActiveFilter, Card, Crumb, Empty, FilterSelect, Filters, Glyph, Inset, LinkButton, Page, Pager,
    PostButton, Width, count_words,
};
use crate::pages::people::address::{ListAddress, Pairs};
use crate::visit::{Answer, Visit};

const PATH: &str = "/receipts";
const KNOWN: [&str; 4] = ["q", "verdict", "purpose", "user"];
const PURPOSES: [(&str, &str, ReceiptPurpose); 2] = [
    ("test", "Tests", ReceiptPurpose::Test),
    ("elevation", "Secure sessions", ReceiptPurpose::Elevation),
];

fn filter_of(address: &ListAddress) -> ReceiptFilter {
    let purpose = address.get("purpose");
    ReceiptFilter {
        verdict: address.get("verdict").and_then(Verdict::from_key),
        purpose: PURPOSES
            .iter()
            .find(|(key, ..)| Some(*key) == purpose)
            .map(|(.., purpose)| *purpose),
        user: address.get("user").and_then(|id| id.parse().ok()),
        provider: None,
        q: address.get("q").map(str::to_owned),
    }
}

/// `GET /receipts`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit, Query(asked): Query<Pairs>) -> Answer {
    let address = ListAddress::new(PATH, asked, &KNOWN);
    let paging = Paging {
        rows: PAGE,
        ..Paging::at(address.at(), address.position())
    };
    let filter = filter_of(&address);
    let page = sessions::receipts(&visit.services, &visit.call, &filter, &paging).await?;
    let names = provider_names(&visit).await?;
    visit
        .console("Receipts", "/security", || {
            let exports = visit.call.can(Permission::ExportActivity).then(|| {
                view! { <PostButton action="/receipts/export" fields=address.filters() icon=Glyph::Download>"Export JSON"</PostButton> }
            });
            let is_empty = page.rows.is_empty();
            let tools = (!is_empty || address.is_filtered()).then(|| tools(&address, &page));
            let body = if is_empty {
                empty(&address)
            } else {
                let near = address.neighbours(&page);
                let table = receipt_rows(&page.rows, &names, visit.now());
                view! {
                    {table}
                    <Pager from=near.from to=near.to total=page.total first=near.first previous=near.previous next=near.next last=near.last/>
                }
                .into_any()
            };
            view! {
                <Page
                    title="Receipts"
                    purpose="What every test and every secure session rests on: who, proven where, for which action, with the evidence."
                    crumbs=vec![Crumb::new("/security", "Secure sessions")]
                    width=Width::Table
                    actions=exports.into_any()
                >
                    <Card inset=Inset::Flush>{tools}{body}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

fn tools(address: &ListAddress, page: &Listed<Receipt>) -> AnyView {
    let value = |key: &str| address.get(key).map(str::to_owned);
    let verdicts = Verdict::ALL.map(|one| (one.key().to_owned(), one.label().to_owned()));
    let purposes = PURPOSES.map(|(key, words, _)| (key.to_owned(), words.to_owned()));
    let active = address
        .filters()
        .iter()
        .map(|(key, value)| active_filter(address, key, value))
        .collect();
    let count = match page.total.value() {
        1 => "1 receipt".to_owned(),
        _ => format!("{} receipts", count_words(page.total)),
    };
    let (verdict, purpose) = (value("verdict"), value("purpose"));
    view! {
        <Filters action=PATH query=value("q") placeholder="Search usernames" active keep=address.kept(&["user"]) count>
            <FilterSelect name="verdict" label="Verdict" value=verdict choices=verdicts.to_vec()/>
            <FilterSelect name="purpose" label="For" value=purpose choices=purposes.to_vec()/>
        </Filters>
    }
    .into_any()
}

fn active_filter(address: &ListAddress, key: &str, value: &str) -> ActiveFilter {
    let (label, words) = match key {
        "q" => ("Search", value),
        "verdict" => {
            let known = Verdict::from_key(value);
            ("Verdict", known.map_or(value, |known| known.label()))
        }
        "purpose" => {
            let known = PURPOSES.iter().find(|(key, ..)| *key == value);
            ("For", known.map_or(value, |(_, words, _)| *words))
        }
        _ => ("Of", "one person"),
    };
    ActiveFilter {
        label: label.to_owned(),
        value: words.to_owned(),
        remove: address.without(key),
    }
}

fn empty(address: &ListAddress) -> AnyView {
    if address.is_filtered() {
        let action = view! { <LinkButton href=PATH>"Show all receipts"</LinkButton> }.into_any();
        return view! { <Empty icon=Glyph::Search title="No receipt matches" action><p>"Take a filter away to see more."</p></Empty> }.into_any();
    }
    view! {
        <Empty icon=Glyph::Shield title="There is no receipt yet">
            <p>"Press Re-authenticate with SSO on the page of an identity provider, or start a secure session. What was proven is kept here, with the evidence."</p>
        </Empty>
    }
    .into_any()
}

/// `POST /receipts/export`: that it was exported goes on record, so it is no reading.
///
/// # Errors
/// Without permission.
pub async fn export(visit: Visit, Form(asked): Form<Pairs>) -> Answer {
    let address = ListAddress::new(PATH, asked, &KNOWN);
    let chunks = receipts::export(&visit.services, &visit.call, filter_of(&address)).await?;
    let name = format!(
        "attachment; filename=\"muster-receipts-{}.jsonl\"",
        visit.now().format("%Y-%m-%d")
    );
    let headers = [
        (CONTENT_TYPE, "application/jsonl; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}
