//! How models do here.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Admin, Class, Member, Op, Permission},
    api::{
        Fault, JobId,
        auth::Session,
        benchmarks::{BenchmarkPage, BenchmarkQuery},
        measures::{ModelUse, UseQuery},
        recommend::{RecommendQuery, Recommended},
        updates::UpdateCheck,
    },
};

const USE: Op = Op {
    name: "models.use",
    permission: Permission::SeeModels,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};

// It asks a registry, and so leaves the machine.
const UPDATES: Op = Op {
    name: "models.updates",
    permission: Permission::ManageModels,
    class: Class::Admin,
    deadline: Duration::from_mins(5),
    ..USE
};
const RECOMMEND: Op = Op { name: "models.recommend", deadline: Duration::from_secs(45), ..USE };
const BENCHMARKS: Op = Op { name: "benchmarks.list", ..USE };
const DELETE_BENCHMARK: Op =
    Op { name: "benchmarks.delete", permission: Permission::ManageModels, class: Class::Admin, ..USE };

impl Gateway {
    /// What each model was used for, how fast it was, how it was liked: one's own figures, and sums of everybody where
    /// enough people are in them.
    pub async fn model_use(&self, session: &Session, query: UseQuery) -> Result<ModelUse, Fault> {
        self.0.gate.call::<Member, _, _>(session, &USE, |by| self.0.measures.used(by, query)).await
    }

    /// Asks registries whether they have other builds of these installed models, or of all. Only because somebody wants to
    /// know: this leaves the machine.
    pub async fn model_updates(
        &self,
        session: &Session,
        models: Vec<String>,
        insecure: bool,
    ) -> Result<Vec<UpdateCheck>, Fault> {
        self.0
            .gate
            .call::<Admin, _, _>(session, &UPDATES, |by| self.0.model_work.check_updates(by, models, insecure))
            .await
    }

    /// The best models for a task, installed or not, with the reasons. What is proposed at the first start is this, too.
    pub async fn recommend_models(&self, session: &Session, query: RecommendQuery) -> Result<Recommended, Fault> {
        self.0.gate.call::<Member, _, _>(session, &RECOMMEND, |by| self.0.models.recommend(by, query)).await
    }

    /// What benchmarks measured, newest first. One is begun as a job: `Work::Benchmark`.
    pub async fn benchmarks(&self, session: &Session, query: BenchmarkQuery) -> Result<BenchmarkPage, Fault> {
        self.0.gate.call::<Member, _, _>(session, &BENCHMARKS, |by| self.0.measures.benchmarks(by, query)).await
    }

    pub async fn delete_benchmark(&self, session: &Session, id: JobId) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &DELETE_BENCHMARK, |by| self.0.measures.delete_benchmark(by, id)).await
    }
}
