//! The audit log as a file: comma-separated for spreadsheets, or one JSON object a line for machines.

use muster_domain::audit::AuditEvent;

use crate::chunks::Format;

/// What stands before the first event.
#[must_use]
pub const fn head(format: Format) -> &'static str {
    match format {
        Format::Csv => {
            "sequence,at,actor,actor_id,action,target,target_id,address,request_id,detail,hash\r\n"
        }
        Format::JsonLines => "",
    }
}

/// One event as it stands in the file; in JSON with the hash of its link.
#[must_use]
pub fn line(format: Format, sequence: i64, hash: &str, event: &AuditEvent) -> String {
    match format {
        Format::Csv => csv_line(sequence, hash, event),
        Format::JsonLines => {
            let mut line = serde_json::json!({ "sequence": sequence, "hash": hash });
            if let (Some(line), Ok(serde_json::Value::Object(fields))) =
                (line.as_object_mut(), serde_json::to_value(event))
            {
                line.extend(fields);
            }
            format!("{line}\n")
        }
    }
}

fn csv_line(sequence: i64, hash: &str, event: &AuditEvent) -> String {
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let cells = [
        sequence.to_string(),
        event.at.to_rfc3339(),
        event.actor.clone(),
        id(event.actor_id),
        event.action.clone(),
        event.target.clone(),
        id(event.target_id),
        event.address.clone().unwrap_or_default(),
        event.request_id.clone(),
        event.detail.to_string(),
        hash.to_owned(),
    ];
    let mut line = cells.map(|value| cell(&value)).join(",");
    line.push_str("\r\n");
    line
}

/// One cell: quoted, and with an apostrophe before anything a spreadsheet would run as a formula (OWASP, CSV injection).
#[must_use]
pub fn cell(value: &str) -> String {
    const STARTS: [char; 12] = [
        '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|',
    ];
    let runs = value
        .trim_start_matches([' ', '"', '\''])
        .starts_with(STARTS);
    let guard = if runs { "'" } else { "" };
    format!("\"{guard}{}\"", value.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w54_no_cell_begins_a_formula() {
        for evil in [
            "=HYPERLINK(\"http://evil.example\")",
            "+1",
            "-1+cmd|' /C calc'!A0",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "＝1+1",
            " =1",
            "\"=1",
        ] {
            let written = cell(evil);
            assert!(written.starts_with("\"'"), "{evil:?} became {written}");
        }
        assert_eq!(cell("anna"), "\"anna\"");
        assert_eq!(cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }

    #[test]
    fn w60_a_line_break_in_a_name_makes_no_second_line() {
        let event = AuditEvent {
            actor: "anna\n{\"actor\":\"root\"}".to_owned(),
            actor_id: None,
            action: "user.edit".to_owned(),
            target: String::new(),
            target_id: None,
            detail: serde_json::json!({}),
            address: None,
            request_id: String::new(),
            at: chrono::DateTime::UNIX_EPOCH,
        };
        let line = line(Format::JsonLines, 1, "h", &event);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.ends_with('\n'));
    }
}
