//! The mapping of roles to principals, as a table.

use entra_pg_checks::Evidence;

/// The most roles that are shown; `--format json` holds all of them.
const MOST: usize = 200;

/// The table; empty where nobody asked for it.
pub(super) fn lines(evidence: &Evidence) -> Vec<String> {
    let Some(session) = evidence.session.seen().filter(|session| session.as_admin) else {
        return Vec::new();
    };
    let principals = session.principals.seen().map(Vec::as_slice).unwrap_or_default();
    let mut lines = Vec::new();
    if !principals.is_empty() {
        lines.push(format!(" {:<48} {:<8} {:<36} TENANT", "ENTRA ROLE", "KIND", "OBJECT ID"));
    }
    for principal in principals.iter().take(MOST) {
        let marks = [(principal.admin, " admin"), (principal.mfa, " mfa")];
        let marks: String = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect();
        lines.push(format!(
            " {:<48} {:<8} {:<36} {}{marks}",
            principal.role, principal.kind, principal.object_id, principal.tenant_id
        ));
    }
    if principals.len() > MOST {
        lines.push(format!(" and {} more: see --format json", principals.len() - MOST));
    }
    let others = session.unlabelled.seen().map(Vec::as_slice).unwrap_or_default();
    if !others.is_empty() {
        let shown: Vec<&str> = others.iter().take(MOST).map(String::as_str).collect();
        lines.push(format!(" Login roles without a label: {}", shown.join(", ")));
    }
    lines
}
