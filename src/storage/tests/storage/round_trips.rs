//! Challenges, elevations, receipts, sign-ins, test links, wrong passwords.

use chrono::TimeDelta;
use muster_domain::claims::Claims;
use muster_domain::id::{ChallengeId, ElevationId, ReceiptId, SignInId, TestLinkId, UserId};
use muster_domain::listing::Count;
use muster_domain::reauth::{Holds, Row, Sent, Verdict};
use muster_domain::session::{Elevation, ProofKind, SessionKey, StoredElevation};
use muster_storage::challenges::{self, ChallengeKind, PendingChallenge, Stage, Taken};
use muster_storage::receipts::{self, Earned, Receipt, ReceiptFilter, ReceiptPurpose};
use muster_storage::sign_ins::{self, Outcome, SignIn, SignInFilter};
use muster_storage::test_links::{self, TestLink};
use muster_storage::{Paging, Quiet, elevations, throttle};
use uuid::Uuid;

use crate::world::{at, event, on_both, provider, user};

fn challenge(number: u128) -> PendingChallenge {
    PendingChallenge {
        id: ChallengeId(Uuid::from_u128(number)),
        state_hash: format!("state-{number}"),
        kind: ChallengeKind::SignIn,
        stage: Stage::Force,
        provider: provider(5).id,
        session: SessionKey("session".to_owned()),
        user: None,
        nonce_sealed: "k:nonce".to_owned(),
        verifier_sealed: "k:verifier".to_owned(),
        sent: Sent {
            max_age: Some(0),
            ..Sent::default()
        },
        context: serde_json::json!({"login_hint": "ada"}),
        return_to: "/users".to_owned(),
        action: Some("provider.update".to_owned()),
        test_link: None,
        created_at: at(0),
        asked_at: at(1),
        expires_at: at(600),
        consumed_at: None,
    }
}

fn elevation(number: u128, session: &str, seconds: i64) -> Elevation {
    Elevation::recall(StoredElevation {
        id: ElevationId(Uuid::from_u128(number)),
        session: SessionKey(session.to_owned()),
        user: UserId(Uuid::from_u128(1)),
        kind: ProofKind::Fresh,
        provider: Some(provider(5).id),
        granted_at: at(0),
        ends_at: at(seconds),
        idle_seconds: None,
        network: None,
        opened_by: muster_domain::opener::Openers::nobody(),
        used_at: None,
    })
}

on_both! {
    async fn of_many_takers_of_one_answer_exactly_one_gets_it(world) {
        world.provider(5).await;
        let tx = world.tx().await;
        challenges::insert(&tx, &challenge(1)).await.unwrap();
        challenges::insert(&tx, &challenge(2)).await.unwrap();
        tx.commit_quiet(Quiet::SignInPending).await.unwrap();
        let asked = challenge(1).session;
        let take = |state, at| challenges::take(&world.db, state, Some(&asked), at);
        let elsewhere = SessionKey("elsewhere".to_owned());
        for other in [Some(&elsewhere), None] {
            let taken = challenges::take(&world.db, "state-1", other, at(9)).await.unwrap();
            assert!(matches!(taken, Taken::Elsewhere(_)));
        }
        let takers = (0..8).map(|_| take("state-1", at(9)));
        let taken = futures::future::join_all(takers).await;
        let mut won = 0;
        for one in taken {
            match one.unwrap() {
                Taken::Yes(found) => {
                    won += 1;
                    assert_eq!(*found, PendingChallenge { consumed_at: Some(at(9)), ..challenge(1) });
                }
                Taken::Before(found) => assert_eq!(found.id, challenge(1).id),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1);
        assert!(matches!(take("state-2", at(600)).await.unwrap(), Taken::Expired(_)));
        assert!(matches!(take("forged", at(9)).await.unwrap(), Taken::Unknown));
        assert_eq!(challenges::get(&world.db, challenge(2).id).await.unwrap(), Some(challenge(2)));
        let tx = world.tx().await;
        assert_eq!(challenges::sweep(&tx, at(601)).await.unwrap(), 2);
    }

    async fn a_secure_session_runs_until_it_ends_or_is_dropped(world) {
        let tx = world.tx().await;
        for (number, session) in [(1, "a"), (2, "b"), (3, "c")] {
            elevations::insert(&tx, &elevation(number, session, 600)).await.unwrap();
        }
        let key = |name: &str| SessionKey(name.to_owned());
        assert_eq!(elevations::running_of_session(&tx, &key("a"), at(599)).await.unwrap(), Some(elevation(1, "a", 600)));
        assert_eq!(elevations::running_of_session(&tx, &key("a"), at(600)).await.unwrap(), None);
        assert_eq!(elevations::running_of_session(&tx, &key("other"), at(1)).await.unwrap(), None);
        assert_eq!(elevations::drop_of_session(&tx, &key("a"), at(5)).await.unwrap(), 1);
        assert_eq!(elevations::running_of_session(&tx, &key("a"), at(5)).await.unwrap(), None);
        assert!(elevations::drop_one(&tx, ElevationId(Uuid::from_u128(2)), at(5)).await.unwrap());
        assert_eq!(elevations::drop_of_user(&tx, UserId(Uuid::from_u128(1)), at(5)).await.unwrap(), 1);
        assert_eq!(elevations::list_running(&tx, at(5)).await.unwrap(), []);
    }

    async fn every_result_is_kept_whole(world) {
        let receipt = |n: u128, verdict| Receipt {
            id: ReceiptId(Uuid::from_u128(n)),
            challenge: Some(challenge(1).id),
            provider: Some(provider(5).id),
            user: user(1, "").id,
            username: "ada".to_owned(),
            session: SessionKey("s".to_owned()),
            at: at(i64::try_from(n).unwrap()),
            purpose: ReceiptPurpose::Test,
            verdict,
            reasons: vec!["Because.".to_owned()],
            rows: vec![Row { claim: "Who".to_owned(), sent: "a".to_owned(), received: "a".to_owned(), proves: "same".to_owned(), holds: Holds::Yes }],
            sent: Sent { prompt: Some("login".to_owned()), ..Sent::default() },
            asked_at: at(0),
            left_at: at(1),
            stated_at: None,
            back_at: at(3),
            control: Some(serde_json::json!({"worth": "silent"})),
            action: None,
            confirmed: None,
            subject: Some("ada".to_owned()),
            sid: None,
            earned: None,
            signed_out_at: None,
        };
        let kept = [receipt(1, Verdict::Fresh), receipt(2, Verdict::Stale)];
        let tx = world.tx().await;
        for one in &kept {
            receipts::insert(&tx, one).await.unwrap();
        }
        tx.commit(&[event("reauth.judged")]).await.unwrap();
        assert_eq!(receipts::get(&world.db, kept[0].id).await.unwrap(), Some(kept[0].clone()));
        let stale = ReceiptFilter { provider: Some(provider(5).id), user: Some(user(1, "").id), verdict: Some(Verdict::Stale), purpose: Some(ReceiptPurpose::Test), q: None };
        assert_eq!(receipts::list(&world.db, &stale, &Paging::default()).await.unwrap().rows, [kept[1].clone()]);
        assert_eq!(receipts::list(&world.db, &ReceiptFilter::default(), &Paging::default()).await.unwrap().rows, kept);

        // Of a proof made here there is no provider.
        let own = Receipt { provider: None, challenge: None, control: None, ..receipt(3, Verdict::Fresh) };
        let earned = Earned { elevation: ElevationId(Uuid::from_u128(7)), proof: ProofKind::PasswordAndFactor };
        let (session, other) = (own.session.clone(), SessionKey("other".to_owned()));
        let tx = world.tx().await;
        receipts::insert(&tx, &own).await.unwrap();
        assert!(!receipts::exchange(&tx, own.id, (own.user, &other), earned).await.unwrap());
        assert!(!receipts::exchange(&tx, own.id, (UserId(Uuid::from_u128(9)), &session), earned).await.unwrap());
        assert!(receipts::exchange(&tx, own.id, (own.user, &session), earned).await.unwrap());
        assert!(!receipts::exchange(&tx, own.id, (own.user, &session), earned).await.unwrap(), "once");
        assert_eq!(receipts::get(&tx, own.id).await.unwrap(), Some(Receipt { earned: Some(earned), ..own.clone() }));
        // A sign-out at the provider ends what its answers are worth.
        let answers = receipts::answered_since(&tx, provider(5).id, at(1)).await.unwrap();
        assert_eq!(answers.iter().map(|answer| answer.receipt).collect::<Vec<_>>(), [kept[1].id]);
        assert_eq!(answers[0].subject.as_deref(), Some("ada"));
        receipts::sign_out(&tx, kept[1].id, at(9)).await.unwrap();
        assert_eq!(receipts::answered_since(&tx, provider(5).id, at(1)).await.unwrap(), []);
        assert!(!receipts::exchange(&tx, kept[1].id, (own.user, &session), earned).await.unwrap());
    }

    async fn sign_ins_are_kept_listed_and_swept(world) {
        let claims: Claims = serde_json::from_value(serde_json::json!({"sub": "s-1", "groups": ["a"]})).unwrap();
        let one = SignIn {
            id: SignInId(Uuid::from_u128(1)),
            provider: Some(provider(5).id),
            user: None,
            name: "ada".to_owned(),
            at: at(1),
            outcome: Outcome::Refused,
            means: "oidc".to_owned(),
            address: None,
            claims: Some(claims),
            evidence: Some(serde_json::json!({"acr": "1"})),
            notes: vec!["Deactivated by Bob.".to_owned()],
        };
        let tx = world.tx().await;
        sign_ins::insert(&tx, &one).await.unwrap();
        assert_eq!(sign_ins::get(&tx, one.id).await.unwrap(), Some(one.clone()));
        let filter = SignInFilter { provider: one.provider, user: None, outcome: Some(Outcome::Refused) };
        let page = sign_ins::list(&tx, &filter, &Paging::default()).await.unwrap();
        assert_eq!((page.rows, page.total), (vec![one], Count::Exact(1)));
        assert_eq!(sign_ins::sweep(&tx, at(2)).await.unwrap(), 1);
    }

    async fn a_test_link_works_until_it_expires(world) {
        world.provider(5).await;
        let link = TestLink {
            id: TestLinkId(Uuid::from_u128(1)),
            token_hash: "hash".to_owned(),
            provider: provider(5).id,
            created_by: "ada".to_owned(),
            created_at: at(0),
            expires_at: at(60),
            used: 0,
        };
        let tx = world.tx().await;
        test_links::insert(&tx, &link).await.unwrap();
        test_links::use_once(&tx, link.id).await.unwrap();
        let used = TestLink { used: 1, ..link.clone() };
        assert_eq!(test_links::find(&tx, "hash", at(59)).await.unwrap(), Some(used.clone()));
        assert_eq!(test_links::find(&tx, "hash", at(60)).await.unwrap(), None);
        assert_eq!(test_links::find(&tx, "forged", at(1)).await.unwrap(), None);
        assert_eq!(test_links::of_provider(&tx, link.provider).await.unwrap(), [used]);
        assert!(test_links::delete(&tx, link.id).await.unwrap());
        assert_eq!(test_links::sweep(&tx, at(61)).await.unwrap(), 0);
    }

    async fn w49_failures_of_strangers_are_told_apart_from_those_of_known_networks(world) {
        world.users(&[user(1, "Ada")]).await;
        let tx = world.tx().await;
        throttle::remember_network(&tx, user(1, "").id, "10.0.0.1", at(0)).await.unwrap();
        throttle::remember_network(&tx, user(1, "").id, "10.0.0.1", at(1)).await.unwrap();
        for (account, network, n) in [("user1", "10.0.0.1", 3), ("user1", "evil", 5), ("user1", "worse", 2), ("nobody", "evil", 4)] {
            for second in 0..n {
                throttle::record_failure(&tx, account, network, at(second)).await.unwrap();
            }
        }
        let home = throttle::failures(&tx, "user1", "10.0.0.1", at(0)).await.unwrap();
        assert_eq!((home.pair, home.network, home.account_from_strangers, home.network_is_known), (3, 3, 7, true));
        let evil = throttle::failures(&tx, "user1", "evil", at(0)).await.unwrap();
        assert_eq!((evil.pair, evil.network, evil.account_from_strangers, evil.network_is_known), (5, 9, 7, false));
        let later = throttle::failures(&tx, "user1", "evil", at(0) + TimeDelta::seconds(900)).await.unwrap();
        assert_eq!(later.pair + later.network + later.account_from_strangers, 0);
        throttle::clear(&tx, "user1", "10.0.0.1").await.unwrap();
        assert_eq!(throttle::failures(&tx, "user1", "10.0.0.1", at(0)).await.unwrap().pair, 0);
        throttle::clear_account(&tx, "user1").await.unwrap();
        assert_eq!(throttle::failures(&tx, "user1", "evil", at(0)).await.unwrap().pair, 0);
        assert!(throttle::sweep(&tx, at(1000)).await.unwrap() > 0);
    }
}
