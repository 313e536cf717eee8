//! What every probe shares: the clock, the budgets, the log of what was done.

#![allow(clippy::disallowed_methods, reason = "the home of the clock")]

use crate::sync::lock;
use crate::{
    environment::Environment,
    net::{
        Lookups, Proxies, Roots,
        client::{Clients, Route},
        gateway::{Contacts, Gateway},
    },
    process::{crash, limits, progress::Progress},
    random,
    secret::{Secrets, outgoing},
    time::milliseconds,
};
use entra_pg_checks::{Contact, ContactProtocol, Evidence, Fact, NotObserved, Step, Topic};
use futures::FutureExt;
use jiff::Timestamp;
use std::{
    any::Any,
    future::Future,
    io,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// The frame of one run. Probes get it by reference and nothing else that is ambient.
pub(crate) struct Context {
    /// The environment, as it was when the program began.
    pub(crate) environment: Arc<Environment>,
    /// The root certificates.
    pub(crate) roots: Arc<Roots>,
    /// The proxies of the environment or of the system.
    pub(crate) proxies: Arc<Proxies>,
    /// The system's lookups, one per name.
    pub(crate) lookups: Lookups,
    secrets: Secrets,
    http: Arc<Clients>,
    contacts: Contacts,
    run_id: String,
    started: Instant,
    observed_at: Timestamp,
    timeout: Duration,
    deadline: Duration,
    interrupt: CancellationToken,
    progress: Progress,
    log: Mutex<Log>,
    exhaustion: OnceLock<String>,
}

/// What was done, in the order in which it ended.
#[derive(Default)]
pub(crate) struct Log {
    /// When each observation began and how long it took.
    pub(crate) timeline: Vec<Step>,
    /// Every endpoint contacted, once.
    pub(crate) contacted: Vec<Contact>,
    /// Defects of our own that were caught.
    pub(crate) tool_errors: Vec<String>,
}

/// The time after the deadline in which a probe may still say by itself that it ran out of time.
const GRACE: Duration = Duration::from_millis(200);

impl Context {
    /// A run that begins now.
    #[must_use]
    pub(crate) fn new(
        environment: Environment,
        timeout: Duration,
        deadline: Duration,
        interrupt: CancellationToken,
        progress: Progress,
    ) -> Self {
        Self {
            roots: Arc::new(Roots::new(&environment)),
            proxies: Arc::new(Proxies::read(&environment)),
            environment: Arc::new(environment),
            lookups: Lookups::default(),
            secrets: Secrets::default(),
            http: Arc::default(),
            contacts: Contacts::default(),
            run_id: run_id(Timestamp::now()),
            started: Instant::now(),
            observed_at: Timestamp::now(),
            timeout,
            deadline,
            interrupt,
            progress,
            log: Mutex::default(),
            exhaustion: OnceLock::new(),
        }
    }

    /// The context of one target among several: the same environment, roots and interrupt, and a
    /// clock and a log of its own.
    #[must_use]
    pub(crate) fn of_one_target(&self, timeout: Duration, deadline: Duration) -> Self {
        Self {
            environment: Arc::clone(&self.environment),
            roots: Arc::clone(&self.roots),
            proxies: Arc::clone(&self.proxies),
            lookups: self.lookups.clone(),
            secrets: self.secrets.clone(),
            http: Arc::clone(&self.http),
            contacts: Contacts::default(),
            run_id: run_id(Timestamp::now()),
            started: Instant::now(),
            observed_at: Timestamp::now(),
            timeout,
            deadline,
            interrupt: self.interrupt.clone(),
            progress: Progress::none(),
            log: Mutex::default(),
            exhaustion: OnceLock::new(),
        }
    }

    /// The same with the secrets that must not leave this machine in clear text.
    #[must_use]
    pub(crate) fn with_secrets(self, secrets: &Secrets) -> Self {
        let lookups = Lookups::new(secrets.clone());
        Self { lookups, secrets: secrets.clone(), ..self }
    }

    /// Why a host name must not be sent to a nameserver, if it holds a secret.
    #[must_use]
    pub(crate) fn withheld_host(&self, host: &str) -> Option<NotObserved> {
        let secret = outgoing::secret_in_host(host, &self.secrets)?;
        Some(NotObserved::NotPermitted { detail: outgoing::withheld("the host name", &secret) })
    }

    /// Why a text must not be sent in clear text, if it holds a secret; `what` names the text.
    #[must_use]
    pub(crate) fn withheld(&self, what: &str, text: &str) -> Option<NotObserved> {
        let secret = outgoing::secret_in(text, &self.secrets)?;
        Some(NotObserved::NotPermitted { detail: outgoing::withheld(what, &secret) })
    }

    /// The run's own id; the server's log shows it.
    #[must_use]
    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The way out for the HTTP requests of a probe.
    #[must_use]
    pub(crate) fn gateway(&self, probe: Topic, route: Route) -> Gateway {
        let (roots, lookups, proxies) = (&self.roots, &self.lookups, &self.proxies);
        Gateway {
            client: self.http.get(route, roots, lookups, proxies, self.timeout),
            proxies: (route == Route::Configured).then(|| Arc::clone(proxies)),
            lookups: self.lookups.clone(),
            secrets: self.secrets.clone(),
            contacts: self.contacts.clone(),
            probe: probe.name(),
            timeout: self.timeout(),
        }
    }

    /// Everything that was contacted, to be added to from elsewhere.
    pub(crate) const fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// The longest that one wait may take: `--timeout`, or what is left of the deadline.
    #[must_use]
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.min(self.deadline.saturating_sub(self.started.elapsed()))
    }

    /// `--timeout` and `--deadline` as given.
    #[must_use]
    pub(crate) const fn limits(&self) -> (Duration, Duration) {
        (self.timeout, self.deadline)
    }

    /// The wall clock.
    #[must_use]
    pub(crate) fn now(&self) -> Timestamp {
        Self::clock()
    }

    /// The wall clock, for what outlives the borrow of a run.
    pub(crate) fn clock() -> Timestamp {
        Timestamp::now()
    }

    /// The wall clock when the run began.
    #[must_use]
    pub(crate) const fn observed_at(&self) -> Timestamp {
        self.observed_at
    }

    /// Milliseconds since the run began.
    #[must_use]
    pub(crate) fn elapsed_ms(&self) -> u64 {
        milliseconds(self.started.elapsed())
    }

    /// Whether the user interrupted the run.
    #[must_use]
    pub(crate) fn interrupted(&self) -> bool {
        self.interrupt.is_cancelled()
    }

    /// Does one step of a probe and notes when it began and how long it took, also when it is
    /// dropped half-way.
    pub(crate) async fn step<T>(
        &self,
        topic: Topic,
        subject: &str,
        label: &str,
        work: impl Future<Output = T>,
    ) -> T {
        let _noted = Noted::begin(self, topic, subject, label);
        work.await
    }

    /// Runs a probe under the deadline. A probe that panics is a defect of this tool: it is noted,
    /// and the others go on.
    pub(crate) async fn guard<T>(&self, work: impl Future<Output = Fact<T>>) -> Fact<T> {
        let began = Instant::now();
        let left = self.deadline.saturating_sub(self.started.elapsed()) + GRACE;
        let out_of_time = || {
            Fact::NotObserved(NotObserved::OutOfTime { after_ms: milliseconds(began.elapsed()) })
        };
        tokio::select! {
            biased;
            done = AssertUnwindSafe(work).catch_unwind() => {
                done.unwrap_or_else(|panic| self.defect(panic.as_ref()))
            }
            () = self.interrupt.cancelled() => out_of_time(),
            () = tokio::time::sleep(left) => out_of_time(),
        }
    }

    /// Notes an error that says that this process ran out of descriptors or memory: what failed then
    /// says nothing about the network.
    pub(crate) fn note_exhaustion(&self, error: &io::Error) {
        if limits::is_exhaustion(error) {
            let _ = self.exhaustion.set(error.to_string());
        }
    }

    /// What this process ran out of.
    #[must_use]
    pub(crate) fn exhaustion(&self) -> Option<&str> {
        self.exhaustion.get().map(String::as_str)
    }

    /// Notes that an endpoint was contacted.
    pub(crate) fn contacted(
        &self,
        host: &str,
        address: SocketAddr,
        protocol: ContactProtocol,
        probe: &str,
    ) {
        self.contacts.connection(host, address, protocol, probe);
    }

    /// Takes the log; the run is over.
    pub(crate) fn take_log(&self) -> Log {
        self.progress.finish();
        Log { contacted: self.contacts.take(), ..std::mem::take(&mut *self.log()) }
    }

    /// Copies what was done in common into a target's evidence, on the target's clock: what was done
    /// before the target's turn took no time of it.
    pub(crate) fn copy_log_to(&self, target: &Self, evidence: &mut Evidence) {
        let ahead = milliseconds(target.started.saturating_duration_since(self.started));
        let log = self.log();
        evidence.timeline.extend(log.timeline.iter().map(|step| Step {
            started_ms: step.started_ms.saturating_sub(ahead),
            ..step.clone()
        }));
        for contact in self.contacts.all() {
            if !evidence.contacted.contains(&contact) {
                evidence.contacted.push(contact);
            }
        }
        evidence.tool_errors.extend(log.tool_errors.iter().cloned());
    }

    fn defect<T>(&self, panic: &(dyn Any + Send)) -> Fact<T> {
        let text = crash::said(panic);
        self.log().tool_errors.push(text.clone());
        Fact::NotObserved(NotObserved::ToolFailed { detail: text })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A panic while the log is held leaves it as complete as it was.
        lock(&self.log)
    }
}

/// A step under way; noted when it ends, however it ends.
struct Noted<'a> {
    context: &'a Context,
    step: Option<Step>,
    progress: u64,
}

impl<'a> Noted<'a> {
    fn begin(context: &'a Context, topic: Topic, subject: &str, label: &str) -> Self {
        let step = Step {
            topic,
            subject: subject.to_owned(),
            label: label.to_owned(),
            started_ms: context.elapsed_ms(),
            duration_ms: 0,
        };
        let progress = context.progress.begin(topic, subject, label);
        Self { context, step: Some(step), progress }
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.context.progress.end(self.progress);
        if let Some(mut step) = self.step.take() {
            step.duration_ms = self.context.elapsed_ms().saturating_sub(step.started_ms);
            self.context.log().timeline.push(step);
        }
    }
}

/// An id that sorts by time: 48 bits of milliseconds, 32 bits at random, in base 32.
fn run_id(now: Timestamp) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    // Without randomness the time still distinguishes runs.
    let random = random::bytes();
    let time = u128::from(now.as_millisecond().unsigned_abs());
    let number = (time << 32) | u128::from(u32::from_be_bytes(random));
    (0..16).rev().map(|place| char::from(DIGITS[(number >> (5 * place)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::Context;
    use crate::{
        environment::Environment,
        process::progress::Progress,
        secret::{Secrets, redact},
    };
    use entra_pg_checks::{Evidence, Fact, NotObserved};
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn a_probe_that_panics_is_noted_without_the_secret_in_its_message() {
        let environment = Environment::from_pairs([("PGPASSWORD", "Geheim-12345")]);
        let secrets = Secrets::of_environment(&environment);
        let second = Duration::from_secs(1);
        let cx =
            Context::new(environment, second, second, CancellationToken::new(), Progress::none());
        let seen: Fact<u8> = cx.guard(async { panic!("no place for {}", "Geheim-12345") }).await;
        assert!(matches!(seen, Fact::NotObserved(NotObserved::ToolFailed { .. })));
        let evidence = Evidence { tool_errors: cx.take_log().tool_errors, ..Evidence::default() };
        let shown = redact::evidence(evidence, &secrets).tool_errors.concat();
        assert!(shown.contains("no place for (redacted: PGPASSWORD)"), "{shown}");
    }
}
