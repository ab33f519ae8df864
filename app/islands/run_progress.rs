//! Shows how far a run is, while it goes on.

use leptos::prelude::*;

/// The numbers of a run and how much of it is behind. Without script they stand as they were when the page was made.
/// When the run comes into another state the page is fetched anew: what can be done with it changed.
#[island]
pub fn RunProgress(
    /// Where it is told how far the run is.
    events: String,
    /// The word of the state the page was made for.
    state: String,
    /// Read so far, as it is written.
    read: String,
    /// Planned so far, as it is written.
    planned: String,
    /// Tried so far, as it is written.
    tried: String,
    /// Failed so far, as it is written.
    failed: String,
    /// How much is behind, of a thousand; more than that: nobody can tell.
    share: u32,
) -> impl IntoView {
    let read = RwSignal::new(read);
    let planned = RwSignal::new(planned);
    let tried = RwSignal::new(tried);
    let failed = RwSignal::new(failed);
    let share = RwSignal::new(share);
    #[cfg(feature = "hydrate")]
    Effect::new({
        let (events, state) = (events.clone(), state.clone());
        move || {
            let numbers = [
                ("read", read),
                ("planned", planned),
                ("tried", tried),
                ("failed", failed),
            ];
            let _ = watch(&events, state.clone(), numbers, share);
        }
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (events, state);
    view! {
        <div class="run-live">
            <progress class="run-meter" aria-label="How much of the run is behind" max="1000" value=move || known(share.get())></progress>
            <dl class="run-numbers">
                <div><dt>"Read"</dt><dd>{read}</dd></div>
                <div><dt>"Planned"</dt><dd>{planned}</dd></div>
                <div><dt>"Tried"</dt><dd>{tried}</dd></div>
                <div><dt>"Failed"</dt><dd>{failed}</dd></div>
            </dl>
        </div>
    }
}

/// A share that is known; a meter without one moves to and fro.
fn known(share: u32) -> Option<String> {
    (share <= 1000).then(|| share.to_string())
}

#[cfg(feature = "hydrate")]
fn watch(
    events: &str,
    state: String,
    numbers: [(&'static str, RwSignal<String>); 4],
    share: RwSignal<u32>,
) -> Option<()> {
    use wasm_bindgen::JsCast as _;
    let source = web_sys::EventSource::new(events).ok()?;
    let target: web_sys::EventTarget = source.clone().unchecked_into();
    crate::page::listen(&target, "message", move |event| {
        let Some(told) = event
            .dyn_ref::<web_sys::MessageEvent>()
            .and_then(|event| event.data().as_string())
            .and_then(|text| js_sys::JSON::parse(&text).ok())
        else {
            return;
        };
        let field = |name: &str| js_sys::Reflect::get(&told, &name.into()).ok();
        let text = |name: &str| field(name).and_then(|value| value.as_string());
        for (name, signal) in numbers {
            if let Some(now) = text(name) {
                signal.set(now);
            }
        }
        if let Some(now) = field("share").and_then(|value| value.as_f64()) {
            share.set(now.clamp(0.0, f64::from(u32::MAX)) as u32);
        }
        if text("state").is_some_and(|now| now != state) {
            source.close();
            if let Some(window) = crate::page::window() {
                let _ = window.location().reload();
            }
        }
    });
    Some(())
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn a_share_beyond_the_whole_is_not_known() {
        assert_eq!(known(412).as_deref(), Some("412"));
        assert_eq!(known(u32::MAX), None);
    }
}
