//! Receipts of presence that was proven here, by a password, a second factor or both: what was asked for, what was
//! brought, by whom and for which action.

use muster_domain::factor::{Answered, Confirmed};
use muster_domain::reauth::{Holds, Row, Sent, Verdict};
use muster_domain::session::{Proof, ProofKind};
use muster_domain::user::User;
use muster_storage::receipts::{Receipt, ReceiptPurpose};

use crate::{Call, Services};

/// What a proof made here leaves behind.
pub(super) fn receipt(
    services: &Services,
    call: &Call,
    user: &User,
    proof: &Proof,
    action: Option<&str>,
) -> Receipt {
    let at = proof.at();
    Receipt {
        id: services.id(),
        challenge: None,
        provider: None,
        user: user.id,
        username: user.username.clone(),
        session: proof.session().clone(),
        at,
        purpose: ReceiptPurpose::Elevation,
        verdict: Verdict::Fresh,
        reasons: vec![reason(proof)],
        rows: rows(proof, &call.network()),
        sent: Sent::default(),
        asked_at: at,
        left_at: at,
        stated_at: None,
        back_at: at,
        control: None,
        action: action.map(str::to_owned),
        confirmed: proof.confirmed().cloned(),
        subject: None,
        sid: None,
        earned: None,
        signed_out_at: None,
    }
}

const fn by_password(kind: ProofKind) -> bool {
    matches!(
        kind,
        ProofKind::Password | ProofKind::PasswordAndFactor | ProofKind::PasswordAndPasskey
    )
}

fn reason(proof: &Proof) -> String {
    let factor = proof.confirmed().map(Confirmed::words);
    match (by_password(proof.kind()), factor) {
        (true, Some(factor)) => {
            format!("The account's password and {factor} were given in this browser session.")
        }
        (true, None) => "The account's password was given in this browser session.".to_owned(),
        (false, factor) => format!(
            "{} answered a question that was put to this browser session.",
            sentence_case(&factor.unwrap_or_else(|| "a passkey".to_owned()))
        ),
    }
}

fn sentence_case(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn rows(proof: &Proof, network: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    if by_password(proof.kind()) {
        rows.push(row(
            "Password",
            "the password of this account",
            "the right one",
            "Whoever sits there knows it",
            Holds::Yes,
        ));
    }
    if let Some(confirmed) = proof.confirmed() {
        let (sent, proves) = match confirmed.by {
            Answered::Passkey => (
                "a question made for this session",
                "They hold the passkey, and it checked that it is them",
            ),
            Answered::Totp => (
                "a code of this half minute",
                "They hold the app; the code counts once",
            ),
            Answered::Recovery => (
                "a recovery code",
                "They hold the codes; this one is used up",
            ),
        };
        rows.push(row(
            "Second factor",
            sent,
            &confirmed.words(),
            proves,
            Holds::Yes,
        ));
    }
    rows.push(row(
        "From",
        "any network",
        network,
        "A hint, no proof",
        Holds::Open,
    ));
    rows
}

fn row(claim: &str, sent: &str, received: &str, proves: &str, holds: Holds) -> Row {
    Row {
        claim: claim.to_owned(),
        sent: sent.to_owned(),
        received: received.to_owned(),
        proves: proves.to_owned(),
        holds,
    }
}
