//! A small bar chart. The picture has a title and a description; the numbers are a table behind a fold.

use leptos::prelude::*;
use muster_domain::number::grouped;

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it stands for: "21 Nov".
    pub label: String,
    /// How much.
    pub value: u64,
}

const HEIGHT: f64 = 64.0;

/// Bars from left to right; the last one is now.
#[component]
pub fn Sparkline(
    /// Id of the picture, unique on the page.
    #[prop(into)]
    id: String,
    /// What it shows: "Sign-ins a day".
    #[prop(into)]
    title: String,
    /// What can be read from it, in one sentence.
    #[prop(into)]
    description: String,
    /// The bars.
    bars: Vec<Bar>,
) -> impl IntoView {
    let (title_id, text_id) = (format!("{id}-title"), format!("{id}-text"));
    let labelled = format!("{title_id} {text_id}");
    let rects = bars_of(&bars);
    let caption = title.clone();
    view! {
        <figure class="sparkline">
            <svg id=id width="100%" height="64" role="img" aria-labelledby=labelled>
                <title id=title_id>{title}</title>
                <desc id=text_id>{description}</desc>
                {rects}
            </svg>
            <details class="numbers">
                <summary>"Numbers"</summary>
                <table>
                    <caption class="visually-hidden">{caption}</caption>
                    <tbody>
                        {bars
                            .into_iter()
                            .rev()
                            .map(|bar| view! { <tr><th scope="row">{bar.label}</th><td>{grouped(bar.value)}</td></tr> })
                            .collect_view()}
                    </tbody>
                </table>
            </details>
        </figure>
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bars are pixels: a share of 64 px needs no 53 bits"
)]
fn bars_of(bars: &[Bar]) -> AnyView {
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1) as f64;
    let slot = 100.0 / bars.len().max(1) as f64;
    let last = bars.len().saturating_sub(1);
    bars.iter()
        .enumerate()
        .map(|(at, bar)| {
            let height = if bar.value == 0 {
                1.0
            } else {
                (bar.value as f64 / most * HEIGHT).max(3.0)
            };
            let class = if at == last { "bar now" } else { "bar" };
            view! {
                <rect
                    class=class
                    x=format!("{:.3}%", at as f64 * slot)
                    y=format!("{:.1}", HEIGHT - height)
                    width=format!("{:.3}%", slot * 0.72)
                    height=format!("{height:.1}")
                    rx="1.5"
                ></rect>
            }
        })
        .collect_view()
        .into_any()
}
