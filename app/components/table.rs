//! Tables: sticky header, sortable columns, rows that lead to their page, selection, cards on a phone.

use super::icon::{Glyph, Icon};
use super::markup::Markup;
use super::text::MaybeText;
use leptos::prelude::*;
use muster_islands::SelectAll;

/// Which way a column is sorted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    /// Small to large, A to Z.
    Ascending,
    /// Large to small, Z to A.
    Descending,
    /// Not by this column.
    Not,
}

/// A column that can be sorted: how it is sorted now, and the address that sorts it the other way.
#[derive(Clone, Debug)]
pub struct Sort {
    /// How it is sorted now.
    pub now: Sorted,
    /// Address of the same list sorted by a press on this header.
    pub href: String,
}

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// Words.
    #[default]
    Start,
    /// Numbers.
    End,
}

/// One column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Its heading.
    pub label: String,
    /// Set if it can be sorted.
    pub sort: Option<Sort>,
    /// How its cells stand.
    pub align: Align,
}

impl Column {
    /// A column of words.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..Self::default()
        }
    }

    /// A column of numbers.
    pub fn number(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            align: Align::End,
            ..Self::default()
        }
    }

    /// The same column, sortable.
    #[must_use]
    pub fn sorted(mut self, now: Sorted, href: impl Into<String>) -> Self {
        self.sort = Some(Sort {
            now,
            href: href.into(),
        });
        self
    }
}

/// One row: its cells in the order of the columns.
#[derive(Default)]
pub struct TableRow {
    /// What selecting it sends; only used in a table with [`Selection`].
    pub id: String,
    /// What it is called, for the name of its checkbox.
    pub name: String,
    /// Its page: the first cell becomes a link and the whole row follows it.
    pub href: Option<String>,
    /// The cells.
    pub cells: Vec<AnyView>,
}

impl TableRow {
    /// A row that leads nowhere.
    #[must_use]
    pub fn new(cells: Vec<AnyView>) -> Self {
        Self {
            cells,
            ..Self::default()
        }
    }

    /// The same row, leading to its page.
    #[must_use]
    pub fn to(mut self, href: impl Into<String>) -> Self {
        self.href = Some(href.into());
        self
    }

    /// The same row, selectable.
    #[must_use]
    pub fn pick(mut self, id: impl Into<String>, name: impl Into<String>) -> Self {
        self.id = id.into();
        self.name = name.into();
        self
    }
}

/// Checkboxes at the rows; they belong to the form of a [`super::bulk::BulkBar`].
#[derive(Clone, Debug)]
pub struct Selection {
    /// Id of that form.
    pub form: String,
    /// Form field name of the checkboxes.
    pub field: String,
}

/// A table. Put it into `<Card inset=Inset::Flush>`.
#[component]
pub fn Table(
    /// What the table lists, for screen readers.
    #[prop(into)]
    caption: String,
    /// The columns.
    columns: Vec<Column>,
    /// The rows.
    rows: Vec<TableRow>,
    /// Makes rows selectable.
    #[prop(optional)]
    selection: Option<Selection>,
    /// Extra CSS class, such as `diff`.
    #[prop(optional, into)]
    class: MaybeText,
) -> impl IntoView {
    let labels: Vec<(String, Align)> = columns.iter().map(|c| (c.label.clone(), c.align)).collect();
    let picker = selection.clone().map(|selection| {
        view! {
            <th scope="col" class="pick-cell">
                <span class="visually-hidden">"Select"</span>
                <SelectAll form=selection.form field=selection.field/>
            </th>
        }
    });
    view! {
        <div class="table">
            <table class=class.0 role="table">
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr role="row">{picker}{columns.into_iter().map(heading).collect_view()}</tr>
                </thead>
                <tbody>{body(rows, &labels, selection.as_ref())}</tbody>
            </table>
        </div>
    }
}

fn heading(column: Column) -> AnyView {
    let class = (column.align == Align::End).then_some("end");
    let Some(sort) = column.sort else {
        return view! { <th scope="col" role="columnheader" class=class>{column.label}</th> }
            .into_any();
    };
    let (state, glyph) = match sort.now {
        Sorted::Ascending => ("ascending", Some(Glyph::Up)),
        Sorted::Descending => ("descending", Some(Glyph::Down)),
        Sorted::Not => ("none", None),
    };
    view! {
        <th scope="col" role="columnheader" class=class aria-sort=state>
            <a class="sort" href=sort.href>
                {column.label}
                <span class="sort-mark">{glyph.map(|glyph| view! { <Icon glyph/> })}</span>
            </a>
        </th>
    }
    .into_any()
}

/// Rows are written, not composed: fifty of them are most of a page.
fn body(rows: Vec<TableRow>, labels: &[(String, Align)], selection: Option<&Selection>) -> AnyView {
    let mut markup = Markup::with_room(rows.len() * 1024);
    for row in rows {
        write_row(&mut markup, row, labels, selection);
    }
    markup.into_view()
}

fn write_row(
    markup: &mut Markup,
    row: TableRow,
    labels: &[(String, Align)],
    selection: Option<&Selection>,
) {
    let mut href = row.href;
    markup.tag(match href {
        Some(_) => "<tr role=\"row\" class=\"leads\">",
        None => "<tr role=\"row\">",
    });
    if let Some(selection) = selection {
        write_picker(markup, &row.id, &row.name, selection);
    }
    for (cell, (label, align)) in row.cells.into_iter().zip(labels) {
        markup.tag(match align {
            Align::Start => "<td role=\"cell\" data-label=\"",
            Align::End => "<td role=\"cell\" class=\"end\" data-label=\"",
        });
        markup.text(label).tag("\"><div class=\"cell\">");
        match href.take() {
            Some(href) => markup
                .tag("<a class=\"row-link\" href=\"")
                .text(&href)
                .tag("\">")
                .view(cell)
                .tag("</a>"),
            None => markup.view(cell),
        };
        markup.tag("</div></td>");
    }
    markup.tag("</tr>");
}

fn write_picker(markup: &mut Markup, id: &str, name: &str, selection: &Selection) {
    markup
        .tag("<td class=\"pick-cell\" role=\"cell\"><label class=\"pick-area\"><span class=\"visually-hidden\">Select ")
        .text(name)
        .tag("</span><input class=\"pick\" type=\"checkbox\" form=\"")
        .text(&selection.form)
        .tag("\" name=\"")
        .text(&selection.field)
        .tag("\" value=\"")
        .text(id)
        .tag("\"></label></td>");
}
