//! Puts the rows of a table into another order, by pointer, touch or keyboard.
//!
//! What is dropped is sent with a form of the page, as its buttons do it: the server checks, asks and says what became of it.
//! Rows that are passed move, never the one that is held, which would lose the pointer and the focus by it.

use leptos::prelude::*;

/// Makes the handles (`.drag-handle`) of a table work: `data-name` says what their rows are called, `data-action` where the
/// form with the id `form` is sent when one is dropped, with its new place, from one, in the field `to`. Without script the
/// handles are not shown.
#[island]
pub fn DragOrder(
    /// Id of the form.
    form: String,
) -> impl IntoView {
    let said = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    Effect::new(move || dragging::begin(form.clone(), said));
    #[cfg(not(feature = "hydrate"))]
    let _ = form;
    view! {
        <p class="visually-hidden" id="drag-help">
            "Space picks it up, the arrow keys move it, space puts it down, Escape leaves it where it was."
        </p>
        <p class="visually-hidden" role="status">{said}</p>
    }
}

/// What is said while a row is moved.
#[cfg(any(feature = "hydrate", test))]
fn words(name: &str, place: usize, many: usize, what: What) -> String {
    let place = place + 1;
    match what {
        What::Held => format!(
            "{name} is picked up, at place {place} of {many}. Arrow keys move it, space puts it down, Escape leaves it."
        ),
        What::Moved => format!("{name} is at place {place} of {many}."),
        What::Stays => format!("{name} stays at place {place} of {many}."),
        What::Dropped => {
            format!("{name} is put down at place {place} of {many}. The order is being saved.")
        }
    }
}

#[cfg(any(feature = "hydrate", test))]
#[derive(Clone, Copy)]
enum What {
    Held,
    Moved,
    Stays,
    Dropped,
}

#[cfg(feature = "hydrate")]
mod dragging {
    use std::cell::RefCell;
    use std::rc::Rc;

    use js_sys::{Function, Reflect};
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast as _, JsValue};
    use web_sys::{
        Element, HtmlElement, HtmlFormElement, HtmlInputElement, KeyboardEvent, MouseEvent,
        PointerEvent,
    };

    use super::{What, words};

    const HANDLE: &str = ".drag-handle";
    const HELD: &str = "held";
    /// So near to an end of the window it scrolls, in pixels; the bar at the top is in the way.
    const EDGE: f64 = 80.0;
    /// By so much at each move.
    const STRIDE: f64 = 14.0;

    /// A row that somebody holds.
    struct Held {
        handle: Element,
        row: Element,
        /// The rows as they were.
        before: Vec<Element>,
    }

    struct Order {
        form: String,
        said: RwSignal<String>,
        held: RefCell<Option<Held>>,
    }

    pub fn begin(form: String, said: RwSignal<String>) {
        let order = Rc::new(Order {
            form,
            said,
            held: RefCell::new(None),
        });
        for handle in crate::page::all(HANDLE) {
            listen(&order, &handle);
            let _ = handle.remove_attribute("disabled");
            let _ = handle.remove_attribute("hidden");
        }
        if let Some(document) = crate::page::document() {
            crate::page::listen(&document, "keydown", move |event| {
                let Some(key) = event.dyn_ref::<KeyboardEvent>() else {
                    return;
                };
                if key.key() == "Escape" && order.is_held() {
                    event.prevent_default();
                    order.leave();
                }
            });
        }
    }

    fn listen(order: &Rc<Order>, handle: &Element) {
        let (me, at) = (Rc::clone(order), handle.clone());
        crate::page::listen(handle, "pointerdown", move |event| {
            let Some(pointer) = event.dyn_ref::<PointerEvent>() else {
                return;
            };
            if pointer.button() == 0 {
                event.prevent_default();
                me.leave();
                let _ = at.set_pointer_capture(pointer.pointer_id());
                if let Some(at) = at.dyn_ref::<HtmlElement>() {
                    let _ = at.focus();
                }
                me.pick(&at);
            }
        });
        let (me, at) = (Rc::clone(order), handle.clone());
        crate::page::listen(handle, "pointermove", move |event| {
            if let Some(pointer) = event.dyn_ref::<PointerEvent>()
                && at.has_pointer_capture(pointer.pointer_id())
            {
                me.follow(f64::from(pointer.client_y()));
            }
        });
        let me = Rc::clone(order);
        crate::page::listen(handle, "pointerup", move |_| me.put_down());
        let me = Rc::clone(order);
        crate::page::listen(handle, "pointercancel", move |_| me.leave());
        let me = Rc::clone(order);
        crate::page::listen(handle, "blur", move |_| me.leave());
        // A press that comes from no pointer and no key: what reads the page aloud does that.
        let (me, at) = (Rc::clone(order), handle.clone());
        crate::page::listen(handle, "click", move |event| {
            if event
                .dyn_ref::<MouseEvent>()
                .is_some_and(|mouse| mouse.detail() == 0)
            {
                me.toggle(&at);
            }
        });
        let (me, at) = (Rc::clone(order), handle.clone());
        crate::page::listen(handle, "keydown", move |event| {
            let Some(key) = event.dyn_ref::<KeyboardEvent>() else {
                return;
            };
            let is_held = me.is_held();
            match key.key().as_str() {
                " " | "Enter" => me.toggle(&at),
                "ArrowUp" if is_held => {
                    me.step(Towards::First);
                }
                "ArrowDown" if is_held => {
                    me.step(Towards::Last);
                }
                _ => return,
            }
            event.prevent_default();
        });
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Towards {
        First,
        Last,
    }

    impl Order {
        fn is_held(&self) -> bool {
            self.held.borrow().is_some()
        }

        fn toggle(&self, handle: &Element) {
            if self.is_held() {
                self.put_down();
            } else {
                self.pick(handle);
            }
        }

        fn pick(&self, handle: &Element) {
            let Ok(Some(row)) = handle.closest("tr") else {
                return;
            };
            let _ = row.class_list().add_1(HELD);
            let _ = handle.set_attribute("aria-pressed", "true");
            let held = Held {
                handle: handle.clone(),
                row,
                before: rows(),
            };
            self.say(&held, What::Held);
            self.held.replace(Some(held));
        }

        /// Moves the held row by one. Says whether it did.
        fn step(&self, towards: Towards) -> bool {
            let held = self.held.borrow();
            let Some(held) = held.as_ref() else {
                return false;
            };
            let beside = match towards {
                Towards::First => held.row.previous_element_sibling(),
                Towards::Last => held.row.next_element_sibling(),
            };
            let Some(beside) = beside else {
                return false;
            };
            let place = match towards {
                Towards::First => "afterend",
                Towards::Last => "beforebegin",
            };
            let _ = held.row.insert_adjacent_element(place, &beside);
            number(&rows());
            self.say(held, What::Moved);
            true
        }

        /// Moves the held row to where the pointer is.
        fn follow(&self, y: f64) {
            if self.is_held() {
                scroll(y);
            }
            loop {
                let towards = {
                    let held = self.held.borrow();
                    let Some(held) = held.as_ref() else {
                        return;
                    };
                    let above = held.row.previous_element_sibling();
                    let below = held.row.next_element_sibling();
                    match (
                        above.as_ref().and_then(middle),
                        below.as_ref().and_then(middle),
                    ) {
                        (Some(above), _) if y < above => Towards::First,
                        (_, Some(below)) if y > below => Towards::Last,
                        _ => return,
                    }
                };
                if !self.step(towards) {
                    return;
                }
            }
        }

        /// Puts it down: where it moved, the form is sent.
        fn put_down(&self) {
            let Some(held) = self.held.take() else {
                return;
            };
            let place = held.place();
            if held.before.iter().position(|one| *one == held.row) == Some(place) {
                self.say(&held, What::Stays);
                held.release();
                return;
            }
            self.say(&held, What::Dropped);
            held.release();
            if send(&self.form, &held.handle, place + 1).is_none() {
                held.restore();
            }
        }

        /// Leaves it where it was.
        fn leave(&self) {
            if let Some(held) = self.held.take() {
                held.release();
                held.restore();
                self.say(&held, What::Stays);
            }
        }

        fn say(&self, held: &Held, what: What) {
            let name = held.handle.get_attribute("data-name").unwrap_or_default();
            self.said
                .set(words(&name, held.place(), held.before.len(), what));
        }
    }

    impl Held {
        fn place(&self) -> usize {
            rows()
                .iter()
                .position(|one| *one == self.row)
                .unwrap_or_default()
        }

        fn release(&self) {
            let _ = self.row.class_list().remove_1(HELD);
            let _ = self.handle.set_attribute("aria-pressed", "false");
        }

        /// Puts the others round it as they stood.
        fn restore(&self) {
            let at = self.before.iter().position(|one| *one == self.row);
            let (above, below) = self.before.split_at(at.unwrap_or_default());
            for one in above {
                let _ = self.row.insert_adjacent_element("beforebegin", one);
            }
            for one in below.iter().skip(1).rev() {
                let _ = self.row.insert_adjacent_element("afterend", one);
            }
            number(&self.before);
        }
    }

    /// Rows that can be moved, in the order they stand in.
    fn rows() -> Vec<Element> {
        crate::page::all(HANDLE)
            .iter()
            .filter_map(|handle| handle.closest("tr").ok().flatten())
            .collect()
    }

    /// Writes the places anew.
    fn number(rows: &[Element]) {
        for (place, row) in rows.iter().enumerate() {
            if let Ok(Some(at)) = row.query_selector(".place") {
                at.set_text_content(Some(&(place + 1).to_string()));
            }
        }
    }

    /// Scrolls on where the pointer is near the upper or lower end of the window.
    fn scroll(y: f64) {
        let Some(window) = crate::page::window() else {
            return;
        };
        let height = window
            .inner_height()
            .ok()
            .and_then(|height| height.as_f64());
        let by = match height {
            _ if y < EDGE => -STRIDE,
            Some(height) if y > height - EDGE => STRIDE,
            _ => return,
        };
        window.scroll_by_with_x_and_y(0.0, by);
    }

    /// Where the middle of a row is, from the top of the window.
    fn middle(row: &Element) -> Option<f64> {
        let measure = Reflect::get(row, &"getBoundingClientRect".into()).ok()?;
        let found = measure.dyn_into::<Function>().ok()?.call0(row).ok()?;
        let number = |name: &str| {
            let value: JsValue = Reflect::get(&found, &name.into()).ok()?;
            value.as_f64()
        };
        Some(number("top")? + number("height")? / 2.0)
    }

    fn send(form: &str, handle: &Element, place: usize) -> Option<()> {
        let form = crate::page::document()?.get_element_by_id(form)?;
        let form = form.dyn_into::<HtmlFormElement>().ok()?;
        let to = form.query_selector("input[name=to]").ok()??;
        to.dyn_into::<HtmlInputElement>()
            .ok()?
            .set_value(&place.to_string());
        form.set_action(&handle.get_attribute("data-action")?);
        form.request_submit().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{What, words};

    #[test]
    fn what_is_said_counts_from_one() {
        assert_eq!(
            words("Office", 0, 3, What::Moved),
            "Office is at place 1 of 3."
        );
        assert!(words("Office", 2, 3, What::Dropped).contains("place 3 of 3"));
        assert!(words("Office", 1, 3, What::Held).contains("Escape"));
        assert!(words("Office", 1, 3, What::Stays).contains("stays at place 2"));
    }
}
