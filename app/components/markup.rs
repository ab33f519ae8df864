//! Markup written straight into one string, for what stands on a page a hundred times over: there the boxed view of
//! every element would cost more than everything else the page does.
//!
//! What the program says goes through [`Markup::tag`], which takes nothing but literals; what people say goes through
//! [`Markup::text`], which escapes it.

use leptos::prelude::*;
use leptos::tachys::html::InertElement;

/// Markup that grows.
#[derive(Debug, Default)]
pub struct Markup(String);

impl Markup {
    /// Nothing yet, with room for so many bytes.
    #[must_use]
    pub fn with_room(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// Adds markup of ours.
    pub fn tag(&mut self, literal: &'static str) -> &mut Self {
        self.0.push_str(literal);
        self
    }

    /// Adds words, escaped for content and for double-quoted attributes alike.
    pub fn text(&mut self, words: &str) -> &mut Self {
        let mut rest = words;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (plain, marked) = rest.split_at(at);
            let mut characters = marked.chars();
            self.0.push_str(plain);
            self.0.push_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            });
            rest = characters.as_str();
        }
        self.0.push_str(rest);
        self
    }

    /// Adds a view.
    pub fn view(&mut self, view: AnyView) -> &mut Self {
        self.0.push_str(&view.to_html());
        self
    }

    /// As a child of an element. It must be one element, or all there is in its parent.
    #[must_use]
    pub fn into_view(self) -> AnyView {
        InertElement::new(self.0).into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_never_markup() {
        let mut markup = Markup::default();
        markup
            .tag("<i title=\"")
            .text("a\"b'")
            .tag("\">")
            .text("<script>&é</script>")
            .tag("</i>");
        assert_eq!(
            markup.into_view().to_html(),
            "<i title=\"a&quot;b&#39;\">&lt;script&gt;&amp;é&lt;/script&gt;</i>"
        );
    }
}
