//! What the tests share: an installation with two providers, and the ways through them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::jit::JitRules;
use muster_domain::protocol::Returned;
use muster_domain::provider::Provider;
use muster_domain::role::Role;
use muster_domain::session::{Elevation, Means, Proof, SessionKey};
use muster_domain::vendor::Vendor;
use muster_domain::{Clock as _, Error};
use muster_services::elevation::{self, Aim};
use muster_services::providers::{self, Draft};
use muster_services::reauth::{self, Goal, Intent, Leg, Outcome, Receipt};
use muster_services::signin::{self, Arrived};
use muster_services::users::UserFilter;
use muster_services::{Call, Services};
use muster_storage::audit::{self, AuditFilter, AuditRow};
use muster_storage::{Paging, sign_ins};
use muster_testing::{Persona, Says, TestWorld};
use serde_json::{Value, json};
use url::Url;

/// The issuer of the provider `corp`.
pub const CORP: &str = "https://corp.example";

/// An installation with the providers `corp` and `other`.
pub struct Stage {
    pub world: TestWorld,
}

/// What a re-authentication came to.
#[derive(Debug)]
pub struct Judged {
    pub receipt: Receipt,
    pub proof: Option<Proof>,
}

pub fn draft(slug: &str) -> Draft {
    Draft {
        slug: slug.to_owned(),
        name: slug.to_uppercase(),
        vendor: Vendor::Keycloak,
        kind: "oidc".to_owned(),
        settings: BTreeMap::from([
            ("issuer".to_owned(), format!("https://{slug}.example")),
            ("client_id".to_owned(), "muster".to_owned()),
        ]),
        secret: None,
        domains: Vec::new(),
    }
}

pub fn browser(name: &str) -> SessionKey {
    SessionKey(format!("browser-{name}"))
}

pub const fn seconds(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

/// The state in an address that a browser was sent to.
pub fn state_of(url: &Url) -> Option<String> {
    let state = url.query_pairs().find(|(name, _)| name == "state");
    state.map(|(_, state)| state.into_owned())
}

impl Stage {
    pub async fn set() -> Self {
        Self::with(JitRules::default()).await
    }

    pub async fn with(rules: JitRules) -> Self {
        let world = TestWorld::new().await.unwrap();
        let stage = Self { world };
        stage.declare(&draft("corp"), rules).await;
        stage.declare(&draft("other"), JitRules::default()).await;
        stage
    }

    pub fn s(&self) -> &Services {
        &self.world.services
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.world.clock.now()
    }

    pub fn forward(&self, by: i64) {
        self.world.clock.forward(seconds(by));
    }

    pub async fn declare(&self, draft: &Draft, rules: JitRules) -> Provider {
        let call = self.world.system();
        providers::declare(self.s(), &call, draft, rules)
            .await
            .unwrap()
    }

    /// Changes settings of `corp` as the command line would.
    pub async fn tune(&self, settings: &[(&str, &str)]) {
        let corp = self.provider("corp").await;
        let mut draft = Draft::of(&corp);
        for (key, value) in settings {
            draft
                .settings
                .insert((*key).to_owned(), (*value).to_owned());
        }
        self.declare(&draft, corp.jit).await;
    }

    pub async fn provider(&self, slug: &str) -> Provider {
        let found = muster_storage::providers::by_slug(self.s().db(), slug).await;
        found.unwrap().unwrap()
    }

    pub async fn switch(&self, slug: &str, on: bool) {
        let provider = self.provider(slug).await;
        let tx = self.s().db().begin().await.unwrap();
        muster_storage::providers::set_enabled(&tx, provider.id, on, self.now())
            .await
            .unwrap();
        tx.commit_quiet(muster_storage::Quiet::Expired)
            .await
            .unwrap();
    }

    /// Claims of somebody who signed in at the provider `before` seconds ago.
    pub fn claims(&self, subject: &str, before: i64) -> Value {
        json!({
            "sub": subject,
            "preferred_username": subject,
            "name": subject,
            "auth_time": self.now().timestamp() - before,
        })
    }

    pub async fn leaves(&self, slug: &str, key: &SessionKey) -> Url {
        let call = self.world.anonymous();
        signin::begin(self.s(), &call, slug, key.clone(), "/users", None)
            .await
            .unwrap()
    }

    pub async fn comes_back(
        &self,
        slug: &str,
        key: &SessionKey,
        back: &Returned,
    ) -> Result<Arrived, Error> {
        signin::complete(self.s(), &self.world.anonymous(), slug, Some(key), back).await
    }

    /// A whole sign-in through a provider.
    pub async fn signs_in(&self, slug: &str, says: Says) -> Result<Arrived, Error> {
        let key = browser("plain");
        let to = self.leaves(slug, &key).await;
        let back = self.world.idp.answers(&to, says);
        self.comes_back(slug, &key, &back).await
    }

    /// Somebody signs in through `corp`, having signed in there an hour ago, and is given a session.
    pub async fn person(&self, subject: &str, roles: &[Role]) -> Persona {
        let claims = self.claims(subject, 3600);
        let arrived = self.signs_in("corp", Says::Claims(claims)).await.unwrap();
        let Arrived::SignedIn { user, means, .. } = arrived else {
            panic!("nobody signed in");
        };
        for role in roles {
            let to = muster_domain::membership::Member::User(user.id);
            self.world.grant(*role, to).await.unwrap();
        }
        self.session(&user.username, user.id, &means).await
    }

    pub async fn session(
        &self,
        username: &str,
        id: muster_domain::id::UserId,
        means: &Means,
    ) -> Persona {
        self.world.sign_in_by(id, username, means).await.unwrap()
    }

    /// Their call as of now.
    pub async fn call(&self, persona: &Persona) -> Call {
        self.world.again(persona).await.unwrap().call
    }

    pub fn key(&self, persona: &Persona) -> SessionKey {
        persona.call.signed_in().unwrap().session.key.clone()
    }

    pub async fn intent(&self, persona: &Persona, slug: &str, goal: Goal) -> Result<Intent, Error> {
        let call = self.call(persona).await;
        reauth::begin(
            self.s(),
            &call,
            slug,
            goal,
            None,
            "/providers",
            Some("Test"),
        )
        .await
    }

    /// The address of the next leg.
    pub async fn leg(&self, persona: &Persona, intent: &Intent) -> Url {
        let call = self.call(persona).await;
        match reauth::next(self.s(), &call, intent).await.unwrap() {
            Leg::To(url) => url,
            Leg::Wait(seconds) => panic!("was told to wait {seconds} s"),
        }
    }

    /// Brings an answer back in the person's own session.
    pub async fn brings(
        &self,
        persona: &Persona,
        slug: &str,
        back: &Returned,
    ) -> Result<Outcome, Error> {
        let call = self.call(persona).await;
        let key = self.key(persona);
        match signin::complete(self.s(), &call, slug, Some(&key), back).await? {
            Arrived::Reauth { outcome, .. } => Ok(outcome),
            other => panic!("no re-authentication came back: {other:?}"),
        }
    }

    /// The first leg: without force the provider says this.
    pub async fn control(&self, persona: &Persona, intent: &Intent, says: Says) -> Intent {
        let to = self.leg(persona, intent).await;
        let back = self.world.idp.answers(&to, says);
        self.forward(2);
        match self.brings(persona, &intent.slug, &back).await.unwrap() {
            Outcome::Next(intent) => *intent,
            judged => panic!("the control was judged: {judged:?}"),
        }
    }

    /// A control that repeats the old sign-in, as it should.
    pub async fn good_control(&self, persona: &Persona, intent: &Intent) -> Intent {
        let old = intent
            .signed_in
            .unwrap_or_else(|| self.now() - seconds(1800))
            .timestamp();
        let subject = intent.expected.clone().unwrap().1;
        let says = Says::Claims(json!({"sub": subject, "auth_time": old}));
        self.control(persona, intent, says).await
    }

    /// The forced leg: the provider says this ten seconds later. `says` is asked when the person signs in.
    pub async fn force(
        &self,
        persona: &Persona,
        intent: &Intent,
        says: impl FnOnce(&Self) -> Says,
    ) -> Judged {
        let to = self.leg(persona, intent).await;
        self.forward(10);
        let back = self.world.idp.answers(&to, says(self));
        self.forward(2);
        let outcome = self.brings(persona, &intent.slug, &back).await.unwrap();
        self.judged(outcome).await
    }

    pub async fn judged(&self, outcome: Outcome) -> Judged {
        let Outcome::Judged { receipt, proof, .. } = outcome else {
            panic!("not judged: {outcome:?}");
        };
        let receipt = muster_storage::receipts::get(self.s().db(), receipt).await;
        Judged {
            receipt: receipt.unwrap().unwrap(),
            proof,
        }
    }

    /// Begun at `corp`, an honest control behind it if one was due: the next leg is the forced one.
    pub async fn ready(&self, persona: &Persona, goal: Goal) -> Intent {
        let intent = self.intent(persona, "corp", goal).await.unwrap();
        if self.asks_for_control(persona, &intent).await {
            return self.good_control(persona, &intent).await;
        }
        intent
    }

    /// Control and force at an honest provider: Fresh.
    pub async fn proves(&self, persona: &Persona, goal: Goal) -> Judged {
        self.forward(60);
        let intent = self.ready(persona, goal).await;
        let subject = intent.expected.clone().unwrap().1;
        self.force(persona, &intent, |stage| {
            Says::Claims(stage.claims(&subject, 0))
        })
        .await
    }

    /// Whether the next leg would be a control. The question that is asked to find out is never answered.
    pub async fn asks_for_control(&self, persona: &Persona, intent: &Intent) -> bool {
        self.leg(persona, intent).await;
        let asked = self.world.idp.asked();
        let last = asked.last().unwrap();
        last.purpose == muster_domain::protocol::Purpose::Control
    }

    /// Exchanges the proof for a secure session, the session's id changed as the edge does it.
    pub async fn grants(&self, persona: &Persona, proof: Proof) -> (Persona, Elevation) {
        let call = self.call(persona).await;
        let rotated = self.world.rotate(persona).await.unwrap();
        let elevation = elevation::grant(self.s(), &call, proof, &rotated, Aim::default())
            .await
            .unwrap();
        let call = self.world.call_in(&rotated).await.unwrap();
        let persona = Persona {
            call,
            ..persona.clone()
        };
        (persona, elevation)
    }

    /// Somebody who proved presence at `corp` and runs a secure session.
    pub async fn elevated(&self, subject: &str, roles: &[Role]) -> Persona {
        let persona = self.person(subject, roles).await;
        let judged = self.proves(&persona, Goal::Elevate).await;
        self.grants(&persona, judged.proof.unwrap()).await.0
    }

    /// What is on record under an action, newest first.
    pub async fn record(&self, action: &str) -> Vec<AuditRow> {
        let filter = AuditFilter {
            action: Some(action.to_owned()),
            ..AuditFilter::default()
        };
        let paging = Paging {
            rows: 1000,
            direction: muster_domain::listing::Direction::Desc,
            ..Paging::default()
        };
        let page = audit::list(self.s().db(), &filter, &paging).await;
        page.unwrap().rows
    }

    pub async fn people(&self) -> u64 {
        let filter = UserFilter::default();
        let page = muster_storage::users::count(self.s().db(), &filter).await;
        page.unwrap().value()
    }

    pub async fn kept(&self) -> Vec<sign_ins::SignIn> {
        let filter = sign_ins::SignInFilter::default();
        let page = sign_ins::list(self.s().db(), &filter, &Paging::default()).await;
        page.unwrap().rows
    }

    pub async fn sessions(&self) -> usize {
        let page =
            muster_storage::sessions::list(self.s().db(), None, self.now(), &Paging::default())
                .await;
        page.unwrap().rows.len()
    }

    pub async fn user(&self, username: &str) -> Option<muster_domain::user::User> {
        let found = muster_storage::users::by_username(self.s().db(), username).await;
        found.unwrap()
    }
}
