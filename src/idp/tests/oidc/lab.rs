//! Against the lab: a second provider, written by other hands, with a browser in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use chrono::TimeDelta;
use muster_domain::evidence::{AuthEvidence, StatedTime};
use muster_domain::protocol::{Completed, Purpose, Returned};
use muster_domain::{Clock, Error};
use muster_idp::{Guard, Http, Oidc};
use muster_lab::{CLIENT_ID, CLIENT_SECRET, Lab, Options, PASSWORD, Tamper};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use url::Url;

use crate::evil::{FixedClock, Party};

const CALLBACK: &str = "http://127.0.0.1:9/callback";

struct World {
    lab: Lab,
    clock: Arc<FixedClock>,
    http: Http,
}

impl World {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let clock = Arc::new(FixedClock::at("2026-11-21T12:00:00Z"));
        let (theirs, counter) = (Arc::clone(&clock), AtomicU8::new(0));
        let lab = Lab::new(Options::new(
            listener.local_addr().unwrap(),
            Arc::new(move || theirs.now()),
            Arc::new(move |bytes: &mut [u8]| {
                bytes.fill_with(|| counter.fetch_add(1, Ordering::Relaxed))
            }),
        ))
        .unwrap();
        tokio::spawn(muster_lab::serve(
            listener,
            lab.clone(),
            std::future::pending(),
        ));
        Self {
            lab,
            clock,
            http: Http::new(Guard::LoopbackHttp),
        }
    }

    fn party(&self, slug: &str) -> Party {
        let provider = self
            .lab
            .providers()
            .into_iter()
            .find(|provider| provider.slug == slug)
            .unwrap();
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        Party {
            oidc: Oidc::new(self.http.clone(), clock),
            settings: [
                ("issuer", provider.issuer.as_str()),
                ("client_id", CLIENT_ID),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
            request_key: None,
            secret: Some(CLIENT_SECRET.into()),
            redirect: Url::parse(CALLBACK).unwrap(),
        }
    }
}

/// A browser whose person signs in whenever a page asks for it.
struct Browser {
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new() -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        Self {
            client: client.unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    async fn go(&mut self, to: Url) -> Returned {
        let mut at = to;
        for _ in 0..5 {
            if at.as_str().starts_with(CALLBACK) {
                return returned(&at);
            }
            let request = if at.path().contains("/sign-in/") {
                let form = [
                    ("username", "ada.lindqvist"),
                    ("password", PASSWORD),
                    ("action", "sign-in"),
                ];
                self.client.post(at.clone()).form(&form)
            } else {
                self.client.get(at.clone())
            };
            let jar: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let answer = request.header(COOKIE, jar.join("; ")).send().await.unwrap();
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let location = answer
                .headers()
                .get(LOCATION)
                .unwrap_or_else(|| panic!("{}", answer.status()));
            at = at.join(location.to_str().unwrap()).unwrap();
        }
        panic!("went in circles: {at}");
    }
}

fn returned(at: &Url) -> Returned {
    let mut pairs: BTreeMap<String, String> = at.query_pairs().into_owned().collect();
    Returned {
        code: pairs.remove("code"),
        state: pairs.remove("state"),
        iss: pairs.remove("iss"),
        error: pairs.remove("error"),
        error_description: pairs.remove("error_description"),
    }
}

async fn round(party: &Party, browser: &mut Browser, purpose: Purpose) -> Result<Completed, Error> {
    let departure = party.begin(purpose).await?;
    assert!(departure.sent.pushed);
    let returned = browser.go(departure.to).await;
    party.complete_for(purpose, &returned).await
}

async fn evidence(party: &Party, browser: &mut Browser, purpose: Purpose) -> AuthEvidence {
    match round(party, browser, purpose).await {
        Ok(Completed::Answered(evidence)) => *evidence,
        other => panic!("{purpose:?}: {other:?}"),
    }
}

#[tokio::test]
async fn every_provider_of_the_lab_states_what_its_character_says() {
    let world = World::start().await;
    for (slug, at_force) in [
        ("honest", Some(TimeDelta::minutes(5))),
        ("bounce", Some(TimeDelta::zero())),
        ("bounce-now", Some(TimeDelta::minutes(5))),
        ("silent", None),
    ] {
        let (party, mut browser) = (world.party(slug), Browser::new());
        let begun = world.clock.now();
        let first = evidence(&party, &mut browser, Purpose::SignIn).await;
        assert_eq!(
            first.claims().text("email"),
            Some("ada.lindqvist@lab.example"),
            "{slug}"
        );
        world.clock.forward(TimeDelta::minutes(5));
        let control = evidence(&party, &mut browser, Purpose::Control).await;
        assert_eq!(control.subject(), first.subject());
        let forced = evidence(&party, &mut browser, Purpose::Force).await;
        let expected = at_force.map_or(StatedTime::Absent, |after| StatedTime::At(begun + after));
        assert_eq!(forced.stated(), &expected, "{slug}");
        let findings = party.examine().await;
        assert!(
            findings
                .iter()
                .any(|finding| finding.text.contains("matches exactly")),
            "{findings:?}"
        );
    }
}

/// How a tamper ends: refused with this code, told as the provider's error, or accepted because it is for
/// others to judge (the state by services, the time by the judge) or no fault at all.
enum End {
    Code(&'static str),
    Told(&'static str),
    Accepted,
}

fn end(tamper: Tamper) -> End {
    use Tamper as T;
    match tamper {
        T::DiscoveryWrongIssuer => End::Code("OIDC-010"),
        T::WrongIss => End::Code("OIDC-021"),
        T::OmitIss => End::Code("OIDC-022"),
        T::TokenRefused => End::Code("OIDC-024"),
        T::TokenServerError => End::Code("OIDC-025"),
        T::TokenHtml => End::Code("OIDC-026"),
        T::TokenHuge => End::Code("OIDC-009"),
        T::MissingIdToken => End::Code("OIDC-027"),
        T::AlgNone | T::Hs256PublicKey | T::Hs256ClientSecret => End::Code("OIDC-032"),
        T::UnknownKid | T::EmbeddedKey => End::Code("OIDC-033"),
        T::BadSignature | T::ForeignKey => End::Code("OIDC-034"),
        T::CriticalHeader => End::Code("OIDC-036"),
        T::DuplicateClaim => End::Code("OIDC-037"),
        T::WrongIssuer | T::IssuerWithSlash => End::Code("OIDC-040"),
        T::WrongAudience => End::Code("OIDC-041"),
        T::SeveralAudiences | T::WrongAuthorizedParty => End::Code("OIDC-042"),
        T::Expired => End::Code("OIDC-043"),
        T::IssuedInFuture | T::NotYetValid => End::Code("OIDC-044"),
        T::MissingIssueTime => End::Code("OIDC-045"),
        T::WrongNonce | T::MissingNonce => End::Code("OIDC-046"),
        T::MissingSubject | T::EmptySubject | T::LongSubject => End::Code("OIDC-047"),
        T::WrongAccessTokenHash => End::Code("OIDC-048"),
        // A token about another person is found out by userinfo, which is asked for groups.
        T::OtherSubject | T::UserinfoOtherSubject | T::UserinfoMissingSubject => {
            End::Code("OIDC-051")
        }
        T::ErrorAccessDenied => End::Told("access_denied"),
        T::ErrorLoginRequired => End::Told("login_required"),
        T::ErrorTemporarilyUnavailable => End::Told("temporarily_unavailable"),
        T::WrongState
        | T::MissingState
        | T::AuthTimeString
        | T::AuthTimeFuture
        | T::AuthTimeMilliseconds
        | T::AuthTimeFloat
        | T::MissingAuthTime
        | T::EmailVerifiedString
        | T::MissingKid
        | T::KeyRotation => End::Accepted,
        other => panic!("{other:?} has no expected end"),
    }
}

#[tokio::test]
async fn every_tamper_of_the_lab_ends_as_it_must() {
    let world = World::start().await;
    for tamper in Tamper::ALL {
        world.lab.tamper("honest", tamper).unwrap();
        let party = world.party("honest");
        let outcome = round(&party, &mut Browser::new(), Purpose::SignIn).await;
        match (end(tamper), outcome) {
            (End::Code(code), Err(error)) => assert_eq!(error.code, code, "{tamper:?}: {error}"),
            (End::Told(told), Ok(Completed::Refused { error, .. })) => assert_eq!(error, told),
            (End::Accepted, Ok(Completed::Answered(_))) => {}
            (_, outcome) => panic!("{tamper:?}: {outcome:?}"),
        }
        assert_eq!(
            world.lab.armed("honest").unwrap(),
            [],
            "{tamper:?} was not used"
        );
    }
}
