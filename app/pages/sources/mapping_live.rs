//! A mapping tried while it is typed: the answer for the island beside the editor. It says what the button "Preview" says,
//! and saves as little.

use axum::extract::Path;
use axum::response::IntoResponse;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::id::DirectoryId;
use muster_domain::mapping::{Place, PlacedError};
use muster_domain::{Error, Kind};
use muster_services::mapping::{self, field_of};
use muster_web::{Failure, Fields};
use serde_json::json;

use super::mapping_form::Typed;
use super::mapping_seen::{people, sums};
use crate::components::{Callout, Tone, error_text};
use crate::pages::people::id_of;
use crate::shell::fragment;
use crate::visit::{Answer, Visit, belongs_to_form};

/// Longest line of an expression that is shown with a mark below it, in characters.
const LONGEST_LINE: usize = 120;

/// `POST /directories/{id}/mapping/live`: tries what is typed on real people and says it in JSON: `said` for whoever
/// listens, `problem` and `result` as parts of the page (no `result`: what was shown stays), `errors` beside their fields.
///
/// # Errors
/// Without permission, for an unknown directory, `MAP-009` when the session asks too often.
pub async fn live(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let typed = Typed::sent(&fields);
    let wanted = match typed.mapping() {
        Ok(wanted) => wanted,
        Err(errors) => return Ok(wrong(&typed, Vec::new(), errors)),
    };
    if let Err(placed) = wanted.check() {
        let errors = mapping::misread(&placed).fields;
        return Ok(wrong(&typed, placed, errors));
    }
    let (services, call) = (&visit.services, &visit.call);
    match mapping::preview(services, call, id, &wanted, &typed.chosen()).await {
        Ok(glimpse) => Ok(axum::Json(json!({
            "said": sums(&glimpse),
            "problem": "",
            "result": fragment(|| people(&glimpse, &typed, id)),
            "errors": [],
        }))
        .into_response()),
        Err(error) if error.kind == Kind::TooMany => Err(Failure(error)),
        Err(error) if belongs_to_form(&error) || error.code == "MAP-007" => Ok(trouble(&error)),
        Err(error) => Err(Failure(error)),
    }
}

/// It cannot be read: where, and what is wrong there.
fn wrong(
    typed: &Typed,
    placed: Vec<PlacedError>,
    errors: Vec<FieldError>,
) -> axum::response::Response {
    let beside: Vec<_> = errors
        .iter()
        .map(|error| {
            let field = typed.as_sent(&error.field);
            let (id, words) = (format!("{field}-error"), error.message.clone());
            json!({ "field": field, "html": fragment(move || error_text(id, words)) })
        })
        .collect();
    let said = match errors.as_slice() {
        [one] => one.message.clone(),
        more => format!("{} parts cannot be read.", more.len()),
    };
    let problem = fragment(|| {
        let items = errors
            .iter()
            .map(|error| {
                let of = placed.iter().find(|one| field_of(one.place) == error.field);
                let (name, mark) = (
                    named(typed, &error.field),
                    of.and_then(|one| marked(typed, one)),
                );
                let href = format!("#{}", typed.as_sent(&error.field));
                let mark =
                    mark.map(|mark| view! { <pre class="place" aria-hidden="true">{mark}</pre> });
                let words = first_sentence(&error.message);
                view! { <li><a href=href>{name}</a>" "{words}{mark}</li> }
            })
            .collect_view();
        view! { <Callout tone=Tone::Caution title="It cannot be tried like this"><ul class="points">{items}</ul></Callout> }
            .into_any()
    });
    axum::Json(json!({ "said": said, "problem": problem, "errors": beside })).into_response()
}

/// It can be read, and still not be tried.
fn trouble(error: &Error) -> axum::response::Response {
    let (title, next, code) = (
        error.public.to_string(),
        error.next.as_ref().map(ToString::to_string),
        error.code,
    );
    let said = title.clone();
    let problem = fragment(move || {
        view! { <Callout tone=Tone::Danger title><p>{next}" "<code>{code}</code></p></Callout> }
            .into_any()
    });
    axum::Json(json!({ "said": said, "problem": problem, "errors": [] })).into_response()
}

/// All of a message stands beside its field.
fn first_sentence(message: &str) -> String {
    match message.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => message.to_owned(),
    }
}

/// What people call the part that a field belongs to.
fn named(typed: &Typed, field: &str) -> String {
    let number = |of: &str| field.strip_prefix(of).and_then(|n| n.parse::<usize>().ok());
    if let Some(number) = number("text_").or_else(|| number("attribute_")) {
        let attribute = typed.rules.get(number).map(|rule| rule.attribute.as_str());
        return match attribute {
            Some(attribute) if !attribute.is_empty() => format!("Rule for {attribute}:"),
            _ => "A rule:".to_owned(),
        };
    }
    match field {
        "filter" => "People:".to_owned(),
        "groups" => "Groups:".to_owned(),
        "mapping" => "All of it:".to_owned(),
        _ => "A test:".to_owned(),
    }
}

/// The line that is wrong, with a mark below the character.
fn marked(typed: &Typed, wrong: &PlacedError) -> Option<String> {
    let text = match wrong.place {
        Place::Filter => &typed.filter,
        Place::Groups => &typed.groups,
        Place::Rule(number) => &typed.rules.get(number)?.text,
        Place::Attribute(_) | Place::Test(_) | Place::Whole => return None,
    };
    let line = text.trim().lines().nth(wrong.line.checked_sub(1)?)?;
    if line.chars().count() > LONGEST_LINE {
        return None;
    }
    let before: String = line
        .chars()
        .take(wrong.column.saturating_sub(1))
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    Some(format!("{line}\n{before}^"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_below_the_character_that_is_wrong() {
        let mut typed = Typed::default();
        "\n  true &&\n\tsource.mail.nosuch()".clone_into(&mut typed.filter);
        let at = |line, column| PlacedError {
            place: Place::Filter,
            line,
            column,
            words: String::new(),
        };
        let marked = |wrong: PlacedError| super::marked(&typed, &wrong);
        assert_eq!(marked(at(1, 6)).as_deref(), Some("true &&\n     ^"));
        assert_eq!(
            marked(at(2, 14)).as_deref(),
            Some("\tsource.mail.nosuch()\n\t            ^")
        );
        assert_eq!(marked(at(9, 1)), None);
        assert_eq!(marked(at(0, 0)), None);
    }
}
