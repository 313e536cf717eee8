//! The order of observation, as program text: nested joins. What is bound before it is used has been
//! seen before it is needed; there is no scheduler and no cycle.

use crate::{
    environment::vantage,
    probe::context::Context,
    probe::{azure, clock, credential, dns, graph, keys, outbound, server, subnet, token},
    secret::{Secret, redact},
    settings::request::Request,
};
use entra_pg_checks::{
    Evidence, Fact, NotObserved, Severity, Topic,
    facts::{
        azure::Azure,
        clock::ClockReading,
        credential::{CredentialOutcome, CredentialTrace},
        dns::{Dns, Name, ResolverSettings, Role, SystemLookup},
        graph::Directory,
        login::{AuthRequest, Login, LoginOutcome},
        outbound::{Host, Outbound},
        proxy::ProxyRules,
        server::Server,
        session::Session,
        settings::SentSetting,
        token::{Signature, Token},
        vantage::{Interface, Vantage},
    },
    judge,
};
use futures::{
    FutureExt,
    future::{self, BoxFuture, Either, Shared},
    join,
};
use std::{collections::BTreeSet, net::IpAddr, pin::pin, sync::Arc, time::Duration};

/// Observes everything the request asks for concurrently, and judges nothing but whether a login
/// with this token can be tried at all.
pub(crate) async fn gather(cx: &Context, request: &Request) -> Evidence {
    let common = Common::new(cx, request);
    gather_with(cx, request, &common).await
}

/// The same with what is common to several targets, each of which has a context of its own.
pub(crate) async fn gather_with(cx: &Context, request: &Request, common: &Common<'_>) -> Evidence {
    let view = View::new(cx, request);
    if request.judges_files_alone() {
        let evidence = view.files_alone().await;
        return view.finish(evidence, common);
    }
    let login = async {
        let (name, path) = view.server().await;
        (name, view.login(path, common.credential.clone(), common.authority.clone()).await)
    };

    let observed = async {
        join!(
            common.authority.clone(),
            common.graph_host.clone(),
            login,
            common.signature.clone(),
            common.directory.clone(),
            common.credential.clone(),
            view.azure()
        )
    };
    let (observed, interfaces) = with_interfaces(observed, common.interfaces.clone()).await;
    let (authority, graph_host, (server_name, reached), signature, directory, obtained, azure) =
        observed;
    let names = [Some(authority.0), Some(graph_host.0), server_name];
    let hosts = [authority.1, graph_host.1];
    let clock = clock_of(&hosts);
    let mut evidence = view.frame();
    evidence.vantage.interfaces = interfaces;
    evidence.dns = view.wanted(Topic::Dns, || {
        let names = names.into_iter().flatten().collect();
        Fact::Seen(Dns { resolver: view.resolver.clone(), names })
    });
    evidence.outbound = view.wanted(Topic::Outbound, || {
        Fact::Seen(Outbound { hosts: hosts.into_iter().flatten().collect() })
    });
    evidence.clock = view.wanted(Topic::Clock, || clock);
    evidence.credential = obtained.trace.clone();
    evidence.token = obtained.token.clone();
    evidence.signature = signature;
    evidence.directory = directory;
    evidence.server = reached.server;
    evidence.auth_request = reached.auth_request;
    evidence.login = reached.login;
    evidence.session = reached.session;
    evidence.azure = azure;
    view.finish(evidence, common)
}

/// The time that a run waits for the metadata service after everything else is done.
const INTERFACES_WAIT: Duration = Duration::from_millis(50);

/// Observes the subnet of this machine at the same time as everything else.
async fn with_interfaces<T>(
    observed: impl Future<Output = T>,
    interfaces: Looking<'_, Vec<Interface>>,
) -> (T, Vec<Interface>) {
    match future::select(pin!(observed), interfaces).await {
        Either::Left((observed, interfaces)) => {
            let interfaces = tokio::time::timeout(INTERFACES_WAIT, interfaces).await;
            (observed, interfaces.unwrap_or_default())
        }
        Either::Right((interfaces, observed)) => (observed.await, interfaces),
    }
}

/// What does not depend on the server: the way to the Entra hosts, the token, and its signature.
/// Each is observed once, when the first target needs it.
#[derive(Clone)]
pub(crate) struct Common<'a> {
    contexts: Vec<&'a Context>,
    authority: Looking<'a, (Name, Option<Host>)>,
    graph_host: Looking<'a, (Name, Option<Host>)>,
    interfaces: Looking<'a, Vec<Interface>>,
    credential: Looking<'a, Obtained>,
    signature: Looking<'a, Fact<Signature>>,
    directory: Looking<'a, Fact<Directory>>,
}

/// An observation that is running or done; all that wait for it get the same result.
type Looking<'a, T> = Shared<BoxFuture<'a, T>>;

impl<'a> Common<'a> {
    /// What is common to the targets of this request's cloud and identity.
    #[must_use]
    pub(crate) fn new(cx: &'a Context, request: &'a Request) -> Self {
        let view = Arc::new(View::new(cx, request));
        let cloud = &request.settings.cloud.value;
        let host = |name: &'a str, role| {
            let view = Arc::clone(&view);
            async move { view.entra_host(name, role).await }.boxed().shared()
        };
        let authority = host(&cloud.authority_host, Role::Authority);
        let graph_host = host(&cloud.graph_host, Role::Graph);
        let looking = Arc::clone(&view);
        let interfaces = async move { looking.interfaces().await }.boxed().shared();
        let (credential, signature, directory) = identity(&view);
        Self {
            contexts: vec![cx],
            interfaces,
            authority,
            graph_host,
            credential,
            signature,
            directory,
        }
    }

    /// How long to wait before the next request if the token authority or the metadata service
    /// throttled this one; `unsaid` if the answer does not say how long.
    pub(crate) async fn throttled(&self, unsaid: Duration) -> Option<Duration> {
        let obtained = self.credential.clone().await;
        if obtained.secret.is_some() {
            return None;
        }
        let attempts = &obtained.trace.seen()?.attempts;
        attempts.iter().find_map(|attempt| match &attempt.outcome {
            CredentialOutcome::Entra(error) if error.status == TOO_MANY_REQUESTS => {
                Some(error.retry_after.map_or(unsaid, Duration::from_secs))
            }
            CredentialOutcome::IdentityEndpoint { status: TOO_MANY_REQUESTS, .. } => Some(unsaid),
            _ => None,
        })
    }

    /// The same hosts for another identity in the same cloud.
    #[must_use]
    pub(crate) fn with_identity(&self, cx: &'a Context, request: &'a Request) -> Self {
        let (credential, signature, directory) = identity(&Arc::new(View::new(cx, request)));
        let contexts = self.contexts.iter().copied().chain([cx]).collect();
        Self { contexts, credential, signature, directory, ..self.clone() }
    }
}

/// The HTTP status of a throttled request.
const TOO_MANY_REQUESTS: u16 = 429;

/// A token, its signature against the keys, and what Graph says of its identity.
type Identity<'a> =
    (Looking<'a, Obtained>, Looking<'a, Fact<Signature>>, Looking<'a, Fact<Directory>>);

fn identity<'a>(view: &Arc<View<'a>>) -> Identity<'a> {
    let looking = Arc::clone(view);
    let credential = async move { looking.credential().await }.boxed().shared();
    let (looking, obtained) = (Arc::clone(view), credential.clone());
    let signature = async move { looking.signature(&obtained.await).await }.boxed().shared();
    let looking = Arc::clone(view);
    let directory = async move { looking.directory().await }.boxed().shared();
    (credential, signature, directory)
}

/// A token and how it came.
#[derive(Clone)]
struct Obtained {
    trace: Fact<CredentialTrace>,
    token: Fact<Token>,
    secret: Option<Arc<Secret>>,
}

/// The server, up to the first authentication request; the connection waits for a token.
struct Path {
    server: Fact<Server>,
    auth_request: Fact<AuthRequest>,
    waiting: Option<server::Waiting>,
}

/// The server, to the end.
struct Reached {
    server: Fact<Server>,
    auth_request: Fact<AuthRequest>,
    login: Fact<Login>,
    session: Fact<Session>,
}

struct View<'a> {
    cx: &'a Context,
    request: &'a Request,
    topics: BTreeSet<Topic>,
    proxy: ProxyRules,
    resolver: ResolverSettings,
    in_azure: Option<bool>,
}

impl<'a> View<'a> {
    fn new(cx: &'a Context, request: &'a Request) -> Self {
        let cloud = &request.settings.cloud.value;
        let resolver = dns::nameservers(&cx.environment, &request.nameservers);
        let in_azure = vantage::in_azure(&cx.environment, dns::are_of_azure(&resolver));
        Self {
            cx,
            request,
            topics: request.topics(),
            proxy: cx.proxies.rules(&[&cloud.authority_host, &cloud.graph_host]),
            resolver,
            in_azure,
        }
    }

    fn wants(&self, topic: Topic) -> bool {
        self.topics.contains(&topic)
    }

    fn wanted<T>(&self, topic: Topic, look: impl FnOnce() -> Fact<T>) -> Fact<T> {
        if self.wants(topic) { look() } else { Fact::NotObserved(NotObserved::Deselected) }
    }

    /// One Entra host: its name on every nameserver, and the path to the addresses that the
    /// system's own lookup gives.
    async fn entra_host(&self, name: &str, role: Role) -> (Name, Option<Host>) {
        let cx = self.cx;
        let lookup = self.lookup(name).shared();
        let path = async {
            let lookup = lookup.clone().await;
            if self.wants(Topic::Outbound) {
                let host = async {
                    Fact::Seen(outbound::host(cx, name, role, &lookup, &self.proxy).await)
                };
                cx.guard(host).await.seen().cloned()
            } else {
                None
            }
        };
        join!(self.name(name, role, lookup.clone()), path)
    }

    /// The subnet of this machine, if it is in Azure.
    async fn interfaces(&self) -> Vec<Interface> {
        let networked = [Topic::Dns, Topic::Outbound, Topic::Server].map(|topic| self.wants(topic));
        if !networked.contains(&true) || !subnet::is_asked(&self.cx.environment, self.in_azure) {
            return Vec::new();
        }
        let asked = async { Fact::Seen(subnet::interfaces(self.cx).await) };
        self.cx.guard(asked).await.seen().cloned().unwrap_or_default()
    }

    async fn lookup(&self, name: &str) -> Fact<SystemLookup> {
        if !self.wants(Topic::Dns) {
            return Fact::NotObserved(NotObserved::Deselected);
        }
        self.cx.guard(dns::system_lookup(self.cx, name)).await
    }

    async fn name(
        &self,
        name: &str,
        role: Role,
        lookup: impl Future<Output = Fact<SystemLookup>> + Clone,
    ) -> Name {
        let asked = dns::name_facts(self.cx, name, role, &self.resolver, lookup.clone());
        let looked = async { Fact::Seen(asked.await) };
        if self.wants(Topic::Dns)
            && let Fact::Seen(name) = self.cx.guard(looked).await
        {
            return name;
        }
        Name {
            name: name.to_owned(),
            role,
            hosts_file: Vec::new(),
            system: lookup.await,
            answers: Vec::new(),
            captured_by_search: None,
            search_unanswered: Vec::new(),
        }
    }

    /// The server: its name on every nameserver, and the path to it up to the first
    /// authentication request.
    async fn server(&self) -> (Option<Name>, Path) {
        let settings = &self.request.settings;
        let Some(host) = &settings.host else {
            return (
                None,
                Path::absent(NotObserved::NotApplicable { why: "no server was named".to_owned() }),
            );
        };
        if settings.reachable_host().is_err() {
            return (
                None,
                Path::absent(NotObserved::Blocked {
                    by: Topic::Settings,
                    subject: host.value.clone(),
                }),
            );
        }
        let fixed = settings.hostaddr.as_ref().map_or(&host.value, |address| &address.value);
        if let Ok(address) = fixed.parse::<IpAddr>() {
            return (None, self.path(&[address]).await);
        }
        let lookup = self.lookup(&host.value).shared();
        let path = async {
            match lookup.clone().await {
                Fact::Seen(found) if !found.addresses.is_empty() => {
                    self.path(&found.addresses).await
                }
                Fact::Seen(_) => Path::absent(NotObserved::Blocked {
                    by: Topic::Dns,
                    subject: host.value.clone(),
                }),
                Fact::NotObserved(why) => Path::absent(why),
            }
        };
        let (name, path) = join!(self.name(&host.value, Role::Server, lookup.clone()), path);
        (Some(name), path)
    }

    async fn path(&self, addresses: &[IpAddr]) -> Path {
        if !self.wants(Topic::Server) {
            return Path::absent(NotObserved::Deselected);
        }
        let (cx, settings) = (self.cx, &self.request.settings);
        let mut connection = None;
        let mut server = cx
            .guard(async {
                let (server, open) = server::path(cx, settings, addresses).await;
                connection = open;
                server
            })
            .await;
        let subject = server.seen().map(|server| server.host.clone()).unwrap_or_default();
        let (mut waiting, mut alert) = (None, None);
        let in_startup = [SentSetting::User, SentSetting::Database, SentSetting::Options];
        let misplaced = in_startup.iter().find_map(|setting| settings.misplaced_secret(*setting));
        let auth_request = match connection {
            _ if !self.wants(Topic::AuthRequest) => Fact::NotObserved(NotObserved::Deselected),
            _ if misplaced.is_some() => Fact::blocked(Topic::Settings, ""),
            None => Fact::blocked(Topic::Server, subject),
            Some(connection) => {
                cx.guard(async {
                    let asked = server::authentication_request(cx, settings, connection).await;
                    waiting = asked.waiting;
                    alert = asked.alert;
                    asked.request
                })
                .await
            }
        };
        if let Fact::Seen(Server { tls: Fact::Seen(tls), .. }) = &mut server {
            tls.later_alert = alert;
        }
        Path { server, auth_request, waiting }
    }

    async fn credential(&self) -> Obtained {
        let cx = self.cx;
        if !self.wants(Topic::Credential) {
            return Obtained::none(NotObserved::Deselected);
        }
        let mut secret = None;
        let mut origin = None;
        let trace = cx
            .guard(async {
                let (trace, token, from) =
                    credential::acquire(cx, self.request, &self.request.settings.cloud.value).await;
                secret = token;
                origin = from;
                trace
            })
            .await;
        let token = match (&secret, origin) {
            (Some(secret), Some(origin)) => Fact::Seen(token::decode(secret.expose(), origin)),
            _ => match &trace {
                Fact::Seen(_) => Fact::blocked(Topic::Credential, String::new()),
                Fact::NotObserved(why) => Fact::NotObserved(why.clone()),
            },
        };
        if let Some(secret) = &secret {
            self.request.secrets.keep("the token", Arc::clone(secret));
        }
        Obtained { trace, token, secret }
    }

    /// What Graph says, where it was asked for.
    async fn directory(&self) -> Fact<Directory> {
        if !self.request.graph {
            return Fact::default();
        }
        if !self.wants(Topic::Graph) {
            return Fact::NotObserved(NotObserved::Deselected);
        }
        let cloud = &self.request.settings.cloud.value;
        self.cx.guard(graph::directory(self.cx, self.request, cloud)).await
    }

    async fn signature(&self, obtained: &Obtained) -> Fact<Signature> {
        if !self.wants(Topic::Keys) {
            return Fact::NotObserved(NotObserved::Deselected);
        }
        match (&obtained.token, &obtained.secret) {
            (Fact::Seen(token), Some(secret)) => {
                let cloud = &self.request.settings.cloud.value;
                self.cx.guard(keys::verify(self.cx, token, secret, cloud)).await
            }
            (Fact::Seen(_), None) | (Fact::NotObserved(_), _) => {
                Fact::blocked(Topic::Credential, String::new())
            }
        }
    }

    /// The login, unless it is doomed: nothing is sent that the evidence at hand already refuses.
    async fn login(
        &self,
        path: Path,
        credential: impl Future<Output = Obtained>,
        authority: impl Future<Output = (Name, Option<Host>)>,
    ) -> Reached {
        let Path { server, auth_request, waiting } = path;
        let (login, session) = if self.wants(Topic::Login) {
            let obtained = credential.await;
            match self.obstacle(&server, &auth_request, &obtained, authority).await {
                Some(why) => (Fact::NotObserved(why.clone()), Fact::NotObserved(why)),
                None => self.try_login(waiting, &obtained).await,
            }
        } else {
            let deselected = NotObserved::Deselected;
            (Fact::NotObserved(deselected.clone()), Fact::NotObserved(deselected))
        };
        Reached { server, auth_request, login, session }
    }

    async fn obstacle(
        &self,
        server: &Fact<Server>,
        auth_request: &Fact<AuthRequest>,
        obtained: &Obtained,
        authority: impl Future<Output = (Name, Option<Host>)>,
    ) -> Option<NotObserved> {
        if let Fact::NotObserved(why) = server {
            return Some(why.clone());
        }
        match auth_request {
            Fact::NotObserved(why) => return Some(why.clone()),
            Fact::Seen(AuthRequest::Cleartext) => {}
            Fact::Seen(_) => return Some(blocked(Topic::AuthRequest)),
        }
        if let Fact::NotObserved(why) = &obtained.token {
            return Some(why.clone());
        }
        let mut evidence = self.frame();
        evidence.token = obtained.token.clone();
        if !doomed(&evidence) {
            return None;
        }
        // A wrong clock makes good tokens look expired: ask the other clock before giving up.
        evidence.clock = clock_of(&[authority.await.1]);
        doomed(&evidence).then(|| blocked(Topic::Token))
    }

    async fn try_login(
        &self,
        waiting: Option<server::Waiting>,
        obtained: &Obtained,
    ) -> (Fact<Login>, Fact<Session>) {
        let (Some(waiting), Some(secret)) = (waiting, &obtained.secret) else {
            return (Fact::blocked(Topic::AuthRequest, ""), Fact::blocked(Topic::AuthRequest, ""));
        };
        let (cx, request) = (self.cx, self.request);
        let wanted = self.wants(Topic::Session);
        let mut session = None;
        let login = cx
            .guard(async {
                let (login, around) = server::login(cx, request, waiting, secret, wanted).await;
                session = around;
                login
            })
            .await;
        let session = match session {
            _ if !wanted => Fact::NotObserved(NotObserved::Deselected),
            None => Fact::blocked(Topic::Login, String::new()),
            Some(session) => session,
        };
        (login, session)
    }

    /// What files say of the server's side, and nothing else.
    async fn files_alone(&self) -> Evidence {
        fn none<T>() -> Fact<T> {
            Fact::not_applicable("no server was named: only the files of --azure-config are judged")
        }
        Evidence {
            dns: none(),
            outbound: none(),
            clock: none(),
            credential: none(),
            token: none(),
            signature: none(),
            server: none(),
            auth_request: none(),
            login: none(),
            session: none(),
            directory: none(),
            azure: self.azure().await,
            ..self.frame()
        }
    }

    /// The server's own side, as far as it was given or asked for.
    async fn azure(&self) -> Fact<Azure> {
        let asked = &self.request.azure;
        if !self.wants(Topic::Azure) {
            return Fact::NotObserved(NotObserved::Deselected);
        }
        if asked.live {
            let look = azure::look(self.cx, self.request, asked.exported.as_deref());
            return match (self.cx.guard(look).await, &asked.exported) {
                // The files are known even if the requests fail.
                (Fact::NotObserved(why), Some(exported)) => {
                    Fact::Seen(azure::files_alone(&why, exported))
                }
                (fact, _) => fact,
            };
        }
        match &asked.exported {
            Some(exported) => Fact::Seen(Azure::clone(exported)),
            None => Fact::not_applicable(
                "the server's configuration was neither given (--azure-config) nor asked for (--azure)",
            ),
        }
    }

    /// The evidence that needs no request.
    fn frame(&self) -> Evidence {
        let (timeout, deadline) = self.cx.limits();
        Evidence {
            observed_at: self.cx.observed_at(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            run_id: self.cx.run_id().to_owned(),
            vantage: Vantage {
                in_azure: self.in_azure,
                ..vantage::observe(&self.cx.environment, timeout, deadline)
            },
            settings: Fact::Seen(self.request.settings.clone()),
            proxy: Fact::Seen(self.proxy.clone()),
            ..Evidence::default()
        }
    }

    /// Why the resolver's settings could not be read, if that was for lack of descriptors.
    fn unreadable(&self) -> Option<&str> {
        let why = self.resolver.unreadable.as_deref()?;
        let numbers = ["(os error 23)", "(os error 24)"];
        numbers.iter().any(|number| why.ends_with(number)).then_some(why)
    }

    fn finish(&self, mut evidence: Evidence, common: &Common<'_>) -> Evidence {
        let log = self.cx.take_log();
        evidence.timeline = log.timeline;
        evidence.contacted = log.contacted;
        evidence.tool_errors = log.tool_errors;
        for cx in &common.contexts {
            cx.copy_log_to(self.cx, &mut evidence);
        }
        let mut contexts = common.contexts.iter().copied().chain([self.cx]);
        let exhausted = contexts.find_map(Context::exhaustion).or_else(|| self.unreadable());
        if let Some(detail) = exhausted {
            withdraw_network(&mut evidence, detail);
        }
        evidence.timeline.sort_by_key(|step| (step.started_ms, step.topic));
        evidence.unreadable_inputs.extend(self.cx.roots.problems());
        evidence.interrupted = self.cx.interrupted();
        evidence.duration_ms = self.cx.elapsed_ms();
        redact::evidence(evidence, &self.request.secrets)
    }
}

/// Takes back what was observed of the network by a process that had run out of descriptors or memory:
/// its failures are not the network's. A login that worked stays.
fn withdraw_network(evidence: &mut Evidence, detail: &str) {
    if let Some(LoginOutcome::Accepted { .. }) = evidence.login.seen().map(|login| &login.outcome) {
        return;
    }
    let detail = format!("this process ran out of a resource: {detail}");
    evidence.dns = failed(&detail);
    evidence.outbound = failed(&detail);
    evidence.clock = failed(&detail);
    evidence.server = failed(&detail);
    evidence.auth_request = failed(&detail);
    evidence.login = failed(&detail);
    evidence.session = failed(&detail);
    evidence.signature = failed(&detail);
    if evidence.token.seen().is_none() {
        evidence.credential = failed(&detail);
        evidence.token = failed(&detail);
    }
    evidence.tool_errors.push(detail);
}

fn failed<T>(detail: &str) -> Fact<T> {
    Fact::NotObserved(NotObserved::ToolFailed { detail: detail.to_owned() })
}

impl Obtained {
    fn none(why: NotObserved) -> Self {
        Self { trace: Fact::NotObserved(why.clone()), token: Fact::NotObserved(why), secret: None }
    }
}

impl Path {
    fn absent(why: NotObserved) -> Self {
        Self {
            server: Fact::NotObserved(why.clone()),
            auth_request: Fact::NotObserved(why),
            waiting: None,
        }
    }
}

/// Whether the claims by themselves rule the login out.
fn doomed(evidence: &Evidence) -> bool {
    let claims = entra_pg_checks::claims::FAMILY.checks;
    let judgment = judge(claims, evidence, |_| true);
    judgment.findings.iter().any(|judged| judged.finding.severity == Severity::Error)
}

fn clock_of(hosts: &[Option<Host>]) -> Fact<ClockReading> {
    let mut readings = hosts.iter().flatten().filter_map(clock::reading);
    match readings.next() {
        Some(reading) => Fact::Seen(reading),
        None => Fact::blocked(Topic::Outbound, String::new()),
    }
}

fn blocked(by: Topic) -> NotObserved {
    NotObserved::Blocked { by, subject: String::new() }
}
