//! What a colour means. A tone never stands alone: a word, a mark or a shape says the same.

use super::icon::Glyph;
use leptos::prelude::*;

/// The five meanings a part of a page may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Says nothing about good or bad.
    #[default]
    Neutral,
    /// Works, proven, done.
    Good,
    /// Wants a look before it becomes a problem.
    Caution,
    /// Broken, refused, removed.
    Danger,
    /// Chosen, new, or simply what the eye should find.
    Accent,
}

impl Tone {
    /// The CSS class of this tone; empty for neutral.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Good => "good",
            Self::Caution => "caution",
            Self::Danger => "danger",
            Self::Accent => "accent",
        }
    }

    /// The mark that says the same as the colour.
    #[must_use]
    pub const fn glyph(self) -> Glyph {
        match self {
            Self::Neutral | Self::Accent => Glyph::Info,
            Self::Good => Glyph::Check,
            Self::Caution => Glyph::Warning,
            Self::Danger => Glyph::Cross,
        }
    }

    /// The word a screen reader hears where others see a shape.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Neutral => "Note",
            Self::Good => "Good",
            Self::Caution => "Needs a look",
            Self::Danger => "Problem",
            Self::Accent => "New",
        }
    }
}

/// A small shape: circle for good, triangle for caution, diamond for danger, ring for neutral.
#[component]
pub fn Dot(
    /// What the shape says.
    tone: Tone,
) -> impl IntoView {
    let shape = match tone {
        Tone::Good => "<circle cx=\"5\" cy=\"5\" r=\"4\"/>",
        Tone::Caution => "<path d=\"M5 .8 9.6 9H.4z\"/>",
        Tone::Danger => "<path d=\"M5 .2 9.8 5 5 9.8.2 5z\"/>",
        Tone::Accent => "<rect x=\"1\" y=\"1\" width=\"8\" height=\"8\" rx=\"2\"/>",
        Tone::Neutral => "<circle cx=\"5\" cy=\"5\" r=\"3.25\" class=\"ring\"/>",
    };
    view! {
        <span class=format!("dot {}", tone.class())>
            <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true" inner_html=shape></svg>
            <span class="visually-hidden">{tone.word()} ": "</span>
        </span>
    }
}
