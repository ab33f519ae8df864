//! Selects every row of a table's page, and says how many are selected.

use leptos::prelude::*;

/// A checkbox for all checkboxes of `form` named `field`. Without script it is not shown.
#[island]
pub fn SelectAll(
    /// Id of the form the checkboxes belong to.
    form: String,
    /// Their form field name.
    field: String,
) -> impl IntoView {
    let is_ready = RwSignal::new(false);
    let said = RwSignal::new(String::new());
    let me = NodeRef::<leptos::html::Input>::new();
    #[cfg(feature = "hydrate")]
    Effect::new(move || {
        if let Some(me) = me.get() {
            run(&me, &form, &field, said);
            is_ready.set(true);
        }
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (form, field);
    view! {
        <label class="pick-area">
            <span class="visually-hidden">"Select all rows on this page"</span>
            <input type="checkbox" class="pick-all" autocomplete="off" node_ref=me disabled=move || !is_ready.get()/>
        </label>
        <span class="visually-hidden" role="status">{said}</span>
    }
}

#[cfg(feature = "hydrate")]
fn run(me: &web_sys::HtmlInputElement, form: &str, field: &str, said: RwSignal<String>) {
    use wasm_bindgen::JsCast;
    let selector = format!("input.pick[form=\"{form}\"][name=\"{field}\"]");
    let boxes: Vec<web_sys::HtmlInputElement> = crate::page::all(&selector)
        .into_iter()
        .filter_map(|element| element.dyn_into().ok())
        .collect();
    let count = {
        let (me, boxes) = (me.clone(), boxes.clone());
        move || {
            let checked = boxes.iter().filter(|one| one.checked()).count();
            me.set_checked(checked != 0 && checked == boxes.len());
            me.set_indeterminate(checked != 0 && checked != boxes.len());
            said.set(if checked == 0 {
                String::new()
            } else {
                format!("{checked} selected")
            });
        }
    };
    for one in &boxes {
        let count = count.clone();
        crate::page::listen(one, "change", move |_| count());
    }
    let all = me.clone();
    crate::page::listen(me, "change", move |_| {
        let checked = all.checked();
        boxes.iter().for_each(|one| one.set_checked(checked));
        count();
    });
}
