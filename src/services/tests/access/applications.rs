//! Applications behind a proxy: who adds them, where a wish may lead, and what policy makes of protected pages.

use muster_domain::policy::{Address, ElevationPolicy};
use muster_domain::role::Role;
use muster_services::applications::{self, Draft};
use muster_services::forward::{self, Passage, Visitor, Wanted, Wish};
use muster_services::policies;

use crate::forward::{SITE, added, asks, comes_in, draft, superadmin, target, wish};
use crate::stage::Stage;

#[tokio::test]
async fn w6_protected_pages_keep_to_the_policy_of_the_secure_session() {
    let stage = Stage::set().await;
    added(&stage, &draft(&[], &[])).await;
    let sam = stage.world.persona("sam", &[Role::Superadmin]).await;
    let sam = stage.world.elevate(&sam.unwrap()).await.unwrap();
    let policy = ElevationPolicy {
        idle_seconds: Some(120),
        address: Address::Stays,
        ..ElevationPolicy::default()
    };
    let proven = sam.call.elevated().unwrap();
    policies::set(stage.s(), &sam.call, &proven, Role::Admin, &policy)
        .await
        .unwrap();
    let ada = stage.elevated("ada", &[Role::Admin]).await;
    let token = comes_in(&stage, &ada).await;
    let admin = format!("{SITE}/admin");
    assert_eq!(
        asks(&stage, &admin, &token, false).await,
        "elevate",
        "it was proven elsewhere"
    );
    let wanted = Wanted {
        target: target(&admin),
        elevated: false,
        reads: false,
        by_hand: true,
    };
    let open = async || {
        let passage = forward::verify(stage.s(), &wanted, Some(&token), &Visitor::default()).await;
        matches!(passage, Ok(Passage::Open(_)))
    };
    assert!(open().await, "there it is");
    stage.forward(121);
    assert!(!open().await, "nobody used it");
}

#[tokio::test]
async fn w6_what_a_page_asks_for_by_itself_keeps_no_secure_session_alive() {
    let stage = Stage::set().await;
    added(&stage, &draft(&[], &[])).await;
    let sam = stage.world.persona("sam", &[Role::Superadmin]).await;
    let sam = stage.world.elevate(&sam.unwrap()).await.unwrap();
    let policy = ElevationPolicy {
        idle_seconds: Some(120),
        ..ElevationPolicy::default()
    };
    let proven = sam.call.elevated().unwrap();
    policies::set(stage.s(), &sam.call, &proven, Role::Admin, &policy)
        .await
        .unwrap();
    let ada = stage.elevated("ada", &[Role::Admin]).await;
    let token = comes_in(&stage, &ada).await;
    let open = async |by_hand| {
        let wanted = Wanted {
            target: target(&format!("{SITE}/admin")),
            elevated: false,
            reads: false,
            by_hand,
        };
        let passage = forward::verify(stage.s(), &wanted, Some(&token), &Visitor::default()).await;
        matches!(passage, Ok(Passage::Open(_)))
    };
    // What is noted is written while the request goes on.
    let used = async || {
        for _ in 0..200 {
            let call = stage.call(&ada).await;
            let elevation = call.elevated().unwrap().elevation().last_used_at();
            if elevation == stage.now() {
                return true;
            }
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        false
    };
    stage.forward(100);
    assert!(open(true).await && used().await, "somebody opened a page");
    for _ in 0..2 {
        stage.forward(60);
        assert!(open(false).await, "it still runs");
    }
    stage.forward(1);
    assert!(
        !open(false).await,
        "121 s without anybody there, asked every minute"
    );
    assert_eq!(stage.record("elevation.idle").await.len(), 1);
    assert!(!open(true).await, "and it is over for good");
}

#[tokio::test]
async fn w35_a_wish_leads_to_registered_applications_alone() {
    let stage = Stage::set().await;
    added(&stage, &draft(&[], &[])).await;
    let ada = stage.person("ada", &[]).await;
    let good = wish(&stage, "/").await;
    for to in [
        "//evil.example/",
        "/x y",
        "",
        "evil",
        "@evil.example/",
        ".evil.example/",
        "/a\r\nb",
        "/%00",
    ] {
        let wish = Wish {
            to: to.to_owned(),
            ..good.clone()
        };
        match forward::enter(stage.s(), &ada.call, &wish).await {
            Ok(way) => assert_eq!(way.to.host_str(), Some("grafana.example"), "{to}"),
            Err(error) => assert_eq!(error.code, "FWD-002", "{to}"),
        }
    }
    let unknown = Wish {
        application: muster_domain::id::ApplicationId(uuid::Uuid::from_u128(9)),
        ..good.clone()
    };
    assert_eq!(
        forward::enter(stage.s(), &ada.call, &unknown)
            .await
            .unwrap_err()
            .code,
        "FWD-003"
    );
    let unbound = Wish {
        flow: "x".to_owned(),
        ..good.clone()
    };
    assert_eq!(
        forward::enter(stage.s(), &ada.call, &unbound)
            .await
            .unwrap_err()
            .code,
        "FWD-002"
    );
    let anonymous = stage.world.anonymous();
    assert_eq!(
        forward::enter(stage.s(), &anonymous, &good)
            .await
            .unwrap_err()
            .code,
        "WEB-401"
    );
    for address in [
        "https://evil.example/",
        "http://grafana.example/",
        "https://grafana.example:444/",
    ] {
        assert_eq!(
            asks(&stage, address, "x", false).await,
            "FWD-003",
            "{address}"
        );
    }
}

#[tokio::test]
async fn an_application_is_added_by_those_who_manage_settings_in_a_secure_session() {
    let stage = Stage::set().await;
    let sue = superadmin(&stage).await;
    let proven = sue.call.elevated().unwrap();
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let adam = stage.world.elevate(&adam).await.unwrap();
    let add = async |draft: &Draft| {
        applications::add(stage.s(), &sue.call, &proven, draft)
            .await
            .map_err(|error| {
                error
                    .fields
                    .iter()
                    .map(|field| field.field.clone())
                    .collect::<Vec<_>>()
            })
    };
    let his = adam.call.elevated().unwrap();
    let error = applications::add(stage.s(), &adam.call, &his, &draft(&[], &[]))
        .await
        .unwrap_err();
    assert_eq!(error.code, "WEB-403");
    for (bad, field) in [
        (
            Draft {
                name: " ".to_owned(),
                ..draft(&[], &[])
            },
            "name",
        ),
        (
            Draft {
                address: "http://grafana.example".to_owned(),
                ..draft(&[], &[])
            },
            "address",
        ),
        (
            Draft {
                address: "https://u@grafana.example/".to_owned(),
                ..draft(&[], &[])
            },
            "address",
        ),
        (
            Draft {
                address: "https://grafana.example/a/../b".to_owned(),
                ..draft(&[], &[])
            },
            "address",
        ),
        (
            Draft {
                address: "http://127.0.0.1:3000".to_owned(),
                elevated: Vec::new(),
                ..draft(&[], &[])
            },
            "address",
        ),
        (
            Draft {
                everybody: false,
                ..draft(&[], &[])
            },
            "groups",
        ),
        (draft(&[], &["nobody knows it"]), "groups"),
        (draft(&["king"], &[]), "roles"),
        (
            Draft {
                elevated: vec!["admin".to_owned()],
                ..draft(&[], &[])
            },
            "elevated",
        ),
        (
            Draft {
                address: "https://grafana.example/g".to_owned(),
                ..draft(&[], &[])
            },
            "elevated",
        ),
    ] {
        assert_eq!(add(&bad).await.unwrap_err(), [field], "{bad:?}");
    }
    let made = add(&draft(&["admin"], &[])).await.unwrap();
    assert_eq!(
        add(&draft(&[], &[])).await.unwrap_err(),
        ["address"],
        "it is taken"
    );
    assert_eq!(
        applications::draft(stage.s(), &sue.call, &made)
            .await
            .unwrap(),
        Draft {
            address: format!("{SITE}/"),
            ..draft(&["admin"], &[])
        }
    );
    let changed = Draft {
        name: "Boards".to_owned(),
        ..draft(&[], &[])
    };
    applications::change(stage.s(), &sue.call, &proven, made.id, &changed)
        .await
        .unwrap();
    let all = applications::list(stage.s(), &sue.call).await.unwrap();
    assert_eq!(
        all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["Boards"]
    );
    assert_eq!(stage.record("application.change").await.len(), 1);
}
