//! What a session shows after login. Read only.

use super::Fact;
use crate::facts::class;
use serde::{Deserialize, Serialize};

/// What short, read-only queries show.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Session {
    /// `current_user`.
    #[serde(serialize_with = "class::name")]
    pub current_user: String,
    /// `session_user`.
    #[serde(serialize_with = "class::name")]
    pub session_user: String,
    /// `current_database()`.
    #[serde(serialize_with = "class::name")]
    pub database: String,
    /// `version()`.
    #[serde(serialize_with = "class::word")]
    pub version: String,
    /// Whether `transaction_read_only` or `pg_is_in_recovery()` says that nothing can be written.
    pub read_only: bool,
    /// Whether the server is a replica (`pg_is_in_recovery()`).
    pub in_recovery: bool,
    /// Roles this one is a member of, directly or not.
    #[serde(serialize_with = "class::name")]
    pub member_of: Vec<String>,
    /// `rolsuper`, `rolcreaterole`, `rolcreatedb` or membership of `azure_pg_admin`.
    pub is_administrator: bool,
    /// The security labels of this role: provider and label.
    pub labels: Fact<Vec<Label>>,
    /// Whether `pgaadauth_create_principal` exists in this database.
    pub entra_functions: Option<bool>,
    /// `pgaadauth.enable_group_sync`.
    #[serde(serialize_with = "class::clause")]
    pub group_sync: Option<String>,
    /// Whether `--as-admin` says that this login is for administration.
    pub as_admin: bool,
    /// The role of another user that cannot log in: `--for-role`.
    #[serde(serialize_with = "class::name")]
    pub for_role: Option<String>,
    /// Every Entra role and its principal; with `--as-admin`. From the security labels, which can be
    /// read in every database, and from `pgaadauth_list_principals`, where that can be called.
    pub principals: Fact<Vec<Principal>>,
    /// Every login role without a label; with `--as-admin`.
    #[serde(serialize_with = "class::name")]
    pub unlabelled: Fact<Vec<String>>,
}

/// A security label as stored.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Label {
    /// `pgaadauth` or `pgaadauth-int`.
    #[serde(serialize_with = "class::word")]
    pub provider: String,
    /// Such as `type=user,oid=…,tenant_id=…`.
    #[serde(serialize_with = "class::clause")]
    pub label: String,
}

/// An Entra role and who may log in with it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Principal {
    /// The role.
    #[serde(serialize_with = "class::name")]
    pub role: String,
    /// `user`, `group` or `service`.
    #[serde(serialize_with = "class::word")]
    pub kind: String,
    /// Object id.
    #[serde(serialize_with = "class::id")]
    pub object_id: String,
    /// Tenant id.
    #[serde(serialize_with = "class::id")]
    pub tenant_id: String,
    /// Whether the token must show a second factor.
    pub mfa: bool,
    /// Whether it is an Entra administrator.
    pub admin: bool,
}

impl Session {
    /// The principal that this role's own labels name; `None` where no label can be read.
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        let labels = self.labels.seen().filter(|labels| !labels.is_empty())?;
        let mut principal = Principal { role: self.current_user.clone(), ..Principal::default() };
        for label in labels {
            principal.read(&label.label);
        }
        Some(principal)
    }
}

impl Principal {
    /// Takes over what a label says: `aadauth`, `aadauth,oid=…,type=…,admin`, or
    /// `type=…,oid=…,tenant_id=…`. Texts are kept to 64 characters.
    pub fn read(&mut self, label: &str) {
        for part in label.split(',') {
            match part.trim().split_once('=') {
                Some(("oid", id)) => self.object_id = id.chars().take(64).collect(),
                Some(("type", kind)) => self.kind = kind.chars().take(64).collect(),
                Some(("tenant_id", id)) => self.tenant_id = id.chars().take(64).collect(),
                None if part.trim() == "admin" => self.admin = true,
                None if part.trim() == "mfa" => self.mfa = true,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Principal;

    #[test]
    fn every_form_of_a_label_is_read() {
        let mut principal = Principal::default();
        principal.read("aadauth,admin");
        principal.read("type=group,oid=o,tenant_id=t");
        assert!(principal.admin);
        assert_eq!(
            (principal.kind.as_str(), principal.object_id.as_str(), principal.tenant_id.as_str()),
            ("group", "o", "t")
        );
    }
}
