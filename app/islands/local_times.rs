//! Shows times in the reader's own zone. The server writes UTC.

use leptos::prelude::*;

/// Rewrites what is marked `data-local`: `title`, `text`, `clock`, `day-clock`, `zone`.
#[island]
pub fn LocalTimes() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(|| {
        for element in crate::page::all("[data-local]") {
            rewrite(&element);
        }
    });
    view! { <span hidden></span> }
}

#[cfg(feature = "hydrate")]
fn rewrite(element: &web_sys::Element) -> Option<()> {
    let kind = element.get_attribute("data-local")?;
    if kind == "zone" {
        element.set_text_content(Some("your time zone"));
        return Some(());
    }
    let stamp = element
        .get_attribute("datetime")
        .or_else(|| element.get_attribute("data-at"))?;
    let date = js_sys::Date::new(&stamp.into());
    if date.get_time().is_nan() {
        return None;
    }
    if element.has_attribute("title") || kind == "title" {
        let _ = element.set_attribute(
            "title",
            &words(&date, &[("dateStyle", "long"), ("timeStyle", "long")]),
        );
    }
    let parts: &[(&str, &str)] = match kind.as_str() {
        "text" => &[("dateStyle", "medium"), ("timeStyle", "short")],
        "clock" => &[("timeStyle", "medium")],
        "day-clock" => &[
            ("day", "numeric"),
            ("month", "short"),
            ("hour", "2-digit"),
            ("minute", "2-digit"),
            ("second", "2-digit"),
        ],
        _ => return None,
    };
    element.set_text_content(Some(&words(&date, parts)));
    Some(())
}

#[cfg(feature = "hydrate")]
fn words(date: &js_sys::Date, options: &[(&str, &str)]) -> String {
    let chosen = js_sys::Object::new();
    for (key, value) in options {
        let _ = js_sys::Reflect::set(&chosen, &(*key).into(), &(*value).into());
    }
    date.to_locale_string("en-GB", &chosen).into()
}
