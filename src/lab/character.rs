//! The characters of the lab's providers: one row each.

use crate::behaviour::{ACR, Behaviour, Context, Force, Keys, Speaks, StatedTime};
use crate::keys::Algorithm;

/// The fixed part of a provider.
pub(crate) struct Character {
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) expected_verdict: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) behaviour: Behaviour,
    pub(crate) algorithm: Algorithm,
    pub(crate) is_essential: bool,
    pub(crate) acr: Option<&'static str>,
}

/// Asks again when told to, and speaks the truth.
const HONEST: Behaviour = Behaviour::new(Force::Obeyed, StatedTime::SignIn);

impl Character {
    const fn of(
        [slug, name]: [&'static str; 2],
        behaviour: Behaviour,
        sentence: &'static str,
        [expected_verdict, reason]: [&'static str; 2],
    ) -> Self {
        Self {
            slug,
            name,
            sentence,
            expected_verdict,
            reason,
            behaviour,
            algorithm: Algorithm::Rs256,
            is_essential: false,
            acr: None,
        }
    }

    const fn essential(self) -> Self {
        Self {
            is_essential: true,
            ..self
        }
    }

    const fn signing(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    const fn demanding(self, acr: &'static str) -> Self {
        Self {
            acr: Some(acr),
            ..self
        }
    }
}

/// Every provider of the lab, in the order of the index page: the essential ones first.
pub(crate) const CHARACTERS: [Character; 15] = [
    Character::of(
        ["honest", "Honest"],
        HONEST,
        "Asks for the password again whenever an application demands it, and states the true time of the sign-in.",
        [
            "Fresh",
            "The stated time is later than the moment Muster asked.",
        ],
    )
    .essential(),
    Character::of(
        ["bounce", "Bounce"],
        Behaviour::new(Force::Ignored, StatedTime::SignIn),
        "Ignores prompt and max_age while its own session lasts, and answers at once with the time of the old sign-in.",
        [
            "Stale",
            "The stated time is earlier than the moment Muster asked.",
        ],
    )
    .essential(),
    Character::of(
        ["bounce-now", "Bounce now"],
        Behaviour::new(Force::Ignored, StatedTime::Answer),
        "Ignores prompt and max_age while its own session lasts, and lies: it states the time of the answer as the time of the sign-in.",
        [
            "Unprovable",
            "A sign-in without force already states the time of the answer, so its times prove nothing.",
        ],
    )
    .essential(),
    Character::of(
        ["silent", "Silent"],
        Behaviour::new(Force::Obeyed, StatedTime::Omitted),
        "Asks for the password again when an application demands it, and never says when that was.",
        [
            "Unprovable",
            "There is no stated time, so nothing shows that the person was asked.",
        ],
    )
    .essential()
    .signing(Algorithm::Es256),
    Character::of(
        ["broker", "Broker"],
        Behaviour::new(Force::Ignored, StatedTime::Restamped),
        "Stands between the application and a provider that sends people straight back. Told to force, it states the time of its own answer; otherwise the true one. The most convincing of all lies.",
        [
            "Unprovable",
            "A test of it that nobody had to type anything for shows what its times are worth. Before that test it passes for Fresh, which is why every provider is calibrated.",
        ],
    ),
    Character::of(
        ["milliseconds", "Milliseconds"],
        Behaviour::new(Force::Obeyed, StatedTime::Milliseconds),
        "Asks for the password again, and states the time in milliseconds where seconds are prescribed.",
        ["Malformed", "What it states is no time."],
    ),
    Character::of(
        ["tomorrow", "Tomorrow"],
        Behaviour::new(Force::Obeyed, StatedTime::Tomorrow),
        "Asks for the password again, and states a sign-in that happens tomorrow.",
        ["Malformed", "Nobody signs in before the time has come."],
    ),
    Character::of(
        ["fast-clock", "Fast clock"],
        HONEST.clock_ahead(300),
        "Honest, with a clock five minutes ahead.",
        [
            "Malformed",
            "Its answers come from the future. Even an ordinary sign-in is refused, and says why.",
        ],
    ),
    Character::of(
        ["slow-clock", "Slow clock"],
        HONEST.clock_ahead(-300),
        "Honest, with a clock five minutes behind.",
        [
            "Malformed",
            "Times cannot be compared when clocks differ by more than two minutes.",
        ],
    ),
    Character::of(
        ["tardy", "Tardy"],
        HONEST.slow(3),
        "Honest, and three seconds late with every answer.",
        ["Fresh", "Slow is not wrong."],
    ),
    Character::of(
        ["new-keys", "New keys"],
        HONEST.keys(Keys::Rotated),
        "Honest, and takes a new signing key while the person types the password.",
        [
            "Fresh",
            "The new key is published, and Muster looks again when it meets a key it does not know.",
        ],
    ),
    Character::of(
        ["no-context", "No context"],
        HONEST.context(Context::Omitted),
        "Asks for the password again, and never says how the person signed in, although that was demanded.",
        [
            "Weak context",
            "The demanded context class is not in the answer.",
        ],
    )
    .demanding(ACR),
    Character::of(
        ["weak-context", "Weak context"],
        HONEST.context(Context::Weak),
        "Asks for the password again, and states a weaker context class than was demanded.",
        [
            "Weak context",
            "The answer states another context class than the demanded one.",
        ],
    )
    .demanding(ACR),
    Character::of(
        ["somebody-else", "Somebody else"],
        HONEST.speaks(Speaks::OfSomebodyElse),
        "Asks for the password again, and then speaks of another person.",
        ["Wrong user", "The answer is about somebody else."],
    ),
    Character::of(
        ["refusing", "Refusing"],
        Behaviour::new(Force::Refused("temporarily_unavailable"), StatedTime::SignIn),
        "Answers with an error whenever an application demands a fresh sign-in.",
        ["Cancelled", "Nobody signed in again."],
    ),
];
