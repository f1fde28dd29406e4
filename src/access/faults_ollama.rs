//! What Ollama's errors mean to a person: one sentence on what happened, one on what to do.
//!
//! The only place where these sentences are made. What the server said is foreign text: it is shortened to one line here
//! and must pass `SafeText` wherever it is shown.

use std::time::Duration;

use crate::{
    api::{Fault, FaultKind},
    ollama::{Capability, OllamaError, Unreachable},
};

impl From<OllamaError> for Fault {
    #[expect(
        clippy::too_many_lines,
        reason = "one table of sentences is easier to read and to keep whole than parts of it"
    )]
    fn from(error: OllamaError) -> Self {
        match error {
            OllamaError::BadAddress(why) => Self::new(FaultKind::Invalid, format!("Ollama's address is wrong: {why}."))
                .hint("Correct OLLAMA_HOST or [ollama] host in the configuration, for example to 127.0.0.1:11434."),
            OllamaError::PlaintextRefused { url } => Self::new(
                FaultKind::Invalid,
                format!("{url} is another machine, and the way there is not encrypted."),
            )
            .hint(
                "Use an https address, or set allow_plaintext_remote = true under [ollama] if you trust that network.",
            ),
            OllamaError::Unreachable { url, why } => unreachable(&url, why),
            OllamaError::Silent { after } => {
                Self::new(FaultKind::Upstream, format!("Ollama sent nothing for {} s.", after.as_secs())).hint(
                    "A big model may need longer to load: raise silence_seconds under [chat], or take a smaller model.",
                )
            }
            OllamaError::Broken => Self::new(FaultKind::Upstream, "The connection to Ollama broke off.")
                .hint("See that Ollama still runs, then try again; the text so far is kept."),
            OllamaError::EndedWithoutDone => {
                Self::new(FaultKind::Model, "The answer ended without the model saying that it was done.").hint(
                    "Models that repeat themselves are cut off like this: continue, or ask again with other options.",
                )
            }
            OllamaError::Garbage => {
                Self::new(FaultKind::Ollama, "Ollama's answer has a line in it that cannot be read.")
                    .hint("Something between here and Ollama may be changing the data; try again.")
            }
            OllamaError::LineTooLong => {
                Self::new(FaultKind::Ollama, "Ollama's answer has a line longer than 8 MiB; reading stopped there.")
                    .hint("See that the address is really Ollama's, then try again.")
            }
            OllamaError::AnswerTooLong => {
                Self::new(FaultKind::Ollama, "Ollama's answer is far too long; reading stopped.")
                    .hint("See that the address is really Ollama's.")
            }
            OllamaError::NotOllama { url } => {
                Self::new(FaultKind::Upstream, format!("Something answers at {url}, but it is not Ollama."))
                    .hint("Correct OLLAMA_HOST, or stop the other program that listens there.")
            }
            OllamaError::Redirected { url } => Self::new(
                FaultKind::Upstream,
                format!("{url} sends callers to another address, which is not followed."),
            )
            .hint("Set OLLAMA_HOST to the address where Ollama itself answers."),
            OllamaError::HostRefused { url } => {
                Self::new(FaultKind::Ollama, format!("Ollama at {url} refuses to be called by this name."))
                    .hint("Call it as localhost or by its number, or let the tunnel or proxy send “Host: localhost”.")
            }
            OllamaError::SignInNeeded { said } => Self::new(
                FaultKind::Ollama,
                with("Ollama asks for a sign-in or a key", &said),
            )
            .hint(
                "For ollama.com run `ollama signin`; for a server with a key set OLLAMA_API_KEY and an https address.",
            ),
            OllamaError::NotSupportedByServer => {
                Self::new(FaultKind::Ollama, "This Ollama does not know that request.")
                    .hint("Update Ollama and try again.")
            }
            OllamaError::ModelMissing { said } => {
                Self::new(FaultKind::ModelMissing, with("The model is not installed", &said))
                    .hint("Choose another model, or install it with `ollama pull` and its name.")
            }
            OllamaError::Overflow { prompt_tokens, window } => {
                let figures = match (prompt_tokens, window) {
                    (Some(tokens), Some(window)) => format!(": {tokens} tokens for a window of {window}"),
                    (Some(tokens), None) => format!(": {tokens} tokens"),
                    (None, Some(window)) => format!(" of {window} tokens"),
                    (None, None) => String::new(),
                };
                Self::new(FaultKind::Overflow, format!("The prompt does not fit the context window{figures}."))
                    .hint("Leave out older messages, set a larger num_ctx, or start a new conversation.")
            }
            OllamaError::QueueFull => {
                Self::new(FaultKind::Ollama, "Ollama is busy: too many requests are waiting there.")
                    .hint("Wait a moment and try again.")
                    .retry_after(Duration::from_secs(5))
            }
            OllamaError::LimitReached { said } => {
                Self::new(FaultKind::Ollama, with("The limit at ollama.com is reached", &said))
                    .hint("Wait, or use a model that runs on this machine.")
            }
            OllamaError::Lacks(what) => lacks(what),
            OllamaError::BadOption { said } => Self::new(FaultKind::Invalid, with("Ollama refuses an option", &said))
                .hint("Correct or clear the option and try again."),
            OllamaError::BadFormat { said } => Self::new(FaultKind::Invalid, with("Ollama refuses the format", &said))
                .hint("Use json, or a valid JSON schema, or clear the format."),
            OllamaError::BadImage { said } => Self::new(FaultKind::Invalid, with("Ollama cannot read an image", &said))
                .hint("Attach a PNG or JPEG file."),
            OllamaError::BadName { said } => Self::new(FaultKind::Invalid, with("This is no name of a model", &said))
                .hint("A name looks like llama3.2:3b or user/model:tag."),
            OllamaError::BadDigest { said } => {
                Self::new(FaultKind::Invalid, with("A file does not match its digest", &said))
                    .hint("Upload the file again.")
            }
            OllamaError::Refused { status: _, said } => {
                Self::new(FaultKind::Model, with("Ollama refuses the request", &said))
                    .hint("If it happens again, it is a mistake of this program: please report it with this text.")
            }
            OllamaError::OutOfMemory { said } => {
                Self::new(FaultKind::Model, with("There is not enough memory for the model", &said))
                    .hint("Take a smaller model or a smaller num_ctx, or unload other models.")
            }
            OllamaError::LoadFailed { said } => {
                Self::new(FaultKind::Model, with("Ollama cannot load the model", &said))
                    .hint("Pull the model again or update Ollama; its log tells more.")
            }
            OllamaError::RunnerDied { said } => {
                Self::new(FaultKind::Model, with("The process that ran the model ended in the middle", &said))
                    .hint("Try again: Ollama starts it anew. If it happens again, take a smaller model or num_ctx.")
            }
            OllamaError::DiskFull { said } => {
                Self::new(FaultKind::DiskFull, with("The disk where Ollama keeps its models is full", &said))
                    .hint("Remove models that nobody needs, or make room there; a download goes on where it stopped.")
            }
            OllamaError::NotInRegistry => {
                Self::new(FaultKind::ModelMissing, "The registry has no model of that name and tag.")
                    .hint("Look for the exact name on ollama.com/library.")
            }
            OllamaError::Registry { said } => {
                Self::new(FaultKind::Ollama, with("Ollama cannot use the registry", &said))
                    .hint("See that the machine is online, then try again: a download goes on where it stopped.")
            }
            OllamaError::TransferCancelled => {
                Self::new(FaultKind::Cancelled, "The transfer was cancelled at Ollama's end.")
                    .hint("Start it again: it goes on where it stopped.")
            }
            OllamaError::DigestMismatch { said } => {
                Self::new(FaultKind::Model, with("The download is damaged", &said)).hint("Pull the model again.")
            }
            OllamaError::BadSource { said } => {
                Self::new(FaultKind::Invalid, with("The model cannot be made from that", &said))
                    .hint("Give an installed model or a GGUF file.")
            }
            OllamaError::ErrorLine { said } => Self::new(FaultKind::Model, with("Ollama reports an error", &said))
                .hint("Try again; Ollama's log tells more."),
            OllamaError::Server { status, said } => {
                // What a proxy says when nothing answers behind it.
                let kind = if matches!(status, 502 | 504) { FaultKind::Upstream } else { FaultKind::Ollama };
                Self::new(kind, with(&format!("Ollama failed (status {status})"), &said))
                    .hint("Try again; Ollama's log tells more.")
            }
        }
    }
}

fn unreachable(url: &str, why: Unreachable) -> Fault {
    let (what, hint) = match why {
        Unreachable::Refused => ("nothing listens there", "Start it with `ollama serve`, or correct OLLAMA_HOST."),
        Unreachable::Dns => ("there is no machine of that name", "Correct the name in OLLAMA_HOST."),
        Unreachable::TimedOut => {
            ("no answer came in time", "See that the machine is on and the network lets you through.")
        }
        Unreachable::Certificate => {
            ("its certificate is not to be trusted", "Use the name that the certificate is for, or have it renewed.")
        }
        Unreachable::Tls => (
            "no encrypted connection can be made",
            "See whether the address should begin with http:// instead of https://.",
        ),
        Unreachable::Network => ("the network failed", "See that the machine is on and the network lets you through."),
    };
    Fault::new(FaultKind::Upstream, format!("Ollama cannot be reached at {url}: {what}.")).hint(hint)
}

fn lacks(what: Capability) -> Fault {
    let (message, hint) = match what {
        Capability::Chat => {
            ("This model cannot chat.", "Choose a model with the capability “completion”, or pull this one again.")
        }
        Capability::Thinking => {
            ("This model cannot think.", "Turn thinking off, or choose a model with the capability “thinking”.")
        }
        Capability::Vision => {
            ("This model cannot see images.", "Remove the image, or choose a model with the capability “vision”.")
        }
        Capability::Tools => ("This model cannot use tools.", "Choose a model with the capability “tools”."),
        Capability::Insert => {
            ("This model cannot fill gaps in a text.", "Choose a model with the capability “insert”.")
        }
        Capability::Embedding => ("This model makes no embeddings.", "Choose a model with the capability “embedding”."),
    };
    Fault::new(FaultKind::Model, message).hint(hint)
}

/// The sentence with what the server said, cut to one line of a length that a toast can hold.
fn with(sentence: &str, said: &str) -> String {
    const LONGEST: usize = 200;
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.is_empty() {
        return format!("{sentence}.");
    }
    let mut short: String = line.chars().take(LONGEST).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    let end = if short.ends_with(['.', '…', '!', '?']) { "" } else { "." };
    format!("{sentence}: {short}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_said_is_one_short_line() {
        let fault = Fault::from(OllamaError::OutOfMemory { said: format!("\nfirst {}\nsecond", "x".repeat(300)) });
        assert!(!fault.message.contains('\n'));
        assert!(fault.message.ends_with('…'));
        assert!(fault.message.chars().count() < 260);
        assert!(fault.hint.is_some());
    }

    #[test]
    fn whether_ollama_was_there_is_told_from_what_it_answered() {
        let said = String::new;
        for error in [
            OllamaError::Garbage,
            OllamaError::LineTooLong,
            OllamaError::AnswerTooLong,
            OllamaError::QueueFull,
            OllamaError::NotSupportedByServer,
            OllamaError::HostRefused { url: said() },
            OllamaError::SignInNeeded { said: said() },
            OllamaError::LimitReached { said: said() },
            OllamaError::Registry { said: said() },
            OllamaError::Server { status: 500, said: said() },
        ] {
            let fault = Fault::from(error.clone());
            assert_eq!((fault.kind, fault.exit_code()), (FaultKind::Ollama, 1), "{error:?}");
        }
        assert_eq!(Fault::from(OllamaError::QueueFull).retry_after, Some(Duration::from_secs(5)));
        let url = "http://ollama.example".to_owned();
        for error in [
            OllamaError::Unreachable { url: url.clone(), why: Unreachable::TimedOut },
            OllamaError::Silent { after: Duration::from_secs(1) },
            OllamaError::Broken,
            OllamaError::NotOllama { url: url.clone() },
            OllamaError::Redirected { url: url.clone() },
            OllamaError::Server { status: 502, said: said() },
        ] {
            assert_eq!(Fault::from(error.clone()).exit_code(), 3, "{error:?}");
        }
        // It is a setting that is wrong, and nobody's rights.
        assert_eq!(Fault::from(OllamaError::PlaintextRefused { url }).exit_code(), 2);
    }

    #[test]
    fn figures_of_an_overflow_are_named() {
        let fault = Fault::from(OllamaError::Overflow { prompt_tokens: Some(1766), window: Some(512) });
        assert_eq!(fault.message, "The prompt does not fit the context window: 1766 tokens for a window of 512.");
        assert_eq!(fault.kind, FaultKind::Overflow);
    }
}
