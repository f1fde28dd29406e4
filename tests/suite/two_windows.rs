//! An administrator and a member on one machine, each in a window and a process of their own: what one does on the
//! Admin screen reaches the other's next action.

use crate::common::{
    authenticator::Authenticator,
    pty::Term,
    shown,
    stage::{PASSPHRASE, Stage},
};

const BENS: &str = "nine loud otters polish copper kettles";

/// Alice's window, on the Admin screen.
fn administrator(stage: &Stage, columns: u16, rows: u16) -> Term {
    let mut term = stage.terminal(columns, rows);
    term.until("Sign in to OllamaNet");
    term.send("alice\r").send(PASSPHRASE).key("enter");
    term.until("Ask something");
    term.send("\x1b6");
    term.until("Overview]");
    term.send("2");
    term.until("Users]");
    term
}

/// Ben's window: he comes in with the code and writes his recovery code down.
fn member(stage: &Stage, columns: u16, rows: u16, code: &str) -> Term {
    let mut term = stage.terminal(columns, rows);
    term.until("Sign in to OllamaNet");
    term.send("\x1bo");
    term.until("Begin with a one-time code");
    // Nothing was reset, so there is no recovery code to give.
    term.send(format!("ben\r{code}\r\r{BENS}"));
    term.until("strong");
    term.key("enter");
    shown::note_the_code(&mut term);
    term.until("Stay signed in");
    term.key("tab").key("enter");
    term.until("Ask something");
    term
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_invited_adds_a_second_factor_and_is_kept_out_from_the_admin_screen() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let stage = Stage::new().await;
        let made = stage.with_input(&["account", "create", "alice", "--passphrase-fd", "0"], PASSPHRASE).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        let mut alice = administrator(&stage, columns, rows);
        alice.send("n");
        alice.until("New account");
        alice.send("ben\r\r\r");
        let code = shown::one_time_code(&alice.until("One-time code for ben"));
        alice.key("esc");
        alice.until_gone("One-time code for ben");
        let listed = alice.until("invited");
        assert!(listed.contains("ben"), "{listed}");

        let mut ben = member(&stage, columns, rows, &code);
        assert!(!ben.until("Ask something").contains("Admin"), "only administrators see that screen");
        ben.send("\x1b9");
        ben.until("What administrators see");
        ben.key("tab");
        ben.until("Add a second factor");
        ben.key("enter");
        let authenticator = Authenticator::reading(&shown::secret(&ben.until("Code it shows now")));
        ben.send(authenticator.now().reveal()).key("enter");
        ben.until("Recovery codes of your second factor");
        ben.key("enter");
        ben.until("● On");

        // Her list tells of it though she does nothing.
        let row = |screen: &str| {
            screen.lines().find(|line| line.starts_with('│') && line.contains("ben")).unwrap_or_default().to_owned()
        };
        alice.until_screen("ben with a second factor", |screen| {
            let row = row(screen);
            row.contains("active") && row.contains("yes")
        });
        alice.send("j");
        alice.until_screen("ben selected", |screen| row(screen).contains('›'));
        alice.send("l");
        alice.until("Keep ben out");
        alice.key("ctrl+u").send("10").key("enter");
        alice.until("ben is locked for 10 minutes");

        // Ben's window does not know yet; his next action does, and says why.
        ben.send("\x1b1");
        ben.until("Ask something");
        ben.send("may I?").key("enter");
        let refused = ben.until("Sign in to OllamaNet");
        let words = refused.replace(['\n', '│'], " ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("An administrator locked this account for 10 min."), "{refused}");
        assert!(
            !refused.contains("Second factor") && !refused.contains("may I?"),
            "nothing of his is left:\n{refused}"
        );
        // And the way back in is shut as well, right passphrase or not.
        ben.key("ctrl+u").send("ben\r").send(BENS).key("enter");
        ben.until("locked for another");

        alice.send("5");
        alice.until("Audit]");
        alice.until("users.lock");
        alice.send("v");
        alice.until("sound");
        alice.assert_redraw_changes_nothing("the audit trail after verifying");
        alice.key("ctrl+q");
        alice.wait(crate::common::pty::PATIENCE);
        ben.key("ctrl+q");
        ben.wait(crate::common::pty::PATIENCE);
        let verified =
            stage.with_input(&["audit", "verify", "--user", "alice", "--passphrase-fd", "0"], PASSPHRASE).await;
        assert!(verified.code == Some(0) && verified.out.contains("none was changed"), "{verified:?}");
        let args = ["audit", "list", "--user", "alice", "--passphrase-fd", "0", "--json"];
        let told = stage.with_input(&args, PASSPHRASE).await;
        for action in ["users.create", "auth.activate", "second_factor.add", "users.lock"] {
            assert!(told.out.contains(action), "{action}: {told:?}");
        }
    }
}
