//! Whatever is begun and answered in whatever order, with whatever is changed on the way: a secure session stands
//! only where the judge said Fresh, and the judge says so at most once for each time that the person really signed in.

use std::collections::BTreeSet;

use muster_domain::protocol::{Purpose, Returned};
use muster_domain::reauth::Verdict;
use muster_domain::role::Role;
use muster_services::elevation::{self, Aim};
use muster_services::reauth;
use muster_services::reauth::{Goal, Intent, Leg, Outcome, ReceiptPurpose};
use muster_services::signin::{self, Arrived};
use muster_storage::receipts::{self, ReceiptFilter};
use muster_testing::{Persona, Says};
use proptest::prelude::*;
use serde_json::json;
use url::Url;

use crate::stage::{Stage, state_of};

/// What is changed about an answer on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mutation {
    Honest,
    OldTime,
    NoTime,
    FutureTime,
    SecondLastTime,
    OtherSubject,
    OtherIssuer,
    OtherSession,
    OtherPerson,
    OtherSlug,
    CrossedCode,
    CrossedState,
    Replayed,
    Refused,
    Late,
    ClockBack,
    SwitchedOff,
    AsSignIn,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Begins for one of two people.
    Begin(bool, Goal),
    /// Answers one of the open questions.
    Answer(usize, Mutation),
    /// Time passes.
    Wait(i64),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    use Mutation as M;
    prop_oneof![
        4 => Just(M::Honest),
        1 => Just(M::OldTime),
        1 => Just(M::NoTime),
        1 => Just(M::FutureTime),
        2 => Just(M::SecondLastTime),
        1 => Just(M::OtherSubject),
        1 => Just(M::OtherIssuer),
        1 => Just(M::OtherSession),
        1 => Just(M::OtherPerson),
        1 => Just(M::OtherSlug),
        1 => Just(M::CrossedCode),
        1 => Just(M::CrossedState),
        1 => Just(M::Replayed),
        1 => Just(M::Refused),
        1 => Just(M::Late),
        1 => Just(M::ClockBack),
        1 => Just(M::SwitchedOff),
        1 => Just(M::AsSignIn),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let goal = prop_oneof![4 => Just(Goal::Elevate), 1 => Just(Goal::Test)];
    prop_oneof![
        2 => (any::<bool>(), goal).prop_map(|(who, goal)| Step::Begin(who, goal)),
        5 => (0_usize..6, mutation()).prop_map(|(which, how)| Step::Answer(which, how)),
        1 => (1_i64..90).prop_map(Step::Wait),
    ]
}

/// One question on its way.
struct Open {
    who: bool,
    to: Url,
    purpose: Purpose,
}

struct Play {
    stage: Stage,
    people: [Persona; 2],
    open: Vec<Open>,
    answers: Vec<Returned>,
    /// When each person last signed in at the provider, truly.
    last: [i64; 2],
    /// Times at which somebody truly signed in after they were asked to.
    true_sign_ins: BTreeSet<(usize, i64)>,
    granted: usize,
}

impl Play {
    async fn new() -> Self {
        let stage = Stage::set().await;
        let people = [
            stage.person("ada", &[Role::Admin]).await,
            stage.person("eve", &[Role::Admin]).await,
        ];
        let at = stage.now().timestamp() - 3600;
        stage.forward(60);
        Self {
            stage,
            people,
            open: Vec::new(),
            answers: Vec::new(),
            last: [at; 2],
            true_sign_ins: BTreeSet::new(),
            granted: 0,
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Wait(seconds) => self.stage.forward(seconds),
            Step::Begin(who, goal) => {
                if let Ok(intent) = self
                    .stage
                    .intent(&self.people[usize::from(who)], "corp", goal)
                    .await
                {
                    self.leave(who, &intent).await;
                }
            }
            Step::Answer(which, how) => self.answer(which, how).await,
        }
    }

    async fn leave(&mut self, who: bool, intent: &Intent) {
        let call = self.stage.call(&self.people[usize::from(who)]).await;
        if let Ok(Leg::To(to)) = reauth::next(self.stage.s(), &call, intent).await {
            let purpose = self.stage.world.idp.asked().last().unwrap().purpose;
            self.open.push(Open { who, to, purpose });
        }
    }

    /// What the provider says. An honest provider makes people sign in when it is forced, and states when they did.
    fn says(&mut self, open: &Open, how: Mutation) -> Says {
        let who = usize::from(open.who);
        let before = self.last[who];
        let now = self.stage.now().timestamp();
        let time = match how {
            Mutation::OldTime => json!(now - 3600),
            Mutation::SecondLastTime => json!(before),
            Mutation::NoTime => json!(null),
            Mutation::FutureTime => json!(now + 600),
            _ if open.purpose == Purpose::Force => {
                self.last[who] = now;
                json!(now)
            }
            _ => json!(before),
        };
        let names = ["ada", "eve"];
        let subject = names[if how == Mutation::OtherSubject {
            1 - who
        } else {
            who
        }];
        let mut claims = json!({"sub": subject, "auth_time": time});
        if how == Mutation::OtherIssuer {
            claims["iss"] = json!("https://evil.example");
        }
        if !matches!(how, Mutation::OtherSubject | Mutation::OtherIssuer) {
            self.true_sign_ins.insert((who, self.last[who]));
        }
        if how == Mutation::Refused {
            Says::Error("access_denied", None)
        } else {
            Says::Claims(claims)
        }
    }

    async fn answer(&mut self, which: usize, how: Mutation) {
        if self.open.is_empty() {
            return;
        }
        let open = self.open.remove(which % self.open.len());
        self.stage.forward(5);
        let says = self.says(&open, how);
        let mut back = self.stage.world.idp.answers(&open.to, says);
        let who = usize::from(open.who);
        let (mut slug, mut bringer) = ("corp", self.people[who].clone());
        let mut key = self.stage.key(&bringer);
        match how {
            Mutation::OtherSession => {
                let means = bringer.call.signed_in().unwrap().session.means.clone();
                bringer = self
                    .stage
                    .session(&bringer.username, bringer.id, &means)
                    .await;
            }
            Mutation::OtherPerson => {
                bringer = self.people[1 - who].clone();
                key = self.stage.key(&self.people[who]);
            }
            Mutation::OtherSlug => slug = "other",
            Mutation::CrossedCode => {
                back.code = self.answers.last().and_then(|other| other.code.clone())
            }
            Mutation::CrossedState => {
                back.state = self.open.first().and_then(|other| state_of(&other.to))
            }
            Mutation::Replayed => back = self.answers.last().cloned().unwrap_or_default(),
            Mutation::Late => self.stage.forward(601),
            Mutation::ClockBack => self.stage.forward(-30),
            Mutation::SwitchedOff => self.stage.switch("corp", false).await,
            Mutation::AsSignIn => {
                let to = self.stage.leaves("corp", &key).await;
                let claims = self.stage.claims(&bringer.username, 0);
                back = self.stage.world.idp.answers(&to, Says::Claims(claims));
            }
            _ => {}
        }
        self.answers.push(back.clone());
        self.bring(&bringer, slug, &key, &back, open.who).await;
        self.stage.switch("corp", true).await;
        if how == Mutation::ClockBack {
            self.stage.forward(30);
        }
    }

    async fn bring(
        &mut self,
        bringer: &Persona,
        slug: &str,
        key: &muster_domain::session::SessionKey,
        back: &Returned,
        who: bool,
    ) {
        // A session may have ended meanwhile by its own time.
        let Ok(again) = self.stage.world.again(bringer).await else {
            return;
        };
        let arrived = signin::complete(self.stage.s(), &again.call, slug, Some(key), back).await;
        match arrived {
            Ok(Arrived::Reauth {
                outcome: Outcome::Next(intent),
                ..
            }) => self.leave(who, &intent).await,
            Ok(Arrived::Reauth {
                outcome: Outcome::Judged { receipt, proof, .. },
                ..
            }) => {
                let receipt = receipts::get(self.stage.s().db(), receipt)
                    .await
                    .unwrap()
                    .unwrap();
                let earns = receipt.verdict == Verdict::Fresh
                    && receipt.purpose == ReceiptPurpose::Elevation;
                assert_eq!(proof.is_some(), earns);
                if let Some(proof) = proof {
                    self.granted += 1;
                    let rotated = self.stage.world.rotate(bringer).await.unwrap();
                    elevation::grant(self.stage.s(), &again.call, proof, &rotated, Aim::default())
                        .await
                        .unwrap();
                    let call = self.stage.world.call_in(&rotated).await.unwrap();
                    call.elevated().unwrap();
                    let at = usize::from(bringer.username == "eve");
                    self.people[at] = Persona {
                        call,
                        ..bringer.clone()
                    };
                }
            }
            Ok(_) | Err(_) => {}
        }
    }

    async fn holds(&self) {
        let filter = ReceiptFilter {
            verdict: Some(Verdict::Fresh),
            ..ReceiptFilter::default()
        };
        let paging = muster_storage::Paging {
            rows: 1000,
            ..Default::default()
        };
        let fresh = receipts::list(self.stage.s().db(), &filter, &paging)
            .await
            .unwrap()
            .rows;
        let earned = fresh
            .iter()
            .filter(|receipt| receipt.purpose == ReceiptPurpose::Elevation);
        assert_eq!(earned.count(), self.granted);
        assert_eq!(
            self.stage.record("elevation.grant").await.len(),
            self.granted
        );
        let mut counted = BTreeSet::new();
        for receipt in &fresh {
            let who = usize::from(receipt.username == "eve");
            let stated = (who, receipt.stated_at.unwrap().timestamp());
            assert!(
                self.true_sign_ins.contains(&stated),
                "nobody signed in then: {receipt:?}"
            );
            assert!(
                counted.insert(stated),
                "one sign-in counted twice: {receipt:?}"
            );
        }
        let running =
            muster_storage::elevations::list_running(self.stage.s().db(), self.stage.now()).await;
        assert!(running.unwrap().len() <= self.granted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn w17_to_w22_no_secure_session_without_a_fresh_verdict_and_no_sign_in_counts_twice(
        steps in proptest::collection::vec(step(), 1..24)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut play = Play::new().await;
            for step in steps {
                play.take(step).await;
            }
            play.holds().await;
        });
    }
}

#[tokio::test]
async fn the_play_of_honest_people_ends_in_secure_sessions() {
    let mut play = Play::new().await;
    for step in [
        Step::Begin(false, Goal::Elevate),
        Step::Answer(0, Mutation::Honest),
        Step::Answer(0, Mutation::Honest),
        Step::Begin(true, Goal::Elevate),
        Step::Answer(0, Mutation::Honest),
    ] {
        play.take(step).await;
    }
    assert_eq!(play.granted, 2);
    play.holds().await;
}
