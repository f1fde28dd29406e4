//! The table that is printed: one row a figure, with its target and whether it was met, ready for the README.

use std::{fmt::Display, time::Duration};

/// What a figure may be at most.
#[derive(Clone, Copy)]
pub enum Target {
    Ms(f64),
    Seconds(f64),
    Megabytes(f64),
    /// Times the yardstick beside it.
    Times(f64),
    /// So many, of whatever is counted.
    Count(f64),
    /// None was set; the figure is for comparing with the next one.
    None,
}

/// One figure, and what it is to be held against: measured in the same run, because machines differ and are busy.
pub struct Row {
    what: String,
    figure: String,
    beside: String,
    ratio: Option<f64>,
    target: Target,
    value: f64,
}

impl Row {
    pub fn time(what: impl Display, time: Duration, target: Target) -> Self {
        let value = match target {
            Target::Seconds(_) => time.as_secs_f64(),
            Target::Ms(_) | Target::Times(_) | Target::Megabytes(_) | Target::Count(_) | Target::None => ms_of(time),
        };
        Self::new(what, shown(time), value, target)
    }

    pub fn megabytes(what: impl Display, bytes: u64, target: Target) -> Self {
        let value = bytes as f64 / 1e6;
        Self::new(what, format!("{value:.1} MB"), value, target)
    }

    pub fn count(what: impl Display, value: f64, target: Target) -> Self {
        let figure = if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") };
        Self::new(what, figure, value, target)
    }

    fn new(what: impl Display, figure: String, value: f64, target: Target) -> Self {
        Self { what: what.to_string(), figure, beside: String::new(), ratio: None, target, value }
    }

    /// Beside a yardstick of the same kind.
    pub fn beside(mut self, name: impl Display, yardstick: Duration, time: Duration) -> Self {
        let ratio = time.as_secs_f64() / yardstick.as_secs_f64().max(1e-9);
        self.beside = format!("{name}: {}", shown(yardstick));
        self.ratio = Some(ratio);
        if let Target::Times(_) = self.target {
            self.value = ratio;
        }
        self
    }

    pub fn note(mut self, note: impl Display) -> Self {
        self.beside = note.to_string();
        self
    }

    pub fn print(&self) {
        let target = match self.target {
            Target::Ms(most) if most < 0.1 => Some((most, format!("≤ {:.0} µs", most * 1000.0))),
            Target::Ms(most) => Some((most, format!("≤ {most} ms"))),
            Target::Seconds(most) => Some((most, format!("≤ {most} s"))),
            Target::Megabytes(most) => Some((most, format!("≤ {most} MB"))),
            Target::Times(most) => Some((most, format!("≤ {most}×"))),
            Target::Count(most) => Some((most, format!("≤ {most}"))),
            Target::None => None,
        };
        let (target, met) = match target {
            Some((most, text)) => (text, if self.value <= most { "yes" } else { "**no**" }),
            None => ("–".to_owned(), "–"),
        };
        let ratio = self.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}×"));
        let beside = if self.beside.is_empty() { "–" } else { &self.beside };
        println!("| {} | {target} | {} | {met} | {beside} | {ratio} |", self.what, self.figure);
    }
}

pub fn print_head() {
    println!("| what | target | measured | met | beside it, same run | ratio |\n|---|---|---|---|---|---|");
}

pub fn quantile(times: &[Duration], share: f64) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[((times.len() - 1) as f64 * share).round() as usize]
}

pub fn median(times: &[Duration]) -> Duration {
    quantile(times, 0.5)
}

fn ms_of(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn shown(time: Duration) -> String {
    match time.as_nanos() {
        0 => "0 ms".to_owned(),
        1..1_000_000 => format!("{:.0} µs", time.as_secs_f64() * 1e6),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ms_of(time)),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}
