//! Tries what is typed, and shows what came of it beside the editor.
//!
//! The server decides and draws; here is only when it is asked, and that an answer which came too late is dropped. Without
//! script a button does the same.

use leptos::prelude::*;

/// Watches the form it stands in. A moment after somebody stopped typing the form is sent to `action`, and what comes back
/// goes into `#live-problem` and `#live-result`, and beside the fields that are wrong.
#[island]
pub fn LivePreview(
    /// Where a mapping is tried: an address that takes the form and answers in JSON.
    action: String,
) -> impl IntoView {
    let me = NodeRef::<leptos::html::Div>::new();
    let is_ready = RwSignal::new(false);
    let said = RwSignal::new(String::new());
    let is_slow = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move || {
        let form = me.get().and_then(|me| me.closest("form").ok().flatten());
        if let Some(form) = form {
            watching::begin(form, action.clone(), said, is_slow);
            is_ready.set(true);
        }
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = action;
    view! {
        <div class="live-words" class:ready=move || is_ready.get() node_ref=me>
            <p class="live-hint" aria-hidden="true">
                {move || if is_slow.get() { "The directory is being asked…" } else { "Follows what you type." }}
            </p>
            <p class="visually-hidden" role="status">{said}</p>
        </div>
    }
}

#[cfg(feature = "hydrate")]
mod watching {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use std::time::Duration;

    use js_sys::{Array, JSON, Reflect};
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast as _, JsValue};
    use wasm_bindgen_futures::{JsFuture, spawn_local};
    use web_sys::{
        AbortController, Element, FormData, Headers, HtmlElement, HtmlFormElement, RequestInit,
        Response, UrlSearchParams,
    };

    /// How long nobody typed before it is tried.
    const PAUSE: Duration = Duration::from_millis(400);
    /// The same for whom it is tried on: half a username is nobody.
    const NAME_PAUSE: Duration = Duration::from_millis(1000);
    /// How long is waited when it was tried too often.
    const LONG_PAUSE: Duration = Duration::from_secs(3);
    /// After how long it is said that the directory is being asked.
    const SLOW: Duration = Duration::from_millis(1200);
    const PROBLEM: &str = "#live-problem";
    const RESULT: &str = "#live-result";
    /// What in the result can have the focus.
    const REACHED: &str = "summary, button";

    /// One form that is watched.
    struct Watched {
        form: HtmlFormElement,
        action: String,
        said: RwSignal<String>,
        is_slow: RwSignal<bool>,
        /// Counts what was typed; an answer to anything but the last is dropped.
        nth: Cell<u64>,
        waits: Cell<Option<TimeoutHandle>>,
        under_way: RefCell<Option<AbortController>>,
        /// Fields that are marked as wrong.
        wrong: RefCell<Vec<String>>,
    }

    /// What came back.
    enum Came {
        Told(JsValue),
        TooOften,
        Refused(String),
    }

    pub fn begin(form: Element, action: String, said: RwSignal<String>, is_slow: RwSignal<bool>) {
        let Ok(form) = form.dyn_into::<HtmlFormElement>() else {
            return;
        };
        let wrong = crate::page::all(".mapping .field-error[id]")
            .iter()
            .filter_map(|error| error.id().strip_suffix("-error").map(str::to_owned))
            .collect();
        let watched = Rc::new(Watched {
            form: form.clone(),
            action,
            said,
            is_slow,
            nth: Cell::new(0),
            waits: Cell::new(None),
            under_way: RefCell::new(None),
            wrong: RefCell::new(wrong),
        });
        let typed = Rc::clone(&watched);
        crate::page::listen(&form, "input", move |event| {
            typed.wait(match is_about(event.target()) {
                true => NAME_PAUSE,
                false => PAUSE,
            });
        });
        crate::page::listen(&form, "change", move |event| {
            if is_about(event.target()) {
                watched.wait(Duration::ZERO);
            }
        });
    }

    /// Whether it is the field for those it is tried on.
    fn is_about(target: Option<web_sys::EventTarget>) -> bool {
        let field = target.and_then(|target| target.dyn_into::<Element>().ok());
        let name = field.and_then(|field| field.get_attribute("name"));
        name.as_deref() == Some("about")
    }

    impl Watched {
        /// Tries it after a pause, unless something else is typed before. What is under way is of no use any more.
        fn wait(self: &Rc<Self>, pause: Duration) {
            let nth = self.nth.get() + 1;
            self.nth.set(nth);
            if let Some(before) = self.waits.take() {
                before.clear();
            }
            if let Some(under_way) = self.under_way.take() {
                under_way.abort();
            }
            let me = Rc::clone(self);
            let ask = move || {
                let me = Rc::clone(&me);
                spawn_local(async move { me.ask(nth).await });
            };
            self.waits.set(set_timeout_with_handle(ask, pause).ok());
        }

        async fn ask(self: Rc<Self>, nth: u64) {
            let me = Rc::clone(&self);
            let slow = set_timeout_with_handle(
                move || {
                    if me.nth.get() == nth {
                        me.is_slow.set(true);
                    }
                },
                SLOW,
            );
            let came = self.send().await;
            if let Ok(slow) = slow {
                slow.clear();
            }
            if self.nth.get() != nth {
                return;
            }
            self.is_slow.set(false);
            match came {
                Ok(Came::Told(told)) => self.show(&told),
                Ok(Came::TooOften) => self.wait(LONG_PAUSE),
                Ok(Came::Refused(why)) => self.said.set(why),
                Err(_) => {
                    let words = "The preview cannot be shown now. The button below the editor does the same.";
                    self.said.set(words.to_owned());
                }
            }
        }

        async fn send(&self) -> Result<Came, JsValue> {
            let window = crate::page::window().ok_or(JsValue::NULL)?;
            let typed = FormData::new_with_form(&self.form)?;
            let body = UrlSearchParams::new_with_str_sequence_sequence(&typed)?;
            let headers = Headers::new()?;
            headers.set("accept", "application/json")?;
            let controller = AbortController::new()?;
            let asked = RequestInit::new();
            asked.set_method("POST");
            asked.set_body(&body);
            asked.set_headers(&headers);
            asked.set_signal(Some(&controller.signal()));
            self.under_way.replace(Some(controller));
            let answer = JsFuture::from(window.fetch_with_str_and_init(&self.action, &asked));
            let answer: Response = answer.await?.dyn_into()?;
            if answer.status() == 429 {
                return Ok(Came::TooOften);
            }
            let text = JsFuture::from(answer.text()?).await?;
            let told = JSON::parse(&text.as_string().unwrap_or_default())?;
            Ok(match answer.ok() {
                true => Came::Told(told),
                false => Came::Refused(text_of(&told, "detail").unwrap_or_default()),
            })
        }

        fn show(&self, told: &JsValue) {
            put(PROBLEM, &text_of(told, "problem").unwrap_or_default());
            let result = text_of(told, "result");
            if let Some(part) = crate::page::all(RESULT).first() {
                match result {
                    Some(html) => {
                        replace(part, &html);
                        let _ = part.remove_attribute("data-old");
                    }
                    None => {
                        let _ = part.set_attribute("data-old", "");
                    }
                }
            }
            for field in self.wrong.take() {
                clear(&field);
            }
            let errors = Reflect::get(told, &"errors".into()).unwrap_or(JsValue::NULL);
            let mut wrong = Vec::new();
            for error in Array::from(&errors).iter() {
                if let (Some(field), Some(html)) =
                    (text_of(&error, "field"), text_of(&error, "html"))
                {
                    mark(&field, &html);
                    wrong.push(field);
                }
            }
            self.wrong.replace(wrong);
            self.said.set(text_of(told, "said").unwrap_or_default());
        }
    }

    fn text_of(of: &JsValue, name: &str) -> Option<String> {
        Reflect::get(of, &name.into()).ok()?.as_string()
    }

    fn put(selector: &str, html: &str) {
        if let Some(part) = crate::page::all(selector).first() {
            part.set_inner_html(html);
        }
    }

    /// Draws a part anew; what was folded open stays open, and the focus where it was.
    fn replace(part: &Element, html: &str) {
        let inside = |selector: &str| -> Vec<Element> {
            let Ok(found) = part.query_selector_all(selector) else {
                return Vec::new();
            };
            (0..found.length())
                .filter_map(|at| found.get(at)?.dyn_into().ok())
                .collect()
        };
        let open: Vec<bool> = inside("details")
            .iter()
            .map(|one| one.has_attribute("open"))
            .collect();
        let active = crate::page::document().and_then(|document| document.active_element());
        let focus = active.and_then(|active| inside(REACHED).iter().position(|one| *one == active));
        part.set_inner_html(html);
        let now = inside("details");
        // Other people, or one more rule: then what was open means nothing.
        if now.len() == open.len() {
            for (one, is_open) in now.iter().zip(open) {
                let _ = match is_open {
                    true => one.set_attribute("open", ""),
                    false => one.remove_attribute("open"),
                };
            }
        }
        let again = focus.and_then(|at| inside(REACHED).into_iter().nth(at));
        if let Some(one) = again.and_then(|one| one.dyn_into::<HtmlElement>().ok()) {
            let _ = one.focus();
        }
    }

    /// The control of a field.
    fn control(field: &str) -> Option<Element> {
        crate::page::document()?.get_element_by_id(field)
    }

    /// Says beside a field what is wrong with it, as a page does.
    fn mark(field: &str, html: &str) {
        let Some(control) = control(field) else {
            return;
        };
        clear(field);
        if let Ok(Some(around)) = control.closest(".field") {
            let _ = around.class_list().add_1("wrong");
        }
        let help = control
            .get_attribute("aria-describedby")
            .unwrap_or_default();
        let described = format!("{field}-error {help}");
        let _ = control.set_attribute("aria-describedby", described.trim());
        let _ = control.set_attribute("aria-invalid", "true");
        let _ = control.insert_adjacent_html("afterend", html);
    }

    fn clear(field: &str) {
        let id = format!("{field}-error");
        if let Some(error) = control(&id) {
            error.remove();
        }
        let Some(control) = control(field) else {
            return;
        };
        if let Ok(Some(around)) = control.closest(".field") {
            let _ = around.class_list().remove_1("wrong");
        }
        let _ = control.remove_attribute("aria-invalid");
        let described = control
            .get_attribute("aria-describedby")
            .unwrap_or_default();
        let others: Vec<&str> = described.split(' ').filter(|one| *one != id).collect();
        let _ = match others.concat().is_empty() {
            true => control.remove_attribute("aria-describedby"),
            false => control.set_attribute("aria-describedby", &others.join(" ")),
        };
    }
}
