//! The editor of a mapping: filters, rules, tests.

use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::mapping::{Tested, When};
use muster_services::mapping::Desk;

use super::mapping::Shown;
use super::mapping_form::{RuleFields, TestFields, Typed};
use crate::components::{
    Button, Callout, Card, CheckField, Chip, Choice, FormActions, Glyph, LinkButton, Look, Need,
    SelectField, Takes, TextArea, TextField, Tone, error_of,
};

/// Everything that is typed.
pub(super) fn editor(desk: &Desk, typed: &Typed, shown: &Shown, manages: bool) -> AnyView {
    let id = desk.directory.id;
    let errors = &shown.errors;
    let rules = typed
        .shown_rules()
        .into_iter()
        .enumerate()
        .map(|(number, rule)| rule_fields(number, rule, errors))
        .collect_view();
    let mut tests: Vec<TestFields> = typed.tests.clone();
    tests.push(TestFields::default());
    let tests = tests
        .into_iter()
        .enumerate()
        .map(|(number, test)| test_fields(number, test, shown.tests.get(number), errors))
        .collect_view();
    let preview = format!("/directories/{id}/mapping/preview");
    let begin = (typed.rules.is_empty() && manages).then(|| {
        view! { <Button name="intent" value="defaults" formaction=preview.clone() icon=Glyph::Edit>"Begin with the directory's own rules"</Button> }
    });
    let asks = shown.asks.then(|| {
        view! { <CheckField name="knowingly" label="Save it although tests do not hold" help="It goes on record with your name."/> }
    });
    let back = format!("/directories/{id}");
    let actions = if manages {
        view! {
            <FormActions>
                <Button look=Look::Primary>"Save mapping"</Button>
                <Button name="intent" value="preview" formaction=preview.clone() icon=Glyph::Search>"Preview"</Button>
                <Button name="intent" value="impact" formaction=preview icon=Glyph::Plan>"Show what would change"</Button>
                <LinkButton href=back look=Look::Quiet>"Back"</LinkButton>
            </FormActions>
        }
        .into_any()
    } else {
        view! { <Callout tone=Tone::Neutral title="You can look at it"><p>"Changing it takes the role of an administrator."</p></Callout> }.into_any()
    };
    let (filter, groups) = (typed.filter.clone(), typed.groups.clone());
    let filter_error = error_of(errors, "filter");
    let groups_error = error_of(errors, "groups");
    view! {
        <div class="stack">
            <Card title="Who comes here">
                <TextArea name="filter" label="People" value=filter takes=Takes::Exact rows=3 need=Need::Optional error=filter_error
                    placeholder="source.department != \"Temp\"" help="True for those who come here. Empty: everybody the directory shows. Whoever is left out later is treated as a leaver."/>
                <TextArea name="groups" label="Groups" value=groups takes=Takes::Exact rows=2 need=Need::Optional error=groups_error
                    placeholder="group.name.startsWith(\"app-\")" help="True for the groups that come here. Empty: all."/>
            </Card>
            <Card title="What they are called here">
                <p class="muted">"From top to bottom; each rule sees what those before it made. What no rule makes stays as the directory's own mapping has it. A person whom a rule fails on is refused with the reason, and the others go on."</p>
                {begin}
                {rules}
            </Card>
            <Card title="Tests">
                <p class="muted">"Tried each time this is saved. The preview keeps one with a press of a button."</p>
                {tests}
            </Card>
            {asks}
            {actions}
        </div>
    }
    .into_any()
}

fn rule_fields(number: usize, rule: RuleFields, errors: &[FieldError]) -> AnyView {
    let whens = When::ALL
        .iter()
        .map(|(_, word, label)| Choice::new(*word, *label))
        .collect();
    let hows = vec![
        Choice::new("expression", "an expression"),
        Choice::new("patterns", "the first pattern that fits"),
    ];
    let field = |part: &str| format!("{part}_{number}");
    let legend = if rule.attribute.is_empty() {
        "New rule".to_owned()
    } else {
        format!("Rule {}", number + 1)
    };
    let rows = u32::try_from(rule.text.lines().count())
        .unwrap_or(2)
        .clamp(2, 12);
    let example = if rule.how == "patterns" {
        "mail: (.+)@example\\.org => $1"
    } else {
        "first(source.all(\"mail\")).lower()"
    };
    view! {
        <fieldset class="mapping-rule">
            <legend>{legend}</legend>
            <div class="mapping-head">
                <TextField name=field("attribute") label="Attribute here" value=rule.attribute takes=Takes::Exact need=Need::Optional placeholder="email" error=error_of(errors, &field("attribute"))/>
                <SelectField name=field("when") label="When" value=rule.when choices=whens/>
                <SelectField name=field("how") label="Made by" value=rule.how choices=hows/>
            </div>
            <TextArea name=field("text") label="Expression or patterns" value=rule.text takes=Takes::Exact rows need=Need::Optional placeholder=example error=error_of(errors, &field("text"))/>
        </fieldset>
    }
    .into_any()
}

fn test_fields(
    number: usize,
    test: TestFields,
    tested: Option<&Tested>,
    errors: &[FieldError],
) -> AnyView {
    let field = |part: &str| format!("{part}_{number}");
    let chip = tested.map(|tested| match tested.holds {
        true => view! { <Chip tone=Tone::Good icon=Glyph::Check>"Holds"</Chip> }.into_any(),
        false => {
            view! { <Chip tone=Tone::Danger icon=Glyph::Cross>"Does not hold"</Chip> }.into_any()
        }
    });
    let words = tested
        .filter(|tested| !tested.holds)
        .map(|tested| view! { <p class="field-error">{tested.words.clone()}</p> });
    let is_new = test.name.is_empty() && test.said.is_empty();
    let summary = if is_new {
        "Write a test".to_owned()
    } else {
        test.name.clone()
    };
    let fails = tested.is_some_and(|tested| !tested.holds);
    let is_wrong = ["test", "said", "record", "out"]
        .iter()
        .any(|part| error_of(errors, &field(part)).is_some());
    view! {
        <details class="folded" open=fails || is_wrong>
            <summary>{summary}" "{chip}</summary>
            <div class="folded-body">
                {words}
                <TextField name=field("test") label="What it is about" value=test.name need=Need::Optional error=error_of(errors, &field("test"))/>
                <TextArea name=field("said") label="What the source says" value=test.said takes=Takes::Exact rows=4 need=Need::Optional placeholder="mail: Anna@Example.org" error=error_of(errors, &field("said")) help="One value a line: attribute: value. Empty the name and this to remove the test."/>
                <TextArea name=field("record") label="The directory's own mapping" value=test.record takes=Takes::Exact rows=2 need=Need::Optional placeholder="username: anna" error=error_of(errors, &field("record"))/>
                <TextArea name=field("out") label="What comes out" value=test.out takes=Takes::Exact rows=3 need=Need::Optional placeholder="email: anna@example.org" error=error_of(errors, &field("out")) help="One attribute a line, or the words “left out” or “refused”."/>
            </div>
        </details>
    }
    .into_any()
}
