//! Policies that would leave their holders nothing to start a secure session with, and policies in a file.

use muster_domain::policy::{ElevationPolicy, FactorRule, PasskeyRule, PasswordRule, ProviderRule};
use muster_domain::role::Role;
use muster_services::users::{self, BreakGlass};
use muster_services::{config, policies};

use crate::factor::{add, internal};
use crate::passkey::{adds, key, stage};
use crate::stage::Stage;

fn resistant() -> ElevationPolicy {
    ElevationPolicy {
        password: PasswordRule::WithFactor,
        factors: FactorRule::Passkey,
        ..ElevationPolicy::default()
    }
}

async fn apply(stage: &Stage, text: &str) -> Result<usize, &'static str> {
    let wanted = config::parse(text).map_err(|error| error.code)?;
    let call = stage.world.system();
    let never = |_: &str| unreachable!("no secret is named");
    let done = config::apply(stage.s(), &call, &wanted, &never).await;
    done.map(|differences| differences.len())
        .map_err(|error| error.code)
}

#[tokio::test]
async fn who_has_nothing_that_a_policy_accepts_is_named() {
    let stage = stage().await;
    let root = internal(&stage, "root", &[Role::Superadmin]).await;
    internal(&stage, "plain", &[Role::Admin]).await;
    let coder = internal(&stage, "coder", &[Role::Admin]).await;
    add(&stage, &coder, "Phone").await;
    let keeper = internal(&stage, "keeper", &[Role::Admin]).await;
    adds(&stage, &keeper, &mut key(1), "Blue key")
        .await
        .unwrap();
    stage.person("federated", &[Role::Admin]).await;
    let named = async |role| {
        let call = stage.call(&root).await;
        policies::stranded(stage.s(), &call, role).await.unwrap()
    };
    assert!(named(Role::Admin).await.is_empty());
    let call = stage.call(&root).await;
    let elevated = call.elevated().unwrap();
    policies::set(stage.s(), &call, &elevated, Role::Admin, &resistant())
        .await
        .unwrap();
    assert_eq!(named(Role::Admin).await, ["coder", "plain"]);
    stage.switch("corp", false).await;
    assert_eq!(named(Role::Admin).await, ["coder", "federated", "plain"]);
    assert!(named(Role::Superadmin).await.is_empty());
}

#[tokio::test]
async fn no_policy_leaves_every_superadmin_without_a_way() {
    let stage = stage().await;
    let root = internal(&stage, "root", &[Role::Superadmin]).await;
    assert_eq!(
        apply(&stage, "[policies.superadmin]\npassword = \"with_factor\"").await,
        Err("LOCK-001")
    );
    assert_eq!(
        apply(&stage, "[policies.superadmin]\npassword = \"never\"").await,
        Err("LOCK-001")
    );
    add(&stage, &root, "Phone").await;
    assert_eq!(
        apply(&stage, "[policies.superadmin]\npassword = \"with_factor\"").await,
        Ok(1)
    );
    let passkeys = "[policies.superadmin]\npassword = \"with_factor\"\nfactors = \"passkey\"";
    assert_eq!(apply(&stage, passkeys).await, Err("LOCK-001"));
    let call = stage.call(&root).await;
    let elevated = call.elevated().unwrap();
    users::set_break_glass(stage.s(), &call, &elevated, root.id, BreakGlass::Yes)
        .await
        .unwrap();
    assert_eq!(
        apply(&stage, passkeys).await,
        Ok(1),
        "break-glass keeps its way"
    );
}

#[tokio::test]
async fn policies_travel_in_the_file_and_applying_twice_changes_once() {
    let stage = stage().await;
    internal(&stage, "root", &[Role::Superadmin]).await;
    let call = stage.world.system();
    let file = config::export(stage.s(), &call).await.unwrap();
    assert!(file.contains("[policies.admin]"), "{file}");
    assert_eq!(apply(&stage, &file).await, Ok(0));
    let wanted = "[policies.admin]\nprovider = \"fresh_or_confirmed\"\nfactors = \"passkey\"\npasskey = \"beside\"\nlifetime_seconds = 300\nidle_seconds = 120\n";
    let parsed = config::parse(wanted).unwrap();
    let differences = config::diff(stage.s(), &call, &parsed).await.unwrap();
    let told: Vec<_> = differences
        .iter()
        .map(|one| {
            (
                one.path.as_str(),
                one.here.as_deref(),
                one.wanted.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("policies.admin.factors", Some("any"), Some("passkey")),
            ("policies.admin.idle_seconds", None, Some("120")),
            ("policies.admin.lifetime_seconds", Some("600"), Some("300")),
            ("policies.admin.passkey", Some("enough"), Some("beside")),
            (
                "policies.admin.provider",
                Some("fresh"),
                Some("fresh_or_confirmed")
            ),
        ]
    );
    assert_eq!(apply(&stage, wanted).await, Ok(5));
    assert_eq!(apply(&stage, wanted).await, Ok(0));
    let root = stage.user("root").await.unwrap();
    let root = stage.world.sign_in(root.id, "root").await.unwrap();
    let stored = policies::list(stage.s(), &root.call).await.unwrap();
    let admin = stored.of_role(Role::Admin);
    assert_eq!(
        (admin.provider, admin.factors, admin.passkey),
        (
            ProviderRule::FreshOrConfirmed,
            FactorRule::Passkey,
            PasskeyRule::Beside
        )
    );
    let event = &stage.record("policy.elevation").await[0].event;
    assert_eq!(event.detail["by"], "file");
    for (bad, code) in [
        ("[policies.king]\n", "CFG-012"),
        ("[policies.admin]\nlifetime_seconds = 5\n", "CFG-017"),
        ("[policies.admin]\nidle_seconds = 5000\n", "CFG-017"),
        ("[policies.admin]\npasword = \"never\"\n", "CFG-010"),
        ("[policies.admin]\nfactors = \"none\"\n", "CFG-010"),
    ] {
        assert_eq!(apply(&stage, bad).await, Err(code), "{bad}");
    }
}
