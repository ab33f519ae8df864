//! A plan as a file: a line for each field that changes for spreadsheets, or a JSON object for each row for machines,
//! with what became of it.

use futures::stream::Stream;
use muster_domain::Error;
use muster_domain::plan::stored::{Line, kind_of};
use muster_domain::plan::told::{self, Told};
use serde_json::json;

use super::{Became, PlanView, RowView, RowsAsked};
use crate::activity::export::cell;
use crate::chunks::{self, Format};
use crate::{Call, Services};

/// Rows fetched at once.
const AT_ONCE: u64 = 500;

const fn head(format: Format) -> &'static str {
    match format {
        Format::Csv => {
            "position,change,whom,name,id,field,before,after,cause,outcome,code,words\r\n"
        }
        Format::JsonLines => "",
    }
}

fn line(format: Format, row: &RowView) -> String {
    match format {
        Format::Csv => csv(row),
        Format::JsonLines => format!("{}\n", document(row)),
    }
}

/// The rows that are asked for, in the order in which they are carried out, as the chunks of a file.
///
/// # Errors
/// Without permission. The stream ends with an error when the database fails on the way.
pub fn export(
    services: &Services,
    call: &Call,
    view: &PlanView,
    asked: RowsAsked,
    format: Format,
) -> Result<impl Stream<Item = Result<String, Error>> + Send + 'static + use<>, Error> {
    call.may(muster_domain::role::Permission::ViewDirectories)?;
    let (services, call, view) = (services.clone(), call.clone(), view.clone());
    let page = move |paging| {
        let (services, call, view, asked) =
            (services.clone(), call.clone(), view.clone(), asked.clone());
        async move { super::rows(&services, &call, &view, &asked, &paging).await }
    };
    let line = move |row: &RowView| line(format, row);
    Ok(chunks::of(head(format).to_owned(), AT_ONCE, page, line))
}

/// Before and after, with the group of a membership by its name.
fn fields(row: &RowView) -> Vec<Told> {
    let Line::Step(step) = &row.row.line else {
        return Vec::new();
    };
    let mut told = told::fields(step);
    if let (Some(group), Some(first)) = (&row.group, told.first_mut()) {
        for value in [&mut first.before, &mut first.after].into_iter().flatten() {
            value.clone_from(&group.name);
        }
    }
    told
}

fn outcome(row: &RowView) -> (&'static str, &str, &str) {
    match &row.became {
        None => ("", "", ""),
        Some(Became::Done) => ("done", "", ""),
        Some(Became::Failed { code, words }) => ("failed", code, words),
        Some(Became::NotReached) => ("not_reached", "", ""),
        Some(Became::Waits) => ("waits", "", ""),
    }
}

fn csv(row: &RowView) -> String {
    let position = row.row.position.to_string();
    let name = row
        .whom
        .as_ref()
        .map_or("", |whom| whom.name.as_str())
        .to_owned();
    let id = row
        .whom
        .as_ref()
        .map(|whom| whom.id.to_string())
        .unwrap_or_default();
    let (outcome, code, words) = outcome(row);
    let (kind, subject, cause, told) = match &row.row.line {
        Line::Step(step) => (
            kind_of(&step.change.action),
            step.subject.as_str(),
            step.change.cause.label().to_owned(),
            fields(row),
        ),
        Line::Refusal(refusal) => (
            "not_done",
            refusal.subject.as_str(),
            refusal.reason.words(),
            Vec::new(),
        ),
    };
    let one = |field: &str, before: &str, after: &str| {
        let cells = [
            &position, kind, subject, &name, &id, field, before, after, &cause, outcome, code,
            words,
        ];
        let mut line = cells.map(cell).join(",");
        line.push_str("\r\n");
        line
    };
    if told.is_empty() {
        return one("", "", "");
    }
    told.iter()
        .map(|told| {
            let value = |value: &Option<String>| value.clone().unwrap_or_default();
            one(&told.field, &value(&told.before), &value(&told.after))
        })
        .collect()
}

fn document(row: &RowView) -> serde_json::Value {
    let (outcome, code, words) = outcome(row);
    let mut document = match &row.row.line {
        Line::Step(step) => {
            let told: Vec<_> = fields(row)
                .into_iter()
                .map(|told| json!({ "field": told.field, "before": told.before, "after": told.after }))
                .collect();
            json!({
                "position": row.row.position, "kind": kind_of(&step.change.action), "subject": step.subject,
                "cause": step.change.cause, "change": step.change.action, "fields": told,
            })
        }
        Line::Refusal(refusal) => json!({
            "position": row.row.position, "kind": "not_done", "subject": refusal.subject,
            "external_id": refusal.external_id, "reason": refusal.reason, "words": refusal.reason.words(),
        }),
    };
    if let (Some(fields), true) = (document.as_object_mut(), !outcome.is_empty()) {
        fields.insert("outcome".to_owned(), outcome.into());
        if !code.is_empty() {
            fields.insert("code".to_owned(), code.into());
            fields.insert("why".to_owned(), words.into());
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_domain::plan::stored::Row;
    use muster_domain::plan::{Reason, Refusal};

    #[test]
    fn w54_no_cell_of_a_plan_begins_a_formula() {
        let row = RowView {
            row: Row {
                position: 1,
                line: Line::Refusal(Refusal {
                    subject: "=HYPERLINK(\"http://evil.example\")".to_owned(),
                    external_id: None,
                    reason: Reason::Unusable {
                        why: "+1".to_owned(),
                    },
                }),
            },
            whom: None,
            group: None,
            became: Some(Became::Failed {
                code: "USR-001".to_owned(),
                words: "@SUM(A1)\r\n=1".to_owned(),
            }),
        };
        let told = line(Format::Csv, &row);
        for evil in ["\"=", "\"+", "\"@"] {
            assert!(!told.contains(evil), "{told}");
        }
        let parsed: serde_json::Value =
            serde_json::from_str(line(Format::JsonLines, &row).trim()).unwrap();
        assert_eq!(parsed["outcome"], "failed");
        assert_eq!(line(Format::JsonLines, &row).matches('\n').count(), 1);
    }
}
