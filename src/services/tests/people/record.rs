//! What was done is on record, and the overview tells what needs attention.

use muster_domain::listing::Direction;
use muster_services::activity::{self, AuditFilter, Format};
use muster_services::users::{self, Paging};

use crate::Cast;

#[tokio::test]
async fn what_was_done_is_on_record_exported_and_verified() {
    use futures::StreamExt as _;
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.auditor.call);
    let evil = users::checked_fields("+cmd", "=1+1", "").unwrap();
    users::create(s, &cast.admin.call, &evil, None)
        .await
        .unwrap();
    let filter = AuditFilter {
        actor_id: Some(cast.admin.id.0),
        action: Some("user.".to_owned()),
        ..AuditFilter::default()
    };
    let paging = Paging {
        direction: Direction::Desc,
        ..Paging::default()
    };
    let page = activity::list(s, call, &filter, &paging).await.unwrap();
    assert_eq!(
        (page.rows.len(), page.rows[0].event.target.as_str()),
        (1, "+cmd")
    );
    let seq = page.rows[0].seq;
    assert_eq!(
        activity::detail(s, call, seq).await.unwrap().event.action,
        "user.create"
    );

    for format in [Format::Csv, Format::JsonLines] {
        let chunks = activity::export(s, call, filter.clone(), format)
            .await
            .unwrap();
        let file: Vec<String> = chunks.map(Result::unwrap).collect().await;
        let file = file.concat();
        let lines: Vec<_> = file.lines().collect();
        match format {
            Format::Csv => {
                assert_eq!(lines.len(), 2);
                assert!(lines[1].contains("\"'+cmd\""), "{}", lines[1]);
            }
            Format::JsonLines => {
                let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
                assert_eq!(
                    (lines.len(), &line["target"]),
                    (1, &serde_json::json!("+cmd"))
                );
            }
        }
    }
    assert!(activity::last_verified(s, call).await.unwrap().is_none());
    let verified = activity::verify(s, call).await.unwrap();
    assert!(verified.holds, "{}", verified.words);
    assert_eq!(
        activity::last_verified(s, call).await.unwrap(),
        Some(verified)
    );
}

#[tokio::test]
async fn an_export_of_more_than_one_batch_holds_every_event_once() {
    use futures::StreamExt as _;
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, cast.world.system());
    let events: Vec<_> = (0..1200)
        .map(|n| call.event("test.many", &n.to_string(), None, serde_json::json!({})))
        .collect();
    s.db().begin().await.unwrap().commit(&events).await.unwrap();
    let filter = AuditFilter {
        action: Some("test.many".to_owned()),
        ..AuditFilter::default()
    };
    let chunks = activity::export(s, &cast.auditor.call, filter, Format::JsonLines)
        .await
        .unwrap();
    let file: Vec<String> = chunks.map(Result::unwrap).collect().await;
    let targets: Vec<String> = file
        .concat()
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["target"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        targets,
        (0..1200).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn the_overview_counts_and_names_what_needs_attention() {
    let cast = Cast::gather().await;
    let s = &cast.world.services;
    let seen = muster_services::overview::overview(s, &cast.admin.call)
        .await
        .unwrap();
    assert_eq!((seen.numbers.active, seen.numbers.elevations), (5, 2));
    assert_eq!(seen.days.len(), 30);
    assert!(
        seen.attention
            .iter()
            .any(|item| item.text.contains("only one superadmin"))
    );
    let seen = muster_services::overview::overview(s, &cast.helpdesk.call)
        .await
        .unwrap();
    assert!(seen.attention.is_empty());
}
