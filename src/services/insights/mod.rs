//! A person's own use in figures: reads the sums of their vault and makes of them what the screen, the command line and
//! an export show.
//!
//! It writes nothing into the vault; the sums are kept there by the schema itself.

pub mod figures;
pub(super) mod sheet;

use std::path::PathBuf;

use jiff::civil::Date;

use super::conversations::{check_limit, now, place};
use crate::{
    access::{Caller, Member},
    api::{
        ConversationId, Fault, FaultKind,
        insights::{
            By, ConversationFigures, Insights as Shown, InsightsQuery, OfModel, Sheet, UsedConversation, day_of,
            number_of,
        },
        organise::{Cursor, Page},
    },
    store::vault::usage::{self, Wanted},
    whole_file::{self, There},
};

/// How many of the longest conversations are named.
const LONGEST: u32 = 10;

#[derive(Clone, Copy, Debug)]
pub struct Insights;

impl Insights {
    pub async fn read(self, by: Caller<Member>, query: InsightsQuery) -> Result<Shown, Fault> {
        let at = now();
        let today = usage::day_in(&crate::zone::local(), at);
        let asked = query.clone();
        let (summed, span, longest) = by
            .vault
            .db
            .read(move |tx| {
                let latest = latest(today);
                let known = usage::known_days(tx, latest)?;
                let span = figures::Span::of(query.period, today, known);
                let wanted =
                    Wanted { from: number_of(span.first), to: latest, model: query.model, folder: query.folder };
                let summed = usage::summed(tx, &wanted)?;
                Ok::<_, Fault>((summed, span, usage::longest(tx, &wanted, LONGEST)?))
            })
            .await?;
        Ok(figures::shown(asked, &span, summed, longest, at))
    }

    /// One group of the figures as a file that spreadsheets read (RFC 4180).
    pub async fn csv(self, by: Caller<Member>, query: InsightsQuery, group: By) -> Result<String, Fault> {
        Ok(sheet::csv(&self.read(by, query).await?, group))
    }

    /// Writes the figures into a file, and never over an existing one.
    pub async fn export(
        self,
        by: Caller<Member>,
        query: InsightsQuery,
        group: By,
        what: Sheet,
        to: PathBuf,
    ) -> Result<PathBuf, Fault> {
        let shown = self.read(by, query).await?;
        let text = match what {
            Sheet::Csv => sheet::csv(&shown, group),
            Sheet::Json => sheet::json(&shown)?,
        };
        write_new(to, text).await
    }

    /// The conversations in which something was said from `first` to `last`, the newest made first.
    pub async fn conversations(
        self,
        by: Caller<Member>,
        query: InsightsQuery,
        (first, last): (Date, Date),
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<UsedConversation>, Fault> {
        check_limit(limit)?;
        let after = after.map(|cursor| place(&cursor)).transpose()?;
        let wanted = Wanted { from: number_of(first), to: number_of(last), model: query.model, folder: query.folder };
        let (rows, last) = by.vault.db.read(move |tx| usage::conversations(tx, &wanted, after, limit)).await?;
        Ok(Page { rows, next: last.map(|seq| Cursor(seq.to_string())) })
    }

    pub async fn of_conversation(
        self,
        by: Caller<Member>,
        conversation: ConversationId,
    ) -> Result<ConversationFigures, Fault> {
        let (first, models) = by.vault.db.read(move |tx| usage::of_conversation(tx, conversation)).await?;
        let mut total = usage::Tally::default();
        for (_, tally) in &models {
            total.add(tally);
        }
        let models: Vec<OfModel> = figures::models(models);
        Ok(ConversationFigures { figures: figures::figures(&total, true), models, since: first.map(day_of) })
    }
}

/// The last day that is looked at. Who has flown west was a day ahead; who had a wrong clock may have been years ahead, and
/// would stretch every chart.
fn latest(today: Date) -> i64 {
    number_of(today) + 1
}

/// Writes a file of figures for its owner alone, and never over an existing one. Reports use it too.
pub(super) async fn write_new(to: PathBuf, text: String) -> Result<PathBuf, Fault> {
    tokio::task::spawn_blocking(move || whole_file::write(&to, &text, There::Keep))
        .await
        .unwrap_or_else(|_| Err(Fault::new(FaultKind::Internal, "The file could not be written.")))
}
