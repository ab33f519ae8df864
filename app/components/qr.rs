//! A QR code, drawn into the page: nothing is fetched, and what it holds is in no address.

use fast_qr::{ECL, QRBuilder};
use leptos::prelude::*;

/// Light modules around the code (ISO/IEC 18004 wants four).
const QUIET: usize = 4;
/// Side on the screen, in CSS pixels: a phone reads it from an arm's length.
const SIDE: &str = "208";

/// A QR code of `text`; nothing when the text is too long for one. Always dark on light: scanners want it so.
#[component]
pub fn Qr(
    /// What it holds.
    text: String,
    /// What it is, for people who cannot see it.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    path(&text).map(|(path, side)| {
        let view_box = format!("0 0 {side} {side}");
        view! {
            <svg role="img" aria-label=label width=SIDE height=SIDE viewBox=view_box shape-rendering="crispEdges">
                <rect width="100%" height="100%" fill="#fff"/>
                <path d=path fill="#000"/>
            </svg>
        }
    })
}

/// The dark modules as one path, a bar for each run of them; and the side in modules.
fn path(text: &str) -> Option<(String, usize)> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    let mut path = String::with_capacity(code.size * code.size * 4);
    for y in 0..code.size {
        let row = code.data.get(y * code.size..(y + 1) * code.size)?;
        let mut x = 0;
        for run in row.chunk_by(|one, other| one.value() == other.value()) {
            if run.first().is_some_and(|module| module.value()) {
                let (left, top, length) = (x + QUIET, y + QUIET, run.len());
                path.push_str(&format!("M{left} {top}h{length}v1h-{length}z"));
            }
            x += run.len();
        }
    }
    Some((path, code.size + 2 * QUIET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_eyes_and_a_quiet_border() {
        let (path, side) = path("otpauth://totp/Muster:ada?secret=GEZDGNBVGY3TQOJQ").unwrap();
        // The top of an eye is a bar of seven modules.
        let far = side - QUIET - 7;
        for eye in [
            format!("M{QUIET} {QUIET}h7v1h-7z"),
            format!("M{far} {QUIET}h7v1h-7z"),
            format!("M{QUIET} {far}h7v1h-7z"),
        ] {
            assert!(path.contains(&eye), "{eye} in {path}");
        }
    }

    #[test]
    fn what_fits_in_no_code_gives_none() {
        assert!(path(&"x".repeat(5000)).is_none());
    }
}
