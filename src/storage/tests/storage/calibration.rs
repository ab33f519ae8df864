//! Probes, keys for signed requests, and what ordinary sign-ins left behind.

use muster_domain::calibration::{Finding, Probe, Said};
use muster_domain::id::{ProbeId, ReceiptId, RequestKeyId, SignInId, UserId};
use muster_domain::reauth::Sent;
use muster_storage::probes::{self, Probed, Times};
use muster_storage::sign_ins::{self, Outcome, SignIn};
use muster_storage::{providers, request_keys};
use uuid::Uuid;

use crate::world::{at, event, on_both, provider};

fn probed(number: u128) -> Probed {
    let when = at(i64::try_from(number).unwrap());
    Probed {
        id: ProbeId(Uuid::from_u128(number)),
        provider: provider(5).id,
        at: when,
        probe: Probe::Forced,
        user: UserId(Uuid::from_u128(1)),
        username: "ada".to_owned(),
        receipt: Some(ReceiptId(Uuid::from_u128(9))),
        finding: Finding::NewTime,
        seen: Finding::NewTime.sentence().to_owned(),
        sent: Sent {
            carried: vec![("prompt".to_owned(), "login".to_owned())],
            ..Sent::default()
        },
        times: Times {
            asked_at: when,
            received_at: when,
            issued_at: Some(when),
            stated: None,
        },
        said: None,
    }
}

on_both! {
    async fn a_probe_reads_back_and_is_spoken_about_once(world) {
        world.provider(5).await;
        world.provider(6).await;
        let tx = world.tx().await;
        for number in [3, 1, 2] {
            probes::insert(&tx, &probed(number)).await.unwrap();
        }
        tx.commit(&[event("provider.probe")]).await.unwrap();
        let (id, five) = (probed(2).id, provider(5).id);
        assert_eq!(probes::get(&world.db, five, id).await.unwrap(), Some(probed(2)));
        assert_eq!(probes::get(&world.db, provider(6).id, id).await.unwrap(), None);
        let newest = probes::of_provider(&world.db, five, 2).await.unwrap();
        assert_eq!(newest, [probed(3), probed(2)]);
        let tx = world.tx().await;
        assert!(probes::say(&tx, id, Said::No, (Finding::Invented, "Invented."), at(60)).await.unwrap());
        assert!(!probes::say(&tx, id, Said::Yes, (Finding::NewTime, "New."), at(61)).await.unwrap());
        tx.commit(&[event("provider.probe")]).await.unwrap();
        let told = probes::get(&world.db, five, id).await.unwrap().unwrap();
        assert_eq!((told.said, told.finding), (Some((Said::No, at(60))), Finding::Invented));
        assert_eq!(told.seen, "Invented.");
    }

    async fn the_newest_key_comes_first_and_goes_with_its_provider(world) {
        world.provider(5).await;
        let five = provider(5).id;
        let tx = world.tx().await;
        for number in [1_u128, 2] {
            let id = RequestKeyId(Uuid::from_u128(number));
            request_keys::insert(&tx, id, five, &format!("k:{number}"), at(i64::try_from(number).unwrap())).await.unwrap();
            assert_eq!(request_keys::place(id).table, "request_keys");
        }
        tx.commit(&[event("provider.update")]).await.unwrap();
        let keys = request_keys::of_provider(&world.db, five).await.unwrap();
        assert_eq!(keys.iter().map(|key| key.sealed.as_str()).collect::<Vec<_>>(), ["k:2", "k:1"]);
        let tx = world.tx().await;
        assert_eq!(request_keys::retire(&tx, five, at(3)).await.unwrap(), 2);
        request_keys::insert(&tx, RequestKeyId(Uuid::from_u128(3)), five, "k:3", at(0)).await.unwrap();
        assert_eq!(request_keys::retire(&tx, provider(6).id, at(4)).await.unwrap(), 0);
        let keys = request_keys::of_provider(&tx, five).await.unwrap();
        assert_eq!(keys.iter().map(|key| (key.sealed.as_str(), key.retired_at)).collect::<Vec<_>>(), [("k:3", None), ("k:2", Some(at(3))), ("k:1", Some(at(3)))]);
        assert_eq!(request_keys::sweep(&tx, at(3)).await.unwrap(), 0);
        assert_eq!(request_keys::sweep(&tx, at(4)).await.unwrap(), 2);
        probes::insert(&tx, &probed(1)).await.unwrap();
        providers::delete(&tx, five).await.unwrap();
        tx.commit(&[event("provider.remove")]).await.unwrap();
        assert!(request_keys::of_provider(&world.db, five).await.unwrap().is_empty());
        assert!(probes::of_provider(&world.db, five, 9).await.unwrap().is_empty());
    }

    async fn the_newest_sign_ins_of_a_provider_are_found_by_how_they_ended(world) {
        let row = |number: u128, outcome, to: u128| SignIn {
            id: SignInId(Uuid::from_u128(number)),
            provider: Some(provider(to).id),
            user: None,
            name: "ada".to_owned(),
            at: at(i64::try_from(number).unwrap()),
            outcome,
            means: "oidc".to_owned(),
            address: None,
            claims: None,
            evidence: None,
            notes: Vec::new(),
        };
        let tx = world.tx().await;
        for (number, outcome, to) in [(1, Outcome::SignedIn, 5), (2, Outcome::SignedIn, 5), (3, Outcome::Tested, 5), (4, Outcome::SignedIn, 6), (5, Outcome::SignedIn, 5)] {
            sign_ins::insert(&tx, &row(number, outcome, to)).await.unwrap();
        }
        tx.commit(&[event("signin")]).await.unwrap();
        let newest = sign_ins::newest(&world.db, provider(5).id, Outcome::SignedIn, 2).await.unwrap();
        assert_eq!(newest, [row(5, Outcome::SignedIn, 5), row(2, Outcome::SignedIn, 5)]);
    }
}
