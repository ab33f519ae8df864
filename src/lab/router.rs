//! The routes of the lab, and serving them.

use std::future::Future;
use std::io;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use url::{Host, Url};

use crate::failure::Failure;
use crate::world::Lab;
use crate::{authorize, control, discovery, logout, pages, sign_in, token, userinfo};

/// No form of the lab comes near this; what is larger is a mistake.
const BODY_LIMIT: usize = 64 * 1024;

impl Lab {
    /// Everything the lab answers, without a listener.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(index))
            .route("/lab.css", get(pages::stylesheet))
            .route("/{provider}", get(provider))
            .route(
                "/{provider}/.well-known/openid-configuration",
                get(discovery::document),
            )
            .route("/{provider}/jwks", get(discovery::jwks))
            .route(
                "/{provider}/authorize",
                get(authorize::by_query).post(authorize::by_form),
            )
            .route("/{provider}/par", post(authorize::push))
            .route(
                "/{provider}/sign-in/{key}",
                get(sign_in::show).post(sign_in::submit),
            )
            .route("/{provider}/token", post(token::exchange))
            .route(
                "/{provider}/userinfo",
                get(userinfo::show).post(userinfo::show),
            )
            .route(
                "/{provider}/end-session",
                get(logout::by_query).post(logout::by_form),
            )
            .route(
                "/{provider}/control",
                get(control::show).post(control::change),
            )
            .fallback(nothing_here)
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(middleware::from_fn(guard))
            .with_state(self.clone())
    }
}

/// Serves `lab` on `listener` until `shutdown` is done.
///
/// # Errors
/// `InvalidInput` if the listener is not on loopback or is not the address the lab was made
/// for (its issuers would be wrong); otherwise whatever accepting connections gives.
pub async fn serve(
    listener: TcpListener,
    lab: Lab,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let bound = listener.local_addr()?;
    let expected = lab.options().listen;
    if !bound.ip().is_loopback() || bound != expected {
        let text = format!("the lab was made for {expected} on loopback, not for {bound}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    axum::serve(listener, lab.router())
        .with_graceful_shutdown(shutdown)
        .await
}

async fn index(State(lab): State<Lab>) -> Response {
    pages::index(&lab).into_response()
}

async fn provider(State(lab): State<Lab>, Path(slug): Path<String>) -> Result<Redirect, Failure> {
    match lab.provider(&slug) {
        Some(_) => Ok(Redirect::to(&format!("/#{slug}"))),
        None => Err(Failure::unknown_provider(&slug)),
    }
}

async fn nothing_here() -> Failure {
    let text = "There is nothing at this address. The start page lists the providers.";
    Failure::Page(StatusCode::NOT_FOUND, text.to_owned())
}

/// Refuses requests under a foreign host name (a page elsewhere could point its own name at
/// this machine), and sets the headers every answer has.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    let mut response = match host {
        Some(host) if !is_ours(host) => {
            let text = "The lab answers only to 127.0.0.1, localhost and [::1].";
            Failure::Page(StatusCode::MISDIRECTED_REQUEST, text.to_owned()).into_response()
        }
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

fn is_ours(host: &HeaderValue) -> bool {
    let address = host.to_str().ok().map(|host| format!("http://{host}/"));
    let url = address.and_then(|address| Url::parse(&address).ok());
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
