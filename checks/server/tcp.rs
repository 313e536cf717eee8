//! Whether the server accepts TCP connections.

use super::{EVERYTHING_AFTER, names};
use crate::{
    check::{Check, Fragment, Judge, Page, Problem},
    command::Command,
    evidence::Evidence,
    facts::{
        Topic,
        server::Server,
        tcp::{TcpAttempt, TcpOutcome},
    },
    support::commands,
    support::reach::{Reach, is_denied_here, lines, local_fix, nothing_answers, path_fix, reach},
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};
use std::net::IpAddr;

/// The server accepts connections.
pub static CHECK: Check = Check {
    id: "server/tcp",
    asserts: "the server accepts connections",
    needs: &[Topic::Server],
    problems: &[&POOLER_OFF, &DROPPED, &REFUSED, &UNREACHABLE],
    decisive: true,
    judge: Judge::Once(|seen| Ok(judge(seen, seen.server.get()?))),
};

fn judge(seen: &Evidence, server: &Server) -> Verdict {
    let no_path = nothing_answers(seen);
    let subject = format!("{}:{}", server.host, server.port);
    let problem = match reach(&server.tcp) {
        Reach::All | Reach::Some(_) | Reach::FamilyBroken(_) => {
            let first = server.tcp.iter().find(|attempt| connected(attempt));
            let class = if is_private(server) { "private" } else { "public" };
            let address =
                first.map_or_else(String::new, |attempt| format!("{} ({class})", attempt.address));
            let silent: Vec<_> = server
                .tcp
                .iter()
                .filter(|attempt| !connected(attempt))
                .map(|attempt| attempt.address.ip())
                .collect();
            return Verdict::Passed(if silent.is_empty() {
                address
            } else {
                format!("{address}; not {}", text::list(&silent, 3))
            });
        }
        Reach::Refused | Reach::Dropped if server.port == 6432 && sibling_open(server) => {
            &POOLER_OFF
        }
        Reach::Refused => &REFUSED,
        Reach::Dropped => &DROPPED,
        Reach::Unreachable => &UNREACHABLE,
    };
    let detail = match problem {
        known if known == &POOLER_OFF => format!(
            "nothing listens at {subject}, while port 5432 is open: the built-in pooler is off"
        ),
        known if known == &REFUSED && names::is_loopback(&server.host) => {
            format!("nothing listens at {subject} on this machine: is the tunnel running?")
        }
        known if known == &REFUSED => format!("connections to {subject} are refused"),
        known if known == &DROPPED && no_path => {
            "this computer has no outbound path: no connection \
            to the server, Microsoft Entra ID or Microsoft Graph is answered"
                .to_owned()
        }
        known if known == &DROPPED => format!(
            "nothing comes back from {subject}: a firewall, a network rule or a stopped server"
        ),
        _ if is_denied_here(&server.tcp) => {
            format!("this computer's firewall or routes block {subject}")
        }
        _ => format!("there is no route to {subject}"),
    };
    let mut finding = Finding::of(problem, subject, detail)
        .because_all(lines(&server.tcp))
        .because_all(lines(&server.sibling));
    if problem == &UNREACHABLE && is_denied_here(&server.tcp) {
        return Verdict::found(finding.fix(local_fix(seen)));
    }
    if no_path {
        finding = finding.fix(path_fix());
    }
    Verdict::found(finding.fix_all(fixes(server, problem)))
}

fn fixes(server: &Server, problem: &Problem) -> Vec<Fix> {
    let (host, port) = (&server.host, server.port);
    let name = host.split('.').next();
    if names::is_loopback(host) {
        return vec![
            Fix::you(format!(
                "Start the tunnel that listens at port {port} (ssh -L, az network bastion tunnel, \
                    kubectl port-forward), or check its port"
            )),
            Fix::you("Without a tunnel, set the server's own name as host"),
        ];
    }
    let state = Fix::by(Actor::AzureOwner, "Check whether the server is running, and start it")
        .run(commands::show_server(name, "[state,network.publicNetworkAccess]"));
    match problem {
        known if known == &POOLER_OFF => vec![
            Fix::you("Use port 5432").run(Command::set("PGPORT", "5432")),
            Fix::by(Actor::DatabaseAdmin, "Or enable the pooler (not on Burstable servers)")
                .run(Command::new("az postgres flexible-server parameter set -g $RG -s $SERVER -n pgbouncer.enabled -v true").with("SERVER", name)),
        ],
        _ if is_private(server) => vec![
            Fix::by(
                Actor::Network,
                format!(
                    "Allow TCP {port} from this machine's subnet to the server's, in the network \
                        security groups of both and in any firewall between; check peering and \
                        routes"
                ),
            ),
            state,
        ],
        _ => vec![
            Fix::by(
                Actor::AzureOwner,
                "Allow this machine's public address in the server's firewall rules (up to 5 \
                    minutes to take effect). Azure CLI before 2.87: -n SERVER --rule-name client",
            )
            .run_if(commands::allow_address(name, None)),
            Fix::by(
                Actor::Network,
                format!("Allow outbound TCP {port} from this network: many offices block it"),
            ),
            state,
        ],
    }
}

fn is_private(server: &Server) -> bool {
    server.tcp.iter().any(|attempt| match attempt.address.ip() {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    })
}

fn sibling_open(server: &Server) -> bool {
    server.sibling.iter().any(connected)
}

fn connected(attempt: &TcpAttempt) -> bool {
    attempt.outcome == TcpOutcome::Connected
}

/// No answer of any kind.
pub static DROPPED: Problem = Problem {
    id: "server/dropped",
    title: "nothing comes back from the server's port",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("timeout expired", 59),
        Fragment::new("can't reach database server", 59),
        Fragment::new("p1001:", 59),
        Fragment::new("p1002:", 58),
        Fragment::new("connection timed out", 58),
        Fragment::new("connect timed out", 58),
        Fragment::new("connect timeout", 58),
        Fragment::new("operation timed out", 58),
        Fragment::new("connection timeout", 57),
        Fragment::new("timed out", 57),
        Fragment::new("timeout while", 56),
        Fragment::new("timeouterror", 56),
        Fragment::new("etimedout", 56),
        Fragment::new("i/o timeout", 56),
        Fragment::new("context deadline exceeded", 56),
        Fragment::new("sockettimeoutexception", 56),
        Fragment::new("operation has timed out", 55),
        Fragment::new("the connection attempt failed", 54),
        Fragment::new("connection terminated due to connection timeout", 54),
        Fragment::new("pool timed out while waiting for an open connection", 54),
        Fragment::new("timeout exceeded when trying to connect", 54),
        Fragment::new("zeitüberschreitung", 57),
        Fragment::new("wartezeit abgelaufen", 57),
        Fragment::new("délai", 57),
        Fragment::new("expiró el tiempo", 57),
        Fragment::new("code: p1001", 59),
        Fragment::new("winerror 10060", 56),
        Fragment::new("/10060)", 56),
        Fragment::new("(10060)", 56),
    ],
    page: Page {
        means: "The server's name resolves, and packets to its port vanish. A firewall rule, a \
            network security group, a missing route and a stopped server all look like this from \
            outside.",
        causes: &[
            "this machine's address is not in the firewall rules of a public server",
            "public access is off, and this machine is not in the virtual network",
            "a network security group or firewall blocks TCP 5432 between the subnets",
            "the server is stopped",
            "the office network blocks outbound 5432",
        ],
        confirm: &[
            "`nc -vz -w 5 $SERVER_HOST 5432` times out while `nc -vz $SERVER_HOST 443` of other machines works",
            "`az postgres flexible-server show -g $RG -n $SERVER --query state`",
        ],
        fix: &[
            (Actor::AzureOwner, "add a firewall rule, or start the server"),
            (Actor::Network, "allow TCP 5432 (and 6432 for the pooler) between the subnets"),
        ],
        mistaken_for: &[
            "a wrong password or token: nothing has been asked for yet",
            "dns/public-answer: the private server resolved to its public address",
        ],
        sources: &[
            "Microsoft Learn: Azure Database for PostgreSQL, firewall rules",
            "Microsoft Learn: troubleshoot connections to Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};

/// The port refuses.
pub static REFUSED: Problem = Problem {
    id: "server/refused",
    title: "the server's port refuses connections",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("connection refused", 58),
        Fragment::new("econnrefused", 58),
        Fragment::new("actively refused", 57),
        Fragment::new("can't reach database server", 57),
        Fragment::new("p1001:", 57),
        Fragment::new("connection to … refused. check that the hostname and port are correct", 56),
        Fragment::new("verbindung wurde verweigert", 58),
        Fragment::new("verbindungsaufbau abgelehnt", 58),
        Fragment::new("connexion refusée", 58),
        Fragment::new("conexión rehusada", 58),
        Fragment::new("code: p1001", 57),
        Fragment::new("winerror 10061", 56),
        Fragment::new("/10061)", 56),
        Fragment::new("(10061)", 56),
    ],
    page: Page {
        means: "Something answers at the address and says that nothing listens at this port.",
        causes: &[
            "a wrong port",
            "the server is restarting",
            "the name resolves to another machine",
            "a firewall that rejects",
        ],
        confirm: &["`nc -vz $SERVER_HOST 5432`"],
        fix: &[
            (Actor::You, "check host and port"),
            (Actor::Network, "see which box sends the reset"),
        ],
        mistaken_for: &["server/dropped: there nothing answers"],
        sources: &["Microsoft Learn: troubleshoot connections to Azure Database for PostgreSQL"],
    },
    ..Problem::DEFAULT
};

/// There is no route.
pub static UNREACHABLE: Problem = Problem {
    id: "server/unreachable",
    title: "there is no route to the server",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("no route to host", 57),
        Fragment::new("network is unreachable", 57),
        Fragment::new("host is unreachable", 57),
        Fragment::new("enetunreach", 57),
        Fragment::new("ehostunreach", 57),
    ],
    page: Page {
        means: "The routing table of this machine, or a router by ICMP, says that the server's \
            address cannot be reached.",
        causes: &[
            "no peering or VPN to the server's virtual network",
            "a VPN that is down",
            "an address range used twice",
            "a firewall on this computer that blocks programs (WSAEACCES on Windows, EPERM on Linux)",
        ],
        confirm: &["`ip route get $DESTINATION`"],
        fix: &[(Actor::Network, "peer the networks, or repair the VPN and its routes")],
        mistaken_for: &["server/dropped: there nothing answers"],
        sources: &["RFC 792"],
    },
    ..Problem::DEFAULT
};

/// 6432 closed, 5432 open.
pub static POOLER_OFF: Problem = Problem {
    id: "server/pooler-off",
    title: "the built-in pooler is off",
    explains: EVERYTHING_AFTER,
    fragments: &[
        Fragment::new("port 6432 failed: connection refused", 74),
        Fragment::new("econnrefused … :6432", 74),
        Fragment::new("connection refused", 48),
        Fragment::new("econnrefused", 48),
    ],
    page: Page {
        means: "Port 6432 does not answer while 5432 does: PgBouncer is not switched on for this \
            server.",
        causes: &["pgbouncer.enabled is off", "the server is Burstable, which has no pooler"],
        confirm: &[
            "`az postgres flexible-server parameter show -g $RG -s $SERVER -n pgbouncer.enabled`",
        ],
        fix: &[
            (Actor::You, "use port 5432"),
            (Actor::DatabaseAdmin, "switch pgbouncer.enabled on"),
        ],
        mistaken_for: &["server/dropped: there 5432 is silent, too"],
        sources: &["Microsoft Learn: PgBouncer in Azure Database for PostgreSQL"],
    },
    ..Problem::DEFAULT
};
