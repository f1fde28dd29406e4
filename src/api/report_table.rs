//! A report as a table: the one place from which CSV, JSON and the command line take their figures, so that they agree.

use serde_json::{Map, Value, json};

use super::{
    insights::Spread,
    measures::UseFigures,
    reports::{Amounts, Grown, OfDays, Report, Subject},
};

/// One figure. What is not told is `Null`, and is not nought.
pub type Cell = Value;

/// Cells under the columns of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub subject: Subject,
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Each row with the names of its columns.
    #[must_use]
    pub fn objects(&self) -> Vec<Map<String, Value>> {
        let object = |row: &Vec<Cell>| {
            self.subject.columns().iter().map(|column| (*column).to_owned()).zip(row.iter().cloned()).collect()
        };
        self.rows.iter().map(object).collect()
    }

    /// The document that is printed and written: what was asked, which days it is about, and the rows.
    #[must_use]
    pub fn document(&self, report: &Report) -> Value {
        json!({
            "report": self.subject,
            "question": report.question,
            "first_day": report.first,
            "last_day": report.last,
            "grain": report.grain,
            "as_of": report.as_of,
            "left_out": report.left_out,
            "rows": self.objects(),
        })
    }
}

impl Report {
    #[must_use]
    pub fn table(&self, subject: Subject) -> Table {
        let rows = match subject {
            Subject::Accounts => self
                .accounts
                .iter()
                .map(|row| {
                    let mut cells = vec![
                        json!(row.name),
                        json!(row.role),
                        json!(row.deleted),
                        json!(row.active_days),
                        json!(row.last_day),
                    ];
                    cells.extend(amounts(&row.amounts));
                    cells.push(json!(row.bytes));
                    cells.extend(grown(row.grown));
                    cells
                })
                .collect(),
            Subject::Storage => self
                .accounts
                .iter()
                .map(|row| {
                    let mut cells = vec![json!(row.name), json!(row.deleted), json!(row.bytes)];
                    cells.extend(grown(row.grown));
                    cells
                })
                .collect(),
            Subject::Models => self
                .models
                .iter()
                .map(|row| {
                    let mut cells = vec![json!(row.model), json!(row.people)];
                    cells.extend(figures(&row.figures));
                    cells
                })
                .collect(),
            Subject::Days => self.stretches.iter().map(days).collect(),
            Subject::Errors => self
                .stretches
                .iter()
                .enumerate()
                .flat_map(|(at, stretch)| {
                    self.errors.iter().filter_map(move |error| {
                        let count = error.stretches.get(at).copied().filter(|count| *count > 0)?;
                        let days = [json!(stretch.first), json!(stretch.last)];
                        let what = [json!(error.failed_as), json!(error.kind), json!(count)];
                        Some(days.into_iter().chain(what).collect())
                    })
                })
                .collect(),
        };
        Table { subject, rows }
    }
}

fn amounts(amounts: &Amounts) -> [Cell; 5] {
    let Amounts { sign_ins, answers, failed, prompt_tokens, answer_tokens } = amounts;
    [json!(sign_ins), json!(answers), json!(failed), json!(prompt_tokens), json!(answer_tokens)]
}

fn grown(grown: Option<Grown>) -> [Cell; 2] {
    [json!(grown.map(|grown| grown.bytes)), json!(grown.map(|grown| grown.since))]
}

fn spread(time: Option<Spread>) -> [Cell; 2] {
    [json!(time.map(|time| time.median_ms)), json!(time.map(|time| time.p90_ms))]
}

/// Two places are more than is known.
fn speed(speed: Option<f64>) -> Cell {
    json!(speed.map(|speed| (speed * 100.0).round() / 100.0))
}

fn days(row: &OfDays) -> Vec<Cell> {
    let mut cells = vec![json!(row.first), json!(row.last), json!(row.accounts)];
    cells.extend(amounts(&row.amounts));
    cells.extend(spread(row.quality.and_then(|quality| quality.first_token)));
    cells.push(speed(row.quality.and_then(|quality| quality.tokens_per_second)));
    cells.push(json!(row.quality.map(|quality| quality.liked)));
    cells.push(json!(row.quality.map(|quality| quality.disliked)));
    cells.push(json!(row.bytes));
    cells
}

fn figures(figures: &UseFigures) -> Vec<Cell> {
    let UseFigures { answers, prompt_tokens, answer_tokens, loads, load_ms, liked, disliked, last_used_at, .. } =
        figures;
    let mut cells = vec![json!(answers.all())];
    cells.extend(answers.each().map(|(_, count)| json!(count)));
    cells.extend([json!(prompt_tokens), json!(answer_tokens)]);
    cells.extend(spread(figures.first_token));
    cells.push(speed(figures.tokens_per_second));
    cells.extend([json!(loads), json!(load_ms), json!(liked), json!(disliked)]);
    // The beginning of that day, as `OfModel` says.
    let day = last_used_at.map(|at| super::insights::day_of(at.div_euclid(86_400_000)));
    cells.push(json!(day));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_stands_in_the_page_about_reports() {
        let page = include_str!("../../docs/reports.md");
        for subject in Subject::EACH {
            let columns: Vec<String> = subject.columns().iter().map(|column| format!("`{column}`")).collect();
            let row = format!("| `{}` | {} |", subject.as_str(), columns.join(", "));
            assert!(page.contains(&row), "{row}");
        }
    }
}
