//! What the pages of the overview list: bars with their figures, under a heading that names them.

use jiff::civil::Date;

use super::{
    Page,
    words::{self, growth},
};
use crate::{
    api::{
        amount,
        reports::{Grown, OfAccount, Overview as Shown, Report, error_words},
    },
    ui::{
        actions::Action,
        cx::Cx,
        widgets::{
            chart::{count, rows::Bar},
            table::safe,
        },
    },
};

/// From here on there is room for all figures beside a bar.
const ROOMY: u16 = 70;

/// Bars under a heading.
#[derive(Debug, Default)]
pub struct Table {
    pub title: &'static str,
    /// What stands at the right of each bar.
    pub figures: String,
    pub bars: Vec<Bar>,
    /// What is said where there is none.
    pub empty: String,
}

pub fn of(page: Page, shown: &Shown, columns: u16, cx: &Cx) -> Table {
    let is_roomy = columns >= ROOMY;
    match page {
        // Its chart is no list.
        Page::Time => Table::default(),
        Page::Accounts => accounts(&shown.report, is_roomy),
        Page::Models => models(&shown.report, is_roomy, cx),
        Page::Errors => errors(&shown.report, cx),
        Page::Storage => storage(&shown.report),
        Page::Failed => failed(shown, cx),
    }
}

/// The accounts of the report, the largest first.
pub fn by_size(report: &Report) -> Vec<&OfAccount> {
    let mut rows: Vec<_> = report.accounts.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    rows
}

pub fn name(name: &str, deleted: bool) -> String {
    if deleted { format!("{} (deleted)", safe(name)) } else { safe(name) }
}

fn day(day: Option<Date>) -> String {
    day.map_or_else(|| "–".to_owned(), |day| day.strftime("%-d %b").to_string())
}

fn bar(label: String, value: u64, figures: String) -> Bar {
    Bar { label, value, other: 0, figures }
}

/// With the key that leads to other days.
fn none(words: &str, cx: &Cx) -> String {
    format!("{words} {} shows another time.", cx.key(Action::OverviewPeriod))
}

fn accounts(report: &Report, is_roomy: bool) -> Table {
    let figures = |[answers, tokens, failed, days, last]: [&str; 5]| {
        if is_roomy {
            format!("{answers:>7} {tokens:>8} {failed:>7} {days:>5} {last:>7}")
        } else {
            format!("{answers:>7} {failed:>7}")
        }
    };
    let row = |row: &OfAccount| {
        let (answers, tokens) = (count(row.amounts.answers), count(row.amounts.tokens()));
        let (failed, days) = (count(row.amounts.failed), row.active_days.to_string());
        let figures = figures([&answers, &tokens, &failed, &days, &day(row.last_day)]);
        bar(name(&row.name, row.deleted), row.amounts.answers, figures)
    };
    Table {
        title: "Answers by account",
        figures: figures(["answers", "tokens", "failed", "days", "last"]),
        bars: report.accounts.iter().map(row).collect(),
        empty: if report.question.model.is_some() {
            "Who used a model is told to nobody. Escape leads back.".to_owned()
        } else {
            "There is no account like that.".to_owned()
        },
    }
}

fn models(report: &Report, is_roomy: bool, cx: &Cx) -> Table {
    let figures = |[answers, people, speed, first, liked]: [&str; 5]| {
        if is_roomy {
            format!("{answers:>7} {people:>6} {speed:>6} {first:>9} {liked:>6}")
        } else {
            format!("{answers:>7} {speed:>6}")
        }
    };
    let bars = report.models.iter().map(|row| {
        let told = &row.figures;
        let people = row.people.map_or_else(|| "–".to_owned(), count);
        let liked = told.approval().map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let answers = count(told.answers.all());
        let speed = told.tokens_per_second.map_or_else(|| "–".to_owned(), |speed| format!("{speed:.1}"));
        let figures = figures([&answers, &people, &speed, &words::median(told.first_token), &liked]);
        bar(safe(&row.model), told.answers.all(), figures)
    });
    Table {
        title: "Answers by model",
        figures: figures(["answers", "people", "tok/s", "1st token", "liked"]),
        bars: bars.collect(),
        empty: if report.question.account.is_some() {
            "Which models one person used is told to nobody else. Escape leads back.".to_owned()
        } else if report.untold_models > 0 {
            "Fewer than three people with this role used each model, so none of them is told.".to_owned()
        } else {
            none("No model was asked anything in these days.", cx)
        },
    }
}

fn errors(report: &Report, cx: &Cx) -> Table {
    let figures = |many: &str, accounts: &str, last: &str| format!("{many:>7} {accounts:>8} {last:>7}");
    let bars = report.errors.iter().map(|row| {
        let figures = figures(&count(row.count), &count(row.accounts), &day(Some(row.last_day)));
        bar(error_words(row.failed_as, row.kind), row.count, figures)
    });
    Table {
        title: "What failed, by what went wrong",
        figures: figures("count", "accounts", "last"),
        bars: bars.collect(),
        empty: none("No question was refused and no answer failed in these days.", cx),
    }
}

fn storage(report: &Report) -> Table {
    let figures = |size: &str, grown: &str| format!("{size:>9} {grown:>10}");
    let bars = by_size(report)
        .into_iter()
        .map(|row| bar(name(&row.name, row.deleted), row.bytes, figures(&amount::bytes(row.bytes), &grown(row.grown))));
    Table {
        title: "Storage by account",
        figures: figures("size", "grown"),
        bars: bars.collect(),
        empty: "Who used a model is told to nobody, and so not how large their vaults are. Escape leads back."
            .to_owned(),
    }
}

/// Of one that is not known for long enough nothing can be said.
fn grown(grown: Option<Grown>) -> String {
    if grown.is_some() { growth(grown) } else { "–".to_owned() }
}

fn failed(shown: &Shown, cx: &Cx) -> Table {
    let figures = |many: &str, last: &str| format!("{many:>7} {last:>11}");
    let bars = shown.now.failed.iter().map(|failure| {
        let last = failure.last_at.map_or_else(|| "–".to_owned(), |at| cx.clock(at));
        bar(words::failing(&failure.what), failure.count, figures(&count(failure.count), &last))
    });
    Table {
        title: "Failed or refused within seven days",
        figures: figures("count", "last"),
        bars: bars.collect(),
        empty: "Nothing failed and nothing was refused within seven days.".to_owned(),
    }
}
