//! A benchmark: the fixed prompts, put to one model while nobody chats.
//!
//! Invariant: what is kept was measured undisturbed, from the first request to the last, of one build of the model; a
//! measurement into which somebody's answer came is thrown away.

use std::{path::PathBuf, time::Duration};

use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep};

use super::{ModelWork, hardware};
use crate::{
    api::{
        Fault, FaultKind,
        benchmarks::{Benchmark, Figures, PROMPTS, PROMPTS_VERSION, Prompt, REPEATS_MAX, Sample, Setup, options},
        chat::{Delta, MessageRole},
        models::Model,
    },
    ollama::{
        ChatMessage, ChatRequest, OllamaError,
        name::{key, same_model},
    },
    services::{
        conversations::now,
        jobs::{Attempt, Setback},
    },
    store::{Db, StoreError, system::benchmarks, vault::lease::Slot},
};

/// How long nobody must have chatted before measuring goes on, and how often that is looked at.
const QUIET: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(250);
/// Longest wait for Ollama's version.
const AT_HAND: Duration = Duration::from_secs(5);

/// Where benchmarks are kept, and where it shows whether somebody chats.
#[derive(Clone, Debug)]
pub struct Bench {
    pub system: Db,
    pub leases: PathBuf,
}

/// Whether this can be measured at all; says what would be done.
pub(super) fn check(model: &Model, repeats: u32) -> Result<String, Fault> {
    if !(1..=REPEATS_MAX).contains(&repeats) {
        return Err(Fault::invalid(format!("A benchmark is repeated 1 to {REPEATS_MAX} times.")));
    }
    let name = &model.name;
    if model.remote {
        return Err(Fault::invalid(format!("{name} runs at ollama.com, and not on a machine that could be measured."))
            .hint("Choose a model that runs here."));
    }
    if !model.capabilities.is_empty() && !model.capabilities.iter().any(|can| can == "completion") {
        return Err(Fault::invalid(format!("{name} does not answer in words."))
            .hint("Benchmarks are for models that one can chat with."));
    }
    Ok(format!("would be measured with {} answers", repeats as usize * (1 + PROMPTS.len())))
}

impl ModelWork {
    pub(super) async fn benchmark(&self, attempt: &Attempt, model: &str, repeats: u32) -> Result<String, Setback> {
        let Some(bench) = &self.bench else {
            return Err(Setback::for_good(Fault::new(FaultKind::Internal, "There is no place to keep benchmarks.")));
        };
        let found = self.find(model).await.map_err(Setback::for_good)?;
        let server_version = self.ollama.version(AT_HAND).await.map_err(again)?;
        let mut samples = Vec::new();
        let mut number = 0;
        for repeat in 1..=repeats {
            number += 1;
            let cold = || async {
                self.unload(&found.name).await?;
                self.sample(&found.name, &PROMPTS[0], number, true).await.map_err(again)
            };
            samples.push(bench.undisturbed(attempt, &format!("cold start {repeat} of {repeats}"), cold).await?);
        }
        for repeat in 1..=repeats {
            for prompt in &PROMPTS {
                number += 1;
                let step = format!("“{}”, {repeat} of {repeats}", prompt.name);
                let warm = || async { self.sample(&found.name, prompt, number, false).await.map_err(again) };
                samples.push(bench.undisturbed(attempt, &step, warm).await?);
            }
        }
        let resident = self.ollama.ps().await.map_err(again)?;
        let loaded = resident.into_iter().find(|resident| same_model(&resident.name, &found.name));
        let loaded = loaded.map(|resident| resident.loaded);
        if self.digest_of(&found.name).await.map_err(again)?.as_deref() != Some(found.digest.as_str()) {
            let message = format!("{} was replaced in the middle of its benchmark.", found.name);
            let fault = Fault::new(FaultKind::Conflict, message).hint("It is measured again.");
            return Err(Setback::for_now(fault, false));
        }
        let is_here = self.ollama.address().is_loopback();
        let machine = tokio::task::spawn_blocking(move || hardware::of_the_server(is_here)).await.unwrap_or_default();
        let run = Benchmark {
            id: attempt.id,
            figures: Figures {
                bytes: loaded.as_ref().map(|loaded| loaded.bytes),
                gpu_bytes: loaded.as_ref().map(|loaded| loaded.gpu_bytes),
                context_length: loaded.as_ref().and_then(|loaded| loaded.context_length),
                ..Figures::of(&samples)
            },
            model: found.name,
            digest: found.digest,
            at: now(),
            setup: Setup { prompts_version: PROMPTS_VERSION, repeats, options: options(), server_version, machine },
            samples,
        };
        let words = outcome(&run.figures);
        let kept = bench.system.write::<_, StoreError>(move |tx| benchmarks::keep(tx, &key(&run.model), &run)).await;
        kept.map_err(|error| Setback::for_now(error, true))?;
        Ok(words)
    }

    async fn sample(&self, model: &str, prompt: &Prompt, number: u32, cold: bool) -> Result<Sample, OllamaError> {
        let messages = vec![ChatMessage::new(MessageRole::User, prompt.worded(number))];
        let request = ChatRequest { model: model.to_owned(), messages, options: options(), tools: Vec::new() };
        let begun = Instant::now();
        let mut chunks = self.ollama.chat(&request).await?;
        let mut first = None;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            if chunk.delta != Delta::default() {
                first.get_or_insert_with(|| begun.elapsed());
            }
            if let Some(done) = chunk.done {
                let us = |ns: Option<u64>| ns.map(|ns| ns / 1000);
                return Ok(Sample {
                    prompt: prompt.name.to_owned(),
                    cold,
                    load_us: us(done.usage.load_ns),
                    first_token_us: first.map(|first| u64::try_from(first.as_micros()).unwrap_or(u64::MAX)),
                    prompt_tokens: done.usage.prompt_tokens,
                    prompt_us: us(done.usage.prompt_ns),
                    answer_tokens: done.usage.answer_tokens,
                    answer_us: us(done.usage.answer_ns),
                });
            }
        }
        Err(OllamaError::EndedWithoutDone)
    }
}

impl Bench {
    /// Does `work` while nobody chats, and again from its beginning when somebody did in the middle of it. Dropping it
    /// closes its connection, and with that Ollama is free for the person at once.
    async fn undisturbed<T, F: Future<Output = Result<T, Setback>>>(
        &self,
        attempt: &Attempt,
        step: &str,
        work: impl Fn() -> F,
    ) -> Result<T, Setback> {
        loop {
            self.quiet(attempt).await;
            attempt.step(step);
            tokio::select! {
                done = work() => return done,
                () = self.somebody() => {}
            }
        }
    }

    async fn quiet(&self, attempt: &Attempt) {
        let mut busy_at: Option<Instant> = None;
        loop {
            if self.is_busy().await {
                busy_at = Some(Instant::now());
                attempt.step("waits while somebody chats");
            } else if busy_at.is_none_or(|at| at.elapsed() >= QUIET) {
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Resolves when somebody's answer runs.
    async fn somebody(&self) {
        while !self.is_busy().await {
            sleep(LOOK).await;
        }
    }

    async fn is_busy(&self) -> bool {
        let leases = self.leases.clone();
        tokio::task::spawn_blocking(move || Slot::any_taken(&leases)).await.unwrap_or(false)
    }
}

fn again(error: OllamaError) -> Setback {
    match error {
        error @ (OllamaError::ModelMissing { .. } | OllamaError::Lacks(_)) => Setback::for_good(error),
        error => Setback::for_now(error, false),
    }
}

fn outcome(figures: &Figures) -> String {
    let speed = |speed: Option<f64>| speed.map_or_else(|| "–".to_owned(), |speed| format!("{speed:.1}"));
    let ms = |us: Option<u64>| us.map_or_else(|| "–".to_owned(), |us| format!("{} ms", us.div_ceil(1000)));
    format!(
        "Writes {} tokens a second, reads {}, begins after {}, loads in {}.",
        speed(figures.writing),
        speed(figures.reading),
        ms(figures.first_token_us),
        ms(figures.load_us),
    )
}
