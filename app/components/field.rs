//! Fields: label above, help below, error beside, tied together for screen readers.
//! The `id` of every control is its form name, so an error summary can link to it.

use super::icon::{Glyph, Icon};
use super::text::MaybeText;
use leptos::prelude::*;
pub use muster_domain::settings::Need;

/// What a text field takes; sets keyboard, checks and autofill of the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Takes {
    /// Words.
    #[default]
    Text,
    /// An e-mail address.
    Email,
    /// An address on the web or of a server.
    Url,
    /// A password to sign in with: never shown again after a failed attempt.
    Password,
    /// A new password.
    NewPassword,
    /// A name to sign in with.
    Username,
    /// A six-digit code.
    Code,
    /// A six-digit code, or a recovery code with its letters.
    CodeOrRecovery,
    /// A day.
    Date,
    /// Something for machines: fixed width, no spelling.
    Exact,
}

impl Takes {
    const fn kind(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Url => "url",
            Self::Password | Self::NewPassword => "password",
            Self::Date => "date",
            Self::Text | Self::Username | Self::Code | Self::CodeOrRecovery | Self::Exact => "text",
        }
    }

    const fn autocomplete(self) -> &'static str {
        match self {
            Self::Password => "current-password",
            Self::NewPassword => "new-password",
            Self::Username => "username",
            Self::Code | Self::CodeOrRecovery => "one-time-code",
            Self::Email => "email",
            Self::Text | Self::Url | Self::Date | Self::Exact => "off",
        }
    }

    const fn class(self) -> Option<&'static str> {
        match self {
            Self::Url | Self::Exact | Self::Code | Self::CodeOrRecovery => Some("mono"),
            _ => None,
        }
    }
}

/// One choice of a select or radio group.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// The words.
    pub label: String,
    /// A line about it (radio groups only).
    pub help: Option<String>,
}

impl Choice {
    /// A choice without a line about it.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            help: None,
        }
    }

    /// The same choice with a line about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The words around a control, shared by every kind of field.
pub struct FieldWords {
    /// Form field name, also the id.
    pub name: String,
    /// The label.
    pub label: String,
    /// What it is for.
    pub help: Option<String>,
    /// What to do about a wrong value.
    pub error: Option<String>,
    /// Whether it must be filled in.
    pub need: Need,
}

impl FieldWords {
    /// Ids of the help and error texts, for `aria-describedby`.
    #[must_use]
    pub fn described_by(&self) -> Option<String> {
        let error = self.error.as_ref().map(|_| format!("{}-error", self.name));
        let help = self.help.as_ref().map(|_| format!("{}-help", self.name));
        let ids: Vec<String> = error.into_iter().chain(help).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// `aria-invalid` of the control.
    #[must_use]
    pub fn invalid(&self) -> Option<&'static str> {
        self.error.as_ref().map(|_| "true")
    }

    /// Label, control, error and help in their places. `beside` stands right of the control, such as a test button.
    #[must_use]
    pub fn around(self, control: AnyView, beside: Option<Children>) -> AnyView {
        let class = if self.error.is_some() {
            "field wrong"
        } else {
            "field"
        };
        let control = match beside {
            Some(beside) => view! { <div class="field-line">{control}{beside()}</div> }.into_any(),
            None => control,
        };
        view! {
            <div class=class>
                <label for=self.name.clone()>{self.label}{optional_mark(self.need)}</label>
                {control}
                {self.error.map(|error| error_text(format!("{}-error", self.name), error))}
                {self.help.map(|help| help_text(format!("{}-help", self.name), help))}
            </div>
        }
        .into_any()
    }

    /// The same for a group of controls: a fieldset with a legend.
    #[must_use]
    pub fn around_group(self, controls: AnyView) -> AnyView {
        let class = if self.error.is_some() {
            "field wrong"
        } else {
            "field"
        };
        let described = self.described_by();
        view! {
            <fieldset class=class id=self.name.clone() aria-describedby=described>
                <legend>{self.label}{optional_mark(self.need)}</legend>
                {self.error.map(|error| error_text(format!("{}-error", self.name), error))}
                {self.help.map(|help| help_text(format!("{}-help", self.name), help))}
                {controls}
            </fieldset>
        }
        .into_any()
    }
}

fn optional_mark(need: Need) -> Option<AnyView> {
    (need == Need::Optional).then(|| view! { <span class="optional">"optional"</span> }.into_any())
}

fn help_text(id: String, help: String) -> AnyView {
    view! { <p class="help" id=id>{help}</p> }.into_any()
}

/// An error with its mark, tied to a control by `id`.
#[must_use]
pub fn error_text(id: String, error: String) -> AnyView {
    view! { <p class="field-error" id=id><Icon glyph=Glyph::Warning/>{error}</p> }.into_any()
}

/// One line of text. Children stand beside it: a test button, a unit.
#[component]
pub fn TextField(
    /// Form field name.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// What it holds now.
    #[prop(optional, into)]
    value: MaybeText,
    /// What it takes.
    #[prop(optional)]
    takes: Takes,
    /// What it is for.
    #[prop(optional, into)]
    help: MaybeText,
    /// What to do about a wrong value.
    #[prop(optional, into)]
    error: MaybeText,
    /// Whether it must be filled in.
    #[prop(default = Need::Required)]
    need: Need,
    /// An example of a value.
    #[prop(optional, into)]
    placeholder: MaybeText,
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
    let numeric = (takes == Takes::Code).then_some("numeric");
    let exact = !matches!(takes, Takes::Text);
    let control = view! {
        <input
            id=words.name.clone()
            name=words.name.clone()
            type=takes.kind()
            class=takes.class()
            value=value.0
            placeholder=placeholder.0
            required=need == Need::Required
            autocomplete=takes.autocomplete()
            autocapitalize=exact.then_some("none")
            spellcheck=exact.then_some("false")
            inputmode=numeric
            aria-describedby=words.described_by()
            aria-invalid=words.invalid()
        />
    };
    words.around(control.into_any(), children)
}

/// A whole number with an optional unit after it.
#[component]
pub fn NumberField(
    /// Form field name.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// What it holds now, as typed.
    #[prop(optional, into)]
    value: MaybeText,
    /// Smallest value.
    #[prop(optional)]
    min: Option<i64>,
    /// Largest value.
    #[prop(optional)]
    max: Option<i64>,
    /// What is counted: "people", "%".
    #[prop(optional, into)]
    unit: MaybeText,
    /// What it is for.
    #[prop(optional, into)]
    help: MaybeText,
    /// What to do about a wrong value.
    #[prop(optional, into)]
    error: MaybeText,
    /// Whether it must be filled in.
    #[prop(default = Need::Required)]
    need: Need,
) -> impl IntoView {
    let words = FieldWords {
        name,
        label,
        help: help.0,
        error: error.0,
        need,
    };
    let control = view! {
        <div class="field-line">
            <input
                id=words.name.clone()
                name=words.name.clone()
                type="number"
                class="number"
                inputmode="numeric"
                min=min
                max=max
                value=value.0
                required=need == Need::Required
                aria-describedby=words.described_by()
                aria-invalid=words.invalid()
            />
            {unit.0.map(|unit| view! { <span class="unit">{unit}</span> })}
        </div>
    };
    words.around(control.into_any(), None)
}

/// A length of time: a number, and its unit in a second field `{name}_unit`.
#[component]
pub fn DurationField(
    /// Form field name; the unit is sent as `{name}_unit` (`s`, `m`, `h`, `d`).
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The length now, in seconds.
    seconds: Option<u64>,
    /// What it is for.
    #[prop(optional, into)]
    help: MaybeText,
    /// What to do about a wrong value.
    #[prop(optional, into)]
    error: MaybeText,
    /// Whether it must be filled in.
    #[prop(default = Need::Required)]
    need: Need,
) -> impl IntoView {
    let (number, unit) = seconds.map_or((None, "m"), |seconds| {
        let (number, unit) = largest_unit(seconds);
        (Some(number.to_string()), unit)
    });
    let words = FieldWords {
        name,
        label,
        help: help.0,
        error: error.0,
        need,
    };
    let unit_name = format!("{}_unit", words.name);
    let unit_label = format!("{}: unit", words.label);
    let control = view! {
        <div class="field-line">
            <input
                id=words.name.clone()
                name=words.name.clone()
                type="number"
                class="number"
                inputmode="numeric"
                min="0"
                value=number
                required=need == Need::Required
                aria-describedby=words.described_by()
                aria-invalid=words.invalid()
            />
            <select class="unit-select" name=unit_name aria-label=unit_label>
                {[("s", "seconds"), ("m", "minutes"), ("h", "hours"), ("d", "days")]
                    .map(|(value, word)| view! { <option value=value selected=value == unit>{word}</option> })
                    .collect_view()}
            </select>
        </div>
    };
    words.around(control.into_any(), None)
}

/// The largest unit in which a length of time is a whole number.
#[must_use]
pub fn largest_unit(seconds: u64) -> (u64, &'static str) {
    [(86_400, "d"), (3600, "h"), (60, "m")]
        .into_iter()
        .find(|(size, _)| seconds != 0 && seconds.is_multiple_of(*size))
        .map_or((seconds, "s"), |(size, unit)| (seconds / size, unit))
}

/// Several lines of text.
#[component]
pub fn TextArea(
    /// Form field name.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// What it holds now.
    #[prop(optional, into)]
    value: MaybeText,
    /// What it takes; `Takes::Exact` for certificates, expressions, metadata.
    #[prop(optional)]
    takes: Takes,
    /// Lines shown at first; it grows with its content.
    #[prop(default = 4)]
    rows: u32,
    /// What it is for.
    #[prop(optional, into)]
    help: MaybeText,
    /// What to do about a wrong value.
    #[prop(optional, into)]
    error: MaybeText,
    /// Whether it must be filled in.
    #[prop(default = Need::Required)]
    need: Need,
    /// An example of a value.
    #[prop(optional, into)]
    placeholder: MaybeText,
) -> impl IntoView {
    let words = FieldWords {
        name,
        label,
        help: help.0,
        error: error.0,
        need,
    };
    let control = view! {
        <textarea
            id=words.name.clone()
            name=words.name.clone()
            class=takes.class()
            rows=rows
            placeholder=placeholder.0
            required=need == Need::Required
            spellcheck=takes.class().map(|_| "false")
            aria-describedby=words.described_by()
            aria-invalid=words.invalid()
        >
            {value.0.unwrap_or_default()}
        </textarea>
    };
    words.around(control.into_any(), None)
}

/// Whether a secret is stored, and since when in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stored {
    /// Nothing is stored.
    #[default]
    Nothing,
    /// One is stored; the words say since when, or by what it can be recognised.
    Since(String),
}

/// A secret: nobody reads it back. If one is stored, an empty field keeps it.
#[component]
pub fn SecretField(
    /// Form field name.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// Whether one is stored.
    #[prop(optional)]
    stored: Stored,
    /// What it is for.
    #[prop(optional, into)]
    help: MaybeText,
    /// What to do about a wrong value.
    #[prop(optional, into)]
    error: MaybeText,
    /// Whether it must be filled in.
    #[prop(default = Need::Required)]
    need: Need,
) -> impl IntoView {
    let wrong = !error.is_missing();
    let words = FieldWords {
        name,
        label,
        help: help.0,
        error: error.0,
        need,
    };
    let required = need == Need::Required && stored == Stored::Nothing;
    let input = view! {
        <input
            id=words.name.clone()
            name=words.name.clone()
            type="password"
            class="mono"
            autocomplete="new-password"
            required=required
            aria-describedby=words.described_by()
            aria-invalid=words.invalid()
        />
    };
    let control = match stored {
        Stored::Nothing => input.into_any(),
        Stored::Since(since) => view! {
            <details class="secret" open=wrong>
                <summary>
                    <span class="secret-state"><Icon glyph=Glyph::Lock/>{since}</span>
                    <span class="btn">"Replace"</span>
                </summary>
                {input}
                <p class="help">"Leave it empty to keep the stored one."</p>
            </details>
        }
        .into_any(),
    };
    words.around(control, None)
}
