//! Benchmarks: fixed prompts put to a model by the program itself, so that figures of different days, models and machines
//! can be held beside each other.
//!
//! `PROMPTS` is the one place where they stand; `docs/benchmarks.md` is made from it. Whoever changes a word of them raises
//! `PROMPTS_VERSION`, because figures of different prompts are not comparable.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{JobId, options::ChatOptions};

pub const PROMPTS_VERSION: u32 = 1;
/// How often everything is asked, where nobody says otherwise, and at most.
pub const REPEATS: u32 = 3;
pub const REPEATS_MAX: u32 = 20;
/// Longest answer, tokens: long enough to measure the speed, short enough to be done.
pub const ANSWER_MAX: i64 = 128;

/// One of the fixed prompts.
#[derive(Clone, Copy, Debug)]
pub struct Prompt {
    pub name: &'static str,
    pub what: &'static str,
    pub text: &'static str,
    /// Put after the text so often: a prompt that takes long to read.
    pub filler: usize,
}

/// What a long prompt is filled with.
pub const FILLER: &str = "The ferry crosses the strait four times a day, unless fog lies on the water; then the captain \
                          waits, the baker sells more bread, and the children count the horns of ships they cannot see. ";

pub const PROMPTS: [Prompt; 5] = [
    Prompt {
        name: "talk",
        what: "a short question, a short answer",
        text: "In three sentences, explain to a twelve-year-old why the sky is blue during the day and red at dusk.",
        filler: 0,
    },
    Prompt {
        name: "code",
        what: "a small program",
        text: "Write a Rust function that returns the n-th Fibonacci number as u128, or None where it overflows, with two \
               unit tests.",
        filler: 0,
    },
    Prompt {
        name: "reason",
        what: "a riddle with steps",
        text: "A farmer has to bring a wolf, a goat and a cabbage across a river. The boat holds one of them beside the \
               farmer. Left alone, the wolf eats the goat and the goat eats the cabbage. List the crossings.",
        filler: 0,
    },
    Prompt {
        name: "list",
        what: "an answer in a set form",
        text: "List twenty European rivers, each with its length in kilometres, as a Markdown table with two columns.",
        filler: 0,
    },
    Prompt {
        name: "read",
        what: "about a thousand tokens to read, one sentence to answer: the speed of reading comes from this one",
        text: "Summarise the following text in one sentence.\n\n",
        filler: 20,
    },
];

impl Prompt {
    /// As it is sent. The number in front differs each time, since Ollama remembers how a prompt began and would not read it
    /// again.
    #[must_use]
    pub fn worded(&self, number: u32) -> String {
        format!("(Question {number}.) {}{}", self.text, FILLER.repeat(self.filler))
    }
}

/// What is sent along: the same answer each time, as far as the model can, and none that goes on for ever. A window is not
/// set, because that would load the model anew for everybody who chats with it.
#[must_use]
pub fn options() -> ChatOptions {
    ChatOptions {
        temperature: Some(0.0),
        seed: Some(42),
        num_predict: Some(ANSWER_MAX),
        think: Some(super::options::Think::Off),
        ..ChatOptions::default()
    }
}

/// One run, with everything that has to be the same for another to be comparable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Benchmark {
    /// The job that measured it.
    pub id: JobId,
    /// With its tag. Foreign text.
    pub model: String,
    /// Which build of the model it was.
    pub digest: String,
    /// When it had ended, milliseconds since 1970.
    pub at: i64,
    pub setup: Setup,
    pub figures: Figures,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    pub prompts_version: u32,
    pub repeats: u32,
    pub options: ChatOptions,
    /// Of Ollama.
    pub server_version: String,
    pub machine: Machine,
}

/// What did the work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Ollama runs on this machine; otherwise nothing else is known of the one it runs on.
    pub is_here: bool,
    pub processor: Option<String>,
    pub threads: Option<u32>,
    pub memory_bytes: Option<u64>,
    pub graphics: Vec<String>,
}

/// Medians over the samples. `None` = Ollama told none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// From the disk into memory, microseconds.
    pub load_us: Option<u64>,
    /// From the request to the first token, loading included.
    pub cold_first_token_us: Option<u64>,
    /// The same for a model that is in memory.
    pub first_token_us: Option<u64>,
    /// Tokens read a second, of the long prompt.
    pub reading: Option<f64>,
    /// Tokens written a second.
    pub writing: Option<f64>,
    /// In memory, and of that in the GPU's.
    pub bytes: Option<u64>,
    pub gpu_bytes: Option<u64>,
    /// The window it was loaded with, tokens.
    pub context_length: Option<u32>,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub prompt: String,
    /// The model was taken out of memory before.
    pub cold: bool,
    pub load_us: Option<u64>,
    /// Measured here.
    pub first_token_us: Option<u64>,
    pub prompt_tokens: Option<u32>,
    pub prompt_us: Option<u64>,
    pub answer_tokens: Option<u32>,
    pub answer_us: Option<u64>,
}

impl Figures {
    /// What the samples say.
    #[must_use]
    pub fn of(samples: &[Sample]) -> Self {
        let of = |cold: bool, figure: fn(&Sample) -> Option<u64>| {
            let mut figures: Vec<u64> = samples.iter().filter(|one| one.cold == cold).filter_map(figure).collect();
            figures.sort_unstable();
            (!figures.is_empty()).then(|| figures[figures.len() / 2])
        };
        let speed = |tokens: Option<u32>, us: Option<u64>| {
            let (tokens, us) = (tokens?, us?);
            (tokens > 0 && us > 0).then(|| f64::from(tokens) * 1_000_000.0 / us as f64)
        };
        let median = |mut speeds: Vec<f64>| {
            speeds.sort_unstable_by(f64::total_cmp);
            (!speeds.is_empty()).then(|| speeds[speeds.len() / 2])
        };
        let warm = || samples.iter().filter(|one| !one.cold);
        Self {
            load_us: of(true, |one| one.load_us),
            cold_first_token_us: of(true, |one| one.first_token_us),
            first_token_us: of(false, |one| one.first_token_us),
            reading: median(
                warm()
                    .filter(|one| one.prompt == "read")
                    .filter_map(|one| speed(one.prompt_tokens, one.prompt_us))
                    .collect(),
            ),
            writing: median(warm().filter_map(|one| speed(one.answer_tokens, one.answer_us)).collect()),
            ..Self::default()
        }
    }
}

impl Benchmark {
    /// Whether the figures of both were made in the same way, so that a difference is the model's or the machine's.
    #[must_use]
    pub fn is_comparable_with(&self, other: &Self) -> bool {
        self.setup.prompts_version == other.setup.prompts_version && self.setup.options == other.setup.options
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchmarkQuery {
    /// `None` = of all models.
    pub model: Option<String>,
    /// `BenchmarkPage::next` of the page before.
    pub after: Option<i64>,
    /// 1 to 100.
    pub limit: u32,
}

/// Newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkPage {
    pub rows: Vec<Benchmark>,
    pub next: Option<i64>,
}

/// `docs/benchmarks.md`.
#[must_use]
pub fn benchmarks_markdown() -> String {
    let mut page = format!(
        "# Benchmarks\n\n\
         `ollamanet models bench run NAME` puts fixed prompts to a model and keeps what they cost. It runs as a job: it waits \
         while anybody's answer runs or waits in line, and if somebody begins to chat in the middle of a measurement, that \
         one is thrown away and made again afterwards. One benchmark runs at a time. Cancelled or killed, it leaves nothing; \
         after a crash it begins anew. Administrators begin and delete them; whoever may see models sees the figures of those \
         they may use.\n\n\
         ## What is asked\n\n\
         Version {PROMPTS_VERSION} of the prompts, each answered with at most {ANSWER_MAX} tokens, at temperature 0, with seed \
         42, without thinking. The window is left as it is. In front of each prompt stands `(Question N.)` with another number \
         each time, because Ollama does not read again what it has just read.\n\n\
         | name | what it is | prompt |\n|---|---|---|\n"
    );
    for prompt in PROMPTS {
        let mut text = prompt.text.replace('\n', " ").trim().to_owned();
        if prompt.filler > 0 {
            let _ = write!(text, " Then {} times: {}", prompt.filler, FILLER.trim());
        }
        let _ = writeln!(page, "| `{}` | {} | {text} |", prompt.name, prompt.what);
    }
    let _ = write!(
        page,
        "\nWith {REPEATS} repeats, where nobody says otherwise: {REPEATS} cold starts, for each of which the model is taken out \
         of memory and asked `talk`; then all prompts {REPEATS} times with the model in memory.\n\n\
         ## Over time\n\n\
         From the second comparable run on, the detail of a model shows charts of speed and of the wait for the first token, the \
         oldest run at the left, with a mark where another build of the model began. `ollamanet models bench history NAME` tells \
         the same; `--csv` and `--json` write it out, `bench list --csv` that of all models.\n\n\
         ## The figures\n\n\
         Each is the median of its samples; the samples are kept as well.\n\n\
         | column | what it is |\n|---|---|\n\
         | `load_us` | Loading the model, of the cold starts, microseconds, as Ollama reports it. |\n\
         | `cold_first_token_us` | From the request to the first token, loading included, measured here. |\n\
         | `first_token_us` | The same with the model in memory. |\n\
         | `reading` | Tokens read a second, of `read`. |\n\
         | `writing` | Tokens written a second, of all prompts. |\n\
         | `bytes`, `gpu_bytes` | What the model takes in memory, and how much of that on the GPU. |\n\
         | `context_length` | The window it was loaded with. |\n\n\
         With them are kept: the model's digest, the options, the version of the prompts and of Ollama, and, where Ollama runs \
         on this machine, its processor, threads, memory and graphics cards. Figures of other prompts or options are never \
         compared.\n"
    );
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cold_and_warm_samples_are_told_apart_and_reading_is_that_of_the_long_prompt() {
        let warm = |prompt: &str, tokens, us| Sample {
            prompt: prompt.to_owned(),
            first_token_us: Some(us),
            prompt_tokens: Some(tokens),
            prompt_us: Some(1_000_000),
            answer_tokens: Some(tokens),
            answer_us: Some(us),
            ..Sample::default()
        };
        let cold = Sample { cold: true, load_us: Some(9), ..warm("talk", 1, 77) };
        let figures = Figures::of(&[
            cold,
            warm("talk", 10, 1_000_000),
            warm("read", 900, 3_000_000),
            warm("code", 30, 1_000_000),
        ]);
        assert_eq!((figures.load_us, figures.cold_first_token_us), (Some(9), Some(77)));
        assert_eq!(figures.first_token_us, Some(1_000_000));
        assert_eq!((figures.reading, figures.writing), (Some(900.0), Some(30.0)));
        assert_eq!(Figures::of(&[]), Figures::default());
    }

    #[test]
    fn no_prompt_begins_as_the_one_before_it() {
        let begins: std::collections::HashSet<String> =
            (1..50).map(|number| PROMPTS[4].worded(number)[..16].to_owned()).collect();
        assert_eq!(begins.len(), 49);
    }
}
