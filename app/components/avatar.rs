//! Initials in a circle, where a picture would need a request to elsewhere.

use super::markup::Markup;
use leptos::prelude::*;

/// At most two initials of a name.
#[must_use]
pub fn initials(name: &str) -> String {
    let mut words = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect()
}

/// The initials of a name; hidden from screen readers, as the name stands beside it.
#[component]
pub fn Avatar(
    /// Whose.
    #[prop(into)]
    name: String,
) -> impl IntoView {
    let mut markup = Markup::default();
    write(&mut markup, &name);
    markup.into_view()
}

/// Writes the initials of a name.
pub(super) fn write(markup: &mut Markup, name: &str) {
    markup
        .tag("<span class=\"avatar\" aria-hidden=\"true\">")
        .text(&initials(name))
        .tag("</span>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_word_give_the_initials() {
        assert_eq!(initials("Ada Lovelace"), "AL");
        assert_eq!(initials("Karen Spärck Jones"), "KJ");
        assert_eq!(initials("root1"), "R");
        assert_eq!(initials("  "), "");
        assert_eq!(initials("élodie (x) ōe"), "ÉŌ");
    }
}
