//! Many targets in one run. What does not depend on the server is checked once per cloud and per
//! identity. Every target has its own clock, deadline and log; a limited number of targets is checked
//! at the same time. Only the [`Row`] of a finished target is kept.

mod lines;
mod list;
mod merge;
mod pace;
mod plan;
mod row;
mod shard;
mod sides;

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
pub use lines::{Begin, End, Gaps, Line, Results, Target};
pub(crate) use list::{Item, digest_of, parse};
pub use merge::{Place, Placed, merge};
use pace::{Pace, random};
pub(crate) use plan::plan;
pub use row::{Cause, Row, Shared, State, shared, worst};
pub use shard::{Shard, ShardOption};
pub use sides::Sides;
use std::{
    cell::{OnceCell, RefCell},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// One target of a fleet.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The name in the matrix; no two are alike.
    pub(crate) name: String,
    /// What is asked for.
    pub(crate) request: Request,
    /// Why it cannot be tested.
    pub(crate) untestable: Option<String>,
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
    /// What is missing, if the rows are the joined results of several runs.
    pub gaps: Option<Gaps>,
}

impl Fleet {
    /// The worst that became of any target. A target without a result is undetermined.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match row::worst(&self.rows) {
            Outcome::Healthy | Outcome::Degraded if self.missing() > 0 => Outcome::Undetermined,
            outcome => outcome,
        }
    }

    /// Targets of the list without a result.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.gaps.as_ref().map_or(0, |gaps| gaps.missing)
    }
}

/// How fast a run goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed {
    /// Targets that are checked at the same time.
    pub(crate) jobs: usize,
    /// Targets that start per second.
    pub(crate) rate: u32,
    /// The first target starts at a random moment within this time.
    pub(crate) spread: Duration,
}

/// A run and what it shares among its targets.
pub(crate) struct Run<'a> {
    entries: &'a [Entry],
    base: Context,
    timeout: Duration,
    deadline: Duration,
    interrupt: CancellationToken,
    clouds: Group,
    identities: Group,
}

/// How often a token is requested if the token authority throttles the request.
const TRIES: usize = 4;
/// The wait before the next request if the answer does not say how long.
const WAIT: Duration = Duration::from_secs(5);
/// A longer wait than this is not worth it: the targets report the throttling.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl<'a> Run<'a> {
    /// A run that begins now.
    #[must_use]
    pub(crate) fn new(
        entries: &'a [Entry],
        environment: &Environment,
        interrupt: &CancellationToken,
    ) -> Self {
        let first = entries.first().map(|entry| &entry.request);
        let (timeout, deadline) =
            first.map_or_else(Default::default, |request| (request.timeout, request.deadline));
        let (environment, interrupt) = (environment.clone(), interrupt.clone());
        let base =
            Context::new(environment, timeout, deadline, interrupt.clone(), Progress::none());
        let base = match first {
            Some(request) => base.with_secrets(&request.secrets),
            None => base,
        };
        let clouds = Group::of(entries, same_cloud);
        let identities = Group::of(entries, same_identity);
        Self { entries, base, timeout, deadline, interrupt, clouds, identities }
    }

    /// The run's own id.
    #[must_use]
    pub(crate) fn id(&self) -> &str {
        self.base.run_id()
    }

    /// When the run began.
    #[must_use]
    pub(crate) const fn started_at(&self) -> Timestamp {
        self.base.observed_at()
    }

    /// How long the run has taken.
    #[must_use]
    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.base.elapsed_ms()
    }

    /// Whether the run was interrupted.
    #[must_use]
    pub(crate) fn interrupted(&self) -> bool {
        self.base.interrupted()
    }

    /// Checks every target and hands over each result as soon as the target is done, with its place
    /// in the list.
    pub(crate) async fn check(
        &self,
        speed: Speed,
        progress: &Progress,
        each: impl FnMut(usize, Option<&Report>, Row),
    ) {
        let pace = Pace::new(speed.rate, speed.spread);
        let clouds: Vec<OnceCell<Common<'_>>> = self.clouds.cells();
        let identities: Vec<tokio::sync::OnceCell<Common<'_>>> =
            self.identities.contexts.iter().map(|_| tokio::sync::OnceCell::new()).collect();
        let tally = Tally { all: self.entries.len(), ..Tally::default() };
        let (pace, clouds, identities) = (&pace, &clouds, &identities);
        let done = &RefCell::new((tally, each));
        let check = |index: usize| async move {
            let entry = &self.entries[index];
            pace.turn(&self.interrupt).await;
            if self.interrupt.is_cancelled() {
                let (_, each) = &mut *done.borrow_mut();
                return each(index, None, Row::not_begun(entry));
            }
            if let Some(why) = &entry.untestable {
                let (tally, each) = &mut *done.borrow_mut();
                let row = Row::not_tested(entry, why, self.started_at());
                tally.add(&row);
                return each(index, None, row);
            }
            let group = self.identities.group_of[index];
            let common = identities[group].get_or_init(|| self.common(index, clouds)).await;
            let evidence = gather_with(&self.context(), &entry.request, common).await;
            let report = Report::new(evidence, &entry.request.selection);
            let row = Row::of(&entry.name, &report);
            let (tally, each) = &mut *done.borrow_mut();
            tally.add(&row);
            progress.tally(&tally.line());
            each(index, Some(&report), row);
        };
        let checks = stream::iter(0..self.entries.len()).map(check);
        checks.buffer_unordered(speed.jobs.max(1)).collect::<()>().await;
        progress.finish();
    }

    fn context(&self) -> Context {
        self.base.of_one_target(self.timeout, self.deadline)
    }

    /// What the targets of one identity share: the path to Microsoft Entra ID and one token. If the
    /// token authority throttles the request, it is repeated after the time that the answer asks for.
    async fn common<'b>(&'b self, index: usize, clouds: &[OnceCell<Common<'b>>]) -> Common<'b> {
        let request = &self.entries[index].request;
        let cloud = self.clouds.group_of[index];
        let hosts = clouds[cloud].get_or_init(|| {
            Common::new(self.clouds.contexts[cloud][0].get_or_init(|| self.context()), request)
        });
        let contexts = &self.identities.contexts[self.identities.group_of[index]];
        let mut last = None;
        for context in contexts {
            let context = context.get_or_init(|| self.context());
            let common = hosts.with_identity(context, request);
            let Some(asked) = common.throttled(WAIT).await else { return common };
            last = Some(common);
            if asked > LONGEST_WAIT {
                break;
            }
            let wait = asked + Duration::from_secs(1).mul_f64(random());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.interrupt.cancelled() => break,
            }
        }
        last.unwrap_or_else(|| hosts.clone())
    }
}

/// Which entries go together, and a context for each group, made when its first target has its turn:
/// a deadline that began with the run would be over for those who come late.
struct Group {
    group_of: Vec<usize>,
    contexts: Vec<[OnceCell<Context>; TRIES]>,
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
        Self { group_of, contexts: first.iter().map(|_| Default::default()).collect() }
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
