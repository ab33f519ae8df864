//! What makes one provider differ from another: whether it obeys when an application asks for
//! a fresh sign-in, and which time it states. A new kind of misbehaviour is a variant or field
//! here; the protocol around it stays the same for all providers.

use chrono::{DateTime, TimeDelta, Utc};

use crate::request::{AuthorizationRequest, Prompt};

/// The authentication context every sign-in by password states.
pub(crate) const ACR: &str = "urn:muster-lab:password";
/// What a provider states that knows of no more than a session.
pub(crate) const WEAK_ACR: &str = "urn:muster-lab:session";

/// What a provider does with `prompt=login`, `prompt=select_account`, `max_age` and an
/// essential `acr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Force {
    /// Asks for username and password again, as the specification demands.
    Obeyed,
    /// Answers from the session cookie as long as there is one.
    Ignored,
    /// Answers with this error (RFC 6749, section 4.1.2.1) instead of asking.
    Refused(&'static str),
}

/// The value of the `auth_time` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatedTime {
    /// When the person really typed the password.
    SignIn,
    /// When the ID token is issued, whatever happened before.
    Answer,
    /// The true time, except where a fresh sign-in was demanded: then when the ID token is issued.
    Restamped,
    /// The true time in milliseconds, which is no NumericDate (RFC 7519, section 2).
    Milliseconds,
    /// A day after the true time.
    Tomorrow,
    /// The claim is never there.
    Omitted,
}

/// The value of the `acr` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Context {
    /// The true one.
    True,
    /// One that says less, whatever was demanded.
    Weak,
    /// The claim is never there, whatever was demanded.
    Omitted,
}

/// About whom a provider speaks when a fresh sign-in was demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Speaks {
    /// About the person who signed in.
    OfThePerson,
    /// About somebody else.
    OfSomebodyElse,
}

/// When a provider takes a new signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keys {
    /// Never.
    Kept,
    /// Before every answer to a demanded fresh sign-in, withdrawing the old one.
    Rotated,
}

/// The character of a provider. [`Behaviour::new`] tells the truth where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Behaviour {
    /// Obedience to a demanded fresh sign-in.
    pub force: Force,
    /// Truth of the stated time.
    pub stated_time: StatedTime,
    /// Truth of the stated context.
    pub context: Context,
    /// Who is spoken of.
    pub speaks: Speaks,
    /// What happens to the keys.
    pub keys: Keys,
    /// How far its clock is ahead of the true time, in seconds (negative: behind).
    pub clock_ahead: i32,
    /// How long the token endpoint takes to answer, in seconds.
    pub slow: u8,
}

/// Seconds of a day.
const DAY: i64 = 86_400;

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
        Self {
            force,
            stated_time,
            context: Context::True,
            speaks: Speaks::OfThePerson,
            keys: Keys::Kept,
            clock_ahead: 0,
            slow: 0,
        }
    }

    pub(crate) const fn context(self, context: Context) -> Self {
        Self { context, ..self }
    }

    pub(crate) const fn speaks(self, speaks: Speaks) -> Self {
        Self { speaks, ..self }
    }

    pub(crate) const fn keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    pub(crate) const fn clock_ahead(self, seconds: i32) -> Self {
        Self {
            clock_ahead: seconds,
            ..self
        }
    }

    pub(crate) const fn slow(self, seconds: u8) -> Self {
        Self {
            slow: seconds,
            ..self
        }
    }

    /// What this provider's clock shows at `true_time`.
    pub(crate) fn clock(self, true_time: DateTime<Utc>) -> DateTime<Utc> {
        true_time + TimeDelta::seconds(i64::from(self.clock_ahead))
    }

    /// The `auth_time` claim of an ID token issued `now` for a password typed at `signed_in`, both true times;
    /// `forced`: a fresh sign-in was demanded.
    pub(crate) fn auth_time(
        self,
        signed_in: DateTime<Utc>,
        now: DateTime<Utc>,
        forced: bool,
    ) -> Option<i64> {
        let (signed_in, now) = (
            self.clock(signed_in).timestamp(),
            self.clock(now).timestamp(),
        );
        match self.stated_time {
            StatedTime::Restamped if forced => Some(now),
            StatedTime::SignIn | StatedTime::Restamped => Some(signed_in),
            StatedTime::Answer => Some(now),
            StatedTime::Milliseconds => Some(signed_in * 1000),
            StatedTime::Tomorrow => Some(signed_in + DAY),
            StatedTime::Omitted => None,
        }
    }

    /// The `acr` claim.
    pub(crate) const fn acr(self) -> Option<&'static str> {
        match self.context {
            Context::True => Some(ACR),
            Context::Weak => Some(WEAK_ACR),
            Context::Omitted => None,
        }
    }

    /// Decides about `request`, given when the person of the browser's session signed in.
    pub(crate) fn decide(
        self,
        request: &AuthorizationRequest,
        signed_in: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Decision {
        if let (Force::Refused(error), true) = (self.force, request.is_forced()) {
            return Decision::Refuse(error, "This provider never asks anybody again.");
        }
        let heeds_acr = self.force == Force::Obeyed && self.context == Context::True;
        if heeds_acr && !request.accepts_acr(ACR) {
            return Decision::Refuse(
                "unmet_authentication_requirements",
                "The lab only knows sign-in by password.",
            );
        }
        let must_ask = match (signed_in, self.force) {
            (None, _) => true,
            (Some(_), Force::Ignored | Force::Refused(_)) => false,
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
        for (stated, unforced, forced) in [
            (StatedTime::SignIn, Some(100), Some(100)),
            (StatedTime::Answer, Some(250), Some(250)),
            (StatedTime::Restamped, Some(100), Some(250)),
            (StatedTime::Milliseconds, Some(100_000), Some(100_000)),
            (StatedTime::Tomorrow, Some(100 + DAY), Some(100 + DAY)),
            (StatedTime::Omitted, None, None),
        ] {
            let provider = Behaviour::new(Force::Obeyed, stated);
            assert_eq!(provider.auth_time(at(100), at(250), false), unforced);
            assert_eq!(provider.auth_time(at(100), at(250), true), forced);
        }
    }

    #[test]
    fn a_clock_that_is_off_moves_every_time() {
        let fast = HONEST.clock_ahead(300);
        assert_eq!(fast.clock(at(100)), at(400));
        assert_eq!(fast.auth_time(at(100), at(250), true), Some(400));
        assert_eq!(
            HONEST.clock_ahead(-300).auth_time(at(400), at(450), false),
            Some(100)
        );
    }

    #[test]
    fn a_refusing_provider_answers_as_long_as_nothing_is_demanded() {
        let refusing = Behaviour::new(
            Force::Refused("temporarily_unavailable"),
            StatedTime::SignIn,
        );
        let plain = refusing.decide(&request(&[], None), Some(at(100)), at(110));
        assert_eq!(plain, Decision::Answer);
        let forced = refusing.decide(&request(&[Prompt::Login], None), Some(at(100)), at(110));
        assert!(matches!(
            forced,
            Decision::Refuse("temporarily_unavailable", _)
        ));
    }
}
