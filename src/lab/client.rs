//! Who the client is: `client_secret_basic` or `client_secret_post` (RFC 6749, section 2.3.1).

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::sha::sha256;
use url::form_urlencoded;

use crate::failure::Failure;
use crate::options::Options;
use crate::parameters::Parameters;

/// Refuses unless the request proves to come from the lab's one client.
pub(crate) fn authenticate(
    headers: &HeaderMap,
    parameters: &Parameters,
    options: &Options,
) -> Result<(), Failure> {
    let posted = parameters
        .get("client_secret")
        .map(|secret| (parameters.get("client_id").unwrap_or_default(), secret));
    let basic = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().ok().and_then(read_basic));
    let (id, secret) = match (basic, posted) {
        (Some(_), Some(_)) => {
            return Err(Failure::bad_request(
                "invalid_request",
                "The client proved itself in two ways at once.",
            ));
        }
        (Some(None), None) => {
            return Err(Failure::Client("The Authorization header is not readable."));
        }
        (Some(Some(pair)), None) => pair,
        (None, Some((id, secret))) => (id.to_owned(), secret.to_owned()),
        (None, None) => return Err(Failure::Client("The client did not prove who it is.")),
    };
    // Hashes have one length and take one time to compare, whatever was sent.
    let same = |a: &str, b: &str| openssl::memcmp::eq(&sha256(a.as_bytes()), &sha256(b.as_bytes()));
    if same(&id, &options.client_id) & same(&secret, &options.client_secret) {
        Ok(())
    } else {
        Err(Failure::Client("The client or its secret is wrong."))
    }
}

fn read_basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

/// Decodes one form value; the separators of a form have no meaning inside it.
fn form_decode(text: &str) -> String {
    let single = text.replace('&', "%26").replace('=', "%3D");
    let mut pairs = form_urlencoded::parse(single.as_bytes());
    pairs
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_decoded() {
        let value = format!("Basic {}", STANDARD.encode("a%3Ab:s+e%26cr=et"));
        let pair = read_basic(&value).unwrap();
        assert_eq!(pair, ("a:b".to_owned(), "s e&cr=et".to_owned()));
        assert_eq!(read_basic("Bearer x"), None);
        assert_eq!(read_basic("Basic !"), None);
    }
}
