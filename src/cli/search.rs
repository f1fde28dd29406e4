//! `ollamanet search`: finding words in everything that was said and written, and keeping the index that finds them.

use std::{
    fmt::Write as _,
    io::{IsTerminal as _, Write as _},
};

use serde_json::json;
use tokio::sync::watch;

use super::{
    Desk, End,
    args::Search,
    find,
    out::{moment, print, print_json, safe, say},
};
use crate::api::{
    Fault,
    auth::Session,
    organise::PAGE_MAX,
    search::{Asked, Hit, HitKind, IndexProgress, IndexReport},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Search) -> Result<(), End> {
    let session = desk.session().await?;
    if what.rebuild {
        return rebuild(desk, &session).await;
    }
    if what.check {
        return check(desk, &session).await;
    }
    let mut asked = Asked { text: what.query.join(" "), is_typing: false, after: None, limit: PAGE_MAX };
    let most = what.paging.most();
    let mut hits = Vec::new();
    let mut notice = None;
    loop {
        asked.limit = most.saturating_sub(hits.len()).min(PAGE_MAX as usize) as u32;
        let found = desk.gateway.search(&session, asked.clone()).await?;
        if !desk.global.json {
            print(&lines(&found.hits))?;
        }
        hits.extend(found.hits);
        notice = found.notice.or(notice);
        asked.after = found.next;
        if asked.after.is_none() || hits.len() >= most {
            break;
        }
    }
    if desk.global.json {
        print_json(&hits)?;
    } else if hits.is_empty() {
        say("Nothing was found.");
    }
    if let Some(notice) = notice {
        say(&notice);
    }
    if asked.after.is_some() {
        say("There are more: --limit N, or --all.");
    }
    Ok(())
}

/// Two lines for each: where it stands, and the words around it.
fn lines(hits: &[Hit]) -> String {
    let mut text = String::new();
    for hit in hits {
        let _ = write!(text, "{}  {}  {}", find::short(hit.conversation), moment(hit.at), safe(&hit.title.text));
        if !hit.folder.is_empty() {
            let path: Vec<String> = hit.folder.iter().map(|name| safe(name)).collect();
            let _ = write!(text, " · {}", path.join("/"));
        }
        let kind = match (hit.kind, hit.role) {
            (HitKind::Title, _) => "title",
            (HitKind::Note, _) => "note",
            (HitKind::File, _) => "file",
            (HitKind::Message, Some(role)) => role.as_str(),
            (HitKind::Message, None) => "message",
        };
        let _ = write!(text, " · {kind}");
        for more in [&hit.file, &hit.model].into_iter().flatten() {
            let _ = write!(text, " · {}", safe(more));
        }
        for mark in [(hit.is_archived, "archived"), (hit.is_trashed, "in the trash")] {
            if mark.0 {
                let _ = write!(text, " · {}", mark.1);
            }
        }
        text.push('\n');
        if !hit.snippet.text.is_empty() {
            let _ = writeln!(text, "    {}", safe(&hit.snippet.text));
        }
    }
    text
}

async fn check(desk: &Desk, session: &Session) -> Result<(), End> {
    let (told, progress) = watch::channel(IndexProgress::default());
    let report = watched(desk.gateway.check_search(session, told), progress).await?;
    if desk.global.json {
        print_json(&json!({ "sound": report.is_sound(), "report": report }))?;
    } else {
        print(&format!("{}.\n", capitalised(&verdict(&report))))?;
    }
    if report.is_sound() {
        return Ok(());
    }
    say("Make it anew; nothing else is touched: ollamanet search --rebuild");
    Err(End::Code(1))
}

async fn rebuild(desk: &Desk, session: &Session) -> Result<(), End> {
    let (told, progress) = watch::channel(IndexProgress::default());
    watched(desk.gateway.rebuild_search(session, told), progress).await?;
    if desk.global.json {
        return print_json(&json!({ "rebuilt": true }));
    }
    print("The index is made anew.\n")
}

/// What a look through the index says, in words.
#[must_use]
pub fn verdict(report: &IndexReport) -> String {
    let IndexReport { texts, wrong, left_over, is_unfinished } = *report;
    if is_unfinished {
        return "the index is being rebuilt and does not know everything yet".to_owned();
    }
    if report.is_sound() {
        return format!("the index knows all {texts} texts, as they are written");
    }
    format!("the index is wrong about {wrong} of {texts} texts, and knows {left_over} that are gone")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

/// Waits for something long, and at a terminal says how far it has come.
async fn watched<T>(
    work: impl Future<Output = Result<T, Fault>>,
    mut progress: watch::Receiver<IndexProgress>,
) -> Result<T, Fault> {
    let is_watched = std::io::stderr().is_terminal();
    let mut last = None;
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                if last.is_some() {
                    tell("\r      \r");
                }
                return done;
            }
            changed = progress.changed(), if is_watched => {
                if changed.is_err() {
                    return work.await;
                }
                let IndexProgress { done, of } = *progress.borrow_and_update();
                let percent = done * 100 / of.max(1);
                if last != Some(percent) {
                    tell(&format!("\r{percent:3} %"));
                    last = Some(percent);
                }
            }
        }
    }
}

/// Our own signs, and nothing foreign.
fn tell(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
