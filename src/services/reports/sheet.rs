//! Tables as files: CSV as RFC 4180 writes it, and JSON.

use serde_json::Value;

use crate::{
    api::{
        Fault, FaultKind,
        report_table::{Cell, Table},
        reports::Report,
    },
    services::insights::sheet::cell as foreign,
};

/// One line for each row, under its heading. What is not told is empty, and is not nought.
pub fn csv(table: &Table) -> String {
    let mut text = table.subject.columns().join(",");
    text.push_str("\r\n");
    for row in &table.rows {
        text.push_str(&row.iter().map(cell).collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    }
    text
}

/// The table with what was asked, for people to read too.
pub fn json(report: &Report, table: &Table) -> Result<String, Fault> {
    let mut text = serde_json::to_string_pretty(&table.document(report))
        .map_err(|_| Fault::new(FaultKind::Internal, "The report could not be written as JSON."))?;
    text.push('\n');
    Ok(text)
}

fn cell(cell: &Cell) -> String {
    match cell {
        Value::Null => String::new(),
        // Names of accounts and models are foreign, and may begin like a formula.
        Value::String(text) => foreign(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => cell.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::reports::Subject;

    #[test]
    fn no_name_becomes_a_formula_or_another_column_and_what_is_not_told_is_empty() {
        let row = vec![json!("=cmd|' /C calc'!A0"), json!(null), json!("a, \"b\""), json!(-5), json!("x\u{1b}[31m")];
        let text = csv(&Table { subject: Subject::Storage, rows: vec![row] });
        let mut lines = text.split("\r\n");
        assert_eq!(lines.next(), Some("account,deleted,bytes,grown_bytes,grown_since"));
        let line = lines.next().unwrap();
        assert!(line.starts_with("'=cmd|' /C calc'!A0,,\"a, \"\"b\"\"\",-5,x") && !line.contains('\u{1b}'), "{line:?}");
    }
}
