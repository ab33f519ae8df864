//! The methods of provisioning side by side, and which of them fits a few plain answers.

use leptos::prelude::*;
use muster_domain::methods::measured::Measured;
use muster_domain::methods::{
    Answers, Availability, Fit, Fits, Method, OnPremises, Size, recommend,
};
use muster_domain::role::Permission;
use muster_domain::vendor::Vendor;
use muster_services::sync::rules;
use muster_services::{directories, measured};
use muster_web::Query;

use crate::components::{
    Button, Callout, Card, CheckField, Chip, Choice, Column, Columns, FieldGroup, FormActions,
    Inset, Look, Need, Page, Row, Rows, SelectField, Table, TableRow, Tone, Width,
};
use crate::pages::people::address::Pairs;
use crate::visit::{Answer, Visit};

/// `GET /compare`
///
/// # Errors
/// When the page cannot be drawn.
pub async fn show(visit: Visit, Query(asked): Query<Pairs>) -> Answer {
    let measured = measured::measured(&visit.services, &visit.call).await?;
    let is_answered = !asked.is_empty();
    let answers = if is_answered {
        answers_of(&asked)
    } else {
        as_it_stands(&measured)
    };
    let shadows = shadows(&visit).await?;
    visit
        .console("Compare methods", "/compare", || {
            let left = view! { {recommendation(&answers, is_answered)} }.into_any();
            let right = questions(&answers);
            let measured = super::measured::cards(&measured, visit.now());
            view! {
                <Page title="Compare methods" purpose="What each way of bringing in users can and cannot do, how it does on your own directories, and which fits your answers." width=Width::Table>
                    {measured}
                    {shadows}
                    <Columns left right/>
                    {methods()}
                </Page>
            }
            .into_any()
        })
        .await
}

/// Directories that run in shadow, each with the page that sets it beside another.
async fn shadows(visit: &Visit) -> Result<Option<AnyView>, muster_domain::Error> {
    if !visit.call.can(Permission::ViewDirectories) {
        return Ok(None);
    }
    let all = directories::list(&visit.services, &visit.call).await?;
    let rows = all
        .iter()
        .filter(|row| rules::in_shadow(&row.directory.settings))
        .map(|row| {
            let (id, name) = (row.directory.id, row.directory.name.clone());
            let href = format!("/directories/{id}/shadow");
            view! { <Row title=name href tone=Tone::Neutral>"Beside the directory whose place it shall take"</Row> }
        })
        .collect_view();
    let is_any = all
        .iter()
        .any(|row| rules::in_shadow(&row.directory.settings));
    Ok(is_any.then(|| {
        view! { <Card title="Directories in shadow" inset=Inset::Flush><Rows>{rows}</Rows></Card> }
            .into_any()
    }))
}

/// Reads the answers out of a query or form; what is missing or unknown is the default.
pub(crate) fn answers_of(pairs: &Pairs) -> Answers {
    let one = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let is_on = |name: &str| one(name) == "on";
    Answers {
        size: match one("size") {
            "dozens" => Size::Dozens,
            "thousands" => Size::Thousands,
            _ => Size::Hundreds,
        },
        leavers_must_vanish: is_on("leavers_must_vanish"),
        inbound_possible: is_on("inbound_possible"),
        directory: match one("directory") {
            "ldap" => OnPremises::Ldap,
            "active_directory" => OnPremises::ActiveDirectory,
            "crowd" => OnPremises::Crowd,
            _ => OnPremises::None,
        },
        cloud_idp: Vendor::from_key(one("cloud_idp")),
        nested_groups: is_on("nested_groups"),
    }
}

/// The answers that this installation gives by itself: how many people it has, and what it reads already.
fn as_it_stands(measured: &[Measured]) -> Answers {
    let has = |method: Method| measured.iter().any(|one| one.method == method);
    let everybody = measured.first().map_or(0, |one| one.everybody);
    Answers {
        size: match everybody {
            0 => Size::default(),
            1..=50 => Size::Dozens,
            51..=1_000 => Size::Hundreds,
            _ => Size::Thousands,
        },
        directory: if has(Method::Ldap) {
            OnPremises::Ldap
        } else if has(Method::Crowd) {
            OnPremises::Crowd
        } else {
            OnPremises::None
        },
        cloud_idp: has(Method::Jit).then_some(Vendor::Generic),
        ..answers_of(&Pairs::new())
    }
}

const fn size_key(size: Size) -> &'static str {
    match size {
        Size::Dozens => "dozens",
        Size::Hundreds => "hundreds",
        Size::Thousands => "thousands",
    }
}

const fn directory_key(directory: OnPremises) -> &'static str {
    match directory {
        OnPremises::None => "none",
        OnPremises::Ldap => "ldap",
        OnPremises::ActiveDirectory => "active_directory",
        OnPremises::Crowd => "crowd",
    }
}

/// The questions, for a form.
pub(crate) fn answer_fields(answers: &Answers) -> AnyView {
    let sizes = vec![
        Choice::new("dozens", "Up to about fifty"),
        Choice::new("hundreds", "Up to about a thousand"),
        Choice::new("thousands", "More"),
    ];
    let directories = vec![
        Choice::new("none", "None"),
        Choice::new("ldap", "An LDAP directory"),
        Choice::new("active_directory", "Active Directory"),
        Choice::new("crowd", "Atlassian Crowd"),
    ];
    let vendors = Vendor::ALL
        .iter()
        .map(|vendor| Choice::new(vendor.key(), vendor.label()))
        .collect();
    let vendor = answers.cloud_idp.map(|vendor| vendor.key().to_owned());
    let (leavers, inbound, nested) = (
        answers.leavers_must_vanish,
        answers.inbound_possible,
        answers.nested_groups,
    );
    view! {
        <SelectField name="size" label="How many people" value=size_key(answers.size) choices=sizes/>
        <SelectField
            name="cloud_idp"
            label="Identity provider"
            value=vendor
            choices=vendors
            need=Need::Optional
        />
        <SelectField name="directory" label="Directory this server can read" value=directory_key(answers.directory) choices=directories/>
        <FieldGroup title="What must hold">
            <CheckField name="leavers_must_vanish" label="Whoever leaves must vanish here by itself" checked=leavers/>
            <CheckField name="inbound_possible" label="The provider can reach this server" checked=inbound/>
            <CheckField name="nested_groups" label="Groups in groups must arrive as such" checked=nested/>
        </FieldGroup>
    }
    .into_any()
}

fn questions(answers: &Answers) -> AnyView {
    let fields = answer_fields(answers);
    view! {
        <Card title="Your answers">
            <form class="form" method="get" action="/compare">
                {fields}
                <FormActions><Button look=Look::Primary>"Show what fits"</Button></FormActions>
            </form>
        </Card>
    }
    .into_any()
}

/// Which methods fit, best first, each with its reasons.
pub(crate) fn recommendation(answers: &Answers, is_answered: bool) -> AnyView {
    let fits = recommend(answers);
    let rows = fits.iter().map(fit_row).collect_view();
    let (tone, words) = conclusion(&fits);
    let note = (!is_answered).then(
        || view! { <p>"These answers are how this installation stands; give yours beside."</p> },
    );
    view! {
        <Callout tone title=words>
            <p>"Methods combine: each membership keeps its own origin, and one method never undoes another silently."</p>
            {note}
        </Callout>
        <Card title="What fits, and why" inset=Inset::Flush><Rows>{rows}</Rows></Card>
    }
    .into_any()
}

fn conclusion(fits: &[Fit]) -> (Tone, String) {
    let best_here = fits
        .iter()
        .find(|fit| fit.method.availability() == Availability::Here && fit.fits != Fits::Not);
    let best = fits.iter().find(|fit| fit.fits != Fits::Not);
    match (best, best_here) {
        (Some(best), Some(here)) if best.method == here.method => (
            Tone::Good,
            format!(
                "{} fits your answers best, and is available here.",
                best.method.label()
            ),
        ),
        (Some(best), Some(here)) => (
            Tone::Neutral,
            format!(
                "{} fits best, but is not in this version yet. Until then: {}.",
                best.method.label(),
                lower(here.method.label())
            ),
        ),
        (Some(best), None) => (
            Tone::Caution,
            format!(
                "{} fits best, but is not in this version yet. What is here does not do all of that.",
                best.method.label()
            ),
        ),
        (None, _) => (
            Tone::Caution,
            "No method does all of that. Below is what stands against each.".to_owned(),
        ),
    }
}

/// A label inside a sentence; abbreviations keep their letters.
fn lower(label: &str) -> String {
    let is_abbreviation = label.chars().take(2).all(char::is_uppercase);
    let mut chars = label.chars();
    match chars.next() {
        Some(first) if !is_abbreviation => first.to_lowercase().chain(chars).collect(),
        _ => label.to_owned(),
    }
}

fn fit_row(fit: &Fit) -> AnyView {
    let tone = match fit.fits {
        Fits::Well => Tone::Good,
        Fits::Partly => Tone::Caution,
        Fits::Not => Tone::Neutral,
    };
    let because = fit.because.join(" ");
    let (label, available) = (fit.fits.label(), availability(fit.method));
    let action =
        view! { <span class="chips"><Chip tone>{label}</Chip> " " {available}</span> }.into_any();
    view! { <Row title=fit.method.label() tone action>{because}</Row> }.into_any()
}

fn availability(method: Method) -> AnyView {
    let tone = match method.availability() {
        Availability::Here => Tone::Accent,
        Availability::NotYet => Tone::Neutral,
    };
    view! { <Chip tone>{method.availability().label()}</Chip> }.into_any()
}

pub(crate) fn methods() -> AnyView {
    let columns = vec![
        Column::new("Method"),
        Column::new("Strong"),
        Column::new("Weak"),
        Column::new("Needs"),
    ];
    let list = |lines: &'static [&'static str]| {
        let items = lines
            .iter()
            .map(|line| view! { <li>{*line}</li> })
            .collect_view();
        view! { <ul class="points">{items}</ul> }.into_any()
    };
    let rows = Method::ALL
        .iter()
        .map(|method| {
            TableRow::new(vec![
                view! {
                    <div class="method">
                        <b>{method.label()}</b>
                        <span class="note">{method.summary()}</span>
                        {availability(*method)}
                    </div>
                }
                .into_any(),
                list(method.pros()),
                list(method.cons()),
                list(method.needs()),
            ])
        })
        .collect();
    view! {
        <Card title="Side by side" inset=Inset::Flush>
            <Table caption="Methods of provisioning with pros, cons and needs" columns rows class="compare"/>
        </Card>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_survive_the_address() {
        let pairs = [
            ("size", "thousands"),
            ("cloud_idp", "okta"),
            ("directory", "crowd"),
            ("nested_groups", "on"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
        let answers = answers_of(&pairs);
        assert_eq!(size_key(answers.size), "thousands");
        assert_eq!(directory_key(answers.directory), "crowd");
        assert_eq!(answers.cloud_idp, Some(Vendor::Okta));
        assert!(answers.nested_groups && !answers.inbound_possible);
    }

    #[test]
    fn whoever_answers_nothing_is_answered_for_by_what_is_here() {
        let one = |method| Measured {
            name: "Company".to_owned(),
            method,
            accounts: 120,
            everybody: 1_200,
            confirmed_at: None,
            leavers: None,
            nested: 0,
            last: None,
        };
        let answers = as_it_stands(&[one(Method::Manual), one(Method::Jit), one(Method::Ldap)]);
        assert_eq!(
            (answers.size, answers.directory),
            (Size::Thousands, OnPremises::Ldap)
        );
        assert_eq!(answers.cloud_idp, Some(Vendor::Generic));
        let alone = as_it_stands(&[one(Method::Manual)]);
        assert_eq!((alone.directory, alone.cloud_idp), (OnPremises::None, None));
        assert_eq!(as_it_stands(&[]), answers_of(&Pairs::new()));
    }

    #[test]
    fn an_unavailable_best_method_is_never_called_available() {
        let answers = Answers {
            leavers_must_vanish: true,
            cloud_idp: Some(Vendor::Okta),
            inbound_possible: true,
            ..Answers::default()
        };
        let (_, words) = conclusion(&recommend(&answers));
        assert!(words.contains("not in this version yet"), "{words}");
    }
}
