//! The terminal as the loop sees it, with the signals that concern it, and the way in: [`interface`].
//!
//! Invariant: SIGTERM, SIGHUP and a terminal that went away end the loop the same way as quitting does; what was asked
//! to be stored before that is stored.

use std::{
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use ratatui::Terminal;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{
    copy::Clipboard,
    cx::{Cx, Lane},
    input::Parser,
    keymap::{Keymap, placed},
    msg::{Msg, ShellReply},
    perform::Performer,
    root::{Look, Root},
    run::{Face, Lend, run},
    terminal::{Canvas, Modes, TerminalGuard, Tty, screen},
};
use crate::{
    api::{Fault, FaultKind},
    config::live::Live,
    gateway::Gateway,
    tasks::Tasks,
};

/// Messages that wait for the loop; a full box slows the sender, which is the back-pressure.
const INBOX: usize = 1024;
/// How long a lone ESC waits for what may belong to it.
const ESC_WAITS: Duration = Duration::from_millis(20);

/// How long what must be stored may take at the end.
const LAST_WISHES: Duration = Duration::from_secs(1);

/// How the interface came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Somebody quit.
    Quit,
    /// The program was told to end: this signal.
    Signal(i32),
    /// Nobody is there any more.
    TerminalGone,
}

/// Runs the interface until somebody quits, the terminal goes away or a signal comes. The caller then stops the tasks
/// and closes the store; the terminal is as it was before when this returns.
///
/// # Errors
/// When there is no terminal to run in, or one that cannot move its cursor.
pub async fn interface(gateway: Gateway, tasks: Tasks, live: Live, is_demo: bool) -> Result<Ended, Fault> {
    let current = live.current();
    let config = (*current.config).clone();
    let modes = Modes::from_environment(config.ui.mouse)?;
    let quit = tasks.token();
    let tty = Tty::open(quit.clone())?;
    let heard = Arc::new(AtomicI32::new(0));
    listen(&tasks, &quit, &heard)?;

    let (outbox, inbox) = mpsc::channel(INBOX);
    follow_settings(&tasks, live, outbox.clone());
    let look = look();
    let (keymap, problems) = Keymap::new(&config.keys);
    let problems = placed(problems, &current.key_places);
    let cx = Cx {
        theme: look.theme(config.ui.theme),
        keymap,
        config,
        account: None,
        health: None,
        now_ms: now_ms(),
        zone: crate::zone::local(),
        size: tty.size(),
        spinner: 0,
        lane: Lane::default(),
        is_demo,
        // A program that is its session's first has no shell behind it: nobody would ever wake it.
        has_shell: rustix::process::getsid(None).is_ok_and(|leader| leader != rustix::process::getpid()),
    };
    let (mut root, first) = Root::new(cx, look, now_ms, &problems);
    let clipboard = Clipboard::new(Some(Arc::clone(&tty)));
    let mut performer = Performer::new(gateway, tasks, outbox, quit.clone(), clipboard);
    for effect in first {
        performer.perform(effect);
    }

    let mut face = LiveFace::enter(Arc::clone(&tty), modes, Arc::clone(&heard))?;
    Box::pin(run(&mut root, &mut face, inbox, quit.clone(), |effect| performer.perform(effect))).await;
    drop(face);
    // Told to end from outside, nobody has had the draft stored yet.
    for effect in root.leave() {
        performer.perform(effect);
    }
    performer.finish(LAST_WISHES).await;
    let ended = match heard.load(Ordering::Relaxed) {
        0 if tty.is_gone() => Ended::TerminalGone,
        0 => Ended::Quit,
        number => Ended::Signal(number),
    };
    quit.cancel();
    Ok(ended)
}

/// The wall clock.
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// What the environment says about colours, by the conventions terminals have for it.
fn look() -> Look {
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    // `COLORFGBG=15;0`: foreground, background; 7 and 15 are the light ones of the sixteen.
    let background = set("COLORFGBG");
    let light = matches!(background.rsplit(';').next(), Some("7" | "15"));
    Look { no_color: !set("NO_COLOR").is_empty(), light_background: light }
}

/// SIGTERM, SIGHUP and SIGQUIT end the loop, whoever has the terminal; which one is remembered for the exit code.
fn listen(tasks: &Tasks, quit: &CancellationToken, heard: &Arc<AtomicI32>) -> Result<(), Fault> {
    let mut term = hear(SignalKind::terminate())?;
    let mut hup = hear(SignalKind::hangup())?;
    let mut quits = hear(SignalKind::quit())?;
    let (quit, heard, ended) = (quit.clone(), Arc::clone(heard), tasks.token());
    tasks.spawn("signals", async move {
        let kind = tokio::select! {
            _ = term.recv() => SignalKind::terminate(),
            _ = hup.recv() => SignalKind::hangup(),
            _ = quits.recv() => SignalKind::quit(),
            () = ended.cancelled() => return,
        };
        heard.store(kind.as_raw_value(), Ordering::Relaxed);
        quit.cancel();
    });
    Ok(())
}

fn hear(kind: SignalKind) -> Result<Signal, Fault> {
    signal(kind).map_err(|error| Fault::new(FaultKind::Internal, format!("Signals cannot be received ({error}).")))
}

fn follow_settings(tasks: &Tasks, mut live: Live, outbox: mpsc::Sender<Msg>) {
    let ended = tasks.token();
    tasks.spawn("settings", async move {
        while let Some(current) = ended.run_until_cancelled(live.changed()).await {
            let reply = match current.problem.clone() {
                Some(fault) => ShellReply::SettingsRefused(fault),
                None => ShellReply::Settings(Box::new(current)),
            };
            if outbox.send(Msg::Shell(reply)).await.is_err() {
                return;
            }
        }
    });
}

struct LiveFace {
    screen: Terminal<Canvas>,
    tty: Arc<Tty>,
    parser: Parser,
    /// Read, but not taken by the loop yet.
    waiting: std::collections::VecDeque<Msg>,
    resized: Signal,
    stop: Signal,
    resumed: Signal,
    interrupt: Signal,
    /// The signal that ends us, for the exit code.
    heard: Arc<AtomicI32>,
    /// Dropped last: the screen must not be touched after it.
    guard: TerminalGuard,
}

impl LiveFace {
    fn enter(tty: Arc<Tty>, modes: Modes, heard: Arc<AtomicI32>) -> Result<Self, Fault> {
        let resized = hear(SignalKind::window_change())?;
        let stop = hear(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
        let resumed = hear(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        let interrupt = hear(SignalKind::interrupt())?;
        let guard = TerminalGuard::enter(modes)?;
        Ok(Self {
            screen: screen(Canvas::new(Arc::clone(&tty)))?,
            tty,
            parser: Parser::default(),
            waiting: std::collections::VecDeque::new(),
            resized,
            stop,
            resumed,
            interrupt,
            heard,
            guard,
        })
    }

    /// Everything is drawn anew: what is on the terminal now is somebody else's.
    fn forget_screen(&mut self) {
        let _ = self.screen.clear();
    }

    async fn lend_to(&mut self, to: Lend) -> Result<Option<String>, Fault> {
        match to {
            Lend::Shell => {
                self.guard.step_out();
                let _ = rustix::process::kill_current_process_group(rustix::process::Signal::STOP);
                // Here again means: continued.
                Ok(None)
            }
            Lend::Editor(text) => {
                let file = EditorFile::new(&text)?;
                self.guard.step_out();
                edit(&file, &self.tty).await?;
                file.read().map(Some)
            }
        }
    }
}

impl Face<Root> for LiveFace {
    async fn next(&mut self) -> Option<Msg> {
        loop {
            if let Some(msg) = self.waiting.pop_front() {
                return Some(msg);
            }
            let mut read = Vec::new();
            let esc = self.parser.is_waiting();
            tokio::select! {
                biased;
                _ = self.resized.recv() => {
                    let (columns, rows) = self.tty.size();
                    return Some(Msg::Resize(columns, rows));
                }
                _ = self.stop.recv() => return Some(Msg::Shell(ShellReply::StopRequested)),
                _ = self.resumed.recv() => {
                    // Stopped without being asked first: the shell has had the terminal.
                    let _ = self.guard.again();
                    self.forget_screen();
                    return Some(Msg::Resize(self.tty.size().0, self.tty.size().1));
                }
                _ = self.interrupt.recv() => {
                    // In raw mode Ctrl+C is a key: this one came from outside.
                    self.heard.store(SignalKind::interrupt().as_raw_value(), Ordering::Relaxed);
                    return None;
                }
                still_there = self.tty.read(|bytes| self.parser.feed(bytes, &mut read)) => {
                    self.parser.drained();
                    self.waiting.extend(read);
                    if !still_there {
                        return None;
                    }
                }
                () = tokio::time::sleep(ESC_WAITS), if esc => {
                    self.parser.settle(&mut read);
                    self.waiting.extend(read);
                }
            }
        }
    }

    fn draw(&mut self, root: &Root) -> Duration {
        let start = Instant::now();
        // The canvas swallows what a dead terminal cannot take; there is nothing to be done about an error here.
        let _ = self.screen.draw(|frame| root.view(frame));
        self.screen.backend_mut().send();
        start.elapsed()
    }

    async fn lend(&mut self, to: Lend) -> Option<Msg> {
        let is_editor = matches!(to, Lend::Editor(_));
        let outcome = self.lend_to(to).await;
        // Ctrl+C in the editor was meant for the editor, and being continued is what we waited for.
        while self.interrupt.recv().now_or_never().is_some() {}
        while self.resumed.recv().now_or_never().is_some() {}
        while self.stop.recv().now_or_never().is_some() {}
        let _ = self.guard.again();
        let size = self.tty.size();
        self.waiting.push_back(Msg::Resize(size.0, size.1));
        self.forget_screen();
        Some(Msg::Shell(match outcome {
            Ok(Some(text)) => ShellReply::Edited(Ok(text)),
            Ok(None) => ShellReply::Back(Ok(())),
            Err(fault) if is_editor => ShellReply::Edited(Err(fault)),
            Err(fault) => ShellReply::Back(Err(fault)),
        }))
    }
}

/// The text while an editor has it: readable by its owner alone, in memory where the system offers that, gone afterwards.
struct EditorFile {
    path: PathBuf,
    /// Removes the directory with everything an editor leaves beside its file.
    _dir: tempfile::TempDir,
}

impl EditorFile {
    fn new(text: &str) -> Result<Self, Fault> {
        let failed = |error: std::io::Error| {
            Fault::new(FaultKind::ReadOnly, format!("The text cannot be handed to an editor: {error}."))
                .hint("Your draft is kept here.")
        };
        let mut make = tempfile::Builder::new();
        make.prefix("ollamanet-").permissions(std::fs::Permissions::from_mode(0o700));
        let dir = match runtime_dir() {
            Some(runtime) => make.tempdir_in(runtime),
            None => make.tempdir(),
        }
        .map_err(failed)?;
        let path = dir.path().join("message.md");
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| {
                file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
                // A text file ends with a line end; whoever reads it back takes that one away again, so that a
                // draft that nobody changed comes back to the letter.
                file.write_all(text.as_bytes())?;
                file.write_all(b"\n")
            })
            .map_err(failed)?;
        Ok(Self { path, _dir: dir })
    }

    fn read(&self) -> Result<String, Fault> {
        let bytes = std::fs::read(&self.path).map_err(|error| {
            Fault::new(FaultKind::NotFound, format!("The editor's text cannot be read: {error}."))
                .hint("Your draft is as it was.")
        })?;
        // As it stands: the last line end is taken away by whoever it is for, once.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// `$XDG_RUNTIME_DIR`, which lies in memory, if it is ours and closed to others.
fn runtime_dir() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    is_private(&dir).then_some(dir)
}

fn is_private(dir: &Path) -> bool {
    std::fs::symlink_metadata(dir).is_ok_and(|found| {
        found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode().trailing_zeros() >= 6
    })
}

/// The chosen editor; where none is chosen, one that is nearly everywhere, the gentler first.
fn editor(chosen: [Option<String>; 2], is_here: impl Fn(&str) -> bool) -> Option<String> {
    let chosen = chosen.into_iter().flatten().find(|editor| !editor.trim().is_empty());
    chosen.or_else(|| ["nano", "vi"].into_iter().find(|name| is_here(name)).map(str::to_owned))
}

/// Whether a program of that name lies on `path`.
fn is_program(name: &str, path: &std::ffi::OsStr) -> bool {
    std::env::split_paths(path).filter(|directory| directory.is_absolute()).any(|directory| {
        std::fs::metadata(directory.join(name)).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0)
    })
}

/// Waits for the editor, and no longer than there is a terminal.
async fn edit(file: &EditorFile, tty: &Tty) -> Result<(), Fault> {
    let chosen = ["VISUAL", "EDITOR"].map(|name| std::env::var(name).ok());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(editor) = editor(chosen, |name| is_program(name, &path)) else {
        return Err(Fault::invalid("No editor is chosen, and neither nano nor vi is here.")
            .hint("Set VISUAL or EDITOR to an editor, for example to `nano`. Your draft is as it was."));
    };
    // By the shell, as others do it, since the variable may hold arguments.
    let mut child = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(&file.path)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Fault::invalid(format!("The editor does not start: {error}.")))?;
    let status = tokio::select! {
        status = child.wait() => status,
        () = tty.hung_up() => return Err(Fault::new(FaultKind::Cancelled, "The terminal is gone.")),
    };
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) | Err(_) => {
            Err(Fault::invalid(format!("The editor “{editor}” ended with an error.")).hint("Your draft is as it was."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_lies_where_only_its_owner_can_read_it_and_is_gone_afterwards() {
        let file = EditorFile::new("a secret\nquestion").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&file.path), 0o600);
        let dir = file.path.parent().unwrap().to_owned();
        assert_eq!(mode(&dir), 0o700);
        std::fs::write(dir.join("message.md.swp"), "left by the editor").unwrap();
        assert_eq!(file.read().unwrap(), "a secret\nquestion\n", "a text file ends with a line end");
        std::fs::write(&file.path, "edited\t\n\n").unwrap();
        assert_eq!(file.read().unwrap(), "edited\t\n\n");
        drop(file);
        assert!(!dir.exists());
    }

    #[test]
    fn the_chosen_editor_is_used_and_one_that_is_here_where_none_is_chosen() {
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(editor([named("code -w"), named("vi")], |_| true), named("code -w"));
        assert_eq!(editor([named(" "), named("ed")], |_| true), named("ed"));
        assert_eq!(editor([None, None], |_| true), named("nano"));
        assert_eq!(editor([None, None], |name| name == "vi"), named("vi"));
        assert_eq!(editor([None, None], |_| false), None);
    }

    #[test]
    fn a_runtime_directory_open_to_others_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!is_private(dir.path()));
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert!(is_private(dir.path()));
        assert!(!is_private(&dir.path().join("missing")));
    }
}
