//! `ollamanet models install`, `remove` and the rest that changes models: each begins jobs and watches them.

use std::{io::IsTerminal, io::Read, path::Path};

use super::{
    Desk, End, Stops,
    follow::Following,
    job_args::{Download as Asked, How, ModelJobs},
    out::{safe, say},
    typed,
};
use crate::api::{
    Fault, amount,
    auth::Session,
    jobs::{Batch, Download, MODELFILE_MAX, NewModel, Work},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: ModelJobs, stops: &mut Stops) -> Result<(), End> {
    let session = &desk.session().await?;
    let (works, how) = match what {
        ModelJobs::Install(asked) => {
            let how = asked.how;
            (downloads(desk, session, asked).await?.into_iter().map(Work::Install).collect(), how)
        }
        ModelJobs::Update(asked) => {
            let how = asked.how;
            (downloads(desk, session, asked).await?.into_iter().map(Work::Update).collect(), how)
        }
        ModelJobs::Remove { models, forget, yes, how } => {
            let works: Vec<Work> = models.into_iter().map(|model| Work::Remove { model, forget }).collect();
            sure(&works, yes || how.dry_run).await?;
            (works, how)
        }
        ModelJobs::Copy { from, to } => (vec![Work::Copy { from, to }], How::default()),
        ModelJobs::Rename { from, to } => (vec![Work::Rename { from, to }], How::default()),
        ModelJobs::Create { model, file, quantize } => {
            let (modelfile, base) = modelfile(&file)?;
            (vec![Work::Create(NewModel { model, modelfile, base: Some(base), quantize })], How::default())
        }
        ModelJobs::Push { models, insecure, how } => {
            (models.into_iter().map(|model| Work::Push { model, insecure }).collect(), how)
        }
        ModelJobs::Load { models, keep } => {
            let load = |model| Work::Load { model, keep: keep.clone() };
            (models.into_iter().map(load).collect(), How::default())
        }
        ModelJobs::Unload { models } => {
            (models.into_iter().map(|model| Work::Unload { model }).collect(), How::default())
        }
        ModelJobs::Apply { list, yes, how } => {
            let works = desk.gateway.read_model_list(session, &std::path::absolute(list)?).await?;
            sure(&works, yes || how.dry_run).await?;
            (works, how)
        }
    };
    let mut following = Following::begin(desk, session).await?;
    let batch = Batch { works, dry_run: how.dry_run, detached: how.detach };
    following.take(desk.gateway.start_batch(session, batch).await?)?;
    if how.dry_run || how.detach { following.leave() } else { following.until_over(stops).await }
}

/// What is to be downloaded, with its size where somebody wants to know.
async fn downloads(desk: &Desk, session: &Session, asked: Asked) -> Result<Vec<Download>, End> {
    let Asked { models, foreign, insecure, size, how: _ } = asked;
    let mut downloads = Vec::new();
    for model in models {
        let mut download = Download { model, foreign, insecure, bytes: None };
        if size {
            let told = desk.gateway.download_size(session, download.clone()).await?;
            let room = match (told.room.free, told.room.unknown_because) {
                (Some(free), _) => format!("{} are free", amount::bytes(free)),
                (None, Some(why)) => why,
                (None, None) => String::new(),
            };
            say(&format!(
                "{}: {} at {}. {room}",
                safe(&download.model),
                amount::bytes(told.bytes),
                safe(&told.registry)
            ));
            download.bytes = Some(told.bytes);
        }
        downloads.push(download);
    }
    Ok(downloads)
}

/// Asks once before anything is removed.
async fn sure(works: &[Work], yes: bool) -> Result<(), Fault> {
    let removed: Vec<String> = works
        .iter()
        .filter_map(|work| if let Work::Remove { model, .. } = work { Some(safe(model)) } else { None })
        .collect();
    if removed.is_empty() || yes {
        return Ok(());
    }
    let nobody = || {
        Fault::invalid(format!("{} would be removed. Nobody is here to ask.", removed.join(", ")))
            .hint("Add --yes if it is meant.")
    };
    if !std::io::stderr().is_terminal() {
        return Err(nobody());
    }
    let answer = typed::line(&format!("Remove {}? [y/N]", removed.join(", "))).await.ok_or_else(nobody)?;
    if matches!(answer.as_str(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Fault::invalid("Nothing was removed.").hint("Answer y if it is meant."))
}

/// The text, and what its relative paths are meant from.
fn modelfile(file: &Path) -> Result<(String, std::path::PathBuf), Fault> {
    let refuse = |error: &std::io::Error| {
        Fault::invalid(format!("{} cannot be read: {}.", safe(&file.to_string_lossy()), error.kind()))
            .hint("Name the Modelfile with -f FILE, or - for standard input.")
    };
    let most = MODELFILE_MAX as u64 + 1;
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_string(&mut text).map_err(|error| refuse(&error))?;
        return Ok((text, std::env::current_dir().map_err(|error| refuse(&error))?));
    }
    let whole = std::path::absolute(file).map_err(|error| refuse(&error))?;
    let opened = std::fs::File::open(&whole).map_err(|error| refuse(&error))?;
    opened.take(most).read_to_string(&mut text).map_err(|error| refuse(&error))?;
    Ok((text, whole.parent().map(Path::to_path_buf).unwrap_or_default()))
}
