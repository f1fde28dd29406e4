//! The calls of comparing: a turn for each model, one after the other, so that each passes the limits.

use super::{Hands, Way};
use crate::{
    api::{
        Fault,
        auth::Session,
        chat::{NewTurn, TurnAct, TurnStarted},
        insights::Period,
        measures::UseQuery,
        organise::ConversationPatch,
    },
    ui::msg::{CompareAsk, CompareCall, CompareFigures, CompareReply},
};

pub(super) fn way(call: &CompareCall) -> Way {
    match call {
        CompareCall::Figures { .. } => Way::Beside("call"),
        CompareCall::Start { .. } | CompareCall::Keep { .. } => Way::InOrder,
    }
}

impl Hands {
    pub(super) async fn compare(&self, session: &Session, call: CompareCall) -> CompareReply {
        let gateway = &self.gateway;
        match call {
            CompareCall::Figures { models } => {
                let query = UseQuery { period: Period::All, model: None };
                let used = gateway.model_use(session, query).await;
                let mut fits = Vec::new();
                for model in models {
                    // Of what cannot be judged nothing is said.
                    if let Ok(fit) = gateway.model_fit(session, &model, None).await {
                        fits.push((model, fit));
                    }
                }
                CompareReply::Figures(used.map(|used| Box::new(CompareFigures { used, fits })))
            }
            CompareCall::Start { mut conversation, fresh, ask, models } => {
                if conversation.is_none() {
                    match gateway.create_conversation(session, *fresh).await {
                        Ok(made) => conversation = Some(made.row.id),
                        Err(fault) => return CompareReply::Started { conversation, ask, turns: vec![Err(fault)] },
                    }
                }
                let mut turns: Vec<Result<TurnStarted, Fault>> = Vec::new();
                let mut question = match &ask {
                    CompareAsk::Again(question) => Some(*question),
                    CompareAsk::New(_) => None,
                };
                for model in models {
                    let (Some(conversation), act) = (conversation, act(&ask, question)) else { break };
                    let new = NewTurn { conversation, act, model: Some(model), shorten: false };
                    let turn = gateway.start_turn(session, new).await;
                    if question.is_none() {
                        question = turn.as_ref().ok().and_then(|turn| turn.answer.parent);
                    }
                    turns.push(turn);
                }
                CompareReply::Started { conversation, ask, turns }
            }
            CompareCall::Keep { conversation, answer, model, others } => {
                let keep = async {
                    let patch = ConversationPatch { model: Some(Some(model)), ..ConversationPatch::default() };
                    gateway.change_conversation(session, conversation, patch).await?;
                    gateway.show_branch(session, conversation, answer, 1).await?;
                    for other in others {
                        gateway.prune_branch(session, conversation, other).await?;
                    }
                    Ok(())
                };
                CompareReply::Kept(keep.await)
            }
        }
    }
}

/// The first commits the question, the others answer it beside.
fn act(ask: &CompareAsk, question: Option<crate::api::MessageId>) -> TurnAct {
    match (ask, question) {
        (_, Some(question)) => TurnAct::Beside { question },
        (CompareAsk::Again(question), None) => TurnAct::Beside { question: *question },
        (CompareAsk::New(written), None) => {
            TurnAct::Send { text: written.text.clone(), attachments: written.attachments.clone() }
        }
    }
}
