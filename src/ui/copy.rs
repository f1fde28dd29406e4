//! The clipboard: the desktop's own where the program runs on it, else the terminal's (OSC 52, which works over SSH).
//!
//! One of the two, never both: two owners of one clipboard overwrite each other. A terminal does not say whether it
//! obeyed; most do, some have to be allowed to.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::{sync::oneshot, time::timeout};

use super::terminal::Tty;
use crate::api::{Fault, FaultKind};

/// A desktop that takes longer than this to take a text will not take it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes a text away to where it is pasted from; answers whether it did. `None` = there is no such place.
type Desktop = fn(String) -> Option<oneshot::Receiver<bool>>;

#[derive(Clone, Debug)]
pub struct Clipboard {
    /// `None` in tests, and where the terminal understands nothing.
    tty: Option<Arc<Tty>>,
    desktop: Desktop,
}

impl Clipboard {
    #[must_use]
    pub fn new(tty: Option<Arc<Tty>>) -> Self {
        Self { tty, desktop: desktop::copy }
    }

    /// Hands over text that is already safe.
    ///
    /// # Errors
    /// When there is no clipboard at all.
    pub async fn copy(self, text: String) -> Result<(), Fault> {
        if let Some(asked) = (self.desktop)(text.clone())
            && matches!(timeout(PATIENCE, asked).await, Ok(Ok(true)))
        {
            return Ok(());
        }
        let tty = self.tty.filter(|tty| !tty.is_gone()).ok_or_else(no_clipboard)?;
        tty.write(osc52(&text).as_bytes());
        Ok(())
    }
}

fn no_clipboard() -> Fault {
    Fault::new(FaultKind::NotFound, "Nothing was copied: there is no clipboard here.")
        .hint("Select the text with the mouse, holding Shift.")
}

fn osc52(text: &str) -> String {
    format!("\x1b]52;c;{}\x1b\\", BASE64_STANDARD.encode(text))
}

#[cfg(not(feature = "clipboard"))]
mod desktop {
    pub fn copy(_: String) -> Option<super::oneshot::Receiver<bool>> {
        None
    }
}

#[cfg(feature = "clipboard")]
mod desktop {
    use std::sync::{LazyLock, mpsc};

    use tokio::sync::oneshot;

    type Order = (String, oneshot::Sender<bool>);

    /// On X11 and Wayland the one who copied serves the text as long as it is wanted, so the thread stays. It begins
    /// with the first copy, and not at all without a display or at the far end of an SSH session.
    static SERVING: LazyLock<Option<mpsc::Sender<Order>>> = LazyLock::new(|| {
        let has = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_unix_desktop = cfg!(all(unix, not(target_os = "macos")));
        if has("SSH_CONNECTION") || has("SSH_TTY") || (is_unix_desktop && !has("DISPLAY") && !has("WAYLAND_DISPLAY")) {
            return None;
        }
        let (send, orders) = mpsc::channel::<Order>();
        let serve = move || {
            // What is never answered counts as refused, and the terminal is asked instead.
            let Ok(mut clipboard) = arboard::Clipboard::new() else { return };
            while let Ok((text, answer)) = orders.recv() {
                let _ = answer.send(clipboard.set_text(text).is_ok());
            }
        };
        std::thread::Builder::new().name("clipboard".into()).spawn(serve).ok().map(|_| send)
    });

    pub fn copy(text: String) -> Option<oneshot::Receiver<bool>> {
        let (answer, answered) = oneshot::channel();
        SERVING.as_ref()?.send((text, answer)).ok()?;
        Some(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_is_given_base64_and_nothing_that_could_end_the_sequence() {
        assert_eq!(osc52("hé\x07\x1b"), "\x1b]52;c;aMOpBxs=\x1b\\");
    }

    #[tokio::test]
    async fn where_there_is_no_clipboard_it_says_so_instead_of_having_copied() {
        let refusing = |_: String| {
            let (answer, answered) = oneshot::channel();
            let _ = answer.send(false);
            Some(answered)
        };
        for desktop in [(|_| None) as Desktop, refusing] {
            let outcome = Clipboard { tty: None, desktop }.copy("text".into()).await;
            assert_eq!(outcome.unwrap_err().kind, FaultKind::NotFound);
        }
    }

    #[tokio::test]
    async fn a_desktop_that_took_the_text_is_enough() {
        let taking = |_: String| {
            let (answer, answered) = oneshot::channel();
            let _ = answer.send(true);
            Some(answered)
        };
        assert_eq!(Clipboard { tty: None, desktop: taking }.copy("text".into()).await, Ok(()));
    }
}
