//! Roles and what hangs on them: permissions, limits, models.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Admin, Class, Op},
    api::{
        Fault,
        admin::{Limited, ModelRule, Permission, RoleView, Scope},
        auth::{Role, Session},
    },
};

const LIST: Op = Op {
    name: "roles.list",
    permission: Permission::ManageRoles,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};
const CREATE: Op = Op { name: "roles.create", class: Class::Admin, fresh: true, ..LIST };
const RENAME: Op = Op { name: "roles.rename", ..CREATE };
const DELETE: Op = Op { name: "roles.delete", ..CREATE };
const PERMIT: Op = Op { name: "roles.permit", ..CREATE };
const LIMIT: Op = Op { name: "roles.limit", ..CREATE };
const MODELS: Op = Op { name: "roles.models", ..CREATE };

impl Gateway {
    /// Every role, the built-in ones first: the matrix.
    pub async fn roles(&self, session: &Session) -> Result<Vec<RoleView>, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &LIST, |by| self.0.roles.list(by)).await
    }

    pub async fn create_role(&self, session: &Session, name: &str, rank: Role) -> Result<RoleView, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &CREATE, |by| self.0.roles.create(by, name, rank)).await
    }

    pub async fn rename_role(&self, session: &Session, name: &str, new: &str) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &RENAME, |by| self.0.roles.rename(by, name, new)).await
    }

    /// Removes a role; its members get `instead`.
    pub async fn delete_role(&self, session: &Session, name: &str, instead: &str) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &DELETE, |by| self.0.roles.delete(by, name, instead)).await
    }

    /// Gives or denies; `None` follows the rank again. A denial wins over everything.
    pub async fn set_permission(
        &self,
        session: &Session,
        role: &str,
        permission: Permission,
        allowed: Option<bool>,
    ) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &PERMIT, |by| self.0.roles.permit(by, role, permission, allowed)).await
    }

    /// Sets another limit than the configured one for a role or an account; `None` takes it away.
    pub async fn set_limit(
        &self,
        session: &Session,
        scope: Scope,
        limited: Limited,
        most: Option<u32>,
    ) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &LIMIT, |by| self.0.roles.limit(by, scope, limited, most)).await
    }

    /// Says which models a role or an account may see and use; the rules replace those before.
    pub async fn set_model_access(&self, session: &Session, scope: Scope, rules: Vec<ModelRule>) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &MODELS, |by| self.0.roles.set_models(by, scope, rules)).await
    }
}
