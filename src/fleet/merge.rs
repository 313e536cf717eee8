//! Reports of several locations combined: from which of them a login works.

use super::{
    row::{Row, State},
    sides::server_of,
};
use crate::diagnose::Report;
use entra_pg_checks::{Outcome, Status};

/// One server, as observed from each location.
pub struct Place {
    /// The server and port.
    pub target: String,
    /// One row a place and report, the places in order.
    pub rows: Vec<Row>,
}

/// What the places have to do with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Placed {
    /// It works from every place.
    Everywhere,
    /// It works from no place, for the same cause: it is not a matter of the place.
    NowhereForOneCause,
    /// It works from no place, for several causes.
    Nowhere,
    /// It works from some places.
    Somewhere,
}

/// Joins reports, by server.
#[must_use]
pub fn merge(reports: &[Report]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    // A run that judged the configuration in Azure only is about no location.
    let located =
        |report: &&Report| server_of(report).is_some() || report.evidence().azure.seen().is_none();
    let twice = |index: usize| {
        reports[..index].iter().any(|earlier| earlier.evidence() == reports[index].evidence())
    };
    for (index, report) in reports.iter().enumerate().filter(|(_, report)| located(report)) {
        // A report that is given twice, as a file and in a log, counts once.
        if twice(index) {
            continue;
        }
        let vantage = &report.evidence().vantage.hostname;
        let name = if vantage.is_empty() { "(unnamed location)" } else { vantage };
        let row = Row::of(name, report);
        let target = match &row.host {
            Some(host) => format!("{host}:{}", row.port),
            None => "no server named".to_owned(),
        };
        match places.iter_mut().find(|place| place.target == target) {
            Some(place) => place.rows.push(row),
            None => places.push(Place { target, rows: vec![row] }),
        }
    }
    for place in &mut places {
        place.rows.sort_by(|one, other| {
            (&one.name, one.started_at).cmp(&(&other.name, other.started_at))
        });
        place.tell_apart();
    }
    places.sort_by(|one, other| one.target.cmp(&other.target));
    places
}

impl Place {
    /// Several reports from machines of one name are distinguished by subnet, then by user, and then by
    /// time.
    fn tell_apart(&mut self) {
        let names: Vec<String> = self.rows.iter().map(|row| row.name.clone()).collect();
        let users: Vec<Option<String>> = self.rows.iter().map(|row| row.user.clone()).collect();
        let subnets: Vec<Option<String>> = self.rows.iter().map(|row| row.subnet.clone()).collect();
        for (index, row) in self.rows.iter_mut().enumerate() {
            let twins =
                || (0..names.len()).filter(|&other| other != index && names[other] == names[index]);
            if twins().next().is_none() {
                continue;
            }
            let by_subnet = twins().all(|other| subnets[other] != subnets[index]);
            let by_user = twins().all(|other| users[other] != users[index]);
            let mark = match (&row.subnet, &row.user, row.started_at) {
                (Some(subnet), _, _) if by_subnet => subnet.clone(),
                (_, Some(user), _) if by_user => user.clone(),
                (_, _, Some(at)) => at.strftime("%H:%M:%SZ").to_string(),
                _ => (index + 1).to_string(),
            };
            row.name = format!("{} ({mark})", row.name);
        }
        for index in 1..self.rows.len() {
            let (before, rest) = self.rows.split_at_mut(index);
            if let Some(row) = rest.first_mut()
                && before.iter().any(|other| other.name == row.name)
            {
                row.name = format!("{} #{}", row.name, index + 1);
            }
        }
    }

    /// Whether it is a matter of the place.
    #[must_use]
    pub fn placed(&self) -> Placed {
        let working = self.rows.iter().filter(|row| row.works()).count();
        if working == self.rows.len() {
            return Placed::Everywhere;
        }
        if working > 0 {
            return Placed::Somewhere;
        }
        let mut roots = self.rows.iter().map(|row| row.root.as_ref());
        let first = roots.next().flatten();
        let same =
            first.is_some_and(|first| roots.all(|root| root.is_some_and(|root| root.same(first))));
        if same { Placed::NowhereForOneCause } else { Placed::Nowhere }
    }

    /// The first family of checks that passes from some locations and fails from others.
    #[must_use]
    pub fn parts_at(&self) -> Option<&'static str> {
        let looked = || self.rows.iter().filter(|row| row.state != State::NotBegun);
        let stages = looked().next()?.stages.iter().map(|(family, _)| *family);
        let holds = |row: &Row, family: &str| {
            let of_family = row.stages.iter().find(|(known, _)| *known == family);
            of_family.is_some_and(|(_, status)| matches!(status, Status::Passed | Status::Warning))
        };
        let fails = |row: &Row, family: &str| {
            let of_family = row.stages.iter().find(|(known, _)| *known == family);
            of_family.is_some_and(|(_, status)| *status == Status::Failed)
        };
        stages.into_iter().find(|family| {
            looked().any(|row| holds(row, family)) && looked().any(|row| fails(row, family))
        })
    }

    /// The worst of it.
    #[must_use]
    pub(crate) fn outcome(&self) -> Outcome {
        super::row::worst(&self.rows)
    }
}
