//! Why an answer took as long as it did: its time in parts that add up, the greatest of them, and what would help.
//!
//! What is measured where: `services::turns::phases`. Drawing is no part of it; that a slow screen holds an answer up is.

use serde::Serialize;

use super::{
    MessageId, RequestId,
    chat::{MessageState, Metrics},
};

/// What an answer's time went into, in the order in which it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// In our own line, behind other answers of the same account.
    Queue,
    /// Ours: checking and storing the question, choosing and reading what the model sees, handing over pieces to a screen
    /// that is slow to take them, waiting for the database at the end.
    Own,
    /// Until there was a connection to Ollama; nothing where one was open.
    Connect,
    /// Until the question, files and all, was sent.
    Send,
    /// Ollama put the model into memory.
    Load,
    /// The model read what it was sent.
    Prompt,
    /// What neither loading nor reading explains until the first token came: mostly Ollama's own line.
    FirstToken,
    /// The model wrote, thinking included.
    Generation,
    /// Carrying: what passed here and not at the server.
    Network,
}

impl Phase {
    pub const ALL: [Self; 9] = [
        Self::Queue,
        Self::Own,
        Self::Connect,
        Self::Send,
        Self::Load,
        Self::Prompt,
        Self::FirstToken,
        Self::Generation,
        Self::Network,
    ];

    /// In words, for a bar.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Queue => "waiting in our line",
            Self::Own => "this program",
            Self::Connect => "connecting to Ollama",
            Self::Send => "sending the question",
            Self::Load => "loading the model",
            Self::Prompt => "reading the prompt",
            Self::FirstToken => "until the first token",
            Self::Generation => "writing",
            Self::Network => "the way to Ollama",
        }
    }

    /// As JSON writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Own => "own",
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Load => "load",
            Self::Prompt => "prompt",
            Self::FirstToken => "first_token",
            Self::Generation => "generation",
            Self::Network => "network",
        }
    }
}

/// The time of an answer in parts, microseconds. Their sum is the whole of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Phases {
    pub queue: u64,
    pub own: u64,
    pub connect: u64,
    pub send: u64,
    pub load: u64,
    pub prompt: u64,
    pub first_token: u64,
    pub generation: u64,
    pub network: u64,
}

impl Phases {
    #[must_use]
    pub fn of(&self, phase: Phase) -> u64 {
        match phase {
            Phase::Queue => self.queue,
            Phase::Own => self.own,
            Phase::Connect => self.connect,
            Phase::Send => self.send,
            Phase::Load => self.load,
            Phase::Prompt => self.prompt,
            Phase::FirstToken => self.first_token,
            Phase::Generation => self.generation,
            Phase::Network => self.network,
        }
    }

    /// All of it, microseconds.
    #[must_use]
    pub fn total(&self) -> u64 {
        Phase::ALL.iter().map(|phase| self.of(*phase)).sum()
    }

    /// The one that took longest; of equals, the one that came first.
    #[must_use]
    pub fn largest(&self) -> Phase {
        Phase::ALL.into_iter().rev().max_by_key(|phase| self.of(*phase)).unwrap_or(Phase::Generation)
    }
}

/// An answer that took less than this is not slow, microseconds.
const SLOW: u64 = 2_000_000;

/// Where the time of one answer went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slowness {
    pub message: MessageId,
    /// A name from outside: display it through `SafeText`.
    pub model: Option<String>,
    pub state: MessageState,
    pub metrics: Metrics,
    /// `None` = not kept: the program ended before the answer did, or it was brought in from elsewhere.
    pub phases: Option<Phases>,
    /// The request that it was, as faults and the log name it.
    pub request: Option<RequestId>,
}

impl Slowness {
    /// One plain sentence that names the greatest part. The model's name may stand in it: display it through `SafeText`.
    #[must_use]
    pub fn why(&self) -> String {
        let Some(phases) = &self.phases else {
            return match self.state {
                MessageState::Streaming => "The answer is still arriving.".to_owned(),
                MessageState::Interrupted => {
                    "The program ended before the answer did, so nobody was left to measure it.".to_owned()
                }
                MessageState::Done | MessageState::Length | MessageState::Stopped | MessageState::Failed => {
                    "Where its time went is not known: it was brought in from elsewhere.".to_owned()
                }
            };
        };
        let largest = phases.largest();
        let took = time(phases.of(largest));
        if phases.total() < SLOW {
            return format!("It was not slow: {} in all, most of it {}.", time(phases.total()), largest.label());
        }
        let metrics = &self.metrics;
        match largest {
            Phase::Queue => format!("It waited in line for {took}, until other answers of yours had ended."),
            Phase::Own => format!("This program itself took {took}."),
            Phase::Connect => format!("It took {took} until Ollama took the connection."),
            Phase::Send => format!("Sending the question took {took}."),
            Phase::Load => format!("The model had to be loaded first ({took})."),
            Phase::Prompt => match metrics.prompt_tokens {
                Some(tokens) => format!("Reading the {tokens} tokens before the answer took {took}."),
                None => format!("Reading what was sent took {took}."),
            },
            Phase::FirstToken if self.is_unreported() => format!(
                "It took {took} until the first token; what of that was loading or reading, Ollama only tells of answers \
                 that come to their end."
            ),
            Phase::FirstToken => {
                format!("Ollama was busy with other work for {took} before it turned to this question.")
            }
            Phase::Generation => match (self.thought(phases), metrics.answer_tokens, metrics.tokens_per_second()) {
                (Some(thought), ..) => {
                    format!("Writing took {took}, and {} of that was thinking.", time(thought))
                }
                (None, Some(tokens), Some(speed)) => {
                    format!("Writing {tokens} tokens took {took}: {speed:.1} tokens a second.")
                }
                (None, ..) => format!("Writing took {took}."),
            },
            Phase::Network => format!("The way to Ollama and back took {took}."),
        }
    }

    /// What would help, where something would. The model's name may stand in it: display it through `SafeText`.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let phases = self.phases.as_ref().filter(|phases| phases.total() >= SLOW)?;
        let model = self.model.as_deref().unwrap_or("MODEL");
        Some(match phases.largest() {
            Phase::Queue => "More may run at once where limits.concurrent_answers is higher; an administrator sets it \
                             for a role or an account."
                .to_owned(),
            Phase::Own => {
                "A slow disk or a busy machine does that: `ollamanet doctor` looks for the reason.".to_owned()
            }
            Phase::Connect => "Ollama's machine is busy, or the way there is bad: `ollamanet health` measures it. An open \
                               connection is used again, so only the first question waits for one."
                .to_owned(),
            Phase::Send => "Attach less, or smaller pictures; to an Ollama on another machine, the way there is what it \
                            takes: `ollamanet health` measures it."
                .to_owned(),
            Phase::Load => {
                format!(
                    "Keep it loaded with `ollamanet models load {model} --keep 2h`, or set keep_alive in the \
                     conversation's options."
                )
            }
            Phase::Prompt => "Leave out older messages or files, or begin a new conversation; a smaller model reads \
                              faster."
                .to_owned(),
            Phase::FirstToken if self.is_unreported() => {
                format!("If it was loading, this keeps the model loaded: `ollamanet models load {model} --keep 2h`.")
            }
            Phase::FirstToken => "Ask when it is idle (`ollamanet models ps` shows what is loaded), or let Ollama answer \
                                  more at once with OLLAMA_NUM_PARALLEL."
                .to_owned(),
            Phase::Generation if self.thought(phases).is_some() => {
                "Let it think less: the option think, off or low.".to_owned()
            }
            Phase::Generation => {
                "A smaller or more strongly quantised model writes faster (`ollamanet models fit` says what this machine \
                 holds); the option num_predict bounds the length."
                    .to_owned()
            }
            Phase::Network => "Ollama is on another machine or behind a proxy: `ollamanet health` measures the way \
                               there."
                .to_owned(),
        })
    }

    /// Ollama reports what loading and reading took only at the end of an answer.
    fn is_unreported(&self) -> bool {
        self.metrics.load_ms.is_none() && self.metrics.prompt_ms.is_none()
    }

    /// How long it thought, where that was the greater part of the writing; microseconds.
    fn thought(&self, phases: &Phases) -> Option<u64> {
        self.metrics.thinking_ms.map(|ms| u64::from(ms) * 1000).filter(|thought| thought * 2 > phases.generation)
    }
}

/// `340 ms`, `8.2 s`, `3.5 min`.
#[must_use]
pub fn time(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{:.1} ms", micros as f64 / 1e3),
        1_000..999_500 => format!("{:.0} ms", micros as f64 / 1e3),
        999_500..120_000_000 => format!("{:.1} s", micros as f64 / 1e6),
        120_000_000.. => format!("{:.1} min", micros as f64 / 6e7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(phases: Phases, metrics: Metrics) -> Slowness {
        Slowness {
            message: MessageId(uuid::Uuid::nil()),
            model: Some("demo-chat:3b".to_owned()),
            state: MessageState::Done,
            metrics,
            phases: Some(phases),
            request: None,
        }
    }

    #[test]
    fn each_cause_has_its_sentence_and_its_advice() {
        let second = 1_000_000;
        let reported =
            Metrics { load_ms: Some(1), prompt_ms: Some(1), prompt_tokens: Some(4000), ..Metrics::default() };
        let wrote = Metrics { answer_tokens: Some(900), answer_ms: Some(45_000), ..reported };
        let thought = Metrics { thinking_ms: Some(30_000), ..wrote };
        let told = [
            (Phases { load: 8 * second + 200_000, generation: second, ..Phases::default() }, reported),
            (Phases { queue: 12 * second, ..Phases::default() }, reported),
            (Phases { own: 3 * second, ..Phases::default() }, reported),
            (Phases { connect: 3 * second, load: second, ..Phases::default() }, reported),
            (Phases { send: 6 * second, connect: second, ..Phases::default() }, reported),
            (Phases { prompt: 9 * second, load: second, ..Phases::default() }, reported),
            (Phases { first_token: 5 * second, ..Phases::default() }, reported),
            (Phases { first_token: 5 * second, ..Phases::default() }, Metrics::default()),
            (Phases { generation: 45 * second, load: second, ..Phases::default() }, wrote),
            (Phases { generation: 45 * second, ..Phases::default() }, thought),
            (Phases { network: 4 * second, generation: second, ..Phases::default() }, reported),
            (Phases { generation: 500_000, prompt: 40_000, ..Phases::default() }, wrote),
        ]
        .map(|(phases, metrics)| {
            let slow = slow(phases, metrics);
            format!("{} {}", slow.why(), slow.hint().unwrap_or_default())
        });
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn what_was_not_measured_says_so() {
        let nothing = |state| Slowness { state, phases: None, ..slow(Phases::default(), Metrics::default()) };
        assert!(nothing(MessageState::Interrupted).why().contains("ended before the answer"));
        assert!(nothing(MessageState::Done).why().contains("brought in"));
        assert_eq!(nothing(MessageState::Done).hint(), None);
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!([400, 40_000, 8_200_000, 240_000_000].map(time), ["0.4 ms", "40 ms", "8.2 s", "4.0 min"]);
    }
}
