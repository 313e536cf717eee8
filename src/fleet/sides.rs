//! Both networks of a login in one verdict: that of the clients, and that of the server, which only a
//! run in a sibling subnet and the configuration in Azure can show.

use super::row::Row;
use crate::diagnose::Report;
use entra_pg_checks::{Severity, Status};

/// What reports say about both networks.
#[derive(Debug, Default)]
pub struct Sides {
    /// Runs of clients that name a server.
    pub(crate) clients: Vec<Row>,
    /// Runs in a subnet with the NSG and the route table of the server's subnet.
    pub(crate) siblings: Vec<Row>,
    /// What each of them says of the path to Microsoft Entra ID, and why it fails.
    entra: Vec<(Known, Option<&'static str>)>,
    /// Errors in the configuration in Azure: problem id and headline.
    pub(crate) azure: Vec<(&'static str, String)>,
    /// Whether any report holds the configuration in Azure.
    pub(crate) has_azure: bool,
}

/// What is known about one network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Known {
    Works,
    Fails,
    Unknown,
}

impl Sides {
    /// Sorts reports; `siblings` are those that were named as runs of a sibling subnet.
    #[must_use]
    pub fn of(reports: &[Report], siblings: &[Report]) -> Self {
        let mut sides = Self::default();
        for report in reports {
            sides.add_azure(report);
            if server_of(report).is_some() {
                sides.clients.push(named(report));
            }
        }
        for report in siblings {
            sides.add_azure(report);
            let row = named(report);
            sides.entra.push(path_to_entra(report, &row));
            sides.siblings.push(row);
        }
        sides
    }

    fn add_azure(&mut self, report: &Report) {
        self.has_azure |= report.evidence().azure.seen().is_some();
        for judged in &report.judgment().findings {
            let finding = &judged.finding;
            let of_azure = judged.check.family() == entra_pg_checks::azure::FAMILY.name;
            let id = finding.problem.id;
            let known = self.azure.iter().any(|(known, _)| *known == id);
            if of_azure && finding.severity == Severity::Error && !known {
                self.azure.push((id, finding.detail.clone()));
            }
        }
    }

    /// Whether the reports say anything about the server's network.
    #[must_use]
    pub(crate) const fn is_known(&self) -> bool {
        !self.siblings.is_empty() || self.has_azure
    }

    /// The verdict in one sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let parts = [self.of_clients(), self.of_server(), self.of_azure()];
        let sentence = parts.into_iter().flatten().collect::<Vec<String>>().join("; ");
        let mut letters = sentence.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }

    fn of_clients(&self) -> Option<String> {
        let (mut reaching, mut failing, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for row in &self.clients {
            match stage(row, entra_pg_checks::server::FAMILY.name) {
                Known::Works => reaching.push(row),
                Known::Fails => failing.push(row),
                Known::Unknown => unknown.push(row),
            }
        }
        let mut clauses = Vec::new();
        let mut clause = |rows: &[&Row], words: &str| {
            if !rows.is_empty() {
                clauses.push(format!("clients in {} {words}", places(rows)));
            }
        };
        let (working, refused): (Vec<&Row>, Vec<&Row>) =
            reaching.into_iter().partition(|row| row.works());
        clause(&working, "can log in");
        clause(&refused, "reach the server, but the login fails");
        clause(&failing, "cannot reach the server");
        clause(&unknown, "did not test the path to the server");
        (!clauses.is_empty()).then(|| clauses.join(", "))
    }

    fn of_server(&self) -> Option<String> {
        let of = |wanted: Known| -> Vec<&Row> {
            let known = self.siblings.iter().zip(&self.entra);
            known.filter(|(_, (known, _))| *known == wanted).map(|(row, _)| row).collect()
        };
        let (failing, working) = (of(Known::Fails), of(Known::Works));
        if !failing.is_empty() {
            let cause = self.entra.iter().find_map(|(_, cause)| *cause);
            let cause = cause.map(|id| format!(": {id}")).unwrap_or_default();
            return Some(format!(
                "the server's subnet cannot reach Microsoft Entra ID (from its sibling {}{cause})",
                places(&failing)
            ));
        }
        if !working.is_empty() {
            return Some(format!(
                "the server's subnet reaches Microsoft Entra ID (from its sibling {})",
                places(&working)
            ));
        }
        (!self.siblings.is_empty()).then(|| {
            "the sibling of the server's subnet did not test the path to Microsoft Entra ID"
                .to_owned()
        })
    }

    fn of_azure(&self) -> Option<String> {
        match self.azure.first() {
            Some((id, detail)) => {
                Some(format!("the Azure configuration blocks it ({id}): {detail}"))
            }
            None if self.has_azure => Some("the Azure configuration has no error".to_owned()),
            None => None,
        }
    }
}

/// A fault that is a warning because the login worked without the path is a fault of the path.
fn path_to_entra(report: &Report, row: &Row) -> (Known, Option<&'static str>) {
    let family = entra_pg_checks::outbound::FAMILY.name;
    let fault = report.judgment().findings.iter().find(|judged| {
        let error = judged.finding.severity == Severity::Error || judged.softened;
        judged.check.family() == family && error
    });
    match fault {
        Some(judged) => (Known::Fails, Some(judged.finding.problem.id)),
        None => (stage(row, family), None),
    }
}

fn named(report: &Report) -> Row {
    let vantage = &report.evidence().vantage;
    let name = vantage.subnet().map_or_else(
        || match vantage.hostname.as_str() {
            "" => "(unnamed location)".to_owned(),
            name => name.to_owned(),
        },
        |prefix| prefix.to_string(),
    );
    Row::of(&name, report)
}

pub(super) fn server_of(report: &Report) -> Option<&str> {
    let settings = report.evidence().settings.seen()?;
    settings.host.as_ref().map(|host| host.value.as_str())
}

fn stage(row: &Row, family: &str) -> Known {
    let status = row.stages.iter().find(|(known, _)| *known == family).map(|(_, status)| *status);
    match status {
        Some(Status::Passed | Status::Warning) => Known::Works,
        Some(Status::Failed) => Known::Fails,
        _ => Known::Unknown,
    }
}

fn places(rows: &[&Row]) -> String {
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
