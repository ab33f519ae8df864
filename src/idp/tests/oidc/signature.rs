//! ID tokens whose header or signature does not hold.

use openssl::bn::BigNum;
use openssl::pkey::PKey;
use serde_json::{Value, json};

use crate::evil::{Evil, Party, SECRET, refusal_of};
use crate::keys::{self, b64};

async fn accepted(evil: &Evil, token: &str) {
    evil.hand_out(token);
    Party::of(evil).evidence().await.unwrap();
}

fn signed(evil: &Evil, header: &Value, key: &keys::Pair) -> String {
    keys::token(header, &evil.claims_with(json!({})).to_string(), key)
}

#[tokio::test]
async fn o15_oidcc_client_test_idtoken_sig_none() {
    let evil = Evil::start().await;
    let claims = b64(evil.claims_with(json!({})).to_string());
    for alg in ["none", "None", "NONE", "nOnE", "", " none", "none\0"] {
        let header = b64(json!({"alg": alg, "kid": "k1"}).to_string());
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{claims}.{signature}");
            assert_eq!(refusal_of(&evil, &token).await, "OIDC-032", "{alg}");
        }
    }
    let header = b64(json!({"kid": "k1"}).to_string());
    assert_eq!(
        refusal_of(&evil, &format!("{header}.{claims}.")).await,
        "OIDC-032"
    );
    assert_eq!(
        refusal_of(&evil, &format!("{header}.{claims}")).await,
        "OIDC-030"
    );
}

#[tokio::test]
async fn o16_hs256_with_the_public_key_is_refused() {
    let evil = Evil::start().await;
    let message = format!(
        "{}.{}",
        b64(r#"{"alg":"HS256","kid":"k1"}"#),
        b64(evil.claims_with(json!({})).to_string())
    );
    let key = keys::rsa();
    for secret in [
        key.public_key_to_pem().unwrap(),
        key.public_key_to_der().unwrap(),
        key.rsa().unwrap().n().to_vec(),
        keys::jwk(key, "k1").to_string().into_bytes(),
    ] {
        let token = format!("{message}.{}", b64(keys::hmac(&secret, message.as_bytes())));
        assert_eq!(refusal_of(&evil, &token).await, "OIDC-032");
    }
}

#[tokio::test]
async fn o17_oidcc_client_test_invalid_sig_hs256_with_the_client_secret_is_refused() {
    let evil = Evil::start().await;
    // Even where the provider offers it and publishes the secret as a key.
    evil.publish_with(json!({"id_token_signing_alg_values_supported": ["HS256", "RS256"]}));
    evil.publish_keys(&[json!({"kty": "oct", "kid": "k1", "alg": "HS256", "k": b64(SECRET)})]);
    let message = format!(
        "{}.{}",
        b64(r#"{"alg":"HS256","kid":"k1"}"#),
        b64(evil.claims_with(json!({})).to_string())
    );
    let token = format!(
        "{message}.{}",
        b64(keys::hmac(SECRET.as_bytes(), message.as_bytes()))
    );
    assert_eq!(refusal_of(&evil, &token).await, "OIDC-032");
}

#[tokio::test]
async fn o18_algorithms_outside_the_list_are_refused() {
    let evil = Evil::start().await;
    for alg in [
        "RS1", "ES256K", "ES512", "HS384", "HS512", "A128GCM", "rs256", "RS256 ",
    ] {
        let token = format!(
            "{}.{}.AAAA",
            b64(json!({ "alg": alg }).to_string()),
            b64("{}")
        );
        assert_eq!(refusal_of(&evil, &token).await, "OIDC-032", "{alg}");
    }
}

#[tokio::test]
async fn o19_the_algorithm_of_the_token_does_not_choose_the_kind_of_key() {
    let evil = Evil::start().await;
    let claims = b64(evil.claims_with(json!({})).to_string());
    for alg in ["ES256", "ES384", "EdDSA"] {
        let message = format!(
            "{}.{claims}",
            b64(json!({"alg": alg, "kid": "k1"}).to_string())
        );
        let token = format!(
            "{message}.{}",
            b64(keys::sign("RS256", keys::rsa(), message.as_bytes()))
        );
        assert_eq!(refusal_of(&evil, &token).await, "OIDC-033", "{alg}");
    }
    // A key that is published for one algorithm is not used with another.
    let mut key = keys::jwk(keys::rsa(), "k1");
    key["alg"] = json!("PS256");
    evil.publish_keys(&[key]);
    assert_eq!(
        refusal_of(&evil, &evil.token_with(json!({}))).await,
        "OIDC-034"
    );
}

#[tokio::test]
async fn oidcc_client_test_idtoken_sig_rs256_and_the_other_algorithms_are_accepted() {
    let evil = Evil::start().await;
    evil.publish_keys(&[
        keys::jwk(keys::rsa(), "r"),
        keys::jwk(keys::p256(), "e"),
        keys::jwk(keys::p384(), "f"),
        keys::jwk(keys::ed25519(), "d"),
    ]);
    let rsa =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map(|alg| (alg, "r", keys::rsa()));
    let others = [
        ("ES256", "e", keys::p256()),
        ("ES384", "f", keys::p384()),
        ("EdDSA", "d", keys::ed25519()),
    ];
    for (alg, kid, key) in rsa.into_iter().chain(others) {
        accepted(
            &evil,
            &signed(&evil, &json!({"alg": alg, "kid": kid, "typ": "JWT"}), key),
        )
        .await;
    }
}

#[tokio::test]
async fn oidcc_client_test_invalid_sig_rs256() {
    let evil = Evil::start().await;
    let token = evil.token_with(json!({}));
    let (message, signature) = token.rsplit_once('.').unwrap();
    for bad in ["", "AAAA", &b64([0; 256]), &signature[4..]] {
        assert_eq!(
            refusal_of(&evil, &format!("{message}.{bad}")).await,
            "OIDC-034"
        );
    }
    // A claim changed after signing.
    let changed = message.split_once('.').unwrap().0.to_owned()
        + "."
        + &b64(evil.claims_with(json!({"sub": "bob"})).to_string());
    assert_eq!(
        refusal_of(&evil, &format!("{changed}.{signature}")).await,
        "OIDC-034"
    );
    // A key of somebody else under the published name.
    let token = signed(
        &evil,
        &json!({"alg": "RS256", "kid": "k1"}),
        keys::other_rsa(),
    );
    assert_eq!(refusal_of(&evil, &token).await, "OIDC-034");
}

#[tokio::test]
async fn oidcc_client_test_invalid_sig_es256() {
    let evil = Evil::start().await;
    evil.publish_keys(&[keys::jwk(keys::p256(), "k1")]);
    let token = signed(&evil, &json!({"alg": "ES256", "kid": "k1"}), keys::p256());
    let (message, _) = token.rsplit_once('.').unwrap();
    let other = keys::sign("ES256", keys::p256(), b"another message");
    assert_eq!(
        refusal_of(&evil, &format!("{message}.{}", b64(other))).await,
        "OIDC-034"
    );
}

#[tokio::test]
async fn o20_a_key_name_is_only_a_name() {
    let evil = Evil::start().await;
    for kid in [
        "../../etc/passwd",
        "k1' OR '1'='1",
        "/dev/null",
        "http://169.254.169.254/",
        "",
        "k1\0",
        &"x".repeat(50_000),
    ] {
        let token = signed(&evil, &json!({"alg": "RS256", "kid": kid}), keys::rsa());
        assert_eq!(refusal_of(&evil, &token).await, "OIDC-033", "{kid:.20}");
    }
    let token = signed(&evil, &json!({"alg": "RS256", "kid": ["k1"]}), keys::rsa());
    assert_eq!(refusal_of(&evil, &token).await, "OIDC-030");
}

#[tokio::test]
async fn o21_keys_and_key_addresses_in_the_header_are_ignored() {
    let evil = Evil::start().await;
    evil.publish_keys(&[keys::jwk(keys::rsa(), "k1")]);
    evil.reply(
        "/evil-keys",
        crate::evil::Reply::json(200, &json!({"keys": [keys::jwk(keys::other_rsa(), "k1")]})),
    );
    let theirs = format!("{}/evil-keys", evil.issuer);
    for header in [
        json!({"alg": "RS256", "jwk": keys::jwk(keys::other_rsa(), "k1")}),
        json!({"alg": "RS256", "kid": "k1", "jku": theirs}),
        json!({"alg": "RS256", "kid": "k1", "x5u": theirs}),
        json!({"alg": "RS256", "kid": "k1", "x5c": ["AAAA"]}),
    ] {
        assert_eq!(
            refusal_of(&evil, &signed(&evil, &header, keys::other_rsa())).await,
            "OIDC-034",
            "{header}"
        );
    }
    assert_eq!(evil.hits("/evil-keys"), 0);
}

#[tokio::test]
async fn o22_a_critical_header_is_refused() {
    let evil = Evil::start().await;
    for header in [
        json!({"alg": "RS256", "kid": "k1", "crit": ["exp"]}),
        json!({"alg": "RS256", "kid": "k1", "crit": []}),
        json!({"alg": "RS256", "kid": "k1", "b64": false, "crit": ["b64"]}),
        json!({"alg": "RS256", "kid": "k1", "zip": "DEF"}),
    ] {
        assert_eq!(
            refusal_of(&evil, &signed(&evil, &header, keys::rsa())).await,
            "OIDC-036",
            "{header}"
        );
    }
}

#[tokio::test]
async fn o23_a_header_with_a_repeated_name_is_refused() {
    let evil = Evil::start().await;
    let message = format!(
        "{}.{}",
        b64(r#"{"alg":"none","alg":"RS256","kid":"k1"}"#),
        b64(evil.claims_with(json!({})).to_string())
    );
    let token = format!(
        "{message}.{}",
        b64(keys::sign("RS256", keys::rsa(), message.as_bytes()))
    );
    assert_eq!(refusal_of(&evil, &token).await, "OIDC-037");
}

#[tokio::test]
async fn o64_two_keys_of_one_name_are_both_tried() {
    let evil = Evil::start().await;
    evil.publish_keys(&[
        keys::jwk(keys::other_rsa(), "k1"),
        keys::jwk(keys::p256(), "k1"),
        keys::jwk(keys::rsa(), "k1"),
    ]);
    accepted(&evil, &evil.token_with(json!({}))).await;
}

#[tokio::test]
async fn oidcc_client_test_kid_absent_single_jwks() {
    let evil = Evil::start().await;
    accepted(&evil, &signed(&evil, &json!({"alg": "RS256"}), keys::rsa())).await;
    assert_eq!(
        refusal_of(
            &evil,
            &signed(&evil, &json!({"alg": "RS256"}), keys::other_rsa())
        )
        .await,
        "OIDC-034"
    );
}

#[tokio::test]
async fn oidcc_client_test_kid_absent_multiple_jwks() {
    let evil = Evil::start().await;
    evil.publish_keys(&[
        keys::jwk(keys::p256(), "a"),
        keys::jwk(keys::other_rsa(), "b"),
        keys::jwk(keys::rsa(), "c"),
    ]);
    accepted(&evil, &signed(&evil, &json!({"alg": "RS256"}), keys::rsa())).await;
}

#[tokio::test]
async fn o65_invalid_points_and_swapped_curves_are_refused() {
    let evil = Evil::start().await;
    let header = json!({"alg": "ES256", "kid": "k1"});
    let token = signed(&evil, &header, keys::p256());
    let honest = keys::jwk(keys::p256(), "k1");
    for (name, value) in [
        ("x", json!(b64([0; 32]))),
        ("y", json!(b64([1; 32]))),
        ("y", json!(b64([1; 500]))),
        ("x", json!("")),
        ("crv", json!("P-384")),
        ("crv", json!("P-521")),
        ("crv", json!("secp256k1")),
        ("kty", json!("RSA")),
    ] {
        let mut key = honest.clone();
        key[name] = value;
        evil.publish_keys(&[key.clone()]);
        let code = refusal_of(&evil, &token).await;
        assert!(
            ["OIDC-013", "OIDC-033", "OIDC-034"].contains(&code),
            "{code} {key}"
        );
    }
    evil.publish_keys(&[honest]);
    accepted(&evil, &token).await;
}

#[tokio::test]
async fn o66_ecdsa_zeros_are_no_signature() {
    let evil = Evil::start().await;
    evil.publish_keys(&[
        keys::jwk(keys::p256(), "e"),
        keys::jwk(keys::p384(), "f"),
        keys::jwk(keys::ed25519(), "d"),
    ]);
    let claims = b64(evil.claims_with(json!({})).to_string());
    for (alg, kid, size) in [("ES256", "e", 64), ("ES384", "f", 96), ("EdDSA", "d", 64)] {
        for filled in [vec![0; size], vec![0xff; size], vec![], vec![0; size - 1]] {
            let token = format!(
                "{}.{claims}.{}",
                b64(json!({"alg": alg, "kid": kid}).to_string()),
                b64(filled)
            );
            assert_eq!(refusal_of(&evil, &token).await, "OIDC-034", "{alg}");
        }
    }
}

#[tokio::test]
async fn o67_weak_rsa_keys_are_refused() {
    let evil = Evil::start().await;
    evil.publish_keys(&[keys::jwk(keys::weak_rsa(), "k1")]);
    let token = signed(
        &evil,
        &json!({"alg": "RS256", "kid": "k1"}),
        keys::weak_rsa(),
    );
    assert_eq!(refusal_of(&evil, &token).await, "OIDC-035");
    // Leading zeros do not make it longer.
    let n = [vec![0; 200], keys::weak_rsa().rsa().unwrap().n().to_vec()].concat();
    let mut key = keys::jwk(keys::weak_rsa(), "k1");
    key["n"] = json!(b64(n));
    evil.publish_keys(&[key]);
    assert_eq!(refusal_of(&evil, &token).await, "OIDC-035");
}

#[tokio::test]
async fn o67_an_rsa_exponent_of_one_verifies_nothing() {
    let evil = Evil::start().await;
    let mut key = keys::jwk(keys::rsa(), "k1");
    key["e"] = json!(b64([1]));
    evil.publish_keys(&[key]);
    // With e = 1 the padded digest itself would be its signature.
    let message = format!(
        "{}.{}",
        b64(r#"{"alg":"RS256","kid":"k1"}"#),
        b64(evil.claims_with(json!({})).to_string())
    );
    let digest_info = [
        hex("3031300d060960864801650304020105000420"),
        openssl::sha::sha256(message.as_bytes()).to_vec(),
    ]
    .concat();
    let padded = [
        vec![0, 1],
        vec![0xff; 256 - 3 - digest_info.len()],
        vec![0],
        digest_info,
    ]
    .concat();
    assert_eq!(
        refusal_of(&evil, &format!("{message}.{}", b64(padded))).await,
        "OIDC-034"
    );
}

fn hex(text: &str) -> Vec<u8> {
    BigNum::from_hex_str(text).unwrap().to_vec()
}

#[tokio::test]
async fn o68_an_encrypted_token_is_not_opened() {
    let evil = Evil::start().await;
    let header = b64(r#"{"alg":"RSA-OAEP","enc":"A128GCM","zip":"DEF"}"#);
    assert_eq!(
        refusal_of(&evil, &format!("{header}.AAAA.AAAA.AAAA.AAAA")).await,
        "OIDC-031"
    );
}

#[tokio::test]
async fn o69_a_token_beyond_100_kb_is_not_read() {
    let evil = Evil::start().await;
    let token = evil.token_with(json!({"padding": "x".repeat(200_000)}));
    assert_eq!(refusal_of(&evil, &token).await, "OIDC-030");
    // A person in very many groups stays below.
    accepted(
        &evil,
        &evil.token_with(json!({"groups": vec!["0192a000-0000-7000-8000-000000000001"; 1000]})),
    )
    .await;
}

#[tokio::test]
async fn text_that_is_no_token_is_refused() {
    let evil = Evil::start().await;
    for text in [
        "x",
        "..",
        "a.b.c",
        ".....",
        "eyJ9.eyJ9.",
        "e30.e30.e30",
        "💥.💥.💥",
        "e30=.e30=.AA==",
    ] {
        let code = refusal_of(&evil, text).await;
        assert!(["OIDC-030", "OIDC-032"].contains(&code), "{text}: {code}");
    }
    let secret = PKey::hmac(b"x").unwrap();
    assert_eq!(keys::sign("HS256", &secret, b"m").len(), 32);
}
