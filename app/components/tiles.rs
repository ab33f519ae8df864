//! Choices as tiles: real radio buttons, so the keyboard and a form without script just work.

use super::text::MaybeText;
use leptos::prelude::*;

/// One choice.
#[derive(Clone, Debug, Default)]
pub struct Tile {
    /// What the form sends.
    pub value: String,
    /// The name.
    pub label: String,
    /// A line about it.
    pub note: String,
    /// Why it cannot be chosen now.
    pub unavailable: Option<String>,
}

impl Tile {
    /// A tile that can be chosen.
    pub fn new(
        value: impl Into<String>,
        label: impl Into<String>,
        note: impl Into<String>,
    ) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            note: note.into(),
            unavailable: None,
        }
    }
}

/// A group of tiles of which one is chosen.
#[component]
pub fn Tiles(
    /// The question they answer.
    #[prop(into)]
    legend: String,
    /// Form field name.
    #[prop(into)]
    name: String,
    /// The chosen value.
    #[prop(optional, into)]
    value: MaybeText,
    /// What is wrong with the choice.
    #[prop(optional, into)]
    error: MaybeText,
    /// The choices.
    tiles: Vec<Tile>,
) -> impl IntoView {
    let error_id = format!("{name}-error");
    let described = error.0.as_ref().map(|_| error_id.clone());
    let invalid = error.0.as_ref().map(|_| "true");
    let id = name.clone();
    view! {
        <fieldset class="tiles" id=id aria-describedby=described>
            <legend>{legend}</legend>
            {error.0.map(|error| super::field::error_text(error_id, error))}
            <div class="tiles-grid">
                {tiles
                    .into_iter()
                    .map(|tile| {
                        let chosen = value.0.as_deref() == Some(tile.value.as_str());
                        let disabled = tile.unavailable.is_some();
                        let note = tile.unavailable.unwrap_or(tile.note);
                        view! {
                            <label class="tile">
                                <input type="radio" name=name.clone() value=tile.value checked=chosen disabled=disabled aria-invalid=invalid required=true/>
                                <span class="tile-label">{tile.label}</span>
                                <span class="tile-note">{note}</span>
                            </label>
                        }
                    })
                    .collect_view()}
            </div>
        </fieldset>
    }
}
