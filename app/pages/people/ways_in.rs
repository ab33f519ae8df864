//! A person's ways in that are kept here: local password and break-glass.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::role::Role;
use muster_services::users::UserDetail;

use super::password_links::{self, Links};
use crate::components::{
    Button, Card, ConfirmDialog, Form, FormActions, Guard, Look, PostButton, Takes, TextField,
    When, error_of,
};

/// The local password: set, replace, remove. Only where the person has an internal account and the viewer may.
pub(crate) fn password(
    person: &UserDetail,
    now: DateTime<Utc>,
    errors: &[FieldError],
    links: Links,
) -> Option<AnyView> {
    if !person.may.may_have_password || !person.may.edit {
        return None;
    }
    let link = password_links::link(person, links);
    let change = password_links::change(person, links);
    let base = format!("/users/{}/password", person.user.id);
    let state = match person.password_set_at {
        Some(at) => view! { <p>"Set " <When at now/> ". Nobody can read it back."</p> }.into_any(),
        None => {
            view! { <p>"None: this person cannot sign in with a password here."</p> }.into_any()
        }
    };
    let note = person.may.needs_elevation.then(
        || view! { <p class="help">"This person holds a role, so it needs a secure session."</p> },
    );
    let remove = person.password_set_at.map(|_| {
        view! {
            <ConfirmDialog
                id="remove-password"
                trigger="Remove password"
                look=Look::Danger
                title="Remove the local password?"
                confirm="Remove password"
                action=format!("{base}/remove")
            >
                <p>"They can sign in through a linked identity only. A break-glass account keeps its password."</p>
            </ConfirmDialog>
        }
    });
    let form = password_form(
        person,
        base,
        "For when no link can reach them. They choose their own at the first sign-in with it, and their sessions end.",
        note.into_any(),
        errors,
    );
    let form = view! { <details open=!errors.is_empty()><summary>"Set one yourself"</summary>{form}</details> };
    Some(
        view! { <Card title="Local password" id="password-card">{state}{link}{change}{form}{remove}</Card> }
            .into_any(),
    )
}

/// One's own local password, where there is an internal account to have one.
pub(crate) fn own_password(
    person: &UserDetail,
    now: DateTime<Utc>,
    errors: &[FieldError],
) -> Option<AnyView> {
    if !person.may.may_have_password {
        return None;
    }
    let state = person
        .password_set_at
        .map(|at| view! { <p>"Set " <When at now/> ". Nobody can read it back."</p> });
    let note = view! { <p class="help">"It needs a secure session."</p> }.into_any();
    let form = password_form(
        person,
        "/me/password".to_owned(),
        "Hard to guess, and used nowhere else.",
        note,
        errors,
    );
    Some(view! { <Card title="Local password" id="password-card">{state}{form}</Card> }.into_any())
}

fn password_form(
    person: &UserDetail,
    action: String,
    help: &'static str,
    note: AnyView,
    errors: &[FieldError],
) -> AnyView {
    let words = if person.password_set_at.is_some() {
        "Replace password"
    } else {
        "Set password"
    };
    let (error, errors) = (error_of(errors, "password"), errors.to_vec());
    view! {
        <Form action errors guard=Guard::Off>
            <TextField name="password" label="New password" takes=Takes::NewPassword error help/>
            {note}
            <FormActions><Button>{words}</Button></FormActions>
        </Form>
    }
    .into_any()
}

/// Makes an account break-glass or an ordinary one: for those who manage roles, where the account is fit for it.
pub(crate) fn break_glass(person: &UserDetail) -> Option<AnyView> {
    let is_superadmin = person
        .roles
        .iter()
        .any(|role| role.role == Role::Superadmin);
    let is_fit = is_superadmin
        && person.may.has_internal_account
        && person.password_set_at.is_some()
        && person.user.is_active();
    if !person.may.manage_roles || !(is_fit || person.user.break_glass) {
        return None;
    }
    let (wanted, words, text) = if person.user.break_glass {
        (
            "no",
            "Make it an ordinary account",
            "This account works when every identity provider is down. Keep its password offline, and use it for nothing else.",
        )
    } else {
        (
            "yes",
            "Make it break-glass",
            "A break-glass account is a superadmin with a local password who gets in when every identity provider is down.",
        )
    };
    let action = format!("/users/{}/break-glass", person.user.id);
    let fields = vec![("wanted".to_owned(), wanted.to_owned())];
    Some(
        view! {
            <Card title="Break-glass">
                <p>{text} " Changing it needs a secure session."</p>
                <PostButton action fields>{words}</PostButton>
            </Card>
        }
        .into_any(),
    )
}
