//! A small house for the tests: a few pages behind all layers, a database in a folder of its own, a clock that is set.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here fails the test"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, Request, StatusCode};
use muster_domain::Clock as _;
use muster_domain::application::{Application, Entry, Prefix, Target};
use muster_domain::audit::AuditEvent;
use muster_domain::credential::Imprint;
use muster_domain::id::UserId;
use muster_domain::opener::Openers;
use muster_domain::user::{State as Standing, User};
use muster_services::{Parts, Services, hashing::Hashing, setup};
use muster_storage::audit::AuditFilter;
use muster_storage::{
    Db, Quiet, SeaOrmSessionStore, Sealer, applications, audit, credentials, passages, sessions,
    users,
};
use muster_testing::{FakePostman, FixedClock, SeededEntropy};
use muster_web::{
    AppState, AssetUrls, Browser, Caller, Failure, Form, Nonce, Query, Site, Tone, harden,
};
use serde::Deserialize;
use tower::ServiceExt as _;

/// Everything a test needs.
#[derive(Clone)]
pub struct House {
    router: Router,
    services: Services,
    clock: Arc<FixedClock>,
    user: UserId,
    peer: SocketAddr,
    counted: Arc<AtomicU32>,
    folder: Arc<Folder>,
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub text: String,
    pub set_cookies: Vec<String>,
    headers: HeaderMap,
}

impl Answer {
    /// The value of the session cookie that was set.
    pub fn cookie(&self) -> String {
        let set = self
            .set_cookies
            .iter()
            .find_map(|set| set.strip_prefix("muster="));
        set.and_then(|set| set.split(';').next())
            .expect("a session cookie")
            .to_owned()
    }

    pub fn header(&self, name: &str) -> String {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

#[derive(Clone)]
struct Pages {
    app: AppState,
    user: UserId,
    counted: Arc<AtomicU32>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl House {
    pub async fn open() -> Self {
        Self::behind(&[]).await
    }

    /// A house that believes these proxies.
    pub async fn behind(proxies: &[&str]) -> Self {
        let proxies = proxies
            .iter()
            .map(|proxy| muster_web::address::parse_network(proxy).unwrap())
            .collect();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "muster-web-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let db = Db::open(&format!("sqlite://{}", folder.join("muster.db").display()))
            .await
            .unwrap();
        db.migrate().await.unwrap();
        let clock = Arc::new(FixedClock::default());
        let entropy = SeededEntropy::new(7);
        let listen = "127.0.0.1:3000".parse().unwrap();
        let services = Services::new(Parts {
            db: db.clone(),
            clock: clock.clone(),
            sealer: Sealer::generate(&entropy).unwrap().0,
            hashing: Hashing::new(1, &entropy).unwrap(),
            entropy: Arc::new(entropy),
            kinds: Vec::new(),
            directories: Vec::new(),
            postman: Arc::new(FakePostman::default()),
            fixed_url: None,
            listen,
        });
        let user = ada(&services).await;
        let counted = Arc::new(AtomicU32::new(0));
        let app = AppState {
            services: services.clone(),
            site: Site::new(listen, None, proxies),
            assets: AssetUrls::new(str::to_owned),
            only_looks: |method, route| {
                method.is_safe() && !route.is_some_and(|route| route.ends_with("/start"))
            },
            failure_page: muster_web::page::plain,
        };
        let pages = pages().with_state(Pages {
            app: app.clone(),
            user,
            counted: Arc::clone(&counted),
        });
        let router = harden(
            pages,
            Router::new(),
            app,
            SeaOrmSessionStore::new(db, clock.clone()),
        );
        let peer = "192.0.2.1:40000".parse().unwrap();
        Self {
            router,
            services,
            clock,
            user,
            peer,
            counted,
            folder: Arc::new(Folder(folder)),
        }
    }

    /// The same house, asked from another address.
    pub fn from(&self, peer: &str) -> Self {
        Self {
            peer: peer.parse().unwrap(),
            ..self.clone()
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn wait(&self, time: TimeDelta) {
        self.clock.forward(time);
    }

    pub fn count(&self) -> u32 {
        self.counted.load(Ordering::Relaxed)
    }

    /// How many sessions Ada is signed in with.
    pub async fn sessions(&self) -> u64 {
        let counted = sessions::count_of_users(self.services.db(), &[self.user], self.now()).await;
        counted.unwrap().iter().map(|(_, many)| many).sum()
    }

    pub async fn set_state(&self, state: &Standing) {
        let tx = self.services.db().begin().await.unwrap();
        users::set_state(&tx, self.user, state, self.now())
            .await
            .unwrap();
        tx.commit_quiet(Quiet::LastSeen).await.unwrap();
    }

    /// Writes down that the session was seen, as the request does in the background.
    pub async fn seen(&self, cookie: &str) {
        let tx = self.services.db().begin().await.unwrap();
        sessions::touch(&tx, &sessions::key_of(cookie), self.now())
            .await
            .unwrap();
        tx.commit_quiet(Quiet::LastSeen).await.unwrap();
    }

    /// An application that everybody may open, protected below `/admin`.
    pub async fn application(&self, address: &str) {
        let target = Target::new(address).unwrap();
        let application = Application {
            id: self.services.id(),
            name: "Grafana".to_owned(),
            prefix: Prefix::new(target.path()).unwrap(),
            origin: target.origin,
            entry: Entry::Everybody,
            elevated: vec![Prefix::new("/admin").unwrap()],
            created_at: self.now(),
            updated_at: self.now(),
        };
        let tx = self.services.db().begin().await.unwrap();
        applications::insert(&tx, &application).await.unwrap();
        tx.commit_quiet(Quiet::LastSeen).await.unwrap();
    }

    /// Lets a browser session in at an origin under this token.
    pub async fn let_in(&self, cookie: &str, token: &str, origin: &str) {
        let origin = Target::new(origin).unwrap().origin;
        let (hash, key) = (sessions::key_of(token).0, sessions::key_of(cookie));
        let tx = self.services.db().begin().await.unwrap();
        passages::open(&tx, &hash, &key, &origin, self.now())
            .await
            .unwrap();
        tx.commit_quiet(Quiet::LastSeen).await.unwrap();
    }

    pub async fn last_event(&self) -> AuditEvent {
        let rows = audit::tail(self.services.db(), &AuditFilter::default(), 1)
            .await
            .unwrap();
        rows.into_iter().next().unwrap().event
    }

    /// Takes the database away.
    pub async fn close(&self) {
        self.services.db().close().await.unwrap();
    }

    pub async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        let cookie = cookie.map(|value| format!("muster={value}"));
        let headers: Vec<_> = cookie
            .iter()
            .map(|value| ("cookie", value.as_str()))
            .collect();
        self.send("GET", path, &headers, "").await
    }

    /// As a form of this console posts.
    pub async fn post(&self, path: &str, cookie: Option<&str>) -> Answer {
        let cookie = cookie.map(|value| format!("muster={value}"));
        let mut headers = vec![
            ("origin", "http://127.0.0.1:3000"),
            ("sec-fetch-site", "same-origin"),
        ];
        headers.extend(cookie.iter().map(|value| ("cookie", value.as_str())));
        self.send("POST", path, &headers, "").await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if headers.iter().all(|(name, _)| *name != "host") {
            request = request.header("host", "127.0.0.1:3000");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let (parts, body) = self
            .router
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .into_parts();
        let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        let set_cookies = parts
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        Answer {
            status: parts.status,
            text,
            set_cookies,
            headers: parts.headers,
        }
    }
}

/// The stored hash of her password; nobody compares anything with it.
const PHC: &str = "$phc$";

async fn ada(services: &Services) -> UserId {
    let id = services.id();
    let now = services.now();
    let user = User {
        id,
        username: "ada".to_owned(),
        display_name: "Ada Lindqvist".to_owned(),
        email: None,
        state: Standing::Active,
        break_glass: false,
        created_at: now,
        updated_at: now,
        last_sign_in_at: None,
    };
    let tx = services.db().begin().await.unwrap();
    users::insert(&tx, &user).await.unwrap();
    let nobody = Openers::nobody();
    credentials::set_password(&tx, id, PHC, None, &nobody, now)
        .await
        .unwrap();
    tx.commit_quiet(Quiet::LastSeen).await.unwrap();
    id
}

fn pages() -> Router<Pages> {
    Router::new()
        .route(
            "/who",
            get(async |Caller(call): Caller| call.actor().to_owned()),
        )
        .route(
            "/address",
            get(async |Caller(call): Caller| call.address.unwrap().to_string()),
        )
        .route(
            "/nonce",
            get(async |Nonce(nonce): Nonce| axum::response::Html(nonce)),
        )
        .route("/mine", get(mine))
        .route("/boom", get(boom))
        .route("/count", post(count))
        .route("/api/count", post(count))
        .route("/form", post(async |Form(form): Form<Named>| form.name))
        .route("/query", get(async |Query(query): Query<Named>| query.name))
        .route("/in", post(sign_in))
        .route(
            "/up",
            post(async |browser: Browser| browser.elevated().await.map(drop).map_err(Failure)),
        )
        .route("/up-late", post(elevates_late))
        .route("/in-late", post(signs_in_late))
        .route(
            "/out",
            post(async |browser: Browser| browser.sign_out().await.map_err(Failure)),
        )
        .route(
            "/hold",
            post(async |browser: Browser| browser.hold().await.map(drop).map_err(Failure)),
        )
        .route("/secure", get(needs_a_secure_session))
        .route("/setup-code", post(enters_setup))
        .route(
            "/keep",
            post(async |browser: Browser| browser.keep("word", "something").await.map_err(Failure)),
        )
        .route("/kept", get(kept))
        .route(
            "/flash",
            get(told).post(async |browser: Browser| {
                browser.flash("Saved.", Tone::Good).await.map_err(Failure)
            }),
        )
}

/// A new setup code, entered in this browser.
async fn enters_setup(
    State(pages): State<Pages>,
    Caller(call): Caller,
    browser: Browser,
) -> Result<(), Failure> {
    let services = &pages.app.services;
    let code = setup::code_for_console(services, &call).await?;
    let entered = setup::enter(services, &call, &code.unwrap_or_default()).await?;
    browser.entered_setup(&entered).await?;
    Ok(())
}

async fn needs_a_secure_session(Caller(call): Caller) -> Result<(), Failure> {
    Ok(call.elevated().map(drop)?)
}

async fn mine(Caller(call): Caller) -> Result<String, Failure> {
    Ok(call.signed_in()?.user.username.clone())
}

async fn boom() -> Result<(), Failure> {
    panic!("inner detail")
}

async fn count(State(pages): State<Pages>) {
    pages.counted.fetch_add(1, Ordering::Relaxed);
}

async fn sign_in(
    State(pages): State<Pages>,
    browser: Browser,
) -> Result<impl IntoResponse, Failure> {
    assert!(pages.app.services.now() > DateTime::UNIX_EPOCH);
    let entry = muster_domain::session::Entry::by_password(Openers::nobody(), Imprint::of(PHC));
    browser.signed_in(pages.user, &entry).await?;
    Ok("in")
}

/// Signs in by a password that is replaced after it was compared.
async fn signs_in_late(State(pages): State<Pages>, browser: Browser) -> Result<(), Failure> {
    let services = &pages.app.services;
    let entry = muster_domain::session::Entry::by_password(Openers::nobody(), Imprint::of(PHC));
    let tx = services.db().begin().await?;
    let nobody = Openers::nobody();
    credentials::set_password(&tx, pages.user, "$new$", None, &nobody, services.now()).await?;
    sessions::revoke_of_user(&tx, pages.user, None).await?;
    tx.commit_quiet(Quiet::SessionData).await?;
    browser.signed_in(pages.user, &entry).await?;
    Ok(())
}

/// Elevates after the session was read, and ended meanwhile.
async fn elevates_late(State(pages): State<Pages>, browser: Browser) -> Result<(), Failure> {
    browser.kept::<String>("word").await?;
    let tx = pages.app.services.db().begin().await?;
    sessions::revoke_of_user(&tx, pages.user, None).await?;
    tx.commit_quiet(Quiet::SessionData).await?;
    browser.elevated().await?;
    Ok(())
}

async fn kept(browser: Browser) -> Result<String, Failure> {
    Ok(browser
        .kept::<String>("word")
        .await?
        .unwrap_or_else(|| "nothing".to_owned()))
}

async fn told(browser: Browser) -> Result<String, Failure> {
    Ok(browser
        .take_flash()
        .await?
        .map(|flash| flash.text)
        .unwrap_or_default())
}
