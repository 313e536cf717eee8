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

/// How a guest's home address is written in the tenant's user principal names:
/// `bob@fabrikam.com` is `bob_fabrikam.com#EXT#@<tenant>`.
#[must_use]
pub fn guest_form(home: &str) -> String {
    format!("{}#EXT#@", home.replace('@', "_"))
}

#[cfg(test)]
mod tests {
    use super::{candidates, guest_form, identity_name};
    use crate::facts::token::Claims;

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
    fn a_guest_is_written_with_ext() {
        assert_eq!(guest_form("bob@fabrikam.com"), "bob_fabrikam.com#EXT#@");
    }
}
