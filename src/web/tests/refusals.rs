//! What is refused before any page sees it, through the whole stack of layers.

mod house;

use http::StatusCode;
use serde_json::json;

use crate::house::House;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn w11_a_cross_site_post_changes_nothing_and_goes_on_record() {
    let house = House::open().await;
    let cookie = house.post("/in", None).await.cookie();
    let cookie = format!("muster={cookie}");
    let forged = [
        FORM,
        ("cookie", cookie.as_str()),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    let answer = house.send("POST", "/count", &forged, "").await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::FORBIDDEN, "WEB-001".to_owned())
    );
    assert_eq!(house.count(), 0);
    let own = [
        FORM,
        ("cookie", cookie.as_str()),
        ("origin", "http://127.0.0.1:3000"),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(
        house.send("POST", "/count", &own, "").await.status,
        StatusCode::OK
    );
    assert_eq!(house.count(), 1);
    let event = house.last_event().await;
    assert_eq!(
        (
            event.action.as_str(),
            event.actor.as_str(),
            event.target.as_str()
        ),
        ("request.refused", "ada", "/count")
    );
    assert_eq!(event.detail["code"], json!("WEB-001"));
}

#[tokio::test]
async fn w14_no_get_changes_anything() {
    let house = House::open().await;
    for (method, headers) in [
        ("GET", vec![]),
        ("HEAD", vec![]),
        ("GET", vec![("x-http-method-override", "POST")]),
        (
            "GET",
            vec![("x-method-override", "POST"), ("x-http-method", "POST")],
        ),
    ] {
        let answer = house
            .send(method, "/count?_method=POST", &headers, "")
            .await;
        assert_eq!(
            answer.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {headers:?}"
        );
    }
    assert_eq!(
        house.send("GET", "/api/count", &[], "").await.code(),
        "WEB-405"
    );
    assert_eq!(house.count(), 0);
}

#[tokio::test]
async fn w32_a_foreign_host_gets_no_page() {
    let house = House::open().await;
    for headers in [
        vec![("host", "evil.example")],
        vec![("host", "127.0.0.1:3000"), ("host", "evil.example")],
    ] {
        let answer = house.send("GET", "/who", &headers, "").await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::MISDIRECTED_REQUEST, "WEB-421".to_owned()),
            "{headers:?}"
        );
    }
    let spoofed = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "host=evil.example"),
    ];
    let answer = house.send("GET", "/who", &spoofed, "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.text.contains("evil.example"));
}

#[tokio::test]
async fn w33_an_address_is_taken_from_the_connection() {
    let house = House::open().await;
    let answer = house
        .send("GET", "/address", &[("x-forwarded-for", "10.9.9.9")], "")
        .await;
    assert_eq!(answer.text, "192.0.2.1");
}

#[tokio::test]
async fn an_oversized_body_is_refused_however_it_is_announced() {
    let house = House::open().await;
    let own = [FORM, ("origin", "http://127.0.0.1:3000")];
    let large = format!("name={}", "a".repeat(1024 * 1024));
    let length = large.len().to_string();
    let declared = [own[0], own[1], ("content-length", length.as_str())];
    for headers in [&declared[..], &own[..]] {
        let answer = house.send("POST", "/form", headers, &large).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::PAYLOAD_TOO_LARGE, "WEB-413".to_owned())
        );
    }
}

#[tokio::test]
async fn garbled_text_is_refused_in_words() {
    let house = House::open().await;
    let own = [FORM, ("origin", "http://127.0.0.1:3000")];
    assert_eq!(
        house.send("POST", "/form", &own, "name=%FF").await.code(),
        "WEB-003"
    );
    assert_eq!(
        house
            .send("GET", "/query?name=%C0%AF", &[], "")
            .await
            .code(),
        "WEB-003"
    );
    assert_eq!(
        house.send("POST", "/form", &own, "name=Ada").await.text,
        "Ada"
    );
}

#[tokio::test]
async fn w59_w39_every_answer_carries_the_headers() {
    let house = House::open().await;
    let browser = [("accept", "text/html")];
    for path in ["/who", "/nowhere", "/healthz", "/boom"] {
        let answer = house.send("GET", path, &browser, "").await;
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
    let first = house.send("GET", "/nonce", &browser, "").await;
    let second = house.send("GET", "/nonce", &browser, "").await;
    assert!(
        first
            .header("content-security-policy")
            .contains(&format!("'nonce-{}'", first.text)),
        "{}",
        first.text
    );
    assert_ne!(first.text, second.text);
}

#[tokio::test]
async fn w33_a_request_number_of_the_caller_is_not_taken_over() {
    let house = House::open().await;
    let answer = house
        .send("GET", "/who", &[("x-request-id", "chosen")], "")
        .await;
    assert_ne!(answer.header("x-request-id"), "chosen");
}

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_a_document() {
    let house = House::open().await;
    let page = house
        .send("GET", "/nowhere", &[("accept", "text/html,*/*;q=0.8")], "")
        .await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.text.contains("There is no such page.") && page.text.contains("WEB-404"),
        "{}",
        page.text
    );
    let document = house
        .send("GET", "/nowhere", &[("accept", "application/json")], "")
        .await;
    assert_eq!(document.header("content-type"), "application/problem+json");
    assert_eq!(
        document.json()["request_id"],
        json!(document.header("x-request-id"))
    );
}

#[tokio::test]
async fn who_has_to_sign_in_is_led_there_and_back() {
    let house = House::open().await;
    let page = house
        .send("GET", "/mine?tab=2", &[("accept", "text/html")], "")
        .await;
    assert_eq!(
        (page.status, page.header("location")),
        (
            StatusCode::SEE_OTHER,
            "/signin?return_to=%2Fmine%3Ftab%3D2".to_owned()
        )
    );
    assert_eq!(
        house.send("GET", "/mine", &[], "").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_page_that_breaks_says_so_without_its_inner_detail() {
    let house = House::open().await;
    let answer = house
        .send("GET", "/boom", &[("accept", "text/html")], "")
        .await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text.contains("WEB-500") && !answer.text.contains("inner detail"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn without_a_database_it_is_up_but_not_ready_and_says_so() {
    let house = House::open().await;
    let cookie = house.post("/in", None).await.cookie();
    assert_eq!(house.get("/readyz", None).await.text, "ready\n");
    house.close().await;
    assert_eq!(house.get("/healthz", None).await.text, "up\n");
    let ready = house.get("/readyz", None).await;
    assert_eq!(
        (ready.status, ready.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "10".to_owned())
    );
    assert_eq!(
        house.get("/who", Some(&cookie)).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        house.get("/who", None).await.text,
        "anonymous",
        "what needs no database goes on"
    );
}

#[tokio::test]
async fn figures_are_for_this_machine_alone() {
    let house = House::open().await;
    assert_eq!(
        house.get("/metrics", None).await.status,
        StatusCode::FORBIDDEN
    );
    let local = house.from("127.0.0.1:5000");
    assert!(
        local
            .get("/metrics", None)
            .await
            .text
            .contains("muster_http_responses_total{class=\"4xx\"} 1\n")
    );
    assert_eq!(
        local
            .send("GET", "/metrics", &[("x-forwarded-for", "1.2.3.4")], "")
            .await
            .status,
        StatusCode::FORBIDDEN
    );
}
