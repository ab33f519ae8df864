//! Guesses from its published configuration which product a provider is. A hint for people, never a rule.

use crate::discovery::Document;

/// The product's name, if its signs are clear.
pub(crate) fn product(issuer: &str, document: &Document) -> Option<&'static str> {
    let host = url::Url::parse(issuer)
        .ok()?
        .host_str()?
        .to_ascii_lowercase();
    let within = |domain: &str| {
        host == domain
            || host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let token = document.text("token_endpoint").unwrap_or_default();
    const HOSTS: [(&str, &str); 12] = [
        ("microsoftonline.com", "Microsoft Entra ID"),
        ("sts.windows.net", "Microsoft Entra ID"),
        ("ciamlogin.com", "Microsoft Entra External ID"),
        ("b2clogin.com", "Azure AD B2C"),
        ("okta.com", "Okta"),
        ("oktapreview.com", "Okta"),
        ("okta-emea.com", "Okta"),
        ("accounts.google.com", "Google"),
        ("onelogin.com", "OneLogin"),
        ("auth0.com", "Auth0"),
        ("pingone.com", "PingOne"),
        ("jumpcloud.com", "JumpCloud"),
    ];
    if let Some((_, name)) = HOSTS.iter().find(|(domain, _)| within(domain)) {
        return Some(name);
    }
    let signs: [(bool, &'static str); 6] = [
        (
            token.ends_with("/protocol/openid-connect/token"),
            "Keycloak",
        ),
        (token.contains("/adfs/"), "AD FS"),
        (
            token.contains("/oauth2/v1/token") && issuer.contains("/oauth2/"),
            "Okta",
        ),
        (token.contains("/application/o/"), "authentik"),
        (token.ends_with("/api/oidc/token"), "Authelia"),
        (token.ends_with("/oauth/v2/token"), "ZITADEL"),
    ];
    signs
        .into_iter()
        .find(|(holds, _)| *holds)
        .map(|(_, name)| name)
}
