//! Fields with given answers: a select, radio buttons, a checkbox.

use super::field::{Choice, FieldWords, Need, error_text};
use super::text::MaybeText;
use leptos::prelude::*;

/// One of several, in a drop-down list. Children stand beside it.
#[component]
pub fn SelectField(
    /// Form field name.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The chosen value.
    #[prop(optional, into)]
    value: MaybeText,
    /// The choices.
    choices: Vec<Choice>,
    /// What it is for.
    #[prop(optional, into)]
    help: MaybeText,
    /// What to do about a wrong value.
    #[prop(optional, into)]
    error: MaybeText,
    /// Whether one must be chosen; an optional one gets an empty first choice.
    #[prop(default = Need::Required)]
    need: Need,
    /// Beside the control.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let words = FieldWords {
        name,
        label,
        help: help.0,
        error: error.0,
        need,
    };
    let chosen = value.0.unwrap_or_default();
    let empty = (need == Need::Optional && choices.iter().all(|choice| !choice.value.is_empty()))
        .then(|| view! { <option value="">"–"</option> });
    let control = view! {
        <select id=words.name.clone() name=words.name.clone() aria-describedby=words.described_by() aria-invalid=words.invalid()>
            {empty}
            {choices
                .into_iter()
                .map(|choice| {
                    let selected = choice.value == chosen;
                    view! { <option value=choice.value selected=selected>{choice.label}</option> }
                })
                .collect_view()}
        </select>
    };
    words.around(control.into_any(), children)
}

/// One of a few, all visible, each with a line about it.
#[component]
pub fn RadioField(
    /// Form field name.
    #[prop(into)]
    name: String,
    /// The question.
    #[prop(into)]
    label: String,
    /// The chosen value.
    #[prop(optional, into)]
    value: MaybeText,
    /// The choices.
    choices: Vec<Choice>,
    /// What it is for.
    #[prop(optional, into)]
    help: MaybeText,
    /// What to do about a wrong value.
    #[prop(optional, into)]
    error: MaybeText,
) -> impl IntoView {
    let chosen = value.0.unwrap_or_default();
    let words = FieldWords {
        name: name.clone(),
        label,
        help: help.0,
        error: error.0,
        need: Need::Required,
    };
    let invalid = words.invalid();
    let controls = choices
        .into_iter()
        .map(|choice| {
            let checked = choice.value == chosen;
            view! {
                <label class="choice">
                    <input type="radio" name=name.clone() value=choice.value checked=checked aria-invalid=invalid/>
                    <span>
                        <span class="choice-label">{choice.label}</span>
                        {choice.help.map(|help| view! { <span class="choice-help">{help}</span> })}
                    </span>
                </label>
            }
        })
        .collect_view();
    words.around_group(view! { <div class="choices">{controls}</div> }.into_any())
}

/// Several of a few: checkboxes that share a name.
#[component]
pub fn CheckList(
    /// Form field name, sent once for every checked box.
    #[prop(into)]
    name: String,
    /// The question.
    #[prop(into)]
    label: String,
    /// The checked values.
    #[prop(optional)]
    values: Vec<String>,
    /// The choices.
    choices: Vec<Choice>,
    /// What it is for.
    #[prop(optional, into)]
    help: MaybeText,
    /// What to do about a wrong value.
    #[prop(optional, into)]
    error: MaybeText,
) -> impl IntoView {
    let words = FieldWords {
        name: name.clone(),
        label,
        help: help.0,
        error: error.0,
        need: Need::Required,
    };
    let controls = choices
        .into_iter()
        .map(|choice| {
            let checked = values.contains(&choice.value);
            view! {
                <label class="choice">
                    <input type="checkbox" name=name.clone() value=choice.value checked=checked/>
                    <span>
                        <span class="choice-label">{choice.label}</span>
                        {choice.help.map(|help| view! { <span class="choice-help">{help}</span> })}
                    </span>
                </label>
            }
        })
        .collect_view();
    words.around_group(view! { <div class="choices">{controls}</div> }.into_any())
}

/// Whether a box is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checked {
    /// It is.
    Yes,
    /// It is not.
    #[default]
    No,
}

impl From<bool> for Checked {
    fn from(is_checked: bool) -> Self {
        if is_checked { Self::Yes } else { Self::No }
    }
}

/// One yes or no; sends `on` when checked and nothing otherwise.
#[component]
pub fn CheckField(
    /// Form field name.
    #[prop(into)]
    name: String,
    /// What "yes" means, as a sentence.
    #[prop(into)]
    label: String,
    /// What it holds now.
    #[prop(optional, into)]
    checked: Checked,
    /// What follows from it.
    #[prop(optional, into)]
    help: MaybeText,
    /// What to do about a wrong value.
    #[prop(optional, into)]
    error: MaybeText,
) -> impl IntoView {
    let words = FieldWords {
        name,
        label,
        help: help.0,
        error: error.0,
        need: Need::Required,
    };
    let (described, invalid) = (words.described_by(), words.invalid());
    let FieldWords {
        name,
        label,
        help,
        error,
        ..
    } = words;
    view! {
        <div class="field">
            <label class="choice">
                <input
                    type="checkbox"
                    id=name.clone()
                    name=name.clone()
                    value="on"
                    checked=checked == Checked::Yes
                    aria-describedby=described
                    aria-invalid=invalid
                />
                <span class="choice-label">{label}</span>
            </label>
            {error.map(|error| error_text(format!("{name}-error"), error))}
            {help.map(|help| view! { <p class="help choice-indent" id=format!("{name}-help")>{help}</p> })}
        </div>
    }
}
