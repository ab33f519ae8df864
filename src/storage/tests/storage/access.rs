//! Providers, identities, passwords, settings.

use muster_domain::calibration::{Calibration, Worth};
use muster_domain::id::UserId;
use muster_domain::opener::Openers;
use muster_storage::opened::{self, Opened, What};
use muster_storage::subjects::{self, Subject};
use muster_storage::{credentials, providers, settings};
use uuid::Uuid;

use crate::world::{at, event, on_both, user};

fn subject(of: &muster_domain::provider::Provider, user: u128) -> Subject {
    Subject {
        provider: of.id,
        issuer: "https://idp.example".to_owned(),
        subject: "s-1".to_owned(),
        user: UserId(Uuid::from_u128(user)),
        linked_at: at(0),
        linked_by: "JIT".to_owned(),
        opened_by: Openers::nobody(),
        last_used_at: None,
    }
}

on_both! {
    async fn a_provider_reads_back_as_written_and_its_secret_stands_apart(world) {
        let mut provider = world.provider(5).await;
        assert_eq!(providers::get(&world.db, provider.id).await.unwrap(), Some(provider.clone()));
        let calibration = Calibration { worth: Worth::Informative, tested_at: Some(at(3)), seen: "Old time.".to_owned(), clock_ahead_ms: Some(-4), ..Calibration::default() };
        let tx = world.tx().await;
        providers::set_calibration(&tx, provider.id, &calibration).await.unwrap();
        providers::set_secret(&tx, provider.id, Some("k:sealed".to_owned()), at(4)).await.unwrap();
        providers::set_enabled(&tx, provider.id, false, at(5)).await.unwrap();
        tx.commit(&[event("idp.update")]).await.unwrap();
        provider.name = "Renamed".to_owned();
        provider.enabled = false;
        provider.updated_at = at(6);
        let tx = world.tx().await;
        providers::update(&tx, &provider).await.unwrap();
        tx.commit(&[event("idp.update")]).await.unwrap();
        provider.calibration = calibration;
        provider.secret_is_set = true;
        assert_eq!(providers::by_slug(&world.db, "idp-5").await.unwrap(), Some(provider.clone()));
        assert_eq!(providers::list(&world.db).await.unwrap(), [provider.clone()]);
        assert_eq!(providers::secret(&world.db, provider.id).await.unwrap().as_deref(), Some("k:sealed"));
        let tx = world.tx().await;
        let mut same_slug = crate::world::provider(6);
        same_slug.slug = provider.slug.clone();
        same_slug.directory = provider.directory;
        assert_eq!(providers::insert(&tx, &same_slug, None).await.unwrap_err().code, "IDP-001");
    }

    async fn an_identity_leads_to_one_user_until_it_is_unlinked(world) {
        let provider = world.provider(5).await;
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let linked = subject(&provider, 1);
        let tx = world.tx().await;
        subjects::link(&tx, &linked).await.unwrap();
        subjects::touch(&tx, provider.id, &linked.issuer, "s-1", at(7)).await.unwrap();
        tx.commit(&[event("idp.link")]).await.unwrap();
        let found = subjects::find(&world.db, provider.id, &linked.issuer, "s-1").await.unwrap().unwrap();
        assert_eq!(found, Subject { last_used_at: Some(at(7)), ..linked.clone() });
        assert_eq!(subjects::find(&world.db, provider.id, &linked.issuer, "S-1").await.unwrap(), None);
        assert_eq!(subjects::of_users(&world.db, &[linked.user]).await.unwrap(), std::slice::from_ref(&found));
        assert_eq!(subjects::of_user(&world.db, linked.user).await.unwrap(), [found]);
        assert_eq!(subjects::count_of_provider(&world.db, provider.id).await.unwrap(), 1);
        let tx = world.tx().await;
        assert_eq!(subjects::link(&tx, &subject(&provider, 2)).await.unwrap_err().code, "IDP-002");
        drop(tx);
        let tx = world.tx().await;
        subjects::unlink(&tx, provider.id, &linked.issuer, "s-1").await.unwrap();
        providers::delete(&tx, provider.id).await.unwrap();
        tx.commit(&[event("idp.delete")]).await.unwrap();
        assert_eq!(subjects::of_user(&world.db, linked.user).await.unwrap(), []);
    }

    async fn a_password_is_replaced_and_never_shown(world) {
        world.users(&[user(1, "Ada")]).await;
        let id = UserId(Uuid::from_u128(1));
        let tx = world.tx().await;
        credentials::set_password(&tx, id, "$argon2id$one", None, &Openers::nobody(), at(1)).await.unwrap();
        let adam: Openers = [UserId(Uuid::from_u128(2))].into_iter().collect();
        credentials::set_password(&tx, id, "$argon2id$two", Some("adam"), &adam, at(2)).await.unwrap();
        tx.commit(&[event("password.set")]).await.unwrap();
        let password = credentials::password(&world.db, id).await.unwrap().unwrap();
        assert_eq!((password.phc.as_str(), password.changed_at), ("$argon2id$two", at(2)));
        assert_eq!(password.set_by.as_deref(), Some("adam"));
        assert_eq!(password.opened_by, adam);
        let others = opened::of_users(&world.db, &[id], at(2)).await.unwrap();
        let wanted = Opened { user: id, what: What::Password, name: None, by_hand_of: Some("adam".to_owned()), opened_by: adam };
        assert_eq!(others, [wanted]);
        let tx = world.tx().await;
        credentials::set_password(&tx, id, "$argon2id$own", None, &Openers::nobody(), at(3)).await.unwrap();
        tx.commit(&[event("password.set")]).await.unwrap();
        assert_eq!(opened::of_users(&world.db, &[id], at(3)).await.unwrap(), []);
        assert!(!format!("{password:?}").contains("argon2id"));
        let tx = world.tx().await;
        assert!(credentials::remove_password(&tx, id).await.unwrap());
        assert!(!credentials::remove_password(&tx, id).await.unwrap());
    }

    async fn of_two_setups_at_once_one_wins(world) {
        let claim = |who: &'static str| {
            let db = world.db.clone();
            async move {
                let tx = db.begin().await.unwrap();
                let won = settings::claim(&tx, "setup", &who).await.unwrap();
                tx.commit(&[event("setup.begin")]).await.unwrap();
                won
            }
        };
        let (one, other) = tokio::join!(claim("one"), claim("other"));
        assert!(one != other);
        let kept: Option<String> = settings::get(&world.db, "setup").await.unwrap();
        assert_eq!(kept.as_deref(), Some(if one { "one" } else { "other" }));
        let tx = world.tx().await;
        settings::set(&tx, "setup", &"changed").await.unwrap();
        assert_eq!(settings::get::<String>(&tx, "setup").await.unwrap().as_deref(), Some("changed"));
        assert_eq!(settings::get::<u8>(&tx, "setup").await.unwrap_err().code, "DB-011");
        assert!(settings::remove(&tx, "setup").await.unwrap());
    }
}
