//! An authorization request after reading and checking, before any decision about it.

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use crate::options::Options;
use crate::parameters::Parameters;

/// The values of `prompt` the lab understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Prompt {
    None,
    Login,
    Consent,
    SelectAccount,
}

/// What the application asks for. Its client and redirect address are known to be good.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) redirect_uri: Url,
    /// The same, letter for letter: the token request has to repeat it.
    pub(crate) redirect_uri_as_sent: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) prompt: BTreeSet<Prompt>,
    pub(crate) max_age: Option<u32>,
    pub(crate) login_hint: Option<String>,
    pub(crate) code_challenge: Option<String>,
    /// The `acr` values an essential claim request insists on; none means any.
    pub(crate) essential_acr: Vec<String>,
    /// What was sent about re-authentication, as sent, for the sign-in page.
    pub(crate) sent: Vec<(&'static str, String)>,
}

/// Why a request cannot be worked on.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The browser must not be sent anywhere: the reason is shown in a page.
    Untrusted(String),
    /// The application learns of it.
    Refused {
        redirect_uri: Box<Url>,
        state: Option<String>,
        error: &'static str,
        description: String,
    },
}

type Complaint = (&'static str, String);

impl AuthorizationRequest {
    /// Reads the request; `options` say which client and which addresses are known.
    pub(crate) fn read(parameters: &Parameters, options: &Options) -> Result<Self, Fault> {
        let redirect_uri = trusted_address(parameters, options).map_err(Fault::Untrusted)?;
        let state = parameters.owned("state");
        Self::read_rest(parameters, redirect_uri.clone(), state.clone()).map_err(
            |(error, description)| Fault::Refused {
                redirect_uri: Box::new(redirect_uri),
                state,
                error,
                description,
            },
        )
    }

    fn read_rest(
        parameters: &Parameters,
        redirect_uri: Url,
        state: Option<String>,
    ) -> Result<Self, Complaint> {
        check_response(parameters)?;
        let scopes = read_scopes(parameters)?;
        Ok(Self {
            redirect_uri,
            redirect_uri_as_sent: parameters.owned("redirect_uri"),
            state,
            nonce: parameters.owned("nonce"),
            scopes,
            prompt: read_prompt(parameters)?,
            max_age: read_max_age(parameters)?,
            login_hint: parameters.owned("login_hint"),
            code_challenge: read_challenge(parameters)?,
            essential_acr: read_essential_acr(parameters)?,
            sent: what_was_sent(parameters),
        })
    }

    /// Whether a fresh sign-in is demanded. A `max_age` beside `prompt=none` demands none: nobody may be asked.
    pub(crate) fn is_forced(&self) -> bool {
        !self.prompt.contains(&Prompt::None)
            && (self.prompt.contains(&Prompt::Login)
                || self.prompt.contains(&Prompt::SelectAccount)
                || self.max_age.is_some())
    }

    /// Whether a sign-in in context `acr` satisfies the request.
    pub(crate) fn accepts_acr(&self, acr: &str) -> bool {
        self.essential_acr.is_empty() || self.essential_acr.iter().any(|wanted| wanted == acr)
    }
}

fn trusted_address(parameters: &Parameters, options: &Options) -> Result<Url, String> {
    match parameters.get("client_id") {
        Some(id) if id == options.client_id => {}
        Some(id) => {
            return Err(format!(
                "The client_id “{id}” is not known here. Use “{}”.",
                options.client_id
            ));
        }
        None => return Err("The request has no client_id.".to_owned()),
    }
    let sent = parameters
        .get("redirect_uri")
        .ok_or("The request has no redirect_uri.")?;
    let address = Url::parse(sent).map_err(|_| "The redirect_uri is no address.".to_owned())?;
    if !options.redirects.allows(&address) {
        return Err(format!(
            "The lab sends browsers only to this machine, and “{sent}” is elsewhere or not allowed."
        ));
    }
    Ok(address)
}

fn check_response(parameters: &Parameters) -> Result<(), Complaint> {
    if parameters.get("request").is_some() {
        return Err((
            "request_not_supported",
            "Request objects are not supported.".to_owned(),
        ));
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(other) => {
            return Err((
                "unsupported_response_type",
                format!("Only response_type=code is supported, not {other}."),
            ));
        }
        None => return Err(invalid("The request has no response_type.")),
    }
    match parameters.get("response_mode") {
        None | Some("query") => Ok(()),
        Some(other) => Err(invalid(&format!(
            "Only response_mode=query is supported, not {other}."
        ))),
    }
}

fn read_scopes(parameters: &Parameters) -> Result<BTreeSet<String>, Complaint> {
    let scopes: BTreeSet<String> = words(parameters.get("scope")).map(str::to_owned).collect();
    if scopes.contains("openid") {
        Ok(scopes)
    } else {
        Err((
            "invalid_scope",
            "The scope has to contain openid.".to_owned(),
        ))
    }
}

fn read_prompt(parameters: &Parameters) -> Result<BTreeSet<Prompt>, Complaint> {
    let mut found = BTreeSet::new();
    for word in words(parameters.get("prompt")) {
        found.insert(match word {
            "none" => Prompt::None,
            "login" => Prompt::Login,
            "consent" => Prompt::Consent,
            "select_account" => Prompt::SelectAccount,
            other => return Err(invalid(&format!("prompt={other} is not supported."))),
        });
    }
    if found.contains(&Prompt::None) && found.len() > 1 {
        return Err(invalid("prompt=none stands alone."));
    }
    Ok(found)
}

fn read_max_age(parameters: &Parameters) -> Result<Option<u32>, Complaint> {
    parameters
        .get("max_age")
        .map(|sent| sent.parse())
        .transpose()
        .map_err(|_| invalid("max_age has to be a number of seconds."))
}

fn read_challenge(parameters: &Parameters) -> Result<Option<String>, Complaint> {
    let challenge = parameters.owned("code_challenge");
    match (&challenge, parameters.get("code_challenge_method")) {
        (None, None) | (Some(_), Some("S256")) => Ok(challenge),
        (None, Some(_)) => Err(invalid("code_challenge_method without code_challenge.")),
        (Some(_), _) => Err(invalid("Only code_challenge_method=S256 is supported.")),
    }
}

fn read_essential_acr(parameters: &Parameters) -> Result<Vec<String>, Complaint> {
    let Some(sent) = parameters.get("claims") else {
        return Ok(Vec::new());
    };
    let claims: Value = serde_json::from_str(sent)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| invalid("The claims parameter is no JSON object."))?;
    let Some(acr) = claims.pointer("/id_token/acr") else {
        return Ok(Vec::new());
    };
    if acr.get("essential") != Some(&Value::Bool(true)) {
        return Ok(Vec::new());
    }
    let several = acr.get("values").and_then(Value::as_array);
    let wanted = acr
        .get("value")
        .into_iter()
        .chain(several.into_iter().flatten());
    Ok(wanted
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect())
}

fn what_was_sent(parameters: &Parameters) -> Vec<(&'static str, String)> {
    ["prompt", "max_age", "acr_values", "claims", "login_hint"]
        .into_iter()
        .filter_map(|name| Some((name, parameters.owned(name)?)))
        .collect()
}

fn words(value: Option<&str>) -> impl Iterator<Item = &str> {
    value.unwrap_or_default().split_ascii_whitespace()
}

fn invalid(description: &str) -> Complaint {
    ("invalid_request", description.to_owned())
}

#[cfg(test)]
impl AuthorizationRequest {
    /// A plain request with the given demands.
    pub(crate) fn example(prompt: &[Prompt], max_age: Option<u32>) -> Self {
        Self {
            redirect_uri: Url::parse("http://127.0.0.1:3000/cb").unwrap(),
            redirect_uri_as_sent: None,
            state: None,
            nonce: None,
            scopes: BTreeSet::from(["openid".to_owned()]),
            prompt: prompt.iter().copied().collect(),
            max_age,
            login_hint: None,
            code_challenge: None,
            essential_acr: Vec::new(),
            sent: Vec::new(),
        }
    }
}
