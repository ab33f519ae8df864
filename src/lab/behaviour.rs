//! What makes one provider differ from another: whether it obeys when an application asks for
//! a fresh sign-in, and which time it states. A new kind of misbehaviour is a variant or field
//! here; the protocol around it stays the same for all providers.

use chrono::{DateTime, Utc};

use crate::request::{AuthorizationRequest, Prompt};

/// The authentication context every sign-in by password states.
pub(crate) const ACR: &str = "urn:muster-lab:password";

/// What a provider does with `prompt=login`, `prompt=select_account`, `max_age` and an
/// essential `acr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Force {
    /// Asks for username and password again, as the specification demands.
    Obeyed,
    /// Answers from the session cookie as long as there is one.
    Ignored,
}

/// The value of the `auth_time` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatedTime {
    /// When the person really typed the password.
    SignIn,
    /// When the ID token is issued, whatever happened before.
    Answer,
    /// The claim is never there.
    Omitted,
}

/// The character of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Behaviour {
    /// Obedience to a demanded fresh sign-in.
    pub force: Force,
    /// Truth of the stated time.
    pub stated_time: StatedTime,
}

/// What to do with an authorization request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Answer from the existing session.
    Answer,
    /// Show the sign-in page.
    Ask,
    /// Send the browser back with this error code and description.
    Refuse(&'static str, &'static str),
}

impl Behaviour {
    pub(crate) const fn new(force: Force, stated_time: StatedTime) -> Self {
        Self { force, stated_time }
    }

    /// The `auth_time` claim of an ID token issued `now` for a password typed at `signed_in`.
    pub(crate) fn auth_time(self, signed_in: DateTime<Utc>, now: DateTime<Utc>) -> Option<i64> {
        match self.stated_time {
            StatedTime::SignIn => Some(signed_in.timestamp()),
            StatedTime::Answer => Some(now.timestamp()),
            StatedTime::Omitted => None,
        }
    }

    /// Decides about `request`, given when the person of the browser's session signed in.
    pub(crate) fn decide(
        self,
        request: &AuthorizationRequest,
        signed_in: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Decision {
        if self.force == Force::Obeyed && !request.accepts_acr(ACR) {
            return Decision::Refuse(
                "unmet_authentication_requirements",
                "The lab only knows sign-in by password.",
            );
        }
        let must_ask = match (signed_in, self.force) {
            (None, _) => true,
            (Some(_), Force::Ignored) => false,
            (Some(at), Force::Obeyed) => {
                request.prompt.contains(&Prompt::Login)
                    || request.prompt.contains(&Prompt::SelectAccount)
                    || request.max_age.is_some_and(|age| is_older(at, now, age))
            }
        };
        match (must_ask, request.prompt.contains(&Prompt::None)) {
            (false, _) => Decision::Answer,
            (true, false) => Decision::Ask,
            (true, true) => Decision::Refuse("login_required", "The person has to sign in first."),
        }
    }
}

/// `max_age=0` always means "ask" (OIDC Core 3.1.2.1: it equals `prompt=login`).
fn is_older(signed_in: DateTime<Utc>, now: DateTime<Utc>, max_age: u32) -> bool {
    max_age == 0 || (now - signed_in).num_seconds() > i64::from(max_age)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn request(prompt: &[Prompt], max_age: Option<u32>) -> AuthorizationRequest {
        AuthorizationRequest::example(prompt, max_age)
    }

    const HONEST: Behaviour = Behaviour::new(Force::Obeyed, StatedTime::SignIn);
    const BOUNCE: Behaviour = Behaviour::new(Force::Ignored, StatedTime::SignIn);

    #[test]
    fn an_obedient_provider_asks_again_when_told_to() {
        let session = Some(at(100));
        for (prompt, max_age, expected) in [
            (vec![], None, Decision::Answer),
            (vec![Prompt::Login], None, Decision::Ask),
            (vec![Prompt::SelectAccount], None, Decision::Ask),
            (vec![], Some(0), Decision::Ask),
            (vec![], Some(10), Decision::Answer),
            (vec![], Some(9), Decision::Ask),
        ] {
            let asked = request(&prompt, max_age);
            assert_eq!(
                HONEST.decide(&asked, session, at(110)),
                expected,
                "{prompt:?} {max_age:?}"
            );
        }
    }

    #[test]
    fn a_bouncing_provider_asks_only_without_a_session() {
        let forced = request(&[Prompt::Login], Some(0));
        assert_eq!(
            BOUNCE.decide(&forced, Some(at(100)), at(110)),
            Decision::Answer
        );
        assert_eq!(BOUNCE.decide(&forced, None, at(110)), Decision::Ask);
    }

    #[test]
    fn prompt_none_is_refused_when_the_person_would_have_to_be_asked() {
        for behaviour in [HONEST, BOUNCE] {
            let silent = request(&[Prompt::None], None);
            let refusal = behaviour.decide(&silent, None, at(0));
            assert!(matches!(refusal, Decision::Refuse("login_required", _)));
        }
        let too_old = request(&[Prompt::None], Some(5));
        let refusal = HONEST.decide(&too_old, Some(at(0)), at(60));
        assert!(matches!(refusal, Decision::Refuse("login_required", _)));
    }

    #[test]
    fn the_stated_time_follows_the_character() {
        let time = |stated| Behaviour::new(Force::Obeyed, stated).auth_time(at(100), at(250));
        assert_eq!(time(StatedTime::SignIn), Some(100));
        assert_eq!(time(StatedTime::Answer), Some(250));
        assert_eq!(time(StatedTime::Omitted), None);
    }
}
