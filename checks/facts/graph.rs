//! What Microsoft Graph says of the signed-in identity.

use crate::facts::class;
use serde::{Deserialize, Serialize};

/// The directory's own names.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Directory {
    /// The object ID of the principal.
    #[serde(serialize_with = "class::id")]
    pub id: Option<String>,
    /// `userPrincipalName`.
    #[serde(serialize_with = "class::name")]
    pub user_principal_name: Option<String>,
    /// `displayName`.
    #[serde(serialize_with = "class::name")]
    pub display_name: Option<String>,
    /// `mail`.
    #[serde(serialize_with = "class::name")]
    pub mail: Option<String>,
    /// Whether the groups may not be read: then none is known, rather than there being none.
    pub groups_refused: bool,
    /// Whether there are more than were read: one that is not listed may be among them.
    pub groups_incomplete: bool,
    /// Direct group memberships.
    pub groups: Vec<Group>,
}

/// A group.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Group {
    /// Object id.
    #[serde(serialize_with = "class::id")]
    pub id: String,
    /// Display name, which is the role name.
    #[serde(serialize_with = "class::name")]
    pub display_name: String,
}
