//! Whether the security group of the server's subnet lets this machine reach PostgreSQL.

use super::{
    egress_rules::line,
    place::{Found, Place},
    security::{self, Client},
    words::{connected, unless_seen, word},
};
use crate::{
    check::{Check, Judge, Missing, Page, Problem, VantageKind, Waiting},
    evidence::Evidence,
    facts::{
        Topic,
        azure::resource_group,
        azure_network::{Access, Direction},
        tcp::TcpOutcome,
    },
    verdict::{Actor, Confidence, Finding, Fix, Verdict},
};

/// It does.
pub static CHECK: Check = Check {
    id: "azure/ingress-rules",
    asserts: "the security group of the server's subnet lets clients reach PostgreSQL",
    needs: &[Topic::Settings, Topic::Server, Topic::Azure],
    problems: &[&NSG_BLOCKS_POSTGRESQL],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let place = Place::of(seen)?;
    let (group, sure) = match place.security_group()? {
        Found::This(group, sure) => (group, sure),
        Found::None => {
            return Ok(Verdict::Passed("the subnet has no security group".to_owned()));
        }
    };
    let port = seen.settings.get()?.port.value;
    let server = seen.server.seen();
    // An address behind a gateway or a proxy is not the one that arrives: only private ones are.
    let local = server.and_then(|server| server.local).filter(|ip| security::private(*ip));
    let client = local.map_or(Client::Somewhere, Client::At);
    let rule = security::inbound(group, place.inside(), port, client);
    let who = match client {
        Client::At(address) => address.to_string(),
        Client::Somewhere => "clients in the virtual network".to_owned(),
    };
    if let Some(rule) = rule.filter(|rule| rule.access == Access::Allow) {
        return Ok(Verdict::Passed(format!("{who} by {} of {}", rule.name, group.name)));
    }
    let named = rule.map_or_else(
        || "no rule that allows it".to_owned(),
        |rule| format!("rule {} (priority {})", rule.name, rule.priority),
    );
    let detail = format!("{named} of {} keeps {who} from TCP {port} of the server", group.name);
    let mut finding = Finding::of(&NSG_BLOCKS_POSTGRESQL, &group.name, detail)
        .because_all(rule.map(|rule| format!("azure-config: {} decides", line(rule))))
        .because_all(server.into_iter().flat_map(|server| {
            server.tcp.iter().filter(|attempt| attempt.outcome == TcpOutcome::Silent).map(
                |attempt| {
                    format!("client: {}: no answer in {} ms", attempt.address, attempt.elapsed_ms)
                },
            )
        }));
    let shell = seen.vantage.shell;
    let taken = |number: &u16| {
        let of = |rule: &&crate::facts::azure_network::SecurityRule| {
            rule.direction == Direction::Inbound && rule.priority == *number
        };
        group.rules.iter().any(|rule| of(&rule))
    };
    let before = rule.map_or(4097, |rule| rule.priority).min(4097);
    let number = (100..before)
        .rev()
        .find(|number| !taken(number))
        .map_or_else(|| "<priority>".to_owned(), |number| number.to_string());
    let (rg, nsg) = (word(shell, resource_group(&group.id)), word(shell, &group.name));
    let source = match client {
        Client::At(address) => address.to_string(),
        Client::Somewhere => "VirtualNetwork".to_owned(),
    };
    finding = finding.fix(
        Fix::by(Actor::Network, format!("Allow TCP {port} from there in front of that rule")).run(
            format!(
                "az network nsg rule create -g {rg} --nsg-name {nsg} -n AllowPostgreSQLInBound \
                    --priority {number} --direction Inbound --access Allow --protocol Tcp \
                    --source-address-prefixes {source} --destination-port-ranges {port}"
            ),
        ),
    );
    if !sure || client == Client::Somewhere {
        finding = finding.sure(Confidence::Likely);
    }
    Ok(Verdict::found(unless_seen(finding, connected(seen), "the server's port takes connections")))
}

/// It does not.
pub static NSG_BLOCKS_POSTGRESQL: Problem = Problem {
    id: "azure/nsg-blocks-postgresql",
    title: "a security group keeps clients from PostgreSQL",
    explains: &["server/*", "login/*"],
    waiting: Waiting::HelpsIfReadLive,
    vantage: VantageKind::AzureConfig,
    page: Page {
        means: "The network security group on the server's subnet denies TCP to the port of \
            PostgreSQL, or of its pooler, from where this client is.",
        causes: &[
            "a rule that denies everything from the network has a lower number than the one that \
                allows 5432",
            "5432 is allowed, and 6432, the pooler's port, is not",
            "the client's subnet is not among the sources that are allowed",
        ],
        confirm: &[
            "`az network nsg show -g <resource-group> -n <nsg> --query \
                '[securityRules,defaultSecurityRules][]' -o table`: the first inbound rule that \
                matches decides",
            "`az network watcher test-ip-flow` from the client's machine",
        ],
        fix: &[(
            Actor::Network,
            "allow inbound TCP 5432 (and 6432) from the client's subnet with a lower number than \
                the rule that denies",
        )],
        mistaken_for: &[
            "server/dropped: what the client sees of it",
            "azure/nsg-blocks-entra: that is the other direction, and the server's own way",
        ],
        sources: &[
            "Microsoft Learn: Network security groups",
            "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
        ],
    },
    ..Problem::DEFAULT
};
