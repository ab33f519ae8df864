//! Buttons and links that look like buttons. A button is a verb with an object: "Apply 42 changes".

use super::icon::{Glyph, Icon};
use super::text::MaybeText;
use leptos::prelude::*;

/// How loud a button is. A page has one primary button.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// An ordinary action.
    #[default]
    Plain,
    /// The one thing this page is for.
    Primary,
    /// Takes something away; quiet until confirmed.
    Danger,
    /// The confirming button of a removal.
    Removing,
    /// Text only, for places where a frame would be noise.
    Quiet,
}

impl Look {
    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "btn",
            Self::Primary => "btn primary",
            Self::Danger => "btn danger",
            Self::Removing => "btn removing",
            Self::Quiet => "btn quiet",
        }
    }
}

/// Whether an action can be taken now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Can {
    /// It can.
    #[default]
    Now,
    /// It cannot, and this is why (becomes the title and is read out).
    NotNow(String),
}

impl Can {
    fn why_not(self) -> Option<String> {
        match self {
            Self::Now => None,
            Self::NotNow(why) => Some(why),
        }
    }
}

/// A submit button. `name`/`value` say which of several buttons of a form was pressed.
#[component]
pub fn Button(
    /// How loud.
    #[prop(optional)]
    look: Look,
    /// Form field name of this button.
    #[prop(optional, into)]
    name: MaybeText,
    /// Form field value of this button.
    #[prop(optional, into)]
    value: MaybeText,
    /// Id of the form it submits, where it stands outside of it.
    #[prop(optional, into)]
    form: MaybeText,
    /// Another address to post the same form to, such as a test.
    #[prop(optional, into)]
    formaction: MaybeText,
    /// An icon before the words.
    #[prop(optional)]
    icon: Option<Glyph>,
    /// Whether it can be pressed.
    #[prop(optional)]
    can: Can,
    /// The words.
    children: Children,
) -> impl IntoView {
    let why = can.why_not();
    view! {
        <button
            class=look.class()
            type="submit"
            name=name.0
            value=value.0
            form=form.0
            formaction=formaction.0
            disabled=why.is_some()
            title=why
        >
            {icon.map(|glyph| view! { <Icon glyph/> })}
            {children()}
        </button>
    }
}

/// A link that looks like a button: it goes somewhere and changes nothing.
#[component]
pub fn LinkButton(
    /// Where to.
    #[prop(into)]
    href: String,
    /// How loud.
    #[prop(optional)]
    look: Look,
    /// An icon before the words.
    #[prop(optional)]
    icon: Option<Glyph>,
    /// File name, if the link downloads.
    #[prop(optional, into)]
    download: MaybeText,
    /// The words.
    children: Children,
) -> impl IntoView {
    view! {
        <a class=look.class() href=href download=download.0>
            {icon.map(|glyph| view! { <Icon glyph/> })}
            {children()}
        </a>
    }
}

/// A form of one button: posts `fields` to `action`.
#[component]
pub fn PostButton(
    /// Address the form posts to.
    #[prop(into)]
    action: String,
    /// How loud.
    #[prop(optional)]
    look: Look,
    /// An icon before the words.
    #[prop(optional)]
    icon: Option<Glyph>,
    /// Hidden fields, name and value.
    #[prop(optional)]
    fields: Vec<(String, String)>,
    /// Whether it can be pressed.
    #[prop(optional)]
    can: Can,
    /// The words.
    children: Children,
) -> impl IntoView {
    let why = can.why_not();
    view! {
        <form class="post" method="post" action=action>
            {hidden(fields)}
            {super::form::form_mark()}
            <button class=look.class() type="submit" disabled=why.is_some() title=why>
                {icon.map(|glyph| view! { <Icon glyph/> })}
                {children()}
            </button>
        </form>
    }
}

/// The CSS classes of a button, for buttons other components write themselves.
#[must_use]
pub const fn class(look: Look) -> &'static str {
    look.class()
}

/// Hidden form fields.
#[must_use]
pub fn hidden(fields: Vec<(String, String)>) -> AnyView {
    fields
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view()
        .into_any()
}
