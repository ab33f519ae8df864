//! Connecting and changing identity providers: who may, what stays secret, and what nobody may slip past.

use futures::TryStreamExt as _;
use muster_domain::calibration::Worth;
use muster_domain::id::GroupId;
use muster_domain::jit::{Create, JitRules};
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_domain::vendor::Vendor;
use muster_domain::{Error, Kind};
use muster_services::Knowingly;
use muster_services::activity::{self, AuditFilter, Format};
use muster_services::providers::{self, Draft, Enabled};
use muster_services::{Call, config, groups};
use muster_storage::providers as rows;
use muster_testing::Persona;

use crate::stage::{Stage, browser, draft};

const SECRET: &str = "correct-horse-battery-staple-client-secret";

async fn elevated(stage: &Stage, username: &str, role: Role) -> Persona {
    let persona = stage.world.persona(username, &[role]).await.unwrap();
    stage.world.elevate(&persona).await.unwrap()
}

fn with_secret(slug: &str) -> Draft {
    Draft {
        secret: Some(SECRET.into()),
        ..draft(slug)
    }
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().map_or("ok", |error| error.code)
}

#[tokio::test]
async fn w43_only_those_who_manage_providers_change_them() {
    let stage = Stage::set().await;
    let s = stage.s();
    for (name, role, reads) in [
        ("helen", Role::Helpdesk, false),
        ("audrey", Role::Auditor, true),
    ] {
        let who = elevated(&stage, name, role).await;
        let (call, proven) = (&who.call, who.call.elevated().unwrap());
        let mut codes = vec![
            code(providers::create(s, call, &proven, &draft("new")).await),
            code(providers::update(s, call, &proven, "corp", &draft("corp")).await),
            code(
                providers::set_jit(s, call, &proven, "corp", JitRules::default(), Knowingly::No)
                    .await,
            ),
            code(providers::set_enabled(s, call, &proven, "corp", Enabled::No).await),
            code(providers::remove(s, call, &proven, "corp").await),
            code(providers::examine(s, call, &draft("corp"), None).await),
            code(providers::suggest_slug(s, call, "x").await),
        ];
        codes.dedup();
        assert_eq!(codes, ["WEB-403"], "{name}");
        assert_eq!(
            code(providers::list(s, call).await) == "ok",
            reads,
            "{name}"
        );
        assert_eq!(
            code(providers::get(s, call, "corp").await) == "ok",
            reads,
            "{name}"
        );
    }
    let anonymous = stage.world.anonymous();
    assert_eq!(code(providers::list(s, &anonymous).await), "WEB-401");
    let sue = elevated(&stage, "sue", Role::Superadmin).await;
    let declared = providers::declare(s, &sue.call, &draft("new"), JitRules::default()).await;
    assert_eq!(code(declared), "WEB-403");
    assert_eq!(rows::list(s.db()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn w22_a_secure_session_of_somebody_else_or_one_that_is_over_changes_nothing() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = elevated(&stage, "adam", Role::Admin).await;
    let sue = elevated(&stage, "sue", Role::Superadmin).await;
    let theirs = sue.call.elevated().unwrap();
    assert_eq!(
        code(providers::remove(s, &adam.call, &theirs, "corp").await),
        "ELV-002"
    );
    let late = Call {
        at: stage.now() + crate::stage::seconds(600),
        ..adam.call.clone()
    };
    let own = adam.call.elevated().unwrap();
    assert_eq!(
        code(providers::remove(s, &late, &own, "corp").await),
        "ELV-002"
    );
    providers::remove(s, &adam.call, &own, "corp")
        .await
        .unwrap();
    assert_eq!(code(providers::get(s, &adam.call, "corp").await), "WEB-404");
}

async fn exported(stage: &Stage, call: &Call) -> String {
    let mut all = String::new();
    for format in [Format::Csv, Format::JsonLines] {
        let stream = activity::export(stage.s(), call, AuditFilter::default(), format).await;
        let chunks: Vec<String> = stream.unwrap().try_collect().await.unwrap();
        all.push_str(&chunks.concat());
    }
    all
}

#[tokio::test]
async fn o82_a_client_secret_is_sealed_and_stands_in_no_record_export_or_debug_output() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = elevated(&stage, "adam", Role::Admin).await;
    let proven = adam.call.elevated().unwrap();
    let made = providers::create(s, &adam.call, &proven, &with_secret("new"))
        .await
        .unwrap();
    assert!(made.secret_is_set);
    let sealed = rows::secret(s.db(), made.id).await.unwrap().unwrap();
    assert!(!sealed.contains(SECRET));
    let mut clumsy = draft("new");
    clumsy
        .settings
        .insert("client_secret".to_owned(), SECRET.to_owned());
    providers::update(s, &adam.call, &proven, "new", &clumsy)
        .await
        .unwrap();
    let shown = format!(
        "{:?} {made:?} {:?}",
        with_secret("new"),
        rows::list(s.db()).await.unwrap()
    );
    assert!(!shown.contains(SECRET));
    let records = stage.record("").await;
    let records: Vec<_> = records
        .iter()
        .map(|row| row.event.detail.to_string())
        .collect();
    assert!(!records.concat().contains(SECRET));
    assert!(!exported(&stage, &adam.call).await.contains(SECRET));
    let file = config::export(s, &stage.world.system()).await.unwrap();
    assert!(!file.contains(SECRET));
    assert!(!String::from_utf8_lossy(&stage.world.raw()).contains(SECRET));
    // And yet the provider is shown it.
    stage.leaves("new", &browser("a")).await;
    assert_eq!(stage.world.idp.asked()[0].secret.as_deref(), Some(SECRET));
}

#[tokio::test]
async fn a_sealed_secret_opens_only_for_the_provider_it_was_sealed_for() {
    let stage = Stage::set().await;
    let s = stage.s();
    let new = stage
        .declare(&with_secret("new"), JitRules::default())
        .await;
    let sealed = rows::secret(s.db(), new.id).await.unwrap();
    let other = stage.provider("other").await;
    let tx = s.db().begin().await.unwrap();
    rows::set_secret(&tx, other.id, sealed, stage.now())
        .await
        .unwrap();
    tx.commit_quiet(muster_storage::Quiet::Expired)
        .await
        .unwrap();
    let call = stage.world.anonymous();
    let begun = muster_services::signin::begin(s, &call, "other", browser("a"), "/", None).await;
    assert_eq!(code(begun), "KEY-002");
}

#[tokio::test]
async fn another_issuer_or_client_voids_what_was_learnt_and_the_old_secret_is_not_shown_to_it() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = stage.person("adam", &[Role::Admin]).await;
    stage
        .proves(&adam, muster_services::reauth::Goal::Elevate)
        .await;
    let adam = stage
        .world
        .elevate(&stage.world.again(&adam).await.unwrap())
        .await
        .unwrap();
    let proven = adam.call.elevated().unwrap();
    assert_eq!(
        stage.provider("corp").await.calibration.worth,
        Worth::Informative
    );
    let mut wanted = with_secret("corp");
    wanted.name = "Renamed".to_owned();
    providers::update(s, &adam.call, &proven, "corp", &wanted)
        .await
        .unwrap();
    assert_eq!(
        stage.provider("corp").await.calibration.worth,
        Worth::Informative
    );
    wanted.secret = None;
    wanted
        .settings
        .insert("issuer".to_owned(), "https://evil.example".to_owned());
    let error = providers::update(s, &adam.call, &proven, "corp", &wanted)
        .await
        .unwrap_err();
    assert_eq!(error.fields[0].field, "client_secret");
    assert_eq!(
        stage.provider("corp").await.setting("issuer"),
        Some("https://corp.example")
    );
    wanted.secret = Some("another".into());
    providers::update(s, &adam.call, &proven, "corp", &wanted)
        .await
        .unwrap();
    assert_eq!(
        stage.provider("corp").await.calibration.worth,
        Worth::Unknown
    );
}

struct Carrying {
    stage: Stage,
    adam: Persona,
    sue: Persona,
    /// Nested in a group that carries Superadmin.
    inner: GroupId,
}

async fn carrying() -> Carrying {
    let stage = Stage::set().await;
    let adam = elevated(&stage, "adam", Role::Admin).await;
    let sue = elevated(&stage, "sue", Role::Superadmin).await;
    let proven = sue.call.elevated().unwrap();
    let s = stage.s();
    let outer = groups::create(s, &sue.call, "Owners", "").await.unwrap();
    let inner = groups::create(s, &sue.call, "Platform team", "")
        .await
        .unwrap();
    stage
        .world
        .grant(Role::Superadmin, Member::Group(outer))
        .await
        .unwrap();
    groups::add_member(
        s,
        &sue.call,
        Some(&proven),
        outer,
        Member::Group(inner),
        Knowingly::No,
    )
    .await
    .unwrap();
    Carrying {
        stage,
        adam,
        sue,
        inner,
    }
}

fn fills(managed: &[&str], default: &[&str]) -> JitRules {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    JitRules {
        managed_groups: owned(managed),
        default_groups: owned(default),
        ..JitRules::default()
    }
}

#[tokio::test]
async fn c18_rules_that_fill_a_group_with_a_role_also_a_nested_one_take_the_right_to_grant_it() {
    let Carrying {
        stage,
        adam,
        sue,
        inner,
    } = carrying().await;
    let s = stage.s();
    let (weak, strong) = (adam.call.elevated().unwrap(), sue.call.elevated().unwrap());
    for rules in [
        fills(&["Owners"], &[]),
        fills(&["OWNERS "], &[]),
        fills(&["Plat*"], &[]),
        fills(&["*"], &[]),
        fills(&[], &["Platform team"]),
        fills(&["harmless"], &["p\u{200b}latform  Team"]),
    ] {
        let set =
            providers::set_jit(s, &adam.call, &weak, "corp", rules.clone(), Knowingly::No).await;
        assert_eq!(code(set), "JIT-020", "{rules:?}");
    }
    assert_eq!(stage.provider("corp").await.jit, JitRules::default());
    providers::set_jit(
        s,
        &adam.call,
        &weak,
        "corp",
        fills(&["eng*"], &[]),
        Knowingly::No,
    )
    .await
    .unwrap();
    let strong_rules = fills(&["Platform team"], &[]);
    providers::set_jit(
        s,
        &sue.call,
        &strong,
        "corp",
        strong_rules.clone(),
        Knowingly::Yes,
    )
    .await
    .unwrap();
    // Who answers to such rules decides who gets the role: that is nothing for an admin either.
    let set = providers::set_jit(
        s,
        &adam.call,
        &weak,
        "corp",
        JitRules::default(),
        Knowingly::No,
    )
    .await;
    assert_eq!(code(set), "JIT-020");
    assert_eq!(stage.provider("corp").await.jit, strong_rules);
    assert_eq!(code(groups::name(s, &adam.call, inner).await), "ok");
}

#[tokio::test]
async fn c18_an_admin_alters_nothing_about_who_answers_to_rules_that_confer_a_role() {
    let Carrying {
        stage, adam, sue, ..
    } = carrying().await;
    let s = stage.s();
    let (weak, strong) = (adam.call.elevated().unwrap(), sue.call.elevated().unwrap());
    let rules = JitRules {
        create: Create::OnlyDomains,
        ..fills(&[], &["Owners"])
    };
    providers::set_jit(s, &sue.call, &strong, "corp", rules, Knowingly::Yes)
        .await
        .unwrap();
    let known = Draft::of(&stage.provider("corp").await);
    let mut settings = known.clone();
    settings
        .settings
        .insert("issuer".to_owned(), "https://evil.example".to_owned());
    let domains = Draft {
        domains: vec!["evil.example".to_owned()],
        ..known.clone()
    };
    let vendor = Draft {
        vendor: Vendor::Google,
        ..known.clone()
    };
    let secret = Draft {
        secret: Some("stolen".into()),
        ..known.clone()
    };
    for (what, wanted) in [
        ("settings", &settings),
        ("domains", &domains),
        ("vendor", &vendor),
        ("secret", &secret),
    ] {
        let changed = providers::update(s, &adam.call, &weak, "corp", wanted).await;
        assert_eq!(code(changed), "JIT-020", "{what}");
    }
    assert_eq!(
        Draft::of(&stage.provider("corp").await).domains,
        known.domains
    );
    let renamed = Draft {
        name: "Renamed".to_owned(),
        ..known
    };
    providers::update(s, &adam.call, &weak, "corp", &renamed)
        .await
        .unwrap();
    providers::update(s, &sue.call, &strong, "corp", &domains)
        .await
        .unwrap();
}

#[tokio::test]
async fn w32_every_field_that_cannot_be_accepted_is_named_at_once_and_nothing_is_saved() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = elevated(&stage, "adam", Role::Admin).await;
    let proven = adam.call.elevated().unwrap();
    let mut wanted = draft("new");
    wanted.name = "a\nb".to_owned();
    wanted.domains = vec!["not a domain".to_owned()];
    wanted
        .settings
        .insert("issuer".to_owned(), "nowhere".to_owned());
    wanted.settings.remove("client_id");
    let error = providers::create(s, &adam.call, &proven, &wanted)
        .await
        .unwrap_err();
    let fields: Vec<&str> = error
        .fields
        .iter()
        .map(|field| field.field.as_str())
        .collect();
    assert_eq!(fields, ["name", "domains", "issuer", "client_id"]);
    let mut strange = draft("new");
    strange.kind = "saml".to_owned();
    assert_eq!(
        code(providers::create(s, &adam.call, &proven, &strange).await),
        "IDP-002"
    );
    assert_eq!(rows::list(s.db()).await.unwrap().len(), 2);
    assert_eq!(
        muster_storage::directories::list(s.db())
            .await
            .unwrap()
            .len(),
        {
            let made = stage.record("provider.create").await.len();
            made + usize::from(stage.people().await > 0)
        }
    );
}

#[tokio::test]
async fn two_providers_of_one_name_get_short_names_and_directories_of_their_own() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = elevated(&stage, "adam", Role::Admin).await;
    let proven = adam.call.elevated().unwrap();
    let wanted = Draft {
        slug: String::new(),
        ..draft("corp")
    };
    let second = providers::create(s, &adam.call, &proven, &wanted)
        .await
        .unwrap();
    assert_eq!(second.slug, "corp-2");
    assert_ne!(second.directory, stage.provider("corp").await.directory);
    let taken = Draft {
        slug: "Corp".to_owned(),
        ..draft("corp")
    };
    let error = providers::create(s, &adam.call, &proven, &taken)
        .await
        .unwrap_err();
    assert_eq!((error.code, error.kind), ("IDP-004", Kind::Conflict));
}

#[tokio::test]
async fn a_change_of_anything_is_stored_and_a_change_of_nothing_leaves_no_record() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = elevated(&stage, "adam", Role::Admin).await;
    let proven = adam.call.elevated().unwrap();
    let known = Draft::of(&stage.provider("corp").await);
    providers::update(s, &adam.call, &proven, "corp", &known)
        .await
        .unwrap();
    assert!(stage.record("provider.update").await.is_empty());
    let vendor = Draft {
        vendor: Vendor::Entra,
        ..known.clone()
    };
    providers::update(s, &adam.call, &proven, "corp", &vendor)
        .await
        .unwrap();
    assert_eq!(stage.provider("corp").await.vendor, Vendor::Entra);
    assert_eq!(stage.record("provider.update").await.len(), 1);
}
