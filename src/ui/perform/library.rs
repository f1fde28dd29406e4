//! The Library's calls about presets, prompt templates and files.

use std::path::Path;

use super::{Hands, Performer, Search, Way};
use crate::{
    api::{
        Fault, FaultKind,
        auth::Session,
        events::Event,
        library::{Called, FILE_MAX, Kind, PresetPatch, PromptPatch},
    },
    ui::{
        complete,
        msg::{LibraryCall, LibraryReply, Msg, Rows, Thing, Whole, Written},
    },
    whole_file::{self, There},
};

impl Performer {
    pub(super) fn library(&mut self, call: LibraryCall) {
        let way = match &call {
            LibraryCall::List { kind, .. } => Way::Newest(Search::Library(*kind)),
            LibraryCall::Show { thing: Thing::Preset(_), .. } => Way::Newest(Search::LibraryDetail(Kind::Presets)),
            LibraryCall::Show { thing: Thing::Prompt(_), .. } => Way::Newest(Search::LibraryDetail(Kind::Prompts)),
            LibraryCall::Documents { .. } => Way::Newest(Search::Documents),
            LibraryCall::Places { .. } => Way::Newest(Search::DocumentPlaces),
            LibraryCall::Save(_)
            | LibraryCall::Delete(_)
            | LibraryCall::SetDefault(_)
            | LibraryCall::Folders
            | LibraryCall::SetOfFolder { .. }
            | LibraryCall::Export { .. }
            | LibraryCall::Import { .. } => Way::InOrder,
        };
        let hands = self.hands.clone();
        self.make(way, Box::pin(async move { hands.ask_the_library(call).await }));
    }
}

impl Hands {
    async fn ask_the_library(&self, call: LibraryCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let reply = self.keep_library(&session, call).await;
        self.tell(Msg::Library(reply)).await;
    }

    async fn keep_library(&self, session: &Session, call: LibraryCall) -> LibraryReply {
        let gateway = &self.gateway;
        match call {
            LibraryCall::List { asked, kind, filter, after, limit } => {
                let rows = match kind {
                    Kind::Presets => gateway.presets(session, &filter, after, limit).await.map(Rows::Presets),
                    Kind::Prompts => gateway.prompts(session, &filter, after, limit).await.map(Rows::Prompts),
                };
                LibraryReply::Listed { asked, kind, rows }
            }
            LibraryCall::Show { asked, thing } => match thing {
                Thing::Preset(id) => {
                    let whole = gateway.preset(session, Called::Id(id)).await;
                    let whole = whole.map(|preset| Whole::Preset(Box::new(preset)));
                    LibraryReply::Shown { asked, kind: Kind::Presets, whole }
                }
                Thing::Prompt(id) => {
                    let whole = gateway.prompt(session, Called::Id(id)).await;
                    let whole = whole.map(|prompt| Whole::Prompt(Box::new(prompt)));
                    LibraryReply::Shown { asked, kind: Kind::Prompts, whole }
                }
            },
            LibraryCall::Save(written) => self.save(session, *written).await,
            LibraryCall::Delete(Thing::Preset(id)) => {
                LibraryReply::Deleted { kind: Kind::Presets, done: gateway.delete_preset(session, id).await }
            }
            LibraryCall::Delete(Thing::Prompt(id)) => {
                LibraryReply::Deleted { kind: Kind::Prompts, done: gateway.delete_prompt(session, id).await }
            }
            LibraryCall::SetDefault(id) => LibraryReply::DefaultSet(gateway.set_default_preset(session, id).await),
            LibraryCall::Folders => LibraryReply::Folders(gateway.tree(session).await),
            LibraryCall::SetOfFolder { folder, preset, seen_rev } => {
                LibraryReply::OfFolderSet(gateway.set_folder_preset(session, folder, preset, Some(seen_rev)).await)
            }
            LibraryCall::Documents { asked, filter, after, limit } => {
                LibraryReply::Documents { asked, page: gateway.documents(session, &filter, after, limit).await }
            }
            LibraryCall::Places { asked, document, after, limit } => {
                LibraryReply::Places { asked, page: gateway.document_places(session, document, after, limit).await }
            }
            LibraryCall::Export { kind, path } => {
                let path = match gateway.export_library(session, kind, Vec::new()).await {
                    Ok(text) => blocking(move || whole_file::write(&complete::whole(&path), &text, There::Keep)).await,
                    Err(fault) => Err(fault),
                };
                LibraryReply::Exported { kind, path }
            }
            LibraryCall::Import { kind, path, taken } => {
                let done = match read(&path).await {
                    Ok(text) => gateway.import_library(session, kind, &text, taken).await,
                    Err(fault) => Err(fault),
                };
                LibraryReply::Imported { kind, path, done }
            }
        }
    }

    async fn save(&self, session: &Session, written: Written) -> LibraryReply {
        let gateway = &self.gateway;
        match written {
            Written::Preset { of, new } => {
                let saved = match of {
                    None => gateway.create_preset(session, new).await,
                    Some((id, rev)) => {
                        let patch = PresetPatch {
                            name: Some(new.name),
                            model: Some(new.model),
                            system_prompt: Some(new.system_prompt),
                            options: Some(new.options),
                            seen_rev: Some(rev),
                        };
                        gateway.change_preset(session, id, patch).await
                    }
                };
                let whole = saved.map(|preset| Whole::Preset(Box::new(preset)));
                LibraryReply::Saved { kind: Kind::Presets, whole }
            }
            Written::Prompt { of, new } => {
                let saved = match of {
                    None => gateway.create_prompt(session, new).await,
                    Some((id, rev)) => {
                        let patch = PromptPatch { name: Some(new.name), body: Some(new.body), seen_rev: Some(rev) };
                        gateway.change_prompt(session, id, patch).await
                    }
                };
                let whole = saved.map(|prompt| Whole::Prompt(Box::new(prompt)));
                LibraryReply::Saved { kind: Kind::Prompts, whole }
            }
        }
    }
}

async fn read(path: &Path) -> Result<String, Fault> {
    let path = complete::whole(path);
    blocking(move || whole_file::read(&path, FILE_MAX)).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Fault::new(FaultKind::Internal, "Reading or writing the file failed.")))
}
