//! What is asked before work on models begins, one question after the other. Names are foreign text.

use super::Work;
use crate::{
    api::{
        amount,
        jobs::{self, Download, registry_of},
    },
    ui::widgets::{ask::Ask, table::safe},
};

/// Models that a question names; the others it counts.
const NAMED: usize = 6;

impl Work {
    /// The next question about them, if one is left.
    pub(super) fn unasked(&self, works: &[jobs::Work]) -> Option<Ask> {
        let downloads: Vec<&Download> = works
            .iter()
            .filter_map(|work| match work {
                jobs::Work::Install(download) | jobs::Work::Update(download) => Some(download),
                _ => None,
            })
            .collect();
        let foreign: Vec<&str> = downloads
            .iter()
            .filter(|download| !download.foreign && registry_of(&download.model).is_some())
            .map(|download| download.model.as_str())
            .collect();
        if let Some(host) = foreign.first().and_then(|name| registry_of(name)) {
            let text = format!(
                "{} from {host} and not from Ollama's own library. Whoever runs that registry decides what is in it. Go \
                 on if you trust it.",
                listed(&foreign, "comes", "come"),
            );
            return Some(Ask::new("Another registry", text, "I trust it; go on"));
        }
        if !self.agreed.insecure && downloads.iter().any(|download| download.insecure) {
            let text =
                "The registry would be asked in the clear: whoever is on the way can read what is fetched and put \
                        something else in its place."
                    .to_owned();
            return Some(Ask::new("In the clear", text, "Ask it in the clear"));
        }
        let uploads: Vec<&str> = works.iter().filter(|work| is_upload(work)).map(jobs::Work::model).collect();
        if !self.agreed.upload
            && let Some(first) = uploads.first()
        {
            let host = registry_of(first).unwrap_or("Ollama's own library");
            let text = format!(
                "{} to {}, under the name that stands there. Whoever may see models in that place sees it.",
                listed(&uploads, "is uploaded", "are uploaded"),
                safe(host),
            );
            return Some(Ask::new("Upload it?", text, "Upload"));
        }
        if !self.agreed.too_big
            && let Some((name, because)) = works.iter().find_map(|work| self.does_not_fit(work))
        {
            let text = format!("{}: {} Loading it may fail, or make this machine slow.", safe(name), safe(because));
            return Some(Ask::new("It does not fit", text, "Load it all the same"));
        }
        let removed: Vec<&str> = works
            .iter()
            .filter_map(|work| match work {
                jobs::Work::Remove { model, .. } => Some(model.as_str()),
                _ => None,
            })
            .collect();
        if !self.agreed.remove && !removed.is_empty() {
            let ask = Ask::new("Remove from this machine?", self.about_removing(&removed), "Remove");
            return Some(ask.or("Remove, and forget what was written here"));
        }
        None
    }

    /// The model that is to be loaded although it is too big, and why it is.
    pub(super) fn does_not_fit(&self, work: &jobs::Work) -> Option<(&str, &str)> {
        match work {
            jobs::Work::Load { model, .. } | jobs::Work::Benchmark { model, .. } => {
                let target = self.targets.iter().find(|target| target.name == *model)?;
                Some((target.name.as_str(), target.too_big_because.as_deref()?))
            }
            _ => None,
        }
    }

    /// Names, sizes, and what is kept.
    fn about_removing(&self, names: &[&str]) -> String {
        let target = |name: &&str| self.targets.iter().find(|target| target.name == **name);
        let named: Vec<String> = names
            .iter()
            .take(NAMED)
            .map(|name| match target(name).and_then(|target| target.bytes) {
                Some(bytes) => format!("{} ({})", safe(name), amount::bytes(bytes)),
                None => safe(name),
            })
            .collect();
        let named: Vec<&str> = named.iter().map(String::as_str).chain(names.iter().skip(NAMED).copied()).collect();
        let all: u64 = names.iter().filter_map(|name| target(name)?.bytes).sum();
        let in_all =
            if names.len() > 1 && all > 0 { format!(", {} in all", amount::bytes(all)) } else { String::new() };
        let loaded: Vec<&str> =
            names.iter().filter(|name| target(name).is_some_and(|target| target.is_loaded)).copied().collect();
        let loaded = if loaded.is_empty() {
            String::new()
        } else {
            format!(" {} in memory at the moment.", listed(&loaded, "is", "are"))
        };
        let again = if names.len() == 1 { "It can be installed again." } else { "They can be installed again." };
        format!(
            "{} from this machine{in_all}.{loaded} Conversations and the catalogue's entry stay; so do tags, notes and \
             description, unless they are to be forgotten. {again}",
            listed(&named, "goes", "go"),
        )
    }
}

pub(super) fn is_upload(work: &jobs::Work) -> bool {
    matches!(work, jobs::Work::Push { .. })
}

/// `a, b and c come`; those past the sixth are counted.
fn listed(names: &[&str], one: &str, many: &str) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| safe(name)).collect();
    let verb = if names.len() == 1 { one } else { many };
    let more = names.len() - shown.len();
    match (shown.as_slice(), more) {
        ([.., _], 1..) => format!("{} and {more} more {verb}", shown.join(", ")),
        ([first @ .., last], 0) if !first.is_empty() => format!("{} and {last} {verb}", first.join(", ")),
        _ => format!("{} {verb}", shown.join(", ")),
    }
}
