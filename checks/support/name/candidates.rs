//! The role names that an identity could log in with.

use crate::facts::{graph::Directory, token::Claims, token::PrincipalKind};

/// A possible role name, and why it is one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// The name.
    pub name: String,
    /// Where it comes from, such as "the token's upn".
    pub from: &'static str,
}

/// The names in order of likelihood. Microsoft's own functions name roles after the user principal
/// name, the group's or the application's display name, or the managed identity; a role made with an
/// object id may be called anything.
///
/// Source: Microsoft Learn, "Manage Microsoft Entra users in Azure Database for PostgreSQL".
#[must_use]
pub fn candidates(claims: &Claims, directory: Option<&Directory>) -> Vec<Candidate> {
    // Of another account than the token's, Graph's answer says nothing.
    let directory = directory.filter(|directory| {
        directory.id.is_none() || claims.oid.is_none() || directory.id == claims.oid
    });
    let mut all = Vec::new();
    let mut add = |name: Option<&str>, from| {
        if let Some(name) = name.filter(|name| !name.is_empty())
            && !all.iter().any(|known: &Candidate| known.name == name)
        {
            all.push(Candidate { name: name.to_owned(), from });
        }
    };
    add(directory.and_then(|d| d.user_principal_name.as_deref()), "Graph's userPrincipalName");
    add(claims.upn.as_deref(), "the token's upn");
    match claims.principal() {
        PrincipalKind::User => {
            add(claims.unique_name.as_deref(), "the token's unique_name");
            add(claims.preferred_username.as_deref(), "the token's preferred_username");
        }
        PrincipalKind::Guest => {}
        PrincipalKind::ServicePrincipal | PrincipalKind::ManagedIdentity => {
            let resource = claims.xms_mirid.as_deref().and_then(identity_name);
            add(resource.as_deref(), "the managed identity's name");
            add(
                directory.and_then(|directory| directory.display_name.as_deref()),
                "Graph's displayName",
            );
            add(claims.app_displayname.as_deref(), "the application's name");
        }
    }
    for group in directory.iter().flat_map(|directory| &directory.groups) {
        add(Some(&group.display_name), "a group of this identity");
    }
    all
}

/// The last part of the resource id: the identity's own name, or that of the machine or site that has
/// it; a slot of App Service keeps its place behind the site's name.
fn identity_name(resource: &str) -> Option<String> {
    let parts: Vec<&str> = resource.split('/').collect();
    match parts.as_slice() {
        [.., site, "slots", slot] => Some(format!("{site}/slots/{slot}")),
        [.., name] if !name.is_empty() => Some((*name).to_owned()),
        _ => None,
    }
}

/// The address that a guest has at home. Personal accounts are written `live.com#bob@outlook.com`.
#[must_use]
pub fn home_address(claims: &Claims) -> Option<&str> {
    let home = claims
        .unique_name
        .as_deref()
        .or(claims.preferred_username.as_deref())
        .or(claims.email.as_deref())?;
    Some(home.split_once('#').map_or(home, |(_, address)| address))
}

/// How a guest's home address is written in the tenant's user principal names:
/// `bob@fabrikam.com` is `bob_fabrikam.com#EXT#@<tenant>`.
#[must_use]
pub fn guest_form(home: &str) -> String {
    format!("{}#EXT#@", home.replace('@', "_"))
}

#[cfg(test)]
mod tests {
    use super::{candidates, guest_form, home_address, identity_name};
    use crate::facts::{graph::Directory, token::Claims};

    #[test]
    fn a_managed_identity_is_named_after_its_resource() {
        let mirid = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders";
        assert_eq!(identity_name(mirid).as_deref(), Some("id-orders"));
        let slot =
            "/subscriptions/s/resourcegroups/g/providers/Microsoft.Web/sites/shop/slots/stage";
        assert_eq!(identity_name(slot).as_deref(), Some("shop/slots/stage"));
        let claims = Claims {
            idtyp: Some("app".to_owned()),
            xms_mirid: Some(mirid.to_owned()),
            ..Claims::default()
        };
        assert_eq!(candidates(&claims, None)[0].name, "id-orders");
    }

    #[test]
    fn graph_speaks_only_of_the_same_identity() {
        let claims = Claims {
            oid: Some("1".to_owned()),
            upn: Some("alice@contoso.com".to_owned()),
            scp: Some("user_impersonation".to_owned()),
            ..Claims::default()
        };
        let mut directory = Directory {
            id: Some("1".to_owned()),
            user_principal_name: Some("Alice@contoso.com".to_owned()),
            ..Directory::default()
        };
        assert_eq!(candidates(&claims, Some(&directory))[0].name, "Alice@contoso.com");
        directory.id = Some("2".to_owned());
        assert_eq!(candidates(&claims, Some(&directory))[0].name, "alice@contoso.com");
    }

    #[test]
    fn personal_accounts_have_a_home_address() {
        let claims = Claims {
            unique_name: Some("live.com#bob@outlook.com".to_owned()),
            ..Claims::default()
        };
        assert_eq!(home_address(&claims), Some("bob@outlook.com"));
    }

    #[test]
    fn a_guest_is_written_with_ext() {
        assert_eq!(guest_form("bob@fabrikam.com"), "bob_fabrikam.com#EXT#@");
    }
}
