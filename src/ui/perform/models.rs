//! The calls of the list of models.

use super::{Hands, Performer, Search, Way};
use crate::{
    api::{
        Fault, auth::Session, benchmarks::BenchmarkQuery, events::Event, insights::Period, measures::UseQuery,
        recommend::RecommendQuery,
    },
    ui::msg::{ModelsCall, ModelsReply, Msg, TagAct},
};

/// Runs of one model that its detail lists.
const BENCHMARKS: u32 = 20;
/// Models that are recommended for a task.
const ADVISED: u32 = 6;

impl Performer {
    pub(super) fn models(&mut self, call: ModelsCall) {
        let way = match &call {
            ModelsCall::Find { .. } => Way::Newest(Search::Fleet),
            ModelsCall::Detail { .. } => Way::Newest(Search::FleetDetail),
            ModelsCall::Used { .. } => Way::Newest(Search::FleetUse),
            ModelsCall::Benchmarks { .. } => Way::Newest(Search::FleetBenchmarks),
            ModelsCall::Advise(_) => Way::Newest(Search::Advice),
            ModelsCall::Updates { .. } => Way::Job("asking registries for updates"),
            ModelsCall::Machine => Way::Beside("call"),
            ModelsCall::Filters
            | ModelsCall::SaveFilter(_)
            | ModelsCall::DeleteFilter(_)
            | ModelsCall::Tags(_)
            | ModelsCall::Write { .. } => Way::InOrder,
        };
        let hands = self.hands.clone();
        self.make(way, Box::pin(async move { hands.ask_about_models(call).await }));
    }
}

impl Hands {
    async fn ask_about_models(&self, call: ModelsCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let (gateway, session) = (&self.gateway, &session);
        let reply = match call {
            ModelsCall::Find { asked, query } => {
                ModelsReply::Found { asked, page: gateway.models_find(session, *query).await.map(Box::new) }
            }
            ModelsCall::Detail { asked, name } => {
                ModelsReply::Detail { asked, detail: gateway.model_detail(session, &name).await.map(Box::new) }
            }
            ModelsCall::Used { asked, name } => {
                let query = UseQuery { period: Period::All, model: Some(name) };
                ModelsReply::Used { asked, used: gateway.model_use(session, query).await.map(Box::new) }
            }
            ModelsCall::Benchmarks { asked, name } => {
                let query = BenchmarkQuery { model: Some(name), after: None, limit: BENCHMARKS };
                ModelsReply::Benchmarks { asked, page: gateway.benchmarks(session, query).await.map(Box::new) }
            }
            ModelsCall::Updates { models } => ModelsReply::Updates(gateway.model_updates(session, models, false).await),
            ModelsCall::Advise(task) => {
                let query = RecommendQuery { task, limit: ADVISED, only_installed: false };
                ModelsReply::Advised { task, found: gateway.recommend_models(session, query).await.map(Box::new) }
            }
            ModelsCall::Machine => ModelsReply::Machine(gateway.machine(session).await),
            ModelsCall::Filters => ModelsReply::Filters(gateway.model_filters(session).await),
            ModelsCall::SaveFilter(filter) => {
                ModelsReply::FilterSaved(gateway.save_model_filter(session, filter).await)
            }
            ModelsCall::DeleteFilter(name) => ModelsReply::Filters(gateway.delete_model_filter(session, &name).await),
            ModelsCall::Tags(act) => {
                let done = self.change_tags(session, act.clone()).await;
                ModelsReply::Tagged { act, done }
            }
            ModelsCall::Write { name, patch, seen } => {
                let card = gateway.write_model_card(session, &name, patch, Some(seen)).await;
                ModelsReply::Written { name, card }
            }
        };
        self.tell(Msg::Models(reply)).await;
    }

    async fn change_tags(&self, session: &Session, act: TagAct) -> Result<u64, Fault> {
        let gateway = &self.gateway;
        match act {
            TagAct::Create { name } => gateway.create_model_tag(session, &name, "").await.map(|tag| tag.models),
            TagAct::Rename { name, new } => {
                gateway.change_model_tag(session, &name, Some(&new), None).await.map(|tag| tag.models)
            }
            TagAct::Category { name, category } => {
                gateway.change_model_tag(session, &name, None, Some(&category)).await.map(|tag| tag.models)
            }
            TagAct::Merge { from, into } => gateway.merge_model_tags(session, &from, &into).await.map(|tag| tag.models),
            TagAct::Delete { name } => gateway.delete_model_tag(session, &name).await,
            TagAct::Put { models, add, remove } => {
                gateway.tag_models(session, models, add, remove).await.map(|changed| changed as u64)
            }
        }
    }
}
