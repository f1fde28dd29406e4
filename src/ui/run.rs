//! The whole life of the interface: wait, absorb everything that is ready, draw at most once per frame.
//!
//! Not what is drawn (`root.rs`) nor how bytes reach the terminal (`terminal.rs`). Invariant: nothing due means nothing
//! happens; no tick, no idle redraw.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::msg::{Effect, Msg, ShellCall};
use crate::trace::{By, Entry};

/// The machine.
pub trait App {
    /// Takes a message in; says what should be done about it.
    fn update(&mut self, msg: Msg) -> Vec<Effect>;
    /// Whether something visible has changed since this was asked last.
    fn take_dirty(&mut self) -> bool;
}

/// The terminal, or a test's stand-in for it.
pub(super) trait Face<A> {
    /// The next thing a person did; `None` when the terminal is gone. Giving up waiting loses nothing.
    async fn next(&mut self) -> Option<Msg>;
    /// Draws and returns what that cost, the terminal's slowness included.
    fn draw(&mut self, app: &A) -> Duration;
    /// Gives the terminal away (to an editor, to the shell) and takes it back.
    async fn lend(&mut self, to: Lend) -> Option<Msg>;
}

/// Who gets the terminal for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lend {
    /// The person's editor, with this text.
    Editor(String),
    /// The shell, until it brings us back to the foreground.
    Shell,
}

/// How many messages are taken in before looking whether a frame is due.
const BATCH: usize = 256;

/// Runs until the app, the terminal or the program ends it. `perform` does the effects that do not need the terminal.
pub(super) async fn run<A: App>(
    app: &mut A,
    face: &mut impl Face<A>,
    mut inbox: mpsc::Receiver<Msg>,
    quit: CancellationToken,
    mut perform: impl FnMut(Effect),
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut pace = Pace::default();
    let mut dirty = true;
    loop {
        // Before anything else, so that a flood of input or of events cannot starve the drawing.
        if dirty && pace.is_due(Instant::now()) {
            let cost = face.draw(app);
            pace.drew(Instant::now(), cost);
            dirty = false;
        }
        let mut typed = false;
        tokio::select! {
            biased;
            () = quit.cancelled() => return,
            () = sleep_until(pace.next), if dirty => continue,
            msg = face.next() => match msg {
                Some(msg) => {
                    typed = matches!(msg, Msg::Key(_) | Msg::Paste(_));
                    batch.push(msg);
                }
                None => return,
            },
            n = inbox.recv_many(&mut batch, BATCH) => if n == 0 { return },
        }
        let mut lend = None;
        for msg in batch.drain(..) {
            let is_typed = matches!(msg, Msg::Key(_) | Msg::Paste(_) | Msg::Mouse(_));
            let effects = app.update(msg);
            // What a key leads to is one request; what follows from an answer gets its number at the gate.
            let entry = (is_typed && !effects.is_empty()).then(|| Entry::new(By::Key));
            for effect in effects {
                match effect {
                    Effect::Shell(ShellCall::Suspend) => lend = Some(Lend::Shell),
                    Effect::Shell(ShellCall::Edit(text)) => lend = Some(Lend::Editor(text)),
                    effect => match &entry {
                        Some(entry) => entry.scope(|| perform(effect)),
                        None => perform(effect),
                    },
                }
            }
        }
        dirty |= app.take_dirty();
        if typed && dirty {
            pace.hasten(Instant::now());
        }
        if let Some(to) = lend {
            // What should be seen before the terminal goes, such as the lock screen, is drawn first.
            face.draw(app);
            lend_to(to, app, face, &mut inbox, &quit, &mut perform).await;
            pace = Pace::default();
            dirty = true;
        }
    }
}

/// While the terminal is somebody else's, messages are still taken in: an answer that streams must not wait for an editor.
async fn lend_to<A: App>(
    to: Lend,
    app: &mut A,
    face: &mut impl Face<A>,
    inbox: &mut mpsc::Receiver<Msg>,
    quit: &CancellationToken,
    perform: &mut impl FnMut(Effect),
) {
    let mut effects = Vec::new();
    {
        let mut lent = std::pin::pin!(face.lend(to));
        loop {
            tokio::select! {
                biased;
                () = quit.cancelled() => return,
                back = &mut lent => {
                    effects.extend(back.into_iter().flat_map(|msg| app.update(msg)));
                    break;
                }
                msg = inbox.recv() => match msg {
                    Some(msg) => effects.extend(app.update(msg)),
                    None => return,
                },
            }
            effects.drain(..).for_each(&mut *perform);
        }
    }
    effects.into_iter().for_each(perform);
}

/// When the next frame may be drawn. Pure: instants are passed in.
///
/// The interval starts at 4 ms and grows towards 16 ms when drawing costs more than a quarter of it, so that a slow
/// terminal is not given more than it can take; it shrinks again as drawing gets cheap. A key may claim a frame of its
/// own before the interval is over, at most one in each, so that typing is not held up by an answer that streams.
#[derive(Clone, Copy, Debug)]
struct Pace {
    next: Instant,
    interval: Duration,
    /// Not before this may a key claim a frame again.
    hasten_from: Instant,
}

const SHORTEST: Duration = Duration::from_millis(4);
const LONGEST: Duration = Duration::from_millis(16);

impl Default for Pace {
    fn default() -> Self {
        let now = Instant::now();
        Self { next: now, interval: SHORTEST, hasten_from: now }
    }
}

impl Pace {
    fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    fn drew(&mut self, now: Instant, cost: Duration) {
        self.interval = if cost * 4 > self.interval {
            (cost * 4).min(LONGEST)
        } else {
            // Halfway back at a time: one cheap frame among dear ones should not bring the flicker back.
            ((self.interval + (cost * 4).max(SHORTEST)) / 2).max(SHORTEST)
        };
        self.next = now + self.interval;
    }

    fn hasten(&mut self, now: Instant) {
        if now < self.next && now >= self.hasten_from {
            self.hasten_from = now + self.interval;
            self.next = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use crossterm::event::{KeyCode, KeyEvent};

    use super::*;
    use crate::ui::msg::Timer;

    /// Counts what it was told; a key that is `s` lends to the shell.
    #[derive(Default)]
    struct Counting {
        seen: usize,
        dirty: bool,
    }

    impl App for Counting {
        fn update(&mut self, msg: Msg) -> Vec<Effect> {
            self.seen += 1;
            self.dirty = !matches!(msg, Msg::Focus(_));
            match msg {
                Msg::Key(key) if key.code == KeyCode::Char('s') => vec![Effect::Shell(ShellCall::Suspend)],
                _ => Vec::new(),
            }
        }

        fn take_dirty(&mut self) -> bool {
            std::mem::take(&mut self.dirty)
        }
    }

    /// When each frame was drawn and how much had been seen by then.
    type Drawn = Rc<RefCell<Vec<(Duration, usize)>>>;

    struct Stage {
        input: mpsc::Receiver<Msg>,
        drawn: Drawn,
        start: Instant,
        cost: Duration,
        /// Resolves a lend.
        back: mpsc::Receiver<()>,
        lent: Rc<RefCell<Vec<Lend>>>,
    }

    impl Face<Counting> for Stage {
        async fn next(&mut self) -> Option<Msg> {
            self.input.recv().await
        }

        fn draw(&mut self, app: &Counting) -> Duration {
            self.drawn.borrow_mut().push((self.start.elapsed(), app.seen));
            self.cost
        }

        async fn lend(&mut self, to: Lend) -> Option<Msg> {
            self.lent.borrow_mut().push(to);
            self.back.recv().await;
            Some(Msg::Focus(true))
        }
    }

    struct Play {
        input: mpsc::Sender<Msg>,
        inbox: mpsc::Sender<Msg>,
        back: mpsc::Sender<()>,
        lent: Rc<RefCell<Vec<Lend>>>,
        drawn: Drawn,
        quit: CancellationToken,
    }

    /// Runs the loop beside `script` and returns how many messages were seen.
    async fn play(cost: Duration, script: impl AsyncFnOnce(&Play)) -> (usize, Vec<(Duration, usize)>) {
        let (input, keys) = mpsc::channel(64);
        let (inbox, messages) = mpsc::channel(64);
        let (back, lend_back) = mpsc::channel(1);
        let play =
            Play { input, inbox, back, lent: Rc::default(), drawn: Rc::default(), quit: CancellationToken::new() };
        let mut stage = Stage {
            input: keys,
            drawn: Rc::clone(&play.drawn),
            start: Instant::now(),
            cost,
            back: lend_back,
            lent: Rc::clone(&play.lent),
        };
        let mut app = Counting::default();
        tokio::join!(run(&mut app, &mut stage, messages, play.quit.clone(), |_| {}), async {
            script(&play).await;
            play.quit.cancel();
        });
        let drawn = play.drawn.borrow().clone();
        (app.seen, drawn)
    }

    fn key(c: char) -> Msg {
        Msg::Key(KeyEvent::from(KeyCode::Char(c)))
    }

    async fn sleep(ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_messages_in_a_second_are_drawn_once_a_frame() {
        let (seen, drawn) = play(Duration::ZERO, async |play| {
            for _ in 0..1000 {
                for _ in 0..10 {
                    play.inbox.send(Msg::Timer(Timer::Spinner)).await.unwrap();
                }
                sleep(1).await;
            }
        })
        .await;
        assert_eq!(seen, 10_000);
        assert!((150..=251).contains(&drawn.len()), "{} frames", drawn.len());
    }

    #[tokio::test(start_paused = true)]
    async fn dear_frames_come_further_apart() {
        let (_, drawn) = play(Duration::from_millis(3), async |play| {
            for _ in 0..1000 {
                play.inbox.send(Msg::Timer(Timer::Spinner)).await.unwrap();
                sleep(1).await;
            }
        })
        .await;
        assert!((60..=100).contains(&drawn.len()), "{} frames", drawn.len());
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_hour_draws_nothing() {
        let (seen, drawn) = play(Duration::ZERO, async |_| sleep(3_600_000).await).await;
        assert_eq!(seen, 0);
        assert_eq!(drawn, [(Duration::ZERO, 0)], "the first frame and no other");
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_nothing_draws_nothing() {
        let (seen, drawn) = play(Duration::ZERO, async |play| {
            for _ in 0..100 {
                play.inbox.send(Msg::Focus(true)).await.unwrap();
                sleep(10).await;
            }
        })
        .await;
        assert_eq!((seen, drawn.len()), (100, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_after_a_pause_is_drawn_at_once() {
        let (_, drawn) = play(Duration::ZERO, async |play| {
            sleep(1000).await;
            play.input.send(key('x')).await.unwrap();
            sleep(1000).await;
        })
        .await;
        assert_eq!(drawn, [(Duration::ZERO, 0), (Duration::from_secs(1), 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_does_not_wait_for_the_frame_of_a_stream() {
        let (_, drawn) = play(Duration::ZERO, async |play| {
            sleep(100).await;
            play.inbox.send(Msg::Timer(Timer::Spinner)).await.unwrap();
            sleep(1).await;
            play.input.send(key('x')).await.unwrap();
            sleep(1).await;
            play.input.send(key('y')).await.unwrap();
            sleep(100).await;
        })
        .await;
        let at: Vec<_> = drawn.iter().map(|(at, _)| at.as_millis()).collect();
        assert_eq!(at[..3], [0, 100, 101], "the first key at once");
        assert!(at[3] >= 105, "the second within the interval waits: {at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_of_resizes_costs_one_frame_an_interval() {
        let (seen, drawn) = play(Duration::ZERO, async |play| {
            for n in 0..500 {
                play.input.send(Msg::Resize(n, n)).await.unwrap();
                if n % 5 == 4 {
                    sleep(1).await;
                }
            }
        })
        .await;
        assert_eq!(seen, 500);
        assert!(drawn.len() <= 27, "{} frames in 100 ms", drawn.len());
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_taken_in_while_the_terminal_is_lent() {
        let (seen, drawn) = play(Duration::ZERO, async |play| {
            play.input.send(key('s')).await.unwrap();
            for _ in 0..1000 {
                play.inbox.send(Msg::Timer(Timer::Spinner)).await.unwrap();
            }
            sleep(1000).await;
            assert_eq!(*play.lent.borrow(), [Lend::Shell]);
            let before = play.drawn.borrow().len();
            sleep(1000).await;
            assert_eq!(play.drawn.borrow().len(), before, "nothing is drawn into somebody else's screen");
            play.back.send(()).await.unwrap();
            sleep(10).await;
        })
        .await;
        assert_eq!(seen, 1002);
        assert_eq!(drawn.last().unwrap().1, 1002, "drawn again once it is back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_terminal_that_is_gone_ends_the_run() {
        let (input, keys) = mpsc::channel(1);
        let (_inbox, messages) = mpsc::channel(1);
        let (_back, back) = mpsc::channel(1);
        drop(input);
        let mut stage = Stage {
            input: keys,
            drawn: Drawn::default(),
            start: Instant::now(),
            cost: Duration::ZERO,
            back,
            lent: Rc::default(),
        };
        run(&mut Counting::default(), &mut stage, messages, CancellationToken::new(), |_| {}).await;
    }
}
