//! What reverse proxies ask: who may ask, which headers count, and the shape of the answers. And the challenge for
//! programs that need a secure session.

mod house;

use house::{Answer, House};
use http::StatusCode;

const PROXY: &str = "192.0.2.1";
const SITE: &str = "https://grafana.example";
const DASH: (&str, &str) = ("x-original-url", "https://grafana.example/dash?x=1");
const GET: (&str, &str) = ("x-original-method", "GET");

async fn house() -> House {
    let house = House::behind(&[PROXY]).await;
    house.application(SITE).await;
    house
}

async fn verify(house: &House, query: &str, headers: &[(&str, &str)]) -> Answer {
    house
        .send("GET", &format!("/auth/verify{query}"), headers, "")
        .await
}

#[tokio::test]
async fn w33_nobody_but_a_named_proxy_may_ask() {
    let house = house().await;
    let stranger = house.from("203.0.113.9:4000");
    for path in [
        "/auth/verify",
        "/.muster/start?to=/",
        "/.muster/return?code=x",
    ] {
        let answer = stranger.send("GET", path, &[DASH, GET], "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(answer.text.contains("FWD-001"), "{path}");
        assert!(answer.set_cookies.is_empty());
    }
    let host = ("host", "grafana.example");
    assert_eq!(
        stranger
            .send("GET", "/auth/verify", &[DASH, host], "")
            .await
            .code(),
        "WEB-421"
    );
    assert_eq!(
        verify(&house, "", &[DASH, host]).await.status,
        StatusCode::UNAUTHORIZED,
        "proxies pass the host on"
    );
    assert_eq!(
        house.send("GET", "/who", &[DASH, host], "").await.code(),
        "WEB-421"
    );
}

#[tokio::test]
async fn w33_w34_headers_that_are_doubled_missing_or_contradict_each_other_are_refused() {
    let house = house().await;
    let (proto, name, uri) = (
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "grafana.example"),
        ("x-forwarded-uri", "/dash?x=1"),
    );
    for good in [
        &[DASH][..],
        &[proto, name, uri],
        &[DASH, proto, name, uri, GET, ("x-forwarded-method", "GET")],
        &[DASH, proto],
    ] {
        assert_eq!(
            verify(&house, "", good).await.status,
            StatusCode::UNAUTHORIZED,
            "{good:?}"
        );
    }
    for bad in [
        &[][..],
        &[proto, name],
        &[name, uri],
        &[DASH, DASH],
        &[DASH, ("x-original-url", "https://grafana.example/open")],
        &[DASH, ("x-forwarded-uri", "/open")],
        &[DASH, ("x-forwarded-host", "other.example")],
        &[DASH, ("x-forwarded-proto", "http")],
        &[proto, name, uri, uri],
        &[
            proto,
            ("x-forwarded-host", "grafana.example, other.example"),
            uri,
        ],
        &[DASH, GET, ("x-forwarded-method", "POST")],
        &[DASH, GET, GET],
        &[("x-original-url", "/dash")],
        &[("x-original-url", "https://grafana.example@evil.example/")],
        &[("x-original-url", "https://grafana.example/a%00")],
        &[("x-original-url", "https://grafana.example/x/%2e%2e/open")],
        &[("x-original-url", "https://grafana.example?x")],
        &[(
            "x-original-url",
            "https://grafana.example:8443https://secret.example/",
        )],
    ] {
        let answer = verify(&house, "", bad).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::FORBIDDEN, "FWD-002"),
            "{bad:?}"
        );
    }
    let unknown = verify(
        &house,
        "?redirect",
        &[("x-original-url", "https://evil.example/")],
    )
    .await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (StatusCode::FORBIDDEN, "FWD-003")
    );
    assert_eq!(
        unknown.header("location") + &unknown.header("x-muster-location"),
        ""
    );
}

#[tokio::test]
async fn the_way_in_is_told_as_each_proxy_can_pass_it_on() {
    let house = house().await;
    let start = "https://grafana.example/.muster/start?to=%2Fdash%3Fx%3D1";
    let nginx = verify(&house, "", &[DASH, GET]).await;
    assert_eq!(
        (nginx.status, nginx.header("x-muster-location").as_str()),
        (StatusCode::UNAUTHORIZED, start)
    );
    assert_eq!(
        (
            nginx.header("www-authenticate").as_str(),
            nginx.header("location").as_str()
        ),
        ("Bearer", "")
    );
    assert_eq!(nginx.header("cache-control"), "no-store");
    let others = verify(&house, "?redirect", &[DASH, GET]).await;
    assert_eq!(
        (others.status, others.header("location").as_str()),
        (StatusCode::FOUND, start)
    );
    let posted = [DASH, ("x-original-method", "POST")];
    let posted = verify(&house, "?redirect", &posted).await;
    assert_eq!(
        (posted.status, posted.header("x-muster-location").as_str()),
        (
            StatusCode::UNAUTHORIZED,
            "https://grafana.example/.muster/start?to=%2F"
        )
    );
    for (referrer, to) in [
        ("https://grafana.example/form", "%2Fform"),
        ("https://evil.example/form", "%2F"),
    ] {
        let headers = [DASH, ("x-original-method", "POST"), ("referer", referrer)];
        let told = verify(&house, "", &headers)
            .await
            .header("x-muster-location");
        assert_eq!(
            told,
            format!("https://grafana.example/.muster/start?to={to}")
        );
    }
    let elevated = verify(&house, "?elevated", &[DASH, GET]).await;
    assert!(
        elevated
            .header("x-muster-location")
            .ends_with("&elevated=1")
    );
    assert!(
        elevated
            .header("www-authenticate")
            .contains("insufficient_user_authentication")
    );
}

#[tokio::test]
async fn w58_the_application_learns_who_it_is_in_plain_headers() {
    let house = house().await;
    let cookie = house.post("/in", None).await.cookie();
    house.let_in(&cookie, "token", SITE).await;
    let with = ("cookie", "a=b; __Host-muster-app=token");
    let answer = verify(&house, "", &[DASH, GET, with, ("remote-user", "root")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let told = [
        "remote-user",
        "remote-name",
        "remote-email",
        "remote-groups",
    ]
    .map(|name| answer.header(name));
    assert_eq!(told, ["ada", "Ada Lindqvist", "", ""]);
    let admin = ("x-original-url", "https://grafana.example/;x%2fy/%61Dmin");
    assert_eq!(
        verify(&house, "", &[admin, GET, with]).await.status,
        StatusCode::UNAUTHORIZED
    );
    let doubled = [DASH, GET, with, ("cookie", "__Host-muster-app=other")];
    assert_eq!(
        verify(&house, "", &doubled).await.status,
        StatusCode::UNAUTHORIZED
    );
    let unbound = [DASH, GET, ("cookie", "muster-app=token")];
    assert_eq!(
        verify(&house, "", &unbound).await.status,
        StatusCode::UNAUTHORIZED,
        "over https the bound name alone counts"
    );
    house.application("http://127.0.0.1:81").await;
    let elsewhere = [
        ("x-original-url", "http://127.0.0.1:81/"),
        GET,
        ("cookie", "muster-app=token"),
    ];
    assert_eq!(
        verify(&house, "", &elsewhere).await.status,
        StatusCode::UNAUTHORIZED,
        "each origin has its own"
    );
}

#[tokio::test]
async fn w9_w1_the_first_step_binds_the_way_in_to_the_browser() {
    let house = house().await;
    let headers = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "grafana.example"),
    ];
    let answer = house
        .send("GET", "/.muster/start?to=%2Fdash&elevated=1", &headers, "")
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let set = answer.set_cookies.first().unwrap();
    assert!(
        set.starts_with("__Host-muster-flow=")
            && set.ends_with("HttpOnly; SameSite=Lax; Secure; Path=/"),
        "{set}"
    );
    let flow = set.split(['=', ';']).nth(1).unwrap();
    let to = answer.header("location");
    assert!(
        to.starts_with("http://127.0.0.1:3000/auth/enter?application="),
        "{to}"
    );
    assert!(
        !to.contains(flow) && to.ends_with("&to=%2Fdash&elevated=1"),
        "{to}"
    );
    let kept = format!("__Host-muster-flow={flow}");
    let again = [headers[0], headers[1], ("cookie", kept.as_str())];
    let again = house
        .send("GET", "/.muster/start?to=%2Fother", &again, "")
        .await;
    assert!(
        again.set_cookies.first().unwrap().contains(flow),
        "one for all tabs"
    );
    let script = [headers[0], headers[1], ("sec-fetch-mode", "cors")];
    assert_eq!(
        house
            .send("GET", "/.muster/start?to=/", &script, "")
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    let forged = house
        .send("GET", "/.muster/return?code=forged", &headers, "")
        .await;
    assert_eq!(
        (forged.status, forged.set_cookies.len()),
        (StatusCode::CONFLICT, 0)
    );
    assert!(forged.text.contains("FWD-005"));
}

#[tokio::test]
async fn a_program_that_needs_a_secure_session_is_challenged_as_rfc_9470_says() {
    let house = House::open().await;
    let cookie = house.post("/in", None).await.cookie();
    let cookie = format!("muster={cookie}");
    for accept in [
        ("accept", "application/json"),
        ("authorization", "Bearer x"),
    ] {
        let headers = [("cookie", cookie.as_str()), accept];
        let answer = house.send("GET", "/secure", &headers, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            answer.header("www-authenticate"),
            "Bearer error=\"insufficient_user_authentication\", error_description=\"This needs a secure session.\", \
             max_age=3600, acr_values=\"urn:muster:acr:secure-session\""
        );
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!(
            (problem["status"].as_u64(), problem["code"].as_str()),
            (Some(401), Some("ELV-001"))
        );
        assert_eq!(problem["elevate"].as_str(), Some("/elevate"));
    }
    let person = [("cookie", cookie.as_str()), ("accept", "text/html")];
    let page = house.send("GET", "/secure", &person, "").await;
    assert_eq!(
        (page.status, page.header("www-authenticate").as_str()),
        (StatusCode::FORBIDDEN, "")
    );
    let nobody = house
        .send("GET", "/secure", &[("accept", "application/json")], "")
        .await;
    assert_eq!(nobody.code(), "WEB-401");
}
