//! What getting in depends on, links that set a password, uses of break-glass accounts, announced sign-outs.

use muster_domain::factor::Enrolled;
use muster_domain::id::{BreakGlassUseId, ProviderId, UserId};
use muster_domain::opener::Openers;
use muster_domain::session::{Means, SessionKey};
use muster_storage::password_links::{self, PasswordLink, Purpose};
use muster_storage::subjects::{self, Subject};
use muster_storage::ways_in::{self, Seen};
use muster_storage::{Quiet, announcements, break_glass, credentials, sessions};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use crate::world::{at, event, on_both, user};

const ADA: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));

fn link(token_hash: &str, owner: UserId) -> PasswordLink {
    PasswordLink {
        token_hash: token_hash.to_owned(),
        user: owner,
        purpose: Purpose::Recovery,
        detail: serde_json::json!({"factors": "kept"}),
        created_at: at(0),
        expires_at: at(900),
    }
}

on_both! {
    async fn what_people_hold_is_told_in_one_question(world) {
        let mut glass = user(2, "Bob");
        glass.break_glass = true;
        world.users(&[user(1, "Ada"), glass]).await;
        let tx = world.tx().await;
        credentials::set_password(&tx, ADA, "$argon2id$", None, &Openers::nobody(), at(1)).await.unwrap();
        tx.commit(&[event("user.password.set")]).await.unwrap();
        let mut held = ways_in::held(&world.db, &[ADA, BOB, UserId(Uuid::from_u128(9))]).await.unwrap();
        held.sort_by_key(|held| held.user);
        assert_eq!(held.len(), 2);
        assert_eq!((held[0].password, held[0].break_glass, held[0].internal), (true, false, false));
        assert_eq!((held[1].password, held[1].break_glass, held[1].kit.enrolled), (false, true, Enrolled::No));
    }

    async fn what_was_seen_of_a_connection_counts_until_it_changes(world) {
        world.users(&[user(1, "Ada")]).await;
        let corp = world.provider(5).await;
        let seen = async || ways_in::seen(&world.db).await.unwrap().get(&corp.id).copied().unwrap();
        assert_eq!(seen().await, Seen::default());
        let tx = world.tx().await;
        let issuer = "https://idp.example".to_owned();
        let subject = Subject { provider: corp.id, issuer, subject: "ada".to_owned(), user: ADA, linked_at: at(0), linked_by: "ada".to_owned(), opened_by: Openers::nobody(), last_used_at: Some(at(10)) };
        subjects::link(&tx, &subject).await.unwrap();
        tx.commit(&[event("user.link")]).await.unwrap();
        assert_eq!(seen().await, Seen { signed_in: true, proved: false });
        let tx = world.tx().await;
        ways_in::changed(&tx, corp.id, at(5)).await.unwrap();
        ways_in::changed(&tx, corp.id, at(10)).await.unwrap();
        tx.commit(&[event("provider.update")]).await.unwrap();
        assert!(!seen().await.signed_in, "of the very instant of the change nothing is known");
        let tx = world.tx().await;
        subjects::touch(&tx, corp.id, &subject.issuer, "ada", at(11)).await.unwrap();
        tx.commit_quiet(Quiet::LastSeen).await.unwrap();
        assert!(seen().await.signed_in);
    }

    async fn a_link_counts_once_until_it_ends_and_a_newer_one_replaces_it(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let tx = world.tx().await;
        for one in [link("a", ADA), link("b", ADA), link("c", BOB)] {
            password_links::replace(&tx, &one).await.unwrap();
        }
        tx.commit(&[event("recover.link")]).await.unwrap();
        let find = async |token: &str, now| password_links::find(&world.db, token, at(now)).await.unwrap();
        assert_eq!(find("a", 1).await, None);
        assert_eq!(find("b", 1).await, Some(link("b", ADA)));
        assert_eq!((find("b", 900).await, find("b", -1).await), (None, None));
        let tx = world.tx().await;
        assert!(password_links::use_up(&tx, "b", at(2)).await.unwrap());
        assert!(!password_links::use_up(&tx, "b", at(2)).await.unwrap());
        assert!(!password_links::use_up(&tx, "c", at(900)).await.unwrap());
        tx.commit(&[event("recover.use")]).await.unwrap();
        assert_eq!(find("b", 3).await, None);
        let tx = world.tx().await;
        assert_eq!(password_links::remove_of_user(&tx, BOB).await.unwrap(), 1);
        assert_eq!(password_links::sweep(&tx, at(901)).await.unwrap(), 1);
    }

    async fn uses_of_break_glass_are_told_until_somebody_else_takes_note(world) {
        let mut glass = user(1, "Ada");
        glass.break_glass = true;
        world.users(&[glass, user(2, "Bob")]).await;
        let tx = world.tx().await;
        for (n, when) in [(1, 10), (2, 20)] {
            let id = BreakGlassUseId(Uuid::from_u128(n));
            break_glass::insert(&tx, id, ADA, at(when), Some("192.0.2.1")).await.unwrap();
        }
        tx.commit(&[event("break_glass.use")]).await.unwrap();
        assert!(break_glass::owed(&world.db, ADA, at(10)).await.unwrap().is_some());
        assert!(break_glass::owed(&world.db, ADA, at(11)).await.unwrap().is_none());
        let tx = world.tx().await;
        assert_eq!(break_glass::tell(&tx, ADA, at(10), "trying", true).await.unwrap(), 1);
        assert_eq!(break_glass::tell(&tx, ADA, at(10), "again", false).await.unwrap(), 0);
        tx.commit(&[event("break_glass.reason")]).await.unwrap();
        let open = break_glass::open(&world.db, 9).await.unwrap();
        assert_eq!(open.iter().map(|one| (one.is_drill, one.reason.as_deref())).collect::<Vec<_>>(), [(false, None), (true, Some("trying"))]);
        let accounts = break_glass::accounts(&world.db).await.unwrap();
        assert_eq!((accounts.len(), accounts[0].worked_at), (1, at(20)));
        let tx = world.tx().await;
        assert_eq!(break_glass::acknowledge(&tx, Some(ADA), "ada", at(99), at(99)).await.unwrap(), 0);
        assert_eq!(break_glass::acknowledge(&tx, Some(BOB), "bob", at(10), at(99)).await.unwrap(), 1);
        tx.commit(&[event("break_glass.acknowledge")]).await.unwrap();
        assert_eq!(break_glass::open(&world.db, 9).await.unwrap().len(), 1);
    }

    async fn an_announcement_counts_once_and_sessions_are_found_by_what_they_came_by(world) {
        world.users(&[user(1, "Ada")]).await;
        let (corp, other) = (world.provider(5).await.id, world.provider(6).await.id);
        let tx = world.tx().await;
        assert!(announcements::once(&tx, corp, "one", at(9)).await.unwrap());
        assert!(!announcements::once(&tx, corp, "one", at(9)).await.unwrap());
        assert!(announcements::once(&tx, other, "one", at(9)).await.unwrap());
        assert_eq!(announcements::sweep(&tx, at(10)).await.unwrap(), 2);
        tx.commit_quiet(Quiet::Counted).await.unwrap();
        let means = |provider: ProviderId| Means::Provider { provider, issuer: "i".to_owned(), subject: "ada".to_owned(), stated: None };
        let raw = world.raw().await;
        for (key, means, data) in [
            ("a", means(corp), r#"{"idp_sid":"s1"}"#),
            ("b", means(other), "{}"),
            ("c", Means::Password, "{}"),
        ] {
            let means = serde_json::to_string(&means).unwrap();
            let id = if world.url.starts_with("sqlite") { format!("x'{}'", ADA.0.simple()) } else { format!("'{}'", ADA.0) };
            raw.execute_unprepared(&format!(
                "INSERT INTO sessions (id_hash, data, user_id, means, created_at, last_seen_at, expires_at) VALUES ('{key}', '{data}', {id}, '{means}', 0, 0, 0)"
            )).await.unwrap();
        }
        let found = sessions::by_provider(&world.db, corp).await.unwrap();
        assert_eq!(found, [(SessionKey("a".to_owned()), means(corp), vec!["s1".to_owned()])]);
        assert_eq!(sessions::by_password(&world.db).await.unwrap(), [(SessionKey("c".to_owned()), ADA)]);
    }
}
