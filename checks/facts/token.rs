//! A token as text, its header and its claims. The signature is never a fact.

use super::settings::Origin;
use crate::facts::class;
use serde::{Deserialize, Serialize};

/// A token, decoded without trust.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Token {
    /// Where it came from.
    pub origin: Origin,
    /// What kind of text it is.
    pub text: TokenText,
    /// The header, where it could be decoded.
    pub header: Option<Header>,
    /// The claims, where they could be decoded.
    pub claims: Option<Box<Claims>>,
}

/// The text before decoding.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct TokenText {
    /// Bytes as given.
    pub length: usize,
    /// What it looks like.
    pub shape: Shape,
    /// What is around or inside the token that does not belong there.
    pub wrapping: Vec<Wrapping>,
    /// Base64url characters of the signature part; 342 for a 2048-bit RSA key.
    pub signature_length: Option<usize>,
    /// Why a part could not be decoded, without any of its text.
    #[serde(serialize_with = "class::clause")]
    pub undecodable: Option<String>,
    /// Why the text does not have the form of a token although nothing is missing, without any of its
    /// text.
    #[serde(serialize_with = "class::clause")]
    pub malformed: Option<String>,
}

/// What a text looks like.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Three base64url parts.
    SignedToken,
    /// Five parts: an encrypted token.
    EncryptedToken,
    /// Starts like a token and breaks off.
    BrokenToken,
    /// An Entra refresh token (`0.A…`, `1.A…`).
    RefreshToken,
    /// An Entra client secret (`xxx8Q~…`).
    ClientSecret,
    /// A GUID.
    Guid,
    /// Nothing at all.
    Empty,
    /// Something else: an ordinary password, mostly.
    #[default]
    Other,
}

/// What does not belong to the token.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrapping {
    /// Quotation marks at both ends.
    Quotes,
    /// The word `Bearer`.
    Bearer,
    /// The JSON document of `az account get-access-token`.
    Json,
    /// Blanks or line breaks at the ends.
    OuterWhiteSpace,
    /// Blanks or line breaks inside.
    InnerWhiteSpace,
    /// A byte-order mark or another invisible character.
    Invisible,
    /// `PGPASSWORD=` or `export` in front.
    Assignment,
    /// Other text before or behind: a warning, a heading, a second line.
    OtherText,
    /// Dots or another mark where something was left out.
    Ellipsis,
    /// Two bytes per character.
    Utf16,
    /// The same token twice.
    Repeated,
}

/// The token's header.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Header {
    /// The algorithm; Entra signs with RS256.
    #[serde(serialize_with = "class::word")]
    pub alg: String,
    /// The key id.
    #[serde(serialize_with = "class::word")]
    pub kid: Option<String>,
    /// The type.
    #[serde(serialize_with = "class::word")]
    pub typ: Option<String>,
    /// Whether there is a `nonce`, which only tokens for Microsoft Graph have.
    pub has_nonce: bool,
}

/// The claims that matter. Texts are at most 512 characters long, lists at most 256 entries.
///
/// Source: Microsoft Learn, "Access token claims reference".
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Claims {
    /// The audience.
    #[serde(serialize_with = "class::clause")]
    pub aud: Option<String>,
    /// The issuer.
    #[serde(serialize_with = "class::clause")]
    pub iss: Option<String>,
    /// Tenant id.
    #[serde(serialize_with = "class::id")]
    pub tid: Option<String>,
    /// Object id.
    #[serde(serialize_with = "class::id")]
    pub oid: Option<String>,
    /// The subject.
    #[serde(serialize_with = "class::id")]
    pub sub: Option<String>,
    /// Token version, `1.0` or `2.0`.
    #[serde(serialize_with = "class::word")]
    pub ver: Option<String>,
    /// Issued at, seconds since 1970.
    pub iat: Option<i64>,
    /// Not before, seconds since 1970.
    pub nbf: Option<i64>,
    /// Expires, seconds since 1970.
    pub exp: Option<i64>,
    /// `user` or `app`.
    #[serde(serialize_with = "class::word")]
    pub idtyp: Option<String>,
    /// User principal name.
    #[serde(serialize_with = "class::name")]
    pub upn: Option<String>,
    /// v1's name of the user.
    #[serde(serialize_with = "class::name")]
    pub unique_name: Option<String>,
    /// v2's name of the user.
    #[serde(serialize_with = "class::name")]
    pub preferred_username: Option<String>,
    /// Mail address.
    #[serde(serialize_with = "class::name")]
    pub email: Option<String>,
    /// Display name.
    #[serde(serialize_with = "class::name")]
    pub name: Option<String>,
    /// Identity provider, of guests.
    #[serde(serialize_with = "class::clause")]
    pub idp: Option<String>,
    /// Delegated scopes; user tokens only.
    #[serde(serialize_with = "class::word")]
    pub scp: Option<String>,
    /// Application roles.
    #[serde(serialize_with = "class::name")]
    pub roles: Vec<String>,
    /// Client application (v1).
    #[serde(serialize_with = "class::id")]
    pub appid: Option<String>,
    /// Client application (v2).
    #[serde(serialize_with = "class::id")]
    pub azp: Option<String>,
    /// How the client authenticated.
    #[serde(serialize_with = "class::word")]
    pub appidacr: Option<String>,
    /// Display name of the client application.
    #[serde(serialize_with = "class::name")]
    pub app_displayname: Option<String>,
    /// Authentication methods of the user.
    #[serde(serialize_with = "class::word")]
    pub amr: Vec<String>,
    /// Resource id of a managed identity.
    #[serde(serialize_with = "class::name")]
    pub xms_mirid: Option<String>,
    /// Group object ids.
    #[serde(serialize_with = "class::id")]
    pub groups: Vec<String>,
    /// Whether the groups were too many to be listed.
    pub groups_overage: bool,
    /// Whether there is a `nonce` claim, which only id tokens have.
    pub has_nonce: bool,
    /// Unique id of this token, for comparison of two runs.
    #[serde(serialize_with = "class::id")]
    pub uti: Option<String>,
}

/// The kind of principal that a token identifies.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person of this tenant.
    User,
    /// A person of another tenant.
    Guest,
    /// An application with its own secret, certificate or federation.
    ServicePrincipal,
    /// A managed identity.
    ManagedIdentity,
}

/// The signature held against the tenant's published keys.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signature {
    /// It is genuine.
    Verified {
        /// The key.
        #[serde(serialize_with = "class::word")]
        kid: String,
    },
    /// The key is known and the signature is not its own.
    Bad {
        /// The key.
        #[serde(serialize_with = "class::word")]
        kid: String,
    },
    /// The key is not among those published.
    UnknownKey {
        /// The key the token names.
        #[serde(serialize_with = "class::word")]
        kid: String,
        /// How many keys are published.
        published: usize,
    },
    /// Only its resource can verify it (tokens for Microsoft Graph), or its header is malformed.
    NotVerifiable {
        /// The reason.
        #[serde(serialize_with = "class::clause")]
        detail: String,
    },
}

impl Claims {
    /// What kind of principal this is.
    #[must_use]
    pub fn principal(&self) -> PrincipalKind {
        let is_app = match self.idtyp.as_deref() {
            Some("app") => true,
            Some(_) => false,
            // Of a person's names an ID token of version 2 holds only the preferred one.
            None => {
                let preferred = self.preferred_username.as_deref();
                let named = preferred.is_some_and(|name| name.contains('@'));
                self.scp.is_none() && self.upn.is_none() && self.unique_name.is_none() && !named
            }
        };
        if is_app {
            return if self.xms_mirid.is_some() {
                PrincipalKind::ManagedIdentity
            } else {
                PrincipalKind::ServicePrincipal
            };
        }
        let foreign = self.idp.as_deref().is_some_and(|idp| Some(idp) != self.iss.as_deref());
        if foreign { PrincipalKind::Guest } else { PrincipalKind::User }
    }

    /// The client application, in either version.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.appid.as_deref().or(self.azp.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::{Claims, PrincipalKind};

    #[test]
    fn an_id_token_of_version_2_is_a_persons() {
        let named =
            |name: &str| Claims { preferred_username: Some(name.to_owned()), ..Claims::default() };
        assert_eq!(named("abeli@contoso.com").principal(), PrincipalKind::User);
        assert_eq!(Claims::default().principal(), PrincipalKind::ServicePrincipal);
    }
}
