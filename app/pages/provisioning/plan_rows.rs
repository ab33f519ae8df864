//! The rows of a plan: before and after for each person and group, why, and what became of it.

use leptos::prelude::*;
use muster_domain::change::Cause;
use muster_domain::plan::stored::{Line, kind_of};
use muster_domain::plan::told;
use muster_services::sync::views::{Became, RowView};

use super::plan_words::{cause, remedy};
use crate::components::{Chip, Column, Diff, FieldChange, Table, TableRow, Tone};

/// Fields that are shown of a row; the others open.
const SHOWN: usize = 3;
/// Characters of a rule's words on its chip; all of them are its title.
const LONGEST_RULE: usize = 48;
/// Characters of a filter's words below its chip.
const LONGEST_FILTER: usize = 80;

/// How rows are shown.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// Gives the address of everything about one person or group.
    pub about: &'a dyn Fn(&str) -> String,
    /// Whether everything is about one already: then nothing is hidden.
    pub is_about_one: bool,
    /// Whether somebody began to carry the plan out.
    pub is_carried: bool,
}

/// One row of the table: rows of the same person that follow each other and are of a kind are one.
struct Entry<'a> {
    row: &'a RowView,
    changes: Vec<FieldChange>,
}

/// The table of rows.
pub(crate) fn table(rows: &[RowView], shown: Shown<'_>) -> AnyView {
    let mut columns = vec![
        Column::new("Change"),
        Column::new("Who"),
        Column::new("Before and after"),
        Column::new("Why"),
    ];
    if shown.is_carried {
        columns.push(Column::new("Outcome"));
    }
    let rows = entries(rows)
        .into_iter()
        .map(|entry| table_row(entry, shown))
        .collect();
    view! { <Table caption="Changes in the order in which they are carried out" columns rows class="plan-rows"/> }.into_any()
}

fn entries(rows: &[RowView]) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for row in rows {
        let changes = changes(row);
        match entries.last_mut() {
            Some(last) if belongs(last.row, row) => last.changes.extend(changes),
            _ => entries.push(Entry { row, changes }),
        }
    }
    entries
}

fn belongs(one: &RowView, other: &RowView) -> bool {
    let (Line::Step(a), Line::Step(b)) = (&one.row.line, &other.row.line) else {
        return false;
    };
    let same_person = match (&one.whom, &other.whom) {
        (Some(one), Some(other)) => one.id == other.id,
        _ => false,
    };
    same_person
        && kind_of(&a.change.action) == kind_of(&b.change.action)
        && a.change.cause == b.change.cause
        && one.became == other.became
}

fn changes(row: &RowView) -> Vec<FieldChange> {
    let Line::Step(step) = &row.row.line else {
        return Vec::new();
    };
    let named = |value: Option<String>| match &row.group {
        Some(group) => value.map(|_| group.name.clone()),
        None => value,
    };
    told::fields(step)
        .into_iter()
        .map(|told| FieldChange {
            // The change says already that it is a membership.
            field: if row.group.is_some() {
                String::new()
            } else {
                told.field
            },
            before: named(told.before),
            after: named(told.after),
        })
        .collect()
}

fn table_row(entry: Entry<'_>, shown: Shown<'_>) -> TableRow {
    let row = entry.row;
    let mut cells = match &row.row.line {
        Line::Step(step) => {
            let verb = told::verb(kind_of(&step.change.action));
            vec![
                view! { <b>{verb}</b> }.into_any(),
                whom(row, &step.subject, shown),
                diff(entry.changes, shown.is_about_one),
                why(&step.change.cause),
            ]
        }
        Line::Refusal(refusal) => {
            let word = refusal.reason.word();
            let (label, tone) = cause(word);
            let (why, next) = (refusal.reason.words(), remedy(word));
            let external = refusal.external_id.as_ref().map(|id| id.0.clone());
            let subject = refusal.subject.clone();
            vec![
                view! { <b>"Not done"</b> }.into_any(),
                view! { <div class="whom"><span>{subject}</span>{external.map(|id| view! { <span class="note"><code>{id}</code></span> })}</div> }.into_any(),
                view! { <div class="not-done"><p>{why}</p><p class="note">{next}</p></div> }.into_any(),
                view! { <Chip tone>{label}</Chip> }.into_any(),
            ]
        }
    };
    if shown.is_carried {
        cells.push(outcome(row.became.as_ref()));
    }
    TableRow::new(cells)
}

/// Why it changes. A rule is called by its own words; the words of a filter stand below.
fn why(of: &Cause) -> AnyView {
    let (label, tone) = cause(of.word());
    match of {
        Cause::Rule(words) if !words.trim().is_empty() => {
            let (word, title) = (
                shortened(&sentence_case(words), LONGEST_RULE),
                words.clone(),
            );
            view! { <Chip tone title>{word}</Chip> }.into_any()
        }
        Cause::FilteredOut(words) if !words.trim().is_empty() => {
            let (filter, title) = (shortened(words, LONGEST_FILTER), words.clone());
            view! { <div class="why"><span><Chip tone title>{label}</Chip></span><span class="note"><code>{filter}</code></span></div> }
                .into_any()
        }
        _ => view! { <Chip tone>{label}</Chip> }.into_any(),
    }
}

fn sentence_case(words: &str) -> String {
    let mut letters = words.trim().chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

fn shortened(words: &str, longest: usize) -> String {
    if words.chars().nth(longest).is_none() {
        return words.to_owned();
    }
    let cut: String = words.chars().take(longest).collect();
    format!("{}…", cut.trim_end())
}

fn whom(row: &RowView, subject: &str, shown: Shown<'_>) -> AnyView {
    let Some(whom) = &row.whom else {
        return subject.to_owned().into_any();
    };
    let name = whom.name.clone();
    let note = (row.group.is_none() && !whom.is_group && subject != name)
        .then(|| view! { <span class="note">{subject.to_owned()}</span> });
    let title = if shown.is_about_one && whom.is_here {
        let href = page_of(whom.id, whom.is_group);
        view! { <a href=href>{name}</a> }.into_any()
    } else if shown.is_about_one {
        view! { <span>{name}</span> }.into_any()
    } else {
        let href = (shown.about)(&whom.id.to_string());
        view! { <a href=href title="Everything about them in this plan">{name}</a> }.into_any()
    };
    view! { <div class="whom">{title}{note}</div> }.into_any()
}

/// The page of a person or group.
pub(crate) fn page_of(id: uuid::Uuid, is_group: bool) -> String {
    if is_group {
        format!("/groups/{id}")
    } else {
        format!("/users/{id}")
    }
}

fn diff(mut changes: Vec<FieldChange>, is_whole: bool) -> AnyView {
    if is_whole || changes.len() <= SHOWN + 1 {
        return view! { <Diff changes/> }.into_any();
    }
    let rest = changes.split_off(SHOWN);
    let more = format!("{} more", rest.len());
    view! {
        <div class="diff-more">
            <Diff changes/>
            <details><summary>{more}</summary><Diff changes=rest/></details>
        </div>
    }
    .into_any()
}

fn outcome(became: Option<&Became>) -> AnyView {
    match became {
        None => view! { <span class="nothing">"–"</span> }.into_any(),
        Some(Became::Done) => view! { <Chip tone=Tone::Good>"Done"</Chip> }.into_any(),
        Some(Became::NotReached) => {
            view! { <Chip title="The run ended before">"Not reached"</Chip> }.into_any()
        }
        Some(Became::Waits) => view! { <Chip>"Waits"</Chip> }.into_any(),
        Some(Became::Failed { code, words }) => {
            let (code, words) = (code.clone(), words.clone());
            view! {
                <div class="not-done">
                    <p><Chip tone=Tone::Danger>"Failed"</Chip>" "<code>{code}</code></p>
                    <p class="note">{words}</p>
                </div>
            }
            .into_any()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cause: &Cause) -> String {
        crate::shell::fragment(|| why(cause))
    }

    #[test]
    fn a_rule_is_called_by_its_own_words_and_a_filter_shows_them() {
        let rule = written(&Cause::Rule("default group of Lab".to_owned()));
        assert!(rule.contains(">Default group of Lab<"), "{rule}");
        let filter = written(&Cause::FilteredOut("source.uid != \"ben\"".to_owned()));
        assert!(
            filter.contains("Filtered out") && filter.contains("source.uid !="),
            "{filter}"
        );
        assert!(written(&Cause::Rule(" ".to_owned())).contains(">Rule<"));
        let long = written(&Cause::Rule("é".repeat(200)));
        assert!(long.contains(&format!("É{}…", "é".repeat(47))), "{long}");
    }
}
