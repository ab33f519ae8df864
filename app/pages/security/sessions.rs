//! Who is here now: sessions, the secure sessions that run, and what was proven.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::id::{ElevationId, ProviderId, UserId};
use muster_domain::listing::{PAGE, Page as Listed};
use muster_domain::reauth::Verdict;
use muster_domain::role::Permission;
use muster_domain::session::{Means, ProofKind, SessionKey};
use muster_services::providers;
use muster_services::sessions::{
    self, Receipt, ReceiptFilter, ReceiptPurpose, RunningElevation, SessionRow,
};
use muster_services::users::Paging;
use muster_web::{Fields, Query};

use crate::components::{
    Card, Chip, Column, Empty, Glyph, Inset, LinkButton, Look, Page, Pager, PostButton, Row, Rows,
    Table, TableRow, Tone, When, Who, Width, counted,
};
use crate::pages::people::address::{ListAddress, Pairs};
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit};

/// Names of providers.
pub(crate) type ProviderNames = BTreeMap<ProviderId, String>;

/// Receipts on the page; each provider's page has more.
const RECEIPTS: u64 = 20;

/// `GET /security`
///
/// # Errors
/// Without permission.
pub async fn show(visit: Visit, Query(asked): Query<Pairs>) -> Answer {
    let address = ListAddress::new("/security", asked, &[]);
    let paging = Paging {
        rows: PAGE,
        ..Paging::at(address.at(), address.position())
    };
    let rows = sessions::list(&visit.services, &visit.call, &paging).await?;
    let running = sessions::running(&visit.services, &visit.call).await?;
    let newest = Paging {
        rows: RECEIPTS,
        ..Paging::default()
    };
    let receipts = sessions::receipts(
        &visit.services,
        &visit.call,
        &ReceiptFilter::default(),
        &newest,
    )
    .await?;
    let names = provider_names(&visit).await?;
    visit
        .console("Secure sessions", "/security", || {
            let may_end = visit.call.can(Permission::EndSessions);
            let running = elevations(&running, &names, may_end, visit.now());
            let results = receipt_table(&receipts.rows, &names, visit.now());
            let sessions = session_table(&visit, &rows, &names, &address, may_end);
            let actions = visit.call.can(Permission::ViewSettings).then(|| {
                view! { <LinkButton href="/security/policies" icon=Glyph::Settings>"Policies"</LinkButton> }.into_any()
            });
            view! {
                <Page title="Secure sessions" purpose="Who proved presence, who is signed in, and what was proven." width=Width::Table nostrip:actions=actions>
                    {running}
                    {results}
                    {sessions}
                </Page>
            }
            .into_any()
        })
        .await
}

/// Names of providers, as far as the viewer may see providers.
pub(crate) async fn provider_names(visit: &Visit) -> Result<ProviderNames, muster_domain::Error> {
    if !visit.call.can(Permission::ViewProviders) {
        return Ok(ProviderNames::new());
    }
    let all = providers::list(&visit.services, &visit.call).await?;
    Ok(all
        .into_iter()
        .map(|provider| (provider.id, provider.name))
        .collect())
}

fn elevations(
    running: &[RunningElevation],
    names: &ProviderNames,
    may_end: bool,
    now: DateTime<Utc>,
) -> AnyView {
    if running.is_empty() {
        return view! {
            <Card title="Secure sessions now">
                <p class="nothing">"None runs. One begins when somebody proves presence, and ends when its time is over."</p>
            </Card>
        }
        .into_any();
    }
    let rows = running
        .iter()
        .map(|running| {
            let elevation = &running.elevation;
            let by = match (elevation.kind, elevation.provider) {
                (ProofKind::Password, _) => "by local password".to_owned(),
                (ProofKind::PasswordAndFactor, _) => "by local password and second factor".to_owned(),
                (ProofKind::PasswordAndPasskey, _) => "by local password and passkey".to_owned(),
                (ProofKind::Passkey, _) => "by passkey".to_owned(),
                (kind, provider) => {
                    let name = provider.and_then(|id| names.get(&id)).map_or("an identity provider", String::as_str);
                    match kind {
                        ProofKind::UnprovableAndFactor => format!("by second factor, after an answer of {name} that proves nothing"),
                        ProofKind::UnprovableAndPasskey => format!("by passkey, after an answer of {name} that proves nothing"),
                        _ => format!("by signing in again at {name}"),
                    }
                }
            };
            let (granted, ends) = (elevation.granted_at, elevation.ends_at);
            let address = running.address.clone().map(|address| format!(" · from {address}"));
            let href = format!("/users/{}", elevation.user);
            let action = may_end.then(|| {
                let spoken = format!(" of {}", running.username);
                view! {
                    <PostButton action=format!("/elevations/{}/end", elevation.id) look=Look::Danger>
                        "End secure session"<span class="visually-hidden">{spoken}</span>
                    </PostButton>
                }
                .into_any()
            });
            view! {
                <Row title=running.username.clone() href tone=Tone::Good nostrip:action=action>
                    "Earned " {by} " " <When at=granted now/> " · ends " <When at=ends now/> {address}
                </Row>
            }
        })
        .collect_view();
    let count = running.len().to_string();
    view! {
        <Card title="Secure sessions now" inset=Inset::Flush badge=view! { <Chip tone=Tone::Good>{count}</Chip> }.into_any()>
            <Rows>{rows}</Rows>
        </Card>
    }
    .into_any()
}

/// The tone of a verdict.
pub(crate) const fn verdict_tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Fresh => Tone::Good,
        Verdict::Stale | Verdict::WrongUser | Verdict::Malformed => Tone::Danger,
        Verdict::Unprovable | Verdict::WeakContext => Tone::Caution,
        Verdict::Cancelled => Tone::Neutral,
    }
}

/// Kept results, each leading to its evidence.
pub(crate) fn receipt_table(
    receipts: &[Receipt],
    names: &ProviderNames,
    now: DateTime<Utc>,
) -> AnyView {
    if receipts.is_empty() {
        return view! {
            <Card title="Newest results" inset=Inset::Flush>
                <Empty icon=Glyph::Shield title="There is no result yet">
                    <p>"Press Re-authenticate with SSO on the page of an identity provider, or start a secure session. What was proven is kept here, with the evidence."</p>
                </Empty>
            </Card>
        }
        .into_any();
    }
    let rows = receipt_rows(receipts, names, now);
    let action =
        view! { <LinkButton href="/receipts" look=Look::Quiet>"All receipts"</LinkButton> };
    view! { <Card title="Newest results" inset=Inset::Flush more=action.into_any()>{rows}</Card> }
        .into_any()
}

/// Receipts as a table, each leading to its evidence.
pub(crate) fn receipt_rows(
    receipts: &[Receipt],
    names: &ProviderNames,
    now: DateTime<Utc>,
) -> AnyView {
    let columns = vec![
        Column::new("When"),
        Column::new("Verdict"),
        Column::new("Person"),
        Column::new("Proven at"),
        Column::new("For"),
    ];
    let rows = receipts
        .iter()
        .map(|receipt| {
            let (at, verdict) = (receipt.at, receipt.verdict);
            let provider = match receipt.provider {
                Some(id) => names.get(&id).cloned().unwrap_or_else(|| "–".to_owned()),
                None => "This console".to_owned(),
            };
            let purpose = match (receipt.purpose, receipt.action.clone()) {
                (ReceiptPurpose::Test, _) => "Test".to_owned(),
                (ReceiptPurpose::Elevation, Some(action)) => action,
                (ReceiptPurpose::Elevation, None) => "Secure session".to_owned(),
            };
            TableRow::new(vec![
                view! { <When at now/> }.into_any(),
                view! { <Chip tone=verdict_tone(verdict)>{verdict.label()}</Chip> }.into_any(),
                receipt.username.clone().into_any(),
                provider.into_any(),
                purpose.into_any(),
            ])
            .to(format!("/receipts/{}", receipt.id))
        })
        .collect();
    view! { <Table caption="Proofs of presence, newest first" columns rows/> }.into_any()
}

fn session_table(
    visit: &Visit,
    page: &Listed<SessionRow>,
    names: &ProviderNames,
    address: &ListAddress,
    may_end: bool,
) -> AnyView {
    let now = visit.now();
    let mut columns = vec![
        Column::new("Person"),
        Column::new("Signed in"),
        Column::new("By"),
        Column::new("Last seen"),
        Column::new("From"),
    ];
    if may_end {
        columns.push(Column::new("Action"));
    }
    let rows = page
        .rows
        .iter()
        .map(|row| {
            let session = &row.session;
            let (since, seen) = (session.signed_in_at, session.last_seen_at);
            let mut cells = vec![
                view! { <Who name=session.display_name.clone() note=session.username.clone()/> }.into_any(),
                view! { <When at=since now/> }.into_any(),
                means_words(session.means.as_ref(), names).into_any(),
                view! { <When at=seen now/> {secure_chip(row, now)} {this_one(row)} }.into_any(),
                view! { <span class="named">{session.address.clone()}<span class="note">{browser(session.user_agent.as_deref())}</span></span> }.into_any(),
            ];
            if may_end {
                cells.push(end_button(row, "/security"));
            }
            TableRow::new(cells).to(format!("/users/{}", session.user))
        })
        .collect();
    let (near, total) = (address.neighbours(page), page.total);
    let count = counted(total.value(), "session", "sessions");
    view! {
        <Card title="Sessions" inset=Inset::Flush more=view! { <span>{count}</span> }.into_any()>
            <Table caption="Sessions of everybody" columns rows/>
            <Pager from=near.from to=near.to total first=near.first previous=near.previous next=near.next last=near.last/>
        </Card>
    }
    .into_any()
}

/// One session as a row of a person's card.
pub(crate) fn session_row(row: &SessionRow, visit: &Visit, may_end: bool, back: &str) -> AnyView {
    let session = &row.session;
    let (since, seen, now) = (session.signed_in_at, session.last_seen_at, visit.now());
    let title = browser(session.user_agent.as_deref());
    let action = may_end.then(|| end_button(row, back));
    let address = session
        .address
        .clone()
        .map(|address| format!(" · from {address}"));
    let (secure, this) = (secure_chip(row, now), this_one(row));
    view! {
        <Row title tone=Tone::Good nostrip:action=action>
            "Signed in " <When at=since now/> " · seen " <When at=seen now/> {address} " " {secure} {this}
        </Row>
    }
    .into_any()
}

fn this_one(row: &SessionRow) -> Option<AnyView> {
    row.is_current
        .then(|| view! { " " <Chip tone=Tone::Accent>"This one"</Chip> }.into_any())
}

fn secure_chip(row: &SessionRow, now: DateTime<Utc>) -> Option<AnyView> {
    let until = row.session.elevated_until.filter(|until| *until > now)?;
    Some(view! { " " <Chip tone=Tone::Good icon=Glyph::Lock>"Secure, ends " <When at=until now/></Chip> }.into_any())
}

fn end_button(row: &SessionRow, back: &str) -> AnyView {
    if row.is_current {
        return view! { <PostButton action="/signout" look=Look::Quiet>"Sign out"</PostButton> }
            .into_any();
    }
    let fields = vec![
        ("user".to_owned(), row.session.user.to_string()),
        ("back".to_owned(), back.to_owned()),
    ];
    let spoken = format!(" of {}", row.session.display_name);
    view! {
        <PostButton action=format!("/sessions/{}/end", row.session.key.0) fields look=Look::Quiet>
            "End session"<span class="visually-hidden">{spoken}</span>
        </PostButton>
    }
    .into_any()
}

fn means_words(means: Option<&Means>, names: &ProviderNames) -> String {
    match means {
        Some(Means::Password) => "Password".to_owned(),
        Some(Means::Provider { provider, .. }) => names
            .get(provider)
            .cloned()
            .unwrap_or_else(|| "Identity provider".to_owned()),
        Some(Means::Directory { .. }) => "Password of a directory".to_owned(),
        None => "–".to_owned(),
    }
}

/// The browser and system that a user agent names, in a few words.
fn browser(agent: Option<&str>) -> String {
    let Some(agent) = agent.filter(|agent| !agent.is_empty()) else {
        return "Unknown browser".to_owned();
    };
    let pick = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, name)| *name)
    };
    // The order matters: Edge also says Chrome, Chrome also says Safari.
    let browser = pick(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = pick(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => agent.chars().take(40).collect(),
    }
}

/// `POST /sessions/{key}/end`: ends a session of the person named by `user`.
///
/// # Errors
/// Without permission; one's own may always be ended.
pub async fn end(visit: Visit, Path(key): Path<String>, fields: Fields) -> Answer {
    let user: UserId = id_of(fields.one("user").unwrap_or_default(), "session")?;
    let key = SessionKey(key);
    let is_current = visit
        .call
        .session()
        .is_some_and(|session| session.key == key);
    sessions::revoke(&visit.services, &visit.call, user, &key).await?;
    if is_current {
        return Ok(Redirect::to("/signin").into_response());
    }
    let own_page = format!("/users/{user}");
    let back = match fields.one("back") {
        Some("/me") => "/me",
        Some(back) if back == own_page => &own_page,
        _ => "/security",
    };
    visit.done(back, "Ended the session.").await
}

/// `POST /elevations/{id}/end`: ends a secure session; the session it runs in goes on.
///
/// # Errors
/// Without permission; one's own may always be ended.
pub async fn end_elevation(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: ElevationId = id_of(&id, "secure session")?;
    sessions::end_elevation(&visit.services, &visit.call, id).await?;
    visit.done("/security", "Ended the secure session.").await
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_told_in_a_few_words() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
        assert_eq!(browser(Some(chrome)), "Chrome on Linux");
        assert_eq!(
            browser(Some(&format!("{chrome} Edg/126.0"))),
            "Edge on Linux"
        );
        assert_eq!(
            browser(Some(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1"
            )),
            "Safari on iPhone"
        );
        assert_eq!(browser(None), "Unknown browser");
    }
}
