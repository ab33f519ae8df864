//! The discovery document and the keys. Both say what the provider really does.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::behaviour::{ACR, Force, StatedTime};
use crate::failure::Failure;
use crate::provider::Provider;
use crate::tamper::{Stage, Tamper};
use crate::world::Lab;

/// `GET /{provider}/.well-known/openid-configuration`
pub(crate) async fn document(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
) -> Result<Json<Value>, Failure> {
    let provider = lab
        .provider(&slug)
        .ok_or_else(|| Failure::unknown_provider(&slug))?;
    let mut document = describe(provider);
    if provider.tamper(Stage::Discovery) == Some(Tamper::DiscoveryWrongIssuer)
        && let Some(issuer) = document.get_mut("issuer")
    {
        *issuer = json!("http://other-issuer.example");
    }
    Ok(Json(document))
}

/// `GET /{provider}/jwks`
pub(crate) async fn jwks(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
) -> Result<Json<Value>, Failure> {
    let provider = lab
        .provider(&slug)
        .ok_or_else(|| Failure::unknown_provider(&slug))?;
    Ok(Json(provider.with_keys(|keys| Ok(keys.jwks()))?))
}

fn describe(provider: &Provider) -> Value {
    let at = |path: &str| format!("{}/{path}", provider.issuer);
    let mut document = json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at("authorize"),
        "pushed_authorization_request_endpoint": at("par"),
        "token_endpoint": at("token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("jwks"),
        "end_session_endpoint": at("end-session"),
        "scopes_supported": ["openid", "profile", "email", "groups"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms(provider),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "require_pushed_authorization_requests": false,
        "claim_types_supported": ["normal"],
        "claims_supported": claims(provider),
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "acr_values_supported": [ACR],
        "ui_locales_supported": ["en"],
    });
    // A provider that ignores prompt does not claim to know its values.
    if provider.character.behaviour.force == Force::Obeyed
        && let Some(fields) = document.as_object_mut()
    {
        let values = json!(["none", "login", "select_account"]);
        fields.insert("prompt_values_supported".to_owned(), values);
    }
    document
}

fn algorithms(provider: &Provider) -> Vec<&'static str> {
    let offered = provider.character.algorithm.offered();
    offered.iter().map(|algorithm| algorithm.name()).collect()
}

fn claims(provider: &Provider) -> Vec<&'static str> {
    let mut claims = vec![
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nonce",
        "at_hash",
        "acr",
        "amr",
        "sid",
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "email",
        "email_verified",
        "groups",
    ];
    if provider.character.behaviour.stated_time != StatedTime::Omitted {
        claims.push("auth_time");
    }
    claims
}
