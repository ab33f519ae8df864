//! What pages are made of. Server only: each component renders once, into HTML that works without script.
//!
//! Conventions: `#[prop(into)] String` takes a literal or a `String`; [`MaybeText`] also an `Option<String>`.
//! An optional piece of view (`action`, `actions`, `badge`, `more`, `foot`, `flash`) is an [`AnyView`](leptos::prelude::AnyView):
//! `actions=view! { <Button look=Look::Primary>"Add user"</Button> }.into_any()`.
//! An `Option<AnyView>` at hand passes as `flash=flash.into_any()`.
//! Colour never speaks alone: a [`Tone`] brings a word, mark or shape. Sizes and colours live in `style/`.
//!
//! | component | properties (`?` may be left out) |
//! |---|---|
//! | [`Frame`] | `nav: Vec<NavSection>`, `account: Account`, `elevation: Elevation`, `now`, `sign_out?="/signout"`, `search?="/users"`, `flash?: AnyView`, children |
//! | [`Plain`] | `room?: Room {Card, Wizard}`, `title?`, `purpose?`, `steps?: Vec<Step>`, `flash?`, `foot?`, children |
//! | [`Page`] | `title`, `purpose?`, `crumbs?: Vec<Crumb>`, `badge?`, `actions?`, `width?: Width {Form, Table, Narrow}`, children |
//! | [`Columns`] | `left: AnyView`, `right: AnyView` |
//! | [`Tabs`] | `label`, `tabs: Vec<Tab {label, href, count, is_current}>` |
//! | [`Card`] | `title?`, `id?`, `badge?`, `more?`, `inset?: Inset {Padded, Flush}`, children |
//! | [`Button`] | `look?: Look {Plain, Primary, Danger, Removing, Quiet}`, `name?`, `value?`, `form?`, `formaction?`, `icon?: Glyph`, `can?: Can {Now, NotNow(why)}`, children |
//! | [`LinkButton`] | `href`, `look?`, `icon?`, `download?`, children |
//! | [`PostButton`] | `action`, `look?`, `icon?`, `fields?: Vec<(String, String)>`, `can?`, children |
//! | [`ConfirmDialog`] | `id`, `trigger`, `look?`, `icon?`, `title`, `confirm`, `confirm_look?=Removing`, `action`, `fields?`, children |
//! | [`Chip`] | `tone?: Tone {Neutral, Good, Caution, Danger, Accent}`, `icon?`, `href?`, `title?`, children |
//! | [`Dot`] | `tone` |
//! | [`Icon`] | `glyph: Glyph` |
//! | [`Callout`] | `tone`, `title?`, `action?`, children |
//! | [`Flash`] | `tone`, `message`, `action?` |
//! | [`Empty`] | `icon: Glyph`, `title`, `action?`, children |
//! | [`Problem`] | `what`, `why?`, `next?`, `code`, `request_id?`, `actions?` |
//! | [`Stats`] | `stats: Vec<Stat::new(label, value, note, href)>` |
//! | [`Rows`] / [`Row`] | children / `title`, `tone?`, `href?`, `action?`, children? |
//! | [`KeyValues`] | `items: Vec<KeyValue::new(key, view) or ::maybe(key, Option<String>)>` |
//! | [`GroupPath`] | `nodes: Vec<PathNode::new(label, href)>`, `origin?` |
//! | [`Avatar`], [`Who`] | `name` / `name`, `note?`, `href?` |
//! | [`When`] | `at`, `now`, `written?: Written {Relative, Exact}` |
//! | [`Qr`] | `text`, `label` |
//! | [`PasskeyField`] | `asked: Asked`, `label`, `error?`, `otherwise` (words for a browser without script); inside a [`Form`] |
//! | [`CopyText`] | `value`, `label` (the button reads "Copy {label}") |
//! | [`Steps`] | `steps: Vec<Step {label, progress: Progress {Done, Current, Ahead}, href}>` |
//! | [`Tiles`] | `legend`, `name`, `value?`, `error?`, `tiles: Vec<Tile::new(value, label, note)>` |
//! | [`Table`] | `caption`, `columns: Vec<Column::new / ::number (.sorted(Sorted, href))>`, `rows: Vec<TableRow::new(cells).to(href).pick(id, name)>`, `selection?: Selection {form, field}`, `class?` |
//! | [`Filters`] | `action`, `query?`, `placeholder`, `active?: Vec<ActiveFilter {label, value, remove}>`, `keep?`, `count?`, children? ([`FilterSelect`]) |
//! | [`FilterSelect`] | `name`, `label`, `value?`, `choices: Vec<(String, String)>` |
//! | [`Facets`] | `label`, `facets: Vec<Facet {label, count, href, tone, is_current}>` |
//! | [`BulkBar`] | `form`, `action`, `all?`, children |
//! | [`Pager`] | `from`, `to`, `total: listing::Count`, `first?`, `previous?`, `next?`, `last?` |
//! | [`Form`] | `action`, `errors?: Vec<muster_domain::error::FieldError>`, `guard?: Guard {Unsaved, Off}`, children |
//! | [`FormActions`], [`FieldGroup`] | children / `title`, `help?`, children |
//! | [`TextField`] | `name`, `label`, `value?`, `takes?: Takes {Text, Email, Url, Password, NewPassword, Username, Code, CodeOrRecovery, Date, Exact}`, `help?`, `error?`, `need?: Need`, `placeholder?`, children? (beside it) |
//! | [`NumberField`] | `name`, `label`, `value?`, `min?`, `max?`, `unit?`, `help?`, `error?`, `need?` |
//! | [`DurationField`] | `name` (+ `{name}_unit`: s m h d), `label`, `seconds: Option<u64>`, `help?`, `error?`, `need?` |
//! | [`TextArea`] | `name`, `label`, `value?`, `takes?`, `rows?=4`, `help?`, `error?`, `need?`, `placeholder?` |
//! | [`SecretField`] | `name`, `label`, `stored?: Stored {Nothing, Since(words)}`, `help?`, `error?`, `need?` |
//! | [`SelectField`] | `name`, `label`, `value?`, `choices: Vec<Choice::new(value, label)>`, `help?`, `error?`, `need?`, children? |
//! | [`RadioField`] | `name`, `label`, `value?`, `choices: Vec<Choice::new(..).help(..)>`, `help?`, `error?` |
//! | [`CheckField`] | `name`, `label`, `checked?: Checked or bool`, `help?`, `error?`; sends `on` |
//! | [`CheckList`] | `name`, `label`, `values?: Vec<String>`, `choices`, `help?`, `error?` |
//! | [`SettingsFields`] | `schema: SettingsSchema`, `filled: Filled {values, secrets_set, errors}`; inside a [`Form`] |
//! | [`Diff`], [`Cause`] | `changes: Vec<FieldChange::new / ::added / ::removed>` / `cause`, `tone?`, `href?` |
//! | [`VerdictCard`] | `standing: Standing` (from `reauth::Verdict`), `word`, `sentence`, `figure?`, `code?`, children |
//! | [`Evidence`] | `findings: Vec<Finding>` (from `&reauth::Row`) |
//! | [`Timeline`] | `id`, `description`, `moments: Vec<Moment::new(at, label, Source)>`, `window: Window {asked, answered}` |
//! | [`Sparkline`] | `id`, `title`, `description`, `bars: Vec<Bar {label, value}>` |
//! | [`ElevationChip`] | `elevation: Elevation {None {start}, Running {until, drop}, NotNeeded}`, `now` |
//!
//! Words: [`grouped`] and [`counted`] for numbers, [`count_words`] for a `Count`, [`relative`], [`span`], [`exact`], [`precise`] for times,
//! [`error_of`] for the message of one field.

mod avatar;
mod brand;
mod bulk;
mod button;
mod callout;
mod card;
mod chip;
mod choice;
mod copy;
mod dialog;
mod diff;
mod elevation_chip;
mod empty;
mod evidence;
mod field;
mod filters;
mod flash;
mod form;
mod frame;
mod icon;
mod key_values;
mod markup;
mod page;
mod pager;
mod passkey;
mod path;
mod plain;
mod problem;
mod qr;
mod rows;
mod settings_form;
mod sparkline;
mod stats;
mod steps;
mod table;
mod text;
mod tiles;
mod timeline;
mod timeline_layout;
mod tone;
mod verdict;
mod when;
mod who;

pub use avatar::{Avatar, initials};
pub use brand::{Brand, Mark};
pub use bulk::BulkBar;
pub use button::{Button, Can, LinkButton, Look, PostButton, hidden};
pub use callout::Callout;
pub use card::{Card, Inset};
pub use chip::{Chip, word_chip};
pub use choice::{CheckField, CheckList, Checked, RadioField, SelectField};
pub use copy::CopyText;
pub use dialog::ConfirmDialog;
pub use diff::{Cause, Diff, FieldChange};
pub use elevation_chip::{Elevation, ElevationChip};
pub use empty::Empty;
pub use evidence::{Evidence, Finding};
pub use field::{
    Choice, DurationField, Need, NumberField, SecretField, Stored, Takes, TextArea, TextField,
    error_text, largest_unit,
};
pub use filters::{ActiveFilter, Facet, Facets, FilterSelect, Filters};
pub use flash::Flash;
pub use form::{ErrorSummary, FieldGroup, Form, FormActions, FormMark, Guard, error_of, form_mark};
pub use frame::{Account, Frame, NavItem, NavSection};
pub use icon::{Glyph, Icon};
pub use key_values::{KeyValue, KeyValues};
pub use markup::Markup;
pub use muster_domain::number::{counted, grouped};
pub use page::{Columns, Crumb, Page, Tab, Tabs, Width};
pub use pager::{Pager, count_words};
pub use passkey::PasskeyField;
pub use path::{GroupPath, PathNode};
pub use plain::{Plain, Room};
pub use problem::Problem;
pub use qr::Qr;
pub use rows::{Row, Rows};
pub use settings_form::{Filled, SettingsFields, folded_section, seldom_fields, settings_fields};
pub use sparkline::{Bar, Sparkline};
pub use stats::{Stat, Stats};
pub use steps::{Progress, Step, Steps};
pub use table::{Align, Column, Selection, Sort, Sorted, Table, TableRow};
pub use text::MaybeText;
pub use tiles::{Tile, Tiles};
pub use timeline::{Moment, Source, Timeline, Window, precise};
pub use tone::{Dot, Tone};
pub use verdict::{Standing, VerdictCard};
pub use when::{When, Written, exact, relative, span};
pub use who::Who;
