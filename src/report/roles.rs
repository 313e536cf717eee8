//! The mapping of roles to principals, as a table.

use entra_pg_checks::Evidence;

/// The most roles that are shown; `--format json` has all of them.
const ROWS: usize = 200;

/// The table; empty without `--as-admin`.
pub(super) fn lines(evidence: &Evidence) -> Vec<String> {
    let Some(session) = evidence.session.seen().filter(|session| session.as_admin) else {
        return Vec::new();
    };
    let principals = session.principals.seen().map(Vec::as_slice).unwrap_or_default();
    let mut lines = Vec::new();
    // The tenant matters only if it is not the same for all.
    let tenants = principals.iter().any(|one| one.tenant_id != principals[0].tenant_id);
    let longest = principals.iter().map(|principal| principal.role.chars().count()).max();
    let width = longest.unwrap_or(0).clamp(10, 48);
    if !principals.is_empty() {
        let tenant = if tenants { "TENANT" } else { "" };
        lines.push(format!("{:width$} {:<7} {:<36} {tenant}", "ENTRA ROLE", "KIND", "OBJECT ID"));
    }
    for principal in principals.iter().take(ROWS) {
        let tenant = if tenants { principal.tenant_id.as_str() } else { "" };
        let marks = [(principal.admin, " admin"), (principal.mfa, " mfa")];
        let marks: String = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect();
        lines.push(format!(
            "{:width$} {:<7} {:<36} {tenant}{marks}",
            principal.role, principal.kind, principal.object_id
        ));
    }
    if principals.len() > ROWS {
        lines.push(format!(" and {} more: see --format json", principals.len() - ROWS));
    }
    let others = session.unlabelled.seen().map(Vec::as_slice).unwrap_or_default();
    if !others.is_empty() {
        let shown: Vec<&str> = others.iter().take(ROWS).map(String::as_str).collect();
        lines.push(format!(" Login roles without a label: {}", shown.join(", ")));
    }
    lines
}
