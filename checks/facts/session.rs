//! What a session shows after login. Read only.

use super::Fact;
use serde::{Deserialize, Serialize};

/// One short, read-only look around.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Session {
    /// `current_user`.
    pub current_user: String,
    /// `session_user`.
    pub session_user: String,
    /// `current_database()`.
    pub database: String,
    /// `version()`.
    pub version: String,
    /// Whether `transaction_read_only` or `pg_is_in_recovery()` says that nothing can be written.
    pub read_only: bool,
    /// Whether the server is a replica (`pg_is_in_recovery()`).
    pub in_recovery: bool,
    /// Roles this one is a member of, directly or not.
    pub member_of: Vec<String>,
    /// `rolsuper`, `rolcreaterole`, `rolcreatedb` or membership of `azure_pg_admin`.
    pub is_administrator: bool,
    /// The security labels of this role: provider and label.
    pub labels: Fact<Vec<Label>>,
    /// Whether `pgaadauth_create_principal` exists in this database.
    pub entra_functions: Option<bool>,
    /// `pgaadauth.enable_group_sync`.
    pub group_sync: Option<String>,
    /// Every Entra role and its principal; with `--as-admin`.
    pub principals: Fact<Vec<Principal>>,
    /// Every login role without a label; with `--as-admin`.
    pub unlabelled: Fact<Vec<String>>,
}

/// A security label as stored.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Label {
    /// `pgaadauth` or `pgaadauth-int`.
    pub provider: String,
    /// Such as `type=user,oid=…,tenant_id=…`.
    pub label: String,
}

/// A row of `pgaadauth_list_principals`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Principal {
    /// The role.
    pub role: String,
    /// `user`, `group` or `service`.
    pub kind: String,
    /// Object id.
    pub object_id: String,
    /// Tenant id.
    pub tenant_id: String,
    /// Whether the token must show a second factor.
    pub mfa: bool,
    /// Whether it is an Entra administrator.
    pub admin: bool,
}
