//! Pages without navigation: sign-in, the setup wizard, errors.

use super::brand::Brand;
use super::steps::{Step, Steps};
use super::text::MaybeText;
use leptos::prelude::*;
use muster_islands::LocalTimes;

/// How wide the content is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// One small card in the middle: sign-in, errors.
    #[default]
    Card,
    /// A column for a wizard.
    Wizard,
}

/// A page in the middle of nothing else. A wizard passes its steps.
#[component]
pub fn Plain(
    /// How wide.
    #[prop(optional)]
    room: Room,
    /// The title: the only `h1`; leave it out where the content has one.
    #[prop(optional, into)]
    title: MaybeText,
    /// One line under it.
    #[prop(optional, into)]
    purpose: MaybeText,
    /// Steps of a wizard.
    #[prop(optional)]
    steps: Vec<Step>,
    /// What the last action did.
    #[prop(optional)]
    flash: Option<AnyView>,
    /// A quiet line at the foot.
    #[prop(optional)]
    foot: Option<AnyView>,
    /// The content.
    children: Children,
) -> impl IntoView {
    let class = match room {
        Room::Card => "plain",
        Room::Wizard => "plain wizard",
    };
    view! {
        <div class=class>
            <header class="plain-top"><Brand/></header>
            <main id="main" tabindex="-1">
                {(!steps.is_empty()).then(|| view! { <Steps steps/> })}
                {flash}
                <div class="plain-body">
                    {title.0.map(|title| view! {
                        <header class="plain-head">
                            <h1>{title}</h1>
                            {purpose.0.map(|purpose| view! { <p>{purpose}</p> })}
                        </header>
                    })}
                    {children()}
                </div>
            </main>
            {foot.map(|foot| view! { <footer class="plain-foot">{foot}</footer> })}
        </div>
        <LocalTimes/>
    }
}
