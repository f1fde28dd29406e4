//! What concerns the program, the terminal and the machine.

use super::{Hands, Performer, Way};
use crate::ui::msg::{Clip, Copied, Msg, ShellCall, ShellReply};

impl Performer {
    pub(super) fn shell(&mut self, call: ShellCall) {
        match call {
            ShellCall::Quit => {
                let quit = self.hands.quit.clone();
                self.make(Way::InOrder, Box::pin(async move { quit.cancel() }));
            }
            ShellCall::Copy(Clip { text, hidden }) => {
                let characters = text.chars().count();
                let copying = self.clipboard.clone().copy(text);
                let hands = self.hands.clone();
                self.hands.tasks.spawn("clipboard", async move {
                    let copied = copying.await.map(|()| Copied { characters, hidden });
                    hands.tell(Msg::Shell(ShellReply::Copied(copied))).await;
                });
            }
            ShellCall::Health => {
                let (hands, ended) = (self.hands.clone(), self.hands.tasks.token());
                self.hands.tasks.spawn("health", async move {
                    // Nobody waits for a look at the end of the program.
                    if let Some(health) = ended.run_until_cancelled(Box::pin(hands.gateway.seen_health())).await {
                        hands.tell(Msg::Shell(ShellReply::Health(health))).await;
                    }
                });
            }
            ShellCall::CheckHealth => {
                let (hands, ended) = (self.hands.clone(), self.hands.tasks.token());
                self.hands.tasks.spawn("health", async move {
                    // Nobody waits for a look at the end of the program.
                    if let Some(health) = ended.run_until_cancelled(Box::pin(hands.gateway.health())).await {
                        hands.tell(Msg::Shell(ShellReply::Health(health))).await;
                    }
                });
            }
            ShellCall::StartOllama => {
                let hands = self.hands.clone();
                self.hands.tasks.spawn_job("starting Ollama", async move {
                    let started = hands.gateway.start_ollama().await;
                    hands.tell(Msg::Shell(ShellReply::StartedOllama(started))).await;
                });
            }
            ShellCall::Jobs => {
                let jobs = self.hands.tasks.jobs();
                self.reply(Msg::Shell(ShellReply::Jobs(jobs)));
            }
            // The loop has lent the terminal for these before they could come here.
            ShellCall::Suspend | ShellCall::Edit(_) => {}
        }
    }
}

impl Hands {
    /// Tells of every job that begins or ends, so that what is counted on the screen is so.
    pub(super) async fn tell_jobs(self) {
        let mut changed = self.tasks.watch_jobs();
        let ended = self.tasks.token();
        while let Some(Ok(())) = ended.run_until_cancelled(changed.changed()).await {
            let jobs = self.tasks.jobs();
            self.tell(Msg::Shell(ShellReply::Jobs(jobs))).await;
        }
    }
}
