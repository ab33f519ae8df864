//! The page of users as the console draws it, with everything it shows already in memory: no session, no role, no
//! database, no headers. What the console adds to this is what the bench measures.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use chrono::{DateTime, Utc};
use muster_app::pages::people::address::ListAddress;
use muster_app::pages::people::user_list::{KNOWN, UserList, view};
use muster_app::shell::Head;
use muster_app::visit::console_page;
use muster_domain::id::DirectoryId;
use muster_domain::listing::{At, Page};
use muster_domain::opener::Openers;
use muster_domain::role::{Level, Role};
use muster_domain::session::{Means, Session, SessionKey};
use muster_services::{Call, Who};
use muster_storage::users::{self, UserFilter, UserRow};
use muster_storage::{Db, Paging, SignedIn, directories};
use muster_web::AssetUrls;
use tokio::net::TcpListener;

use crate::{Failure, say};

struct Prepared {
    call: Call,
    page: Page<UserRow>,
    directories: Vec<(DirectoryId, String)>,
    assets: AssetUrls,
}

/// Reads the first page once, then serves it on a free port of this machine; tells the address.
pub(crate) async fn serve(database: &str, username: &str) -> Result<(), Failure> {
    let prepared = Arc::new(prepare(database, username).await?);
    let router = Router::new()
        .route("/users", get(draw))
        .with_state(prepared);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(format_args!(
        "The page is at http://{}/",
        listener.local_addr()?
    ))?;
    use axum::serve::ListenerExt as _;
    let listener = listener.tap_io(|stream| {
        // As the console does; a failure only makes answers slower.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

async fn prepare(database: &str, username: &str) -> Result<Prepared, Failure> {
    let db = Db::open(database).await?;
    let page = users::list(&db, &UserFilter::default(), &Paging::at(At::First, 0)).await?;
    let directories = directories::list(&db).await?;
    let user = users::by_username(&db, username)
        .await?
        .ok_or("no such user")?;
    db.close().await?;
    let at = now()?;
    let session = Session {
        key: SessionKey("0".repeat(64)),
        user: user.id,
        signed_in_at: at,
        means: Means::Password,
        opened_by: Openers::nobody(),
        elevation: None,
    };
    let roles = vec![Role::Superadmin];
    let person = SignedIn {
        session,
        user,
        roles,
        last_seen_at: at,
        expires_at: at,
        secured_from: Level::default(),
    };
    let call = Call {
        who: Who::Person(Box::new(person)),
        ..Call::system("peer", at)
    };
    let directories = directories
        .into_iter()
        .map(|directory| (directory.id, directory.name))
        .collect();
    // Addresses as long as the console's.
    let assets = AssetUrls::new(|path| format!("/a{path}.0123456789abcdef"));
    Ok(Prepared {
        call,
        page,
        directories,
        assets,
    })
}

/// The console copies every row out of the database; here they are copied out of memory.
async fn draw(State(prepared): State<Arc<Prepared>>) -> Html<String> {
    let list = UserList {
        address: ListAddress::new("/users", Vec::new(), &KNOWN),
        page: prepared.page.clone(),
        directories: prepared.directories.clone(),
        group: None,
        may_edit: true,
        may_end_sessions: true,
    };
    let head = Head {
        mark: None,
        title: "Users".to_owned(),
        nonce: "0".repeat(43),
        refresh: None,
    };
    let (call, assets) = (&prepared.call, &prepared.assets);
    Html(console_page(
        call,
        "/users",
        "/users",
        &head,
        assets,
        None,
        || view(call.at, list),
    ))
}

fn now() -> Result<DateTime<Utc>, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a program of its own, with nobody to hand it a clock"
    )]
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let millis = i64::try_from(since.as_millis())?;
    DateTime::from_timestamp_millis(millis).ok_or_else(|| "the clock is far off".into())
}
