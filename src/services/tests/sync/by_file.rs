//! Directories as a configuration file declares them: applied twice, given back, refused before anything is changed.

use muster_domain::Error;
use muster_services::config;
use muster_testing::TestWorld;
use secrecy::SecretString;

use crate::slapd::PASSWORD;

fn resolve(reference: &str) -> Result<SecretString, Error> {
    match reference {
        "env:READER" => Ok(PASSWORD.into()),
        _ => Err(Error::not_found("secret")),
    }
}

async fn applied(world: &TestWorld, text: &str) -> Result<usize, Error> {
    let wanted = config::parse(text)?;
    let done = config::apply(&world.services, &world.system(), &wanted, &resolve).await?;
    Ok(done
        .iter()
        .filter(|difference| !difference.path.ends_with("bind_password"))
        .count())
}

const FILE: &str = r#"
[directories."Office"]
kind = "ldap"
place = 1
bind_password = "env:READER"
[directories."Office".settings]
servers = "dc1.example.org"
bind_dn = "cn=reader,dc=example"
users_base = "dc=example"
[directories."Office".rules]
leavers = "keep"
schedule = "0 * * * *"
"#;

#[tokio::test]
async fn a_file_declares_directories_and_applying_it_twice_changes_nothing() {
    let world = TestWorld::new().await.unwrap();
    world.user("somebody").await.unwrap();
    assert!(applied(&world, FILE).await.unwrap() > 5);
    assert_eq!(applied(&world, FILE).await.unwrap(), 0);
    let text = config::export(&world.services, &world.system())
        .await
        .unwrap();
    assert!(!text.contains(PASSWORD));
    assert_eq!(applied(&world, &text).await.unwrap(), 0, "{text}");
    let all = muster_storage::directories::list(world.services.db())
        .await
        .unwrap();
    assert_eq!(all[0].name, "Office");
    assert_eq!(all[0].settings["leavers"], "keep");
    let again = FILE
        .replace("Office", "office")
        .replace("\"keep\"", "\"delete\"");
    assert_eq!(
        applied(&world, &again).await.unwrap(),
        2,
        "its name and one term"
    );
    for (wrong, code) in [
        (FILE.replace("users_base", "user_base"), "CFG-021"),
        (FILE.replace("schedule =", "scheduel ="), "CFG-021"),
        (FILE.replace("\"keep\"", "\"shoot\""), "CFG-021"),
        (FILE.replace("bind_dn =", "bind_password ="), "CFG-021"),
        (FILE.replace("\"ldap\"", "\"crowd\""), "DIR-004"),
        (FILE.replace("place", "plaice"), "CFG-010"),
        (FILE.replace("env:READER", "env:OTHER"), "WEB-404"),
        (FILE.replace("dc1.example.org", "http://dc1"), "CFG-021"),
    ] {
        let error = applied(&world, &wrong).await.unwrap_err();
        assert_eq!(error.code, code, "{wrong}");
        let wanted = config::parse(&wrong);
        let told = match wanted {
            Ok(wanted) => config::diff(&world.services, &world.system(), &wanted)
                .await
                .err(),
            Err(_) => continue,
        };
        // A secret is read only when it is applied.
        let told = told.map(|error| error.code);
        assert_eq!(told, (code != "WEB-404").then_some(code), "{wrong}");
    }
    let elsewhere = FILE
        .replace("dc1.example.org", "dc2.example.org")
        .replace("bind_password = \"env:READER\"", "");
    let wanted = config::parse(&elsewhere).unwrap();
    let refused = config::diff(&world.services, &world.system(), &wanted).await;
    let refused = refused.unwrap_err();
    assert!(
        refused.public.contains("bind_password = \"env:NAME\""),
        "{}",
        refused.public
    );
    let wanted = config::parse(FILE).unwrap();
    let differences = config::diff(&world.services, &world.system(), &wanted)
        .await
        .unwrap();
    let secret = differences
        .iter()
        .find(|one| one.path.ends_with("bind_password"))
        .unwrap();
    assert_eq!(secret.here.as_deref(), Some("(stored)"));
}
