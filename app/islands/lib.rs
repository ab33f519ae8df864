//! The parts of Muster that run in the browser.
//!
//! Every page works before, and without, these: an island only adds what a server cannot do, such as counting
//! seconds or reaching the clipboard. It must never hold a rule, fetch what the page needs, or change what a form sends;
//! the answer of a passkey, which only a browser can get, goes into a field of its own. What is shown while somebody types
//! is drawn by the server, as a button of the page would have it drawn.
//! The browser build links this crate alone, so what it uses decides how much every admin downloads.

mod copy_button;
mod countdown;
mod drag_order;
mod jump_key;
mod live_preview;
mod local_times;
#[cfg(feature = "hydrate")]
mod page;
mod passkey_button;
mod run_progress;
mod select_all;
mod unsaved_guard;

pub use copy_button::CopyButton;
pub use countdown::{Countdown, clock};
pub use drag_order::DragOrder;
pub use jump_key::JumpKey;
pub use live_preview::LivePreview;
pub use local_times::LocalTimes;
pub use passkey_button::PasskeyButton;
pub use run_progress::RunProgress;
pub use select_all::SelectAll;
pub use unsaved_guard::UnsavedGuard;
