//! The verdict: one large plain sentence that says what an identity provider proved, and its mark.

use super::icon::{Glyph, Icon};
use super::text::MaybeText;
use leptos::prelude::*;
use muster_domain::reauth::Verdict;

/// How a verdict stands: the colour, the mark and the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Proven: the person signed in again for this request.
    Proven,
    /// Refuted: an old sign-in, another person, a broken answer.
    Refuted,
    /// Neither: what came back proves nothing.
    Open,
    /// Nothing was judged: cancelled.
    Ended,
}

impl From<Verdict> for Standing {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fresh => Self::Proven,
            Verdict::Stale | Verdict::WrongUser | Verdict::Malformed => Self::Refuted,
            Verdict::Unprovable | Verdict::WeakContext => Self::Open,
            Verdict::Cancelled => Self::Ended,
        }
    }
}

impl Standing {
    const fn class(self) -> &'static str {
        match self {
            Self::Proven => "verdict good",
            Self::Refuted => "verdict danger",
            Self::Open => "verdict caution",
            Self::Ended => "verdict neutral",
        }
    }

    const fn glyph(self) -> Glyph {
        match self {
            Self::Proven => Glyph::Check,
            Self::Refuted => Glyph::Cross,
            Self::Open => Glyph::Question,
            Self::Ended => Glyph::Info,
        }
    }
}

/// The sentence. `word` is the short name of the verdict ("Fresh"), `code` its stable code.
#[component]
pub fn VerdictCard(
    /// Colour and mark.
    standing: Standing,
    /// The verdict's name (`Verdict::label`).
    #[prop(into)]
    word: String,
    /// The sentence.
    #[prop(into)]
    sentence: String,
    /// The one number that decides, such as "8 s after we asked".
    #[prop(optional, into)]
    figure: MaybeText,
    /// Stable code, if the verdict refuses something.
    #[prop(optional, into)]
    code: MaybeText,
    /// What it rests on and what follows, in two or three sentences.
    children: Children,
) -> impl IntoView {
    view! {
        <section class=standing.class() aria-labelledby="verdict-sentence">
            <span class="mark"><Icon glyph=standing.glyph()/></span>
            <div class="verdict-words">
                <p class="verdict-word">{word}{code.0.map(|code| view! { <code>{code}</code> })}</p>
                <h2 id="verdict-sentence">{sentence}</h2>
                <div class="verdict-why">{children()}</div>
            </div>
            {figure.0.map(|figure| view! { <p class="verdict-figure">{figure}</p> })}
        </section>
    }
}
