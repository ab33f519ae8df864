//! Noise: whatever bytes arrive, the answer is an error, never a panic and never a sign-in.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::evil::{Evil, Party, Reply};
use crate::keys;

const CASES: u32 = 128;

/// Plays cases against one provider: `arm` prepares what it says.
fn refuses<S: Strategy>(cases: u32, strategy: S, arm: impl Fn(&Evil, S::Value)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let evil = runtime.block_on(Evil::start());
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&strategy, |value| {
        arm(&evil, value);
        runtime.block_on(async {
            let party = Party::of(&evil);
            party.examine().await;
            match party.evidence().await {
                Err(error) if error.code.starts_with("OIDC-") => Ok(()),
                other => Err(TestCaseError::fail(format!("{other:?}"))),
            }
        })
    });
    outcome.unwrap();
}

#[test]
fn any_token_text() {
    refuses(CASES, "[ -~]{0,80}(\\.[ -~]{0,80}){0,6}", |evil, text| {
        evil.hand_out(&text)
    });
}

#[test]
fn any_header_and_claims() {
    let parts = (any_json(), any_json(), any::<Vec<u8>>());
    refuses(CASES, parts, |evil, (header, claims, signature)| {
        evil.hand_out(&[keys::b64(header), keys::b64(claims), keys::b64(signature)].join("."));
    });
}

#[test]
fn any_signed_claims() {
    refuses(CASES, any_json(), |evil, claims| {
        evil.hand_out(&keys::token(
            &json!({"alg": "RS256", "kid": "k1"}),
            &claims,
            keys::rsa(),
        ));
    });
}

#[test]
fn any_bytes_from_every_endpoint() {
    let paths = [
        "/.well-known/openid-configuration",
        "/keys",
        "/token",
        "/userinfo",
    ];
    let answers = (
        any::<Vec<u8>>(),
        200_u16..600,
        prop::sample::select(paths.to_vec()),
    );
    refuses(CASES, answers, |evil, (body, status, path)| {
        evil.publish_with(json!({"userinfo_endpoint": format!("{}/userinfo", evil.issuer)}));
        evil.publish_keys(&[keys::jwk(keys::rsa(), "k1")]);
        evil.hand_out(&evil.token_with(json!({})));
        evil.reply("/userinfo", Reply::json(200, &json!({"sub": "ada"})));
        evil.reply(path, Reply::Body(status, "application/json", body));
    });
}

#[test]
fn any_key_set() {
    let algs = prop::sample::select(&["RS256", "PS256", "ES256", "ES384", "EdDSA"]);
    let sets = (algs, any_json(), any::<Vec<u8>>(), any::<Vec<u8>>());
    refuses(CASES / 2, sets, |evil, (alg, odd, x, n)| {
        evil.publish_keys(&[
            odd.parse::<Value>().unwrap_or_default(),
            json!({"kty": "EC", "crv": "P-256", "x": keys::b64(&x), "y": keys::b64(&n)}),
            json!({"kty": "EC", "crv": "P-384", "x": keys::b64(&n), "y": keys::b64(&x)}),
            json!({"kty": "RSA", "n": keys::b64([n, vec![255; 256]].concat()), "e": keys::b64(&x)}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": keys::b64(&x)}),
        ]);
        let header = keys::b64(json!({ "alg": alg }).to_string());
        let claims = keys::b64(evil.claims_with(json!({})).to_string());
        evil.hand_out(&format!("{header}.{claims}.{}", keys::b64([7; 64])));
    });
}

/// JSON that looks like headers, claims and keys, with odd values and repeated names.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|v| json!(v)),
        any::<i64>().prop_map(|v| json!(v)),
        any::<f64>().prop_map(|v| json!(v)),
        "[ -~]{0,20}".prop_map(|v| json!(v)),
        "RS256|none|k1|muster|RSA|EC|P-256|sig".prop_map(|v| json!(v)),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|v| json!(v))
    });
    let known =
        "alg|kid|typ|crit|iss|aud|azp|exp|iat|nbf|nonce|sub|at_hash|kty|crv|x|y|n|e|use|keys";
    let name = prop_oneof![known, "[a-z_]{1,8}"];
    prop::collection::vec((name, value), 0..12).prop_map(|members| {
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{}:{value}", json!(name)))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}
