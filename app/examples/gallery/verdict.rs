//! The verdict in two outcomes, with evidence and time line.

use leptos::prelude::*;
use muster_app::components::*;
use muster_domain::reauth::Verdict;

use crate::console::{at, console};

pub fn reauth(verdict: Verdict) -> AnyView {
    console("/providers", move || {
        let actions = view! {
            <LinkButton href="receipt" icon=Glyph::Download>"Download receipt"</LinkButton>
            <Button look=Look::Primary icon=Glyph::Refresh>"Re-authenticate again"</Button>
        };
        let body = if verdict == Verdict::Fresh {
            fresh()
        } else {
            stale()
        };
        view! {
            <Page title="Re-authenticate with SSO" purpose="Tests whether this identity provider really makes a person sign in again, and whether it says so truthfully."
                crumbs=vec![Crumb::new("/providers", "Identity providers"), Crumb::new("/providers/1", "Keycloak")] actions=actions.into_any()>
                {body}
            </Page>
        }
        .into_any()
    })
}

fn finding(claim: &str, sent: &str, received: &str, proves: &str, tone: Tone) -> Finding {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Finding {
        claim: claim.into(),
        sent: filled(sent),
        received: filled(received),
        proves: proves.into(),
        tone,
    }
}

fn fresh() -> AnyView {
    let window = Window {
        asked: at("2026-11-21T14:02:23.000Z"),
        answered: at("2026-11-21T14:02:32.200Z"),
    };
    let moments = vec![
        Moment::new(window.asked, "We asked", Source::Ours),
        Moment::new(at("2026-11-21T14:02:23.120Z"), "Browser left", Source::Ours),
        Moment::new(
            at("2026-11-21T14:02:31Z"),
            "Signed in at Keycloak",
            Source::StatedInside,
        ),
        Moment::new(window.answered, "Came back", Source::Ours),
    ];
    let findings = vec![
        finding(
            "Request",
            "nonce 7f3c…",
            "nonce 7f3c…",
            "The answer belongs to this request",
            Tone::Good,
        ),
        finding("Who", "ada", "ada", "The person we asked for", Tone::Good),
        finding(
            "Signed in",
            "max_age=0",
            "auth_time 14:02:31",
            "8 s after we asked",
            Tone::Good,
        ),
        finding(
            "Forced",
            "prompt=login, pushed",
            "",
            "The browser could not strip it",
            Tone::Good,
        ),
        finding(
            "Method",
            "",
            "amr pwd, otp",
            "Password and one-time code",
            Tone::Neutral,
        ),
        finding(
            "Clock",
            "",
            "0.4 s ahead",
            "Within the allowance of 60 s",
            Tone::Good,
        ),
    ];
    let calibration = view! {
        <Card title="Calibration" inset=Inset::Flush badge=view! { <Chip tone=Tone::Good icon=Glyph::Check>"Trusted"</Chip> }.into_any()>
            <Rows>
                <Row tone=Tone::Good title="Control, without force">"Came back in 0.3 s with the old time. Time stamps carry information."</Row>
                <Row tone=Tone::Good title="With force">"Asked for a password. Time moved to after the request."</Row>
                <Row tone=Tone::Good title="Cancelled">"Came back as an error, not as a success."</Row>
            </Rows>
        </Card>
    };
    view! {
        <VerdictCard standing=Verdict::Fresh.into() word="Fresh" sentence="Keycloak did make you sign in again." figure="8 s after we asked">
            <p>"It states that you signed in at 14:02:31, eight seconds after we asked, and it answered this very request. A control test on 12 May showed that its time stamps can be believed. This earns a secure session."</p>
        </VerdictCard>
        <Card title="What happened" more=view! { "Saturday, 21 November 2026" }.into_any()>
            <Timeline id="reauth" description="We asked at 14:02:23, Keycloak states a sign-in at 14:02:31, the answer came at 14:02:32." moments window/>
        </Card>
        <Columns left=view! { <Card title="Evidence" inset=Inset::Flush><Evidence findings/></Card> }.into_any() right=calibration.into_any()/>
    }
    .into_any()
}

fn stale() -> AnyView {
    let window = Window {
        asked: at("2026-11-21T14:02:23Z"),
        answered: at("2026-11-21T14:02:24Z"),
    };
    let moments = vec![
        Moment::new(window.asked, "We asked", Source::Ours),
        Moment::new(
            at("2026-11-21T11:47:05Z"),
            "Signed in at Okta",
            Source::StatedOutside,
        ),
        Moment::new(window.answered, "Came back", Source::Ours),
    ];
    let findings = vec![
        finding(
            "Request",
            "nonce a91e…",
            "nonce a91e…",
            "The answer belongs to this request",
            Tone::Good,
        ),
        finding("Who", "ada", "ada", "The person we asked for", Tone::Good),
        finding(
            "Signed in",
            "max_age=0",
            "auth_time 11:47:05",
            "2 h 15 min before we asked",
            Tone::Danger,
        ),
        finding(
            "Round trip",
            "",
            "0.9 s",
            "Too fast to type a password: a hint, no proof",
            Tone::Caution,
        ),
    ];
    let next = view! {
        <Card title="What to do" inset=Inset::Flush>
            <Rows>
                <Row title="In Okta">"Applications → Muster → Sign On → Honor Force Authentication: Yes."</Row>
                <Row title="Until then">"Admins who sign in through Okta can elevate with a passkey or one-time code."</Row>
            </Rows>
        </Card>
    };
    view! {
        <VerdictCard standing=Verdict::Stale.into() word="Stale" code="REAUTH-002" sentence="Okta did not make you sign in again." figure="2 h 15 min before we asked">
            <p>"It sent you straight back with the sign-in of 11:47:05, two hours before we asked. A secure session was not started. Switch on “Honor Force Authentication” for this application in Okta, then test again."</p>
        </VerdictCard>
        <Card title="What happened" more=view! { "Saturday, 21 November 2026" }.into_any()>
            <Timeline id="reauth" description="Okta states a sign-in at 11:47:05. We asked at 14:02:23, the answer came at 14:02:24." moments window/>
        </Card>
        <Columns left=view! { <Card title="Evidence" inset=Inset::Flush><Evidence findings/></Card> }.into_any() right=next.into_any()/>
    }
    .into_any()
}
