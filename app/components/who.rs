//! A person in a row: initials, name, and a second line such as an e-mail address.

use super::avatar;
use super::markup::Markup;
use super::text::MaybeText;
use leptos::prelude::*;

/// Who it is. In a table whose row links, leave `href` out.
#[component]
pub fn Who(
    /// The name.
    #[prop(into)]
    name: String,
    /// The second line.
    #[prop(optional, into)]
    note: MaybeText,
    /// Their page.
    #[prop(optional, into)]
    href: MaybeText,
) -> impl IntoView {
    let mut markup = Markup::with_room(256);
    markup.tag("<span class=\"who\">");
    avatar::write(&mut markup, &name);
    markup.tag("<span class=\"who-words\">");
    match &href.0 {
        Some(href) => markup
            .tag("<a class=\"who-name\" href=\"")
            .text(href)
            .tag("\">")
            .text(&name)
            .tag("</a>"),
        None => markup
            .tag("<span class=\"who-name\">")
            .text(&name)
            .tag("</span>"),
    };
    if let Some(note) = &note.0 {
        markup
            .tag("<span class=\"who-note\">")
            .text(note)
            .tag("</span>");
    }
    markup.tag("</span></span>");
    markup.into_view()
}
