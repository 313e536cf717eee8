//! Many targets in one run. What does not depend on the server is checked once per cloud and per
//! identity. Every target has its own clock, deadline and log; a limited number of targets is checked
//! at the same time. Only the [`Row`] of a finished target is kept.

mod list;
mod merge;
mod row;

use crate::{
    diagnose::Report,
    diagnose::gather::{Common, gather_with},
    environment::Environment,
    probe::context::Context,
    process::progress::Progress,
    secret::Secret,
    settings::request::Request,
};
use entra_pg_checks::{Outcome, facts::settings::Origin};
use futures::{StreamExt, stream};
use jiff::Timestamp;
pub use list::{Item, parse};
pub use merge::{Place, Placed, merge};
pub use row::{Cause, Row, Shared, State, shared};
use std::{cell::OnceCell, cell::RefCell, sync::Arc};
use tokio_util::sync::CancellationToken;

/// One target of a fleet.
#[derive(Debug)]
pub struct Entry {
    /// The name in the matrix; no two are alike.
    pub name: String,
    /// What is asked for.
    pub request: Request,
}

/// What became of all targets.
pub struct Fleet {
    /// The run's own id.
    pub run_id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// One row per target, in the order of the list.
    pub rows: Vec<Row>,
}

impl Fleet {
    /// The worst that became of any target.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        row::worst(&self.rows)
    }
}

/// Checks every target, up to `jobs` at the same time, and hands over each report as it completes.
pub async fn run(
    entries: &[Entry],
    jobs: usize,
    environment: &Environment,
    interrupt: &CancellationToken,
    progress: &Progress,
    each: impl FnMut(&Entry, &Report),
) -> Fleet {
    let (timeout, deadline) = entries
        .first()
        .map_or_else(Default::default, |entry| (entry.request.timeout, entry.request.deadline));
    let interrupt = interrupt.clone();
    let base =
        Context::new(environment.clone(), timeout, deadline, interrupt.clone(), Progress::none());
    let base = match entries.first() {
        Some(entry) => base.with_secrets(&entry.request.secrets),
        None => base,
    };
    let clouds = Group::of(entries, same_cloud);
    let identities = Group::of(entries, same_identity);
    let hosts: Vec<OnceCell<Common<'_>>> = clouds.cells();
    let commons: Vec<OnceCell<Common<'_>>> = identities.cells();
    let (hosts, commons) = (&hosts, &commons);
    let tally = RefCell::new((Tally { all: entries.len(), ..Tally::default() }, each));

    let look = |index: usize| {
        let entry = &entries[index];
        let (base, clouds, identities, tally) = (&base, &clouds, &identities, &tally);
        let interrupt = &interrupt;
        async move {
            if interrupt.is_cancelled() {
                return (index, Row::not_begun(entry));
            }
            let context = || base.of_one_target(timeout, deadline);
            let common = commons[identities.group_of[index]].get_or_init(|| {
                let cloud = clouds.group_of[index];
                let cloud_context = clouds.contexts[cloud].get_or_init(context);
                hosts[cloud]
                    .get_or_init(|| Common::new(cloud_context, &entry.request))
                    .with_identity(
                        identities.contexts[identities.group_of[index]].get_or_init(context),
                        &entry.request,
                    )
            });
            let evidence = gather_with(&context(), &entry.request, common).await;
            let report = Report::new(evidence, &entry.request.selection);
            let row = Row::of(&entry.name, &report);
            let mut tally = tally.borrow_mut();
            let (tally, each) = &mut *tally;
            each(entry, &report);
            tally.add(&row);
            progress.tally(&tally.line());
            (index, row)
        }
    };
    let looks = stream::iter(0..entries.len()).map(look).buffer_unordered(jobs.max(1));
    let mut rows: Vec<(usize, Row)> = looks.collect().await;
    progress.finish();
    rows.sort_by_key(|(index, _)| *index);
    Fleet {
        run_id: base.run_id().to_owned(),
        started_at: base.observed_at(),
        duration_ms: base.elapsed_ms(),
        interrupted: base.interrupted(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }
}

/// Which entries go together, and a context for each group, made when its first target has its turn:
/// a deadline that began with the run would be over for those who come late.
struct Group {
    group_of: Vec<usize>,
    contexts: Vec<OnceCell<Context>>,
}

impl Group {
    fn of(entries: &[Entry], same: impl Fn(&Request, &Request) -> bool) -> Self {
        let mut first: Vec<&Request> = Vec::new();
        let mut group_of = Vec::with_capacity(entries.len());
        for entry in entries {
            let known = first.iter().position(|request| same(request, &entry.request));
            group_of.push(known.unwrap_or(first.len()));
            if known.is_none() {
                first.push(&entry.request);
            }
        }
        Self { group_of, contexts: first.iter().map(|_| OnceCell::new()).collect() }
    }

    fn cells<T>(&self) -> Vec<OnceCell<T>> {
        self.contexts.iter().map(|_| OnceCell::new()).collect()
    }
}

fn same_cloud(one: &Request, other: &Request) -> bool {
    one.settings.cloud.value == other.settings.cloud.value
}

/// Whether both would get the same token in the same way.
fn same_identity(one: &Request, other: &Request) -> bool {
    let same = |one: Option<&Arc<Secret>>, other: Option<&Arc<Secret>>| match (one, other) {
        (Some(one), Some(other)) => one.expose() == other.expose(),
        (one, other) => one.is_none() && other.is_none(),
    };
    let given =
        |request: &Request| request.token_file.as_ref().map(|(secret, _)| Arc::clone(secret));
    let tenant = |request: &Request| {
        let settings = &request.settings;
        settings.tenant.as_ref().map(|tenant| tenant.value.clone()).or(request.tenant.clone())
    };
    same_cloud(one, other)
        && one.credential == other.credential
        && one.client_id == other.client_id
        && tenant(one) == tenant(other)
        && same(given(one).as_ref(), given(other).as_ref())
        && same(one.password.as_ref(), other.password.as_ref())
        && same_origin(one.settings.password.as_ref(), other.settings.password.as_ref())
}

/// Lines of one password file count as one origin: the token in them is the same.
fn same_origin(one: Option<&Origin>, other: Option<&Origin>) -> bool {
    match (one, other) {
        (Some(Origin::PassFile { path, .. }), Some(Origin::PassFile { path: other, .. })) => {
            path == other
        }
        (one, other) => one == other,
    }
}

/// What the progress line says.
#[derive(Default)]
struct Tally {
    all: usize,
    done: usize,
    failing: usize,
    last: String,
}

impl Tally {
    fn add(&mut self, row: &Row) {
        self.done += 1;
        self.failing += usize::from(row.state == State::Looked(Outcome::Failing));
        self.last.clone_from(&row.name);
    }

    fn line(&self) -> String {
        let Self { all, done, failing, last } = self;
        format!(
            "{done} of {all} targets checked, {failing} failed; last: {}",
            crate::text::clean(last)
        )
    }
}
