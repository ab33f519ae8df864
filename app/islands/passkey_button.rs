//! Asks the browser for a passkey and sends its answer with the form it stands in.
//!
//! The question comes with the page, from the server, which also judges the answer: nothing is decided here, nothing is
//! fetched. Bytes travel in base 64 for addresses, as in `PublicKeyCredential.toJSON` (W3C Web Authentication, level 3),
//! which not every browser has yet.

use leptos::prelude::*;

/// A button that asks. The form around it holds a field `answer`, which is filled and sent. Without script it cannot be
/// pressed, and the words under it say what to do instead.
#[island]
pub fn PasskeyButton(
    /// Options for `navigator.credentials`, as JSON.
    options: String,
    /// The words on it.
    label: String,
    /// What stands under it until script runs.
    without: String,
) -> impl IntoView {
    let me = NodeRef::<leptos::html::Button>::new();
    let is_ready = RwSignal::new(false);
    let said = RwSignal::new(without);
    #[cfg(feature = "hydrate")]
    Effect::new(move || {
        if browser::is_able() {
            is_ready.set(true);
            said.set(String::new());
        } else {
            said.set("This browser offers no passkeys on this page.".to_owned());
        }
    });
    view! {
        <button
            type="button"
            class="btn primary"
            node_ref=me
            disabled=move || !is_ready.get()
            on:click=move |_| ask(options.clone(), me, is_ready, said)
        >
            {label}
        </button>
        <p class="passkey-said" role="status">{said}</p>
    }
}

type Me = NodeRef<leptos::html::Button>;

#[cfg(feature = "hydrate")]
fn ask(options: String, me: Me, is_ready: RwSignal<bool>, said: RwSignal<String>) {
    is_ready.set(false);
    said.set("Waiting for your passkey".to_owned());
    wasm_bindgen_futures::spawn_local(async move {
        let words = match browser::answer(&options).await {
            Ok(answer) if send(me, &answer) => "Checking",
            Ok(_) => "The answer cannot be sent from this page. Load it again.",
            Err(why) => browser::words(&why),
        };
        said.set(words.to_owned());
        is_ready.set(true);
    });
}

#[cfg(not(feature = "hydrate"))]
fn ask(_options: String, _me: Me, _is_ready: RwSignal<bool>, _said: RwSignal<String>) {}

/// Fills the field and sends the form, as a press of its own button would.
#[cfg(feature = "hydrate")]
fn send(me: Me, answer: &str) -> bool {
    use wasm_bindgen::JsCast as _;
    let form = me
        .get_untracked()
        .and_then(|me| me.closest("form").ok().flatten())
        .and_then(|form| form.dyn_into::<web_sys::HtmlFormElement>().ok());
    let Some(form) = form else {
        return false;
    };
    let field = form
        .query_selector("input[name=answer]")
        .ok()
        .flatten()
        .and_then(|field| field.dyn_into::<web_sys::HtmlInputElement>().ok());
    let Some(field) = field else {
        return false;
    };
    field.set_value(answer);
    form.request_submit().is_ok()
}

/// What is asked of the browser, by name: its types for passkeys differ from version to version.
#[cfg(feature = "hydrate")]
mod browser {
    use js_sys::{Array, Function, JSON, Object, Promise, Reflect, Uint8Array};
    use wasm_bindgen::{JsCast as _, JsValue};
    use wasm_bindgen_futures::JsFuture;

    type Js = Result<JsValue, JsValue>;

    fn get(of: &JsValue, name: &str) -> Js {
        Reflect::get(of, &JsValue::from_str(name))
    }

    fn set(of: &JsValue, name: &str, value: &JsValue) -> Result<(), JsValue> {
        Reflect::set(of, &JsValue::from_str(name), value).map(drop)
    }

    /// Whether there are passkeys on this page: they are missing without https.
    pub fn is_able() -> bool {
        crate::page::window()
            .and_then(|window| get(&window, "PublicKeyCredential").ok())
            .is_some_and(|found| found.is_function())
    }

    /// Asks, and writes the answer down.
    pub async fn answer(options: &str) -> Result<String, JsValue> {
        let options = JSON::parse(options)?;
        let question = get(&options, "publicKey")?;
        let is_new = !get(&question, "user")?.is_undefined();
        to_bytes(&question, "challenge")?;
        if is_new {
            to_bytes(&get(&question, "user")?, "id")?;
        }
        for list in ["allowCredentials", "excludeCredentials"] {
            let listed = get(&question, list)?;
            if Array::is_array(&listed) {
                for one in Array::from(&listed).iter() {
                    to_bytes(&one, "id")?;
                }
            }
        }
        let window = crate::page::window().ok_or(JsValue::NULL)?;
        let credentials = get(&window.navigator(), "credentials")?;
        let verb = get(&credentials, if is_new { "create" } else { "get" })?;
        let asked = verb.dyn_into::<Function>()?.call1(&credentials, &options)?;
        let credential = JsFuture::from(asked.dyn_into::<Promise>()?).await?;
        written(&credential, is_new)
    }

    fn written(credential: &JsValue, is_new: bool) -> Result<String, JsValue> {
        let response = get(credential, "response")?;
        let told = Object::new();
        let fields: &[&str] = if is_new {
            &["clientDataJSON", "attestationObject"]
        } else {
            &[
                "clientDataJSON",
                "authenticatorData",
                "signature",
                "userHandle",
            ]
        };
        for field in fields {
            let bytes = get(&response, field)?;
            if !bytes.is_null() && !bytes.is_undefined() {
                set(&told, field, &JsValue::from_str(&encoded(&bytes)?))?;
            }
        }
        if let Ok(transports) = get(&response, "getTransports")?.dyn_into::<Function>() {
            set(&told, "transports", &transports.call0(&response)?)?;
        }
        let answer = Object::new();
        for field in ["id", "type"] {
            set(&answer, field, &get(credential, field)?)?;
        }
        let id = encoded(&get(credential, "rawId")?)?;
        set(&answer, "rawId", &JsValue::from_str(&id))?;
        set(&answer, "response", &told)?;
        JSON::stringify(&answer).map(String::from)
    }

    /// Turns base 64 into the bytes that the browser wants.
    fn to_bytes(of: &JsValue, name: &str) -> Result<(), JsValue> {
        let text = get(of, name)?.as_string().ok_or(JsValue::NULL)?;
        let window = crate::page::window().ok_or(JsValue::NULL)?;
        // Each letter of the outcome stands for one byte.
        let plain = window.atob(&text.replace('-', "+").replace('_', "/"))?;
        let bytes: Vec<u8> = plain.chars().map(|letter| letter as u8).collect();
        set(of, name, &Uint8Array::from(bytes.as_slice()))
    }

    fn encoded(bytes: &JsValue) -> Result<String, JsValue> {
        let window = crate::page::window().ok_or(JsValue::NULL)?;
        let bytes = Uint8Array::new(bytes).to_vec();
        let letters: String = bytes.into_iter().map(char::from).collect();
        let text = window.btoa(&letters)?;
        Ok(text.replace('+', "-").replace('/', "_").replace('=', ""))
    }

    /// Why there is no answer, in words. Browsers tell little, on purpose.
    pub fn words(why: &JsValue) -> &'static str {
        let name = get(why, "name").ok().and_then(|name| name.as_string());
        match name.as_deref() {
            Some("InvalidStateError") => {
                "This device holds a passkey of yours for this console already."
            }
            Some("SecurityError") => {
                "This page is not at the public address that passkeys here are bound to."
            }
            Some("NotSupportedError") => {
                "This device offers no kind of passkey that is taken here."
            }
            _ => {
                "No passkey was used: it was called off, took too long, or could not check that it is you."
            }
        }
    }
}
