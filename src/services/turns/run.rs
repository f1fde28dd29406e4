//! Carries one answer from the model to whoever listens, and always says how it ended.
//!
//! It knows no store, no hub and no HTTP: what arrives is a stream, keeping and telling are two functions. Deltas leave
//! as they arrive; gathering them is the frame limit's business. Waiting for a slow listener slows the reading, and
//! waiting for the disk does not: a part is being written while the next tokens come.
//!
//! Architecture invariant: nothing in here is deaf to a stop.

use std::{future::Future, pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{
        Fault,
        chat::{Delta, Metrics, ToolCall},
    },
    ollama::{Chunk, Done, OllamaError},
};

/// How long text may be in memory only.
const KEEP_AFTER: Duration = Duration::from_millis(500);
/// How much text may be in memory only, bytes.
const KEEP_EVERY: usize = 2 * 1024;

/// An answer as far as it has come.
#[derive(Clone, Debug)]
pub struct Partial {
    pub content: String,
    pub thinking: String,
    pub tool_calls: Vec<ToolCall>,
    /// When the request left.
    begun: Instant,
    first: Option<Instant>,
    /// The first and the last token of the thinking that goes on.
    thinking_between: Option<(Instant, Instant)>,
    thought_for: Option<Duration>,
    /// How long nothing was read because nobody took what there was.
    held: Duration,
    /// How much of both texts is kept already.
    kept: (usize, usize),
    pieces: u32,
}

/// A part to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub number: u32,
    pub content: String,
    pub thinking: String,
}

/// What our own clock saw of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// From the request leaving to the first token.
    pub first: Option<Duration>,
    /// How long nothing was read because nobody took what there was.
    pub held: Duration,
}

/// How it ended.
#[derive(Debug, PartialEq)]
pub enum Ended {
    Done(Done),
    /// The token fired.
    Stopped,
    Failed(OllamaError),
    /// The store did not take it; going on would promise what cannot be kept.
    NotKept(Fault),
}

impl Partial {
    /// Begins now, going on from these texts, which are kept already.
    #[must_use]
    pub fn going_on(content: String, thinking: String) -> Self {
        let kept = (content.len(), thinking.len());
        Self {
            content,
            thinking,
            tool_calls: Vec::new(),
            begun: Instant::now(),
            first: None,
            thinking_between: None,
            thought_for: None,
            held: Duration::ZERO,
            kept,
            pieces: 0,
        }
    }

    fn absorb(&mut self, delta: &Delta) {
        let now = Instant::now();
        if *delta != Delta::default() {
            self.first.get_or_insert(now);
        }
        if !delta.thinking.is_empty() {
            self.thinking_between = Some((self.thinking_between.map_or(now, |(first, _)| first), now));
        }
        if !delta.content.is_empty() {
            self.stop_thinking();
        }
        self.content.push_str(&delta.content);
        self.thinking.push_str(&delta.thinking);
        self.tool_calls.extend(delta.tool_calls.iter().cloned());
    }

    fn stop_thinking(&mut self) {
        if let Some((first, last)) = self.thinking_between.take() {
            *self.thought_for.get_or_insert_default() += last - first;
        }
    }

    /// Bytes that are in memory only.
    fn loose(&self) -> usize {
        self.content.len() - self.kept.0 + self.thinking.len() - self.kept.1
    }

    fn take_piece(&mut self) -> Piece {
        let piece = Piece {
            number: self.pieces,
            content: self.content[self.kept.0..].to_owned(),
            thinking: self.thinking[self.kept.1..].to_owned(),
        };
        self.kept = (self.content.len(), self.thinking.len());
        self.pieces += 1;
        piece
    }

    /// What our own clock saw of it, for telling where the time went.
    #[must_use]
    pub fn spent(&self) -> Spent {
        Spent { first: self.first.map(|first| first - self.begun), held: self.held }
    }

    /// What it cost, with what Ollama reported if it came to that.
    #[must_use]
    pub fn metrics(&self, done: Option<&Done>) -> Metrics {
        let usage = done.map(|done| done.usage).unwrap_or_default();
        let ms = |ns: Option<u64>| ns.map(|ns| (ns / 1_000_000) as u32);
        Metrics {
            first_token_ms: self.first.map(|first| (first - self.begun).as_millis() as u32),
            total_ms: Some(self.begun.elapsed().as_millis() as u32),
            load_ms: ms(usage.load_ns),
            prompt_tokens: usage.prompt_tokens,
            prompt_ms: ms(usage.prompt_ns),
            answer_tokens: usage.answer_tokens,
            answer_ms: ms(usage.answer_ns),
            thinking_ms: self.thought_for.map(|time| time.as_millis() as u32),
        }
    }
}

/// A part on its way to the disk.
pub type Keeping = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// Reads `chunks` to their end. `keep` writes a part where it survives us, `tell` shows a delta.
pub async fn run_turn<K, T, F>(
    mut chunks: impl Stream<Item = Result<Chunk, OllamaError>> + Unpin,
    answer: &mut Partial,
    mut keep: K,
    mut tell: T,
    stop: &CancellationToken,
) -> Ended
where
    K: FnMut(Piece) -> Keeping,
    T: FnMut(Delta) -> F,
    F: Future<Output = ()>,
{
    let mut keeping: Option<Keeping> = None;
    let mut keep_at = Instant::now() + KEEP_AFTER;
    let how = loop {
        if keeping.is_none() && answer.loose() >= KEEP_EVERY {
            keeping = Some(keep(answer.take_piece()));
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break Ended::Stopped,
            kept = finished(&mut keeping) => {
                keeping = None;
                keep_at = Instant::now() + KEEP_AFTER;
                if let Err(fault) = kept {
                    break Ended::NotKept(fault);
                }
            }
            () = sleep_until(keep_at), if keeping.is_none() && answer.loose() > 0 => {
                keeping = Some(keep(answer.take_piece()));
            }
            chunk = chunks.next() => match chunk {
                Some(Ok(Chunk { delta, done })) => {
                    if answer.loose() == 0 && keeping.is_none() {
                        keep_at = Instant::now() + KEEP_AFTER;
                    }
                    answer.absorb(&delta);
                    if delta != Delta::default() {
                        // Waiting for room must not make us deaf to a stop.
                        let offered = Instant::now();
                        if stop.run_until_cancelled(tell(delta)).await.is_none() {
                            break Ended::Stopped;
                        }
                        answer.held += offered.elapsed();
                    }
                    if let Some(done) = done {
                        break Ended::Done(done);
                    }
                }
                Some(Err(why)) => break Ended::Failed(why),
                // The client says why a stream ends early; one that ends without a word did not finish.
                None => break Ended::Failed(OllamaError::EndedWithoutDone),
            },
        }
    };
    answer.stop_thinking();
    // Returning drops `chunks`; the closed connection is what makes Ollama stop generating. The caller stores the
    // whole answer and announces it: deltas and parts were only a preview. A part still being written is not waited
    // for: the store takes its jobs in order.
    how
}

async fn finished(keeping: &mut Option<Keeping>) -> Result<(), Fault> {
    match keeping {
        Some(keeping) => keeping.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures_util::stream;
    use tokio::sync::mpsc;

    use super::*;
    use crate::{
        api::FaultKind,
        ollama::{DoneReason, Usage},
    };

    #[expect(clippy::unnecessary_wraps, reason = "an item of a stream is a result")]
    fn text(content: &str) -> Result<Chunk, OllamaError> {
        Ok(Chunk { delta: Delta { content: content.to_owned(), ..Delta::default() }, done: None })
    }

    #[expect(clippy::unnecessary_wraps, reason = "an item of a stream is a result")]
    fn thought(thinking: &str) -> Result<Chunk, OllamaError> {
        Ok(Chunk { delta: Delta { thinking: thinking.to_owned(), ..Delta::default() }, done: None })
    }

    fn done() -> Done {
        Done { reason: DoneReason::Stop, usage: Usage { answer_tokens: Some(2), ..Usage::default() } }
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Piece>>>);

    impl Kept {
        fn keeper(&self) -> impl FnMut(Piece) -> Keeping + use<> {
            let kept = self.clone();
            move |piece| {
                kept.0.lock().unwrap().push(piece);
                Box::pin(async { Ok(()) })
            }
        }

        fn text(&self) -> String {
            self.0.lock().unwrap().iter().map(|piece| piece.content.as_str()).collect()
        }

        fn count(&self) -> usize {
            self.0.lock().unwrap().len()
        }
    }

    async fn nobody(_: Delta) {}

    fn fresh() -> Partial {
        Partial::going_on(String::new(), String::new())
    }

    #[tokio::test(start_paused = true)]
    async fn text_and_tool_calls_on_the_last_line_are_not_lost() {
        let call = ToolCall { id: None, name: "f".to_owned(), arguments: serde_json::json!({}) };
        let last = Chunk {
            delta: Delta { content: "end".to_owned(), tool_calls: vec![call.clone()], ..Delta::default() },
            done: Some(done()),
        };
        let mut answer = fresh();
        let chunks = stream::iter([text("the "), Ok(last)]);
        let how = run_turn(chunks, &mut answer, Kept::default().keeper(), nobody, &CancellationToken::new()).await;
        assert_eq!(how, Ended::Done(done()));
        assert_eq!((answer.content.as_str(), answer.tool_calls.as_slice()), ("the end", [call].as_slice()));
        assert_eq!(answer.metrics(Some(&done())).answer_tokens, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_ends_without_done_keeps_its_text() {
        let mut answer = fresh();
        let chunks = stream::iter([text("half")]);
        let how = run_turn(chunks, &mut answer, Kept::default().keeper(), nobody, &CancellationToken::new()).await;
        assert_eq!((how, answer.content.as_str()), (Ended::Failed(OllamaError::EndedWithoutDone), "half"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_heard_while_the_model_is_silent() {
        let stop = CancellationToken::new();
        let mut answer = fresh();
        let chunks = stream::iter([text("so far")]).chain(stream::pending());
        let kept = Kept::default();
        let after = async {
            tokio::time::sleep(Duration::from_mins(1)).await;
            stop.cancel();
        };
        let (how, ()) = tokio::join!(run_turn(chunks, &mut answer, kept.keeper(), nobody, &stop), after);
        assert_eq!((how, answer.content.as_str()), (Ended::Stopped, "so far"));
        assert_eq!(
            (kept.count(), kept.text()),
            (1, "so far".to_owned()),
            "a silence does not keep text from being kept"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_heard_while_nobody_takes_the_deltas() {
        let stop = CancellationToken::new();
        let mut answer = fresh();
        let (full, _receiver) = mpsc::channel::<Delta>(1);
        let chunks = stream::repeat_with(|| text("x"));
        let tell = |delta| {
            let full = full.clone();
            async move { drop(full.send(delta).await) }
        };
        let after = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        };
        let keep = Kept::default();
        let (how, ()) = tokio::join!(run_turn(chunks, &mut answer, keep.keeper(), tell, &stop), after);
        assert_eq!((how, answer.content.as_str()), (Ended::Stopped, "xx"));
    }

    #[tokio::test(start_paused = true)]
    async fn text_is_kept_every_two_kib_and_every_half_second() {
        let kept = Kept::default();
        let mut answer = fresh();
        let big = "x".repeat(1500);
        let chunks = Box::pin(stream::unfold(0, |number| {
            let big = big.clone();
            async move {
                match number {
                    0..4 => Some((text(&big), number + 1)),
                    4..14 => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        Some((text("y"), number + 1))
                    }
                    _ => None,
                }
            }
        }));
        let stop = CancellationToken::new();
        run_turn(chunks, &mut answer, kept.keeper(), nobody, &stop).await;
        let pieces = kept.0.lock().unwrap().clone();
        assert_eq!(pieces.iter().map(|piece| piece.content.len()).take(2).collect::<Vec<_>>(), [3000, 3000]);
        assert_eq!(
            pieces.iter().map(|piece| piece.number).collect::<Vec<_>>(),
            (0..pieces.len() as u32).collect::<Vec<_>>()
        );
        assert!((3..=5).contains(&pieces.len()), "two for size, one or two for time: {}", pieces.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_disk_does_not_hold_up_the_deltas() {
        let stop = CancellationToken::new();
        let mut answer = fresh();
        let never = |_: Piece| -> Keeping { Box::pin(std::future::pending()) };
        let big = "x".repeat(4000);
        let chunks = stream::iter([text(&big), text(&big), Ok(Chunk { done: Some(done()), ..Chunk::default() })]);
        let how = run_turn(chunks, &mut answer, never, nobody, &stop).await;
        assert_eq!((how, answer.content.len()), (Ended::Done(done()), 8000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_cannot_be_kept_ends_the_answer() {
        let full = || Fault::new(FaultKind::DiskFull, "full");
        let fail = |_: Piece| -> Keeping { Box::pin(async move { Err(full()) }) };
        let mut answer = fresh();
        let chunks = stream::iter([text(&"x".repeat(4000))]).chain(stream::pending());
        let how = run_turn(chunks, &mut answer, fail, nobody, &CancellationToken::new()).await;
        assert_eq!((how, answer.content.len()), (Ended::NotKept(full()), 4000));
    }

    #[tokio::test(start_paused = true)]
    async fn thinking_is_kept_apart_and_timed() {
        let mut answer = Partial::going_on("before ".to_owned(), String::new());
        let chunks = Box::pin(stream::unfold(0, |number| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            match number {
                0..3 => Some((thought("hm "), number + 1)),
                3 => Some((text("after"), number + 1)),
                _ => None,
            }
        }));
        let kept = Kept::default();
        run_turn(chunks, &mut answer, kept.keeper(), nobody, &CancellationToken::new()).await;
        assert_eq!((answer.content.as_str(), answer.thinking.as_str()), ("before after", "hm hm hm "));
        let metrics = answer.metrics(None);
        assert_eq!(
            (metrics.first_token_ms, metrics.thinking_ms),
            (Some(100), Some(200)),
            "from its first token to its last"
        );
    }
}
