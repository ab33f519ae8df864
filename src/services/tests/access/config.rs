//! Configuration as a file: exported, compared, applied.

use muster_domain::jit::JitRules;
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_domain::{Error, Kind};
use muster_services::config::{self, Config, Difference};
use muster_services::{groups, users};
use secrecy::SecretString;

use crate::stage::{Stage, draft};

fn resolve(reference: &str) -> Result<SecretString, Error> {
    match reference {
        "env:CORP" => Ok("resolved-client-secret".into()),
        _ => Err(Error::new(
            "CFG-020",
            Kind::Invalid,
            "There is no such secret.",
        )),
    }
}

async fn apply(stage: &Stage, text: &str) -> Result<Vec<Difference>, Error> {
    let wanted = config::parse(text)?;
    config::apply(stage.s(), &stage.world.system(), &wanted, &resolve).await
}

/// Providers, a superadmin and an admin group.
async fn stage() -> Stage {
    let stage = Stage::set().await;
    let mut corp = draft("corp");
    corp.domains = vec!["corp.example".to_owned()];
    let rules = JitRules {
        default_groups: vec!["Everybody".to_owned()],
        ..JitRules::default()
    };
    stage.declare(&corp, rules).await;
    let sue = stage
        .world
        .persona("sue", &[Role::Superadmin])
        .await
        .unwrap();
    let group = groups::create(stage.s(), &sue.call, "Operators", "")
        .await
        .unwrap();
    stage
        .world
        .grant(Role::Admin, Member::Group(group))
        .await
        .unwrap();
    stage
}

async fn export(stage: &Stage) -> String {
    config::export(stage.s(), &stage.world.system())
        .await
        .unwrap()
}

#[tokio::test]
async fn what_was_exported_differs_in_nothing_and_applying_it_changes_nothing() {
    let stage = stage().await;
    let file = export(&stage).await;
    let wanted = config::parse(&file).unwrap();
    let call = stage.world.system();
    assert_eq!(config::diff(stage.s(), &call, &wanted).await.unwrap(), []);
    let before = stage.record("").await.len();
    assert_eq!(apply(&stage, &file).await.unwrap(), []);
    assert_eq!(stage.record("").await.len(), before);
    assert_eq!(export(&stage).await, file);
}

#[tokio::test]
async fn applying_twice_changes_once_secrets_and_vendor_included() {
    let stage = stage().await;
    let file = export(&stage)
        .await
        .replacen("keycloak", "entra", 1)
        .replacen("client_id = \"muster\"", "client_id = \"other\"", 1)
        .replacen(
            "enabled = true",
            "enabled = false\nclient_secret = \"env:CORP\"",
            1,
        );
    let changed = apply(&stage, &file).await.unwrap();
    let paths: Vec<&str> = changed
        .iter()
        .map(|difference| difference.path.as_str())
        .collect();
    for path in [
        "providers.corp.vendor",
        "providers.corp.settings.client_id",
        "providers.corp.enabled",
        "providers.corp.client_secret",
    ] {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
    let corp = stage.provider("corp").await;
    assert!(!corp.enabled && corp.secret_is_set);
    assert_eq!(corp.setting("client_id"), Some("other"));
    let before = stage.record("").await.len();
    let again = apply(&stage, &file).await.unwrap();
    // Whether a secret differs is not told; whether it is replaced is on record.
    assert!(
        again
            .iter()
            .all(|difference| difference.path == "providers.corp.client_secret"),
        "{again:?}"
    );
    assert_eq!(stage.record("").await.len(), before);
}

#[tokio::test]
async fn secrets_stand_in_the_file_by_reference_alone() {
    let stage = stage().await;
    let file = export(&stage).await.replacen(
        "enabled = true",
        "enabled = true\nclient_secret = \"env:CORP\"",
        1,
    );
    let told = apply(&stage, &file).await.unwrap();
    let told = format!("{told:?}");
    assert!(told.contains("read from env:CORP") && !told.contains("resolved-client-secret"));
    assert!(!export(&stage).await.contains("resolved-client-secret"));
    assert!(!String::from_utf8_lossy(&stage.world.raw()).contains("resolved-client-secret"));
    stage.leaves("corp", &crate::stage::browser("a")).await;
    assert_eq!(
        stage.world.idp.asked()[0].secret.as_deref(),
        Some("resolved-client-secret")
    );
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_found_before_anything_is_changed() {
    let stage = stage().await;
    let file = export(&stage)
        .await
        .replacen("client_id = \"muster\"", "client_id = \"other\"", 1);
    // The second provider in order names a secret that is not there.
    let at = file.rfind("enabled = true").unwrap();
    let file = format!(
        "{}client_secret = \"env:NONE\"\n{}",
        &file[..at],
        &file[at..]
    );
    let error = apply(&stage, &file).await.unwrap_err();
    assert_eq!(error.code, "CFG-020");
    assert_eq!(
        stage.provider("corp").await.setting("client_id"),
        Some("muster")
    );
}

#[tokio::test]
async fn an_unknown_user_group_or_role_is_refused_before_anything_is_changed() {
    let stage = stage().await;
    let file = export(&stage).await;
    let before = stage.record("").await.len();
    for (roles, code) in [
        ("[roles.admin]\nusers = [\"nobody\"]", "CFG-013"),
        ("[roles.admin]\ngroups = [\"Nobody\"]", "CFG-014"),
        ("[roles.emperor]\nusers = [\"sue\"]", "CFG-012"),
    ] {
        let (head, _) = file.split_once("[roles").unwrap();
        let head = head.replacen("client_id = \"muster\"", "client_id = \"other\"", 1);
        let text = format!(
            "[site]\nurl = \"https://muster.example\"\n{}\n{roles}\n",
            head.replace("[site]", "")
        );
        let error = apply(&stage, &text).await.unwrap_err();
        assert_eq!(error.code, code);
    }
    assert_eq!(stage.record("").await.len(), before);
    assert_eq!(export(&stage).await, file);
}

#[tokio::test]
async fn a_file_cannot_leave_nobody_as_superadmin_who_may_sign_in() {
    let stage = stage().await;
    let error = apply(&stage, "[roles.superadmin]\nusers = []\n")
        .await
        .unwrap_err();
    assert_eq!(error.code, "CFG-015");
    let gone = stage.world.user("gone").await.unwrap();
    users::deactivate(stage.s(), &stage.world.system(), gone, "left")
        .await
        .unwrap();
    let error = apply(&stage, "[roles.superadmin]\nusers = [\"gone\"]\n")
        .await
        .unwrap_err();
    assert_eq!(error.code, "ROLE-001");
    let holders = muster_storage::roles::holders(stage.s().db(), Role::Superadmin)
        .await
        .unwrap();
    assert_eq!(holders, [stage.user("sue").await.unwrap().id]);
    // Handing over is allowed: grants come before withdrawals.
    stage.world.user("next").await.unwrap();
    apply(&stage, "[roles.superadmin]\nusers = [\"next\", \"Next\"]\n")
        .await
        .unwrap();
    let holders = muster_storage::roles::holders(stage.s().db(), Role::Superadmin)
        .await
        .unwrap();
    assert_eq!(holders, [stage.user("next").await.unwrap().id]);
}

#[tokio::test]
async fn roles_and_providers_that_the_file_does_not_name_stay() {
    let stage = stage().await;
    let before = export(&stage).await;
    assert_eq!(apply(&stage, "").await.unwrap(), []);
    assert_eq!(export(&stage).await, before);
}

#[tokio::test]
async fn a_short_name_that_cannot_stand_in_an_address_is_refused() {
    let stage = stage().await;
    let text = "[providers.\"My IdP\"]\nname = \"Mine\"\nvendor = \"keycloak\"\n[providers.\"My IdP\".settings]\nissuer = \"https://idp.example\"\nclient_id = \"muster\"\n";
    let error = apply(&stage, text).await.unwrap_err();
    assert_eq!(error.code, "CFG-016");
    assert!(
        apply(&stage, &text.replace("\"My IdP\"", "my-idp"))
            .await
            .is_ok()
    );
    assert_eq!(stage.provider("my-idp").await.name, "Mine");
}

#[tokio::test]
async fn r32_a_file_that_cannot_be_read_names_the_place_and_changes_nothing() {
    let stage = stage().await;
    let before = stage.record("").await.len();
    for broken in [
        "[site",
        "[site]\ncolour = 1",
        "providers = 3",
        "[providers.corp]\nname = \"x\"",
        "\u{0}",
    ] {
        let error = apply(&stage, broken).await.unwrap_err();
        assert_eq!(error.code, "CFG-010", "{broken}");
        assert!(error.next.is_some());
    }
    assert_eq!(stage.record("").await.len(), before);
}

#[tokio::test]
async fn configuration_files_are_for_the_server_s_shell() {
    let stage = stage().await;
    let sue = stage.user("sue").await.unwrap().id;
    let sue = stage.world.sign_in(sue, "sue").await.unwrap();
    let empty = Config::default();
    assert_eq!(
        config::export(stage.s(), &sue.call).await.unwrap_err().code,
        "WEB-403"
    );
    assert_eq!(
        config::diff(stage.s(), &sue.call, &empty)
            .await
            .unwrap_err()
            .code,
        "WEB-403"
    );
    let applied = config::apply(stage.s(), &sue.call, &empty, &resolve).await;
    assert_eq!(applied.unwrap_err().code, "WEB-403");
}

const GRAFANA: &str = "[applications.\"https://grafana.example\"]\nname = \"Grafana\"\nroles = [\"admin\"]\ngroups = [\"operators\"]\nelevated = [\"/admin\"]\n";

#[tokio::test]
async fn applications_are_added_changed_and_exported_and_the_second_time_nothing_happens() {
    let stage = stage().await;
    let call = stage.world.system();
    let wanted = config::parse(GRAFANA).unwrap();
    let plan = config::diff(stage.s(), &call, &wanted).await.unwrap();
    let paths: Vec<&str> = plan.iter().map(|one| one.path.as_str()).collect();
    let at = "applications.https://grafana.example/";
    let expected = [
        "name",
        "everybody",
        "roles.admin",
        "groups.operators",
        "elevated./admin",
    ];
    assert_eq!(paths, expected.map(|part| format!("{at}.{part}")));
    assert_eq!(
        stage.record("application.add").await.len(),
        0,
        "a plan changes nothing"
    );
    assert_eq!(apply(&stage, GRAFANA).await.unwrap(), plan);
    assert_eq!(apply(&stage, GRAFANA).await.unwrap(), []);
    assert_eq!(stage.record("application.add").await.len(), 1);
    let file = export(&stage).await;
    assert!(
        file.contains("[applications.\"https://grafana.example/\"]"),
        "{file}"
    );
    assert!(file.contains("groups = [\"Operators\"]"), "{file}");
    assert_eq!(apply(&stage, &file).await.unwrap(), []);
    let opened = GRAFANA.replace("roles = [\"admin\"]", "everybody = true");
    let changed = apply(&stage, &opened).await.unwrap();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(apply(&stage, &opened).await.unwrap(), []);
    let record = stage.record("application.change").await;
    assert_eq!(
        (record.len(), &record[0].event.detail["by"]),
        (1, &serde_json::json!("file"))
    );
    // What the file does not name stays.
    assert_eq!(apply(&stage, "").await.unwrap(), []);
    assert!(export(&stage).await.contains("Grafana"));
}

#[tokio::test]
async fn an_application_that_does_not_hold_is_refused_before_anything_is_changed() {
    let stage = stage().await;
    let before = (stage.record("").await.len(), export(&stage).await);
    for (from, to, says) in [
        ("https://grafana.example", "http://grafana.example", "https"),
        ("https://grafana.example", "grafana", "full address"),
        ("operators", "nobody", "There is no group “nobody”"),
        ("roles = [\"admin\"]", "roles = [\"emperor\"]", "roles"),
        ("/admin", "/a/../b", "plain path"),
        ("Grafana", " ", "name"),
    ] {
        let url = "[site]\nurl = \"https://muster.example\"\n";
        let text = format!("{url}{}", GRAFANA.replace(from, to));
        let error = apply(&stage, &text).await.unwrap_err();
        assert_eq!(error.code, "CFG-018", "{to}");
        assert!(error.public.contains(says), "{}", error.public);
    }
    let twice = format!("{GRAFANA}{}", GRAFANA.replace(".example", ".example/"));
    assert_eq!(apply(&stage, &twice).await.unwrap_err().code, "CFG-018");
    assert_eq!((stage.record("").await.len(), export(&stage).await), before);
}

const MAIL: &str = r#"
[mail]
host = "smtp.example.com"
port = 587
username = "muster"
password = "env:CORP"
sender = "muster@example.com"
sender_name = "Muster"
"#;

#[tokio::test]
async fn the_mail_server_travels_in_the_file_and_its_password_by_reference() {
    let stage = stage().await;
    assert!(!export(&stage).await.contains("[mail]"));
    let first = apply(&stage, MAIL).await.unwrap();
    assert!(first.iter().any(|one| one.path == "mail.host"));
    let text = export(&stage).await;
    assert!(
        text.contains("[mail]") && text.contains("encryption = \"starttls\""),
        "{text}"
    );
    assert!(!text.contains("resolved-client-secret") && !text.contains("env:CORP"));
    assert_eq!(
        apply(&stage, &text).await.unwrap(),
        [],
        "what was exported changes nothing"
    );
    let recorded = stage.record("settings.mail").await.len();
    let bare = MAIL.replace("password = \"env:CORP\"\n", "");
    assert_eq!(apply(&stage, &bare).await.unwrap(), []);
    assert_eq!(stage.record("settings.mail").await.len(), recorded);
    // Another place asks for the password again, what is wrong is named, and nothing else is known.
    let moved = bare.replace("smtp.example.com", "smtp.evil.example");
    assert_eq!(apply(&stage, &moved).await.unwrap_err().code, "CFG-019");
    let clear = MAIL.replace("port = 587", "port = 587\nencryption = \"none\"");
    assert_eq!(apply(&stage, &clear).await.unwrap_err().code, "CFG-019");
    let odd = MAIL.replace("port = 587", "port = 587\nencyption = \"none\"");
    assert_eq!(config::parse(&odd).unwrap_err().code, "CFG-010");
    let missing = MAIL.replace("env:CORP", "env:NONE");
    assert_eq!(apply(&stage, &missing).await.unwrap_err().code, "CFG-020");
}
